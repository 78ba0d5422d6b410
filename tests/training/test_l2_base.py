"""`l2_base`: the gradient of the penalty by hand, on weights and on adapters; what it does to a training; resumed or not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from hanka.prompting import Encoded
from hanka.training.distance import Distance
from hanka.training.loop import Course, CourseState, train
from hanka.training.objectives import OBJECTIVES
from hanka.training.objectives.l2_base import L2_BASE
from hanka.training.params import CourseParams
from hanka.tuners import TUNERS
from tiny_models import tiny_model

ROWS = [Encoded([3, 4, 5 + index, 6, 7 + index], 3) for index in range(8)]
USUAL = {"epochs": 3, "batch_size": 4, "learning_rate": 1e-2, "micro_batch_tokens": 64, "checkpoint_seconds": 1e9}


def wrapped(tuner: str, **params: Any) -> Any:
    entry = TUNERS.get(tuner)
    model = tiny_model()
    model.requires_grad_(False)
    return entry.wrap(model, entry.params.model_validate(params), 0)


def fit(model: Any, folder: Path, beta: float | None, report: Any = None, **changes: Any) -> CourseState:
    name = "cross_entropy" if beta is None else "l2_base"
    objective = OBJECTIVES.get(name)
    params = objective.params.model_validate({} if beta is None else {"beta": beta})
    settings = CourseParams.model_validate(USUAL | {"objective": name} | changes)
    report = report or (lambda _what, _share: None)
    return train(Course(model, settings, ROWS, 2, folder, report, objective=objective, objective_params=params))


def test_of_weights_the_gradient_is_beta_times_how_far_each_has_moved() -> None:
    model = wrapped("none")
    terms = L2_BASE.penalty(model, L2_BASE.params(beta=0.3))  # type: ignore[misc]
    assert sum(term.item() for term in terms()) == 0.0
    generator = torch.Generator().manual_seed(1)
    moves = {}
    with torch.no_grad():
        for name, value in model.named_parameters():
            before = value.clone()
            value += torch.randn(value.shape, generator=generator) * 0.1
            moves[name] = value - before
    total = 0.0
    for term in terms():
        term.backward()
        total += term.item()
    assert total == pytest.approx(0.15 * sum(float(move.square().sum()) for move in moves.values()), rel=1e-5)
    for name, value in model.named_parameters():
        torch.testing.assert_close(value.grad, 0.3 * moves[name])


def test_of_a_low_rank_adapter_it_is_the_distance_of_the_layers_weight_not_of_the_factors() -> None:
    model = wrapped("lora", r=2, alpha=6)
    distance = Distance.from_here(model)
    assert distance.moved == ()
    assert sum(term.item() for term in distance.squares()) == 0.0  # A is not zero, the change is
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for one in distance.products:
            one.up.add_(torch.randn(one.up.shape, generator=generator) * 0.1)
    for one in distance.products:
        whole = (one.scale * one.up @ one.down).square().sum()
        torch.testing.assert_close(one.square(), whole)
        for value in (one.up, one.down):
            by_gram, by_product = (
                torch.autograd.grad(term, value, retain_graph=True)[0] for term in (one.square(), whole)
            )
            torch.testing.assert_close(by_gram, by_product)
    assert {one.scale for one in distance.products} == {3.0}


def test_of_other_tuners_it_is_the_distance_of_what_they_train() -> None:
    model = wrapped("ia3")
    distance = Distance.from_here(model)
    assert distance.products == ()
    with torch.no_grad():
        for value, _ in distance.moved:
            value += 0.5
    n = sum(value.numel() for value, _ in distance.moved)
    assert sum(term.item() for term in distance.squares()) == pytest.approx(0.25 * n)


@pytest.mark.parametrize("tuner", ["none", "lora"])
def test_a_larger_beta_keeps_weights_nearer_and_none_is_cross_entropy_bit_for_bit(tuner: str, tmp_path: Path) -> None:
    moved, losses = {}, {}
    for beta in (None, 0.0, 0.1, 100.0):
        model = wrapped(tuner)
        distance = Distance.from_here(model)
        losses[beta] = fit(model, tmp_path / str(beta), beta).losses
        moved[beta] = sum(term.item() for term in distance.squares())
    assert losses[0.0] == losses[None]
    assert moved[0.0] == moved[None] > moved[0.1] > 2 * moved[100.0] > 0


def test_the_start_of_a_resumed_training_is_that_of_the_whole_one(tmp_path: Path) -> None:
    def stop(what: str, _share: float) -> None:
        if "step 3 of" in what:
            raise KeyboardInterrupt

    whole, resumed = wrapped("lora"), wrapped("lora")
    expected = fit(whole, tmp_path / "whole", 0.5)
    with pytest.raises(KeyboardInterrupt):
        fit(wrapped("lora"), tmp_path / "own", 0.5, stop, checkpoint_seconds=0.0)
    state = fit(resumed, tmp_path / "own", 0.5)
    assert state.losses == expected.losses
    for one, other in zip(whole.parameters(), resumed.parameters(), strict=True):
        assert torch.equal(one, other)
