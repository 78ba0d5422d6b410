"""What an answer is worth: a price file's `value:` → one number for each answered row, and how two systems differ in it.

A value per right answer is a scale on the share that is right, so its interval is that share's own; a value for each row or each
confusion of labels is a score of its own, compared row by row like any other. A row or a pair of labels without a value is an
error that names it: nothing counts as 0 in silence.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np

from hanka.analysis.answers import FloatArray, Scored
from hanka.analysis.contrasts import Contrasts, PairResult
from hanka.analysis.evidence import CellEvidence, Evidence
from hanka.errors import nearest
from hanka.metrics import METRICS, Metric, Outputs, ScoringContext
from hanka.metrics.base import column, mean
from hanka.operations.costs.prices import MOST, PriceError, PriceFile, Value

SHOWN = 3
"Rows or pairs that an error names."
Pair = tuple[str, str]
"Target and answer."


class RightWrong(NamedTuple):
    """What the two outcomes of a row are worth."""

    right: float
    wrong: float


@dataclass(frozen=True, slots=True)
class Worth:
    """How answers are valued on the test sets of one task."""

    metric: Metric
    "What two systems are compared in."
    scale: float | None
    "Money for one unit of it; None where nothing says what an answer is worth."
    by_sample: Mapping[tuple[str, str], RightWrong] = field(default_factory=dict)
    "(test set, sample) → its values; with it the metric is in money."
    right: Metric | None = None
    "With `by_sample`: what says whether an answer is right."

    def rows(self, evidence: Evidence, cell: CellEvidence) -> Scored:
        """Return the values of a cell's answered rows. Raises PriceError for a row without one."""
        if self.right is None:
            return evidence.rows(cell, self.metric)
        found = evidence.rows(cell, self.right)
        test = str(cell.cell["test_dataset"])
        keys = [(test, found.samples.ids[place]) for place in found.places]
        lacking = [sample for test, sample in keys if (test, sample) not in self.by_sample]
        if lacking:
            named = ", ".join(lacking[:SHOWN])
            raise PriceError(
                f"value.by_sample: {len(lacking)} of {len(keys)} rows of {test} have no value ({named}); add a line for each"
            )
        worth = np.array([self.by_sample[key] for key in keys], dtype=np.float64).reshape(-1, 2)
        share = found.statistics[:, :1]
        return Scored(found.samples, found.places, share * worth[:, :1] + (1 - share) * worth[:, 1:])

    def pair(self, contrasts: Contrasts, cell: CellEvidence, other: CellEvidence) -> PairResult | None:
        """Compare two cells in what their answers are worth; None below two independent units."""
        rows = self.rows(contrasts.evidence, cell), self.rows(contrasts.evidence, other)
        return contrasts.compared(cell, other, self.metric, rows)


def worth_of(evidence: Evidence, cells: Sequence[CellEvidence], file: PriceFile | None) -> Worth | None:
    """Return how answers are valued on some cells of one task; None where its metrics tell no right from wrong.

    Raises PriceError where the value names a metric, a file, a label or a row that does not fit.
    """
    value = file.prices.value if file is not None else None
    if file is not None and value is not None and value.by_label is not None:
        return _by_label(evidence, cells, file.path.parent / value.by_label)
    right = _right(evidence, cells, value)
    if right is None:
        return None
    if file is not None and value is not None and value.by_sample is not None:
        return _by_sample(cells, right, file.path.parent / value.by_sample)
    return Worth(right, None if value is None else value.per_correct)


def _right(evidence: Evidence, cells: Sequence[CellEvidence], value: Value | None) -> Metric | None:
    """Return the metric that says whether an answer is right."""
    known = evidence.metrics(cells[0])
    name = value.metric if value is not None else None
    if name is None:
        return next((one for one in known if one.binary), None)
    fitting = [one.name for one in known if one.higher_is_better and one.aggregate is mean and math.isfinite(one.high)]
    if name not in fitting:
        task = cells[0].cell["test_task"]
        raise PriceError(
            f"value.metric: {name!r} is no metric of task {task} whose mean counts what is right: {nearest(name, fitting)}"
        )
    return METRICS.get(name)


def _money_metric(values: Sequence[float], statistics: object = None) -> Metric:
    """Return a metric in money between the least and the most that a row can be worth."""

    def none(outputs: Outputs, context: ScoringContext) -> FloatArray:
        raise ValueError("values are looked up by row")

    return Metric(
        name="value", display="value", display_ja="価値", version="1", low=min(values), high=max(values), higher_is_better=True,
        kinds=("classification", "generation"), reference="the price file",
        statistics=statistics if callable(statistics) else none, reads=("targets", "answers"),
    )  # fmt: skip


# ---- a value for each row


def _by_sample(cells: Sequence[CellEvidence], right: Metric, path: Path) -> Worth:
    tests = list(dict.fromkeys(str(cell.cell["test_dataset"]) for cell in cells))
    table: dict[tuple[str, str], RightWrong] = {}
    for line, row in _read(path, ("sample_id", "right", "wrong"), ("test_set",)):
        test = row.get("test_set") or ("" if len(tests) > 1 else tests[0])
        if not test:
            raise PriceError(
                f"{path}:{line}: no test_set, and several stand for the requests ({', '.join(tests)}); add that column"
            )
        key = (test, row["sample_id"])
        if key in table:
            raise PriceError(f"{path}:{line}: {row['sample_id']} of {test} stands twice; keep one line")
        table[key] = RightWrong(_number(path, line, row, "right"), _number(path, line, row, "wrong"))
    metric = _money_metric([value for one in table.values() for value in one])
    return Worth(metric, 1.0, table, right)


# ---- a value for each confusion


def _by_label(evidence: Evidence, cells: Sequence[CellEvidence], path: Path) -> Worth:
    task = str(cells[0].cell["test_task"])
    labels = [str(label) for label in evidence.task(task)["labels"]]
    if not labels:
        raise PriceError(f"value.by_label: task {task} has no labels; give per_correct or by_sample")
    table: dict[Pair, float] = {}
    for line, row in _read(path, ("target", "answer", "value"), ()):
        pair = row["target"], row["answer"]
        for name, label in zip(("target", "answer"), pair, strict=True):
            if label not in labels and not (name == "answer" and not label):
                raise PriceError(
                    f"{path}:{line}: {name} {label!r} is no label of task {task}: {nearest(label, labels)}"
                )
        if pair in table:
            raise PriceError(f"{path}:{line}: {pair[1]!r} for {pair[0]!r} stands twice; keep one line")
        table[pair] = _number(path, line, row, "value")

    def statistics(outputs: Outputs, context: ScoringContext) -> FloatArray:
        """Return (n, 1): the value of each answer."""
        outputs.require("targets", "answers")
        pairs = [
            (target, answer if answer in labels else "")
            for target, answer in zip(outputs.targets, outputs.answered, strict=True)
        ]
        if lacking := [pair for pair in dict.fromkeys(pairs) if pair not in table]:
            said = ", ".join(f"{answer or '(nothing read)'} for {target}" for target, answer in lacking[:SHOWN])
            raise PriceError(f"{path}: no value for {said}; add a line for each")
        return column([table[pair] for pair in pairs])

    return Worth(_money_metric(list(table.values()), statistics), 1.0)


# ---- the files


def _read(path: Path, needed: Sequence[str], optional: Sequence[str]) -> list[tuple[int, dict[str, str]]]:
    """Read a CSV file of values with the line of every row. Raises PriceError for what is missing or unknown."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as handle:
            reader = csv.DictReader(handle, strict=True)
            names = list(reader.fieldnames or ())
            for name in names:
                if name not in (*needed, *optional):
                    raise PriceError(f"{path}: unknown column {name!r}: {nearest(name, (*needed, *optional))}")
            if missing := [name for name in needed if name not in names]:
                raise PriceError(f"{path}: no column {missing[0]!r}; the columns are {','.join(needed)}")
            rows = []
            for row in reader:
                if None in row or None in row.values():
                    raise PriceError(
                        f"{path}:{reader.line_num}: {len(names)} columns are named, and this line has others"
                    )
                rows.append((reader.line_num, {str(name): str(value) for name, value in row.items()}))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise PriceError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from None
    if not rows:
        raise PriceError(f"{path}: holds no row; the columns are {','.join(needed)}")
    return rows


def _number(path: Path, line: int, row: Mapping[str, str], name: str) -> float:
    try:
        found = float(row[name])
    except ValueError:
        found = math.nan
    if not abs(found) <= MOST:
        raise PriceError(f"{path}:{line}: {name} {row[name]!r} is not an amount of money; write it as 0.25")
    return found
