"""What findings.json decides, as frozen records: per trained task its outcome, gain, harms and rival systems.

Between `stored.py` and the first screen. Reading is forgiving; nothing is computed but which harm weighs most, in units
of the harm that the study declared, so that different metrics are ordered without being averaged.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hanka.metrics import METRICS
from hanka.report.rows import as_count, as_number, as_text

OUTCOMES = ("adapt", "trade-off", "undecided", "keep")
"Outcomes, in the order in which systems are ranked."


@dataclass(frozen=True, slots=True)
class Claim:
    """One judged difference."""

    tests: tuple[str, ...]
    relation: str
    metric: str
    n: int
    n_seeds: int
    base: float
    "Value of the base model."
    after: float
    "Value of the adapted model."
    low: float | None
    "Lower end of the simultaneous interval of the difference."
    high: float | None
    verdict: str
    harm: float
    "Declared harm, in score units; 0 where it is not stored."
    rival_shots: int
    "Demonstrations that the base model was given."

    @property
    def sign(self) -> float:
        """1, or -1 where less is better."""
        known = METRICS.get(self.metric) if self.metric in METRICS else None
        return -1.0 if known and known.higher_is_better is False else 1.0

    @property
    def gain(self) -> float:
        """The difference, counted upwards."""
        return self.sign * (self.after - self.base)

    @property
    def least(self) -> float | None:
        """The smallest gain that the simultaneous interval allows."""
        return self.low if self.sign > 0 else None if self.high is None else -self.high

    @property
    def is_at_worst(self) -> bool:
        """Whether the base model was at the metric's worst value, so that nothing could be lost."""
        known = METRICS.get(self.metric) if self.metric in METRICS else None
        return known is not None and self.base == (known.low if self.sign > 0 else known.high)

    @property
    def weight(self) -> float:
        """The gain in units of the declared harm."""
        return self.gain / (self.harm or 1.0)


@dataclass(frozen=True, slots=True)
class Option:
    """A system that was tried."""

    label: str
    base: str
    train_size: int
    outcome: str
    benefit: Claim
    rows: int | None
    "Test rows that would decide it; None where it is decided, or rows would not."


@dataclass(frozen=True, slots=True)
class Decided:
    """The decision on one trained task."""

    task: str
    outcome: str
    candidate: str
    "Label of the system that it is about; empty where nothing could be compared."
    base: str
    train_dataset: str
    train_size: int
    n_seeds: int
    shots: int
    "Demonstrations it is meant to be asked with."
    benefit: Claim | None
    harms: tuple[Claim, ...]
    open: frozenset[str]
    "Test sets on which a loss beyond the declared harm is neither shown nor excluded."
    decide: Mapping[str, Any]
    "rows, rows_now, seeds, about; {} where it is decided."
    options: tuple[Option, ...]
    "Every system of the task, best first."
    stored: Mapping[str, Any]
    "The entry itself, with its sentences."

    @property
    def heaviest(self) -> Claim | None:
        """The harm to tell of: a loss that is shown before any other, then the largest in units of declared harm.

        Where the base model had nothing to lose comes last.
        """
        return min(self.harms, key=lambda one: (one.verdict != "worse", one.is_at_worst, one.weight), default=None)

    def excluded(self, claim: Claim) -> bool:
        """Tell whether a loss beyond the declared harm is excluded on a test set."""
        return claim.verdict != "worse" and not self.open.intersection(claim.tests)


def read_decided(decision: Mapping[str, Any]) -> tuple[Decided, ...]:
    """Read the decision of every trained task."""
    stored = decision.get("per_task")
    return tuple(_decided(one) for one in stored if isinstance(one, dict)) if isinstance(stored, list) else ()


def _decided(stored: Mapping[str, Any]) -> Decided:
    outcome = as_text(stored.get("outcome"))
    candidate, size = as_text(stored.get("candidate") or stored.get("recommend")), as_count(stored.get("train_size"))
    asked, decide = stored.get("asked"), stored.get("decide")
    systems = _maps(stored.get("systems"))
    own = [one for one in systems if _is_own(one, stored, candidate)]
    return Decided(
        task=as_text(stored.get("task")),
        outcome=outcome if outcome in OUTCOMES else "undecided",
        candidate=candidate,
        base=as_text(stored.get("base")),
        train_dataset=as_text(stored.get("train_dataset")),
        train_size=size or 0,
        n_seeds=as_count(stored.get("n_seeds")) or 0,
        shots=(as_count(asked.get("shots")) or 0) if isinstance(asked, dict) else 0,
        benefit=read_claim(stored.get("benefit")),
        harms=tuple(claim for one in _maps(stored.get("harms")) if (claim := read_claim(one))),
        open=frozenset(as_text(name) for one in own for tests in _lists(one.get("open")) for name in tests),
        decide=decide if isinstance(decide, dict) else {},
        options=_options(systems),
        stored=stored,
    )


def _is_own(system: Mapping[str, Any], stored: Mapping[str, Any], candidate: str) -> bool:
    names = ("base", "train_dataset", "train_size")
    return as_text(system.get("method")) == candidate and all(system.get(name) == stored.get(name) for name in names)


def read_claim(stored: Any) -> Claim | None:
    """Read a judged difference; None where it has no values."""
    if not isinstance(stored, dict):
        return None
    base, after = as_number(stored.get("base_value")), as_number(stored.get("value"))
    if base is None or after is None:
        return None
    tests, margins = stored.get("tests"), stored.get("margins")
    return Claim(
        tests=tuple(as_text(one) for one in tests) if isinstance(tests, list) else (),
        relation=as_text(stored.get("relation")),
        metric=as_text(stored.get("metric")),
        n=as_count(stored.get("n")) or 0,
        n_seeds=as_count(stored.get("n_seeds")) or 0,
        base=base,
        after=after,
        low=as_number(stored.get("sim_low")),
        high=as_number(stored.get("sim_high")),
        verdict=as_text(stored.get("verdict")),
        harm=(as_number(margins.get("harm")) or 0.0) if isinstance(margins, dict) else 0.0,
        rival_shots=as_count(stored.get("rival_shots")) or 0,
    )


def _options(systems: Sequence[Mapping[str, Any]]) -> tuple[Option, ...]:
    found = []
    for one in systems:
        claims = [claim for stored in _maps(one.get("benefits")) if (claim := read_claim(stored))]
        outcome = as_text(one.get("outcome"))
        if claims:
            size = as_count(one.get("train_size")) or 0
            outcome = outcome if outcome in OUTCOMES else "undecided"
            label, base, decide = as_text(one.get("method")), as_text(one.get("base")), one.get("decide")
            rows = as_count(decide.get("rows")) if isinstance(decide, dict) else None
            found.append(Option(label, base, size, outcome, min(claims, key=_toughness), rows))
    return tuple(sorted(found, key=lambda one: (OUTCOMES.index(one.outcome), -one.benefit.gain)))


def _toughness(claim: Claim) -> tuple[float, float]:
    """Order the claims of a system: against the rival that leaves least of its gain first."""
    return (float("-inf") if claim.least is None else claim.least, claim.gain)


def _maps(value: Any) -> list[Mapping[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _lists(value: Any) -> list[list[Any]]:
    return [one for one in value if isinstance(one, list)] if isinstance(value, list) else []
