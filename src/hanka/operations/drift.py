"""Has what comes in drifted from what was seen? Two measures of two samples, each with an interval.

    psi          answers, languages, lengths: how far the shares of categories, or of quantile bins, lie apart
    domain_auc   texts: how well a classifier tells reference from live texts that it was not fitted on; 0.5 is no drift

Reading side: texts and values → **drift** → what watches live traffic, and what advises. The index is biased upwards where samples
are small, so it comes with what chance alone gives, and with an interval that reaches 0 where chance explains it.

Source: Yurdakul & Naranjo (2020), "Statistical properties of the population stability index", for its χ² distribution; Newcombe (2006),
"Confidence intervals for an effect size measure based on the Mann-Whitney statistic. Part 2", method 5; Bengio & Grandvalet (2004) for
the dependence of folds. Limits: rows are taken as independent; no measure here says whether a drift does harm.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from scipy import optimize, special, stats

from hanka.identity import stream
from hanka.operations.hashed_texts import hashed_texts, linear_classifier, without_empty_columns
from hanka.stats.intervals import Interval
from hanka.stats.resampling import FloatArray

EMPTY = 0.5
"Added to the count of every bin of both samples, so that an empty bin counts as half a row and the index stays finite."
FEWEST_ROWS = 10
"Categories with fewer rows in both samples together are one bin: χ² holds for no rarer ones."
FEWEST_TEXTS = 20
"Different texts of each side below which a classifier says nothing."
MOST_TEXTS = 2_000
"Texts of each side that a classifier is fitted on; of more, so many are drawn."
FOLDS = 5
EDGE = 1e-9
"How near to 0 and 1 an AUC is searched for."
DEPENDENCE = math.sqrt(2)
"""Widening of the interval of a cross-fitted AUC. Without drift the fold on which a classifier is tested trained the other
classifiers, whose luck it shares: each pair of folds counts twice, and the variance is twice that of independent folds."""


class Bin(NamedTuple):
    """A category, or values up to an edge, with its rows on both sides."""

    name: str
    reference: int
    live: int


@dataclass(frozen=True, slots=True)
class Psi:
    """Population stability index of two samples: Σ (p - q)·ln(p/q) over bins."""

    value: float
    "0: equal shares. By custom below 0.1 is little, above 0.25 is much."
    low: float
    "Lower end of the interval of the true index; 0 where chance explains what is seen."
    high: float
    "Upper end."
    by_chance: float
    "What the value is on average where nothing drifted."
    p_value: float
    "Of `nothing drifted`."
    n_reference: int
    n_live: int
    bins: tuple[Bin, ...]
    "The bins, most frequent in the reference first; rare categories are the last one, named `other`."


class Auc(NamedTuple):
    """How well live texts are told from reference texts."""

    value: float
    "Share of pairs of a live and a reference text that are ordered rightly; 0.5: not told apart."
    low: float
    "Lower end of the interval."
    high: float
    "Upper end of the interval."
    n_reference: int
    "Different reference texts that were used."
    n_live: int
    "Different live texts that were used."


# ---- shares


def psi(
    reference: Sequence[str] | Sequence[float],
    live: Sequence[str] | Sequence[float],
    n_bins: int = 10,
    level: float = 0.95,
) -> Psi:
    """Compare two samples of categories (text) or of values (numbers, in bins of equal reference counts).

    Raises ValueError for an empty sample or a value that is no finite number.
    """
    if len(reference) == 0 or len(live) == 0:
        raise ValueError(f"{len(reference)} reference and {len(live)} live rows: both samples need rows")
    if isinstance(reference[0], str):
        return psi_of_counts(Counter(map(str, reference)), Counter(map(str, live)), level)
    edges = quantile_edges(np.asarray(reference, dtype=np.float64), n_bins)
    return psi_of_counts(_binned(reference, edges), _binned(live, edges), level)


def quantile_edges(values: FloatArray, n_bins: int) -> FloatArray:
    """Return the inner edges of bins that hold equally many values; where values repeat, there are fewer bins."""
    if n_bins < 2 or not np.isfinite(values).all():
        raise ValueError(f"{n_bins} bins of {len(values)} values: at least 2 bins, and every value a finite number")
    inner = np.quantile(values, np.arange(1, n_bins) / n_bins, method="inverted_cdf")
    return np.unique(inner[inner < values.max()])


def bin_names(edges: FloatArray) -> list[str]:
    """Name the bins between inner edges, ascending: each holds its upper edge."""
    if not len(edges):
        return ["…"]
    between = [f"{low:g}–{high:g}" for low, high in pairwise(edges)]
    return [f"≤ {edges[0]:g}", *between, f"> {edges[-1]:g}"]


def _binned(values: Sequence[str] | Sequence[float], edges: FloatArray) -> Counter[str]:
    numbers = np.asarray(values, dtype=np.float64)
    if not np.isfinite(numbers).all():
        raise ValueError("a value that is no finite number; leave such rows out and count them")
    counts = np.bincount(np.searchsorted(edges, numbers, side="left"), minlength=len(edges) + 1)
    return Counter(dict(zip(bin_names(edges), map(int, counts), strict=True)))


def psi_of_counts(reference: Counter[str], live: Counter[str], level: float = 0.95) -> Psi:
    """Compare two samples by the counts of their categories.

    The interval inverts the noncentral χ² distribution of the index. Raises ValueError where a sample has no rows.
    """
    n_reference, n_live = reference.total(), live.total()
    if min(n_reference, n_live) < 1 or not 0 < level < 1:
        raise ValueError(
            f"{n_reference} and {n_live} rows at level {level}: rows on both sides, and a level between 0 and 1"
        )
    bins = _bins(reference, live)
    p = (np.array([one.reference for one in bins]) + EMPTY) / (n_reference + EMPTY * len(bins))
    q = (np.array([one.live for one in bins]) + EMPTY) / (n_live + EMPTY * len(bins))
    value = float(((p - q) * np.log(p / q)).sum())
    freedom, scale = len(bins) - 1, 1 / n_reference + 1 / n_live
    if freedom == 0:  # one category on both sides: equal, however many rows
        return Psi(0.0, 0.0, 0.0, 0.0, 1.0, n_reference, n_live, bins)
    tail = (1 - level) / 2
    low, high = (_noncentrality(value / scale, freedom, share) * scale for share in (1 - tail, tail))
    p_value = float(special.chdtrc(freedom, value / scale))
    # Samples more alike than chance makes them, as stratified ones are, lie below both ends.
    return Psi(value, low, max(high, value), freedom * scale, p_value, n_reference, n_live, bins)


def _bins(reference: Counter[str], live: Counter[str]) -> tuple[Bin, ...]:
    both = [Bin(name, reference[name], live[name]) for name in {**reference, **live} if reference[name] + live[name]]
    both.sort(key=lambda one: (-one.reference, -one.live, one.name))
    often = [one for one in both if one.reference + one.live >= FEWEST_ROWS]
    rare = [one for one in both if one.reference + one.live < FEWEST_ROWS]
    if len(rare) == 1:
        return (*often, rare[0])
    other = Bin("other", sum(one.reference for one in rare), sum(one.live for one in rare))
    return (*often, other) if rare else tuple(often)


def _noncentrality(statistic: float, freedom: int, share: float) -> float:
    """Return the noncentrality under which so large a share of statistics lies below this one; 0 where none does."""
    if float(special.chdtr(freedom, statistic)) <= share:
        return 0.0
    return float(special.chndtrinc(statistic, freedom, share))


# ---- texts


def domain_auc(
    reference: Sequence[str], live: Sequence[str], seed: int, level: float = 0.95, most: int = MOST_TEXTS
) -> Auc:
    """Fit classifiers that tell live from reference texts, each asked about texts it has not seen.

    A text that repeats counts once on its side, and stands in one fold on both. Deterministic in seed. Raises ValueError
    with fewer than FEWEST_TEXTS different texts on a side. Its target is the AUC of a classifier of FOLDS - 1 parts in FOLDS of the texts.
    """
    texts = [_drawn(side, most, (seed, "domain", name)) for side, name in ((reference, "reference"), (live, "live"))]
    n_reference, n_live = len(texts[0]), len(texts[1])
    if min(n_reference, n_live) < FEWEST_TEXTS:
        raise ValueError(
            f"{n_reference} reference and {n_live} live texts that differ: at least {FEWEST_TEXTS} on each side"
        )
    is_live = np.repeat([False, True], [n_reference, n_live])
    folds = _folds(texts[0], texts[1], seed)
    rows = without_empty_columns(hashed_texts([*texts[0], *texts[1]]))
    values = []
    for fold in range(FOLDS):
        asked = folds == fold
        weights = linear_classifier(rows[~asked], is_live[~asked])
        values.append(auc(rows[asked] @ weights, is_live[asked]))
    value = float(np.mean(values))
    z = -float(special.ndtri((1 - level) / 2)) * DEPENDENCE
    return Auc(value, *auc_interval(value, n_reference, n_live, z), n_reference, n_live)


def _drawn(texts: Sequence[str], most: int, purpose: tuple[str | int, ...]) -> list[str]:
    distinct = list(dict.fromkeys(texts))
    if len(distinct) <= most:
        return distinct
    return [distinct[at] for at in np.sort(stream(*purpose).choice(len(distinct), most, replace=False))]


def _folds(reference: Sequence[str], live: Sequence[str], seed: int) -> np.ndarray:
    """Deal the texts of each side over the folds evenly; a text of both sides keeps its fold."""
    rng = stream(seed, "domain", "folds")
    both = set(reference) & set(live)
    fold_of: dict[str, int] = {}
    for texts in ([text for text in reference if text in both], reference, live):
        left = [text for text in texts if text not in fold_of]
        start = len(fold_of)
        for place, at in enumerate(rng.permutation(len(left))):
            fold_of[left[at]] = (start + place) % FOLDS
    return np.array([fold_of[text] for text in (*reference, *live)])


def auc(scores: FloatArray, is_live: np.ndarray) -> float:
    """Return the share of pairs that scores order rightly, ties counting half. Raises ValueError where a side is empty."""
    n_live = int(is_live.sum())
    n_reference = len(is_live) - n_live
    if min(n_live, n_reference) < 1:
        raise ValueError(f"{n_reference} reference and {n_live} live scores: at least one of each")
    ranks = stats.rankdata(scores)
    return float((ranks[is_live].sum() - n_live * (n_live + 1) / 2) / (n_live * n_reference))


def auc_interval(value: float, n_reference: int, n_live: int, z: float) -> Interval:
    """Return the AUCs that lie within z standard errors of an observed one, each with its own error.

    Source: Newcombe (2006), method 5. It stays within 0 to 1 and has a width at both ends.
    """
    half = (n_reference + n_live) / 2 - 1

    def beyond(true: float) -> float:
        """Return by how much the distance exceeds z errors, squared."""
        shape = 1 + half * (1 - true) / (2 - true) + half * true / (1 + true)
        return (value - true) ** 2 - z * z * true * (1 - true) / (n_reference * n_live) * shape

    # At 0 and 1 the error is 0, too: a root that is none.
    inside = min(max(value, EDGE), 1 - EDGE)
    low = float(optimize.brentq(beyond, 0.0, inside)) if value > 0 else 0.0
    high = float(optimize.brentq(beyond, inside, 1.0)) if value < 1 else 1.0
    return Interval(low, high)
