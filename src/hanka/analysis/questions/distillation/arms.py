"""The arms of a distillation: which cells belong together.

Evidence → **arms** → `judged.py`. A *student* is an entry of method `distil` on one training set; beside it stand, of the same base and
seed: what was *tuned* on the same pairs without a teacher, where both *started*, and who *taught*. Each is asked without a document, with
one looked up (context `retrieve`), and with the very one (context `open_book`). The same pairs are rows of the same recipe, whatever
else was added to them; whether their teacher is fit was judged when they were made and stands in data.json.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, TypeAlias

from hanka.analysis.evidence import CellEvidence, Evidence
from hanka.records import is_unadapted
from hanka.store.folder import read_json_or_none
from hanka.store.rows import RECORD

Way: TypeAlias = Literal["closed", "retrieve", "open_book"]
INSERTING = ("retrieve", "open_book")
STUDENT = "distil"
"Method of students."
ADDED = ("rehearse", "share")
"Parameters of a recipe that add rows to the pairs."


class Topic(NamedTuple):
    """What one comparison is about."""

    base: str
    "Base model."
    label: str
    "Entry that distils."
    dataset: str
    "What it was trained on."
    size: int
    "Rows the study asked for, as they came out."


@dataclass(frozen=True, slots=True, eq=False)
class Arm:
    """The cells of one arm over seeds, by test set."""

    label: str
    "As the study names the entry."
    way: Way
    "How it was asked."
    cells: Mapping[tuple[str, int], CellEvidence]
    "(test set, training seed of the student) → cell."


@dataclass(frozen=True, slots=True, eq=False)
class Arms:
    """All arms of a topic."""

    topic: Topic
    "What it is about."
    task: str
    "Task of the test sets that ask what was taught."
    told: Mapping[str, Any]
    "What was told of the rows when they were made; {} where no recipe made them."
    student: Arm
    "Distilled, asked without a document."
    arms: Mapping[str, Arm]
    "student_retrieve, tuned, tuned_retrieve, start, retrieve, open_book: those that were asked."
    elsewhere: Mapping[str, tuple[Arm, Arm | None, Arm | None]] = field(default_factory=dict)
    "Test set of another task → student, tuned, start there."

    @property
    def teacher(self) -> Mapping[str, Any]:
        """What the teacher was found to be worth; {} where nobody judged it."""
        found: Mapping[str, Any] = self.told.get("teacher") or {}
        return found


class _Known:
    """Finished cells by variant, way and test set, each at its first asking."""

    def __init__(self, evidence: Evidence) -> None:
        self.evidence = evidence
        self.variants = {str(one["id"]): one for one in evidence.plan["variants"]}
        kinds = evidence.plan.get("context_entries", {})
        self.cells: dict[tuple[str, Way, str], CellEvidence] = {}
        for cell in sorted(evidence.done(), key=lambda one: evidence.order(one.asking)):
            kind = str(kinds.get(cell.cell.get("context", ""), ""))
            way: Way = kind if kind in INSERTING else "closed"  # type: ignore[assignment]
            if not cell.cell["shots"]:
                self.cells.setdefault((str(cell.variant["id"]), way, str(cell.cell["test_dataset"])), cell)
        self._told: dict[str, Mapping[str, Any]] = {}

    def record(self, variant: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return data.json of the rows a variant was trained on; {} where no recipe of the run made them."""
        rows = str(variant.get("data") or "")
        if not rows:
            return {}
        if rows not in self._told:
            found = read_json_or_none(self.evidence.folder.data(rows) / RECORD)
            self._told[rows] = found if isinstance(found, dict) else {}
        return self._told[rows]

    def pairs(self, variant: Mapping[str, Any]) -> str:
        """Return what is equal for variants that learnt from the same pairs, whatever was added to these."""
        record = self.record(variant)
        if not record:
            return _rows(variant)
        name, version, params = record["recipe"]
        told = record.get("told", {})
        kept = {key: value for key, value in params.items() if key not in ADDED}
        return json.dumps([name, version, kept, told.get("asked"), told.get("kept")], sort_keys=True)

    def unadapted(self, base: str) -> str:
        """Return the id of a base model as it is; empty where it was not asked."""
        return next((one for one, it in self.variants.items() if it["base"] == base and is_unadapted(it["method"])), "")


def gathered(evidence: Evidence) -> list[Arms]:
    """Return the arms of every student of a run, in the order of the plan; none where nothing was distilled."""
    known = _Known(evidence)
    by_topic: dict[Topic, list[Mapping[str, Any]]] = defaultdict(list)
    for variant in known.variants.values():
        if variant["method"] == STUDENT:
            topic = Topic(
                str(variant["base"]), str(variant["label"]), str(variant["train_dataset"]), int(variant["train_size"])
            )
            by_topic[topic].append(variant)
    return [_arms(known, topic, students) for topic, students in by_topic.items()]


def _arms(known: _Known, topic: Topic, students: list[Mapping[str, Any]]) -> Arms:
    own = [str(one["id"]) for one in students]
    tests = {str(cell.cell["test_dataset"]): cell for (variant, _, _), cell in known.cells.items() if variant in own}
    asking = {test: cell for test, cell in tests.items() if cell.cell["relation"] in ("in_domain", "out_of_domain")}
    others = [test for test in tests if test not in asking]
    task = str(next(iter(asking.values())).cell["test_task"]) if asking else ""
    tuned = {str(one["id"]): _tuned(known, one) for one in students}
    start = {str(one["id"]): str(one.get("started_from") or "") or known.unadapted(topic.base) for one in students}
    taught = {str(one["id"]): str(one.get("taught_by") or "") or start[str(one["id"])] for one in students}
    same = {one: one for one in own}
    seeds = {str(one["id"]): int(one["seed"]) for one in students}

    def arm(of: Mapping[str, str], way: Way, among: list[str]) -> Arm | None:
        """Return the cells of what stands beside each student; None where one is missing."""
        cells = {
            (test, seeds[student]): cell
            for student, variant in of.items()
            for test in among
            if (cell := known.cells.get((variant, way, test))) is not None
        }
        if not cells or len(cells) < len(of) * len(among):
            return None
        return Arm(str(next(iter(cells.values())).variant["label"]), way, cells)

    names: dict[str, tuple[Mapping[str, str], Way]] = {
        "student_retrieve": (same, "retrieve"), "tuned": (tuned, "closed"), "tuned_retrieve": (tuned, "retrieve"),
        "start": (start, "closed"), "retrieve": (start, "retrieve"), "open_book": (taught, "open_book"),
    }  # fmt: skip
    found = {name: one for name, (of, way) in names.items() if (one := arm(of, way, sorted(asking))) is not None}
    student = arm(same, "closed", sorted(asking)) or Arm(topic.label, "closed", {})
    elsewhere = {
        test: (there, arm(tuned, "closed", [test]), arm(start, "closed", [test]))
        for test in sorted(others)
        if (there := arm(same, "closed", [test])) is not None
    }
    told = known.record(students[0]).get("told", {})
    return Arms(topic, task, told, student, found, elsewhere)


def _tuned(known: _Known, student: Mapping[str, Any]) -> str:
    """Return what was tuned on the same pairs without a teacher, from the same start; on equal rows rather than on more. Empty: nothing."""
    fitting = [
        one
        for one in known.variants.values()
        if one["method"] != STUDENT
        and one["base"] == student["base"]
        and one["seed"] == student["seed"]
        and one.get("started_from") == student.get("started_from")
        and _rows(one)
        and known.pairs(one) == known.pairs(student)
    ]
    fitting.sort(key=lambda one: _rows(one) != _rows(student))
    return str(fitting[0]["id"]) if fitting else ""


def _rows(variant: Mapping[str, Any]) -> str:
    """Return what identifies a variant's rows: the work that made them, or their fingerprint."""
    return str(variant.get("data") or variant.get("rows") or "")
