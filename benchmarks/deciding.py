"""How long until the decision stands? hanka with `until: decided` beside the published procedure at its fixed 250 rows.

    python -m benchmarks.deciding                 # about half an hour; writes benchmarks/results/deciding.json
    python -m benchmarks.deciding --only whole    # one part, about forty minutes; the rest of the result stays
    python -m benchmarks.deciding --only demo     # about a quarter of an hour

grid: hanka's seconds are those of the whole command, measured. The procedure trains the same variants, measured; its answers are measured on
MEASURED rows of every cell and extrapolated to all 250, which would take hours: `extrapolated` in the result says so. whole: does
the shorter study say the same? Its outcomes beside those of all rows asked with hanka. demo: the same question of the demo's study, whose
verdicts are compared cell by cell, too. grid and whole need the paper's release, which is read where it is (HANKA_PAPER_DATA).
"""

from __future__ import annotations

import argparse
import csv
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.child import environment, measure
from benchmarks.grid import peer_side
from hanka.study.templates import template_path

STUDY = Path(__file__).with_suffix(".yaml")
RESULT = Path(__file__).parent / "results/deciding.json"
MEASURED = 4
"Test rows of every cell that the procedure is timed on."
MICRO_BATCH, EVAL_BATCH = 4, 8
"Rows at once of the procedure: the fastest of those tried for the grid."
TARGET = 5.0


def hanka_side(text: str) -> dict[str, Any]:
    """Run a study with hanka into a fresh folder: seconds, outcomes, what was saved, verdicts by cell."""
    with tempfile.TemporaryDirectory(prefix="hanka-bench-") as folder:
        study, out = Path(folder) / "study.yaml", Path(folder) / "run"
        study.write_text(text, encoding="utf-8")
        started = time.perf_counter()
        command = [sys.executable, "-m", "hanka.cli", "run", str(study), "--out", str(out)]
        done = subprocess.run(command, env=environment(), capture_output=True, text=True, check=False)
        seconds = time.perf_counter() - started
        if done.returncode:
            raise RuntimeError(f"hanka run failed ({done.returncode}): {(done.stdout + done.stderr)[-2000:]}")
        findings = json.loads((out / "findings.json").read_text(encoding="utf-8"))
        outcomes = {
            f"{entry['task']}/{one['method']}": one["outcome"]
            for entry in findings["decision"]["per_task"]
            for one in entry["systems"]
        }
        with (out / "summary.csv").open(encoding="utf-8", newline="") as handle:
            rows = [row for row in csv.DictReader(handle) if row["verdict"]]
        verdicts = {f"{row['method']}/{row['test_dataset']}/{row['shots']}": row["verdict"] for row in rows}
        return {"seconds": seconds, "outcomes": outcomes, "growth": findings["growth"], "verdicts": verdicts}


def procedure_seconds(limit: int) -> dict[str, Any]:
    """Time the published procedure: all of its training, MEASURED rows of every cell, extrapolated to `limit`."""
    plan = measure("benchmarks.workloads:grid_plan", study=str(STUDY), limit=None)
    cells = [cell | {"items": cell["items"][:MEASURED]} for cell in plan["cells"]]
    found = peer_side(plan | {"cells": cells}, MICRO_BATCH, EVAL_BATCH)
    answering = found["seconds"] - found["train_seconds"]
    answers = sum(len(cell["items"]) for cell in cells)
    whole = sum(min(limit, len(cell["items"])) for cell in plan["cells"])
    return {
        "train_seconds": found["train_seconds"],
        "seconds_per_answer": answering / answers,
        "answers_measured": answers,
        "answers": whole,
        "seconds": found["train_seconds"] + answering / answers * whole,
        "extrapolated": True,
    }


def on_grid(text: str) -> dict[str, Any]:
    """Time both sides on the small grid of the paper."""
    ours = hanka_side(text)
    theirs = procedure_seconds(250)
    return {"hanka": ours, "procedure": theirs, "ratio": theirs["seconds"] / ours["seconds"], "target": TARGET}


def on_demo() -> dict[str, Any]:
    """Run the demo's study as it is and with all rows asked, and count the verdicts that differ."""
    text = template_path("demo").read_text(encoding="utf-8")
    grown, whole = hanka_side(text), hanka_side(at_once(text))
    differ = {
        cell: [verdict, whole["verdicts"].get(cell, "")]
        for cell, verdict in grown["verdicts"].items()
        if verdict != whole["verdicts"].get(cell, "")
    }
    return {"grown": grown, "whole": whole, "n_verdicts": len(grown["verdicts"]), "verdicts_that_differ": differ}


def at_once(text: str) -> str:
    """Return a study without the lines that let it grow."""
    return "\n".join(line for line in text.splitlines() if not line.strip().startswith(GROWS)) + "\n"


def main() -> int:
    """Measure the parts asked for, keep the others; return 1 where the target is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=("grid", "whole", "demo"), default="grid")
    part = parser.parse_args().only
    text = STUDY.read_text(encoding="utf-8").replace("../../shared", str(STUDY.parents[2] / "shared"))
    found: dict[str, Any] = (
        on_grid(text) if part == "grid" else {part: hanka_side(at_once(text)) if part == "whole" else on_demo()}
    )
    kept = json.loads(RESULT.read_text(encoding="utf-8")) if RESULT.is_file() else {}
    result = kept | {"machine": measure("benchmarks.machine:describe")} | found
    RESULT.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(found, indent=1))
    return int(found.get("ratio", TARGET) < TARGET)


GROWS = ("until: decided", "block: 25")

if __name__ == "__main__":
    sys.exit(main())
