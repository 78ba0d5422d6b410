"""Which small study shows what adapting gains and what it costs? Chosen for `hanka demo` on rows that the demo never shows.

    python -m benchmarks.demo_pilot --minutes 40    # writes benchmarks/results/demo_pilot.json

Training rows, test rows in domain and out of domain, and questions to be written are other rows of the same packaged data sets than those
the demo reads: rows it trains on come first in their file, and these come after. Every candidate is a whole study, run as a user runs
it and timed; what is stored are its differences from the base with their intervals. The demo's template is the first candidate that
shows a gain in domain, a loss elsewhere and a method that loses less, within the time. Limits: one model, one seed, this machine.
"""

from __future__ import annotations

import argparse
import csv
import json
import tempfile
import time
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from benchmarks import machine

RESULT = Path(__file__).parent / "results/demo_pilot.json"
SKIPPED = 800
"Training rows of tweets, and test rows elsewhere, that belong to the demo."
N_TRAIN, N_TEST = 260, 200
CANDIDATES: Mapping[str, dict[str, Any]] = {
    "96 rows, 3 epochs": {"sizes": [96], "epochs": 3},
    "64 rows, 3 epochs": {"sizes": [64], "epochs": 3},
    "96 rows, 3 epochs, two ways, until decided": {"sizes": [96], "epochs": 3, "short": True},
    "96 rows, 2 epochs, three ways, until decided": {"sizes": [96], "epochs": 2, "until": True},
}
COLUMNS = ("method", "test_dataset", "relation", "shots", "metric", "n", "value", "base_value", "delta", "sim_low", "sim_high",
           "verdict")  # fmt: skip


def write_rows(folder: Path) -> None:
    """Write the rows of the pilot as files of their own."""
    from hanka.datasets import SOURCES

    sets = SOURCES.get("mini").catalogue(None)
    tweets = sets["tweets"].read("train", None)[SKIPPED:]
    parts = {
        "train": tweets[:N_TRAIN],
        "tweets": tweets[N_TRAIN : N_TRAIN + N_TEST],
        "products": sets["amazon-reviews"].read("test", None)[SKIPPED : SKIPPED + N_TEST],
        "editorials": sets["editorials"].read("test", None)[SKIPPED : SKIPPED + N_TEST],
        "questions": sets["boolq-questions"].read("train", None)[:N_TEST],
    }
    for name, rows in parts.items():
        lines = [json.dumps(dict(row.fields) | {"output": row.target, "id": row.id}) + "\n" for row in rows]
        (folder / f"{name}.jsonl").write_text("".join(lines), encoding="utf-8")


def study(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return a candidate as a study; a short one has two methods and asks without demonstrations."""
    short, until = settings.get("short", False), {"until": "decided", "limit": 200 if "short" in settings else 150}
    shots = {"shots": {"classification": [0, 2], "generation": [0]}}
    own = {
        "pilot-tweets": {"task": "sentiment", "domain": "tweets", "train": "train.jsonl", "test": "tweets.jsonl"},
        "pilot-products": {"task": "sentiment", "domain": "products", "test": "products.jsonl"},
        "pilot-editorials": {"task": "sentiment", "domain": "editorials", "test": "editorials.jsonl"},
        "pilot-questions": {"task": "question", "domain": "wikipedia", "test": "questions.jsonl"},
    }
    return {
        "name": "demo pilot",
        "base": "smollm2-135m-instruct",
        "datasets": own,
        "tasks": {
            "sentiment": {
                "train": "pilot-tweets", "in_domain": ["pilot-tweets"],
                "out_of_domain": ["pilot-editorials"] if short or "until" in settings else ["pilot-products", "pilot-editorials"],
            },
            "question": {"train": None, "in_domain": ["pilot-questions"], "out_of_domain": []},
        },
        "methods": [
            "base",
            {"sft": {"name": "all weights", "peft": "none"}},
            {"sft": {"name": "lora", "peft": "lora", "r": 8}},
            *([] if short else [{"fticl": {"name": "with examples", "peft": "lora", "r": 8, "shots": 2}}]),
        ],
        "train": {"sizes": settings["sizes"], "epochs": settings["epochs"], "batch_size": 8, "max_length": 512},
        "eval": {"max_new_tokens": 10 if "until" in settings else 12}
        | ({} if short else shots)
        | (until if short or "until" in settings else {"limit": 100}),
    }  # fmt: skip


def measure(minutes: float, known: Collection[str]) -> Iterator[dict[str, Any]]:
    """Run candidates until the budget is spent. known: those that were run before."""
    from hanka.run import RunOptions, run_study

    ends = time.monotonic() + 60 * minutes
    for name, settings in CANDIDATES.items():
        if name in known:
            continue
        if time.monotonic() > ends:
            return
        with tempfile.TemporaryDirectory(prefix="hanka-demo-pilot-") as scratch:
            folder = Path(scratch)
            write_rows(folder)
            path = folder / "study.yaml"
            path.write_text(json.dumps(study(settings)), encoding="utf-8")
            started = time.monotonic()
            out = run_study(path, folder / "run", RunOptions(quiet=True)).folder
            seconds = time.monotonic() - started
            findings = json.loads(out.findings.read_text(encoding="utf-8"))
            primary = findings["primary_metrics"]
            with out.summary.open(encoding="utf-8", newline="") as handle:
                rows = [
                    {column: row[column] for column in COLUMNS}
                    for row in csv.DictReader(handle)
                    if row["metric"] == primary[row["test_task"]]
                ]
            decided = [one["sentence_en"] for one in findings["decision"]["per_task"]]
            training = [
                {key: one[key] for key in ("variant_id", "status", "reason_en")} for one in findings["training"]
            ]
            yield {
                "candidate": name,
                "seconds": round(seconds, 1),
                "decision": decided,
                "training": training,
                "cells": rows,
            }


def main() -> None:
    """Measure and write results, candidate by candidate."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=40.0)
    asked = parser.parse_args()
    found = json.loads(RESULT.read_text(encoding="utf-8"))["candidates"] if RESULT.is_file() else []
    for one in measure(asked.minutes, [one["candidate"] for one in found]):
        found.append(one)
        print(f"{one['candidate']}: {one['seconds']:.0f} s; {' '.join(one['decision'])}", flush=True)
        written = {"machine": machine.describe(), "candidates": found}
        RESULT.write_text(json.dumps(written, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
