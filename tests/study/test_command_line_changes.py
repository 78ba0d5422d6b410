"""What --base and --limit change of a study that names bases and sizes itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hanka.errors import StudyError
from hanka.plan import build_plan
from planned_studies import planned, resolved, small, variants


def test_a_limit_caps_the_sizes_that_entries_and_their_parents_name(tiny_folder: Path) -> None:
    methods: list[Any] = [
        "base",
        {"sft": {"on": "shop", "sizes": 16}},
        {"interpolate": {"of": {"of": "sft", "size": 16}}},
        {"sft": {"name": "next", "start": {"of": "sft", "size": 16}, "on": "shop", "sizes": 20}},
    ]
    plan = build_plan(resolved(tiny_folder, limit=8, methods=methods))
    assert {one.variant.train_size for label in ("sft", "interpolate", "next") for one in variants(plan, label)} == {8}


@pytest.mark.parametrize(
    "entry", [{"sft": {"bases": ["small"]}}, {"proxy": {"expert": {"of": "sft", "base": "small"}}}]
)
def test_a_base_that_the_command_line_replaced_is_told_with_the_option(tiny_folder: Path, entry: Any) -> None:
    bases = [{"model": str(tiny_folder), "name": "tiny"}, small(tiny_folder)]
    with pytest.raises(StudyError, match=r"'small'.*--base"):
        build_plan(resolved(tiny_folder, instead=str(tiny_folder), base=bases, methods=["base", "sft", {next(iter(entry)): {
            "name": "x", **next(iter(entry.values()))}}]))  # fmt: skip


def test_two_entries_that_make_the_same_say_so(tiny_folder: Path) -> None:
    plan = planned(tiny_folder, methods=["base", "sft", {"sft": {"name": "again"}}])
    assert [one.variant.label for one in plan.variants.values()] == ["base", "sft", "sft"]
    assert any("again" in note and "sft" in note for note in plan.notes)
