"""A mean difference over items, training seeds and draws of demonstrations: one standard error from all of them.

Reading side. Another sample of test rows, another seed and another draw would each have given another number. The
factors are crossed (every checkpoint answers every row), so each adds the variance of its own means over its number:

    V = Σ s²(item means) / n  +  s²(seed means) / S  +  s²(draw means) / D

with one term of items per test set. Each term holds a share of the others' noise, which makes V too large rather than
too small. Degrees of freedom after Satterthwaite: with few seeds the quantile is wide, as it should be. A factor with
one level adds nothing, and the claim is about that one: "this checkpoint", not "the method".

Source: Satterthwaite (1946), "An approximate distribution of estimates of variance components"; Searle, Casella &
McCulloch (1992), ch. 5.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from hanka.stats.resampling import FloatArray


class Term(NamedTuple):
    """What one source of variation adds."""

    source: str
    "items, seeds or draws."
    variance: float
    "Of the mean difference, by this source alone."
    df: int
    "Levels less one."


ADDED = 2
"Units that are taken to differ beside those seen, half of them either way, where none of the seen ones does."


def items_term(
    values: Sequence[FloatArray],
    weights: Sequence[float],
    n_differing: Sequence[int] | None = None,
    span: float = math.inf,
) -> Term:
    """Return the term of the items of several test sets, each (units,) of numbers with its weight in the mean.

    n_differing, span: of differences, as in `variance_of_mean`, the first by test set; None: all units count as they are.
    Degrees of freedom are Satterthwaite's over test sets. Raises ValueError for a set of fewer than two units.
    """
    counts = [len(one) for one in values] if n_differing is None else n_differing
    parts = [
        Term("items", weight**2 * variance_of_mean(one, count, span), len(one) - 1)
        for one, weight, count in zip(values, weights, counts, strict=True)
    ]
    return Term("items", sum(part.variance for part in parts), max(1, int(degrees_of_freedom(parts))))


def variance_of_mean(values: FloatArray, n_differing: int, span: float) -> float:
    """Return the variance of the mean of differences, (units,), of which few may be any.

    n_differing: units in which the two sides differ at all. span: largest possible difference of one unit; inf: not known.
    Where only some differ, what was seen of them is too small more often than too large, and a t interval holds the truth
    in 83 to 93 of 100 instead of 95 (40 to 100 rows of which 5 to 10 % differ). So up to two units that differ either
    way are added, as many of two as units do not differ, as far apart as one more unit might bring: between the largest seen and the
    span. Where all units differ it is the plain variance. After Bonett & Price (2012), "Adjusted Wald confidence interval for a
    difference of binomial proportions based on paired data"; how often it holds the truth is simulated in
    benchmarks/statistics.py. Raises ValueError for fewer than two units.
    """
    n = len(values)
    if n < 2:
        raise ValueError(f"{n} independent units: a standard error needs at least 2")
    added = ADDED * (1 - n_differing / n)
    most = float(np.abs(values).max())
    far = (n_differing * most + span) / (n_differing + 1) if math.isfinite(span) else most
    squares = float(np.var(values)) * n + added * far**2
    return squares / (n + added - 1) / (n + added)


def replicates_term(source: str, means: Sequence[float]) -> Term | None:
    """Return the term of seeds or draws from the mean difference with each; None with fewer than two."""
    if len(means) < 2:
        return None
    return Term(source, float(np.var(means, ddof=1)) / len(means), len(means) - 1)


def standard_error(terms: Sequence[Term]) -> float:
    """Return the square root of all variances."""
    return math.sqrt(sum(term.variance for term in terms))


def degrees_of_freedom(terms: Sequence[Term]) -> float:
    """Return Satterthwaite's degrees of freedom; those of the largest term where nothing varies."""
    total = sum(term.variance for term in terms)
    if total == 0:
        return float(max(term.df for term in terms))
    return total**2 / sum(term.variance**2 / term.df for term in terms)
