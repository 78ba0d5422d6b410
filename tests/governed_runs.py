"""Made-up runs that can be approved: analysed, with weights that are a few bytes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fake_runs import fake_run, write_study
from hanka.analysis import analyse
from hanka.store.folder import RunFolder, read_json, write_json

STUDY = """\
name: governed
base: smollm2-135m-instruct
data: {source: toy}
tasks: {sentiment: {}}
methods: [base, sft]
train: {sizes: [16]}
stats: {resamples: 200}
"""


def governed_run(folder: Path, text: str = STUDY) -> RunFolder:
    """Write a finished run whose trained variants have an adapter."""
    folder.mkdir(parents=True, exist_ok=True)
    run = fake_run(write_study(folder, text), folder / "run")
    analyse(run)
    for variant in read_json(run.plan)["variants"]:
        if variant["changes_weights"]:
            place = run.variant(variant["id"])
            (place / "adapter_model.safetensors").write_bytes(variant["id"].encode())
            (place / "train_log.jsonl").write_text("{}\n", encoding="utf-8")
            write_json(place / "adapter_config.json", {"r": 8})
    return run


def decided(run: RunFolder, outcome: str) -> None:
    """Let the run have come to another decision about all of its systems."""
    found = read_json(run.findings)
    for task in found["decision"]["per_task"]:
        for one in (task, *task["systems"]):
            one["outcome"] = outcome
    write_json(run.findings, found)


def variant_of(run: RunFolder, label: str = "sft") -> dict[str, Any]:
    """The variant of a label."""
    found: dict[str, Any] = next(one for one in read_json(run.plan)["variants"] if one["label"] == label)
    return found
