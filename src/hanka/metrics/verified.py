"""What a task's verifier says: the mean reward, and the share of answers that are wholly right.

For tasks whose answer can be checked (a number within a tolerance, JSON of equal structure), where comparing
text would reject 57.00 for 57. A verifier gives 0 for an output without an answer.

Source: the verifiers in `hanka.tasks.verifiers`. Limits: a reward is no more than its verifier checks.
"""

from __future__ import annotations

from hanka.metrics.base import FloatArray, Metric, Outputs, ScoringContext, column

REFERENCE = "the task's verifier (hanka.tasks.verifiers)"


def _rewards(outputs: Outputs) -> list[float]:
    outputs.require("rewards")
    found = [reward for reward in outputs.rewards if reward is not None]
    if len(found) < len(outputs.rewards):
        raise ValueError("an answer has no reward: its task verifies nothing")
    return found


def reward_statistics(outputs: Outputs, context: ScoringContext) -> FloatArray:
    """Return (n, 1): the reward, 0 to 1."""
    return column(_rewards(outputs))


def solved_statistics(outputs: Outputs, context: ScoringContext) -> FloatArray:
    """Return (n, 1): 1.0 where the reward is full."""
    return column([float(reward >= 1.0) for reward in _rewards(outputs)])


REWARD = Metric(
    name="reward",
    display="Reward",
    display_ja="報酬",
    version="1",
    low=0.0,
    high=1.0,
    higher_is_better=True,
    kinds=("generation", "regression"),
    reference=REFERENCE,
    statistics=reward_statistics,
    reads=("rewards",),
)
SOLVED = Metric(
    name="solved",
    display="Solved",
    display_ja="正答率",
    version="1",
    low=0.0,
    high=1.0,
    higher_is_better=True,
    kinds=("generation", "regression"),
    reference=REFERENCE,
    statistics=solved_statistics,
    binary=True,
    reads=("rewards",),
)
