"""What a study says of the inputs before it was run: from its file and its rows, nothing from answers.

study → **inputs**. Kinds and counts are declared by the study file; rows that are here are counted and read. Rows that cannot be had
leave their inputs unknown, with a note.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hanka.advise.focus import ASKED_KINDS, names
from hanka.advise.inputs import Given, counted
from hanka.advise.measured import form_of, kinds, task_formats
from hanka.advise.texts import entropy
from hanka.advise.usable import Needs
from hanka.costs.sizes import token_counter
from hanka.datasets.base import Dataset
from hanka.errors import DataError, DownloadError, HankaError, nearest
from hanka.records import Example, Split
from hanka.study.resolve import load_study
from hanka.study.resolved import Study, TaskUse

MOST_TEXTS = 2000
"Rows of a test set that are read for their texts."


@dataclass(frozen=True, slots=True)
class Studied:
    """What a study file came to."""

    study: Study
    "The study."
    tasks: tuple[str, ...]
    "Tasks to be solved."
    inputs: dict[str, Given]
    "What it says."
    needs: Needs
    "What it says of the longest prompt."
    texts: tuple[str, ...]
    "Training rows as they are asked; empty where they are not here."
    notes: tuple[str, ...]
    "What could not be read."


def study_inputs(path: Path, task: str = "") -> Studied:
    """Read a study file and the rows it names. task: the only one to be solved; empty: all that are trained. Raises HankaError in one line."""
    study = load_study(path)
    asked = [name for name, use in study.tasks.items() if use.task.kind in ASKED_KINDS]
    if not asked:
        raise HankaError(f"{path}: no task of this study answers a request, so there is nothing to advise on")
    if task and task not in asked:
        raise HankaError(f"--task {task!r}: no task of {path} that answers requests: {nearest(task, asked)}")
    tasks = (task,) if task else tuple(name for name in asked if study.tasks[name].train) or tuple(asked)
    found = task_formats(
        {name: form_of(study.tasks[name].task.kind, study.tasks[name].task.labels) for name in tasks}, "study"
    )
    if len(tasks) > 1:
        return Studied(study, tasks, found, Needs(), (), ())
    use = study.tasks[tasks[0]]
    found |= kinds(use.task.kind, tasks[0], "study")
    rows, notes = _rows(use)
    return Studied(
        study, tasks, found | _of_rows(study, use, rows), _needs(study, use, rows), _asked(use, rows[0]), notes
    )


Rows = tuple[Sequence[Example], Sequence[Example]]


def _rows(use: TaskUse) -> tuple[Rows, tuple[str, ...]]:
    """Return training and in-domain test rows of a task as far as they are here, and what could not be read."""
    found: list[Sequence[Example]] = []
    notes: list[str] = []
    sides: tuple[tuple[Dataset | None, Split], ...] = (
        (use.train, "train"),
        (use.in_domain[0] if use.in_domain else None, "test"),
    )
    for dataset, split in sides:
        rows: Sequence[Example] = ()
        if dataset is not None:
            try:
                rows = dataset.load(split)
            except (DataError, DownloadError) as error:
                notes.append(f"{dataset.name}: rows were not read ({error})")
        found.append(rows)
    return (found[0], found[1]), tuple(notes)


def _of_rows(study: Study, use: TaskUse, rows: Rows) -> dict[str, Given]:
    """Count the rows of the smallest class, and measure what the references of a written task say."""
    training, test = rows
    found: dict[str, Given] = {}
    if training and use.train is not None:
        counts = Counter(row.target for row in training)
        fewest = min(counts[label] for label in use.task.labels) if use.task.labels else len(training)
        found["rows_per_class"] = counted(float(fewest), "rows", len(training), use.train.name)
    if use.task.kind == "generation" and test:
        tests = names([dataset.name for dataset in use.in_domain[:1]])
        found |= entropy([row.target for row in test[:MOST_TEXTS]], study.spec.stats.level, tests, "rows")
    return found


def _needs(study: Study, use: TaskUse, rows: Rows) -> Needs:
    """Count the longest prompt with room for its answer, with the first base's tokenizer where it is on this machine."""
    _, test = rows
    texts = [use.task.render(row, prompt) for row in test[:MOST_TEXTS] for prompt in (next(iter(use.task.prompts)),)]
    if not texts:
        return Needs()
    model = study.models[0]
    count = token_counter(model)
    longest = max(count(text) for text in texts)
    answer = (
        study.spec.eval.max_new_tokens
        if use.task.is_written
        else max((count(one) for one in use.task.labels), default=0)
    )
    return Needs(longest_prompt_tokens=int(longest + answer + 0.5), counted_by=model.name)


def _asked(use: TaskUse, training: Sequence[Example]) -> tuple[str, ...]:
    prompt = next(iter(use.task.prompts))
    return tuple(use.task.render(row, prompt) for row in training)
