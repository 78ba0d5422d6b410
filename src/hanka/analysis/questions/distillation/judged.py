"""Differences between the arms of a distillation, judged as one family, and the share of the open-book gap that is closed.

`arms.py` → **judged** → `ask.py` and `sentences.py`. Every difference of every topic is in one family, so all intervals hold at once
(`stats/simultaneous.py`). The share is (student - start) / (open book - start), its interval Fieller's from how both differences vary
together over the units of the test set, at a level at which all shares hold (Bonferroni).
Limits: seeds add their variance to differences, not to shares; values carry intervals of their own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from hanka.analysis.contrasts import Contrast, Contrasts
from hanka.analysis.evidence import Evidence
from hanka.analysis.questions.contract import Measured
from hanka.analysis.questions.distillation.arms import Arm, Arms
from hanka.analysis.summary import judgement
from hanka.analysis.together import Difference, Together, all_samples, mean_difference
from hanka.analysis.values import pooled_value
from hanka.metrics import METRICS, Metric
from hanka.stats import Family, Moments, Verdict, ratio_interval

FAMILY = "distillation"
PAIRS = (
    ("student", "start"), ("student", "tuned"), ("student", "retrieve"), ("student_retrieve", "retrieve"),
    ("student_retrieve", "tuned_retrieve"), ("student", "open_book"), ("open_book", "start"),
)  # fmt: skip
"What is compared, first less second; where a document is looked up or at hand, the name says so."


@dataclass(frozen=True, slots=True, eq=False)
class Compared:
    """Two arms on the same rows, not judged yet."""

    arms: Arms
    "Of which topic."
    first: str
    "Which arm."
    second: str
    "Which it is compared with."
    sides: tuple[Arm, Arm]
    "Their cells."
    tests: tuple[str, ...]
    "Test sets."
    metric: Metric
    "Primary one of their task."
    contrast: Contrast
    "First less second."


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """A comparison with what the family says of it."""

    compared: Compared
    "What was compared."
    values: tuple[Measured | None, Measured | None]
    "Of first and second."
    exact: tuple[Measured | None, Measured | None]
    "Exact match of both, where their task has it."
    difference: Measured
    "With its simultaneous interval."
    verdict: Verdict
    "better: the first is."


def compared(evidence: Evidence, contrasts: Contrasts, arms: Arms) -> list[Compared]:
    """Return every comparison of a topic that its cells support: on what was taught, and elsewhere."""
    return [one for one in (*_taught(evidence, contrasts, arms), *_elsewhere(evidence, contrasts, arms)) if one]


def _taught(evidence: Evidence, contrasts: Contrasts, arms: Arms) -> Iterator[Compared | None]:
    known = {"student": arms.student, **arms.arms}
    for first, second in PAIRS:
        if first in known and second in known and known[first].cells:
            yield _compared(evidence, contrasts, arms, (first, second), (known[first], known[second]))


def _elsewhere(evidence: Evidence, contrasts: Contrasts, arms: Arms) -> Iterator[Compared | None]:
    for student, tuned, start in arms.elsewhere.values():
        for name, other in (("tuned", tuned), ("start", start)):
            if other is not None:
                yield _compared(evidence, contrasts, arms, ("student", name), (student, other))


def _compared(
    evidence: Evidence, contrasts: Contrasts, arms: Arms, names: tuple[str, str], sides: tuple[Arm, Arm]
) -> Compared | None:
    """Pair the cells of two arms; None where a pair supports no difference, or no end of the metric is better."""
    cell = next(iter(sides[0].cells.values()))
    metric = METRICS.get(evidence.primary(cell.cell["test_task"]))
    pairs = [contrasts.pair(one, sides[1].cells[key], metric) for key, one in sides[0].cells.items()]
    whole = [one for one in pairs if one is not None]
    if metric.higher_is_better is None or len(whole) < len(pairs):
        return None
    tests = tuple(dict.fromkeys(test for test, _ in sides[0].cells))
    return Compared(arms, *names, sides, tests, metric, contrasts.pooled(whole, metric))


def judged(evidence: Evidence, one: Compared, together: Family) -> Judged:
    """Judge a comparison within its family."""
    found = judgement(evidence, one.contrast, one.metric, together)
    values = tuple(_value(evidence, side, one.metric) for side in one.sides)
    exact = tuple(_exact(evidence, side) for side in one.sides)
    difference = Measured(one.contrast.delta, found["sim_low"], found["sim_high"], one.contrast.n)
    return Judged(one, values, exact, difference, found["verdict"] or "undecided")  # type: ignore[arg-type]


def _value(evidence: Evidence, arm: Arm, metric: Metric) -> Measured | None:
    cells = {str(one.cell["id"]): one for one in arm.cells.values()}  # several students may share a start
    return pooled_value(evidence, list(cells.values()), metric)


def _exact(evidence: Evidence, arm: Arm) -> Measured | None:
    task = str(next(iter(arm.cells.values())).cell["test_task"])
    return (
        _value(evidence, arm, METRICS.get("exact_match")) if "exact_match" in evidence.task(task)["metrics"] else None
    )


def value_of(evidence: Evidence, arms: Arms, name: str) -> Measured | None:
    """Return the value of an arm on what was taught; None where it was not asked."""
    arm = arms.student if name == "student" else arms.arms.get(name)
    if arm is None or not arm.cells:
        return None
    return _value(evidence, arm, METRICS.get(evidence.primary(arms.task)))


# ---- the share of the gap


def gap_moments(evidence: Evidence, arms: Arms) -> Moments | None:
    """Return (student - start) and (open book - start) with how they vary together; None where an arm was not asked."""
    start, top = arms.arms.get("start"), arms.arms.get("open_book")
    if start is None or top is None or not arms.student.cells:
        return None
    gains = [_difference(evidence, arm, start) for arm in (arms.student, top)]
    if gains[0] is None or gains[1] is None:
        return None
    both = np.stack([one.replicates for one in gains if one]).astype(np.float64)
    spread = np.cov(both[:, np.isfinite(both).all(axis=0)])
    df = float(min(one.n_units for one in gains if one) - 1)
    return Moments(gains[0].value, gains[1].value, float(spread[0, 0]), float(spread[1, 1]), float(spread[0, 1]), df)


def gap_closed(moments: Moments | None, level: float, n: int) -> Measured | None:
    """Return the share that is closed; None where the gap itself may be nothing."""
    ends = ratio_interval(moments, level) if moments else None
    if moments is None or ends is None:
        return None
    return Measured(moments.numerator / moments.denominator, ends.low, ends.high, n)


def _difference(evidence: Evidence, arm: Arm, reference: Arm) -> Difference | None:
    """Return the mean difference over test sets and seeds under the same resamples."""
    parts: list[Difference] = []
    for test in dict.fromkeys(name for name, _ in arm.cells):
        keys = [key for key in arm.cells if key[0] == test]
        members = [side.cells[key] for key in keys for side in (arm, reference)]
        metric = METRICS.get(evidence.primary(members[0].cell["test_task"]))
        together = Together(evidence, test, metric, all_samples(evidence, members, metric))
        found = [together.difference(arm.cells[key], reference.cells[key]) for key in keys]
        whole = [one for one in found if one is not None]
        if len(whole) < len(found):
            return None
        n = max(one.n for one in whole)
        mean = mean_difference(whole)
        parts.append(Difference(mean.value, mean.replicates, n, mean.n_units))
    return mean_difference(parts) if parts else None


def n_rows(found: Sequence[Compared]) -> int:
    """Return the rows behind the comparisons on what was taught; 0 without any."""
    return max((one.contrast.n for one in found), default=0)
