"""`explained`: the pairs a study asks for, each with an explanation behind its answer.

Explanations come from a file of the user (`file`, JSON lines with `id`, or `left` and `right`, and `explanation`), from a variant that is asked
for them (`teacher`), or else from a rule, which is a baseline and says so. A teacher is judged first (`fitness`). What is not in its form is counted and
told; such a row teaches its answer alone (`malformed: plain`) or is left out (`malformed: leave_out`). Without either choice nothing differs
from the plain arm but what stands behind the answers.
Source: Steiner, Peeters & Bizer (2024), arXiv 2409.08185. Limits: whether an explanation is true is not judged.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, model_validator

from hanka.datasets.files import read_rows
from hanka.datasets.matching.asked import to_explain
from hanka.datasets.matching.explanations import Form, explained_target, read_explanation
from hanka.datasets.matching.rules import rule_explanation
from hanka.errors import DataError
from hanka.methods.contract import ParentRef
from hanka.recipes.contract import How, Recipe, RecipeRequest
from hanka.recipes.matching import REFERENCE, PairsParams, drawn
from hanka.recipes.matching.fitness import require_fit
from hanka.records import Example, Parent, Part
from hanka.registry import Names
from hanka.store.paths import as_path

MOST_TOLD = 5


class ExplainedParams(PairsParams):
    """Which form, and where explanations come from."""

    form: Form = "structured"
    "long, short, structured, or structured without importance, or without importance and similarity."
    file: str | None = Field(default=None, min_length=1)
    "File of explanations: JSON lines, csv or parquet with `explanation` and the pair's `id`, or its `left` and `right`."
    attributes: Names = ()
    "Attributes that a rule explains (default: all that a record has)."
    teacher: ParentRef | None = None
    "Entry of `methods` that is asked for explanations."
    asking: str | None = Field(default=None, min_length=1)
    "Data set of the task a teacher is asked by (default: NAME-explaining of `of`)."
    tokens: int = Field(default=200, ge=1)
    "Tokens of a teacher's explanation at most."
    malformed: Literal["plain", "leave_out"] = "plain"
    "What becomes of a row whose explanation is missing or not in its form."
    texts: Mapping[str, str] = {}
    "The same written into the study: explanation by id of the pair."

    @model_validator(mode="after")
    def _one_origin(self) -> ExplainedParams:
        if sum(map(bool, (self.file, self.texts, self.teacher))) > 1:
            raise ValueError("`file`, `texts` and `teacher` all say where explanations come from: write one of them")
        return self

    @property
    def asked_by(self) -> str:
        """Return the data set whose task a teacher is asked."""
        return self.asking or f"{self.of}-explaining"


def load_explanations(params: ExplainedParams, folder: Path) -> ExplainedParams:
    """Return the parameters with the explanations of their file. Raises DataError that names the row."""
    if params.file is None:
        return params
    found: dict[str, str] = {}
    for row in read_rows(as_path(params.file, folder)):
        if row.fault:
            raise DataError(f"{row.place} {row.fault}")
        values = row.values
        key = str(values["id"]) if values.get("id") else _key(str(values.get("left", "")), str(values.get("right", "")))
        text = values.get("explanation")
        if key == _key("", "") or not isinstance(text, str) or not text.strip():
            raise DataError(
                f"{row.place}: expected `explanation` that is text, and `id` or `left` and `right`; found {', '.join(values)}"
            )
        if found.setdefault(key, text) != text:
            raise DataError(f"{row.place}: a second explanation of one pair; keep one of them")
    return params.model_copy(update={"file": None, "texts": found})


def _key(left: str, right: str) -> str:
    return json.dumps([left, right], ensure_ascii=False)


def make_explained(request: RecipeRequest) -> tuple[Part, ...]:
    """Put explanations behind answers. Raises UnitError for a teacher that is not fit, DataError where no row has an explanation."""
    params: ExplainedParams = request.params
    rows = drawn(request)
    texts = _texts(request, params, rows)
    reasons: Counter[str] = Counter()
    first: dict[str, str] = {}
    made: list[Example] = []
    for row, text in zip(rows, texts, strict=True):
        found = read_explanation(text, params.form)
        for one in found.malformed:
            reasons[one.reason] += 1
            first.setdefault(one.reason, one.line[:200])
        if found.is_whole:
            made.append(replace(row, target=explained_target(row.target, text.strip())))
        elif params.malformed == "plain":
            made.append(row)
    n_whole = sum(1 for row in made if "\n" in row.target)
    request.tell({"explanations": _told(params, rows, n_whole, reasons, first)})
    if not n_whole:
        why = "; ".join(f"{n} × {reason} ({first[reason][:60]!r})" for reason, n in reasons.most_common(MOST_TOLD))
        raise DataError(f"none of {len(rows)} pairs of {params.of} has an explanation in the form {params.form}: {why}")
    return (Part(request.task(params.of).name, params.of, tuple(made)),)


def _texts(request: RecipeRequest, params: ExplainedParams, rows: Sequence[Example]) -> list[str]:
    """Return an explanation of each row, empty where there is none."""
    if params.texts:
        return [
            params.texts.get(row.id) or params.texts.get(_key(row.fields["left"], row.fields["right"]), "")
            for row in rows
        ]
    if params.teacher is None:
        positive = request.task(params.of).labels[0]
        return [rule_explanation(row, params.form, row.target == positive, params.attributes) for row in rows]
    parent = params.teacher.parent
    require_fit(request, parent, params.of)
    asked = [to_explain(row, params.form) for row in rows]
    answers = request.answer(parent, asked, How(params.asked_by, params.tokens))
    return [one.output or "" for one in answers]


def _told(
    params: ExplainedParams, rows: Sequence[Example], n_whole: int, reasons: Mapping[str, int], first: Mapping[str, str]
) -> dict[str, Any]:
    origin = "file" if params.texts else "teacher" if params.teacher else "rule"
    lines = [f"{n_whole} of {len(rows)} pairs with an explanation ({params.form}, by {origin})"]
    lines += [f"{n} malformed: {reason} ({first[reason][:60]!r})" for reason, n in sorted(reasons.items())][:MOST_TOLD]
    return {
        "form": params.form, "origin": origin, "n": len(rows), "whole": n_whole, "malformed": dict(sorted(reasons.items())),
        "malformed_first": dict(sorted(first.items())), "said": lines,
    }  # fmt: skip


def _parents(params: Any) -> tuple[Parent, ...]:
    return (params.teacher.parent,) if params.teacher else ()


def _sources(params: ExplainedParams) -> tuple[str, ...]:
    return (params.of, params.asked_by) if params.teacher else (params.of,)


EXPLAINED = Recipe(
    name="explained",
    reference=REFERENCE,
    description="pairs with an explanation behind each answer: of a file, of a variant, or by rule (a baseline)",
    params=ExplainedParams,
    makes="train",
    sources=_sources,
    teaches=lambda params: (params.of,),
    n_rows=lambda params, asked: asked,
    may_make_fewer=True,
    make=make_explained,
    parents=_parents,
    load=load_explanations,
)
