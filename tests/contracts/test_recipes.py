"""Every recipe keeps its contract; two recipes of the tests show what it allows: parents, and test rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import Field

from hanka.identity import stream
from hanka.recipes import RECIPES
from hanka.recipes.contract import AS_SOURCE, How, Recipe, RecipeParams, RecipeRequest, data_id, make_rows
from hanka.records import Example, Parent, Part, Prediction, Split
from hanka.store.rows import read_rows, write_rows
from hanka.tasks import TASKS


class ByTeacherParams(RecipeParams):
    of: str
    "Dataset whose inputs are labelled."
    teacher: str
    "Which variant labels them."


def label_by_teacher(request: RecipeRequest) -> tuple[Part, ...]:
    """Replace targets by a variant's answers."""
    params: ByTeacherParams = request.params
    (teacher,) = TEACHER.parents(params)
    rows = request.rows(params.of, "train", request.asked)[: request.asked]
    answers = {one.sample_id: one.parsed for one in request.answer(teacher, rows, AS_SOURCE)}
    labelled = tuple(replace(row, target=answers[row.id] or "") for row in rows)
    return (Part(request.task(params.of).name, params.of, labelled),)


TEACHER = Recipe(
    name="by_teacher",
    reference="Hinton, Vinyals & Dean (2015), arXiv 1503.02531",
    description="inputs of a dataset with a variant's answers",
    params=ByTeacherParams,
    makes="train",
    sources=lambda params: (params.of,),
    n_rows=lambda params, asked: asked,
    make=label_by_teacher,
    parents=lambda params: (Parent(params.teacher, train=params.of),),
)


class SwapParams(RecipeParams):
    of: str
    "Dataset whose test rows are changed."
    swaps: int = Field(default=1, ge=1)
    "Neighbouring letters that change places in each input."


def swap_letters(request: RecipeRequest) -> tuple[Part, ...]:
    """Change places of neighbouring letters."""
    params: SwapParams = request.params
    rows = request.rows(params.of, "test", None)[: request.asked]
    return (Part(request.task(params.of).name, params.of, tuple(_swapped(row, request.seed, params) for row in rows)),)


def _swapped(row: Example, seed: int, params: SwapParams) -> Example:
    rng = stream("swap", seed, row.id)
    fields = {}
    for name, text in row.fields.items():
        letters = list(text)
        for _ in range(params.swaps):
            place = int(rng.integers(0, len(letters) - 1))
            letters[place : place + 2] = letters[place : place + 2][::-1]
        fields[name] = "".join(letters)
    return replace(row, fields=fields)


SWAP = Recipe(
    name="swap",
    reference="Belinkov & Bisk (2018), arXiv 1711.02173",
    description="test rows with letters that changed places",
    params=SwapParams,
    makes="test",
    sources=lambda params: (params.of,),
    n_rows=lambda params, asked: asked,
    make=swap_letters,
)

ALL = [*RECIPES, TEACHER, SWAP]
EVERY = pytest.mark.parametrize("recipe", ALL, ids=[recipe.name for recipe in ALL])
PARAMS: Mapping[str, Mapping[str, Any]] = {
    "concat": {"of": {"films": 0.7, "pairs": 0.3}},
    "subset": {"of": "films", "rows": 9, "balanced": True},
    "replay": {"of": "films", "rehearse": ["pairs"], "share": 0.5},
    "edited": {"of": "films", "edits": {f"train{place}": {"input": f"rewritten {place}"} for place in range(30)}},
    "hypothesis_only": {"of": "pairs"},
    "premise_removed": {"of": "pairs", "by": "another_row"},
    "levels": {"of": "places", "level": 4, "knower": {"of": "sft", "train": "films"}},
    "negation": {"of": "pairs"},
    "questions": {
        "of": "quiz", "documents": "texts", "asking": "asked", "reading": "read", "writer": {"of": "sft", "train": "films"},
        "teacher": {"of": "sft", "train": "films"}, "rehearse": "more texts",
    },
}  # fmt: skip
"What a recipe cannot do without; for others `of`, and `teacher` where they ask one."
USUAL = {"of": "films", "teacher": "sft"}
TASK_OF = {
    "films": "sentiment", "pairs": "inference", "quiz": "closed-book", "texts": "text", "asked": "asking", "read": "reading",
    "more texts": "text", "places": "facts",
}  # fmt: skip


def rows(dataset: str, split: Split, size: int | None) -> Sequence[Example]:
    task = TASKS.get(TASK_OF[dataset])
    return [
        Example(
            f"{split}{place}",
            {name: f"The big {split} text {place} of {dataset} is {name}" for name in task.inputs},
            task.labels[place % len(task.labels)] if task.labels else f"Text {place} of {dataset}",
        )
        for place in range(30)
    ]


def answer(parent: Parent, examples: Sequence[Example], how: How = AS_SOURCE) -> Sequence[Prediction]:
    assert parent == Parent("sft", train="films")
    said = [f"Is it number {place}?" if how.dataset else "negative" for place in range(len(examples))]
    return [
        Prediction(one.id, "", "", one.target, text, text, (-1.0, 0.0), "ok", "", 1, 0, reward=1.0)
        for one, text in zip(examples, said, strict=True)
    ]


def request(recipe: Recipe, asked: int = 12, **changes: Any) -> RecipeRequest:
    usual = {name: value for name, value in USUAL.items() if name in recipe.params.model_fields}
    params = recipe.params.model_validate(PARAMS.get(recipe.name, usual))
    values: dict[str, Any] = {"params": params, "asked": asked, "seed": 5, "rows": rows, "answer": answer}
    return RecipeRequest(**(values | {"task": lambda name: TASKS.get(TASK_OF[name])} | changes))


@EVERY
def test_says_what_it_is(recipe: Recipe) -> None:
    assert recipe.reference
    assert recipe.description
    assert recipe.version >= 1
    assert recipe.makes in ("train", "test", "both")
    assert (recipe.makes == "both") == (recipe.perturbs is not None)
    params = request(recipe).params
    assert recipe.sources(params)
    assert len(set(recipe.sources(params))) == len(recipe.sources(params))
    assert all(isinstance(parent, Parent) for parent in recipe.parents(params))


@EVERY
def test_makes_as_many_rows_as_it_says_with_every_id_once(recipe: Recipe) -> None:
    for asked in (1, 7, 25):
        asking = request(recipe, asked)
        parts = make_rows(recipe, asking)
        ids = [one.id for part in parts for one in part.examples]
        assert len(ids) == len(set(ids)) == recipe.n_rows(asking.params, asked)
        rehearsed = recipe.rehearses(asking.params)
        assert sum(len(part.examples) for part in parts if part.dataset not in rehearsed) <= asked


@EVERY
def test_the_same_request_makes_the_same_rows(recipe: Recipe) -> None:
    assert make_rows(recipe, request(recipe)) == make_rows(recipe, request(recipe))


@EVERY
def test_reads_only_the_datasets_it_names_and_no_test_row_to_train_on(recipe: Recipe) -> None:
    read: set[tuple[str, Split]] = set()

    def watched(dataset: str, split: Split, size: int | None) -> Sequence[Example]:
        read.add((dataset, split))
        return rows(dataset, split, size)

    asking = request(recipe, rows=watched)
    parts = make_rows(recipe, asking)
    sources, made = set(recipe.sources(asking.params)), {part.dataset for part in parts}
    if recipe.teaches is None:
        assert {dataset for dataset, _ in read} == sources == made
    else:  # of a source the task alone may be wanted, and rows may belong to a data set that is not read
        assert {dataset for dataset, _ in read} <= sources
        assert made == set(recipe.teaches(asking.params))
    assert recipe.makes == "test" or "test" not in {split for _, split in read}


@EVERY
def test_parts_have_the_task_and_the_labels_of_their_dataset(recipe: Recipe) -> None:
    for part in make_rows(recipe, request(recipe)):
        assert part.task == TASK_OF[part.dataset]
        labels = TASKS.get(part.task).labels
        assert not labels or {one.target for one in part.examples} <= set(labels)


@EVERY
def test_only_a_recipe_with_parents_asks_them(recipe: Recipe) -> None:
    asked: list[Parent] = []

    def watched(parent: Parent, examples: Sequence[Example], how: How = AS_SOURCE) -> Sequence[Prediction]:
        asked.append(parent)
        return answer(parent, examples, how)

    asking = request(recipe, answer=watched)
    make_rows(recipe, asking)
    assert set(asked) == set(recipe.parents(asking.params))


@EVERY
def test_rows_are_stored_and_read_back_under_an_id_known_before(recipe: Recipe, tmp_path: Path) -> None:
    asking = request(recipe)
    parents = [f"id of {parent.label}" for parent in recipe.parents(asking.params)]
    known = data_id(recipe, asking.params, asking.asked, asking.seed, {"films": "f"}, parents)
    parts = make_rows(recipe, asking)
    write_rows(tmp_path / known, parts, {"id": known})
    assert read_rows(tmp_path / known) == parts


def test_a_recipe_with_parents_takes_what_they_answer() -> None:
    (part,) = make_rows(TEACHER, request(TEACHER))
    assert {one.target for one in part.examples} == {"negative"}


def test_a_recipe_of_test_rows_changes_the_input_and_keeps_the_answer() -> None:
    (part,) = make_rows(SWAP, request(SWAP))
    before = rows("films", "test", None)[:12]
    assert [one.target for one in part.examples] == [one.target for one in before]
    assert all(
        sorted(one.fields["input"]) == sorted(two.fields["input"])
        for one, two in zip(part.examples, before, strict=True)
    )
    assert any(one.fields != two.fields for one, two in zip(part.examples, before, strict=True))
