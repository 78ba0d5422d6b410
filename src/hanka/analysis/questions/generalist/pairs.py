"""What is compared of specialists: with generalist data against without, the broadest against the narrowest, wrong facts against none.

Specialists → **pairs** → `ask.py`. Every comparison pairs cells of one test set, asked the same, of one seed, base, target and number of rows.

- gain: score(with) - score(without), on the test sets of the target's domain, and on those of its task elsewhere (away); against every entry that trains
  on the rows alone, since one of them may be of equal steps.
- coverage: score(with the broadest set) - score(with the narrowest), as far as one run has several.
- facts: score(with wrong or right facts) - score(the same without any), on test sets of the facts' task; and (no_facts) score(with generalist data
  and no facts) - score(without either) there, the control.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from hanka.analysis.asked import first_cells
from hanka.analysis.contrasts import Contrast, Contrasts
from hanka.analysis.evidence import CellEvidence, Evidence
from hanka.analysis.questions.generalist.specialists import Scene, Specialist
from hanka.metrics import METRICS, Metric
from hanka.records import RELATIONS

Kind = Literal["gain", "away", "coverage", "false_facts", "true_facts", "no_facts"]
Cells = Mapping[tuple[str, str], CellEvidence]
Pair = tuple[CellEvidence, CellEvidence]
GAINS: tuple[tuple[Kind, str], ...] = (("gain", "in_domain"), ("away", "out_of_domain"))
"Kind of gain, and the relation of the test sets it is on."


@dataclass(frozen=True, slots=True, eq=False)
class Compared:
    """One comparison, over seeds and test sets."""

    kind: Kind
    "What it shows."
    one: Specialist
    "The side that has more: generalist data, coverage, facts. One of its seeds."
    other: Specialist
    "The side that has less."
    tests: tuple[str, ...]
    "Test sets."
    metric: Metric
    "Of these."
    pairs: tuple[Pair, ...]
    "Cells of both sides."
    contrast: Contrast
    "One less the other."

    @property
    def steps(self) -> float | None:
        """Return the steps of the first side for each of the other, stages before among them."""
        return self.one.steps / self.other.steps if self.one.steps and self.other.steps else None

    @property
    def tokens(self) -> float | None:
        """Return the tokens likewise."""
        return self.one.tokens / self.other.tokens if self.one.tokens and self.other.tokens else None


class Pairing:
    """Builds the comparisons of a run."""

    def __init__(self, evidence: Evidence, contrasts: Contrasts, found: Sequence[Specialist]) -> None:
        self.evidence, self.contrasts, self.found = evidence, contrasts, found
        self.cells: Cells = {
            (str(cell.variant["id"]), str(cell.cell["test_dataset"])): cell for cell in first_cells(evidence, RELATIONS)
        }
        self.n_missing = 0

    def all(self) -> Iterator[Compared]:
        """Yield every comparison, scene by scene."""
        for scene in dict.fromkeys(one.scene for one in self.found):
            mine = [one for one in self.found if one.scene == scene]
            alone = [one for one in mine if one.way == "none"]
            helped = [one for one in mine if one.way != "none" and not one.facts]
            for kind, relation in GAINS:
                yield from self._over(kind, helped, alone, self._tests(alone, relation))
            yield from self._broadest(scene, helped, self._tests(alone, "in_domain"))
            yield from self._facts(mine, helped, alone)

    def _tests(self, alone: Sequence[Specialist], relation: str) -> list[str]:
        """Return the test sets that have a relation to the target's own rows alone."""
        ids = {one.id for one in alone}
        found = (test for (one, test), cell in self.cells.items() if one in ids and cell.cell["relation"] == relation)
        return list(dict.fromkeys(found))

    def _broadest(self, scene: Scene, helped: Sequence[Specialist], tests: Sequence[str]) -> Iterator[Compared]:
        for way in dict.fromkeys(one.way for one in helped):
            mine = [one for one in helped if one.way == way]
            pairs = {one.n_pairs for one in mine}
            if len(pairs) > 1:
                broad = [one for one in mine if one.n_pairs == max(pairs)]
                narrow = [one for one in mine if one.n_pairs == min(pairs)]
                yield from self._over("coverage", broad, narrow, tests)

    def _facts(
        self, mine: Sequence[Specialist], helped: Sequence[Specialist], alone: Sequence[Specialist]
    ) -> Iterator[Compared]:
        told = [one for one in mine if one.facts]
        tasks = {task for one in told for task in one.fact_tasks}
        tests = list(dict.fromkeys(test for (_, test), cell in self.cells.items() if cell.cell["test_task"] in tasks))
        controls: list[Specialist] = []
        for one in told:
            without = [two for two in helped if (two.way, two.general, two.seed) == (one.way, one.general, one.seed)]
            without = without or [two for two in alone if two.seed == one.seed and not one.general]
            nearest = sorted(without, key=lambda two: abs((two.steps or 0) - (one.steps or 0)))[:1]
            controls += [two for two in nearest if two not in controls]
            kind: Kind = "false_facts" if one.facts == "false_facts" else "true_facts"
            yield from self._over(kind, [one], nearest, tests)
        yield from self._over("no_facts", [one for one in controls if one.way != "none"], alone, tests)

    def _over(
        self, kind: Kind, ones: Sequence[Specialist], others: Sequence[Specialist], tests: Sequence[str]
    ) -> Iterator[Compared]:
        """Yield a comparison for every two entries, over the seeds that both have; one metric at a time."""
        by_entry: dict[tuple[object, ...], list[tuple[Specialist, Specialist]]] = defaultdict(list)
        for one in ones:
            for other in others:
                if one.seed == other.seed:
                    key = (one.label, one.way, one.general, one.facts, other.label, other.way, other.general)
                    by_entry[key].append((one, other))
        for sides in by_entry.values():
            found = self._one(kind, sides, tests)
            self.n_missing += found is None and bool(tests)
            if found is not None:
                yield found

    def _one(self, kind: Kind, sides: Sequence[tuple[Specialist, Specialist]], tests: Sequence[str]) -> Compared | None:
        cells = [(self.cells.get((a.id, test)), self.cells.get((b.id, test))) for a, b in sides for test in tests]
        pairs = tuple((a, b) for a, b in cells if a is not None and b is not None)
        if not pairs or len(pairs) < len(cells):
            return None
        metric = METRICS.get(self.evidence.primary(str(pairs[0][0].cell["test_task"])))
        found = [self.contrasts.pair(a, b, metric) for a, b in pairs]
        whole = [one for one in found if one is not None]
        if metric.higher_is_better is None or len(whole) < len(found):
            return None
        one, other = sides[0]
        return Compared(kind, one, other, tuple(tests), metric, pairs, self.contrasts.pooled(whole, metric))
