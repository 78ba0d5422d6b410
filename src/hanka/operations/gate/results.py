"""What a gate found: checks, rules, the outcome; and how all of it is written as JSON.

Made by `judge.py`, printed by page, Markdown, JUnit and the command. Every number stands with n and both bounds.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from hanka.operations.gate.measured import Reason
from hanka.operations.gate.systems import Asking
from hanka.report.words import Words

Outcome: TypeAlias = Literal["pass", "fail", "inconclusive"]
EXIT_CODES: dict[Outcome, int] = {"pass": 0, "fail": 1, "inconclusive": 3}


def overall(outcomes: Sequence[Outcome]) -> Outcome:
    """Return fail where anything fails, pass where everything passes, else inconclusive; nothing is no pass."""
    if "fail" in outcomes:
        return "fail"
    return "pass" if outcomes and all(one == "pass" for one in outcomes) else "inconclusive"


@dataclass(frozen=True, slots=True)
class Check:
    """One rule on one test set, or on the mean of several."""

    tests: tuple[str, ...]
    "Test sets; empty where none is meant, or none was found."
    metric: str
    "Metric that was judged; empty of a guardrail, and where none could be."
    asked: tuple[Asking, ...]
    "How the candidate was asked; several where test sets are asked differently."
    other_asked: tuple[Asking, ...]
    "How the other side was asked; empty where nothing is compared."
    limit: float
    "What the estimate has to be above or below; of non-inferiority the margin, negative."
    wants: Literal["above", "below"]
    "Which side of the limit is right."
    outcome: Outcome
    reason: Reason | None = None
    "Why there is no evidence; None where there is."
    notes: tuple[Reason, ...] = ()
    "What has to be known of it."
    n: int = 0
    "Rows behind it."
    n_units: int = 0
    "Independent rows or groups."
    own: float | None = None
    "The candidate's value."
    other: float | None = None
    "The other side's; None where nothing is compared."
    estimate: float | None = None
    "A value, or a difference counted upwards: more is better."
    low: float | None = None
    "Lower bound; None where there is none."
    high: float | None = None
    "Upper bound; None where there is none."
    rows_to_decide: int | None = None
    "Rows per test set that would decide it with probability 0.8 if the estimate is true; None: decided, or not known."


@dataclass(frozen=True, slots=True)
class RuleResult:
    """What became of a rule or a guardrail."""

    title: str
    "Its name, or what it asks and where, in the words of the policy."
    named: str
    "The name that the policy gives it; empty: none."
    asks: str
    "non_inferior, gain, floor, ceiling, or the guardrail."
    bound: float
    "The number as the policy writes it."
    label: str
    "Label whose share is bounded; empty otherwise."
    metric: str
    "Metric that the policy names; empty: the primary one."
    relations: tuple[str, ...]
    "Relations that it is addressed to."
    places: tuple[str, ...]
    "Tasks, test sets and slice that it is addressed to."
    checks: tuple[Check, ...]
    "In the order of the plan; at least one."
    notes: tuple[Reason, ...] = ()
    "What has to be known of it."

    @property
    def outcome(self) -> Outcome:
        """Return the outcome over its checks."""
        return overall([one.outcome for one in self.checks])


@dataclass(frozen=True, slots=True)
class Gate:
    """Whether something may ship."""

    run: str
    "Name of the run's folder."
    candidate: str
    "What may ship."
    candidate_id: str
    "Its variant."
    against: str
    "What it is compared with."
    against_id: str
    "Its variant."
    against_run: str
    "Folder of its run as the policy says; empty: the same run."
    policy: str
    "Name of the policy file."
    policy_sha256: str
    "Of what it asks."
    alpha: float
    "One-sided; of passing by itself, of failing divided by the checks."
    rules: tuple[RuleResult, ...]
    "Rules, then guardrails, in the order of the policy."
    notes: tuple[Reason, ...] = ()
    "What has to be known of all of it."

    @property
    def checks(self) -> tuple[Check, ...]:
        """Return the checks of all rules."""
        return tuple(check for rule in self.rules for check in rule.checks)

    @property
    def outcome(self) -> Outcome:
        """Return the outcome over all rules."""
        return overall([one.outcome for one in self.rules])

    def count(self, outcome: Outcome) -> int:
        """Return how many rules have an outcome."""
        return sum(one.outcome == outcome for one in self.rules)


def reason_said(reason: Reason, words: Words) -> str:
    """Say a reason in the language of the words, as plain text."""
    said = {"metric": words.metric, "why": words.stored}
    names = {name: said[name](str(value)) if name in said else value for name, value in reason.names.items()}
    return words.plain(f"gate_why_{reason.key}", **names)


def as_json(gate: Gate) -> dict[str, Any]:
    """Return the gate as JSON-like values; what is boundless or unknown is null, reasons are English sentences."""
    words = Words("en")
    names = (
        "run",
        "candidate",
        "candidate_id",
        "against",
        "against_id",
        "against_run",
        "policy",
        "policy_sha256",
        "alpha",
    )
    return (
        {"outcome": gate.outcome}
        | {name: getattr(gate, name) for name in names}
        | {
            "n_checks": len(gate.checks),
            "notes": [reason_said(one, words) for one in gate.notes],
            "rules": [_rule_json(one, words) for one in gate.rules],
        }
    )


def as_entry(gate: Gate) -> dict[str, Any]:
    """Return what the log of decisions keeps of a gate."""
    names = ("outcome", "against", "against_run", "policy", "policy_sha256", "alpha")
    counts = {outcome: gate.count(outcome) for outcome in EXIT_CODES}
    return {"variant": gate.candidate_id, "title": gate.candidate, "rules": counts} | {
        name: getattr(gate, name) for name in names
    }


def _rule_json(rule: RuleResult, words: Words) -> dict[str, Any]:
    return {
        "title": rule.title,
        "asks": rule.asks,
        "bound": rule.bound,
        "label": rule.label,
        "outcome": rule.outcome,
        "notes": [reason_said(one, words) for one in rule.notes],
        "checks": [_check_json(one, words) for one in rule.checks],
    }


def _check_json(check: Check, words: Words) -> dict[str, Any]:
    names = ("metric", "limit", "wants", "outcome", "n", "n_units", "own", "other", "estimate")
    return (
        {"tests": list(check.tests)}
        | {name: [one._asdict() for one in getattr(check, name)] for name in ("asked", "other_asked")}
        | {name: getattr(check, name) for name in names}
        | {name: finite(getattr(check, name)) for name in ("low", "high")}
        | {
            "rows_to_decide": check.rows_to_decide,
            "reason": reason_said(check.reason, words) if check.reason else "",
            "notes": [reason_said(one, words) for one in check.notes],
        }
    )


def finite(number: float | None) -> float | None:
    """Return a number, or None where it is boundless or unknown."""
    return number if number is not None and math.isfinite(number) else None
