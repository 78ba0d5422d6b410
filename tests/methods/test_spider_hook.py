"""SPIDER's hook by hand on a tensor of six entries, at both ends of its mask, and through checkpoints."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from hanka.methods.spider.hook import SpiderHook, importance_mask, ranks
from hanka.prompting import Encoded
from hanka.training.loop import Course, train
from hanka.training.params import CourseParams
from tiny_models import tiny_model

SETTINGS = CourseParams(epochs=2, batch_size=4, learning_rate=1e-2, micro_batch_tokens=256, checkpoint_seconds=1e9)
ROWS = [Encoded([3, 4, 5 + index, 6, 7 + index], 3) for index in range(10)]
START = torch.tensor([[0.1, -0.2, 0.3], [-0.4, 0.5, -0.6]])
FIRST = torch.tensor([[0.6, 0.1, -0.4], [0.2, -0.3, 0.0]])
SECOND = torch.tensor([[0.2, -0.3, 0.1], [0.0, -0.4, 0.1]])


def fit(model: Any, folder: Path, hook: Any = None, report: Any = None, **changes: Any) -> dict[str, torch.Tensor]:
    settings = SETTINGS.model_copy(update=changes)
    train(Course(model, settings, ROWS, 0, folder, report or (lambda _what, _share: None), hook=hook))
    return {name: value.detach().clone() for name, value in model.named_parameters()}


def equal(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(value, other[name]) for name, value in one.items())


def stepped(gradient: torch.Tensor, weight: torch.nn.Parameter, hook: SpiderHook, step: int) -> list[list[float]]:
    """One plain step of size 0.1 and the hook after it."""
    weight.grad = gradient.clone()
    with torch.no_grad():
        weight -= 0.1 * gradient
    hook.after_step({"w": weight}, step)
    return weight.detach().tolist()


def test_two_steps_are_those_computed_by_hand() -> None:
    """Written out with a pocket calculator's formulas: mean and n - 1 deviation of six sizes, sigmoid, ratio, mean, clip."""
    weight, hook = torch.nn.Parameter(START.clone()), SpiderHook()
    hook.begin({"w": weight})
    flat = torch.tensor([0.208118, 0.309644, 0.433580, 0.566420, 0.690356, 0.791882])
    torch.testing.assert_close(ranks(START).flatten(), flat, atol=1e-6, rtol=0)
    # G = .823905 .316151 .649585 .423455 .538499 .225408; m before the mean: .79834 .505199 .59971 0 0 0
    mask = importance_mask(ranks(FIRST), ranks(START)).flatten()
    torch.testing.assert_close(mask, torch.tensor([1, 0.796321, 0.945294, 0, 0, 0]), atol=1e-6, rtol=0)
    first = torch.tensor(stepped(FIRST, weight, hook, 1))
    expected = torch.tensor([[0.04, -0.207963, 0.337812], [-0.4, 0.5, -0.6]])
    torch.testing.assert_close(first, expected, atol=1e-6, rtol=0)
    # S = .8 -.2 -.3 .2 -.7 .1; the third entry falls behind and is reset, the fifth is followed
    second = torch.tensor(stepped(SECOND, weight, hook, 2))
    expected = torch.tensor([[0.02, -0.181018, 0.3], [-0.4, 0.533821, -0.6]])
    torch.testing.assert_close(second, expected, atol=1e-6, rtol=0)
    torch.testing.assert_close(hook.tensors()["w"], FIRST + SECOND)


def test_every_weight_follows_where_the_mask_is_one(tmp_path: Path) -> None:
    plain = fit(tiny_model(), tmp_path / "plain")
    assert equal(fit(tiny_model(), tmp_path / "ones", SpiderHook(lambda found, _: torch.ones_like(found))), plain)


def test_no_weight_moves_where_the_mask_is_zero(tmp_path: Path) -> None:
    before = {name: value.detach().clone() for name, value in tiny_model().named_parameters()}
    assert equal(fit(tiny_model(), tmp_path, SpiderHook(lambda found, _: torch.zeros_like(found))), before)


def test_some_weights_follow_and_others_are_reset(tmp_path: Path) -> None:
    before = {name: value.detach().clone() for name, value in tiny_model().named_parameters()}
    after = fit(tiny_model(), tmp_path, SpiderHook())
    moved = torch.cat([(after[name] != value).flatten() for name, value in before.items() if value.dim() > 1])
    assert 0.2 < moved.double().mean() < 0.8


def test_a_tensor_without_a_gradient_stays_where_it_was() -> None:
    weight, hook = torch.nn.Parameter(START.clone()), SpiderHook()
    hook.begin({"w": weight})
    assert stepped(torch.zeros(2, 3), weight, hook, 1) == START.tolist()
    with torch.no_grad():
        weight -= 0.1  # as a weight decay would
    weight.grad = None
    hook.after_step({"w": weight}, 2)
    assert torch.equal(weight.detach(), START)


@pytest.mark.parametrize(("value", "rank"), [(0.0, 0.0), (0.1, 0.5), (-3.0, 0.5)])
def test_a_constant_tensor_has_a_rank_although_its_deviation_is_zero(value: float, rank: float) -> None:
    assert ranks(torch.full((3, 7), value)).tolist() == [[rank] * 7] * 3
    assert ranks(torch.full((1,), value)).tolist() == [rank]


def test_equal_ranks_are_not_followed_and_all_below_is_no_division_by_zero() -> None:
    ranked = torch.tensor([0.2, 0.5, 0.7])
    assert importance_mask(ranked, ranked).tolist() == [0.0, 0.0, 0.0]
    assert importance_mask(ranked, ranked + 0.1).tolist() == [0.0, 0.0, 0.0]


def test_a_resumed_training_is_the_undisturbed_one(tmp_path: Path) -> None:
    class StoppedError(Exception):
        pass

    def stop(_what: str, share: float) -> None:
        if share > 0.6:
            raise StoppedError

    whole = fit(tiny_model(), tmp_path / "whole", SpiderHook())
    with pytest.raises(StoppedError):
        fit(tiny_model(), tmp_path / "resumed", SpiderHook(), stop, checkpoint_seconds=0.0)
    (kept,) = (tmp_path / "resumed/checkpoints").glob("step-*")
    assert kept.name == "step-00000003"
    assert equal(fit(tiny_model(), tmp_path / "resumed", SpiderHook()), whole)
    with pytest.raises(StoppedError):
        fit(tiny_model(), tmp_path / "forgets", SpiderHook(), stop, checkpoint_seconds=0.0)
    forgetful = SpiderHook()
    forgetful.restore = lambda tensors: None  # type: ignore[method-assign]
    assert not equal(fit(tiny_model(), tmp_path / "forgets", forgetful), whole)
