"""How long until the decision stands? hanka with `until: decided` beside the published procedure at its fixed 250 rows.

    python -m benchmarks.deciding    # about half an hour; writes benchmarks/results/deciding.json

hanka's seconds are those of the whole command, measured. The procedure trains the same variants, measured; its answers are measured on
MEASURED rows of every cell and extrapolated to all 250, which would take hours: `extrapolated` in the result says so. Whether the
shorter study says the same is told apart: its outcomes beside those of all rows asked with hanka (`--whole`, hours).
Needs the paper's release, which is read where it is (HANKA_PAPER_DATA).
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.child import environment, measure
from benchmarks.grid import peer_side

STUDY = Path(__file__).with_suffix(".yaml")
RESULT = Path(__file__).parent / "results/deciding.json"
MEASURED = 4
"Test rows of every cell that the procedure is timed on."
MICRO_BATCH, EVAL_BATCH = 4, 8
"Rows at once of the procedure: the fastest of those tried for the grid."
TARGET = 5.0


def hanka_side(text: str) -> dict[str, Any]:
    """Run a study with hanka into a fresh folder: seconds, outcomes, what was saved."""
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
        return {"seconds": seconds, "outcomes": outcomes, "growth": findings["growth"]}


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


def main() -> int:
    """Measure both sides and write the result; return 1 where the target is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--whole", action="store_true", help="also ask all rows with hanka, to compare outcomes")
    asked = parser.parse_args()
    text = STUDY.read_text(encoding="utf-8").replace("../../shared", str(STUDY.parents[2] / "shared"))
    ours = hanka_side(text)
    theirs = procedure_seconds(250)
    ratio = theirs["seconds"] / ours["seconds"]
    found = {
        "machine": measure("benchmarks.machine:describe"),
        "hanka": ours,
        "procedure": theirs,
        "ratio": ratio,
        "target": TARGET,
    }
    if asked.whole:
        found["whole"] = hanka_side("\n".join(line for line in text.splitlines() if line.strip() not in GROWS))
    RESULT.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(found, indent=1))
    return int(ratio < TARGET)


GROWS = ("until: decided", "block: 25")

if __name__ == "__main__":
    sys.exit(main())
