"""How long a course trains by epochs, by steps or by tokens: counted by hand, in the order in which rows are trained on."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from pydantic import ValidationError
from test_loop import SETTINGS, fit, quiet, some_rows

from hanka.errors import UnitError
from hanka.methods.contract import Adaptation
from hanka.methods.defaults import settled
from hanka.methods.supervised.params import FticlParams
from hanka.prompting import TextPolicy
from hanka.training.batching import n_steps_of, optimizer_batches
from hanka.training.loop import Course, train
from hanka.training.params import CourseParams
from hanka.tuners import TUNERS
from tiny_models import tiny_model

LENGTHS = [len(row.ids) for row in some_rows()]  # 6, 9, 12, 15, 18 twice: 120 tokens


def settings(**changes: int) -> CourseParams:
    return SETTINGS.model_copy(update=changes)


def test_epochs_count_whole_passes() -> None:
    assert n_steps_of(LENGTHS, settings(), 0) == 6  # 10 rows by 4: 3 steps a pass, 2 passes


@pytest.mark.parametrize("steps", [1, 3, 7])
def test_steps_count_whatever_rows_there_are(steps: int) -> None:
    assert n_steps_of(LENGTHS, settings(steps=steps), 0) == steps
    assert n_steps_of(LENGTHS * 9, settings(steps=steps), 0) == steps


@pytest.mark.parametrize("tokens", [1, 40, 119, 120, 121, 250, 480])
def test_tokens_count_the_fewest_steps_that_see_so_many(tokens: int) -> None:
    seen, by_hand = 0, 0
    for epoch in range(5):
        for batch in optimizer_batches(10, 4, epoch, 3):
            if seen < tokens:
                seen += sum(LENGTHS[index] for index in batch)
                by_hand += 1
    assert n_steps_of(LENGTHS, settings(total_tokens=tokens), 3) == by_hand


def test_without_rows_there_are_no_steps() -> None:
    with pytest.raises(ValueError, match="no rows"):
        n_steps_of([], settings(steps=3), 0)


def test_a_course_by_steps_goes_on_into_another_pass_and_ends_in_its_middle(tmp_path: Path) -> None:
    state = fit(tiny_model(), some_rows(), settings(steps=5), 0, tmp_path)
    order = [batch for epoch in (0, 1) for batch in optimizer_batches(10, 4, epoch, 0)][:5]
    assert state.step == state.n_steps == 5
    assert state.n_tokens == sum(LENGTHS[index] for batch in order for index in batch)


def test_a_course_by_tokens_sees_so_many_and_not_a_step_more(tmp_path: Path) -> None:
    state = fit(tiny_model(), some_rows(), settings(total_tokens=150), 0, tmp_path)
    fewer = fit(tiny_model(), some_rows(), settings(steps=state.step - 1), 0, tmp_path / "fewer")
    assert fewer.n_tokens < 150 <= state.n_tokens


def test_equal_steps_are_equal_for_one_set_and_for_several(tmp_path: Path) -> None:
    counts = {fit(tiny_model(), some_rows(n), settings(steps=4), 0, tmp_path / str(n)).step for n in (3, 10, 25)}
    assert counts == {4}


def test_as_many_steps_as_the_epochs_have_give_the_same_weights(tmp_path: Path) -> None:
    one, other = tiny_model(), tiny_model()
    fit(one, some_rows(), settings(epochs=2), 4, tmp_path / "epochs")
    fit(other, some_rows(), settings(epochs=1, steps=6), 4, tmp_path / "steps")
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))


def test_a_course_by_steps_resumes_where_it_was_cut(tmp_path: Path) -> None:
    class StoppedError(Exception):
        pass

    def stop(what: str, _share: float) -> None:
        if "step 5" in what:
            raise StoppedError

    asked = settings(steps=7, checkpoint_seconds=0.0)
    whole, again = tiny_model(), tiny_model()
    fit(whole, some_rows(), asked, 5, tmp_path / "whole")
    with pytest.raises(StoppedError):
        fit(tiny_model(), some_rows(), asked, 5, tmp_path / "cut", stop)
    assert fit(again, some_rows(), asked, 5, tmp_path / "cut").step == 7
    assert all(torch.equal(a, b) for a, b in zip(whole.parameters(), again.parameters(), strict=True))


def test_tokens_are_refused_where_rows_come_round_by_round(tmp_path: Path) -> None:
    course = Course(tiny_model(), settings(total_tokens=50), lambda _number: some_rows(), 0, tmp_path, quiet)
    with pytest.raises(UnitError, match="give steps"):
        train(course)


def test_steps_and_tokens_together_are_refused() -> None:
    with pytest.raises(ValidationError, match="write one of them"):
        CourseParams(steps=3, total_tokens=300)


@pytest.mark.parametrize("length", [{"steps": 20}, {"total_tokens": 900}])
def test_epochs_say_nothing_beside_steps_or_tokens_and_are_in_no_id(length: dict[str, int]) -> None:
    lora = TUNERS.get("lora")

    def content(**given: int) -> dict[str, object]:
        train = Adaptation(FticlParams(), TextPolicy()).train.model_copy(update=given)
        return settled(
            Adaptation(FticlParams(), TextPolicy(), train, lora, lora.params(), row_keys=tuple(given)), 64
        ).content()

    assert content(epochs=3, **length) == content(epochs=5, **length)
    assert content(epochs=3) != content(epochs=5)
