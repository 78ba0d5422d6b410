"""The first screen: for every trained task the verdict, three tiles, the price, what it rests on and what to do next.

Assembles what `decided.py`, `tiles.py`, `price.py`, `trust.py` and `steps.py` make, and says when, by whom, on what model and
data, and at what measured cost. Everything a researcher needs besides stands below it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from hanka.report import inert
from hanka.report.decided import Decided, read_decided
from hanka.report.everyday import fact
from hanka.report.outline import Outline
from hanka.report.price import Price, make_price
from hanka.report.rows import as_number, as_text
from hanka.report.steps import Ranked, named, next_steps, ranked, to_say
from hanka.report.stored import StoredRun
from hanka.report.tiles import Tile, make_tiles
from hanka.report.trust import Trust, decision_trust, study_trust
from hanka.report.words import Words

MAX_PANELS = 12
"Trained tasks with a verdict of their own on the page."
OPEN_PANELS = 3
"Of these, how many stand open."
SENTENCE_LIMIT = 900
DAY = re.compile(r"^\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True, slots=True)
class Panel:
    """The verdict on one trained task and everything that belongs to it."""

    task: str
    outcome: str
    word: Markup
    "The outcome as a headline."
    sentence: Markup
    tiles: tuple[Tile, ...]
    price: Price | None
    trust: tuple[Trust, ...]
    steps: tuple[Markup, ...]
    ranked: tuple[Ranked, ...]
    say: tuple[Markup, ...]


@dataclass(frozen=True, slots=True)
class Headline:
    """Everything above the first chart."""

    title: str
    summary: Markup | str
    "How several decisions came out; or that none is stored."
    panels: tuple[Panel, ...]
    n_open: int
    "Panels that stand open; the rest open on demand."
    trust: tuple[Trust, ...]
    facts: tuple[tuple[Markup, Markup | str], ...]
    "Name and value: date, author, model, data, cost."
    cautions: tuple[Markup, ...]


def make_headline(outline: Outline, words: Words) -> Headline:
    """Build the first screen."""
    run = outline.run
    found = read_decided(run.findings.decision)
    tasks = {row.test_dataset: row.test_task for row in run.results}
    panels = tuple(_panel(one, outline, tasks, words) for one in found[:MAX_PANELS])
    unasked = [cell_id for cell_id in run.cells if cell_id not in run.cell_files]
    cautions = [words("unfinished", missing=f"{len(unasked):,}", total=f"{len(run.cells):,}")] if unasked else []
    cautions += [words("unreadable", files=", ".join(run.unreadable))] if run.unreadable else []
    return Headline(
        title=inert.label(run.name, 160),
        summary=_summary(found, run.findings.decision, words),
        panels=panels,
        n_open=OPEN_PANELS,
        trust=study_trust(run, words),
        facts=tuple(_facts(outline, found, words)),
        cautions=tuple(cautions),
    )


def _summary(found: tuple[Decided, ...], stored: Mapping[str, Any], words: Words) -> Markup | str:
    if not found:
        return inert.shorten(words.written(stored, "sentence"), SENTENCE_LIMIT) or words("no_decision")
    if len(found) == 1:
        return ""
    counted = Counter(one.outcome for one in found)
    parts = [words("summary_part", word=words(f"outcome_{name}"), count=n) for name, n in counted.items()]
    return words("summary", count=len(found), parts=Markup(" · ").join(parts))


def _panel(decided: Decided, outline: Outline, tasks: Mapping[str, str], words: Words) -> Panel:
    price = make_price(decided, outline, words) if decided.benefit else None
    steps = next_steps(decided, outline, words)
    return Panel(
        task=words.of("task", decided.task),
        outcome=decided.outcome,
        word=words(f"call_{decided.outcome}"),
        sentence=_sentence(decided, words),
        tiles=make_tiles(decided, tasks, words),
        price=price,
        trust=decision_trust(decided, outline, words),
        steps=tuple(steps),
        ranked=tuple(ranked(decided, words)),
        say=tuple(to_say(decided, price, steps, words)) if price else (),
    )


def _sentence(decided: Decided, words: Words) -> Markup:
    """Say the verdict in one sentence with before → after."""
    task = words.of("task", decided.task)
    if decided.benefit is None:
        return words("headline_nothing", task=task)
    parts: dict[str, Any] = {"task": task, "fact": fact(decided.benefit, words), "name": named(decided, words)}
    if decided.outcome == "adapt":
        return words("headline_adapt", **parts)
    worst = decided.heaviest
    if decided.outcome == "trade-off" and worst:
        place = inert.label(worst.tests[0] if worst.tests else "", 60)
        return words("headline_trade_off", **parts, place=place, loss=fact(worst, words))
    if decided.outcome == "keep":
        return words("headline_keep", **parts)
    if decided.benefit.verdict == "better":
        return words("headline_open_harm", **parts)
    return words("headline_open_gain" if decided.benefit.gain > 0 else "headline_open_none", **parts)


def _facts(outline: Outline, found: tuple[Decided, ...], words: Words) -> Iterable[tuple[Markup, Markup | str]]:
    run = outline.run
    day = _day(run)
    if day:
        yield words("fact_date"), day
    author = as_text(run.study.get("author"))
    if author:
        yield words("fact_author"), inert.name(author, 80)
    models = [model.name for model in run.findings.models] or list(dict.fromkeys(v.base for v in run.variants.values()))
    if models:
        yield words("fact_models"), _names(models, words)
    trained = dict.fromkeys(
        (one.train_dataset, one.train_size)
        for one in run.variants.values()
        if not one.is_unadapted and one.train_dataset
    )
    if trained:
        sets = dict.fromkeys(name for name, _ in trained)
        sizes = sorted({size for _, size in trained})
        rows = f"{sizes[0]:,}" if len(sizes) == 1 else f"{sizes[0]:,}–{sizes[-1]:,}"
        known = words("tuned_elsewhere") if not sizes[-1] else None
        yield words("fact_data"), known or words("fact_data_is", names=_names(list(sets), words), rows=rows)
    tests = _test_items(run)
    if tests:
        yield words("fact_tests"), words("fact_tests_is", rows=f"{sum(tests.values()):,}", count=f"{len(tests):,}")
    spent = _cost(run, words)
    if spent:
        yield words("fact_cost"), spent


def _names(names: list[str], words: Words) -> Markup:
    """List names without the folders they may stand in."""
    shown = (
        Markup("{}")
        .format(words.comma)
        .join(inert.name(name.replace("\\", "/").rstrip("/").rsplit("/", 1)[-1], 60) for name in names[:4])
    )
    return shown + Markup(" +{}").format(len(names) - 4) if len(names) > 4 else shown


def _day(run: StoredRun) -> str:
    """Return the day on which the last unit of the run was finished, as stored; empty where none says so."""
    stored = [*run.cell_files.values(), *run.variant_files.values()]
    last = max((as_text(one.get("finished")) for one in stored), default="")
    return last[:10] if DAY.match(last) else ""


def _test_items(run: StoredRun) -> dict[tuple[str, str], int]:
    """Return the samples of each test set: the most that any cell of it has."""
    items: dict[tuple[str, str], int] = {}
    for row in run.results:
        key = (row.test_task, row.test_dataset)
        items[key] = max(items.get(key, 0), row.n + row.n_failed)
    return items


def _cost(run: StoredRun, words: Words) -> Markup | str:
    """Say the measured time of training and of evaluation; nothing where neither is stored."""
    files = (run.variant_files.values(), run.cell_files.values())
    spent = [[s for one in stored if (s := as_number(one.get("seconds"))) is not None] for stored in files]
    if not any(spent):
        return ""
    return words("fact_cost_is", training=words.duration(sum(spent[0])), evaluation=words.duration(sum(spent[1])))
