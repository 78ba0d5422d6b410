"""What the study saw: the reference that live traffic is compared with.

Read once from the stored predictions of the variant that was shipped, on its in-domain test sets, asked the way it is meant to be: how often
it was wrong, what it answered, what the inputs looked like. Rows that share a text (groups) count as one where a bound rests on their number.
Limits: what a test set is not, the reference is not; live traffic that never was like the test sets alarms at once, and rightly.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from hanka.analysis.compare import find_side
from hanka.analysis.evidence import CellEvidence, Evidence, load_evidence
from hanka.datasets.scripts import script_of
from hanka.errors import MonitorError, nearest
from hanka.guardrails.refusals import refusal_in
from hanka.identity import content_id, stream
from hanka.operations.drift import FEWEST_TEXTS, bin_names, quantile_edges
from hanka.operations.monitor.asked import TaskReader, stored_study, task_of
from hanka.operations.monitor.settings import MonitorSettings
from hanka.records import Prediction, is_unadapted
from hanka.store.folder import RunFolder, read_predictions

LONGEST_TEXT = 4_000
"Characters of an input that the domain classifier sees, of both sides."
BINS = 10
"Of lengths, at most."
ROWS_PER_BIN = 20
UNSURE = 0.10
"Share of the reference's rows whose confidence is called low."
SCRIPT_CHARACTERS = 400
"Characters of a text by which its script is told."


class Bins(NamedTuple):
    """Lengths in bins that hold equally many of the reference's rows."""

    edges: tuple[float, ...]
    "Inner edges, ascending; a bin holds its upper edge."
    names: tuple[str, ...]

    def holding(self, length: int) -> str:
        """Return the name of the bin that holds a length."""
        return self.names[bisect_left(self.edges, length)]


def bins_of(lengths: Sequence[int]) -> Bins:
    """Return bins for lengths: BINS of them, or fewer where a bin would hold less than ROWS_PER_BIN rows."""
    n_bins = max(2, min(BINS, len(lengths) // ROWS_PER_BIN))
    edges = quantile_edges(np.array(lengths, dtype=np.float64), n_bins)
    return Bins(tuple(map(float, edges)), tuple(bin_names(edges)))


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """What the variant said, and what it was asked, in the run."""

    run: str
    "Name of the run's folder."
    variant: Mapping[str, Any]
    "Its fields, from plan.json."
    title: str
    "What it is called."
    tests: tuple[str, ...]
    "Test sets."
    reader: TaskReader
    "The task."
    shares: Mapping[str, tuple[int, int]]
    "Signal → bad rows, rows; independent ones."
    counts: Mapping[str, Counter[str]]
    "Signal → category → rows."
    bins: Mapping[str, Bins]
    "Signal → its bins, where its categories are bins of lengths."
    unsure_below: float | None
    "Confidence below which a row is unsure; None where the run has no confidences."
    texts: tuple[str, ...]
    "Inputs, drawn where there are many."
    id: str
    "Of all of it: a state that was begun with another reference is not gone on with."

    @property
    def task(self) -> str:
        """Name of the task."""
        return self.reader.task.name

    def category(self, signal: str, text: str) -> str:
        """Return which category of a signal a text belongs to."""
        if signal == "script":
            return script_in(text)
        return self.bins[signal].holding(len(text)) if signal in self.bins else text


def script_in(text: str) -> str:
    """Return the script of a text; the same as `script_of`, faster for plain letters."""
    begun = text[:SCRIPT_CHARACTERS]
    if begun.isascii():
        return "latin" if any(map(str.isalpha, begun)) else "none"
    return script_of(begun)


def load_reference(
    folder: RunFolder, settings: MonitorSettings, variant: str = "", task: str = "", test: Sequence[str] = ()
) -> Reference:
    """Read the reference of a run. Raises HankaError in one line where it is not clear which, or nothing was answered.

    variant: label, id or the beginning of one; empty: the only one, or the one that was adapted. task, test: likewise.
    """
    folder.require_format()
    evidence = load_evidence(folder)
    one = _variant(evidence, variant)
    cells = _cells(evidence, one, task, test)
    name = str(cells[0].cell["test_task"])
    reader = TaskReader(task_of(stored_study(folder), name, evidence.task(name)))
    rows: list[Prediction] = []
    groups: list[str] = []
    for cell in cells:
        found, belonging = read_predictions(folder.cell(str(cell.cell["id"])))
        rows += found
        groups += [f"{cell.cell['test_dataset']}\0{group}" if group else "" for group in belonging]
    answered = [row for row in rows if row.status != "failed"]
    if not answered:
        raise MonitorError(
            f"{folder.path}: every row of {', '.join(_tests(cells))} failed, so there is nothing to compare with"
        )
    title = find_side(evidence, str(one["id"])).title
    return _reference(_Seen(folder, one, title, cells, reader, rows, answered, _worth(groups)), settings)


class _Seen(NamedTuple):
    """What was read of a run."""

    folder: RunFolder
    variant: Mapping[str, Any]
    title: str
    cells: Sequence[CellEvidence]
    reader: TaskReader
    rows: Sequence[Prediction]
    answered: Sequence[Prediction]
    worth: float
    "Share of the rows that are independent."


def _variant(evidence: Evidence, name: str) -> Mapping[str, Any]:
    done = {cell.variant["id"] for cell in evidence.done()}
    variants = [one for one in evidence.plan["variants"] if one["id"] in done]
    if not variants:
        raise MonitorError(
            f"{evidence.folder.path}: no cell of this run is answered, so there is nothing to compare with"
        )
    if name:
        ids = find_side(evidence, name).variants
        found = [one for one in variants if one["id"] in ids]
    else:
        found = [one for one in variants if not is_unadapted(one["method"])] or variants
    if len(found) != 1:
        listed = ", ".join(
            f"{one['id'][:8]} = {one['label']}/{one['train_size']}/seed{one['seed']}" for one in found[:12]
        )
        said = f"{name!r} is {len(found)} variants" if name else f"the run has {len(found)} variants"
        raise MonitorError(f"{said}; say which one is live with --variant ID" + (f": {listed}" if listed else ""))
    chosen: Mapping[str, Any] = found[0]
    return chosen


def _cells(evidence: Evidence, variant: Mapping[str, Any], task: str, test: Sequence[str]) -> list[CellEvidence]:
    """Choose one cell per in-domain test set (or of those named), asked as the variant is meant to be."""
    own = [cell for cell in evidence.done() if cell.variant["id"] == variant["id"]]
    known = list(dict.fromkeys(str(cell.cell["test_dataset"]) for cell in own))
    for name in test:
        if name not in known:
            raise MonitorError(f"--test {name!r}: {nearest(name, known)}")
    tasks = list(dict.fromkeys(str(cell.cell["test_task"]) for cell in own))
    if task and task not in tasks:
        raise MonitorError(f"--task {task!r}: {nearest(task, tasks)}")
    asked = [
        cell
        for cell in own
        if (cell.cell["test_dataset"] in test if test else cell.cell["relation"] in ("in_domain", "undeclared"))
        and task in ("", cell.cell["test_task"])
    ]
    tasks = list(dict.fromkeys(str(cell.cell["test_task"]) for cell in asked))
    if not asked:
        raise MonitorError(
            f"no in-domain test set of this variant is answered; name test sets with --test: {', '.join(known)}"
        )
    if len(tasks) > 1:
        raise MonitorError(
            f"the variant was tested in domain on tasks {', '.join(tasks)}; say which one is live with --task"
        )
    meant = int(variant.get("meant_shots") or 0)
    chosen: dict[str, CellEvidence] = {}
    for cell in sorted(asked, key=lambda one: (abs(int(one.cell["shots"]) - meant), *evidence.order(one.asking))):
        chosen.setdefault(str(cell.cell["test_dataset"]), cell)
    return [chosen[name] for name in known if name in chosen]


def _reference(seen: _Seen, settings: MonitorSettings) -> Reference:
    reader, rows, answered = seen.reader, seen.rows, seen.answered
    bins = {"length": bins_of([len(reader.text(one.prompt)) for one in rows])}
    if not reader.is_classification:
        bins["answers"] = bins_of([len(one.output or "") for one in answered])
    below, shares = _shares(seen)
    counts = _counts(seen, bins)
    identity = {
        "variant": seen.variant["id"],
        "cells": [one.cell["id"] for one in seen.cells],
        "shares": {name: list(one) for name, one in shares.items()},
        "counts": {name: dict(sorted(one.items())) for name, one in counts.items()},
    }
    return Reference(
        run=seen.folder.path.resolve().name,
        variant=seen.variant,
        title=seen.title,
        tests=_tests(seen.cells),
        reader=reader,
        shares=shares,
        counts=counts,
        bins=bins,
        unsure_below=below,
        texts=tuple(_drawn(list(dict.fromkeys(reader.text(one.prompt)[:LONGEST_TEXT] for one in rows)), settings)),
        id=content_id(identity),
    )


def _shares(seen: _Seen) -> tuple[float | None, dict[str, tuple[int, int]]]:
    """Return the confidence below which a row is unsure, where there are any, and bad rows with rows of every share."""
    answered, worth, n = seen.answered, seen.worth, len(seen.answered)
    n_right = sum(seen.reader.read(one.output or "", one.target).is_right is True for one in answered)
    shares = {
        "wrong": _shrunk(n - n_right, n, worth),
        "errors": _shrunk(len(seen.rows) - n, len(seen.rows), worth),
        "unparsed": _shrunk(sum(one.parsed is None for one in answered), n, worth),
        "refusals": _shrunk(sum(bool(refusal_in(one.output or "")) for one in answered), n, worth),
    }
    sure = sorted(found for one in answered if (found := confidence_of(one)) is not None)
    if len(sure) < n or n < FEWEST_TEXTS:
        return None, shares
    at = math.floor(UNSURE * n)
    return sure[at], {**shares, "unsure": _shrunk(at, n, worth)}


def _counts(seen: _Seen, bins: Mapping[str, Bins]) -> dict[str, Counter[str]]:
    """Count the categories of everything that may drift."""
    inputs = [seen.reader.text(one.prompt) for one in seen.rows]
    made = {
        "script": Counter(map(script_in, inputs)),
        "length": Counter(bins["length"].holding(len(one)) for one in inputs),
    }
    if seen.reader.is_classification:
        made["answers"] = Counter(one.parsed for one in seen.answered if one.parsed is not None)
        made["labels"] = Counter(one.target for one in seen.rows)
    else:
        made["answers"] = Counter(bins["answers"].holding(len(one.output or "")) for one in seen.answered)
    return made


def _tests(cells: Sequence[CellEvidence]) -> tuple[str, ...]:
    return tuple(str(one.cell["test_dataset"]) for one in cells)


def _worth(groups: Sequence[str]) -> float:
    """Return the share of rows that are independent: rows of a group count as one."""
    alone = sum(not group for group in groups)
    return (alone + len({group for group in groups if group})) / max(1, len(groups))


def _shrunk(bad: int, n: int, worth: float) -> tuple[int, int]:
    if worth == 1:
        return bad, n
    n_independent = max(1, math.floor(n * worth))
    return min(n_independent, math.ceil(bad * n_independent / n)), n_independent


def confidence_of(prediction: Prediction) -> float | None:
    """Return the probability of the label that a prediction chose, among all labels; None where none was scored."""
    if not prediction.label_scores:
        return None
    scores = np.asarray(prediction.label_scores, dtype=np.float64)
    if not np.isfinite(scores).all():
        return None
    return float(1 / np.exp(scores - scores.max()).sum())


def _drawn(texts: Sequence[str], settings: MonitorSettings) -> list[str]:
    if len(texts) <= settings.domain_texts:
        return list(texts)
    places = stream(settings.seed, "monitor", "reference").choice(len(texts), settings.domain_texts, replace=False)
    return [texts[at] for at in np.sort(places)]
