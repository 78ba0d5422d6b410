"""Rows that a recipe makes out of variants: apart from what is validated on, all of them kept, made again after a failure."""

from __future__ import annotations

from pathlib import Path

import pytest

from hanka.errors import UnitError
from hanka.plan import Plan, Unit
from hanka.recipes import RECIPES
from hanka.recipes.contract import Recipe, RecipeParams, RecipeRequest
from hanka.records import Parent, Part
from hanka.store.folder import RunFolder
from hanka.work.prepare import rows_of
from hanka.work.worker import Worker
from planned_studies import planned, the

FAILURES: list[Exception] = []
"What the recipe below fails with, once each."


def _make(request: RecipeRequest) -> tuple[Part, ...]:
    rows = request.rows("shop", "train", None)
    answers = request.answer(Parent("base"), rows[:2])
    assert all(one.status == "ok" for one in answers)
    if FAILURES:
        raise FAILURES.pop()
    last = Part("sentiment", "shop", tuple(rows[-2:]))  # the end of the file, so that what is set aside would be met
    return (
        Part("sentiment", "shop", tuple(rows[:4])),
        Part("summary", "news", tuple(request.rows("news", "train", None)[:2])),
        last,
    )


ASKED = Recipe(
    name="asked",
    reference="none",
    description="rows after a variant was asked",
    params=RecipeParams,
    makes="train",
    sources=lambda params: ("shop", "news"),
    n_rows=lambda params, asked: 8,
    make=_make,
    parents=lambda params: (Parent("base"),),
)


@pytest.fixture
def plan(tiny_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Plan:
    monkeypatch.setitem(RECIPES._entries, "asked", ASKED)
    datasets = {"made": {"recipe": "asked"}}
    methods = ["base", {"sft": {"on": "made"}}]
    return planned(tiny_folder, datasets=datasets, methods=methods, train={"sizes": [8], "validation": 0.3})


def carried_out(plan: Plan, folder: RunFolder) -> None:
    worker = Worker(plan, folder, lambda _what, _share: None)
    units: list[Unit] = [one for one in plan.units() if one.kind in ("adapt", "prepare")]
    for unit in units:
        worker.run(unit)


def test_rows_set_aside_to_validate_on_are_not_shown_to_a_recipe(plan: Plan, tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    carried_out(plan, folder)
    worker, own = Worker(plan, folder, lambda _what, _share: None), the(plan, "sft").training
    assert own is not None
    made = rows_of(worker.place, own)
    assert [len(part.examples) for part in made.parts] == [6, 2]
    for part in made.parts:
        assert part.validation
        assert not {one.id for one in part.examples} & {one.id for one in part.validation}


def test_rows_that_could_not_be_made_are_the_reason_and_made_by_the_next_run(plan: Plan, tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    FAILURES.append(UnitError("not today"))
    carried_out(plan, folder)
    place = Worker(plan, folder, lambda _what, _share: None).place
    variant = the(plan, "sft").variant.id
    assert "rows of made were not made: not today" in place.made(variant)["reason"]
    carried_out(plan, folder)
    assert place.made(variant)["status"] == "done"


def test_a_unit_that_was_tried_again_and_done_leaves_nothing_of_its_failure(plan: Plan, tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    FAILURES.append(ZeroDivisionError("by hand"))
    carried_out(plan, folder)
    (made,) = (folder.path / "data").iterdir()
    assert {one.name for one in made.iterdir()} == {"error.txt", "failed.json"}
    variant = folder.variant(the(plan, "sft").variant.id)
    (variant / "error.txt").write_text("of an earlier try")
    carried_out(plan, folder)
    assert not list(folder.path.rglob("error.txt"))
    assert not list(folder.path.rglob("failed.json"))
