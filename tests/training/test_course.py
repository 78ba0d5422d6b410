"""What a course does beside the steps: rounds, validation, kept steps, hooks, and what it refuses."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

from hanka.errors import UnitError
from hanka.identity import stream
from hanka.prompting import Encoded
from hanka.training.batching import supervised
from hanka.training.loop import Course, CourseState, points_of, train
from hanka.training.objectives import OBJECTIVES
from hanka.training.params import CourseParams
from tiny_models import tiny_model

USUAL = {"epochs": 3, "batch_size": 4, "learning_rate": 1e-2, "micro_batch_tokens": 64, "checkpoint_seconds": 1e9}
ROWS = [Encoded([3, 4, 5 + index, 6, 7 + index], 3 - index % 2) for index in range(8)]
VALIDATION = [Encoded([9, 4, 6 + index, 6, 7 + index, 5], 4 - index % 3) for index in range(5)]


class StoppedError(Exception):
    """A killed process."""


def stop_after(step: int, n_steps: int = 6) -> Callable[[str, float], None]:
    def report(_what: str, share: float) -> None:
        if round(share * n_steps) == step:
            raise StoppedError

    return report


def fit(model: Any, folder: Path, report: Any = None, rows: Any = ROWS, **more: Any) -> CourseState:
    settings = CourseParams.model_validate(USUAL | more.pop("settings", {}))
    return train(Course(model, settings, rows, 2, folder, report or (lambda _what, _share: None), **more))


def weights(model: Any) -> torch.Tensor:
    return torch.cat([value.detach().flatten() for value in model.parameters()])


def log_of(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "train_log.jsonl").read_text().splitlines()]


# ---- rounds


def rounds(asked: list[int], seed: int = 0) -> Callable[[int], list[Encoded]]:
    def rows(number: int) -> list[Encoded]:
        asked.append(number)
        rng = stream(seed, "round", number)
        return [Encoded([3, 4, *rng.integers(5, 300, 4).tolist()], 3) for _ in range(8)]

    return rows


def test_a_function_that_gives_the_same_rows_is_the_rows(tmp_path: Path) -> None:
    one, other = tiny_model(), tiny_model()
    fit(one, tmp_path / "rows")
    state = fit(other, tmp_path / "rounds", rows=lambda _number: ROWS)
    assert torch.equal(weights(one), weights(other))
    assert state.n_steps == 6


def test_every_round_is_asked_once_when_it_begins(tmp_path: Path) -> None:
    asked: list[int] = []
    steps: list[tuple[int, int]] = []
    model = tiny_model(attention_dropout=0.1)
    rows = rounds(asked)

    def evaluating(number: int) -> list[Encoded]:
        assert not model.training
        return rows(number)

    fit(model, tmp_path, lambda _what, share: steps.append((round(share * 6), len(asked))), rows=evaluating)
    assert asked == [0, 1, 2]
    assert steps == [(1, 1), (2, 1), (3, 2), (4, 2), (5, 3), (6, 3)]


@pytest.mark.parametrize(("killed_at", "asked_again"), [(2, [0, 1, 2]), (3, [1, 2]), (4, [1, 2]), (5, [2])])
def test_rounds_resume_where_the_last_whole_one_ended(tmp_path: Path, killed_at: int, asked_again: list[int]) -> None:
    """Rows of a round may follow from the weights at its beginning, which a checkpoint within it no longer has."""
    given = {"checkpoint_seconds": 0.0}
    whole, resumed = (tiny_model(attention_dropout=0.1) for _ in range(2))
    expected = fit(whole, tmp_path / "whole", rows=rounds([]), settings=given)
    asked: list[int] = []
    with pytest.raises(StoppedError):
        fit(tiny_model(attention_dropout=0.1), tmp_path / "own", stop_after(killed_at), rows=rounds([]), settings=given)
    for left in (tmp_path / "own").glob("checkpoints/step-*"):
        assert int(left.name[-8:]) % 2 == 0
    state = fit(resumed, tmp_path / "own", rows=rounds(asked), settings=given)
    assert asked == asked_again
    assert torch.equal(weights(whole), weights(resumed))
    assert state.losses == expected.losses
    assert [row["loss"] for row in log_of(tmp_path / "own")] == [row["loss"] for row in log_of(tmp_path / "whole")]


def test_a_round_of_another_length_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnitError, match="round 2 gave rows for 1 steps, round 1 for 2; give equally many"):
        fit(tiny_model(), tmp_path, rows=lambda number: ROWS[: 8 - 4 * number])
    with pytest.raises(UnitError, match="8 of 8 training rows have no supervised token"):
        fit(tiny_model(), tmp_path / "none", rows=lambda number: [row._replace(start=3 + 2 * number) for row in ROWS])


# ---- validation


def plain_loss(model: Any, rows: list[Encoded]) -> float:
    total = 0.0
    with torch.no_grad():
        for row in rows:
            logits = model(input_ids=torch.tensor([row.ids])).logits[0, row.start - 1 : -1]
            total += torch.nn.functional.cross_entropy(
                logits, torch.tensor(row.ids[row.start :]), reduction="sum"
            ).item()
    return total / sum(map(supervised, rows))


@pytest.mark.parametrize("every", [None, 1, 2, 4])
@pytest.mark.parametrize("objective", ["cross_entropy", "kl_base"])
def test_validation_watches_and_changes_nothing(tmp_path: Path, every: int | None, objective: str) -> None:
    given = {"settings": {"objective": objective, "validate_every": every}, "objective": OBJECTIVES.get(objective)}
    given["objective_params"] = OBJECTIVES.get(objective).params()
    alone, watched = (tiny_model(attention_dropout=0.1) for _ in range(2))
    first = fit(alone, tmp_path / "alone", **(given | {"settings": {"objective": objective}}))
    # A row's weights belong to training; the mean is over tokens.
    rows = [VALIDATION[0]._replace(weights=(5.0,) * supervised(VALIDATION[0])), *VALIDATION[1:]]
    state = fit(watched, tmp_path / "watched", validation=rows, **given)
    assert torch.equal(weights(alone), weights(watched))
    assert (state.losses, state.n_tokens, state.n_forwarded_tokens) == (
        first.losses,
        first.n_tokens,
        first.n_forwarded_tokens,
    )
    looked = [step for step, _ in state.validation]
    assert looked == {None: [6], 1: [1, 2, 3, 4, 5, 6], 2: [2, 4, 6], 4: [4, 6]}[every]
    assert state.validation[-1][1] == pytest.approx(plain_loss(watched, VALIDATION), abs=1e-5)
    assert {
        row["step"]: row["validation_loss"] for row in log_of(tmp_path / "watched") if "validation_loss" in row
    } == {int(step): loss for step, loss in state.validation}
    assert all("validation_loss" not in row for row in log_of(tmp_path / "alone"))


def test_validation_is_resumed_without_a_gap_or_a_repetition(tmp_path: Path) -> None:
    given: dict[str, Any] = {"validation": VALIDATION, "settings": {"validate_every": 1, "checkpoint_seconds": 0.0}}
    expected = fit(tiny_model(), tmp_path / "whole", **given)
    with pytest.raises(StoppedError):
        fit(tiny_model(), tmp_path / "again", stop_after(4), **given)
    assert fit(tiny_model(), tmp_path / "again", **given).validation == expected.validation


# ---- checkpoints

CHOOSING = {"checkpoints": 6, "checkpoint_seconds": 0.0, "schedule": "constant", "learning_rate": 3e-2}
"Steps so large that the loss on other rows rises again."


@pytest.mark.parametrize(
    ("n_steps", "checkpoints", "points"),
    [(6, 0, ()), (6, 1, (6,)), (6, 2, (3, 6)), (7, 3, (3, 5, 7)), (6, 6, (1, 2, 3, 4, 5, 6)), (2, 5, (1, 2))],
)
def test_points_are_evenly_spread_and_end_with_the_training(
    n_steps: int, checkpoints: int, points: tuple[int, ...]
) -> None:
    assert points_of(n_steps, checkpoints) == points


def test_the_checkpoint_with_the_lowest_validation_loss_becomes_the_model(tmp_path: Path) -> None:
    kept: dict[int, torch.Tensor] = {}
    model = tiny_model()
    given = {"settings": CHOOSING | {"keep_steps": [1, 2, 3, 4, 5, 6]}, "validation": VALIDATION}
    state = fit(
        model,
        tmp_path,
        keep=lambda step: kept.update({step: weights(model).clone()}),
        measure=lambda: {"a": 0.5},
        **given,
    )
    losses = {int(one["step"]): one["loss"] for one in state.checkpoints}
    assert list(losses) == [1, 2, 3, 4, 5, 6]
    assert 0 < state.kept == min(losses, key=lambda step: losses[step]) < 6
    assert torch.equal(weights(model), kept[state.kept])
    assert plain_loss(model, VALIDATION) == pytest.approx(losses[state.kept], abs=1e-5)
    assert state.validation == [[step, loss] for step, loss in losses.items()]
    assert [row["validation_a"] for row in log_of(tmp_path)] == [0.5] * 6


def test_the_earliest_of_equal_checkpoints_is_taken(tmp_path: Path) -> None:
    state = fit(tiny_model(), tmp_path, settings=CHOOSING | {"learning_rate": 1e-30}, validation=VALIDATION)
    assert len({one["loss"] for one in state.checkpoints}) == 1
    assert state.kept == 1


def test_looking_at_checkpoints_changes_no_step(tmp_path: Path) -> None:
    alone, watched = (tiny_model(attention_dropout=0.1) for _ in range(2))
    first = fit(alone, tmp_path / "alone", settings={"schedule": "constant"})
    state = fit(
        watched, tmp_path / "watched", settings={"schedule": "constant", "checkpoints": 3}, validation=VALIDATION
    )
    assert state.losses == first.losses
    assert state.kept == 6  # the loss still falls here, so the end is the best
    assert torch.equal(weights(alone), weights(watched))
    assert not list((tmp_path / "watched" / "checkpoints").glob("best-00000006*"))


@pytest.mark.parametrize("killed_at", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("seconds", [0.0, 1e9])
def test_a_killed_training_chooses_what_an_undisturbed_one_does(tmp_path: Path, killed_at: int, seconds: float) -> None:
    given: dict[str, Any] = {"validation": VALIDATION, "settings": CHOOSING | {"checkpoint_seconds": seconds}}
    whole, resumed = tiny_model(), tiny_model()
    expected = fit(whole, tmp_path / "whole", **given)
    with pytest.raises(StoppedError):
        fit(tiny_model(), tmp_path / "again", stop_after(killed_at), **given)
    state = fit(resumed, tmp_path / "again", **given)
    assert (state.kept, state.checkpoints) == (expected.kept, expected.checkpoints)
    assert torch.equal(weights(whole), weights(resumed))


def test_weights_that_are_gone_are_one_line(tmp_path: Path) -> None:
    def lose(_what: str, share: float) -> None:
        if share == 1.0:
            for path in tmp_path.glob("checkpoints/best-*"):
                path.write_bytes(b"torn")

    with pytest.raises(UnitError, match=r"the weights kept at step \d cannot be read; run the study again"):
        fit(tiny_model(), tmp_path, lose, validation=VALIDATION, settings=CHOOSING)


def test_there_must_be_something_to_validate(tmp_path: Path) -> None:
    with pytest.raises(UnitError, match="checkpoints is set, but there are no validation rows"):
        fit(tiny_model(), tmp_path, settings={"checkpoints": 2})
    with pytest.raises(UnitError, match="validate_every is set, but there are no validation rows"):
        fit(tiny_model(), tmp_path, settings={"validate_every": 2})
    with pytest.raises(UnitError, match="none of 1 validation rows has a supervised token"):
        fit(tiny_model(), tmp_path, validation=[Encoded([1, 2], 2)])


# ---- kept steps


def test_kept_weights_are_those_after_the_step_and_a_killed_run_keeps_them_again(tmp_path: Path) -> None:
    def keeping(model: Any, kept: list[tuple[int, torch.Tensor]]) -> Callable[[int], None]:
        def keep(step: int) -> None:
            assert not model.training
            assert all(value.grad is None for value in model.parameters())
            kept.append((step, weights(model).clone()))

        return keep

    given = {"settings": {"keep_steps": [6, 2, 3], "checkpoint_seconds": 0.0}}
    whole: list[tuple[int, torch.Tensor]] = []
    model = tiny_model(attention_dropout=0.1)
    fit(model, tmp_path / "whole", keep=keeping(model, whole), **given)
    assert [step for step, _ in whole] == [2, 3, 6]
    assert torch.equal(whole[-1][1], weights(model))
    plain = tiny_model(attention_dropout=0.1)
    fit(plain, tmp_path / "plain")
    assert torch.equal(weights(plain), weights(model))
    killed: list[tuple[int, torch.Tensor]] = []
    for stop in (stop_after(3), None):  # after the third step was kept, before its checkpoint
        model = tiny_model(attention_dropout=0.1)
        with pytest.raises(StoppedError) if stop else contextlib.nullcontext():
            fit(model, tmp_path / "killed", stop, keep=keeping(model, killed), **given)
    assert [step for step, _ in killed] == [2, 3, 3, 6]
    for step, value in killed:
        assert torch.equal(value, dict(whole)[step])


def test_a_step_that_never_comes_is_refused_before_the_first(tmp_path: Path) -> None:
    with pytest.raises(UnitError, match="keep_steps names step 7, but this training has 6 steps"):
        fit(tiny_model(), tmp_path, settings={"keep_steps": [7]}, keep=lambda _step: None)
    assert log_of(tmp_path) == [] if (tmp_path / "train_log.jsonl").exists() else True
    with pytest.raises(ValueError, match="the course keeps nothing"):
        fit(tiny_model(), tmp_path, settings={"keep_steps": [2]})


# ---- hooks


class Watch:
    """A hook that only looks."""

    name = "watch"

    def __init__(self) -> None:
        self.seen: list[Any] = []

    def begin(self, parameters: Mapping[str, torch.nn.Parameter]) -> None:
        self.before = {name: value.detach().clone() for name, value in parameters.items()}

    def after_step(self, parameters: Mapping[str, torch.nn.Parameter], step: int) -> None:
        moved = any(not torch.equal(value, self.before[name]) for name, value in parameters.items())
        norm = torch.stack([value.grad.norm() for value in parameters.values() if value.grad is not None]).norm()
        self.seen.append((step, moved, float(norm)))

    def tensors(self) -> Mapping[str, torch.Tensor]:
        return {}

    def restore(self, tensors: Mapping[str, torch.Tensor]) -> None:
        assert tensors == {}


def test_a_hook_comes_after_the_step_with_the_clipped_gradient_and_sees_trained_weights_only(tmp_path: Path) -> None:
    model, hook = tiny_model(), Watch()
    for name, value in model.named_parameters():
        value.requires_grad_("layers.1" in name)
    fit(model, tmp_path, hook=hook, settings={"max_grad_norm": 1e-3})
    assert [step for step, _, _ in hook.seen] == [1, 2, 3, 4, 5, 6]
    assert all(moved for _, moved, _ in hook.seen)
    assert [norm for _, _, norm in hook.seen] == pytest.approx([1e-3] * 6, rel=1e-2)
    assert all("layers.1" in name for name in hook.before)
    assert min(row["grad_norm"] for row in log_of(tmp_path)) > 0.1  # the norm before clipping


# ---- what is refused, and what teaches nothing


def test_a_loss_or_norm_that_is_no_number_fails_the_unit(tmp_path: Path) -> None:
    with pytest.raises(UnitError, match=r"the (loss|gradient norm) became nan at step \d; lower the learning rate"):
        fit(tiny_model(), tmp_path, settings={"learning_rate": 1e30, "max_grad_norm": 1e30, "optimizer": "sgd"})


def test_settings_and_objective_must_agree(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="the settings say kl_base, the course brings cross_entropy"):
        fit(tiny_model(), tmp_path, settings={"objective": "kl_base"})


@pytest.mark.parametrize("family", ["llama", "gpt2"])
def test_a_batch_without_a_supervised_token_teaches_nothing(tmp_path: Path, family: str) -> None:
    """`protocol: paper` keeps such rows; one optimizer batch may hold only these."""
    rows = [row._replace(start=len(row.ids)) if index else row for index, row in enumerate(ROWS[:3])]
    model = tiny_model(family)
    state = fit(model, tmp_path, rows=rows, allow_unsupervised=True, settings={"batch_size": 1, "epochs": 1})
    assert sorted(state.losses)[:2] == [0.0, 0.0]
    assert sorted(state.losses)[2] > 1
    assert state.n_supervised_tokens == supervised(ROWS[0])
