"""What stored runs of the main paper's design say of its seven claims, written into docs/reproduction.md; nothing by hand.

    hanka run studies/paper-135m.yaml --data DIR --train inference --out runs/paper-135m/inference
    python docs/reproduction.py --keep runs/paper-135m/inference    # stores what its numbers are made from
    python docs/reproduction.py                                     # writes the page from all that is stored

Kept of a run is what `hanka report` reads: plan, answers, probes and records of training, without weights and without report. Every
number of the page is computed from that anew, by the statistics of this version, in a folder that is thrown away.
"""

from __future__ import annotations

import argparse
import io
import json
import lzma
import re
import tarfile
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from hanka.analysis import analyse
from hanka.analysis.questions.seven_claims.ask import overall
from hanka.analysis.questions.seven_claims.words import CLAIMS
from hanka.metrics import METRICS
from hanka.report.answers import drawing
from hanka.report.figures import Sketchbook
from hanka.report.words import Words
from hanka.store.folder import RunFolder, make_folder, read_csv, read_json, write_text

PAGE = Path(__file__).parent / "reproduction.md"
KEPT = Path(__file__).parent / "examples"
BLOCK = re.compile(r"<!-- from stored runs -->.*?<!-- end of stored runs -->", re.DOTALL)
FILES = ("plan.json", "study.yaml", "audits.json", "baselines.csv", "samples.parquet", "looks.json")
PARTS = (
    "variants/*/variant.json", "variants/*/train_log.jsonl", "cells/*/cell.json", "cells/*/predictions.parquet", "probes/*/probe.json",
)  # fmt: skip
STUDIES = {"claims": "paper-135m", "freely": "paper-135m-freely"}
"What the page needs → name of the study."
EXPECTED = {
    "higher": "higher", "lower": "lower", "not_higher": "not higher", "not_lower": "not lower", "equal": "equal",
}  # fmt: skip


# What is kept


def keep(run: Path, into: Path = KEPT) -> Path:
    """Store what a run's numbers are made from, as one file that is the same whenever it is made; return its path."""
    plan = read_json(run / "plan.json")
    target = into / f"{plan['study']}-{'-'.join(plan['trained_tasks'])}.tar.xz"
    make_folder(into)
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for path in _files(run):
            content = _unpacked(path) if path.suffix == ".parquet" else path.read_bytes()
            entry = tarfile.TarInfo(path.relative_to(run).as_posix())
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    target.write_bytes(lzma.compress(packed.getvalue(), preset=9 | lzma.PRESET_EXTREME))
    return target


def _files(run: Path) -> Iterator[Path]:
    yield from (run / name for name in FILES if (run / name).is_file())
    for part in PARTS:
        yield from sorted(run.glob(part))


def _unpacked(path: Path) -> bytes:
    """Return a table without compression of its own, so that what cells share is stored once."""
    out = io.BytesIO()
    pq.write_table(pq.read_table(path), out, compression="none", use_dictionary=False, write_statistics=False)
    return out.getvalue()


@dataclass(frozen=True, slots=True)
class Run:
    """A stored run, analysed anew."""

    trained: Mapping[str, str]
    "Training set → its task."
    plan: Mapping[str, Any]
    findings: Mapping[str, Any]
    summary: Sequence[Mapping[str, str]]
    variants: Sequence[Mapping[str, Any]]
    "variant.json of each, with its values of weight_distance under `distance`."
    cells: Sequence[Mapping[str, Any]]
    "cell.json of each that is done."


def read(archive: Path) -> Run:
    """Unpack a stored run, analyse it and return what came out."""
    with tempfile.TemporaryDirectory(prefix="hanka-reproduction-") as scratch:
        with tarfile.open(archive, mode="r:xz") as packed:
            packed.extractall(scratch, filter="data")
        folder = RunFolder(Path(scratch))
        analyse(folder)
        plan = read_json(folder.plan)
        distances = {
            one["variant_id"]: one["values"]
            for one in map(read_json, Path(scratch).glob("probes/*/probe.json"))
            if one["probe"] == "weight_distance" and one["status"] == "done"
        }
        variants = [
            read_json(folder.variant(one["id"]) / "variant.json") | {"distance": distances.get(one["id"], {})}
            for one in plan["variants"]
        ]
        cells = [read_json(path) for path in sorted(Path(scratch).glob("cells/*/cell.json"))]
        trained = {one["train_dataset"]: one["train_task"] for one in plan["variants"] if one["train_dataset"]}
        return Run(
            trained, plan, read_json(folder.findings), read_csv(folder.summary), variants,
            [one for one in cells if one["status"] == "done"],
        )  # fmt: skip


def stored(study: str, where: Path = KEPT) -> list[Run]:
    """Return the stored runs of a study, in the order of its tasks."""
    runs = [read(path) for path in sorted(where.glob(f"{study}-*.tar.xz")) if _study(path) == study]
    return sorted(runs, key=lambda one: [list(one.plan["tasks"]).index(task) for task in one.trained.values()])


def _study(archive: Path) -> str:
    """Return the study of a stored run, whose name may begin with that of another."""
    with tarfile.open(archive, mode="r:xz") as packed:
        plan = packed.extractfile("plan.json")
        assert plan is not None
        return str(json.load(plan)["study"])


# The page


def page(claims: Sequence[Run], freely: Sequence[Run]) -> str:
    """Return everything between the page's markers."""
    parts = [in_a_minute(claims), *statements(claims)]
    parts += [distances(claims), answered_freely(freely), measured_on([*claims, *freely])]
    return "\n\n".join(part for part in parts if part)


def rows_of(run: Run) -> list[dict[str, Any]]:
    """Return the statements of a run's answer, by column, each with its training set."""
    answer = run.findings["answers"]["seven_claims"]
    names = [column["name"] for column in answer["columns"]]
    rows = (dict(zip(names, row, strict=True)) for row in answer["rows"])
    return [{"trained_on": next(iter(run.trained))} | row for row in rows]  # left out where all rows have one


def in_a_minute(runs: Sequence[Run]) -> str:
    """Return claim × trained task: how many statements hold, are contradicted, are undecided."""
    if not runs:
        return "No run is stored yet."
    by_task = {
        task: [row for row in rows_of(run) if row["trained_on"] == dataset]
        for run in runs
        for dataset, task in run.trained.items()
    }
    missing = [name for name in runs[0].plan["tasks"] if name not in by_task]
    lines = [_line("claim of the paper", *by_task, "here"), _line(*["---"] * (len(by_task) + 2))]
    for claim, (text, _) in CLAIMS.items():
        outcomes = {name: [row["outcome"] for row in rows if row["claim"] == claim] for name, rows in by_task.items()}
        every = [one for found in outcomes.values() for one in found]
        here = f"**{overall(every)}** ({_counted(every)})" if every else "not asked"
        lines.append(_line(f"{claim}. {text}", *(_counted(found) or "–" for found in outcomes.values()), here))
    said = "\n".join(lines)
    note = "Held, contradicted or undecided: what more than half of a claim's statements are; numbers are statements, ✓ held, ✗ contradicted, ? undecided."
    note += " Intervals hold together within the model trained on a task, not over all of them: a claim counts statements of several families."
    note += f" Not run yet: training on {', '.join(missing)}." if missing else ""
    return f"## In one minute\n\n{said}\n\n{note}"


def _counted(outcomes: Sequence[str]) -> str:
    signs = {"held": "✓", "contradicted": "✗", "undecided": "?"}
    return " ".join(f"{outcomes.count(one)} {sign}" for one, sign in signs.items() if one in outcomes)


def statements(runs: Sequence[Run]) -> Iterator[str]:
    """Yield every claim with its statements: difference, simultaneous interval, n, outcome."""
    heads = (
        "trained on",
        "first – second (demonstrations)",
        "test sets",
        "metric",
        "paper: the first is",
        "difference",
        "n",
        "here",
    )
    for claim, (text, _) in CLAIMS.items():
        rows = [row for run in runs for row in rows_of(run) if row["claim"] == claim]
        if rows:
            lines = [_line(*heads), _line(*["---"] * len(heads))]
            lines += [
                _line(
                    row["trained_on"], row["compared"], row["test_sets"], METRICS.get(row["metric"]).display, EXPECTED[row["expected"]],
                    _difference(row["difference"]), str(row["difference"]["n"]), row["outcome"],
                )
                for row in rows
            ]  # fmt: skip
            yield f"## {claim}. {text[0].upper()}{text[1:]}\n\n" + "\n".join(lines)


def _difference(measured: Mapping[str, Any]) -> str:
    low, high = measured["low"], measured["high"]
    ends = "" if low is None else f" [{low:+.3f}, {high:+.3f}]"
    return f"{measured['value']:+.3f}{ends}"


def distances(runs: Sequence[Run]) -> str:
    """Return how far every training moved the weights, and the loss it ended with."""
    heads = (
        "trained on",
        "variant",
        "rows",
        "mean distance of a weight",
        "relative L2",
        "rounding floor",
        "last training loss (nats)",
    )
    lines = [_line(*heads), _line(*["---"] * len(heads))]
    for run in runs:
        for one in run.variants:
            found = one["distance"]
            if found and one["record"].get("loss_last") is not None:
                lines.append(
                    _line(
                        one["train_dataset"], one["label"], str(one["train_size"]), f"{found['mean_difference']:.2e}", f"{found['relative_l2']:.2e}",
                        f"{found['rounding_floor']:.2e}", f"{one['record']['loss_last']:.3f}",
                    )
                )  # fmt: skip
    if len(lines) == 2:
        return ""
    note = (
        "The paper's section 5.3 reports 7.95e-5 with demonstrations and 8.54e-5 without on Socialqa, 8.03e-5 and 1.0e-4 on XSum, of another model in "
        "bfloat16, whose rounding alone is 2.2e-5. One number per training: no interval, so nothing is called held."
    )
    return "## How far weights moved, and the loss\n\n" + "\n".join(lines) + f"\n\n{note}"


def answered_freely(runs: Sequence[Run]) -> str:
    """Return, for the same rows, what fine-tuning changes where labels are scored and where they are written."""
    if not runs:
        return ""
    heads = ("trained on", "rows of", "answer", "n", "base", "fine-tuned", "difference", "verdict")
    lines = [_line(*heads), _line(*["---"] * len(heads))]
    for run in runs:
        of = {name: one.removesuffix("-freely") for name in _tests(run) for one in (name,)}
        for test, rows in of.items():
            found = [
                row for row in run.summary
                if row["test_dataset"] == test and row["delta"] and row["metric"] == run.plan["tasks"][row["test_task"]]["metrics"][0]
            ]  # fmt: skip
            for row in found:
                measured = {
                    "value": float(row["delta"]),
                    "low": float(row["sim_low"]) if row["sim_low"] else None,
                    "high": float(row["sim_high"]) if row["sim_high"] else None,
                }
                lines.append(
                    _line(
                        row["train_dataset"], rows, "freely" if test != rows else "from its labels", row["n"], f"{float(row['base_value']):.3f}",
                        f"{float(row['value']):.3f}", _difference(measured), row["verdict"],
                    )
                )  # fmt: skip
    return "## The same rows, answered freely and from their labels\n\n" + "\n".join(lines)


def _tests(run: Run) -> list[str]:
    """Return the test sets of a run, each beside the one with the same rows."""
    names = list(dict.fromkeys(cell["test_dataset"] for cell in run.plan["cells"]))
    return [name for one in names if not one.endswith("-freely") for name in (one, f"{one}-freely") if name in names]


def measured_on(runs: Sequence[Run]) -> str:
    """Return on what machine, in what arithmetic and how long each run was."""
    if not runs:
        return ""
    heads = ("study", "trained on", "variants", "cells", "device", "arithmetic", "hours of units", "hanka", "torch")
    lines = [_line(*heads), _line(*["---"] * len(heads))]
    for run in runs:
        seconds = sum(float(one["seconds"]) for one in (*run.variants, *run.cells))
        cell = run.cells[0]
        lines.append(
            _line(
                run.plan["study"], ", ".join(run.trained), str(len(run.variants)), f"{len(run.cells)} of {len(run.plan['cells'])}", str(cell["device"]),
                _arithmetic(run), f"{seconds / 3600:.2f}", run.plan["hanka"], cell["versions"]["torch"],
            )
        )  # fmt: skip
    return "## On what it was measured\n\n" + "\n".join(lines)


def _arithmetic(run: Run) -> str:
    """Return what trainings were made in; the base is asked in the same."""
    return ", ".join(sorted({str(one["params"]["dtype"]) for one in run.variants if "dtype" in one["params"]}))


def figures(runs: Iterable[Run], into: Path = KEPT) -> dict[str, Path]:
    """Draw every run's differences; return trained tasks → file."""
    found = {}
    for run in runs:
        curves = run.findings["answers"]["seven_claims"]["curves"]
        svg = Sketchbook().draw(drawing(curves, Words("en"))).svg
        trained = "-".join(run.trained.values())
        found[trained] = into / f"{run.plan['study']}-{trained}.svg"
        write_text(found[trained], str(svg) + "\n")
    return found


def _line(*entries: str) -> str:
    return f"| {' | '.join(entries)} |"


def main() -> None:
    """Keep runs, or write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keep", type=Path, nargs="+", default=[], metavar="RUN")
    for run in parser.parse_args().keep:
        path = keep(run)
        print(f"{path}: {path.stat().st_size / 1000:.0f} kB")
    by_kind: dict[str, list[Run]] = defaultdict(list)
    for kind, study in STUDIES.items():
        by_kind[kind] = stored(study)
    said = page(by_kind["claims"], by_kind["freely"])
    for trained, path in figures(by_kind["claims"]).items():
        said += f"\n\n![Differences of the model trained on {trained}, with intervals](examples/{path.name})"
    text = PAGE.read_text(encoding="utf-8")
    filled = BLOCK.sub(lambda _: f"<!-- from stored runs -->\n\n{said}\n\n<!-- end of stored runs -->", text)
    PAGE.write_text(filled, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
