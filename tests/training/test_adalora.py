"""AdaLoRA through our loop: ranks fall to the budget, and a broken-off training ends where an undisturbed one does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from hanka.errors import UnitError
from hanka.prompting import Encoded
from hanka.training.course import Course
from hanka.training.loop import train
from hanka.training.params import CourseParams
from hanka.tuners import TUNERS
from tiny_models import tiny_model

ROWS = [Encoded([3, 4, 5 + at, 6, 7 + at, 9], 3) for at in range(6)]
ADALORA = TUNERS.get("adalora")


def course(folder: Path, report: Any = lambda _what, _share: None, **given: Any) -> tuple[Any, Course]:
    params = ADALORA.own({"r": 2, "init_r": 4, "tinit": 0.1, "tfinal": 0.3} | given)
    model = ADALORA.wrap(tiny_model("llama"), params, 0)
    assert ADALORA.hook is not None
    assert ADALORA.penalty is not None
    settings = CourseParams(epochs=5, batch_size=3, learning_rate=1e-2, checkpoint_seconds=0.0)
    penalty = ADALORA.penalty
    return model, Course(
        model,
        settings,
        ROWS,
        0,
        folder,
        report,
        hook=ADALORA.hook(model, params, 10),
        penalty=lambda: penalty(model, params),
    )


def test_ranks_fall_to_the_mean_that_was_asked_for(tmp_path: Path) -> None:
    model, one = course(tmp_path)
    train(one)
    left = [int((value != 0).sum()) for name, value in model.named_parameters() if ".lora_E." in name]
    assert sum(left) == 2 * len(left)
    assert len(set(left)) > 1


def test_broken_off_it_ends_where_an_undisturbed_one_does(tmp_path: Path) -> None:
    def break_off(what: str, _share: float) -> None:
        if "step 6 of" in what:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(course(tmp_path / "broken", break_off)[1])
    again, one = course(tmp_path / "broken")
    train(one)
    whole, other = course(tmp_path / "whole")
    train(other)
    theirs = dict(whole.named_parameters())
    assert all(torch.equal(value, theirs[name]) for name, value in again.named_parameters())


def test_the_penalty_is_pefts_own() -> None:
    params = ADALORA.own({"orth_reg_weight": 0.25})
    model = ADALORA.wrap(tiny_model("llama"), params, 0)
    ids = torch.tensor([ROWS[0].ids])
    assert ADALORA.penalty is not None
    with torch.no_grad():
        plain = model.base_model.model(input_ids=ids, labels=ids).loss
        theirs = model(input_ids=ids, labels=ids).loss
        torch.testing.assert_close(sum(ADALORA.penalty(model, params)), theirs - plain, rtol=1e-4, atol=1e-5)


def test_a_schedule_that_takes_nothing_away_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UnitError, match=r"adalora takes no rank away in 10 steps with tinit 0\.5 and tfinal 0\.5"):
        course(tmp_path, tinit=0.5, tfinal=0.5)
