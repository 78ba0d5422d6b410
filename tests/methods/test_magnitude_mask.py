"""`magnitude_mask`: which weights stay, on a tensor worked out by hand, and that they stay bit for bit."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from hanka.methods.magnitude_mask.hook import MagnitudeHook, is_large
from hanka.prompting import Encoded
from hanka.training.loop import Course, train
from hanka.training.params import CourseParams
from tiny_models import tiny_model

ROWS = [Encoded([3, 4, 5 + index, 6, 7 + index], 3) for index in range(10)]
SETTINGS = CourseParams(epochs=2, batch_size=4, learning_rate=1e-2, micro_batch_tokens=256, weight_decay=0.1)
VALUES = torch.tensor([[0.1, -0.2, 0.3], [-0.4, 0.5, -0.6]])


@pytest.mark.parametrize(
    ("share", "large"),
    [
        (0.0, [[False, False, False], [False, False, False]]),
        (0.5, [[False, False, False], [True, True, True]]),
        (0.6, [[False, False, True], [True, True, True]]),
        (0.2, [[False, False, False], [False, False, True]]),
    ],
)
def test_the_largest_share_of_a_tensor_is_frozen_by_size_not_by_value(share: float, large: list[list[bool]]) -> None:
    assert is_large(VALUES, share).tolist() == large


def test_what_ties_with_the_smallest_frozen_weight_is_frozen_too() -> None:
    assert is_large(torch.tensor([1.0, -2.0, 2.0, 3.0]), 0.5).tolist() == [False, True, True, True]
    assert is_large(torch.ones(4), 0.5).all()


def test_a_step_moves_the_small_weights_and_gives_the_large_ones_back() -> None:
    weight, hook = torch.nn.Parameter(VALUES.clone()), MagnitudeHook(0.5)
    hook.begin({"w": weight})
    for step in (1, 2):
        with torch.no_grad():
            weight += 1.0
        hook.after_step({"w": weight}, step)
    assert torch.equal(weight[0], VALUES[0] + 1.0 + 1.0)
    assert torch.equal(weight[1], VALUES[1])


def test_a_training_leaves_exactly_the_large_weights_as_they_were(tmp_path: Path) -> None:
    model = tiny_model()
    before = {name: value.detach().clone() for name, value in model.named_parameters()}
    train(Course(model, SETTINGS, ROWS, 0, tmp_path, lambda _what, _share: None, hook=MagnitudeHook(0.5)))
    moved = {}
    for name, value in model.named_parameters():
        large = is_large(before[name], 0.5)
        assert torch.equal(value[large], before[name][large]), name
        moved[name] = bool((value[~large] != before[name][~large]).any())
    assert moved.pop("model.embed_tokens.weight")  # rows of other tokens decay
    assert all(moved[name] for name in moved if "proj" in name)
    assert not any(moved[name] for name in moved if "norm" in name)  # all ones: a constant tensor stays whole
