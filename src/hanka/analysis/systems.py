"""Systems and what they are weighed on: a variant at an asking, its gain in domain, its change elsewhere.

A trade-off is drawn between systems that can be compared: one base model, the same in-domain test sets in one
metric, the same test sets elsewhere in one metric. Different metrics are never averaged: a study with labels and
free text outside its domain has two trade-offs. The reference of every difference is the base model at its first
asking (fewest shots, first prompt, first draw), so that demonstrations alone count as a system too.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

from hanka.analysis.evidence import CellEvidence, Evidence
from hanka.analysis.together import Difference, Together, all_samples, mean_difference
from hanka.metrics import METRICS
from hanka.records import is_unadapted

Asking: TypeAlias = tuple[Any, ...]
ELSEWHERE = ("out_of_domain", "cross_task")
"Relations that a gain in domain is weighed against, each by itself."


class Side(NamedTuple):
    """Test sets of one relation in one primary metric: what may be averaged."""

    metric: str
    "Primary metric of all of them."
    tests: tuple[str, ...]
    "Names, sorted."


class Scene(NamedTuple):
    """What a trade-off is between."""

    base: str
    "Base model."
    inside: Side
    "In-domain test sets."
    relation: str
    "out_of_domain or cross_task."
    outside: Side
    "Test sets of that relation."


@dataclass(frozen=True, slots=True, eq=False)
class System:
    """A variant at an asking, on a scene."""

    variant: Mapping[str, Any]
    "The variant's fields."
    asking: Asking
    "How it is asked: shots, prompt, draw."
    gain: Difference
    "In domain, from the reference; positive is better."
    change: Difference
    "Elsewhere, from the reference; positive is better, negative is a loss."

    @property
    def is_unadapted(self) -> bool:
        """Whether it is the base model as it is, with or without demonstrations."""
        return is_unadapted(self.variant["method"])


@dataclass(frozen=True, slots=True, eq=False)
class TradeOff:
    """The systems of one scene."""

    scene: Scene
    "What they are weighed on."
    reference: Asking
    "How the base model was asked from which all differences are."
    systems: tuple[System, ...]
    "The base model's askings first, then variants in the order of the plan."
    n_incomplete: int
    "Systems without a value on every test set: cells failed or were not asked."

    def variants(self) -> list[System]:
        """Return the adapted variants, each at the reference asking."""
        return [one for one in self.systems if not one.is_unadapted and one.asking == self.reference]


def trade_offs(evidence: Evidence) -> list[TradeOff]:
    """Return every trade-off of a run, in the order of the plan."""
    cells: dict[tuple[str, Asking, str], CellEvidence] = {
        (cell.variant["id"], cell.asking, cell.cell["test_dataset"]): cell for cell in evidence.cells.values()
    }
    references = _references(evidence)
    scenes = _scenes(evidence)
    tests = {test for scene in scenes for test in (*scene.inside.tests, *scene.outside.tests)}
    differences = _differences(evidence, cells, references, tests)
    return [_trade_off(evidence, scene, names, references, differences) for scene, names in scenes.items()]


def _references(evidence: Evidence) -> dict[str, Asking]:
    """Return base model → its first asking."""
    found: dict[str, Asking] = {}
    for cell in evidence.cells.values():
        if cell.is_unadapted:
            base = cell.variant["base"]
            found[base] = min(found.get(base, cell.asking), cell.asking, key=evidence.order)
    return found


def _scenes(evidence: Evidence) -> dict[Scene, list[str]]:
    """Return scene → ids of the variants that are planned on it; those of a base model alone have none."""
    planned: dict[str, dict[str, dict[str, set[str]]]] = defaultdict(lambda: defaultdict(lambda: defaultdict(set)))
    for cell in evidence.cells.values():
        metric = evidence.primary(cell.cell["test_task"])
        if not cell.is_unadapted and METRICS.get(metric).higher_is_better is not None:
            planned[cell.variant["id"]][cell.cell["relation"]][metric].add(cell.cell["test_dataset"])
    bases = {cell.variant["id"]: cell.reference for cell in evidence.cells.values()}
    scenes: dict[Scene, list[str]] = defaultdict(list)
    for variant, by_relation in planned.items():
        for inside in _sides(by_relation["in_domain"]):
            for relation in ELSEWHERE:
                for outside in _sides(by_relation[relation]):
                    scenes[Scene(bases[variant], inside, relation, outside)].append(variant)
    return scenes


def _sides(by_metric: Mapping[str, set[str]]) -> list[Side]:
    return [Side(metric, tuple(sorted(tests))) for metric, tests in by_metric.items()]


Differences: TypeAlias = dict[tuple[str, Asking], dict[str, Difference]]
"Variant id and asking → test set → difference from the reference."


def _differences(
    evidence: Evidence,
    cells: Mapping[tuple[str, Asking, str], CellEvidence],
    references: Mapping[str, Asking],
    tests: set[str],
) -> Differences:
    """Compare every finished cell with its base's reference, test set by test set."""
    by_test: dict[str, list[CellEvidence]] = defaultdict(list)
    for cell in cells.values():
        if cell.is_done and cell.cell["test_dataset"] in tests:
            by_test[cell.cell["test_dataset"]].append(cell)
    found: Differences = defaultdict(dict)
    for test, members in by_test.items():
        metric = METRICS.get(evidence.primary(members[0].cell["test_task"]))
        base = {c.reference: c for c in members if c.is_unadapted and c.asking == references[c.reference]}
        together = Together(evidence, test, metric, all_samples(evidence, members, metric))
        for cell in members:
            reference = base.get(cell.reference)
            difference = together.difference(cell, reference) if reference else None
            if difference is not None:
                found[cell.variant["id"], cell.asking][test] = difference
    return found


def _trade_off(
    evidence: Evidence, scene: Scene, names: Sequence[str], references: Mapping[str, Asking], differences: Differences
) -> TradeOff:
    base = [v for v in evidence.plan["variants"] if v["base"] == scene.base and is_unadapted(v["method"])]
    variants = [*base, *(v for v in evidence.plan["variants"] if v["id"] in set(names))]
    wanted = {*scene.inside.tests, *scene.outside.tests}
    askings: dict[str, list[Asking]] = defaultdict(list)
    for cell in evidence.cells.values():
        known = askings[cell.variant["id"]]
        if cell.cell["test_dataset"] in wanted and cell.asking not in known:
            known.append(cell.asking)
    systems, n_incomplete = [], 0
    for variant in variants:
        for asking in sorted(askings[variant["id"]], key=evidence.order):
            parts = differences.get((variant["id"], asking), {})
            if wanted <= parts.keys():
                gain = mean_difference([parts[test] for test in scene.inside.tests])
                change = mean_difference([parts[test] for test in scene.outside.tests])
                systems.append(System(variant, asking, gain, change))
            else:
                n_incomplete += 1
    reference = references.get(scene.base, ())
    return TradeOff(scene, reference, tuple(systems), n_incomplete)
