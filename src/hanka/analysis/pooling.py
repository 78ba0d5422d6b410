"""Which cells one claim is about: a system over its seeds, prompts and draws, asked as it is meant to be.

Between contrasts and the claims made of them. A system is an entry of `methods` on one base, training set and size; its
seeds are replicates of it. It is judged at the shots it was trained with, or at the fewest. Its rivals are the base
model at every asking it was given, and with the system's own training rows shown where an entry does that (`icl`): an adaptation has to
beat all of them, so none is chosen on the test rows.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from hanka.analysis.contrasts import Contrasts, PairResult
from hanka.analysis.evidence import CellEvidence, Evidence
from hanka.metrics import Metric
from hanka.records import ASIDE


class System(NamedTuple):
    """What may be recommended: an entry on one base, training set and size, whatever its seeds."""

    base: str
    "Base model."
    label: str
    "Entry of `methods`."
    dataset: str
    "What it was trained on."
    size: int
    "Training rows."


class Asked(NamedTuple):
    """What stands before a query, whatever its wording: shots and context."""

    shots: int
    context: str


@dataclass(frozen=True, slots=True, eq=False)
class SystemCells:
    """A system with its finished cells, by test set."""

    system: System
    variants: tuple[Any, ...]
    "Its variants, one per seed."
    asked: dict[str, Asked]
    "Test set → how it is meant to be asked there."
    cells: dict[str, list[CellEvidence]]
    "Test set → finished cells that were asked that way."
    relations: dict[str, str]
    "Test set → relation."

    @property
    def reference(self) -> str:
        """Base model it is compared with."""
        return str(self.variants[0].get("reference") or self.system.base)


def system_of(variant: Any) -> System:
    """Return the system a variant belongs to."""
    return System(variant["base"], variant["label"], variant["train_dataset"], int(variant["train_size"]))


def asked_of(cell: CellEvidence) -> Asked:
    """Return what stood before a cell's queries."""
    return Asked(int(cell.cell["shots"]), str(cell.cell["context"]))


def _with_rows(cell: CellEvidence) -> Asked:
    """Return the asking of a base behind training rows: as many shots as rows, whatever single test sets leave out."""
    return Asked(int(cell.variant["train_size"]), str(cell.cell["context"]))


@dataclass(slots=True)
class Pooling:
    """The systems of a run and the cells they are compared with."""

    contrasts: Contrasts
    "Where cell pairs are compared."
    _base: dict[tuple[str, str, str, int, Asked], CellEvidence] = field(default_factory=dict)

    @property
    def evidence(self) -> Evidence:
        """The run."""
        return self.contrasts.evidence

    def systems(self) -> list[SystemCells]:
        """Return every adapted system that was to be asked something, in the order of the plan; rows that are shown adapt nothing.

        Test sets of changed rows are no part of them: nothing is decided by those.
        """
        by_system: dict[System, list[CellEvidence]] = defaultdict(list)
        for cell in self.evidence.cells.values():
            if cell.cell["relation"] in ASIDE:
                continue
            if not cell.is_unadapted and cell.variant.get("changes_weights", True):
                by_system[system_of(cell.variant)].append(cell)
        return [self._gathered(system, cells) for system, cells in by_system.items()]

    def _gathered(self, system: System, cells: Sequence[CellEvidence]) -> SystemCells:
        by_test: dict[str, list[CellEvidence]] = defaultdict(list)
        for cell in cells:
            by_test[str(cell.cell["test_dataset"])].append(cell)
        meant = {test: self._meant(members) for test, members in by_test.items()}
        return SystemCells(
            system,
            tuple({cell.variant["id"]: cell.variant for cell in cells}.values()),
            meant,
            {
                test: [cell for cell in members if cell.is_done and asked_of(cell) == meant[test]]
                for test, members in by_test.items()
            },
            {test: str(members[0].cell["relation"]) for test, members in by_test.items()},
        )

    def _meant(self, cells: Sequence[CellEvidence]) -> Asked:
        """Return the asking nearest to how a variant was trained, of those a test set was asked with."""
        wanted = int(cells[0].variant["meant_shots"])
        return min(
            (asked_of(cell) for cell in cells), key=lambda one: (abs(one.shots - wanted), one.shots, self._rank(one))
        )

    def _rank(self, asked: Asked) -> int:
        contexts = self.evidence.plan["contexts"]
        return contexts.index(asked.context) if asked.context in contexts else len(contexts)

    def rivals(self, system: SystemCells, tests: Sequence[str]) -> list[Asked]:
        """Return how the base model was asked on all of some test sets, fewest shots first."""
        covered: dict[Asked, set[str]] = defaultdict(set)
        for base, test, _, _, asked in self._bases():
            if base == system.reference:
                covered[asked].add(test)
        for cell in self._showing(system):
            covered[_with_rows(cell)].add(str(cell.cell["test_dataset"]))
        complete = [asked for asked, known in covered.items() if known >= set(tests)]
        return sorted(complete, key=lambda one: (one.shots, self._rank(one)))

    def against(
        self, system: SystemCells, tests: Sequence[str], metric: Metric, rival: Asked | None = None
    ) -> list[PairResult]:
        """Pair a system's cells on some test sets with the base model's of the same wording and draw.

        rival: how the base is asked; None: as the system's cell is. Where the base was not asked with a draw, as at
        zero shots, its first one stands for it; with rows shown, the rows of the same seed do, or of the first one.
        """
        base, found = self._bases(), []
        showing = [one for one in self._showing(system) if _with_rows(one) == rival]
        for cell in (cell for test in tests for cell in system.cells.get(test, ())):
            test, prompt, asked = str(cell.cell["test_dataset"]), str(cell.cell["prompt"]), rival or asked_of(cell)
            draws = (int(cell.cell["draw"]), 0)
            others = [base.get((system.reference, test, prompt, draw, asked)) for draw in draws]
            shown = [one for one in showing if (one.cell["test_dataset"], one.cell["prompt"]) == (test, prompt)]
            seed = cell.variant["seed"]
            others += [*(one for one in shown if one.variant["seed"] == seed), *shown]
            other = next((one for one in others if one is not None), None)
            pair = self.contrasts.pair(cell, other, metric) if other else None
            if pair is not None:
                found.append(pair)
        return found

    def _showing(self, system: SystemCells) -> list[CellEvidence]:
        """Return the finished cells of the base behind the very rows that a system was trained on."""
        own = self.evidence.plan.get("contexts_of_own_rows", ())
        return [
            cell
            for cell in self.evidence.done()
            if not cell.variant.get("changes_weights", True) and cell.cell["context"] in own
            and cell.reference == system.reference and system_of(cell.variant)[2:] == system.system[2:]
        ]  # fmt: skip

    def _bases(self) -> dict[tuple[str, str, str, int, Asked], CellEvidence]:
        if not self._base:
            for cell in self.evidence.done():
                if cell.is_unadapted:
                    asked = cell.cell
                    key = (str(cell.variant["base"]), str(asked["test_dataset"]), str(asked["prompt"]))
                    self._base[*key, int(asked["draw"]), asked_of(cell)] = cell
        return self._base
