"""The first screen: what the study says, in sentences that analysis wrote, and what it rests on.

Holds the decision per task, the notes a reader must not miss (4-bit weights, protocol quirks, missing
files), and the counts of what was run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hanka.report import inert, numbers
from hanka.report.checks import failed_cells
from hanka.report.outline import Outline
from hanka.report.rows import as_count, as_text
from hanka.report.stored import StoredRun
from hanka.report.words import Words

SENTENCE_LIMIT = 900
OUTCOMES = ("adapt", "trade-off", "keep", "undecided")


@dataclass(frozen=True, slots=True)
class Recommendation:
    """What is recommended for one task."""

    task: str
    choice: str
    "Label of a variant, or the word for what is to be done."
    outcome: str
    "adapt, trade-off, keep or undecided."
    note: str
    "Training size, if stored."
    sentence: str


@dataclass(frozen=True, slots=True)
class Fact:
    """One count or name of the first screen."""

    name: str
    value: str
    note: str = ""
    warns: bool = False


@dataclass(frozen=True, slots=True)
class Headline:
    """Everything above the first table."""

    title: str
    decision: str
    "One sentence, or empty."
    recommendations: tuple[Recommendation, ...]
    facts: tuple[Fact, ...]
    cautions: tuple[str, ...]


def make_headline(outline: Outline, words: Words) -> Headline:
    """Build the first screen."""
    run = outline.run
    stored = run.findings.decision.get("per_task")
    tasks = [item for item in stored if isinstance(item, dict)] if isinstance(stored, list) else []
    decision = words.written(run.findings.decision, "sentence")
    return Headline(
        title=inert.label(run.name, 160),
        decision=inert.shorten(decision, SENTENCE_LIMIT) if decision else words("no_decision"),
        recommendations=tuple(_recommendation(item, words) for item in tasks[:40]),
        facts=_facts(outline, words),
        cautions=_cautions(run, words),
    )


def _recommendation(stored: Mapping[str, Any], words: Words) -> Recommendation:
    choice, outcome = as_text(stored.get("recommend")), as_text(stored.get("outcome"))
    outcome = outcome if outcome in OUTCOMES else "undecided"
    adapts = outcome in ("adapt", "trade-off")
    size = as_count(stored.get("train_size"))
    rows = words.plain("size", size=f"{size:,}") if size and adapts else ""
    sentences = (words.written(stored, "sentence"), words.written(stored, "flip"))
    return Recommendation(
        task=words.of("task", as_text(stored.get("task"))),
        choice=inert.label(choice, 80) if adapts else words(f"outcome_{outcome}"),
        outcome=outcome,
        note=" · ".join(
            part for part in (words.plain("outcome_trade-off") if outcome == "trade-off" else "", rows) if part
        ),
        sentence=inert.shorten(" ".join(dict.fromkeys(part for part in sentences if part)), SENTENCE_LIMIT),
    )


def _facts(outline: Outline, words: Words) -> tuple[Fact, ...]:
    run = outline.run
    adapted = [variant for variant in run.variants.values() if not variant.is_unadapted]
    n_cells = len(run.cells) or len({row.cell_id for row in run.results})
    measured = len({row.cell_id for row in run.results if row.value is not None})
    n_failed = len(failed_cells(outline))
    items = _test_items(run)
    seeds = len({variant.seed for variant in adapted})
    note = words("fact_variants_note", seeds=seeds) if adapted else ""
    models = run.findings.models
    names = [model.name for model in models] or list(dict.fromkeys(v.base for v in run.variants.values()))
    told = any(note.get("kind") == "model" for note in run.findings.notes)
    notes = "" if told else " ".join(dict.fromkeys(model.note for model in models if model.note))
    return (
        Fact(words("fact_variants"), numbers.count(len(adapted)), note),
        Fact(words("fact_cells"), numbers.count(n_cells), words("fact_cells_note", measured=f"{measured:,}")),
        Fact(words("fact_failed"), numbers.count(n_failed), warns=n_failed > 0),
        Fact(
            words("fact_items"), numbers.count(sum(items.values())), words("fact_items_note", count=f"{len(items):,}")
        ),
        Fact(words("fact_models"), ", ".join(inert.label(name, 60) for name in names[:6]) or numbers.NOTHING, notes),
        Fact(words("fact_protocol"), words.of("protocol", run.protocol or "?")),
    )


def _test_items(run: StoredRun) -> dict[tuple[str, str], int]:
    """Return the samples of each test set: the most that any cell of it has."""
    items: dict[tuple[str, str], int] = {}
    for row in run.results:
        key = (row.test_task, row.test_dataset)
        items[key] = max(items.get(key, 0), row.n + row.n_failed)
    return items


def _cautions(run: StoredRun, words: Words) -> tuple[str, ...]:
    cautions = [inert.shorten(words.written(note, "message"), SENTENCE_LIMIT) for note in run.findings.notes]
    if run.unreadable:
        cautions.append(words("unreadable", files=", ".join(run.unreadable)))
    return tuple(caution for caution in cautions if caution)
