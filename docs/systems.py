"""Write what a stored run of a study says into its page under docs/systems, and nothing by hand.

    hanka run studies/spider.yaml --out runs/spider
    python docs/systems.py spider runs/spider

Between the page's markers stand the decision, what the questions in SHOWN found, every primary metric with its interval, and on what it was measured. Differences are from the base model
on the same rows; intervals hold for all rows of the table together.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from hanka.metrics import METRICS
from hanka.store.folder import RunFolder, read_csv, read_json

PAGES = Path(__file__).parent / "systems"
SHOWN = (
    "retention",
    "gap_closed",
    "shots_or_rows",
    "emergence",
    "distillation",
    "intruders",
    "levels",
    "transfer_gain",
    "cocktail",
    "generalist",
)
"Questions whose sentences stand above the table."
MOST_ROWS = 150
"Rows beyond which the table is left to summary.csv of the run."
BLOCK = re.compile(r"<!-- begin results -->.*?<!-- end results -->", re.DOTALL)


def results(folder: RunFolder) -> str:
    """Return a run's decision and table as Markdown."""
    plan, findings = read_json(folder.plan), read_json(folder.findings)
    first = {name: task["metrics"][0] for name, task in plan["tasks"].items()}
    rows = [row for row in read_csv(folder.summary) if row["metric"] == first[row["test_task"]]]
    several = {name: len({row[name] for row in rows}) > 1 for name in ("base", "seed", "shots", "context")}
    heads = [
        "method",
        *(name for name in several if several[name]),
        "test set",
        "metric",
        "n",
        "value",
        "difference from base",
        "verdict",
    ]
    lines = [f"| {' | '.join(heads)} |", "|" + "---|" * len(heads)]
    for row in rows:
        asked = [row[name] for name in several if several[name]]
        metric = METRICS.get(row["metric"]).display
        lines.append(
            f"| {' | '.join([row['method'], *asked, row['test_dataset'], metric, row['n'], *_numbers(row)])} |"
        )
    device = next(iter(_records(folder, plan)), {})
    basis = f"{device.get('device', 'an unknown device')}, hanka {plan['hanka']}, torch {device.get('versions', {}).get('torch', '?')}"
    if len(rows) > MOST_ROWS:
        lines = [f"The {len(rows)} rows of the table are in `summary.csv` of the run."]
    shown = [findings["answers"][name]["sentence_en"] for name in SHOWN if name in findings["answers"]]
    blocks = [
        findings["decision"]["sentence_en"],
        *(line for one in shown for line in one.splitlines()),
        "\n".join(lines),
    ]
    return "\n\n".join([*blocks, f"Measured on {basis}; seeds {_seeds(plan)}."])


def _numbers(row: dict[str, str]) -> list[str]:
    if not row["delta"]:
        return [f"{float(row['value']):.3f}" if row["value"] else "failed", "", ""]
    low, high = row["sim_low"] or row["delta_ci_low"], row["sim_high"] or row["delta_ci_high"]
    interval = f" [{float(low):+.3f}, {float(high):+.3f}]" if low and high else ""
    return [f"{float(row['value']):.3f}", f"{float(row['delta']):+.3f}{interval}", row["verdict"]]


def _records(folder: RunFolder, plan: dict) -> list[dict]:  # type: ignore[type-arg]
    found = [read_json(folder.cell(cell["id"]) / "cell.json") for cell in plan["cells"]]
    return [one for one in found if one["status"] == "done"]


def _seeds(plan: dict) -> str:  # type: ignore[type-arg]
    return ", ".join(sorted({str(one["seed"]) for one in plan["variants"]}))


if __name__ == "__main__":
    page = PAGES / f"{sys.argv[1]}.md"
    text = page.read_text(encoding="utf-8")
    said = results(RunFolder(Path(sys.argv[2])))
    filled = BLOCK.sub(lambda _: f"<!-- begin results -->\n\n{said}\n\n<!-- end results -->", text)
    page.write_text(filled, encoding="utf-8", newline="\n")
