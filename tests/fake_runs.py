"""A whole run folder from a toy study without a model: every answer is made up, everything else is real."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hanka.audits import audit_rows
from hanka.identity import sha256_text, stream
from hanka.plan import Plan, PlannedCell, build_plan
from hanka.plan.written import plan_json, written_study
from hanka.records import Prediction
from hanka.store.folder import RunFolder, write_csv, write_json, write_predictions
from hanka.study import places
from hanka.study.resolve import load_study
from hanka.work.baselines import BASELINE_COLUMNS, score_baselines
from hanka.work.samples import write_samples

STUDY = """\
name: fake
base: smollm2-135m-instruct
data: {source: toy}
tasks: {sentiment: {}, detection: {train: null}}
methods: [base, sft, {fticl: {shots: 1}}]
train: {sizes: [8, 16]}
eval: {shots: [0, 2]}
stats: {resamples: 200}
"""


def write_study(folder: Path, text: str = STUDY) -> Path:
    """Write a toy study file."""
    path = folder / "fake.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def fake_run(path: Path, out: Path) -> RunFolder:
    """Write what a run of the study leaves behind before it is analysed; trained variants are right more often."""
    study = load_study(path)
    plan, folder = build_plan(study), RunFolder(out)
    places.write_study(folder.study, *written_study(study))
    write_json(folder.plan, plan_json(plan, f"hanka run {path}"))
    write_json(folder.audits, audit_rows(plan).as_json())
    write_csv(folder.baselines, BASELINE_COLUMNS, score_baselines(plan))
    write_samples(plan, folder)
    for planned in plan.variants.values():
        one = planned.variant
        made = {
            "id": one.id,
            "status": "done",
            "reason": "",
            "tuner": "" if one.is_unadapted else "lora",
            "record": {},
        }
        write_json(folder.variant(one.id) / "variant.json", made)
    for cell in plan.cells.values():
        _answer(plan, folder, cell)
    return folder


def _answer(plan: Plan, folder: RunFolder, cell: PlannedCell) -> None:
    one = cell.cell
    task = plan.study.tasks[one.test_task].task
    right = 0.9 if plan.variants[one.variant_id].variant.train_task else 0.5
    rng = stream("fake", one.id)
    predictions = []
    for example in cell.test.examples:
        wrong = next(label for label in task.labels if label != example.target)
        answer = example.target if rng.random() < right else wrong
        query = task.render(example, one.prompt)
        scores = tuple(-0.1 if label == answer else -2.0 for label in task.labels)
        predictions.append(
            Prediction(example.id, query, sha256_text(query), example.target, answer, answer, scores, "ok", "", 20, 0)
        )
    record: dict[str, Any] = {
        "status": "done", "reason": "", "prefix": "", "labels": list(task.labels), "n": len(predictions), "n_failed": 0,
        "n_unparsed": 0, "n_prompt_tokens": 20, "n_output_tokens": 0, "seconds": 1.0, "device": "fake", "notes": [],
        "scoring": "full", "versions": {}, "batch_tokens": [8192, 8192], "demonstrations": [],
    }  # fmt: skip
    names = ("id", "variant_id", "test_task", "test_dataset", "relation", "shots", "prompt", "draw", "context")
    write_predictions(folder.cell(one.id), predictions, [example.group for example in cell.test.examples])
    write_json(folder.cell(one.id) / "cell.json", {name: getattr(one, name) for name in names} | record)
