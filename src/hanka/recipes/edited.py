"""Rows that you rewrote: counterfactual edits, which change what is right, or another wording, which does not.

The file has a line per row: `id` of the row it was made from, the fields that are new (an input field that is missing or empty stays), and `output`
where the right answer is another one now. Rows without a line are left out on both sides, and counted.
Sources: Kaushik, Hovy & Lipton (2020), "Learning the difference that makes a difference with counterfactually-augmented data", arXiv 1909.12434;
Gardner et al. (2020), "Evaluating models' local decision boundaries via contrast sets", arXiv 2004.02709.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from pydantic import Field, model_validator

from hanka.datasets.files import Row, read_rows
from hanka.errors import DataError, nearest
from hanka.recipes.changes import Changed, ChangeRequest, Perturbing
from hanka.recipes.perturbing import PerturbParams, perturbation
from hanka.records import Example
from hanka.store.paths import as_path
from hanka.tasks.base import Task

ID, OUTPUT = "id", "output"
NO_EDIT = "has no edit"
SAME = "its edit changes nothing"


class EditedParams(PerturbParams):
    """Where the new texts stand."""

    file: str = ""
    "File with the edits, seen from the study file: jsonl, csv, tsv or parquet with `id`, changed fields and `output`."
    fields: dict[str, str] = Field(default_factory=dict)
    "Task field → column of the file, as of a data set; `output` and `id`, too (default: columns are called as the fields are)."
    edits: dict[str, dict[str, str]] = Field(default_factory=dict)
    "The same written into the study: row id → field → new text; `output` is the new answer."

    @model_validator(mode="after")
    def _one_place(self) -> EditedParams:
        if bool(self.file) == bool(self.edits):
            said = "both are given" if self.file else "neither is given"
            raise ValueError(f"edits come from `file` or from `edits`, and {said}; write one of them")
        return self


def load_edits(params: EditedParams, folder: Path) -> EditedParams:
    """Return the parameters with the content of the file. Raises DataError in one line."""
    if not params.file:
        return params
    found: dict[str, dict[str, str]] = {}
    for row in read_rows(as_path(params.file, folder)):
        one = _edit(row, params.fields)
        if one[ID] in found:
            raise DataError(f"{row.place}: id {one[ID]!r} stands twice; keep one edit of a row")
        found[one.pop(ID)] = one
    return params.model_copy(update={"file": "", "fields": {}, "edits": found})


def _edit(row: Row, fields: Mapping[str, str]) -> dict[str, str]:
    """Return a line's values as text by field, the empty ones left out. Raises DataError where it cannot be read."""
    if row.fault:
        raise DataError(f"{row.place} {row.fault}")
    for name, column in fields.items():
        if column not in row.values:
            raise DataError(f"{row.place} has no column {column!r} for {name}: {nearest(column, list(row.values))}")
    called = {column: name for name, column in fields.items()}
    given = {called.get(str(name), str(name)): value for name, value in row.values.items() if value not in (None, "")}
    for name, value in given.items():
        if isinstance(value, (dict, list, bool)):
            raise DataError(f"{row.place}: {name} is {value!r:.60}; write text")
    if ID not in given:
        raise DataError(f"{row.place} has no `id`: say which row it was made from")
    return {name: str(value) for name, value in given.items()}


def change(request: ChangeRequest) -> list[Changed]:
    """Put the new texts in. Raises DataError for ids that no row has, unknown fields, and answers that are no label."""
    edits, task = request.params.edits, request.task
    known = request.ids()
    strange = next((one for one in edits if one not in known), None)
    if strange is not None:
        raise DataError(
            f"id {strange!r} of an edit is no row of {request.params.of}: {nearest(strange, sorted(known))}"
        )
    for one, edit in edits.items():
        _require_known(one, edit, task)
    return [_row(row, edits.get(row.id), task) for row in request.rows]


def _require_known(row_id: str, edit: dict[str, str], task: Task) -> None:
    allowed = (*task.inputs, OUTPUT)
    for name in edit:
        if name not in allowed:
            raise DataError(
                f"the edit of {row_id!r} has {name!r}, and task {task.name} has no such field: {nearest(name, allowed)}"
            )
    if task.labels and OUTPUT in edit and edit[OUTPUT] not in task.labels:
        raise DataError(f"the edit of {row_id!r} has output {edit[OUTPUT]!r}: {nearest(edit[OUTPUT], task.labels)}")


def _row(row: Example, edit: dict[str, str] | None, task: Task) -> Changed:
    if edit is None:
        return Changed(None, NO_EDIT)
    fields = {name: text for name, text in edit.items() if name != OUTPUT and row.fields.get(name) != text}
    target = edit.get(OUTPUT, row.target)
    if not fields and target == row.target:
        return Changed(None, SAME)
    example = replace(row, fields={**row.fields, **fields}, target=target)
    return Changed(example, "", len(task.inputs), len(task.inputs), len(fields))


EDITED = perturbation(
    "edited",
    EditedParams,
    Perturbing(change, "another"),
    reference="Kaushik et al. (2020), arXiv 1909.12434; Gardner et al. (2020), arXiv 2004.02709",
    description="rows as you rewrote them: counterfactual, or in another wording",
    load=load_edits,
)
