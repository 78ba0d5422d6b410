"""One workload measured on both sides, and the gate: no ratio without agreement.

Pure; `run.py` fills it from child processes and writes it as JSON.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any


class DisagreementError(ValueError):
    """The two sides did not compute the same thing, so their times cannot be compared."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far the two sides' outputs agree."""

    what: str
    "What was compared, in words."
    found: float
    "What came out."
    limit: float
    "What is required."
    at_least: bool
    "Whether found must reach the limit (shares) or stay within it (differences)."

    @property
    def holds(self) -> bool:
        """Whether the outputs agree; a value that is not a number does not."""
        return self.found >= self.limit if self.at_least else self.found <= self.limit


@dataclass(frozen=True, slots=True)
class Comparison:
    """One workload, both sides."""

    workload: str
    "Name, with what is measured."
    peer: str
    "Name, version and the settings it ran with."
    hanka_seconds: Sequence[float]
    "One per repetition."
    peer_seconds: Sequence[float]
    "One per repetition, alternating with hanka's."
    agreements: Sequence[Agreement]
    "All must hold."
    floor_ratio: float
    "Operations the peer must do over the least there are."
    hanka_mib: float | None = None
    "Peak resident memory above the loaded model."
    peer_mib: float | None = None
    "The same of the peer."
    details: Mapping[str, Any] = field(default_factory=dict)
    "Counts, settings tried, losses."

    def ratio(self) -> float:
        """Return the peer's median seconds over hanka's. Raises DisagreementError unless all agreements hold."""
        for one in self.agreements:
            if not one.holds:
                raise DisagreementError(
                    f"{self.workload}: {one.what} is {one.found:.6g}, required "
                    f"{'at least' if one.at_least else 'at most'} {one.limit:g}; no ratio"
                )
        if not self.agreements:
            raise DisagreementError(f"{self.workload}: outputs were not compared; no ratio")
        return median(self.peer_seconds) / median(self.hanka_seconds)

    def as_json(self) -> dict[str, Any]:
        """Return what is stored; `ratio` is null and `refused` says why where the sides disagree."""
        try:
            ratio, refused = self.ratio(), ""
        except DisagreementError as error:
            ratio, refused = None, str(error)
        pairs = [slow / fast for slow, fast in zip(self.peer_seconds, self.hanka_seconds, strict=True)]
        return {
            "workload": self.workload,
            "peer": self.peer,
            "hanka_seconds": list(self.hanka_seconds),
            "peer_seconds": list(self.peer_seconds),
            "ratio": ratio,
            "ratio_range": [min(pairs), max(pairs)] if ratio is not None else None,
            "refused": refused,
            "floor_ratio": self.floor_ratio,
            "agreements": [
                {"what": one.what, "found": one.found, "limit": one.limit, "at_least": one.at_least, "holds": one.holds}
                for one in self.agreements
            ],
            "hanka_mib": self.hanka_mib,
            "peer_mib": self.peer_mib,
            "details": dict(self.details),
        }
