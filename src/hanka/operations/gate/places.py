"""Where a rule applies: its test sets among the candidate's, and the rows of its slice.

Between sides and checks. A word that names nothing in the run (a test set, task, metric, column, value, label) is a mistake of the
policy and ends the gate with the nearest word; a relation without test sets, or a test set without such rows, is missing evidence.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from hanka.analysis.evidence import CellEvidence, Evidence
from hanka.declared.source import Key
from hanka.errors import nearest
from hanka.metrics import METRICS
from hanka.operations.gate.policy import Address, Guardrail, Rule
from hanka.operations.gate.policy_file import Asked
from hanka.operations.gate.systems import Sides
from hanka.store.folder import read_table

LENGTH = "length"
"Column whose values are numbers: characters of the inputs."
DASHES = "-–—"
"What may stand between the ends of a range; reports write the second."


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """One test set of a rule, with the rows that count."""

    test: str
    "Test set."
    cell: CellEvidence
    "The candidate's cell."
    rows: frozenset[str] | None
    "Ids of the rows of the slice; None: all rows."


@dataclass(frozen=True, slots=True, eq=False)
class Places:
    """Where one rule applies."""

    found: tuple[Place, ...]
    "Test sets, in the order of the plan."
    without: tuple[str, ...] = ()
    "Test sets of the address that have no row of the slice."
    unasked: tuple[str, ...] = ()
    "Test sets of the address that the candidate was asked in other ways alone."


@dataclass(slots=True)
class Finder:
    """Finds the places of rules; what is stored of rows is read once."""

    asked: Asked
    sides: Sides
    _columns: dict[str, dict[str, dict[str, str]]] | None = field(default=None)

    @property
    def evidence(self) -> Evidence:
        """Return the candidate's run."""
        return self.sides.candidate.evidence

    def places(self, key: Key, rule: Rule | Guardrail) -> Places:
        """Return where a rule applies. Raises PolicyError for a word that names nothing in the run."""
        self._check_names(key, rule)
        cells = [one for one in self.sides.candidate.cells.values() if _fits(one, rule)]
        self._check_measure(key, rule, cells)
        unasked = tuple(test for test, one in self.sides.candidate.unasked.items() if _fits(one, rule))
        if not rule.slice:
            return Places(tuple(Place(str(one.cell["test_dataset"]), one, None) for one in cells), unasked=unasked)
        self._check_slice(key, rule, cells)
        found, without = [], []
        for cell in cells:
            test = str(cell.cell["test_dataset"])
            rows = self._rows(key, test, rule)
            if rows:
                found.append(Place(test, cell, rows))
            else:
                without.append(test)
        return Places(tuple(found), tuple(without), unasked)

    def _check_names(self, key: Key, rule: Address) -> None:
        cells = [cell.cell for cell in self.evidence.cells.values()]
        for name, column in (("test", "test_dataset"), ("task", "test_task")):
            known = {str(cell[column]) for cell in cells}
            for word in getattr(rule, name):
                if word not in known:
                    raise self.asked.error(
                        (*key, name), f"{word!r} is no {name} {SET[name]}of the run: {nearest(word, known)}"
                    )

    def _check_measure(self, key: Key, rule: Rule | Guardrail, cells: list[CellEvidence]) -> None:
        tasks = {str(cell.cell["test_task"]) for cell in cells}
        if isinstance(rule, Rule) and rule.metric:
            known = {name for task in self.evidence.plan["tasks"].values() for name in task["metrics"]}
            own = {name for task in tasks for name in self.evidence.task(task)["metrics"]}
            if rule.metric not in (own or known):
                raise self.asked.error(
                    (*key, "metric"), f"{rule.metric!r} is not measured there: {nearest(rule.metric, own or known)}"
                )
        if isinstance(rule, Rule) and rule.non_inferior is not None:
            metrics = [METRICS.get(rule.metric or self.evidence.primary(task)) for task in sorted(tasks)]
            spans = {one.high - one.low: one for one in metrics}
            if spans and rule.non_inferior >= min(spans):
                one = spans[min(spans)]
                raise self.asked.error(
                    (*key, "non_inferior"),
                    f"{rule.non_inferior:g} would let any loss pass: {one.name} lies between {one.low:g} and {one.high:g}; give the "
                    "margin in units of the metric, as in 0.05 for 5 points",
                )
        if isinstance(rule, Guardrail) and rule.label:
            labels = {label for task in tasks for label in self.evidence.task(task)["labels"]}
            if tasks and rule.label not in labels:
                raise self.asked.error(
                    (*key, "label_share"), f"{rule.label!r} is no label there: {nearest(rule.label, labels)}"
                )

    def _check_slice(self, key: Key, rule: Address, cells: Iterable[CellEvidence]) -> None:
        """Check columns and values by all rows of the addressed test sets."""
        if len(rule.slice) != 1:
            raise self.asked.error(
                (*key, "slice"), f"{len(rule.slice)} columns; give one, as in `slice: {{language: ja}}`"
            )
        (column, value), tests = next(iter(rule.slice.items())), [str(cell.cell["test_dataset"]) for cell in cells]
        stored = self._stored()
        columns = {name for test in tests for name in stored.get(test, {})}
        if tests and column not in columns:
            raise self.asked.error(
                (*key, "slice"), f"no column {column!r} is stored of these rows: {nearest(column, columns)}"
            )
        if column == LENGTH:
            self._ends(key, value)
            return
        values = {one for test in tests for one in stored.get(test, {}).get(column, {}).values()}
        if tests and value not in values:
            raise self.asked.error((*key, "slice", column), f"no row has {value!r}: {nearest(value, values)}")

    def _rows(self, key: Key, test: str, rule: Address) -> frozenset[str]:
        column, value = next(iter(rule.slice.items()))
        known = self._stored().get(test, {}).get(column, {})
        if column != LENGTH:
            return frozenset(sample for sample, one in known.items() if one == value)
        low, high = self._ends(key, value)
        return frozenset(sample for sample, one in known.items() if low <= int(one) <= high)

    def _ends(self, key: Key, value: str) -> tuple[float, float]:
        """Read a range of lengths, both ends inclusive: 12-80, 200- or -80."""
        dash = next((one for one in DASHES if one in value), "")
        low, high = (part.strip().replace(",", "") for part in (value.split(dash, 1) if dash else (value, value)))
        if not (low or high) or not all(part == "" or (part.isascii() and part.isdigit()) for part in (low, high)):
            raise self.asked.error(
                (*key, "slice", LENGTH), f"{value!r} is no range of characters; write one as 12-80, 200- or -80"
            )
        ends = float(low or 0), float(high or "inf")
        if ends[0] > ends[1]:
            raise self.asked.error(
                (*key, "slice", LENGTH), f"{value!r} ends before it begins; write the smaller number first"
            )
        return ends

    def _stored(self) -> Mapping[str, Mapping[str, Mapping[str, str]]]:
        """Return test set → column → sample → value; empty where nothing is stored of rows."""
        if self._columns is None:
            self._columns = defaultdict(lambda: defaultdict(dict))
            if self.evidence.folder.samples.is_file():
                names = ("test_dataset", "sample_id", "slice", "value")
                table: dict[str, list[Any]] = read_table(self.evidence.folder.samples, names).to_pydict()
                for test, sample, name, value in zip(*table.values(), strict=True):
                    self._columns[test][name][sample] = value
        return self._columns


SET = {"test": "set ", "task": ""}


def _fits(cell: CellEvidence, rule: Address) -> bool:
    """Tell whether a rule is about a cell; changed rows are only where it names them."""
    one = cell.cell
    if one["relation"] == "perturbed" and not rule.relation and one["test_dataset"] not in rule.test:
        return False
    return (
        (not rule.relation or one["relation"] in rule.relation)
        and (not rule.task or one["test_task"] in rule.task)
        and (not rule.test or one["test_dataset"] in rule.test)
    )
