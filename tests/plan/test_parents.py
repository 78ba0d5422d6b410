"""What a variant is made from: weights that fit it, or one line that says why they do not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hanka.errors import StudyError
from planned_studies import planned, small, the

SFT: dict[str, Any] = {"sft": {"on": "shop"}}
PROXY: dict[str, Any] = {"proxy": {"expert": "sft", "bases": ["tiny"]}}
FOREIGN = {"of": "sft", "base": "small"}


def plan_of(folder: Path, *entries: Any) -> Any:
    bases = [{"model": str(folder), "name": "tiny"}, small(folder), {"encoder": "tfidf"}]
    return planned(folder, base=bases, methods=["base", SFT, *entries])


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({"sft": {"name": "next", "start": FOREIGN, "on": "shop", "bases": ["tiny"]}}, ["small", "tiny", "bases: [small]"]),
        ({"interpolate": {"of": FOREIGN, "bases": ["tiny"]}}, ["small", "tiny", "bases: [small]"]),
        ({"sft": {"name": "next", "start": "proxy", "on": "shop", "bases": ["tiny"]}}, ["proxy", "no weights"]),
        ({"interpolate": {"of": "proxy", "bases": ["tiny"]}}, ["proxy", "no weights"]),
        ({"proxy": {"name": "twice", "expert": "proxy", "bases": ["tiny"]}}, ["proxy", "no weights"]),
        ({"proxy": {"name": "odd", "expert": {"of": "base", "base": "tfidf"}, "bases": ["tiny"]}}, ["tfidf", "encoder"]),
        ({"sft": {"name": "next", "start": {"of": "base", "step": 3}, "on": "shop"}}, ["'base'", "step"]),
        ({"sft": {"name": "next", "start": {"of": "sft", "step": 3}, "on": "shop"}}, ["keeps no checkpoint", "keep_steps"]),
    ],
)  # fmt: skip
def test_a_parent_whose_weights_do_not_fit_is_refused_before_any_work(
    tiny_folder: Path, entry: dict[str, Any], words: list[str]
) -> None:
    with pytest.raises(StudyError) as caught:
        plan_of(tiny_folder, PROXY, entry)
    assert all(word in str(caught.value) for word in words), caught.value
    assert "\n" not in str(caught.value)


def test_an_expert_may_have_another_base(tiny_folder: Path) -> None:
    plan = plan_of(tiny_folder, {"proxy": {"expert": FOREIGN, "bases": ["tiny"]}})
    assert the(plan, "proxy").variant.parents == (
        the(plan, "sft", "small").variant.id,
        the(plan, "base", "small").variant.id,
    )


def test_what_is_not_trained_answers_in_the_arithmetic_of_the_study(tiny_folder: Path) -> None:
    """The base it is compared with does; interpolated weights are still made in float32, where 0 and 1 are exact."""
    entries = ["base", SFT, {"interpolate": {"of": "sft"}}, {"proxy": {"expert": "sft"}}]
    plan = planned(tiny_folder, methods=entries, train={"sizes": [8], "dtype": "bfloat16"})
    assert {one.dtype for one in plan.variants.values()} == {"bfloat16"}
    assert [one.making_dtype for one in plan.variants.values()] == ["bfloat16", "bfloat16", "float32", "bfloat16"]
    wide = planned(tiny_folder, methods=entries)
    assert not set(plan.cells) & set(wide.cells)
