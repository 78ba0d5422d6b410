"""What to do next, the systems that were tried in their order, and three sentences to say aloud.

Follows from the outcome, from the rows or seeds that would decide it, and from what was not measured. Every number is
stored.
"""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from hanka.report import inert
from hanka.report.decided import Decided
from hanka.report.everyday import amount, fact
from hanka.report.outline import Outline
from hanka.report.price import Price
from hanka.report.rows import as_count, as_text
from hanka.report.trust import ENOUGH_SEEDS, fits
from hanka.report.words import Words

MAX_OPTIONS = 5
"Systems that are ranked on the first screen."


@dataclass(frozen=True, slots=True)
class Ranked:
    """A system that was tried, in words."""

    name: Markup
    values: str
    "Before → after."
    outcome: str
    word: str
    "What came out of it."


def next_steps(decided: Decided, outline: Outline, words: Words) -> list[Markup]:
    """Say what to do next, most important first."""
    if decided.benefit is None:
        return [words("step_compare")]
    steps = []
    if any(status in ("undertrained", "collapsed", "silent") for status, _ in fits(decided, outline.run, words)):
        steps.append(words("step_train"))
    if decided.decide:
        steps.append(_decide(decided, words))
    elif decided.outcome == "adapt":
        steps.append(words("step_adapt", name=named(decided, words)))
        if decided.n_seeds < ENOUGH_SEEDS and decided.train_size:
            steps.append(words("step_seeds", seeds=ENOUGH_SEEDS))
    elif decided.outcome == "trade-off":
        worst = decided.heaviest
        place = inert.label(worst.tests[0], 60) if worst and worst.tests else ""
        steps.append(words("step_trade_off", place=place))
    elif decided.outcome == "keep":
        steps.append(words("step_keep"))
    else:
        steps.append(words("step_look"))
    relations = {one.relation for one in decided.harms}
    if decided.outcome != "keep" and not {"out_of_domain", "cross_task"} <= relations:
        missing = "step_measure_other" if "cross_task" not in relations else "step_measure_outside"
        steps.append(words(missing))
    return steps


def _decide(decided: Decided, words: Words) -> Markup:
    rows, now = as_count(decided.decide.get("rows")), as_count(decided.decide.get("rows_now")) or 0
    if rows is None:
        return words("step_more_seeds", seeds=as_count(decided.decide.get("seeds")) or ENOUGH_SEEDS)
    stored = decided.decide.get("tests")
    place = words.comma.join(inert.label(as_text(one), 40) for one in stored[:3]) if isinstance(stored, list) else ""
    return words("step_rows", rows=f"{rows:,}", more=f"{max(rows - now, 0):,}", now=f"{now:,}", place=place)


def named(decided: Decided, words: Words) -> Markup:
    """Name the system a decision is about."""
    return _name(decided.candidate, decided.train_size, words)


def _name(label: str, size: int, words: Words) -> Markup:
    return words("option", name=label, rows=f"{size:,}") if size else inert.name(label)


def ranked(decided: Decided, words: Words) -> list[Ranked]:
    """List the systems that were tried, best first; nothing where there is no choice."""
    several = len({one.base for one in decided.options}) > 1
    found = []
    for one in decided.options[:MAX_OPTIONS]:
        name = _name(one.label, one.train_size, words)
        if several:
            name += Markup(" · ") + inert.name(one.base.rstrip("/").rsplit("/", 1)[-1], 40)
        claim = one.benefit
        values = " → ".join(amount(claim.metric, value) for value in (claim.base, claim.after))
        word = words(f"outcome_{one.outcome}")
        word += words("ranked_rows", rows=f"{one.rows:,}") if one.rows else ""
        found.append(Ranked(name, values, one.outcome, word))
    return found if len(decided.options) > 1 else []


def to_say(decided: Decided, price: Price, steps: list[Markup], words: Words) -> list[Markup]:
    """Write three sentences to say aloud: what was tried and came out, what it costs, what is proposed."""
    if decided.benefit is None:
        return []
    base = decided.base.rstrip("/").rsplit("/", 1)[-1]
    task = words.of("task", decided.task)
    told = fact(decided.benefit, words)
    tried = words("say_tried_elsewhere", base=base, task=task, fact=told)
    if decided.train_size:
        tried = words("say_tried", base=base, rows=f"{decided.train_size:,}", task=task, fact=told)
    cost = {
        "worse": "say_price",
        "undecided": "say_price_open",
        "equivalent": "say_price_none",
        "warn": "say_price_unmeasured",
    }
    return [tried, words(cost[price.tone], price=price.text), words("say_next", step=steps[0])]
