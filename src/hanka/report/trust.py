"""What a decision rests on, in a strip: rows left out, training runs, whether training fitted, overlap, test size.

Every item is good, a warning, or unknown because nobody looked; each says what was counted. From audits.json,
findings.json and the decision; computes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from markupsafe import Markup

from hanka.records import AuditWarning
from hanka.report import inert
from hanka.report.decided import Decided
from hanka.report.outline import Outline
from hanka.report.rows import as_count, as_text
from hanka.report.stored import StoredRun
from hanka.report.words import Words

ENOUGH_SEEDS = 5
"Training runs from which a claim is about the method (analysis asks for as many)."
LEFT_OUT = "left out"
"How a stored warning says that rows are not used."
OVERLAPS = ("exact overlap", "near overlap")

State = Literal["good", "warn", "unknown"]
SHAPES: dict[State, str] = {"good": "✓", "warn": "!", "unknown": "–"}


@dataclass(frozen=True, slots=True)
class Trust:
    """One item of the strip."""

    name: Markup
    text: Markup
    state: State

    @property
    def mark(self) -> str:
        """Its shape."""
        return SHAPES[self.state]


def study_trust(run: StoredRun, words: Words) -> tuple[Trust, ...]:
    """Say what holds for the whole study: rows left out, overlap of training and test rows, whether it stopped early."""
    return (_left_out(run, words), _overlap(run, words), *_growth(run, words))


def decision_trust(decided: Decided, outline: Outline, words: Words) -> tuple[Trust, ...]:
    """Say what holds for one decision: training runs, fit, test size."""
    if decided.benefit is None:
        return ()
    return (_seeds(decided, words), _fit(decided, outline.run, words), _size(decided, words))


def _left_out(run: StoredRun, words: Words) -> Trust:
    name = words("trust_rows")
    found = [one for one in run.warnings if LEFT_OUT in one.message and one.audit != "demonstrations"]
    if found:
        return Trust(name, _worst(found, "trust_rows_lost", words), "warn")
    return (
        Trust(name, words("trust_rows_none"), "good") if run.checks else Trust(name, words("trust_unknown"), "unknown")
    )


def _overlap(run: StoredRun, words: Words) -> Trust:
    name = words("trust_overlap")
    found = [one for one in run.warnings if one.audit in OVERLAPS]
    if found:
        return Trust(name, _worst(found, "trust_overlap_found", words), "warn")
    looked = any(one.audit in OVERLAPS for one in run.checks)
    return (
        Trust(name, words("trust_overlap_none"), "good") if looked else Trust(name, words("trust_unknown"), "unknown")
    )


def _growth(run: StoredRun, words: Words) -> tuple[Trust, ...]:
    """Say that test rows were asked only until the decision stood; nothing where all were asked."""
    growth = run.findings.growth
    asked, most = as_count(growth.get("rows_asked")), as_count(growth.get("rows_most"))
    if asked is None or most is None:
        return ()
    looks = as_count(growth.get("n_looks")) or 1
    text = words("trust_looks_some", asked=f"{asked:,}", most=f"{most:,}", looks=looks)
    return (Trust(words("trust_looks"), text, "good"),)


def _worst(found: Sequence[AuditWarning], key: str, words: Words) -> Markup:
    """Tell of the finding with the largest share of rows, and how many more there are."""
    worst = max(found, key=lambda one: (one.count / max(one.total, 1), one.count))
    where = inert.label(words.place(worst.where), 80)
    said = words(key, count=f"{worst.count:,}", total=f"{worst.total:,}", where=where)
    return said + words("trust_more", count=len(found) - 1) if len(found) > 1 else said


def _seeds(decided: Decided, words: Words) -> Trust:
    n = decided.n_seeds
    if n >= ENOUGH_SEEDS:
        return Trust(words("trust_seeds"), words("trust_seeds_enough", count=n), "good")
    text = words("trust_seeds_one") if n <= 1 else words("trust_seeds_few", count=n, wanted=ENOUGH_SEEDS)
    return Trust(words("trust_seeds"), text, "warn")


def fits(decided: Decided, run: StoredRun, words: Words) -> list[tuple[str, str]]:
    """Return what was stored on the training of the candidate: status and reason, one per variant."""
    return [
        (as_text(stored.get("status")), words.written(stored, "reason"))
        for variant in run.variants.values()
        if (variant.label, variant.train_dataset, variant.train_size, variant.base)
        == (decided.candidate, decided.train_dataset, decided.train_size, decided.base)
        and (stored := run.findings.training.get(variant.id))
    ]


def _fit(decided: Decided, run: StoredRun, words: Words) -> Trust:
    name, found = words("trust_fit"), fits(decided, run, words)
    if not found:
        return Trust(name, words("trust_unknown"), "unknown")
    troubled = [one for one in found if one[0] != "fitted"]
    if not troubled:
        return Trust(name, words("trust_fit_good"), "good")
    status, reason = troubled[0]
    said = words.known("fit", status) or inert.label(status, 40)
    text = (
        words("trust_fit_bad", status=said, reason=inert.shorten(reason, 200)) if reason else Markup("{}").format(said)
    )
    return Trust(name, text, "warn")


def _size(decided: Decided, words: Words) -> Trust:
    name, n = words("trust_size"), f"{decided.benefit.n:,}" if decided.benefit else ""
    if not decided.decide:
        return Trust(name, words("trust_size_enough", n=n), "good")
    rows = as_count(decided.decide.get("rows"))
    now = as_count(decided.decide.get("rows_now"))
    n = f"{now:,}" if now is not None else n
    if rows is None:
        return Trust(name, words("trust_size_seeds", n=n), "warn")
    return Trust(name, words("trust_size_short", n=n, rows=f"{rows:,}"), "warn")
