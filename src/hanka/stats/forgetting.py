"""Forgetting by sample: what was right before adapting and is wrong after, and the reverse.

Reading side. A tie in accuracy may hide much forgetting balanced by as much learning; counting flips
shows both. Guessing also flips answers: with c labels a model that knows nothing is right one time in c,
before and after, on different samples. The chance-adjusted shares subtract the flips that two independent
guessers of these accuracies are expected to make, (1 - before)(1 - after) / (c - 1), and are cut at 0.

Source: Harmon et al. (2025), "Mapping post-training forgetting in language models at scale". Limits: the
adjustment takes guesses as uniform over labels, and samples that are guessed before and after as
independent. Two variants that share a bias to one label flip less, so it subtracts too much; samples that stay
hard flip more, so it subtracts too little. It corrects a count and does not estimate lost knowledge.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hanka.stats.intervals import Estimate, estimate
from hanka.stats.resampling import Aggregate, FloatArray, ResamplingPlan, mean


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
    adjusted_right_to_wrong: Estimate | None
    "The same beyond chance; None where the number of labels is not given."
    adjusted_wrong_to_right: Estimate | None
    "The same beyond chance; None where the number of labels is not given."


def count_flips(
    before: npt.ArrayLike,
    after: npt.ArrayLike,
    plan: ResamplingPlan,
    n_labels: int | None = None,
    level: float = 0.95,
) -> Flips:
    """Count the answers that flipped between two variants.

    before, after: (n,) scores of 0 or 1, aligned by sample id and with the plan. n_labels: of a
    classification task, at least 2; None for generation. Shares get Wilson intervals (bootstrap over
    clusters where the plan has them), adjusted ones bootstrap intervals. Raises ValueError if shapes
    differ, a score is neither 0 nor 1, or n_labels < 2.
    """
    right = np.column_stack([np.asarray(scores, dtype=np.float64) for scores in (before, after)])
    if not np.isin(right, (0.0, 1.0)).all():
        raise ValueError("flips are counted on scores that are 0 or 1")
    if n_labels is not None and n_labels < 2:
        raise ValueError(f"{n_labels} labels: chance needs at least 2")
    lost, gained = (right[:, 0] > right[:, 1]).astype(np.float64), (right[:, 1] > right[:, 0]).astype(np.float64)
    beyond_chance: list[Estimate | None] = [None, None]
    if n_labels is not None:
        adjusted = chance_adjusted(n_labels)
        beyond_chance = [
            estimate(np.column_stack([flipped, right]), adjusted, plan, level=level) for flipped in (lost, gained)
        ]
    return Flips(
        n=plan.n,
        n_right_to_wrong=int(lost.sum()),
        n_wrong_to_right=int(gained.sum()),
        right_to_wrong=estimate(lost, mean, plan, binary=True, level=level),
        wrong_to_right=estimate(gained, mean, plan, binary=True, level=level),
        adjusted_right_to_wrong=beyond_chance[0],
        adjusted_wrong_to_right=beyond_chance[1],
    )


def chance_adjusted(n_labels: int) -> Aggregate:
    """Return the aggregate of rows (flipped, right before, right after): the share of flips beyond chance.

    Source: Harmon et al. (2025).
    """

    def aggregate(sums: FloatArray, n: FloatArray) -> FloatArray:
        flipped, before, after = (sums[..., i] / n for i in range(3))
        return np.asarray(np.maximum(flipped - (1 - before) * (1 - after) / (n_labels - 1), 0.0))

    return aggregate
