"""Which trainings of a run are mixes, which are single tasks, and what each cost: from plan.json and what a training left behind.

Evidence → **arms** → `pairs.py`. An arm is one entry of `methods` on one base with one number of rows of each set: within it mixes differ by
their sets alone. What the rows of a set are there for stands in plan.json (`training_rows`). Variants that are made from others are left out:
they have more behind them than their rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from hanka.analysis.asked import first_cells
from hanka.analysis.evidence import CellEvidence, Evidence
from hanka.records import RELATIONS
from hanka.store.folder import read_json_or_none


class Arm(NamedTuple):
    """Trainings that may be compared."""

    base: str
    "Base model."
    label: str
    "Entry of `methods`."
    asked: int
    "Rows of each set, at most."


@dataclass(frozen=True, slots=True, eq=False)
class Training:
    """One trained variant."""

    variant: Mapping[str, Any]
    "From plan.json."
    arm: Arm
    "Where it belongs."
    learnt: frozenset[str]
    "Sets that are tuned for."
    added: frozenset[str]
    "General instructions and mathematics among them."
    steps: int | None
    "Optimizer steps taken; None where its record is not there."
    tokens: int | None
    "Tokens of rows seen."

    @property
    def seed(self) -> int:
        """Return its training seed."""
        return int(self.variant["seed"])

    @property
    def id(self) -> str:
        """Return its id."""
        return str(self.variant["id"])


@dataclass(frozen=True, slots=True, eq=False)
class Trainings:
    """All of a run that can be told apart as mixes and single tasks."""

    found: tuple[Training, ...]
    "In the order of the plan."
    cells: Mapping[tuple[str, str], CellEvidence]
    "(variant, test set) → its finished cell at the first asking."
    synthetic: frozenset[str]
    "Data sets made from templates."

    def single(self, arm: Arm, target: str, seed: int) -> Training | None:
        """Return the training of an arm on one set alone."""
        wanted = frozenset({target})
        return next(
            (one for one in self.found if (one.arm, one.learnt, one.seed) == (arm, wanted, seed) and not one.added),
            None,
        )

    def home(self, single: Training) -> list[str]:
        """Return the test sets of the domain of a single-task training, in the order of the plan."""
        return [test for (one, test), cell in self.cells.items() if one == single.id and _is(cell, "in_domain")]


def _is(cell: CellEvidence, relation: str) -> bool:
    return bool(cell.cell["relation"] == relation)


def trainings(evidence: Evidence) -> Trainings:
    """Return the trainings of a run and their cells: of entries that train on a mix at all."""
    rows = evidence.plan.get("training_rows", {})
    found = [one for one in evidence.plan["variants"] if one["id"] in rows and not one.get("parents")]
    mixing = {str(one["label"]) for one in found if len(rows[one["id"]]["parts"]) > 1}
    cells = {
        (str(cell.variant["id"]), str(cell.cell["test_dataset"])): cell for cell in first_cells(evidence, RELATIONS)
    }
    parts = [part for one in rows.values() for part in one["parts"]]
    return Trainings(
        tuple(_training(evidence, one, rows[one["id"]]) for one in found if str(one["label"]) in mixing),
        cells,
        frozenset(str(part["dataset"]) for part in parts if part.get("synthetic")),
    )


def _training(evidence: Evidence, variant: Mapping[str, Any], rows: Mapping[str, Any]) -> Training:
    made = read_json_or_none(evidence.folder.variant(str(variant["id"])) / "variant.json") or {}
    record = made.get("record") or {}
    roles = {str(one["dataset"]): one["role"] for one in rows["parts"]}
    return Training(
        variant,
        Arm(str(variant["base"]), str(variant["label"]), int(rows["asked"])),
        frozenset(name for name, role in roles.items() if role == "learnt"),
        frozenset(name for name, role in roles.items() if role != "learnt"),
        record.get("steps"),
        record.get("n_tokens"),
    )
