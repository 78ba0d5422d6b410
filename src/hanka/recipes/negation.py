"""The statement of a row negated, and its target with it: does an answer follow what is said, or the words it is said with?

One field is negated, or its negation undone: the last one of the task (the hypothesis of a pair). What is right afterwards follows from `labels`;
of inference it is known: what followed is contradicted, what was contradicted follows, what was open stays open. For other tasks the study says it, and
rows whose label it leaves open are left out. Texts that are no plain statement are left out, too: negation is made where it is sure, not everywhere.
Sources: Hossain et al. (2020), "An analysis of natural language inference benchmarks through the lens of negation", EMNLP; Naik et al. (2018),
arXiv 1806.00692. Limits: languages and forms of `negation_en` and `negation_ja`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from pydantic import Field

from hanka.errors import DataError, nearest
from hanka.recipes import negation_en, negation_ja
from hanka.recipes.changes import Changed, ChangeRequest, Perturbing
from hanka.recipes.perturbing import NO_LANGUAGE, PerturbParams, language_of, perturbation, require_field
from hanka.records import Example
from hanka.tasks.base import Task

UNKNOWN = "its label under negation is not known"
KNOWN: tuple[Mapping[str, str], ...] = (
    {"entailment": "contradiction", "contradiction": "entailment", "neutral": "neutral"},
    {"含意": "矛盾", "矛盾": "含意", "中立": "中立"},
)
"Labels whose change follows from logic: of a pair, when the second text is negated."
RULES = {"en": negation_en.negated, "ja": negation_ja.negated}


class NegationParams(PerturbParams):
    """What is negated, and what is right afterwards."""

    field: str = ""
    "Input field that is negated (default: the last one of the task, of a pair the hypothesis)."
    labels: dict[str, str | None] = Field(default_factory=dict)
    "Label → label after negation; null, or none given, leaves such rows out (default: known for three-way inference alone)."


def change(request: ChangeRequest) -> list[Changed]:
    """Negate one field of every row. Raises DataError where nothing says what is right afterwards."""
    params: NegationParams = request.params
    if params.field:
        require_field(params.field, request.task)
    labels = labels_after(params, request.task)
    name = params.field or request.task.inputs[-1]
    return [_row(row, name, labels) for row in request.rows]


def labels_after(params: NegationParams, task: Task) -> Mapping[str, str | None]:
    """Return label → label after negation. Raises DataError in one line where it is not known."""
    for word in (*params.labels, *(one for one in params.labels.values() if one is not None)):
        if word not in task.labels:
            raise DataError(f"{word!r} is not a label of task {task.name}: {nearest(word, task.labels)}")
    if params.labels:
        return params.labels
    found = next((known for known in KNOWN if set(known) == set(task.labels)), None)
    if found is None:
        said = ", ".join(f"{label}: …" for label in task.labels[:3]) or "…: …"
        raise DataError(
            f"negation changes what is right, and for task {task.name} nothing says how: write `labels: {{{said}}}`, null where it is not known"
        )
    if params.field and params.field != task.inputs[-1]:
        raise DataError(
            f"what follows when {params.field} is negated is not known: negate {task.inputs[-1]}, or write `labels:` yourself"
        )
    return found


def _row(row: Example, name: str, labels: Mapping[str, str | None]) -> Changed:
    target = labels.get(row.target)
    if target is None:
        return Changed(None, UNKNOWN)
    language = language_of(row.fields[name])
    if language is None:
        return Changed(None, NO_LANGUAGE)
    found = RULES[language](row.fields[name])
    if found.text is None:
        return Changed(None, found.why)
    example = replace(row, fields={**row.fields, name: found.text}, target=target)
    return Changed(example, "", found.n_units, found.n_can, found.n_changed)


NEGATION = perturbation(
    "negation",
    NegationParams,
    Perturbing(change, "another"),
    reference="Naik et al. (2018), arXiv 1806.00692; Hossain et al. (2020), EMNLP",
    description="rows with the last text negated and the target changed by rule",
)
