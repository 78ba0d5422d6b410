"""Learning rates by group: LoRA+ is one factor on B."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from hanka.errors import UnitError
from hanka.prompting import Encoded
from hanka.training.course import Course
from hanka.training.loop import train
from hanka.training.optimizers import FACTOR, build
from hanka.training.params import CourseParams
from hanka.tuners import TUNERS
from tiny_models import tiny_model

ROWS = [Encoded([3, 4, 5 + at, 6, 7 + at, 9], 3) for at in range(4)]


def trained(folder: Path, **settings: Any) -> dict[str, torch.Tensor]:
    tuner = TUNERS.get("lora")
    model = tuner.wrap(tiny_model("llama"), tuner.own({"r": 2}), 0)
    given = CourseParams(epochs=1, batch_size=4, learning_rate=1e-3, schedule="constant", **settings)
    train(Course(model, given, ROWS, 0, folder, lambda _what, _share: None))
    return {name: value.detach().clone() for name, value in model.named_parameters() if value.requires_grad}


def test_lora_plus_takes_a_longer_step_along_b_and_the_same_along_a(tmp_path: Path) -> None:
    """Adam's first step is the learning rate for every weight with a gradient; A has none where B is zero."""
    plain, plus = trained(tmp_path / "plain"), trained(tmp_path / "plus", rate_factors={"lora_B": 16})
    ups = [name for name in plain if ".lora_B." in name]
    assert ups
    for name in plain:
        if name in ups:
            torch.testing.assert_close(plus[name], 16 * plain[name], rtol=1e-3, atol=1e-7)
            assert plain[name].abs().max().item() == pytest.approx(1e-3, rel=1e-2)
        else:
            assert torch.equal(plus[name], plain[name])


def test_the_groups_are_pefts_own_for_lora_plus() -> None:
    from peft.optimizers import create_loraplus_optimizer

    tuner = TUNERS.get("lora")
    model = tuner.wrap(tiny_model("llama"), tuner.own({"r": 2}), 0)
    free = {name: value for name, value in model.named_parameters() if value.requires_grad}
    ours = build(free, CourseParams(learning_rate=1e-3, rate_factors={"lora_B": 16}))
    theirs = create_loraplus_optimizer(model, torch.optim.AdamW, lr=1e-3, loraplus_lr_ratio=16)
    rates = {id(value): group["lr"] for group in theirs.param_groups for value in group["params"]}
    for group in ours.param_groups:
        for value in group["params"]:
            assert rates[id(value)] == pytest.approx(1e-3 * group[FACTOR])


def test_a_factor_that_no_weight_has_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UnitError, match="rate_factors names 'lora_C', and no weight that trains has that"):
        trained(tmp_path, rate_factors={"lora_C": 2})
