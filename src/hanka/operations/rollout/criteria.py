"""What a stage asks, one criterion at a time: met, not met, or open for want of evidence, each with the numbers it rests on.

Between the claims of a run and its standing. Bounds are those of the run's own families and spreads (`analysis.claims`); nothing is met
on what is not there. A gain is judged by its simultaneous interval; the absence of a loss by a one-sided bound on every test set, which
needs no correction because all of them have to hold (Berger 1982). That a condition fails stops the stage whichever it is, so there the
level is shared among the conditions (Bonferroni). Both errors are simulated in `benchmarks/rollout.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, NamedTuple, TypeAlias

from hanka.analysis.claims import Claim, Claims, SystemClaims
from hanka.analysis.contrasts import in_units
from hanka.analysis.decision import rows_for
from hanka.analysis.evidence import Evidence
from hanka.analysis.health import health_of
from hanka.analysis.pooling import SystemCells
from hanka.analysis.shares import bounded_share
from hanka.analysis.stored_rows import read_rows
from hanka.guardrails.limits import Limit
from hanka.metrics import METRICS
from hanka.operations.rollout.stages import Stage
from hanka.stats import LEAST_UNITS, normal_quantile

State: TypeAlias = Literal["met", "failed", "open"]
Name: TypeAlias = Literal[
    "task",
    "complete",
    "gain",
    "seeds",
    "out_of_domain",
    "cross_task",
    "answers",
    "guardrail",
    "training",
    "gate",
    "review",
    "cadence",
]


@dataclass(frozen=True, slots=True)
class Criterion:
    """One thing that a stage asks."""

    name: Name
    "What."
    state: State
    "met; failed: shown not to hold; open: evidence is missing."
    case: str = ""
    "Which sentence says it, where a state has several."
    about: str = ""
    "Test set, task, role or person that it is about."
    numbers: Mapping[str, Any] = field(default_factory=dict)
    "What it rests on: gain, low, high, n, bound, rows, …"


class Judging(NamedTuple):
    """What is judged against what."""

    evidence: Evidence
    claims: Claims
    system: SystemCells
    stage: Stage
    tasks: Sequence[str]
    "Tasks of the stage that the system was trained on."

    @property
    def tests(self) -> list[str]:
        """The test sets that the stage asks about."""
        return [test for test, relation in self.system.relations.items() if _is_asked(self, relation, test)]

    @property
    def stop_alpha(self) -> float:
        """What may be wrong where a condition fails: any one of them stops a stage, so bounds and rates share the level."""
        n_rates = len(self.tests) * (1 + len(self.stage.guardrails))
        n_losses = sum(self.system.relations[test] != "in_domain" for test in self.tests)
        return (1.0 - self.evidence.level) / max(1, len(self.tasks) + n_losses + n_rates)

    @property
    def stop_quantile(self) -> float:
        """The normal quantile of the bounds on which a condition fails."""
        return normal_quantile(1.0 - 2.0 * self.stop_alpha)


def measured(one: Judging) -> list[Criterion]:
    """Return the criteria that the run's own numbers answer, in reading order."""
    return [*bounded(one), *_answers(one), *_guardrails(one), _training(one)]


def bounded(one: Judging) -> list[Criterion]:
    """Return those that rest on bounds of differences: gain and trainings of each task, losses on each test set."""
    found = []
    for task in one.tasks:
        own = next(
            (each for each in one.claims.systems if each.cells.system == one.system.system and each.task == task), None
        )
        found += [_gain(one, task, own), _seeds(one, task, own)]
    found += list(_losses(one, "out_of_domain", one.stage.margin))
    if one.stage.cross_task is not None:
        found += list(_losses(one, "cross_task", one.stage.cross_task))
    return found


def _gain(one: Judging, task: str, own: SystemClaims | None) -> Criterion:
    """Judge the gain of a task in domain, against the rival that leaves least of it."""
    asked = [
        test
        for test, relation in one.system.relations.items()
        if relation == "in_domain" and _task_of(one, test) == task
    ]
    if own is None or set(own.toughest.tests) != set(asked):
        return Criterion("gain", "open", "uncompared", task)
    claim = own.toughest
    bound = in_units(claim.metric, one.stage.gain, claim.contrast.value_b)
    numbers = _numbers(claim) | {"bound": bound}
    if claim.wide is None or claim.contrast.n_units < LEAST_UNITS:
        return Criterion("gain", "open", "few", task, numbers | {"rows": LEAST_UNITS})
    numbers |= {"low": claim.wide.low, "high": claim.wide.high}
    if all(each.wide is not None and each.wide.low > bound for each in own.benefits):
        return Criterion("gain", "met", "", task, numbers)
    alone = claim.upwards(one.stop_quantile)
    most = max(claim.wide.high, alone.high if alone else claim.wide.high)
    if most <= bound:
        return Criterion("gain", "failed", "", task, numbers | {"high": most})
    rows = rows_for(claim, claim.gain - bound, 1.0 - one.claims.benefit.local_level)
    return Criterion("gain", "open", "rows" if rows else "seeds", task, numbers | {"rows": rows})


def _seeds(one: Judging, task: str, own: SystemClaims | None) -> Criterion:
    n = 0 if own is None else own.toughest.contrast.n_seeds
    numbers = {"seeds": n, "asked": one.stage.seeds}
    return Criterion("seeds", "met" if n >= one.stage.seeds else "open", "", task, numbers)


def _losses(one: Judging, relation: Literal["out_of_domain", "cross_task"], margin: float) -> Iterator[Criterion]:
    """Judge every test set of a relation; a set that was asked in vain, and a relation without any set, are open."""
    own = next((each for each in one.claims.systems if each.cells.system == one.system.system), None)
    by_test = {claim.tests[0]: claim for claim in (own.harms if own else ())}
    tests = [
        test for test, found in one.system.relations.items() if found == relation and _is_asked(one, relation, test)
    ]
    if not tests:
        yield Criterion(relation, "open", "no_set", numbers={"bound": margin})
    for test in tests:
        claim = by_test.get(test)
        yield Criterion(relation, "open", "uncompared", test) if claim is None else _loss(one, relation, claim, margin)


def _is_asked(one: Judging, relation: str, test: str) -> bool:
    """Tell whether a stage asks about a test set: other tasks where it says so; another kind's own domain is another stage's affair."""
    return one.stage.cross_task is not None if relation == "cross_task" else _task_of(one, test) in one.tasks


def _loss(one: Judging, relation: Literal["out_of_domain", "cross_task"], claim: Claim, margin: float) -> Criterion:
    bound = in_units(claim.metric, margin, claim.contrast.value_b)
    level = one.evidence.level
    numbers = _numbers(claim) | {"bound": bound}
    alone, stop = (claim.upwards(z) for z in (normal_quantile(2 * level - 1), one.stop_quantile))
    if alone is None or stop is None or claim.contrast.n_units < LEAST_UNITS:
        return Criterion(relation, "open", "few", claim.tests[0], numbers | {"rows": LEAST_UNITS})
    numbers |= {"low": alone.low, "high": stop.high}
    if alone.low > -bound:
        return Criterion(relation, "met", "", claim.tests[0], numbers)
    if stop.high < -bound:
        return Criterion(relation, "failed", "", claim.tests[0], numbers)
    rows = rows_for(claim, claim.gain + bound, 2 * (1 - level))
    return Criterion(relation, "open", "rows" if rows else "seeds", claim.tests[0], numbers | {"rows": rows})


def _numbers(claim: Claim) -> dict[str, Any]:
    contrast = claim.contrast
    return {
        "metric": claim.metric.name,
        "before": contrast.value_b,
        "after": contrast.value_a,
        "gain": claim.gain,
        "low": None,
        "high": None,
        "n": contrast.n,
        "seeds": contrast.n_seeds,
    }


def _answers(one: Judging) -> Iterator[Criterion]:
    """Judge the share of rows without an answer that could be read, on every test set that the stage asks about.

    A row that was asked several times, by seeds, prompts or draws, counts as one unit.
    """
    asked = [test for test in one.system.cells if test in one.tests]
    if not asked:
        yield Criterion("answers", "open", "none")
    for test in asked:
        flags: list[bool] = []
        groups: list[str] = []
        for cell in one.system.cells[test]:
            one.evidence.rows(cell, METRICS.get(one.evidence.primary(cell.cell["test_task"])))
            assert cell.samples is not None
            flags += [status != "ok" for status in cell.status.to_pylist()]
            named = zip(cell.samples.ids, cell.samples.groups or ("",) * len(cell.samples.ids), strict=True)
            groups += [group or sample for sample, group in named]
        yield _rated(one, Criterion("answers", "open", "rows", test, {"bound": one.stage.unanswered}), flags, groups)


def _guardrails(one: Judging) -> Iterator[Criterion]:
    """Judge the rates that the stage bounds, on every test set that it asks about and that the detector reads."""
    for name, limit in one.stage.guardrails.items():
        read = [test for test in one.system.cells if test in one.tests and _reads(one, limit, test)]
        if not read:
            yield Criterion("guardrail", "open", "none", name)
        for test in read:
            flags, groups = _flagged(one, limit, test)
            known = Criterion("guardrail", "open", "rows", name, {"test": test, "bound": limit.at_most})
            yield _rated(one, known, flags, groups)


def _rated(one: Judging, known: Criterion, flags: Sequence[bool], groups: Sequence[str]) -> Criterion:
    """Judge a rate: all of them have to hold, so each is met at the level; any of them stops the stage, so there they share it."""
    if not flags:
        return replace(known, case="none")
    alone, shared = (bounded_share(flags, groups, alpha) for alpha in (1 - one.evidence.level, one.stop_alpha))
    assert alone.high is not None
    assert shared.low is not None
    bound = known.numbers["bound"]
    state: State = "met" if alone.high < bound else "failed" if shared.low > bound else "open"
    return replace(known, state=state, numbers={**known.numbers} | alone._asdict() | {"low": shared.low})


def _reads(one: Judging, limit: Limit, test: str) -> bool:
    task = one.evidence.task(_task_of(one, test))
    return limit.detector.reads(task["kind"], task["labels"])


def _flagged(one: Judging, limit: Limit, test: str) -> tuple[list[bool], list[str]]:
    """Return which answers a detector flags, and what each belongs to: a row that was asked several times is one unit."""
    flags: list[bool] = []
    groups: list[str] = []
    for cell in one.system.cells[test]:
        found = read_rows(one.evidence, cell)
        kept = [at for at, row in enumerate(found.rows) if limit.detector.of_asked or row.status != "failed"]
        judged = limit.detector.flags([found.rows[at] for at in kept], limit.params)
        flags += [flag.flagged for flag in judged]
        groups += [found.groups[at] or found.ids[at] for at in kept]
    return flags, groups


def _training(one: Judging) -> Criterion:
    """Judge whether every training of the system worked, and whether it collapsed where the stage looks."""
    known = {each.variant["id"]: each for each in health_of(one.evidence)}
    for variant in one.system.variants:
        found = known.get(variant["id"])
        if found is not None and found.unfit is not None:
            said = {"reason_en": found.unfit.en, "reason_ja": found.unfit.ja}
            return Criterion("training", "failed", "unfit", variant["id"], said)
        for sign in found.collapses if found is not None else ():
            if sign.is_new and _is_asked(one, sign.cell.cell["relation"], str(sign.cell.cell["test_dataset"])):
                said = {name: sign.as_json()[f"message_{name[-2:]}"] for name in ("reason_en", "reason_ja")}
                return Criterion("training", "failed", "unfit", variant["id"], said)
    unknown = [
        each["id"] for each in one.system.variants
        if each["train_size"] and (each["id"] not in known or not known[each["id"]].trained.fit)
    ]  # fmt: skip
    return Criterion("training", "open", "unknown", unknown[0]) if unknown else Criterion("training", "met")


def _task_of(one: Judging, test: str) -> str:
    return next(str(cell["test_task"]) for cell in one.evidence.plan["cells"] if cell["test_dataset"] == test)
