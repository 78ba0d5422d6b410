"""Planted runs that can be approved: the plan of a real run around them, analysed, with weights that are a few bytes."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp
from typing import Any

from hanka.analysis import analyse
from hanka.store.folder import FORMAT, RunFolder, read_json, write_json
from planted_runs import Planted

KEPT = TemporaryDirectory(prefix="hanka-governed-")
MADE: dict[str, Path] = {}
"What was asked for → the run, in KEPT until the tests end."
ROWS = 400
BASE = {"home": range(200), "away": range(200), "other": range(200)}
"Of 400 rows the base model has the first half right."
GOOD = {"home": range(300), "away": range(220), "other": range(200)}
"A quarter more are right in domain, a twentieth more out of domain; nothing else changes."

FIT = [
    {"rows": "train", "when": "after", "metric": "accuracy", "n": 48, "value": 0.98, "majority": 0.5, "nats_per_row": 0.05, "guessing_nats": 0.69}
]  # fmt: skip
"What training left of how well its own rows are fitted."


def governed_run(path: Path, *args: Any, **kwargs: Any) -> RunFolder:
    """Write a finished run of one tuned system, see `_made`; what was asked for before is copied."""
    asked = repr((args, sorted(kwargs.items())))
    if asked not in MADE:
        MADE[asked] = Path(mkdtemp(dir=KEPT.name)) / "run"
        _made(MADE[asked], *args, **kwargs)
    shutil.copytree(MADE[asked], path)
    return RunFolder(path)


def _made(
    path: Path,
    tuned: Mapping[str, Any] = GOOD,
    base: Mapping[str, Any] = BASE,
    seeds: Sequence[int] = (0,),
    **changes: Any,
) -> RunFolder:
    """Write a finished run of one tuned system; changes: of its variants, such as train_task."""
    run = Planted(path, resamples=200, trained_tasks=[changes.get("train_task", "sentiment")])
    rows = {"n": changes.pop("n", ROWS), "groups": changes.pop("groups", 1)}
    run.add("base", base, changes_weights=False, rows="", parents=[], **rows)
    for seed in seeds:
        run.add(
            "sft",
            tuned,
            changes_weights=True,
            seed=seed,
            rows="f" * 64,
            parents=[],
            trained_on=["home"],
            **rows,
            **changes,
        )
    run.evidence()
    folder = RunFolder(path)
    write_json(folder.plan, read_json(folder.plan) | _written())
    for variant in read_json(folder.plan)["variants"]:
        place = folder.variant(variant["id"])
        write_json(place / "variant.json", variant | {"status": "done", "reason": "", "record": {"fit": FIT}})
        if variant["changes_weights"]:
            (place / "adapter_model.safetensors").write_bytes(variant["id"].encode())
            (place / "train_log.jsonl").write_text("{}\n", encoding="utf-8")
            write_json(place / "adapter_config.json", {"r": 8})
    for cell in read_json(folder.plan)["cells"]:
        record = read_json(folder.cell(cell["id"]) / "cell.json")
        counts = {"n_prompt_tokens": 3 * record["n"], "n_output_tokens": 0, "n_unparsed": 0}
        write_json(folder.cell(cell["id"]) / "cell.json", record | counts | {"rows_sha256": "e" * 64})
    write_json(folder.audits, {"warnings": []})
    analyse(folder)
    return folder


def _written() -> dict[str, Any]:
    """What a plan says beside variants and cells."""
    model = {
        "name": "tiny",
        "licence": "Apache-2.0",
        "note": "",
        "identity": {"hub": "acme/tiny", "revision": "a" * 40},
    }
    sets = [
        {"name": name, "task": task, "domain": name, "source": "own", "licence": licence, "n_test": ROWS, "note": ""}
        for name, task, licence in (
            ("home", "sentiment", "CC BY-SA 4.0"), ("away", "sentiment", "not stated"), ("other", "topic", "MIT"),
        )
    ]  # fmt: skip
    return {
        "format": FORMAT, "hanka": "0", "study": "mails", "protocol": "corrected", "lang": "en", "splits": {}, "files": [],
        "reproduce": {"command": "hanka run mails.yaml", "study_sha256": "0" * 64, "hanka": "0", "models": [model], "datasets": sets},
    }  # fmt: skip


def decided(run: RunFolder, outcome: str) -> None:
    """Let the run have come to another decision about all of its systems."""
    found = read_json(run.findings)
    for task in found["decision"]["per_task"]:
        for one in (task, *task["systems"]):
            one["outcome"] = outcome
    write_json(run.findings, found)


def variant_of(run: RunFolder, label: str = "sft") -> dict[str, Any]:
    """The first variant of a label."""
    found: dict[str, Any] = next(one for one in read_json(run.plan)["variants"] if one["label"] == label)
    return found
