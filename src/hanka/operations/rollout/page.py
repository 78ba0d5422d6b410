"""The page that a lead can sign: the verdict, what the stage asks and what was found, what to say, and lines for signatures.

It is printed on paper as it is; what was signed is entered into the log by hand.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from hanka.operations.rollout.sentences import (
    SIGN,
    STATES,
    found,
    kinds,
    proposal,
    stage_name,
    title,
    verdict,
)
from hanka.operations.rollout.stages import Stage
from hanka.operations.rollout.standing import Standing
from hanka.report.blocks import MARKS, Block, Note, Section, Table, Td, Th, Tone
from hanka.report.decided import read_decided
from hanka.report.outline import Outline, make_outline, rival_of
from hanka.report.page import PlainPage, plain_html
from hanka.report.price import make_price
from hanka.report.steps import next_steps, to_say
from hanka.report.stored import read_run
from hanka.report.words import Lang, Words
from hanka.store.folder import RunFolder

TONES: Mapping[str, Literal["adapt", "trade-off", "keep", "undecided"]] = {
    "go_on": "adapt", "through": "adapt", "must_not": "keep", "missing": "undecided",
}  # fmt: skip
STATE_TONES: Mapping[str, Tone] = {"met": "equivalent", "failed": "failed", "open": "undecided"}
LINES = 2
"Empty lines for signatures beside those that are asked for."
LINE = "_" * 24
"Where somebody writes by hand."


def rollout_html(standing: Standing, folder: RunFolder, lang: Lang) -> str:
    """Print the page of a standing as one HTML document."""
    outline = make_outline(read_run(folder))
    words = Words(lang, rival_of(outline.run.variants.values()))
    return plain_html(make_page(standing, outline, words), words)


def make_page(standing: Standing, outline: Outline, words: Words) -> PlainPage:
    """Build the page of a standing."""
    word, sentence = verdict(standing, words)
    one = standing.candidate
    sections = [_conditions(standing, words)] if standing.stage else []
    sections += [_stages(standing, words), _say(standing, outline, words), _sign(standing, words)]
    about = words.plain("rollout_about", title=one.title, study=str(one.evidence.plan["study"]))
    return PlainPage(words("rollout_title"), about, TONES[standing.verdict], word, sentence, tuple(sections))


def _conditions(standing: Standing, words: Words) -> Section:
    name = stage_name(standing.stage, words)
    rows = tuple(
        (
            Td(title(one, words), head=True),
            Td(found(one, words)),
            Td(words(STATES[one.state]), tone=STATE_TONES[one.state], mark=MARKS[STATE_TONES[one.state]]),
        )
        for one in standing.criteria
    )
    head = (Th(words("rollout_condition")), Th(words("rollout_found")), Th(words("rollout_state")))
    caption = words("rollout_conditions_caption", stage=name)
    label = words.plain("rollout_conditions_caption", stage=name)
    looked = Note(words("rollout_looked", date=standing.at.strftime("%Y-%m-%d %H:%M")), "muted")
    level = f"{standing.candidate.evidence.level * 100:g} %"
    lead = words("rollout_conditions_lead", level=level)
    return Section("conditions", words("rollout_conditions"), lead, (Table(caption, label, (head,), rows), looked))


def _stages(standing: Standing, words: Words) -> Section:
    rows = tuple(
        (Td(stage_name(one, words), head=True), Td(kinds(one, words)), Td(_where(standing, one, words)))
        for one in standing.stages.stages
    )
    head = (Th(words("rollout_stage")), Th(words("rollout_about_tasks")), Th(words("rollout_where")))
    table = Table(words("rollout_stages_caption"), words.plain("rollout_stages_caption"), (head,), rows)
    return Section("stages", words("rollout_stages"), words("rollout_stages_lead"), (table,))


def _where(standing: Standing, stage: Stage, words: Words) -> str:
    entry = standing.passed.get(stage.name)
    if stage == standing.stage:
        return words("rollout_here")
    if entry is not None:
        return words("rollout_passed", date=entry.time[:10], title=str(entry.body["title"]), name=entry.by)
    return words("rollout_ahead")


def _say(standing: Standing, outline: Outline, words: Words) -> Section:
    """Two sentences on each task from what the run decided, and one that proposes what follows for the stage."""
    said: list[Block] = []
    for decided in read_decided({"per_task": list(standing.entries)}):
        if decided.benefit is not None:
            price = make_price(decided, outline, words)
            said += [Note(one) for one in to_say(decided, price, next_steps(decided, outline, words), words)[:2]]
        else:
            said.append(Note(words.written(decided.stored, "sentence")))
    said.append(Note(proposal(standing, words)))
    return Section("say", words("rollout_say"), words("rollout_say_lead"), tuple(said))


def _sign(standing: Standing, words: Words) -> Section:
    asked = standing.stage.signatures if standing.stage else 1
    rows: list[tuple[Td, ...]] = []
    for one in standing.signed:
        body = one.entry.body
        note = words("rollout_although", reason=str(body["although"])) if body["although"] else ""
        logged = words("rollout_in_log", entry=one.entry.index)
        rows.append(
            (Td(one.entry.by, note=note, head=True), Td(str(body["role"])), Td(one.entry.time[:10]), Td(""), Td(logged))
        )
    rows += [tuple(Td(LINE, head=not place) for place in range(5))] * max(LINES, asked - len(rows))
    names = ("rollout_name", "rollout_role", "rollout_date", "rollout_agrees", "rollout_signature")
    head = tuple(Th(words(name)) for name in names)
    lead = words(
        "rollout_sign_lead",
        command=SIGN,
        run=standing.candidate.run,
        head=standing.head or words.plain("rollout_no_head"),
    )
    table = Table(words("rollout_sign_caption"), words.plain("rollout_sign_caption"), (head,), tuple(rows))
    return Section("sign", words("rollout_sign"), lead, (table,))
