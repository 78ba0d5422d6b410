"""The toy world of a cocktail: linear tasks that share a latent feature gain from a mix of few rows each, independent ones do not.

Every task has a regression on 12 inputs from 8 noisy rows, fitted by ridge regression on the rows of a mix put together, as one model would
be. Gain is what the planner's mixes that hold the target score above the target alone (R² on fresh rows), averaged over 40 worlds.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from hanka.identity import stream
from hanka.recipes.mixes import mixes_of

TASKS = ("a", "b", "c", "d")
N_INPUTS, N_ROWS, N_FRESH, N_WORLDS = 12, 8, 200, 40
SHARED = 0.5
"Scale of the inputs that all tasks have in common: how readily the model takes a weight to be shared."
Array = npt.NDArray[np.float64]


def world(seed: int, is_shared: bool) -> dict[str, tuple[Array, Array, Array, Array]]:
    """Draw each task's training and fresh rows; with a shared feature all tasks read the same direction of the inputs."""
    rng = stream(seed, "cocktail toy", int(is_shared))
    common = rng.normal(size=N_INPUTS)
    found = {}
    for task in TASKS:
        weights = common if is_shared else rng.normal(size=N_INPUTS)
        rows, fresh = rng.normal(size=(N_ROWS, N_INPUTS)), rng.normal(size=(N_FRESH, N_INPUTS))
        found[task] = rows, rows @ weights + rng.normal(size=N_ROWS), fresh, fresh @ weights
    return found


def features(rows: Array, task: str) -> Array:
    """Give a task's inputs once for all tasks and once for itself: a model can use what is shared, and need not."""
    own = np.zeros((len(rows), N_INPUTS * len(TASKS)))
    place = TASKS.index(task) * N_INPUTS
    own[:, place : place + N_INPUTS] = rows
    return np.hstack([SHARED * rows, own])


def score(tasks: tuple[str, ...], target: str, drawn: dict[str, tuple[Array, Array, Array, Array]]) -> float:
    """Fit on the rows of some tasks, return R² on fresh rows of the target."""
    inputs = np.vstack([features(drawn[task][0], task) for task in tasks])
    outputs = np.concatenate([drawn[task][1] for task in tasks])
    ridge = inputs.T @ inputs + 4.0 * np.eye(inputs.shape[1])
    weights = np.linalg.solve(ridge, inputs.T @ outputs)
    error = features(drawn[target][2], target) @ weights - drawn[target][3]
    return float(1 - error @ error / (drawn[target][3] @ drawn[target][3]))


def gains(is_shared: bool) -> tuple[float, float]:
    """Return the mean gain over mixes that hold the target, and its standard error over worlds."""
    each = []
    for seed in range(N_WORLDS):
        drawn = world(seed, is_shared)
        pairs = [(mix.members, target) for mix in mixes_of(TASKS) for target in mix.members if len(mix.members) > 1]
        each.append(
            np.mean([score(members, target, drawn) - score((target,), target, drawn) for members, target in pairs])
        )
    return float(np.mean(each)), float(np.std(each, ddof=1) / np.sqrt(len(each)))


@pytest.fixture(scope="module")
def shared() -> tuple[float, float]:
    return gains(True)


@pytest.fixture(scope="module")
def apart() -> tuple[float, float]:
    return gains(False)


def test_a_mix_beats_the_single_task_where_tasks_share_a_feature(shared: tuple[float, float]) -> None:
    gain, error = shared
    assert gain - 4 * error > 0.05


def test_a_mix_gains_about_nothing_where_tasks_share_none(
    apart: tuple[float, float], shared: tuple[float, float]
) -> None:
    gain, _ = apart
    assert abs(gain) < 0.03
    assert abs(gain) < shared[0] / 3
