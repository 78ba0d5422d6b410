"""What the paper says, as differences that could come out otherwise.

`arms.py` → **statements** → `ask.py`. A statement is one or several differences and the direction the paper reports for them. Where it says
"whatever the number of demonstrations", there is a difference for every number, and each has to agree; what says that this is not
so holds where one does not. Every pair is of one test set and its rows, test sets of one metric count equally, and so do the numbers of
demonstrations of a test set, the seeds and the draws. On another task, texts are only compared with demonstrations: nothing else says
there what to write, and the paper shows nothing else (section 3.3).

Source: Yang et al. 2024, arXiv 2403.09162, sections 4.1 to 5.3. Not stated as differences here: how much scores vary over shot counts
and prompts (three of each bear no interval), the training loss and the distance of weights (one number per training).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise, product
from typing import Literal, TypeAlias

from hanka.analysis.contrasts import Contrast, Contrasts
from hanka.analysis.questions.seven_claims.arms import Arm, Setting, by_metric, draw_of, seed_of
from hanka.metrics import Metric
from hanka.stats import Verdict

Expected: TypeAlias = Literal["higher", "lower", "not_higher", "not_lower", "equal"]
Outcome: TypeAlias = Literal["held", "contradicted", "undecided"]
Shown: TypeAlias = Verdict | Literal["no_better", "no_worse"]
"A verdict, or where there is none of a direction, the side on which the interval stays within the margin of what counts as equal."
AGREES: dict[Expected, tuple[Shown, ...]] = {
    "higher": ("better",),
    "lower": ("worse",),
    "not_higher": ("worse", "equivalent", "no_better"),
    "not_lower": ("better", "equivalent", "no_worse"),
    "equal": ("equivalent",),
}
"What shows of the first arm what is expected."
DISAGREES: dict[Expected, tuple[Shown, ...]] = {
    "higher": ("worse", "equivalent", "no_better"),
    "lower": ("better", "equivalent", "no_worse"),
    "not_higher": ("better",),
    "not_lower": ("worse",),
    "equal": ("better", "worse"),
}
"What shows the opposite; leaning and undecided show nothing."
ELSEWHERE: dict[tuple[str, str], Expected] = {
    ("sentiment", "inference"): "lower",
    ("summary", "inference"): "higher",
    ("question", "summary"): "lower",
    ("summary", "question"): "not_lower",
}
"Trained task and asked task → what section 4.3 says of this pair."
OUT_OF_DOMAIN: dict[str, Expected] = {"sentiment": "equal", "detection": "higher", "inference": "higher"}
"Classification task → what section 4.2 says of other domains, on average over the numbers of demonstrations."
OTHER_WORDING: dict[str, Expected] = {"summary": "higher", "question": "not_higher"}
"Asked task → what section 4.3 says of asking a model trained on reviews with the second prompt instead of the first."


WRITES, CHOOSES = ("summary", "question"), ("sentiment", "detection", "inference")
"Tasks by kind."
Asking: TypeAlias = Mapping[str, Sequence[tuple[int, int]]]
"Test set, or  for any → numbers of demonstrations on both sides; a difference is their average."


@dataclass(frozen=True, slots=True, eq=False)
class Statement:
    """What the paper says of one setting."""

    claim: int
    "1 to 7."
    setting: Setting
    "Base and training set."
    compared: str
    "Who with whom, and how both are asked."
    relation: str
    "Of the test sets."
    tests: tuple[str, ...]
    "Test sets."
    metric: Metric
    "Their primary metric."
    expected: Expected
    "How the first named does beside the second."
    contrasts: tuple[Contrast, ...]
    "The differences, first minus second; one, or one for every number of demonstrations."

    @property
    def is_negation(self) -> bool:
        """Whether it says that something is not so at every number of demonstrations: one of its contrasts is enough."""
        return self.expected in ("not_higher", "not_lower")

    def outcome(self, shown: Sequence[Shown]) -> Outcome:
        """Return what is shown of its contrasts says of it: `each`, and of a negation `one of them`."""
        agree = [one in AGREES[self.expected] for one in shown]
        disagree = [one in DISAGREES[self.expected] for one in shown]
        if any(agree) if self.is_negation else all(agree):
            return "held"
        return "contradicted" if (all(disagree) if self.is_negation else any(disagree)) else "undecided"

    def deciding(self, shown: Sequence[Shown]) -> int:
        """Return the place of the contrast that the outcome rests on: of those that show it, the one that agrees least, of a negation most."""
        words = {"held": AGREES, "contradicted": DISAGREES}.get(self.outcome(shown), {}).get(self.expected, ())
        places = [place for place, one in enumerate(shown) if one in words] or list(range(len(shown)))
        return (max if self.is_negation else min)(places, key=self._agreement)

    def _agreement(self, place: int) -> float:
        upwards = 1.0 if self.metric.higher_is_better else -1.0
        delta = upwards * self.contrasts[place].delta
        return {"higher": delta, "not_lower": delta, "lower": -delta, "not_higher": -delta, "equal": -abs(delta)}[
            self.expected
        ]


@dataclass(frozen=True, slots=True, eq=False)
class Statements:
    """Builds the statements of one setting."""

    contrasts: Contrasts
    "Where cells are compared."
    setting: Setting
    "Who there is."

    def all(self) -> Iterator[Statement]:
        """Yield every statement for which the cells are there, by claim."""
        for claim in (self._in_domain, self._demonstrations, self._rows, self._domains, self._tasks, self._wordings):
            yield from claim()
        for arm in self.setting.shown:
            yield from self._shown_writing(arm) if self.setting.kind == "generation" else self._shown_choosing(arm)

    @property
    def first(self) -> str:
        """Prompt set of training."""
        return self.setting.prompt

    @property
    def tuned(self) -> Arm:
        """What was fine-tuned without demonstrations, at the shared size."""
        return self.setting.tuned[self.setting.size]

    # The claims

    def _in_domain(self) -> Iterator[Statement]:
        expected: Expected = "not_higher" if self.setting.task == "sentiment" else "higher"
        counts = [k for k in self._shots(self.setting.base, "in_domain") if k]
        sides = [_every((0,), (k,)) for k in counts]
        yield from self._said(1, self.tuned, self.setting.base, "in_domain", expected, sides)

    def _demonstrations(self) -> Iterator[Statement]:
        sides: tuple[tuple[Arm, Expected], ...] = ((self.tuned, "not_higher"), (self.setting.base, "higher"))
        for arm, expected in sides:
            counts = [k for k in self._shots(arm, "in_domain") if k]
            yield from self._said(2, arm, arm, "in_domain", expected, [_every(counts, (0,))])

    def _rows(self) -> Iterator[Statement]:
        (least, *more), zero = list(self.setting.tuned.items()), [_every((0,), (0,))]
        first: Expected = "equal" if self.setting.task == "summary" else "higher"
        for size, arm in more:
            name = f"{least[1].name} {size} – {least[0]}"
            yield from self._said(3, arm, least[1], "in_domain", first, zero, name=name)
        for (few, one), (many, other) in pairwise(more):
            yield from self._said(3, other, one, "in_domain", "not_higher", zero, name=f"{one.name} {many} – {few}")

    def _domains(self) -> Iterator[Statement]:
        arm, base = self.tuned, self.setting.base
        counts = [k for k in self._shots(arm, "out_of_domain") if k in self._shots(base, "out_of_domain")]
        if self.setting.kind == "generation":
            yield from self._said(4, arm, base, "out_of_domain", "lower", [_every((k,), (k,)) for k in counts])
        else:
            expected = OUT_OF_DOMAIN[self.setting.task]
            yield from self._said(4, arm, base, "out_of_domain", expected, [self._shared(arm, base)])

    def _tasks(self) -> Iterator[Statement]:
        if self.setting.kind == "classification":
            yield from self._elsewhere(5, self.tuned, "lower", *WRITES)
        else:
            yield from self._elsewhere(5, self.tuned, "not_lower", *CHOOSES)
        for (trained, asked), expected in ELSEWHERE.items():
            if trained == self.setting.task:
                yield from self._elsewhere(5, self.tuned, expected, asked)

    def _elsewhere(self, claim: int, arm: Arm, expected: Expected, *tasks: str) -> Iterator[Statement]:
        """Compare an arm with the base on test sets of other tasks, on average over the numbers of demonstrations that the paper shows."""
        tests = self.setting.of_tasks("cross_task", *tasks)
        asked = self._shared(arm, self.setting.base, _least(tasks))
        yield from self._said(claim, arm, self.setting.base, "cross_task", expected, [asked], tests)

    def _wordings(self) -> Iterator[Statement]:
        if self.setting.task != "sentiment":
            return
        arm = self.tuned
        for task, expected in OTHER_WORDING.items():
            tests = self.setting.of_tasks("cross_task", task)
            for other in dict.fromkeys(
                one.prompt for one in arm.cells if one.test in tests and one.prompt != self.first
            ):
                prompts, name = (other, self.first), f"{arm.name} {other} – {self.first}"
                asked = [self._shared(arm, arm, _least((task,)), prompts)]
                yield from self._said(6, arm, arm, "cross_task", expected, asked, tests, prompts, name)

    def _shown_writing(self, arm: Arm) -> Iterator[Statement]:
        yield from self._same_askings(arm, self.tuned, "in_domain", "not_lower")
        yield from self._same_askings(arm, self.tuned, "out_of_domain", "higher")
        for tasks in (WRITES, CHOOSES):
            tests = self.setting.of_tasks("cross_task", *tasks)
            yield from self._same_askings(arm, self.tuned, "cross_task", "higher", tests)

    def _shown_choosing(self, arm: Arm) -> Iterator[Statement]:
        yield from self._same_askings(arm, self.tuned, "in_domain", "lower")
        yield from self._same_askings(arm, self.setting.base, "out_of_domain", "higher")
        yield from self._same_askings(arm, self.tuned, "out_of_domain", "lower")
        tests = self.setting.of_tasks("cross_task", *WRITES)
        yield from self._same_askings(arm, self.tuned, "cross_task", "higher", tests)

    def _same_askings(
        self, arm: Arm, other: Arm, relation: str, expected: Expected, tests: Sequence[str] | None = None
    ) -> Iterator[Statement]:
        """Compare two arms on average over the numbers of demonstrations that both were asked with."""
        yield from self._said(7, arm, other, relation, expected, [self._shared(arm, other)], tests)

    # Cells

    def _shots(self, arm: Arm, relation: str) -> list[int]:
        return arm.shots(self.setting.tests.get(relation, ()), self.first)

    def _shared(self, ours: Arm, theirs: Arm, least: int = 0, prompts: tuple[str, str] | None = None) -> Asking:
        """Return, of every test set, the numbers of demonstrations that both arms were asked with; it may be none."""
        mine, other = prompts or (self.first, self.first)
        return {
            test: [
                (k, k) for k in ours.shots((test,), mine) if k >= least and k in theirs.shots((test,), other)
            ]
            for test in self.setting.task_of
        }  # fmt: skip

    def _said(
        self,
        claim: int,
        ours: Arm,
        theirs: Arm,
        relation: str,
        expected: Expected,
        sides: Sequence[Asking],
        tests: Sequence[str] | None = None,
        prompts: tuple[str, str] | None = None,
        name: str = "",
    ) -> Iterator[Statement]:
        """Yield a statement whose cells are all there, one for each metric; nothing else.

        sides: how each difference is asked. tests: default all of the relation.
        name: of what is compared, where shots do not tell the sides apart.
        """
        tests = self.setting.tests.get(relation, ()) if tests is None else tests
        for metric, alike in by_metric(self.contrasts.evidence, self.setting, tests).items():
            found = [
                self._contrast(ours, theirs, side, alike, prompts or (self.first, self.first), metric) for side in sides
            ]
            whole = tuple(one for one in found if one is not None)
            if whole and len(whole) == len(found):
                pairs = [pair for side in sides for test in alike for pair in _pairs(side, test)]
                named = (
                    name or f"{_named(ours, [one for one, _ in pairs])} – {_named(theirs, [one for _, one in pairs])}"
                )
                yield Statement(claim, self.setting, named, relation, tuple(alike), metric, expected, whole)

    def _contrast(
        self, ours: Arm, theirs: Arm, asking: Asking, tests: Sequence[str], prompts: tuple[str, str], metric: Metric
    ) -> Contrast | None:
        """Average the pairs of cells of both sides; None where a test set lacks any."""
        seeds, draws = (_matched(ours.levels(of), theirs.levels(of)) for of in (seed_of, draw_of))
        found = []
        for test in tests:
            if not _pairs(asking, test):
                return None
            for mine, other in _pairs(asking, test):
                pairs = [
                    self.contrasts.pair(one, two, metric)
                    for (seed, seed_of_other), (draw, draw_of_other) in product(seeds, draws)
                    if (one := ours.cell(test, mine, prompts[0], seed, draw)) is not None
                    and (two := theirs.cell(test, other, prompts[1], seed_of_other, draw_of_other)) is not None
                ]
                if not pairs:
                    return None
                found += pairs
        whole = [one for one in found if one is not None]
        return self.contrasts.pooled(whole, metric) if whole and len(whole) == len(found) else None


def _every(ours: Sequence[int], theirs: Sequence[int]) -> Asking:
    """Return an asking that is one for every test set: all numbers of demonstrations of one side with all of the other."""
    return {"": list(product(ours, theirs))}


def _pairs(asking: Asking, test: str) -> Sequence[tuple[int, int]]:
    return asking.get(test, asking.get("", ()))


def _least(tasks: Iterable[str]) -> int:
    """Return the fewest demonstrations with which the paper shows other tasks: texts need one to be told what to write."""
    return 1 if set(tasks) <= set(WRITES) else 0


def _named(arm: Arm, counts: Iterable[int]) -> str:
    return f"{arm.name} ({', '.join(map(str, sorted(set(counts))))})"


def _matched(ours: set[int], theirs: set[int]) -> list[tuple[int, int]]:
    """Pair the seeds, or draws, of both sides: those of one number with each other, and all of the side that has more."""
    both = sorted(ours & theirs)
    mine, other = [*both, *sorted(ours - theirs)], [*both, *sorted(theirs - ours)]
    n = max(len(mine), len(other)) if mine and other else 0
    return [(mine[place % len(mine)], other[place % len(other)]) for place in range(n)]
