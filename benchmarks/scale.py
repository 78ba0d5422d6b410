"""Do plan, report and rerun stay quick when a study is large?

    python -m benchmarks.scale                   # all three, about five minutes
    python -m benchmarks.scale --only report --folder runs/scale   # one of them; the made-up run is kept

plan    10,000 cells are planned                                            in under 3 s
report  `hanka report` over 1,000,000 scored rows (rows of scores.parquet)   in under 30 s and 2 GiB
rerun   `hanka run` on a finished study of 10,000 cells                      in under 2 s

Every command runs in a process of its own; wall seconds with the start of the interpreter, and the peak
resident size the system reports for that process. Answers are made up; study, plan, files and tables are
written by the code that writes them in a run. Prints one JSON object and exits with 1 if a target is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hanka.plan import Plan, PlannedCell
    from hanka.records import Example, Prediction
    from hanka.tasks.base import Task

ROOT = Path(__file__).parents[1]
TARGETS = {
    "plan": {"seconds": 3.0},
    "report": {"seconds": 30.0, "peak_mib": 2048.0},
    "rerun": {"seconds": 2.0},
}
HANKA = (sys.executable, "-m", "hanka.cli")

LARGE_PLAN = """\
name: scale-plan
base: {model}
data: {{source: toy}}
tasks: {{sentiment: {{}}, detection: {{}}, inference: {{}}, summary: {{}}, question: {{}}}}
methods: [base, {{sft: {{r: 8}}}}, {{fticl: {{shots: 2}}}}]
train: {{sizes: [2, 4, 8, 16]}}
eval: {{shots: [0, 1, 2], limit: 10, max_new_tokens: 20}}
stats: {{resamples: 200}}
seeds: {seeds}
"""
SEEDS_OF_PLAN = 14

MANY_ROWS = """\
name: scale-report
base: {model}
methods: [base, {{sft: {{r: 8}}}}]
train: {{sizes: [64]}}
eval: {{shots: [0, 2], max_new_tokens: 60}}
seeds: {seeds}
tasks:
"""
SEEDS_OF_REPORT = 4
TASKS = {
    "sentiment": (("input",), ("positive", "negative")),
    "detection": (("input_1", "input_2"), ("yes", "no")),
    "inference": (("input_1", "input_2"), ("entailment", "neutral", "contradiction")),
    "summary": (("input",), ()),
    "question": (("input", "answer"), ()),
}


def measure(folder: Path | None = None, only: str = "") -> dict[str, Any]:
    """Measure plan, report and rerun; return seconds, peak MiB, counts and targets of each.

    folder: where the made-up runs go; a temporary one by default. only: one of the three.
    """
    with tempfile.TemporaryDirectory(prefix="hanka-scale-") as scratch:
        place = (folder or Path(scratch)).resolve()
        parts = {"plan": _measure_plan, "report": _measure_report, "rerun": _measure_rerun}
        found: dict[str, Any] = {name: part(place) for name, part in parts.items() if only in ("", name)}
    for name, figures in found.items():
        figures["target"] = TARGETS[name]
        figures["met"] = all(figures[key] < limit for key, limit in TARGETS[name].items())
    return found | {"machine": {"cores": os.cpu_count(), "python": sys.version.split()[0]}}


def _measure_plan(place: Path) -> dict[str, Any]:
    study = _prepare(place / "plan", "plan")
    figures = _run([*_self("time-plan"), str(study)])
    return json.loads(figures.pop("output")) | {"process_" + name: value for name, value in figures.items()}


def _measure_report(place: Path) -> dict[str, Any]:
    folder = _prepare(place / "report", "report").parent / "run"
    figures = _run([*HANKA, "report", str(folder)])
    figures.pop("output")
    return figures | json.loads(_run([*_self("count-rows"), str(folder)])["output"])


def _measure_rerun(place: Path) -> dict[str, Any]:
    study = _prepare(place / "rerun", "rerun")
    command = [*HANKA, "run", str(study), "--out", str(study.parent / "run"), "--quiet"]
    first, second = _run(command), _run(command)
    assert "Nothing to do" in second["output"], second["output"][-300:]
    return {"seconds": second["seconds"], "peak_mib": second["peak_mib"], "first_seconds": first["seconds"]} | {
        "cells": len(list((study.parent / "run/cells").iterdir()))
    }


def _self(step: str) -> list[str]:
    return [sys.executable, "-m", "benchmarks.scale", "--step", step]


def _prepare(folder: Path, what: str) -> Path:
    """Write a study and, for report and rerun, its answers, unless they are there; return the study file."""
    if not (folder / "ready").is_file():
        folder.mkdir(parents=True, exist_ok=True)
        _run([*_self(f"write-{what}"), str(folder)])
        (folder / "ready").touch()
    return folder / "study.yaml"


def _run(command: list[str]) -> dict[str, Any]:
    """Run a command; return its output, wall seconds and peak resident size. Its failure is raised."""
    with tempfile.TemporaryFile("w+") as output:
        started = time.perf_counter()
        process = subprocess.Popen(command, stdout=output, cwd=ROOT)
        _, status, usage = os.wait4(process.pid, 0)  # usage of this child alone
        seconds = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        text = output.read()
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command, text)
    scale = 1024 if sys.platform != "darwin" else 1024**2
    return {"seconds": round(seconds, 2), "peak_mib": round(usage.ru_maxrss / scale, 1), "output": text}


# ---- steps, each in a process of its own


def _time_plan(study: Path) -> None:
    """Read a study and build its plan, work units and plan.json; print seconds and counts."""
    from hanka.plan import build_plan
    from hanka.study.resolve import load_study

    started = time.perf_counter()
    plan = build_plan(load_study(study))
    cells = sum(len(plan.cells_of(unit.of)) for unit in plan.units() if unit.kind == "evaluate")
    seconds = time.perf_counter() - started
    print(json.dumps({"seconds": round(seconds, 2), "variants": len(plan.variants), "cells": cells}))


def _count_rows(folder: Path) -> None:
    """Print how many predictions and scored rows a run holds."""
    import pyarrow.parquet as pq

    files = [path / "predictions.parquet" for path in (folder / "cells").iterdir()]
    n_predictions = sum(pq.read_metadata(path).num_rows for path in files)
    n_rows = pq.read_metadata(folder / "scores.parquet").num_rows
    print(json.dumps({"cells": len(files), "predictions": n_predictions, "scored_rows": n_rows}))


def _write_plan(folder: Path) -> None:
    text = LARGE_PLAN.format(model=_tiny_model(folder / "model"), seeds=list(range(SEEDS_OF_PLAN)))
    (folder / "study.yaml").write_text(text, encoding="utf-8")


def _write_rerun(folder: Path) -> None:
    from hanka.plan import build_plan
    from hanka.study.resolve import load_study

    _write_plan(folder)
    _answer(build_plan(load_study(folder / "study.yaml")), folder / "run")


def _write_report(folder: Path) -> None:
    """Write a study of own files with its answers, and everything `hanka report` reads."""
    from hanka.audits import audit_rows
    from hanka.plan import build_plan
    from hanka.plan.written import plan_json, written_study
    from hanka.store.folder import RunFolder, write_csv, write_json
    from hanka.study.places import write_study
    from hanka.study.resolve import load_study
    from hanka.work.baselines import BASELINE_COLUMNS, score_baselines

    study = folder / "study.yaml"
    study.write_text(_many_rows(folder), encoding="utf-8")
    plan, run = build_plan(load_study(study)), RunFolder(folder / "run")
    write_study(run.study, *written_study(plan.study))
    write_json(run.plan, plan_json(plan, f"hanka run {study}"))
    write_json(run.audits, audit_rows(plan).as_json())
    write_csv(run.baselines, BASELINE_COLUMNS, score_baselines(plan))
    _answer(plan, run.path)


def _many_rows(folder: Path, n_train: int = 100, n_test: int = 1000) -> str:
    """Write data files of two domains per task; return the study."""
    import random

    chance = random.Random(0)
    text = MANY_ROWS.format(model=_tiny_model(folder / "model"), seeds=list(range(SEEDS_OF_REPORT)))
    datasets = []
    for task, (fields, labels) in TASKS.items():
        for domain, n in (("inside", n_train), ("outside", 0)):
            for split, count in (("train", n), ("test", n_test)):
                rows = [
                    {name: _words(chance, 40) for name in fields}
                    | {"output": chance.choice(labels) if labels else _words(chance, 20)}
                    for _ in range(count)
                ]
                path = folder / f"{task}-{domain}-{split}.jsonl"
                path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
            train = f"train: {task}-{domain}-train.jsonl, " if n else ""
            place = f"{train}test: {task}-{domain}-test.jsonl"
            datasets.append(f"  {task}-{domain}: {{task: {task}, domain: {domain}, {place}}}")
        names = f"train: {task}-inside, in_domain: [{task}-inside], out_of_domain: [{task}-outside]"
        text += f"  {task}: {{{names}}}\n"
    return text + "datasets:\n" + "\n".join(datasets) + "\n"


WORDS = (
    "the",
    "a",
    "kettle",
    "river",
    "quiet",
    "letter",
    "opens",
    "closes",
    "seldom",
    "bright",
    "of",
    "under",
    "seven",
)


def _words(chance: Any, n: int) -> str:
    return " ".join(chance.choices(WORDS, k=n))


def _tiny_model(folder: Path) -> Path:
    """Save a tokenizer beside a file that stands for weights: enough for ids and audits."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: number for number, token in enumerate(["<s>", "</s>", *alphabet])}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    saved = PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", pad_token="</s>")
    saved.save_pretrained(folder)
    (folder / "config.json").write_text('{"model_type": "llama"}\n', encoding="utf-8")
    (folder / "model.safetensors").write_bytes(b"made up")
    return folder


def _answer(plan: Plan, out: Path) -> None:
    """Store made-up variants and answers of every cell, as a run does."""
    from hanka.store.folder import RunFolder, write_json, write_predictions, write_text

    folder = RunFolder(out)
    for planned in plan.variants.values():
        one = planned.variant
        tuner = "lora" if one.train_task else ""
        record = {"id": one.id, "status": "done", "reason": "", "tuner": tuner, "record": {}, "seconds": 1.0}
        write_json(folder.variant(one.id) / "variant.json", record)
        for name in ("adapter_config.json", "adapter_model.safetensors") if one.train_task else ():
            write_text(folder.variant(one.id) / name, "made up")
    for cell in plan.cells.values():
        predictions = _predictions(plan, cell)
        write_predictions(folder.cell(cell.cell.id), predictions, [one.group for one in cell.test.examples])
        write_json(folder.cell(cell.cell.id) / "cell.json", _cell_record(plan, cell, predictions))


def _cell_record(plan: Plan, cell: PlannedCell, predictions: list[Prediction]) -> dict[str, Any]:
    from dataclasses import asdict

    counts = {status: sum(1 for one in predictions if one.status == status) for status in ("unparsed", "failed")}
    return asdict(cell.cell) | {
        "labels": list(plan.study.tasks[cell.cell.test_task].task.labels), "demonstrations": [], "status": "done",
        "reason": "", "prefix": "", "n": len(predictions) - counts["failed"], "n_failed": counts["failed"],
        "n_unparsed": counts["unparsed"], "n_prompt_tokens": 20 * len(predictions), "n_output_tokens": 0,
        "seconds": 1.0, "batch_tokens": [8192, 8192], "device": "made up", "notes": [], "versions": {},
    }  # fmt: skip


def _predictions(plan: Plan, cell: PlannedCell) -> list[Prediction]:
    """Make up answers: trained variants are right more often; with shots, the longest prompts do not fit."""
    import random

    from hanka.identity import sha256_text

    one = cell.cell
    task = plan.study.tasks[one.test_task].task
    chance = random.Random(one.id)
    right = {"": 0.5, one.test_task: 0.8}.get(plan.variants[one.variant_id].variant.train_task, 0.6)
    rows = list(cell.test.examples)
    longest = set(sorted(range(len(rows)), key=lambda place: -len(str(rows[place].fields)))[: one.shots])
    return [
        _prediction(task, row, task.render(row, one.prompt), sha256_text(row.id), (right, place in longest), chance)
        for place, row in enumerate(rows)
    ]


def _prediction(task: Task, row: Example, query: str, digest: str, fate: tuple[float, bool], chance: Any) -> Prediction:
    from hanka.records import Prediction

    right, fails = fate
    if fails:
        return Prediction(
            row.id, query, digest, row.target, None, None, None, "failed", "the prompt is too long", 20, 0
        )
    if task.labels:
        others = [label for label in task.labels if label != row.target]
        answer = row.target if chance.random() < right else chance.choice(others)
        scores = tuple(-chance.random() - (label != answer) for label in task.labels)
        return Prediction(row.id, query, digest, row.target, answer, answer, scores, "ok", "", 20, 0)
    words = [word if chance.random() < right else "other" for word in row.target.split()]
    output = " ".join(words[: chance.randint(1, len(words))])
    if chance.random() < 0.01:
        return Prediction(row.id, query, digest, row.target, output, None, None, "unparsed", "no answer", 20, 60)
    return Prediction(row.id, query, digest, row.target, output, output, None, "ok", "", 20, len(words))


STEPS = {
    "time-plan": _time_plan,
    "count-rows": _count_rows,
    "write-plan": _write_plan,
    "write-report": _write_report,
    "write-rerun": _write_rerun,
}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=list(TARGETS), default="")
    parser.add_argument("--folder", type=Path, default=None)
    parser.add_argument("--step", choices=list(STEPS), help=argparse.SUPPRESS)
    parser.add_argument("place", type=Path, nargs="?", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.step:
        STEPS[arguments.step](arguments.place)
    else:
        figures = measure(arguments.folder, arguments.only)
        print(json.dumps(figures, indent=1))
        sys.exit(not all(one.get("met", True) for one in figures.values()))
