"""What is compared: a mix with the target alone, a mix without the target with the target alone and with base, and a mix with and without instructions.

Arms → **pairs** → `ask.py`. Every comparison pairs cells of one test set, asked the same, of one training seed.

- gain: score(mix, target) - score(target alone, target), for mixes of which the target is a set, its own alone apart.
- transfer: the same for mixes of which it is none; and score(mix, target) - score(base, target), which says whether there is any.
- instructions: score(mix with them) - score(the same sets without), on test sets of tasks that no mix of the arm learns (forgetting) and
  on those of the sets of the mix (what they cost or bring).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from hanka.analysis.contrasts import Contrast, Contrasts, PairResult
from hanka.analysis.evidence import CellEvidence, Evidence
from hanka.analysis.questions.cocktail.arms import Arm, Training, Trainings
from hanka.metrics import METRICS, Metric

Kind = Literal["gain", "transfer", "forgetting", "own"]
Pair = tuple[CellEvidence, CellEvidence]


class Sets(NamedTuple):
    """What a mix is made of."""

    learnt: tuple[str, ...]
    "Sets that are tuned for, by name."
    added: tuple[str, ...]
    "Instructions and mathematics among them."


@dataclass(frozen=True, slots=True, eq=False)
class Compared:
    """One mix against its rival on the test sets of one target."""

    kind: Kind
    "What it shows."
    arm: Arm
    "Where it belongs."
    target: str
    "The set whose own training is the rival; of instructions the test set."
    sets: Sets | None
    "The mix; None: over all of them."
    n_mixes: int
    "Mixes behind it."
    metric: Metric
    "Of the test sets."
    pairs: tuple[Pair, ...]
    "Cells of the mix and of its rival."
    contrast: Contrast
    "Mix less rival."
    over_base: Contrast | None
    "Mix less base, where that is of interest."
    steps: tuple[float, ...]
    "Steps of the mix for each of its rival, by pair of trainings."
    tokens: tuple[float, ...]
    "Tokens likewise."


class _Topic(NamedTuple):
    """What some comparisons are about."""

    kind: Kind
    "What they show."
    arm: Arm
    "Where they belong."
    target: str
    "Set whose own training is the rival, or test set."
    tests: tuple[str, ...]
    "Test sets."


class Found(NamedTuple):
    """All comparisons of a run."""

    compared: tuple[Compared, ...]
    "By arm, kind and target; over all mixes first, then mix by mix."
    n_missing: int
    "Mixes without a comparison: a cell is missing, or too few rows are scored."
    n_alone: int
    "Mixes whose targets nobody was trained on alone."


def compared(evidence: Evidence, contrasts: Contrasts, known: Trainings) -> Found:
    """Return everything a run can compare."""
    builder = _Builder(evidence, contrasts, known)
    arms = list(dict.fromkeys(one.arm for one in known.found))
    found = [one for arm in arms for one in builder.of_arm(arm)]
    return Found(tuple(found), builder.n_missing, builder.n_alone)


class _Builder:
    """Builds the comparisons of a run."""

    def __init__(self, evidence: Evidence, contrasts: Contrasts, known: Trainings) -> None:
        self.evidence, self.contrasts, self.known = evidence, contrasts, known
        self.n_missing = self.n_alone = 0

    def of_arm(self, arm: Arm) -> Iterator[Compared]:
        """Yield the comparisons of an arm."""
        mine = [one for one in self.known.found if one.arm == arm]
        mixes = [one for one in mine if len(one.learnt) + len(one.added) > 1 or not one.learnt]
        targets = list(dict.fromkeys(name for one in mine for name in sorted(one.learnt)))
        alone = {target for target in targets for one in mine if one.learnt == {target} and not one.added}
        self.n_alone += len({_sets(one) for one in mixes if not one.learnt & alone}) if mixes else 0
        for kind in ("gain", "transfer"):
            for target in targets:
                fitting = [one for one in mixes if (target in one.learnt) == (kind == "gain")]
                yield from self._against_single(kind, arm, target, fitting if target in alone else [])
        yield from self._with_instructions(arm, mine)

    def _against_single(self, kind: Kind, arm: Arm, target: str, mixes: Sequence[Training]) -> Iterator[Compared]:
        by_sets: dict[Sets, list[tuple[Training, Training]]] = defaultdict(list)
        tests: list[str] = []
        for mix in mixes:
            single = self.known.single(arm, target, mix.seed)
            if single is not None:
                by_sets[_sets(mix)].append((mix, single))
                tests += [test for test in self.known.home(single) if test not in tests]
        yield from self._over(_Topic(kind, arm, target, tuple(tests)), by_sets)

    def _with_instructions(self, arm: Arm, mine: Sequence[Training]) -> Iterator[Compared]:
        plain = {(one.learnt, one.seed): one for one in mine if one.learnt and not one.added}
        by_sets: dict[Sets, list[tuple[Training, Training]]] = defaultdict(list)
        for one in mine:
            without = plain.get((one.learnt, one.seed))
            if one.added and without is not None:
                by_sets[_sets(one)].append((one, without))
        if not by_sets:
            return
        added = {name for sets in by_sets for name in sets.added}
        taught = {name for pairs in by_sets.values() for _, without in pairs for name in self.known.home(without)}
        tests = list(dict.fromkeys(test for _, test in self.known.cells))
        of_theirs = {self._task(test) for test in tests if test in added} | self._tasks_of(added)
        for test in tests:
            if test in taught:
                at_home = {
                    sets: pairs
                    for sets, pairs in by_sets.items()
                    if all(test in self.known.home(without) for _, without in pairs)
                }
                yield from self._over(_Topic("own", arm, test, (test,)), at_home)
            elif self._task(test) not in of_theirs and self._is_outside(test, mine):
                yield from self._over(_Topic("forgetting", arm, test, (test,)), by_sets)

    def _task(self, test: str) -> str:
        return next(str(cell.cell["test_task"]) for (_, name), cell in self.known.cells.items() if name == test)

    def _tasks_of(self, datasets: set[str]) -> set[str]:
        rows = self.evidence.plan.get("training_rows", {}).values()
        return {str(part["task"]) for one in rows for part in one["parts"] if part["dataset"] in datasets}

    def _is_outside(self, test: str, mine: Sequence[Training]) -> bool:
        """Tell whether no training of an arm learns the task of a test set."""
        own = {one.id for one in mine}
        relations = {
            cell.cell["relation"] for (one, name), cell in self.known.cells.items() if name == test and one in own
        }
        return relations == {"cross_task"}

    def _over(self, topic: _Topic, by_sets: dict[Sets, list[tuple[Training, Training]]]) -> Iterator[Compared]:
        """Yield a comparison over all mixes, where there are several, and one for each."""
        each = {sets: self._one(topic, sets, pairs) for sets, pairs in by_sets.items()}
        known = {sets: one for sets, one in each.items() if one is not None}
        self.n_missing += len(each) - len(known)
        if len(known) > 1:
            together = [pair for sets in known for pair in by_sets[sets]]
            whole = self._one(topic, None, together, len(known))
            if whole is not None:
                yield whole
        yield from known.values()

    def _one(
        self, topic: _Topic, sets: Sets | None, trained: Sequence[tuple[Training, Training]], n_mixes: int = 1
    ) -> Compared | None:
        cells = [
            (self.known.cells.get((one.id, test)), self.known.cells.get((other.id, test)))
            for one, other in trained
            for test in topic.tests
        ]
        pairs = [(one, other) for one, other in cells if one is not None and other is not None]
        if not pairs or len(pairs) < len(cells):
            return None
        metric = METRICS.get(self.evidence.primary(str(pairs[0][0].cell["test_task"])))
        contrast = self._pooled(pairs, metric)
        if metric.higher_is_better is None or contrast is None:
            return None
        bases = [(one, self.evidence.base_of(one)) for one, _ in pairs] if topic.kind == "transfer" else []
        whole = [(one, base) for one, base in bases if base is not None and base.is_done]
        over_base = self._pooled(whole, metric) if whole and len(whole) == len(pairs) else None
        return Compared(
            topic.kind, topic.arm, topic.target, sets, n_mixes, metric, tuple(pairs), contrast, over_base,
            _ratios([(one.steps, other.steps) for one, other in trained]),
            _ratios([(one.tokens, other.tokens) for one, other in trained]),
        )  # fmt: skip

    def _pooled(self, pairs: Sequence[Pair], metric: Metric) -> Contrast | None:
        found: list[PairResult | None] = [self.contrasts.pair(one, other, metric) for one, other in pairs]
        whole = [one for one in found if one is not None]
        return self.contrasts.pooled(whole, metric) if whole and len(whole) == len(found) else None


def _sets(one: Training) -> Sets:
    return Sets(tuple(sorted(one.learnt)), tuple(sorted(one.added)))


def _ratios(pairs: Sequence[tuple[int | None, int | None]]) -> tuple[float, ...]:
    """Return mix over rival; nothing where a record is missing."""
    known = [(one, other) for one, other in pairs if one and other]
    return tuple(one / other for one, other in known) if len(known) == len(pairs) else ()
