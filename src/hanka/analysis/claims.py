"""What is claimed of each system: its gain in domain, and the harm it may do on every test set.

Between pooling and decision. Benefit: the mean difference over the in-domain test sets of one task, against the base model
at every asking it was given; one contrast per task and system makes the family. Harm: the difference on each test set, against
the base asked the same; those of the systems whose benefit is shown are a second family, and each has a one-sided
bound besides, because being free of harm has to hold on every set (an intersection-union test needs no correction).

Source: Dmitrienko & Tamhane (2007), "Gatekeeping procedures with clinical trial applications"; Berger (1982),
"Multiparameter hypothesis testing and acceptance sampling".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from hanka.analysis.contrasts import Contrast, Contrasts, judging_interval, margin_of
from hanka.analysis.evidence import Evidence
from hanka.analysis.pooling import Asked, Pooling, SystemCells
from hanka.metrics import METRICS, Metric
from hanka.stats import Family, Interval, Verdict, normal_quantile, verdict

BENEFIT, HARM = "benefit", "harm"
"Names of the families."


@dataclass(frozen=True, slots=True, eq=False)
class Claim:
    """One judged contrast. Differences are counted upwards: more is better, whatever the metric."""

    contrast: Contrast
    "Its numbers, in score units of the metric."
    metric: Metric
    "Of the test sets."
    tests: tuple[str, ...]
    "Test sets it is averaged over."
    rival: Asked | None
    "How the base was asked; None: as the system."
    relation: str = "in_domain"
    "Of the test sets."
    wide: Interval | None = None
    "Simultaneous interval within its family, upwards."
    p_adjusted: float = 1.0
    "Adjusted within its family."
    verdict: Verdict = ""
    "What the interval shows."
    margins: dict[str, float] = field(default_factory=dict)
    "Equivalence, harm and worthwhile, in the metric's units."

    @property
    def sign(self) -> float:
        """1, or -1 where less is better."""
        return -1.0 if self.metric.higher_is_better is False else 1.0

    @property
    def metric_ja(self) -> str:
        """What Japanese sentences call the metric."""
        return self.metric.display_ja or self.metric.display

    @property
    def gain(self) -> float:
        """The difference, upwards."""
        return self.sign * self.contrast.delta

    def upwards(self, z: float) -> Interval | None:
        """Return the interval of the gain whose level a normal quantile says."""
        found = self.contrast.interval(z)
        return _upwards(found, self.sign) if found else None

    def least(self, level: float) -> float:
        """Return the one-sided lower bound of the gain at a level; -inf where there is none."""
        found = self.upwards(normal_quantile(2 * level - 1))
        return found.low if found else float("-inf")


@dataclass(frozen=True, slots=True, eq=False)
class SystemClaims:
    """A system with what is claimed of it on one trained task."""

    cells: SystemCells
    "The system."
    task: str
    "The in-domain task."
    benefits: tuple[Claim, ...]
    "One per rival asking; the benefit is shown where all of them are better."
    harms: tuple[Claim, ...]
    "One per test set, whatever its relation."

    @property
    def toughest(self) -> Claim:
        """The benefit against the rival that leaves least of it."""
        return min(self.benefits, key=lambda one: (one.wide.low if one.wide else float("-inf"), one.gain))

    @property
    def is_better(self) -> bool:
        """Whether the benefit is shown against every rival."""
        return bool(self.benefits) and all(one.verdict == "better" for one in self.benefits)


@dataclass(frozen=True, slots=True, eq=False)
class Claims:
    """All that a run claims of its systems."""

    systems: tuple[SystemClaims, ...]
    "In the order of the plan; one entry per system and task it was trained on."
    benefit: Family
    "Of all benefits."
    harm: Family
    "Of the harms of systems whose benefit is shown."


def claims_of(contrasts: Contrasts) -> Claims:
    """Compare every system of a run with the base and judge it within its families."""
    pooling, evidence = Pooling(contrasts), contrasts.evidence
    found = [one for cells in pooling.systems() for one in _of_system(pooling, cells)]
    benefit = contrasts.judge([toughest_of(one.benefits).contrast for one in found], BENEFIT)
    judged = [
        replace(one, benefits=tuple(judged_claim(claim, benefit, evidence) for claim in one.benefits)) for one in found
    ]
    passing = [claim.contrast for one in judged if one.is_better for claim in one.harms]
    harm = contrasts.judge(passing, HARM, sum(len(one.harms) for one in judged))
    judged = [
        replace(one, harms=tuple(judged_claim(claim, harm, evidence) for claim in one.harms)) if one.is_better else one
        for one in judged
    ]
    return Claims(tuple(judged), benefit, harm)


def toughest_of(benefits: Sequence[Claim]) -> Claim:
    """Return the claim that is farthest from being shown: the one of its system that the family is drawn from.

    A system's claim is an intersection over rivals, and it is false where it fails against one of them: a false claim
    needs that one, so one contrast per system bounds the family (Berger 1982).
    """
    return min(benefits, key=lambda claim: claim.sign * claim.contrast.z)


def _of_system(pooling: Pooling, cells: SystemCells) -> list[SystemClaims]:
    """Return the claims of a system for each task that it was tested on in domain."""
    tasks = {test: str(members[0].cell["test_task"]) for test, members in cells.cells.items() if members}
    inside = [test for test in tasks if cells.relations[test] == "in_domain"]
    harms = tuple(claim for test in tasks if (claim := claim_on(pooling, cells, (test,), None)))
    found = []
    for task in dict.fromkeys(tasks[test] for test in inside):
        tests = tuple(test for test in inside if tasks[test] == task)
        asked = pooling.rivals(cells, tests)
        benefits = tuple(claim for rival in asked if (claim := claim_on(pooling, cells, tests, rival)))
        if benefits:
            found.append(SystemClaims(cells, task, benefits, harms))
    return found


def claim_on(pooling: Pooling, cells: SystemCells, tests: tuple[str, ...], rival: Asked | None) -> Claim | None:
    """Return what is claimed of a system on test sets of one metric, not judged yet; None where they cannot all be compared.

    rival: how the base is asked; None: as the system is.
    """
    evidence = pooling.evidence
    metric = METRICS.get(evidence.primary(cells.cells[tests[0]][0].cell["test_task"]))
    if metric.higher_is_better is None:
        return None
    pairs = pooling.against(cells, tests, metric, rival)
    if {one.cell.cell["test_dataset"] for one in pairs} != set(tests):
        return None
    contrast = pooling.contrasts.pooled(pairs, metric)
    margins = {
        kind: margin_of(evidence, metric, kind, contrast.value_b) for kind in ("equivalence", "harm", "worthwhile")
    }
    return Claim(contrast, metric, tests, rival, cells.relations[tests[0]], margins=margins)


def judged_claim(claim: Claim, together: Family, evidence: Evidence) -> Claim:
    """Return a claim with its simultaneous interval, adjusted p-value and verdict."""
    found = judging_interval(claim.contrast, together)
    wide = _upwards(found, claim.sign) if found else None
    alone = claim.upwards(normal_quantile(evidence.level))
    word = verdict(wide, alone, claim.margins["equivalence"], True, claim.contrast.n_units)
    p_adjusted = together.adjusted(claim.contrast.z, claim.contrast.p_value)
    return replace(claim, wide=wide, p_adjusted=p_adjusted, verdict=word)


def _upwards(interval: Interval, sign: float) -> Interval:
    return interval if sign > 0 else Interval(-interval.high, -interval.low)
