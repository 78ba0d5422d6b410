"""From a policy and two sides to the outcome: every rule on every test set it is addressed to, judged by two bounds.

A check passes where its bound on the wanted side, one-sided at alpha, lies beyond the limit. Everything has to pass, so no
correction is needed for passing: something that violates one rule passes it, and with it the gate, in at most alpha of the cases
(intersection-union test). A check fails where the violation is shown, one-sided at alpha divided by the number of checks: something
that violates none fails the gate in at most alpha of the cases (Bonferroni, whatever hangs together). Anything else is inconclusive,
and so is every check without evidence.

Source: Berger (1982), "Multiparameter hypothesis testing and acceptance sampling"; Tango (1998) for the margin of paired shares;
Schuirmann (1987) for one-sided tests at alpha.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

from hanka.operations.gate.differences import Differences
from hanka.operations.gate.judged import judged_rate
from hanka.operations.gate.measured import LackingError, Measured, Reason, require_rows, value_of
from hanka.operations.gate.places import Finder, Place, Places
from hanka.operations.gate.policy import AGAINST, Guardrail, Rule
from hanka.operations.gate.policy_file import Asked, read_policy
from hanka.operations.gate.rates import guard, seconds_of_requests
from hanka.operations.gate.results import Check, Gate, Outcome, RuleResult
from hanka.operations.gate.systems import Sides, asking_of, find_sides
from hanka.stats import normal_quantile
from hanka.stats.power import POWER
from hanka.store.folder import RunFolder

MOST_ROWS = 1_000_000
"Rows beyond which nothing is planned: the estimate lies at the limit, and no test set would decide it."


def gate_run(folder: RunFolder, policy: Path) -> Gate:
    """Judge a run by a policy file. Raises HankaError in one line where the policy is wrong or names what is not there."""
    asked = read_policy(policy)
    return judge(asked, find_sides(asked, folder))


def judge(asked: Asked, sides: Sides) -> Gate:
    """Judge two sides by a policy. Raises PolicyError for a word that names nothing in the run."""
    finder = Finder(asked, sides)
    placed = [(rule, finder.places(key, rule)) for key, rule in asked.items()]
    planned = [(rule, places, _planned(rule, places, sides)) for rule, places in placed]
    n_checks = sum(len(checks) for _, _, checks in planned)
    judging = Judging(asked.policy.alpha, n_checks, asked.policy.least_rows, asked.policy.most_missing, sides)
    differences = Differences(sides, asked.policy.most_missing)
    rules = tuple(
        _rule(rule, places, tuple(judging.check(rule, one, differences) for one in checks))
        for rule, places, checks in planned
    )
    candidate, against = sides.candidate, sides.against
    return Gate(
        candidate.evidence.folder.path.name, candidate.title, str(candidate.variant["id"]), against.title,
        str(against.variant["id"]), asked.policy.against.run, asked.source.path.name, asked.sha256, asked.policy.alpha, rules,
        tuple(_of_gate(sides)),
    )  # fmt: skip


def _rule(rule: Rule | Guardrail, places: Places, checks: tuple[Check, ...]) -> RuleResult:
    label, metric = (rule.label, "") if isinstance(rule, Guardrail) else ("", rule.metric)
    return RuleResult(
        rule.title,
        rule.name,
        rule.asks,
        rule.bound,
        label,
        metric,
        rule.relation,
        rule.where,
        checks,
        _of_rule(rule, places),
    )


@dataclass(frozen=True, slots=True, eq=False)
class Planned:
    """A check before it is judged."""

    places: tuple[Place, ...]
    "Test sets; several where their mean is judged."
    lacking: Reason | None = None
    "Why there is nothing to judge."
    test: str = ""
    "The test set that is lacking."


def _planned(rule: Rule | Guardrail, places: Places, sides: Sides) -> list[Planned]:
    """Return the checks of a rule; what it names and the candidate was not asked is a check without evidence."""
    if isinstance(rule, Guardrail) and rule.seconds_p95 is not None:
        return [Planned(())]
    found = [Planned((place,)) for place in places.found]
    if isinstance(rule, Rule) and rule.over == "mean" and places.found:
        found = [Planned(places.found)]
    named = [test for test in rule.test if test in places.without]
    lacking = [Planned((), Reason("no_rows", {}), test) for test in named]
    unasked = [test for test in rule.test if test not in sides.candidate.cells and test not in places.unasked]
    unasked += places.unasked
    lacking += [Planned((), Reason("no_cell", {"system": sides.candidate.title}), test) for test in unasked]
    return [*found, *lacking] or [Planned((), Reason("no_test", {}))]


@dataclass(frozen=True, slots=True, eq=False)
class Judging:
    """What all checks of a gate share."""

    alpha: float
    n_checks: int
    "Checks that share alpha where a failure is claimed."
    least_rows: int
    most_missing: float
    sides: Sides

    def check(self, rule: Rule | Guardrail, planned: Planned, differences: Differences) -> Check:
        """Measure and judge one check; without evidence it is inconclusive."""
        limit, wants = _limit(rule)
        tests = tuple(place.test for place in planned.places) or ((planned.test,) if planned.test else ())
        compared = isinstance(rule, Rule) and rule.asks in AGAINST
        others = [self.sides.against.cells.get(place.test) for place in planned.places] if compared else []
        blank = partial(
            Check, tests, self._metric(rule, planned),
            tuple(dict.fromkeys(asking_of(place.cell) for place in planned.places)),
            tuple(dict.fromkeys(asking_of(cell) for cell in others if cell is not None)), limit, wants,
        )  # fmt: skip
        if planned.lacking is not None:
            return blank("inconclusive", planned.lacking)
        try:
            measured = self._measure(rule, planned.places, differences)
            require_rows(measured.n, measured.n_units, rule.least_rows or self.least_rows)
        except LackingError as lacking:
            return blank("inconclusive", lacking.reason)
        return self._judged(blank, measured, limit, wants, len(tests) if compared else 0)

    def _measure(self, rule: Rule | Guardrail, places: tuple[Place, ...], differences: Differences) -> Measured:
        candidate = self.sides.candidate
        if isinstance(rule, Guardrail):
            if rule.seconds_p95 is not None:
                return seconds_of_requests(candidate.evidence, str(candidate.variant["id"]))
            if rule.judged is not None:
                return judged_rate(candidate.evidence, places[0], rule.judged, candidate.title, self.most_missing)
            return guard(candidate.evidence, places[0], rule, candidate.title, self.most_missing)
        if rule.asks in AGAINST:
            return differences.measure(places, rule.metric)
        return value_of(candidate.evidence, places[0], rule.metric, candidate.title, self.most_missing)

    def _judged(
        self,
        blank: Callable[..., Check],
        found: Measured,
        limit: float,
        wants: Literal["above", "below"],
        n_compared: int,
    ) -> Check:
        """n_compared: test sets of a difference; 0 where nothing is compared."""
        alone, shared = found.ends(self.alpha, False), found.ends(self.alpha / self.n_checks, True)
        low, high = (alone.low, shared.high) if wants == "above" else (shared.low, alone.high)
        if math.isnan(low) or math.isnan(high) or not math.isfinite(found.estimate):
            return blank("inconclusive", Reason("no_bound", {}))
        is_above, is_below = low > limit, high < limit
        outcome: Outcome = "inconclusive"
        if is_above or is_below:
            outcome = "pass" if is_above == (wants == "above") else "fail"
        rows = None
        if outcome == "inconclusive" and n_compared:
            is_good = (found.estimate > limit) == (wants == "above")
            alpha = self.alpha if is_good else self.alpha / self.n_checks
            half = abs((low if found.estimate > limit else high) - found.estimate)
            rows = rows_to_decide(found.n / n_compared, half, abs(found.estimate - limit), alpha)
        return blank(
            outcome, notes=found.notes, n=found.n, n_units=found.n_units, own=found.own, other=found.other,
            estimate=found.estimate, low=low, high=high, rows_to_decide=rows,
        )  # fmt: skip

    def _metric(self, rule: Rule | Guardrail, planned: Planned) -> str:
        if isinstance(rule, Guardrail) or not planned.places:
            return ""
        evidence = self.sides.candidate.evidence
        return rule.metric or _together(
            [evidence.primary(str(place.cell.cell["test_task"])) for place in planned.places]
        )


def rows_to_decide(n: float, half: float, distance: float, alpha: float) -> int | None:
    """Return about how many rows per test set put a bound beyond the limit with probability `POWER`; None: no number is sensible.

    n: rows of a test set. half: from the estimate to its bound at alpha, which shrinks as 1 / √n. distance: to the limit, if the
    estimate is true. By the bound that judges, so that it is never fewer than the rows that did not decide it.
    """
    if distance * MOST_ROWS < 1:
        return None
    found = n * (half / distance * (1 + normal_quantile(2 * POWER - 1) / normal_quantile(1 - 2 * alpha))) ** 2
    return math.ceil(found) if found <= MOST_ROWS else None


def _limit(rule: Rule | Guardrail) -> tuple[float, Literal["above", "below"]]:
    """Return what an estimate has to be above or below."""
    if isinstance(rule, Guardrail) or rule.asks == "ceiling":
        return rule.bound, "below"
    return (-rule.bound if rule.asks == "non_inferior" else rule.bound), "above"


def _together(words: list[str]) -> str:
    return "; ".join(dict.fromkeys(words))


def _of_rule(rule: Rule | Guardrail, places: Places) -> tuple[Reason, ...]:
    without = [test for test in places.without if test not in rule.test]
    if not without:
        return ()
    column, value = next(iter(rule.slice.items()))
    return (Reason("without_rows", {"slice": f"{column} = {value}", "tests": ", ".join(without)}),)


def _of_gate(sides: Sides) -> list[Reason]:
    """Say what was asked in other ways, and that a checkpoint is judged, not a method."""
    notes = []
    n_other = sum(sides.candidate.left_out.values())
    if n_other:
        notes.append(Reason("asked_otherwise", {"n": n_other}))
    if sides.candidate.variant["train_size"]:
        notes.append(Reason("checkpoint", {"seed": str(sides.candidate.variant["seed"])}))
    return notes
