"""What the run itself shows of tuning against prompting, beside the flow's advice, and which of the two stands.

focus and path → **conflict** → advice. The run's decision (`analysis/decision.py`) and one contrast per tuned system out of domain, against
the base at every asking it was given, judged together. A measurement with evidence goes before a rule of thumb; one that is
undecided does not. Limits: the rival is the base that the run prompted; of a larger model nothing was measured, and that is said.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

from hanka.advise.flow import Exit, ExitReached, Path, Side
from hanka.advise.focus import Focus, names
from hanka.analysis.claims import Claim, SystemClaims, claim_on, judged_claim, toughest_of
from hanka.analysis.decision import Outcome

FAMILY = "advise: out of domain"
"Family of the contrasts out of domain, one per system."
OUT_OF_DOMAIN = 6
"Question that sends data out of distribution to prompting."
BEYOND = frozenset({1, 3})
"Questions about a use that one task's test sets say nothing of: a chatbot, several tasks."
Shown: TypeAlias = Literal["FT", "LLM", "price", "outside", "open", "nothing"]
"""What the run shows: tuning pays; it does not; it gains and loses; it gains out of domain, and in domain neither is shown; neither is
shown; nothing was tuned."""
Stands: TypeAlias = Literal["agree", "measurement", "flow", "none"]
"""agree: both say the same; measurement, flow: they differ and this one stands; none: one of them says nothing."""


@dataclass(frozen=True, slots=True)
class Delta:
    """A difference of tuned from prompted with its simultaneous interval, upwards."""

    system: str
    "What was tuned."
    relation: str
    "Of the test sets."
    tests: str
    "Names of the test sets."
    metric: str
    "Primary metric."
    delta: float
    "In score units."
    low: float | None
    "Lower end of the simultaneous interval; None below ten independent units."
    high: float | None
    "Upper end."
    n: int
    "Rows."
    verdict: str
    "better, worse, equivalent, leaning or undecided."
    holds_up: bool
    "Whether a loss larger than the study calls harm is excluded, all such claims together."


class Weighed(NamedTuple):
    """Flow and measurement held against each other."""

    side: Side
    "What is advised in the end."
    stands: Stands
    "Which of the two stands."
    reason: str
    "Why: a key of the words."


@dataclass(frozen=True, slots=True)
class Measurement:
    """What the run shows beside the flow."""

    outcome: Outcome | Literal[""]
    "Of the run's decision; empty where nothing was tuned for the task."
    sentence_en: str
    "The decision's own sentence."
    sentence_ja: str
    "The decision's own sentence."
    deltas: tuple[Delta, ...]
    "In domain and out of domain, the candidate's first."
    rival: str
    "Base that was prompted."
    shown: Shown
    "What follows for prompting or tuning."
    weighed: Weighed
    "The flow held against it."

    @property
    def side(self) -> Side:
        """Return what the measurement says alone."""
        return "FT" if self.shown == "FT" else "LLM" if self.shown == "LLM" else "undecided"


def measurement_of(focus: Focus, path: Path) -> Measurement:
    """Hold what the run shows against the path; of several tasks, and where nothing was tuned, there is nothing to hold against it."""
    if len(focus.tasks) > 1:
        return nothing_measured(path, "several_tasks")
    if not focus.systems:
        return nothing_measured(path, "nothing_tuned")
    outside = _outside(focus)
    decision = focus.decision
    outcome: Outcome = decision.get("outcome", "undecided")
    deltas = tuple(_inside(one) for one in _candidate_first(focus)) + tuple(one for _, one in outside)
    elsewhere = next((one for system, one in outside if system is focus.candidate), None)
    shown = _shown(outcome, elsewhere)
    en, ja = str(decision.get("sentence_en", "")), str(decision.get("sentence_ja", ""))
    return Measurement(outcome, en, ja, deltas, focus.rival, shown, weigh(path, shown, elsewhere))


def nothing_measured(path: Path, why: str = "not_run") -> Measurement:
    """Return the measurement of what was not run, or not tuned for one task: the flow stands alone. why: a key of the words."""
    return Measurement("", "", "", (), "", "nothing", Weighed(path.side, "none", why))


def _shown(outcome: Outcome, elsewhere: Delta | None) -> Shown:
    """Return what a decision says of tuning; where it is undecided, a gain out of domain is told apart."""
    if outcome == "adapt":
        return "FT"
    if outcome == "keep":
        return "LLM"
    if outcome == "trade-off":
        return "price"
    return "outside" if elsewhere is not None and elsewhere.verdict == "better" else "open"


def weigh(path: Path, shown: Shown, elsewhere: Delta | None) -> Weighed:
    """Say what is advised in the end, which of the two stands, and why.

    Exit by exit: where the measurement goes before each that can be reached, it decides even what the flow leaves open.
    """
    flow = path.side
    if shown == "outside":
        return _weigh_outside(path)
    if shown not in ("FT", "LLM"):
        if flow == "undecided":
            return Weighed(flow, "none", f"flow_open_{shown}")
        if shown == "price":
            return Weighed(flow, *(("agree", "price_agrees") if flow == "FT" else ("flow", "price_against")))
        return Weighed(flow, "flow", "measured_open")
    if flow == shown:
        return Weighed(flow, "agree", "same")
    voices = [_at_exit(one, shown, elsewhere) for one in path.exits]
    kept = next((reason for side, reason in voices if side != shown), "")
    if flow == "undecided":
        return Weighed(flow, "none", f"flow_open_{shown}") if kept else Weighed(shown, "measurement", f"open_{shown}")
    return Weighed(flow, "flow", kept) if kept else Weighed(shown, "measurement", voices[-1][1])


def _weigh_outside(path: Path) -> Weighed:
    """Let a gain that is shown out of domain alone win where the flow sends such data to prompting, and nowhere else."""
    flow = path.side
    decides = all(one.exit == "FT" or one.number == OUT_OF_DOMAIN for one in path.exits)
    if decides and flow != "FT":
        return Weighed("FT", "measurement", "holds_out_of_domain")
    return Weighed(flow, "none", "flow_open_open") if flow == "undecided" else Weighed(flow, "flow", "measured_open")


def _at_exit(left: ExitReached, shown: Literal["FT", "LLM"], elsewhere: Delta | None) -> tuple[Exit, str]:
    """Return what stands at one exit, and why: a key of the words."""
    if left.exit in (shown, "?"):
        return shown, "same"
    if shown == "LLM":
        return shown, "no_gain"
    if left.number in BEYOND:
        return left.exit, "beyond_the_run"
    if left.number == OUT_OF_DOMAIN:
        holds = elsewhere is not None and (elsewhere.holds_up or elsewhere.verdict == "better")
        return (shown, "holds_out_of_domain") if holds else (left.exit, "not_shown_out_of_domain")
    return shown, "gain_shown"


def _candidate_first(focus: Focus) -> list[SystemClaims]:
    return sorted(focus.systems, key=lambda one: one is not focus.candidate)


def _outside(focus: Focus) -> list[tuple[SystemClaims, Delta]]:
    """Compare every tuned system with the base out of domain, at the asking that leaves least of it; judged together."""
    found: list[tuple[SystemClaims, list[Claim]]] = []
    for system in _candidate_first(focus):
        tests = focus.tests(system.cells, "out_of_domain")
        rivals = focus.pooling.rivals(system.cells, tests) if tests else []
        claims = [one for rival in rivals if (one := claim_on(focus.pooling, system.cells, tests, rival)) is not None]
        if claims:
            found.append((system, claims))
    together = focus.contrasts.judge([toughest_of(claims).contrast for _, claims in found], FAMILY)
    judged = [(system, [judged_claim(one, together, focus.evidence) for one in claims]) for system, claims in found]
    return [(system, _delta(system, claims)) for system, claims in judged]


def _inside(system: SystemClaims) -> Delta:
    return _delta(system, system.benefits)


def _delta(system: SystemClaims, claims: Sequence[Claim]) -> Delta:
    claim = min(claims, key=lambda one: (one.wide.low if one.wide else float("-inf"), one.gain))
    low, high = (claim.wide.low, claim.wide.high) if claim.wide else (None, None)
    named = system.cells.system
    return Delta(
        f"{named.label}, {named.size:,}", claim.relation, names(claim.tests), claim.metric.name, claim.gain, low, high, claim.contrast.n,
        claim.verdict, low is not None and low > -claim.margins["harm"],
    )  # fmt: skip
