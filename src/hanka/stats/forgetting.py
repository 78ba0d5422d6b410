"""Forgetting by sample: what was right before adapting and is wrong after, and the reverse.

Reading side. A tie in accuracy may hide much forgetting balanced by as much learning; counting flips shows both. But a
model that answers by luck flips without having forgotten anything. How much is told by asking the base model
again, in other words or with other demonstrations:

    F* = mean[right before, wrong after adapting  -  right before, wrong when the base is asked again]

paired by sample and not cut at 0. Without a second asking there is only the raw share and two figures of what luck would
do: two independent guessers flip (1 - before)(1 - after)/(c - 1) of c labels, a base that guesses what it does not know
loses (1 - before)/c when it guesses anew. Neither is a bound of what was forgotten.

Source: Harmon et al. (2025), "Mapping post-training forgetting in language models at scale", for the first figure.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hanka.stats.intervals import Estimate, estimate
from hanka.stats.paired import ComparisonSettings, PairedComparison, compare
from hanka.stats.resampling import FloatArray, ResamplingPlan, mean


@dataclass(frozen=True, slots=True)
class Flips:
    """How the right and wrong answers of two variants on the same samples differ."""

    n: int
    "Samples in both."
    n_right_to_wrong: int
    "Right before, wrong after."
    n_wrong_to_right: int
    "Wrong before, right after."
    right_to_wrong: Estimate
    "Share of all samples: forgetting."
    wrong_to_right: Estimate
    "Share of all samples: backward transfer."
    chance_independent: float | None
    "Share that two independent guessers of these accuracies flip either way; None without labels."
    chance_guessing: float | None
    "Share that a base loses which guesses anew what it does not know; None without labels."


def count_flips(
    before: npt.ArrayLike,
    after: npt.ArrayLike,
    plan: ResamplingPlan,
    n_labels: int | None = None,
    level: float = 0.95,
) -> Flips:
    """Count the answers that flipped between two variants.

    before, after: (n,) scores of 0 or 1, aligned by sample id and with the plan. n_labels: of a classification task, at
    least 2; None for generation. Shares get Wilson intervals, over whole clusters where the plan has them. Raises
    ValueError if shapes differ, a score is neither 0 nor 1, or n_labels < 2.
    """
    right = _right(before, after)
    if n_labels is not None and n_labels < 2:
        raise ValueError(f"{n_labels} labels: chance needs at least 2")
    lost, gained = (right[:, 0] > right[:, 1]).astype(np.float64), (right[:, 1] > right[:, 0]).astype(np.float64)
    wrong = 1 - right.mean(axis=0)
    return Flips(
        n=plan.n,
        n_right_to_wrong=int(lost.sum()),
        n_wrong_to_right=int(gained.sum()),
        right_to_wrong=estimate(lost, mean, plan, binary=True, level=level),
        wrong_to_right=estimate(gained, mean, plan, binary=True, level=level),
        chance_independent=float(wrong[0] * wrong[1]) / (n_labels - 1) if n_labels else None,
        chance_guessing=float(wrong[0]) / n_labels if n_labels else None,
    )


def beyond_asking_again(
    before: npt.ArrayLike, after: npt.ArrayLike, again: npt.ArrayLike, plan: ResamplingPlan
) -> PairedComparison:
    """Compare what adapting turned from right to wrong with what asking the base again did: delta is F*.

    before, after, again: (n,) scores of 0 or 1 of the base, the variant and the base asked again. Raises ValueError as
    `count_flips` does. Source: module docstring.
    """
    right = _right(before, after, again)
    lost = [(right[:, 0] > right[:, column]).astype(np.float64) for column in (1, 2)]
    return compare(lost[0], lost[1], mean, plan, ComparisonSettings(binary=True))


def _right(*scores: npt.ArrayLike) -> FloatArray:
    right: FloatArray = np.column_stack([np.asarray(one, dtype=np.float64) for one in scores])
    if not np.isin(right, (0.0, 1.0)).all():
        raise ValueError("flips are counted on scores that are 0 or 1")
    return right
