"""Ask a judge: a run's answers → questions in both orders → a base model → what it said, kept as it comes → its numbers.

The one part of judging that needs a model. A judge is a base like any other, so how it is loaded or reached, how text becomes tokens and how labels
are scored is the work of `work.answer`; what is here is which questions are still open. Answers are kept in blocks under `RUN/judges/`, so
a run that was stopped goes on, and a question that was answered is never asked again, whatever else is judged with it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hanka.analysis.evidence import load_evidence
from hanka.declared.source import Source
from hanka.errors import JudgeError, UnitError
from hanka.operations.judging.measures import measure
from hanka.operations.judging.people import read_people, require_people, sheet
from hanka.operations.judging.questions import Judged, JudgedRow, judged_rows, limited
from hanka.operations.judging.results import Measures, as_json
from hanka.operations.judging.spec import AskedJudge
from hanka.operations.judging.stored import ANSWERS, folder_of, read_said
from hanka.operations.judging.verdicts import Said, verdicts_of
from hanka.plan import Plan, PlannedVariant, build_plan
from hanka.plan.records import PlannedParent
from hanka.records import Example, Prediction
from hanka.store.folder import RunFolder, make_folder, write_json, write_table, write_text
from hanka.study.resolve import resolve
from hanka.study.source import STUDY
from hanka.tasks.base import FIELD
from hanka.work.adapt import make_variant
from hanka.work.answer import Question, answer_question
from hanka.work.place import Workplace

BLOCK = 64
"Questions between two writes."
TASK, DATASET = "verdict", "judged"
Report = Callable[[str, float], None]


@dataclass(frozen=True, slots=True, eq=False)
class Heard:
    """What a judge said, and what it is worth."""

    judge: str
    "Name of the base."
    measures: Measures
    "Its numbers."
    folder: Path
    "Where its answers are."
    n_asked: int
    "Questions that were asked now; 0: all were answered before."
    n_questions: int
    "Different questions, both orders counted."


def sheet_of(run: RunFolder, asked: AskedJudge) -> str:
    """Return a CSV of rows for people to label. Raises HankaError in one line."""
    run.require_format()
    return sheet(asked, judged_rows(asked, load_evidence(run)))


def hear(run: RunFolder, asked: AskedJudge, report: Report) -> Heard:
    """Ask a judge what is still open and weigh what it said. Raises HankaError in one line.

    Nothing is asked before enough rows are labelled by people.
    """
    run.require_format()
    evidence = load_evidence(run)
    judged = judged_rows(asked, evidence)
    people = read_people(asked, evidence, judged)
    require_people(asked, people)
    judged = limited(asked, judged, people.labels)
    spec = asked.spec
    place = folder_of(run.path, spec)
    plan = build_plan(_study(asked, judged, place))
    planned = next(iter(plan.variants.values()))
    folder = RunFolder(place / planned.variant.id)
    make_folder(folder.path)
    with folder.lock():
        said, n_asked = _ask(plan, planned, folder, judged, report)
        found = measure(spec, judged, verdicts_of(spec, judged, said), people)
        name = planned.model.name
        write_json(folder.path / "judge.json", {"judge": name, "question": spec.question} | as_json(found))
    n_questions = len({row.question(turned) for row in judged.rows for turned in (False, True)})
    return Heard(name, found, folder.path, n_asked, n_questions)


def _study(asked: AskedJudge, judged: Judged, place: Path) -> Any:
    """Return the study of one base and one task that a judge is: checked as every study is, its mistakes told of the judge's file.

    Its data set holds a few of the questions, for a study has one; they are neither asked nor scored there.
    """
    spec = asked.spec
    names = list(dict.fromkeys(FIELD.findall(spec.question)))
    rows = [
        {name: row.fields[0][name] for name in names} | {"output": spec.words[at % len(spec.words)]}
        for at, row in enumerate(_speaking(judged, names))
    ]
    shown = place / "rows.jsonl"
    write_text(shown, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    values = {
        "name": "judge",
        "base": spec.base,
        "datasets": {
            DATASET: {
                "task": TASK, "domain": DATASET, "test": str(shown.resolve()), "fields": {one: one for one in (*names, "output")},
            }
        },
        "tasks": {
            TASK: {
                "kind": "classification", "labels": list(spec.words), "prompt": spec.question, "train": None, "in_domain": [DATASET],
            }
        },
        "methods": ["base"],
        "tokens": spec.tokens,
    }  # fmt: skip
    source = Source(STUDY, asked.source.path, values, asked.source.lines)
    study = resolve(source, asked.base or None)
    if len(study.models) != 1 or not study.models[0].is_language_model:
        raise asked.error(("base",), "a judge is one language model; name one")
    return study


def _speaking(judged: Judged, names: Sequence[str], n: int = 8) -> list[JudgedRow]:
    """Return the first rows whose texts are not empty. Raises JudgeError where there is none."""
    found = [row for row in judged.rows if all(row.fields[0][name].strip() for name in names)][:n]
    if not found:
        raise JudgeError(f"every row has an empty {' or '.join(names)}, so there is nothing to judge")
    return found


def _ask(
    plan: Plan, planned: PlannedVariant, folder: RunFolder, judged: Judged, report: Report
) -> tuple[Mapping[str, Said], int]:
    """Ask the questions that have no answer yet, block by block; returns all answers, and how many were asked now."""
    said = read_said(folder.path)
    todo: dict[str, Example] = {}
    for row in judged.rows:
        for turned in (False, True):
            question = row.question(turned)
            if question not in said or said[question].failure:
                label = plan.study.tasks[TASK].task.labels[0]  # a target that nothing is scored by
                todo[question] = Example(question, row.fields[turned], label)
    if not todo:
        return said, 0
    place = Workplace(plan, folder, report)
    make_variant(place, planned)
    keys = list(todo)
    n_blocks = len(list(folder.path.glob(ANSWERS)))
    try:
        for start in range(0, len(keys), BLOCK):
            report(f"asking {planned.model.name}", start / len(keys))
            examples = tuple(todo[key] for key in keys[start : start + BLOCK])
            asked = Question(PlannedParent(planned.variant.id, None), examples, TASK, "p1")
            found = answer_question(place, asked)
            _write(folder.path / f"answers-{n_blocks:05d}.parquet", found)
            n_blocks += 1
    except UnitError as error:
        raise JudgeError(
            f"the judge {planned.model.name} does not answer: {error}; what it answered before is kept"
        ) from None
    finally:
        place.resident.drop()
    return read_said(folder.path), len(keys)


def _write(path: Path, predictions: Sequence[Prediction]) -> None:
    import pyarrow as pa

    columns = {
        "question": pa.array([one.sample_id for one in predictions], pa.string()),
        "prompt": pa.array([one.prompt for one in predictions], pa.string()),
        "output": pa.array([one.output for one in predictions], pa.string()),
        "answer": pa.array([one.parsed for one in predictions], pa.string()),
        "failure": pa.array(
            [(one.reason or "no answer came") if one.status == "failed" else "" for one in predictions], pa.string()
        ),
        "label_scores": pa.array([one.label_scores for one in predictions], pa.list_(pa.float64())),
    }
    write_table(path, pa.table(columns))
