"""Early stopping: where it stops, what it keeps, and that a killed training stops at the same place."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from pydantic import ValidationError

from hanka.prompting import Encoded
from hanka.training import loop
from hanka.training.gradient import Gradient
from hanka.training.loop import Course, CourseState, train
from hanka.training.params import CourseParams
from tiny_models import tiny_model

ROWS = [Encoded([3, 4, 5 + index, 6, 7 + index], 3) for index in range(8)]
VALIDATION = [Encoded([9, 4, 6 + index, 6, 7 + index, 5], 4) for index in range(5)]
USUAL: Mapping[str, Any] = {
    "epochs": 4, "batch_size": 4, "learning_rate": 1e-2, "schedule": "constant", "checkpoints": 8, "checkpoint_seconds": 0.0,
}  # fmt: skip


def fit(folder: Path, model: Any, report: Any = None, **changes: Any) -> CourseState:
    settings = CourseParams.model_validate({**USUAL, **changes})
    report = report or (lambda _what, _share: None)
    return train(Course(model, settings, ROWS, 2, folder, report, validation=VALIDATION))


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> dict[int, float]:
    """Step → loss that the validation rows are said to have; the weights themselves are trained as ever."""
    losses: dict[int, float] = {}
    steps: dict[int, Iterator[int]] = {}

    def loss_at(self: Gradient, rows: Sequence[Encoded], budget: int) -> float:
        run = steps.setdefault(id(self), iter(range(1, 100)))
        return losses[next(run)]

    monkeypatch.setattr(Gradient, "mean_cross_entropy", loss_at)
    return losses


@pytest.mark.parametrize(
    ("losses", "patience", "stopped", "kept"),
    [
        ([5, 4, 3, 3.5, 3.2, 1, 1, 1], 2, 5, 3),  # two in a row above the best: 1 is never seen
        ([5, 4, 3, 3.5, 3.2, 1, 2, 0.5], 3, 8, 8),  # one fewer than it waits for
        ([5, 6, 4, 5, 3, 4, 2, 3], 2, 8, 7),  # never two in a row
        ([5, 5, 5, 1, 1, 1, 1, 1], 2, 3, 1),  # equal is no gain, and the earliest of equals is kept
        ([1, 2, 0, 0, 0, 0, 0, 0], 1, 2, 1),
    ],
)
def test_it_stops_after_so_many_points_in_a_row_that_are_not_below_the_lowest(
    losses: list[float], patience: int, stopped: int, kept: int, said: dict[int, float], tmp_path: Path
) -> None:
    said.update(enumerate(losses, start=1))
    model, short = tiny_model(), tiny_model()
    state = fit(tmp_path / "it", model, early_stopping=patience)
    assert (state.step, state.kept, state.n_steps) == (stopped, kept, 8)
    assert len(state.losses) == len((tmp_path / "it" / "train_log.jsonl").read_text().splitlines()) == stopped
    # Its weights are those of a training that was kept at that step, whatever came after.
    full = fit(tmp_path / "full", short, keep_steps=[], checkpoints=0) if kept == 8 else None
    if full is not None:
        assert all(torch.equal(a, b) for a, b in zip(model.parameters(), short.parameters(), strict=True))


def test_a_training_killed_before_or_at_its_last_point_stops_where_an_undisturbed_one_does(tmp_path: Path) -> None:
    """Validation rows of another kind than the training rows, so that their loss soon rises."""
    undisturbed = tiny_model()
    expected = fit(tmp_path / "whole", undisturbed, early_stopping=2, learning_rate=5e-2)
    assert 3 <= expected.step < expected.n_steps

    for killed_at in (expected.step - 1, expected.step):

        def kill(what: str, _share: float, at: int = killed_at) -> None:
            if f"step {at} of" in what:
                raise KeyboardInterrupt

        own, again = tmp_path / f"killed at {killed_at}", tiny_model()
        with pytest.raises(KeyboardInterrupt):
            fit(own, tiny_model(), kill, early_stopping=2, learning_rate=5e-2)
        state = fit(own, again, early_stopping=2, learning_rate=5e-2)
        assert (state.step, state.kept, state.checkpoints) == (expected.step, expected.kept, expected.checkpoints)
        assert all(torch.equal(a, b) for a, b in zip(undisturbed.parameters(), again.parameters(), strict=True))


def test_a_checkpoint_written_at_the_step_it_stopped_at_is_not_gone_on_from(tmp_path: Path) -> None:
    first = fit(tmp_path, tiny_model(), early_stopping=2, learning_rate=5e-2)
    left = [json.loads(path.read_text())["course"]["step"] for path in tmp_path.glob("checkpoints/step-*/state.json")]
    assert left == [first.step]
    again = fit(tmp_path, tiny_model(), early_stopping=2, learning_rate=5e-2)
    assert (again.step, again.losses) == (first.step, first.losses)


def test_patience_that_can_never_run_out_is_one_line() -> None:
    for points in (0, 3):
        with pytest.raises(ValidationError, match=f"`checkpoints` has {points}; give `checkpoints` at least 4"):
            CourseParams.model_validate({"checkpoints": points, "early_stopping": 3})
    assert CourseParams.model_validate({"checkpoints": 4, "early_stopping": 3}).early_stopping == 3
    assert loop.points_of(8, 8) == tuple(range(1, 9))
