"""A planted run that also stored what it took: every token, second and joule of it is written down here."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hanka.analysis.evidence import Evidence
from hanka.store.folder import RunFolder, write_json
from planted_runs import N, Planted

TRAINING = {
    "steps": 2, "n_tokens": 5000, "n_forwarded_tokens": 4000, "train_seconds": 300.0,
}  # fmt: skip
READ = {0: 30, 2: 110}
"Shots → tokens read a row."


def priced_run(path: Path, base: int = 20, shown: int = 24, tuned: int = 32, **changes: Any) -> Evidence:
    """A base at 0 and 2 shots and a tuned variant at 0, with so many of 40 rows right; 360 s and 5,000 tokens of training.

    changes: used (of the variant's record), record, variant (fields of it), stats.
    """
    run = Planted(path, tests=("home",), stats=changes.get("stats", {}))
    run.add("base", {"home": range(base)})
    run.add("base", {"home": range(shown)}, shots=2)
    made = run.add("sft", {"home": range(tuned)}, **changes.get("variant", {}))
    run.trained(made, **(TRAINING | changes.get("record", {})))
    took = {"n_trained_parameters": 1000, "seconds": 360.0, "used": changes.get("used", {})}
    revise(RunFolder(path).variant(made) / "variant.json", took)
    evidence = run.evidence()
    for cell in run.cells:
        shots = cell["shots"]
        took = {"n_prompt_tokens": READ[shots] * N, "n_output_tokens": 2 * N, "seconds": 4.0, "device": "cpu"}
        took["demonstrations"] = [f"d{place}" for place in range(shots)]
        revise(RunFolder(path).cell(cell["id"]) / "cell.json", took)
    return _again(evidence)


def revise(path: Path, changes: Mapping[str, Any]) -> None:
    """Change what a record says."""
    write_json(path, json.loads(path.read_text(encoding="utf-8")) | dict(changes))


def _again(evidence: Evidence) -> Evidence:
    from hanka.analysis.evidence import load_evidence

    write_json(evidence.folder.plan, dict(evidence.plan) | {"study": "priced", "format": 3, "hanka": "0", "lang": "en"})
    return load_evidence(evidence.folder)


PRICES = """\
currency: EUR
serving:
  - {asked: prompted, per_million_tokens_read: 10, per_million_tokens_written: 50, date: 2026-11-01, source: list}
  - {asked: tuned, per_hour: 1.8, standing_per_month: 5, date: 2026-11-01, source: list}
training: [{per_hour: 10, date: 2026-11-01, source: list}]
labelling: {per_row: 2.5, date: 2026-11-01, source: invoice}
review: {per_hour: 60, minutes_per_1000_requests: {prompted: 1, tuned: 0.5}, date: 2026-11-01, source: team}
maintenance: {per_month: {prompted: 0, tuned: 10}, date: 2026-11-01, source: team}
value: {per_correct: 0.01, date: 2026-11-01, source: team}
volume: {requests_per_month: 100000, months: 6, trainings: 2}
"""
"Of a year's end; every number of the tests' bills follows from it."


def write_prices(folder: Path, changes: Mapping[str, str] | None = None, text: str = PRICES) -> Path:
    """Write a price file. changes: what stands in it → what stands there instead."""
    for before, after in (changes or {}).items():
        assert before in text, before
        text = text.replace(before, after)
    path = folder / "prices.yaml"
    path.write_text(text, encoding="utf-8")
    return path
