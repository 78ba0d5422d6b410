"""Does a judge look at the wrong thing: at which place an answer stands, or how long it is.

Reading side. Everything is a difference of paired shares, with Tango's (1998) score interval and the mid-p value of McNemar's test, as models are
compared elsewhere here.

    place     each pair is asked in both orders; of verdicts that turn with the order, first place against second place
    length    of pairs that both decide: how often the longer one wins with the judge, less how often it wins with people
    lengths   of labels: how much more often than people the judge gives a label to longer texts, less the same of shorter texts

Source: Zheng et al. (2023), "Judging LLM-as-a-judge", arXiv 2306.05685, sections 3.3 and 3.4; Dubois et al. (2024), arXiv 2404.04475, on length.
Rows of one text count as what they are worth (`effect_of_pairs`). Limits: people may prefer longer answers rightly, so only what goes
beyond them is called a bias.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from hanka.stats.intervals import Interval, exact_interval
from hanka.stats.misclassified import Hits
from hanka.stats.paired import normal_quantile
from hanka.stats.resampling import cluster_units
from hanka.stats.score import mcnemar_mid_p, paired_groups, score_interval


class Bias(NamedTuple):
    """A difference of shares that would be 0 without the bias."""

    value: float
    "Difference of shares."
    low: float
    "Lower end of the interval."
    high: float
    "Upper end of the interval."
    n: int
    "Rows behind it."
    p_value: float | None
    "Mid-p value of no bias; None where the interval alone judges."

    @property
    def is_shown(self) -> bool:
        """Whether the interval excludes that there is none."""
        return self.low > 0 or self.high < 0


class Turned(NamedTuple):
    """Share of verdicts that turn with the order."""

    value: float
    "0 to 1."
    low: float
    "Lower end of the exact interval."
    high: float
    "Upper end of the exact interval."
    n: int
    "Rows that were asked in both orders."


def effect_of_pairs(first: Sequence[bool], second: Sequence[bool], groups: Sequence[str], level: float = 0.95) -> float:
    """Return how many rows are worth one independent row for the difference of two shares of the same rows, in an interval of this level.

    groups: of each row, empty where it stands alone. All rows of one group are worth one. Raises ValueError for lengths that differ.
    """
    n = len(first)
    units = cluster_units(list(groups), n)
    n_groups = len(set(units.tolist()))
    if n_groups == n:
        return 1.0
    return paired_groups(first, second, units).effect_at(normal_quantile(level)) if n_groups > 1 else float(n)


def turned_share(turned: Hits, level: float = 0.95) -> Turned:
    """Return the share of rows whose verdict turns with the order. Raises ValueError without rows."""
    if turned.n < 1:
        raise ValueError("no rows were asked in both orders")
    return Turned(turned.share, *exact_interval(*turned.as_independent, level), turned.n)


def place_bias(n_first: int, n_second: int, n: int, level: float = 0.95, effect: float = 1.0) -> Bias:
    """Return the share of rows in which the first place wins both times, less that of the second place.

    n_first, n_second: rows whose verdict names the same place in both orders, so that it is the place that won. effect: rows that
    are worth one independent row. Raises ValueError for counts that do not fit.
    """
    return _paired(n_first, n_second, n, level, effect)


def length_bias(judge: Sequence[bool], people: Sequence[bool], level: float = 0.95, effect: float = 1.0) -> Bias:
    """Return how much more often the longer one wins with the judge than with people.

    judge, people: of each pair that both decide, whether the longer one wins. effect: pairs that are worth one independent
    pair. Raises ValueError without pairs.
    """
    only_judge = sum(one and not other for one, other in zip(judge, people, strict=True))
    only_people = sum(other and not one for one, other in zip(judge, people, strict=True))
    return _paired(only_judge, only_people, len(judge), level, effect)


class Group(NamedTuple):
    """Texts of one half of the lengths, with how judge and people labelled them."""

    only_judge: int
    "Texts that the judge alone gives the label."
    only_people: int
    "Texts that people alone give it."
    n: int
    "Texts."
    effect: float = 1.0
    "Texts that are worth one independent text."


def label_length_bias(longer: Group, shorter: Group, level: float = 0.95) -> Bias:
    """Return how much more the judge exceeds people in a label on longer texts than on shorter ones.

    Both excesses have Tango's interval, joined as standard errors add (MOVER, Zou & Donner 2008). Raises ValueError where a group is empty.
    """
    values, ends = [], []
    for one in (longer, shorter):
        if one.n < 1:
            raise ValueError("no texts on one side: lengths cannot be told apart")
        values.append((one.only_judge - one.only_people) / one.n)
        ends.append(_ends(one.only_judge, one.only_people, one.n, level, one.effect))
    value = values[0] - values[1]
    low = value - math.hypot(values[0] - ends[0].low, ends[1].high - values[1])
    high = value + math.hypot(ends[0].high - values[0], values[1] - ends[1].low)
    return Bias(value, low, high, longer.n + shorter.n, None)


def _ends(only_a: int, only_b: int, n: int, level: float, effect: float) -> Interval:
    if not effect >= 1:
        raise ValueError(f"effect {effect}: a row is worth at most one independent row")
    if n < effect:
        return Interval(-1.0, 1.0)
    return score_interval(only_a / effect, only_b / effect, n / effect, normal_quantile(level))


def _paired(only_a: int, only_b: int, n: int, level: float, effect: float) -> Bias:
    if n < 1:
        raise ValueError("no rows: a bias cannot be looked for")
    found = _ends(only_a, only_b, n, level, effect)
    p_value = mcnemar_mid_p(only_a, only_b) if effect == 1 else None
    return Bias((only_a - only_b) / n, found.low, found.high, n, p_value)
