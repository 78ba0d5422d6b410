"""Who is compared: the base, what was fine-tuned on a data set by size, and what was fine-tuned with demonstrations.

Evidence → **arms** → `statements.py`. A setting is one training set of one of the paper's five tasks on one base. Its fine-tuned
model is the study's first `sft` entry there; `fticl` entries, and a `select` among such, are those with demonstrations. All are
compared at one size, the smallest that the first shares with any of them: in the paper it is 2,000 rows, in a study of its design the
first. Entries that this leaves out are named.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from hanka.analysis.evidence import CellEvidence, Evidence
from hanka.metrics import METRICS, Metric
from hanka.records import is_unadapted

PAPER_TASKS = ("summary", "question", "sentiment", "detection", "inference")
"Those that the paper trains; the first two write, the others choose a label."


def seed_of(cell: CellEvidence) -> int:
    """Return the training seed of a cell's variant."""
    return int(cell.variant["seed"])


def draw_of(cell: CellEvidence) -> int:
    """Return which draw of demonstrations a cell was asked with."""
    return int(cell.cell["draw"])


class Asked(NamedTuple):
    """How an arm is asked a test set."""

    test: str
    shots: int
    prompt: str


@dataclass(frozen=True, slots=True, eq=False)
class Arm:
    """A model with all its seeds."""

    name: str
    "What tables call it."
    cells: Mapping[Asked, Sequence[CellEvidence]]
    "Finished cells, one per seed and draw."

    def shots(self, tests: Sequence[str], prompt: str) -> list[int]:
        """Return the shot counts that every one of some test sets was asked with, fewest first."""
        counts = [{one.shots for one in self.cells if one.test == test and one.prompt == prompt} for test in tests]
        return sorted(set.intersection(*counts)) if counts else []

    def levels(self, of: Callable[[CellEvidence], int]) -> set[int]:
        """Return all seeds, or draws, that any cell has."""
        return {of(cell) for cells in self.cells.values() for cell in cells}

    def cell(self, test: str, shots: int, prompt: str, seed: int, draw: int) -> CellEvidence | None:
        """Return the cell of a seed and draw; where there is one draw, as without demonstrations, it stands for all."""
        cells = self.cells.get(Asked(test, shots, prompt), ())
        single = len({draw_of(one) for one in cells}) == 1
        return next((one for one in cells if seed_of(one) == seed and (single or draw_of(one) == draw)), None)


@dataclass(frozen=True, slots=True, eq=False)
class Setting:
    """What was made of one training set on one base."""

    base_name: str
    "Base model that was adapted."
    task: str
    "Task that is trained; one of the paper's."
    dataset: str
    "Training set."
    kind: str
    "generation or classification."
    base: Arm
    "The base as it is, or the one that it is compared with."
    tuned: Mapping[int, Arm]
    "By training rows, fewest first."
    prompt: str
    "Prompt set of its training, which every claim but the sixth is about."
    size: int
    "Training rows at which arms are compared."
    shown: tuple[Arm, ...]
    "Fine-tuned with demonstrations, on as many rows."
    others: tuple[str, ...]
    "Entries of the same kinds that are not compared: further ones without demonstrations, and those with them on other sizes."
    tests: Mapping[str, Sequence[str]]
    "Relation → test sets."
    task_of: Mapping[str, str]
    "Test set → task."

    def of_tasks(self, relation: str, *tasks: str) -> list[str]:
        """Return the test sets of a relation that belong to some tasks."""
        return [test for test in self.tests.get(relation, ()) if self.task_of[test] in tasks]


def settings(evidence: Evidence) -> Iterator[Setting]:
    """Yield what can be compared, in the order of the plan."""
    by_variant: dict[str, list[CellEvidence]] = defaultdict(list)
    for cell in evidence.done():
        by_variant[cell.variant["id"]].append(cell)
    groups: dict[tuple[str, str], list[Mapping[str, Any]]] = defaultdict(list)
    for variant in evidence.plan["variants"]:
        if variant["train_task"] in PAPER_TASKS:
            groups[str(variant["base"]), str(variant["train_dataset"])].append(variant)
    for (base, dataset), members in groups.items():
        found = _setting(evidence, by_variant, base, dataset, members)
        if found is not None:
            yield found


def _setting(
    evidence: Evidence,
    by_variant: Mapping[str, Sequence[CellEvidence]],
    base: str,
    dataset: str,
    members: Sequence[Mapping[str, Any]],
) -> Setting | None:
    label = next((one["label"] for one in members if one["method"] == "sft"), None)
    tuned = [one for one in members if one["label"] == label]
    shown = [one for one in members if _shows(one, {one["id"]: one for one in members})]
    if label is None:
        return None
    sizes = sorted({int(one["train_size"]) for one in tuned})
    shared = [size for size in sizes if size in {int(one["train_size"]) for one in shown}] or sizes
    size = shared[0]
    reference = str(members[0].get("reference") or base)
    bases = [one for one in evidence.plan["variants"] if one["base"] == reference and is_unadapted(one["method"])]
    arms = {rows: _arm(evidence, by_variant, label, [v for v in tuned if v["train_size"] == rows]) for rows in sizes}
    names = dict.fromkeys(one["label"] for one in shown if one["train_size"] == size)
    alike = [one["label"] for one in members if one["method"] == "sft" or one in shown]
    others = dict.fromkeys(one for one in alike if one != label and one not in names)
    tests: dict[str, list[str]] = defaultdict(list)
    task_of: dict[str, str] = {}
    for cell in (cell for one in tuned for cell in by_variant.get(one["id"], ())):
        test, task = str(cell.cell["test_dataset"]), str(cell.cell["test_task"])
        if METRICS.get(evidence.primary(task)).higher_is_better is not None and test not in task_of:
            task_of[test] = task
            tests[str(cell.cell["relation"])].append(test)
    task = str(tuned[0]["train_task"])
    return Setting(
        base, task, dataset, str(evidence.task(task)["kind"]), _arm(evidence, by_variant, "base", bases), arms,
        str(tuned[0]["params"].get("prompt", "p1")), size,
        tuple(
            _arm(evidence, by_variant, name, [v for v in shown if v["label"] == name and v["train_size"] == size])
            for name in names
        ),
        tuple(others), tests, task_of,
    )  # fmt: skip


def _shows(variant: Mapping[str, Any], members: Mapping[str, Mapping[str, Any]]) -> bool:
    """Tell whether a variant saw demonstrations in training, or was chosen among such."""
    parents = [members[one] for one in variant.get("parents", ()) if one in members]
    chosen = variant["method"] == "select" and bool(parents) and all(one["method"] == "fticl" for one in parents)
    return bool(variant["method"] == "fticl") or chosen


def _arm(
    evidence: Evidence,
    by_variant: Mapping[str, Sequence[CellEvidence]],
    name: str,
    variants: Sequence[Mapping[str, Any]],
) -> Arm:
    """Gather the cells of some variants; demonstrations stand before the query as the study's first context says."""
    first = next(
        (one for one in evidence.plan["contexts"] if one not in evidence.plan.get("contexts_of_own_rows", ())), ""
    )
    cells: dict[Asked, list[CellEvidence]] = defaultdict(list)
    for cell in (cell for one in variants for cell in by_variant.get(one["id"], ())):
        if cell.cell["context"] == first:
            asked = Asked(str(cell.cell["test_dataset"]), int(cell.cell["shots"]), str(cell.cell["prompt"]))
            cells[asked].append(cell)
    return Arm(name, cells)


def by_metric(evidence: Evidence, setting: Setting, tests: Sequence[str]) -> dict[Metric, list[str]]:
    """Group test sets by their primary metric: different metrics are never averaged."""
    found: dict[Metric, list[str]] = defaultdict(list)
    for test in tests:
        found[METRICS.get(evidence.primary(setting.task_of[test]))].append(test)
    return found
