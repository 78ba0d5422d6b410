"""What a gate's parts are called in one language: rules, checks, askings, numbers. Shared by page, Markdown and terminal."""

from __future__ import annotations

from hanka.operations.gate.policy import AMOUNTS
from hanka.operations.gate.results import Check, Gate, Outcome, RuleResult, finite, reason_said
from hanka.operations.gate.systems import Asking
from hanka.report import numbers
from hanka.report.words import Words

DIFFERENCES = ("non_inferior", "gain")
BOUNDED = (*DIFFERENCES, "floor", "ceiling")
"What rules ask of a metric."
MARKS: dict[Outcome, str] = {"pass": "✓", "fail": "✕", "inconclusive": "?"}
BOUNDLESS = "∞"
BLANK = "\N{NO-BREAK SPACE}"


def is_rate(asks: str) -> bool:
    """Tell whether numbers of a rule are shares of rows: those of detectors, of this package or another."""
    return asks not in BOUNDED and asks not in AMOUNTS


def verdict_said(gate: Gate, words: Words) -> str:
    """Say the outcome in one sentence."""
    return words.plain(
        f"gate_said_{gate.outcome}", candidate=gate.candidate, policy=gate.policy, n=len(gate.rules),
        failed=gate.count("fail"), opened=gate.count("inconclusive"),
    )  # fmt: skip


def rule_said(rule: RuleResult, words: Words) -> str:
    """Name a rule: as the policy does, else what it asks and where."""
    return rule.named or asks_said(rule, words)


def asks_said(rule: RuleResult, words: Words) -> str:
    """Say what a rule asks, and where."""
    bound = numbers.share(rule.bound) if is_rate(rule.asks) else f"{rule.bound:g}"
    known = words.known("gate", f"asks_{rule.asks}")
    key = f"gate_asks_{rule.asks}" if known else "gate_asks_detector"
    asked = words.plain(key, bound=bound, label=rule.label, name=rule.asks)
    head = colon(words).join([words.metric(rule.metric), asked]) if rule.metric else asked
    return words.comma.join([head, *(words.relation(one).lower() for one in rule.relations), *rule.places])


def colon(words: Words) -> str:
    """Return what stands between a name and what is said of it."""
    return "：" if words.lang == "ja" else ": "


def asked_said(askings: tuple[Asking, ...], words: Words) -> str:
    """Say how a side was asked."""
    said = [words.plain("gate_asking_draw" if one.draw else "gate_asking", **one._asdict()) for one in askings]
    return "; ".join(said) or numbers.NOTHING


def place_said(rule: RuleResult, check: Check, words: Words) -> str:
    """Name the test sets of a check."""
    if rule.asks == "seconds_p95":
        return words.plain("gate_requests")
    return words.comma.join(check.tests) or words.plain("gate_no_set")


def measure_said(rule: RuleResult, check: Check, words: Words) -> str:
    """Name what is measured in a check."""
    if check.metric:
        return words.metric(check.metric)
    if rule.asks in BOUNDED:
        return numbers.NOTHING
    key = f"gate_name_{rule.asks}" if words.known("gate", f"name_{rule.asks}") else "gate_name_detector"
    return words.plain(key, label=rule.label, name=rule.asks)


def estimate_said(rule: RuleResult, check: Check) -> str:
    """Write an estimate with its interval, which no line end breaks; an end without a bound is infinite."""
    if check.estimate is None:
        return numbers.NOTHING
    low, high = (
        BOUNDLESS if finite(one) is None else _number(rule.asks, float(one or 0.0)) for one in (check.low, check.high)
    )
    low = numbers.MINUS + low if low == BOUNDLESS else low
    if is_rate(rule.asks):
        low, high = low.removesuffix(" %"), high.removesuffix(" %")
    return f"{_number(rule.asks, check.estimate)} [{low},{BLANK}{high}]"


def limit_said(rule: RuleResult, check: Check, words: Words) -> str:
    """Say on which side of what number the interval has to lie."""
    return words.plain(f"gate_{check.wants}", limit=_number(rule.asks, check.limit))


def value_said(rule: RuleResult, value: float | None) -> str:
    """Write the value of one side."""
    return numbers.NOTHING if value is None else numbers.share(value) if is_rate(rule.asks) else numbers.value(value)


def why_said(check: Check, words: Words) -> str:
    """Say why a check has no evidence, what would decide it, and what has to be known of it."""
    said = [reason_said(check.reason, words)] if check.reason else []
    if check.rows_to_decide is not None:
        said.append(words.plain("gate_more_rows", n=f"{check.rows_to_decide:,}"))
    return ("。" if words.lang == "ja" else "; ").join([*said, *(reason_said(one, words) for one in check.notes)])


def _number(asks: str, value: float) -> str:
    if is_rate(asks):
        return numbers.share(value)
    return numbers.signed(value) if asks in DIFFERENCES and value else numbers.value(value)
