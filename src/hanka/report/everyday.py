"""How measured values are said to those who do not measure: counts of a hundred, scores by name, how sure it is.

Serves the first screen. Pure wording of stored claims: a share becomes a count of 100 answers, any other value keeps its
metric's name, and how sure it is follows from the stored verdict and from what the decision calls open.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from markupsafe import Markup

from hanka.metrics import METRICS
from hanka.report import numbers
from hanka.report.blocks import MARKS, Tone
from hanka.report.decided import Claim, Decided
from hanka.report.words import Words

EXCLUDED = "✓"
"Shape of a loss that is excluded."


@dataclass(frozen=True, slots=True)
class Sure:
    """How sure a difference is."""

    text: Markup
    tone: Tone
    mark: str


def is_share(metric: str) -> bool:
    """Tell whether a metric counts right answers."""
    return metric in METRICS and METRICS.get(metric).binary


def amount(metric: str, value: float) -> str:
    """Write a value: a share in whole percent, anything else as it is."""
    return numbers.percent(value) if is_share(metric) else numbers.value(value)


def direction(claim: Claim) -> Literal["up", "down", "level"]:
    """Say where the value went, as it is written."""
    if amount(claim.metric, claim.base) == amount(claim.metric, claim.after):
        return "level"
    return "up" if claim.after > claim.base else "down"


def fact(claim: Claim, words: Words) -> Markup:
    """Say before and after in one clause."""
    same = direction(claim) == "level"
    if is_share(claim.metric):
        before, after = (f"{100 * value:.0f}" for value in (claim.base, claim.after))
        return words("fact_share_same" if same else "fact_share", before=before, after=after)
    before, after = (numbers.value(value) for value in (claim.base, claim.after))
    named = measure(claim.metric, words)
    return words("fact_score_same" if same else "fact_score", metric=named, before=before, after=after)


def measure(metric: str, words: Words) -> str:
    """Name what a value measures in plain words, with the metric's own name where the two differ."""
    return words.known("plain", metric) or words.metric(metric)


def sure(claim: Claim, decided: Decided, words: Words) -> Sure:
    """Say how sure a difference is, by its verdict and by what the decision leaves open."""
    shown: dict[str, tuple[str, Tone]] = {
        "better": ("sure_gain", "better"), "worse": ("sure_loss", "worse"), "equivalent": ("sure_equal", "equivalent"),
    }  # fmt: skip
    if claim.verdict in shown:
        key, tone = shown[claim.verdict]
        return Sure(words(key), tone, MARKS[tone])
    if claim is decided.benefit:
        if decided.outcome == "keep":
            return Sure(words("sure_no_gain"), "undecided", EXCLUDED)
    elif claim.is_at_worst:
        return Sure(words("sure_floor"), "undecided", MARKS["undecided"])
    elif decided.excluded(claim):
        return Sure(words("sure_no_loss"), "equivalent", EXCLUDED)
    if claim.verdict == "leaning":
        return Sure(words("sure_leaning_up" if claim.gain > 0 else "sure_leaning_down"), "leaning", MARKS["leaning"])
    key = "sure_open_loss"
    if claim is decided.benefit:
        key = "sure_open_gain" if claim.gain > 0 else "sure_open_none"
    return Sure(words(key), "undecided", MARKS["undecided"])
