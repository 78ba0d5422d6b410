"""A training that is killed after a checkpoint and resumed ends bit for bit where an undisturbed one does."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch

from hanka.prompting import Encoded
from hanka.training.checkpoint import FORMAT
from hanka.training.loop import Course, CourseState, train
from hanka.training.optimizers import OPTIMIZERS
from hanka.training.params import CourseParams
from tiny_models import tiny_model

ROWS = [Encoded([3, 4, 5 + index, 6, 7 + index], 3) for index in range(10)]
EXTRA: dict[str, dict[str, Any]] = {
    "adamw": {"amsgrad": True},
    "sgd": {"momentum": 0.9},
    "rmsprop": {"momentum": 0.5, "centered": True},
    "asgd": {"t0": 1},
    "nadam": {"decoupled_weight_decay": True},
}
"Options with which more is kept."
CASES = [(name, {}) for name in OPTIMIZERS] + list(EXTRA.items())


class StoppedError(Exception):
    """A killed process."""


def settings(**changes: Any) -> CourseParams:
    usual = {"epochs": 2, "batch_size": 4, "learning_rate": 1e-2, "micro_batch_tokens": 64, "checkpoint_seconds": 0.0}
    return CourseParams.model_validate(usual | changes)


@cache
def drawn() -> Any:
    return tiny_model(num_hidden_layers=1, attention_dropout=0.1)


def fit(folder: Path, given: CourseParams, stop_at: int | None = None, **more: Any) -> tuple[CourseState, Any]:
    """Train a tiny model; a stop comes while the step after `stop_at` is reported, after that step's checkpoint."""
    model = copy.deepcopy(drawn())

    def report(_what: str, share: float) -> None:
        if stop_at is not None and round(share * 6) > stop_at:
            raise StoppedError

    return train(Course(model, given, ROWS, 5, folder, report, **more)), model


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., tuple[CourseState, Any]]:
    """An undisturbed training, which keeps no checkpoint on its way; equal ones once."""
    known: dict[str, tuple[CourseState, Any]] = {}

    def trained(**changes: Any) -> tuple[CourseState, Any]:
        name = repr(changes)
        if name not in known:
            known[name] = fit(tmp_path_factory.mktemp("whole"), settings(**changes, checkpoint_seconds=1000.0))
        return known[name]

    return trained


Whole = Callable[..., tuple[CourseState, Any]]


def assert_equal(one: Any, other: Any) -> None:
    for (name, left), right in zip(one.named_parameters(), other.parameters(), strict=True):
        assert torch.equal(left, right), name


@pytest.mark.parametrize(("name", "options"), CASES, ids=[f"{name} {options or ''}" for name, options in CASES])
@pytest.mark.parametrize("stop_at", [1, 4])
def test_every_optimizer_resumes_exactly(
    tmp_path: Path, whole: Whole, name: str, options: dict[str, Any], stop_at: int
) -> None:
    given = settings(optimizer=name, optimizer_options=options)
    state, undisturbed = whole(optimizer=name, optimizer_options=options)
    with pytest.raises(StoppedError):
        fit(tmp_path / "resumed", given, stop_at)
    (checkpoint,) = (tmp_path / "resumed/checkpoints").glob("step-*")
    assert checkpoint.name == f"step-{stop_at:08d}"
    resumed, again = fit(tmp_path / "resumed", given)
    assert_equal(undisturbed, again)
    assert resumed.losses == state.losses


@pytest.mark.parametrize("name", [name for name in OPTIMIZERS if name not in ("sgd", "rprop")])
def test_without_its_state_an_optimizer_would_end_elsewhere(tmp_path: Path, whole: Whole, name: str) -> None:
    """So the test above can fail. (Plain SGD keeps nothing; Rprop's sizes are at their bound on this model.)"""
    options = {"optimizer": name, "optimizer_options": {"t0": 1} if name == "asgd" else {}}
    given = settings(**options)
    _, undisturbed = whole(**options)
    with pytest.raises(StoppedError):
        fit(tmp_path / "resumed", given, 4)
    (path,) = (tmp_path / "resumed/checkpoints").glob("step-*")
    from safetensors.torch import load_file, save_file

    tensors = {key: value for key, value in load_file(path / "tensors.safetensors").items() if key.startswith("weight")}
    save_file(tensors, path / "tensors.safetensors")
    state = json.loads((path / "state.json").read_text())
    (path / "state.json").write_text(json.dumps(state | {"optimizer": {}}))
    _, again = fit(tmp_path / "resumed", given)
    assert any(
        not torch.equal(one, other) for one, other in zip(undisturbed.parameters(), again.parameters(), strict=True)
    )


class Drift:
    """A hook that moves weights by what it has seen: a moving mean of their gradients."""

    name = "drift"

    def __init__(self) -> None:
        self.steps: list[int] = []
        self.means: dict[str, torch.Tensor] = {}

    def begin(self, parameters: Mapping[str, torch.nn.Parameter]) -> None:
        self.means = {name: torch.zeros_like(value.detach()) for name, value in parameters.items()}

    def after_step(self, parameters: Mapping[str, torch.nn.Parameter], step: int) -> None:
        self.steps.append(step)
        with torch.no_grad():
            for name, value in parameters.items():
                assert value.grad is not None
                self.means[name].mul_(0.7).add_(value.grad)
                value -= 0.01 * self.means[name]

    def tensors(self) -> Mapping[str, torch.Tensor]:
        return self.means

    def restore(self, tensors: Mapping[str, torch.Tensor]) -> None:
        assert set(tensors) == set(self.means)
        self.means = {name: value.clone() for name, value in tensors.items()}


def test_a_hook_resumes_exactly(tmp_path: Path) -> None:
    first, second, third = Drift(), Drift(), Drift()
    whole, undisturbed = fit(tmp_path / "whole", settings(), hook=first)
    with pytest.raises(StoppedError):
        fit(tmp_path / "resumed", settings(), 2, hook=second)
    resumed, again = fit(tmp_path / "resumed", settings(), hook=third)
    assert_equal(undisturbed, again)
    assert (first.steps, second.steps, third.steps) == ([1, 2, 3, 4, 5, 6], [1, 2, 3], [3, 4, 5, 6])
    assert resumed.losses == whole.losses


def test_the_newest_checkpoint_stands_alone_and_is_no_pickle(tmp_path: Path) -> None:
    with pytest.raises(StoppedError):
        fit(tmp_path, settings(), 3)
    (path,) = (tmp_path / "checkpoints").iterdir()
    assert sorted(file.name for file in path.iterdir()) == ["state.json", "tensors.safetensors"]
    assert json.loads((path / "state.json").read_text())["course"]["step"] == 3


@pytest.mark.parametrize("damage", ["format", "state", "tensors", "weights"])
def test_what_cannot_be_read_is_passed_over(tmp_path: Path, whole: Whole, damage: str) -> None:
    with pytest.raises(StoppedError):
        fit(tmp_path, settings(), 3)
    (path,) = (tmp_path / "checkpoints").iterdir()
    state = json.loads((path / "state.json").read_text())
    if damage == "format":
        (path / "state.json").write_text(json.dumps(state | {"format": FORMAT - 1}))
    elif damage == "state":
        (path / "state.json").write_text("{")
    elif damage == "tensors":
        (path / "tensors.safetensors").write_bytes(b"torn")
    else:
        from safetensors.torch import load_file, save_file

        tensors = load_file(path / "tensors.safetensors")
        tensors.pop(next(name for name in tensors if name.startswith("weight.")))
        save_file(tensors, path / "tensors.safetensors")
    first: list[float] = []
    model = copy.deepcopy(drawn())
    train(Course(model, settings(), ROWS, 5, tmp_path, lambda _what, share: first.append(share)))
    assert first[0] == pytest.approx(1 / 6)
    assert_equal(whole()[1], model)
