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


def items_term(values: Sequence[FloatArray], weights: Sequence[float]) -> Term:
    """Return the term of the items of several test sets, each (units,) of differences with its weight in the mean.

    Degrees of freedom are Satterthwaite's over test sets. Raises ValueError for a set of fewer than two units.
    """
    parts = []
    for one, weight in zip(values, weights, strict=True):
        if len(one) < 2:
            raise ValueError(f"{len(one)} independent units: a standard error needs at least 2")
        parts.append(Term("items", weight**2 * float(np.var(one, ddof=1)) / len(one), len(one) - 1))
    return Term("items", sum(part.variance for part in parts), max(1, int(degrees_of_freedom(parts))))


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
