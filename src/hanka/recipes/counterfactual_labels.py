"""Rows whose label words mean something else: does a model follow what it is shown, or what it knows?

Every label takes the place of another one, in the query's target and in all demonstrations before it (`labels:`; by default each the next one of the
task, the last the first: of two labels they change places). Texts stay. What the words mean is told by the demonstrations (such rows are asked with
one or more), or with `told: prompt` by a sentence before the first field, in the language of the row. Trained on (`on: NAME`) it is the
control whose labels are permuted: what it gains on the true labels is not learnt from them.
Source: Wei et al. (2023), "Larger language models do in-context learning differently", arXiv 2303.03846, flipped labels; they flip shares of the
demonstrations, here all are. Limits: classification alone; what a served model is told in its system turn is not changed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Literal

from pydantic import Field

from hanka.errors import DataError, nearest
from hanka.recipes.changes import Changed, ChangeRequest, Perturbing
from hanka.recipes.perturbing import PerturbParams, language_of, perturbation
from hanka.records import Example
from hanka.tasks.base import Task

UNCHANGED = "its label keeps its meaning"
FEWEST_LABELS = 2
SAYS = {
    "en": ("In what follows, {pairs}.", "“{new}” stands for “{old}”", ", "),
    "ja": ("以下では、{pairs}とします。", "「{old}」を「{new}」", "、"),
}
"How a row says what the words mean: sentence, each pair, what stands between them."


class CounterfactualLabelsParams(PerturbParams):
    """Which label stands for which, and who says so."""

    labels: dict[str, str] = Field(default_factory=dict)
    "Label → word that stands for it; each label and each word once (default: each the next one of the task, the last the first)."
    told: Literal["demonstrations", "prompt"] = "demonstrations"
    "Who tells what the words mean: the demonstrations, of which there must be one; or a sentence before the first field."


def words_for(params: CounterfactualLabelsParams, task: Task) -> dict[str, str]:
    """Return label → word that stands for it. Raises DataError where it is no exchange of the task's labels."""
    if len(task.labels) < FEWEST_LABELS:
        raise DataError(f"task {task.name} has no labels that could change places: name a classification")
    if not params.labels:
        return dict(zip(task.labels, (*task.labels[1:], task.labels[0]), strict=True))
    for word in (*params.labels, *params.labels.values()):
        if word not in task.labels:
            raise DataError(f"{word!r} is not a label of task {task.name}: {nearest(word, task.labels)}")
    found = {label: params.labels.get(label, label) for label in task.labels}
    twice = [word for word in found.values() if list(found.values()).count(word) > 1]
    if twice:
        raise DataError(f"{twice[0]!r} would stand for two labels of task {task.name}: let labels change places")
    if all(label == word for label, word in found.items()):
        raise DataError(
            f"no label of task {task.name} changes: write `labels: {{{task.labels[0]}: {task.labels[1]}, …}}`"
        )
    return found


def change(request: ChangeRequest) -> list[Changed]:
    """Give every row the word that stands for its label. Raises DataError for a task without labels."""
    words = words_for(request.params, request.task)
    return [_row(request, row, words) for row in request.rows]


def _row(request: ChangeRequest, row: Example, words: Mapping[str, str]) -> Changed:
    new = words.get(row.target)
    if new is None or (new == row.target and request.params.told == "demonstrations"):
        return Changed(None, UNCHANGED)
    fields = dict(row.fields)
    if request.params.told == "prompt":
        first = request.task.inputs[0]
        fields[first] = f"{told(words, fields[first])}\n{fields[first]}"
    return Changed(replace(row, fields=fields, target=new), "", 1, 1, int(new != row.target))


def told(words: Mapping[str, str], text: str) -> str:
    """Return the sentence that says what the words mean, in Japanese before a Japanese text, else in English."""
    sentence, pair, between = SAYS["ja" if language_of(text) == "ja" else "en"]
    pairs = [pair.format(old=old, new=new) for old, new in words.items() if old != new]
    return sentence.format(pairs=between.join(pairs))


def shown(params: CounterfactualLabelsParams, rows: Sequence[Example], task: Task) -> list[Example]:
    """Return demonstrations with the words that stand for their labels."""
    words = words_for(params, task)
    return [replace(row, target=words.get(row.target, row.target)) for row in rows]


COUNTERFACTUAL_LABELS = perturbation(
    "counterfactual_labels",
    CounterfactualLabelsParams,
    Perturbing(change, "another", shown=shown, fewest_shots=lambda params: 1 if params.told == "demonstrations" else 0),
    reference="Wei et al. (2023), arXiv 2303.03846",
    description="rows and demonstrations whose labels have changed places",
)
