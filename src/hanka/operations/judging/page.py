"""The page of a judge: whether it is heard, its agreement, what it looks at wrongly, and last what it says of systems."""

from __future__ import annotations

from typing import Literal

from hanka.operations.judging.results import Measures
from hanka.operations.judging.told import ToldTable, tables, told, verdict
from hanka.report import inert
from hanka.report.blocks import Block, Note, Section, Table, Td, Th
from hanka.report.page import PlainPage, plain_html
from hanka.report.words import Words

PARTS = ("agreement", "biases", "confusion", "rates")


def judge_html(judge: str, run: str, found: Measures, words: Words) -> str:
    """Print the page of a judge as one HTML document."""
    return plain_html(make_page(judge, run, found, words), words)


def make_page(judge: str, run: str, found: Measures, words: Words) -> PlainPage:
    """Build the page of a judge."""
    tone: Literal["adapt", "undecided"] = "adapt" if found.is_heard else "undecided"
    word = words.plain("judge_word_heard" if found.is_heard else "judge_word_not_heard")
    sections = [
        Section(f"judge-{name}", words(f"judge_part_{name}"), words(f"judge_lead_{name}"), (_table(one),))
        for name, one in zip(PARTS, tables(found, words), strict=True)
    ]
    notes: tuple[Block, ...] = tuple(Note(inert.label(line)) for line in told(judge, found, words)[1:])
    known = (*notes, Note(words.plain("judge_limits"), "muted"))
    sections.append(Section("judge-known", words("judge_part_known"), words("judge_lead_known"), known))
    about = words.plain("judge_about", judge=judge, run=run)
    return PlainPage(words("judge_title"), about, tone, word, verdict(judge, found, words), tuple(sections))


def _table(one: ToldTable) -> Table:
    head = tuple(Th(inert.label(name), numeric=at not in one.texts) for at, name in enumerate(one.head))
    body = tuple(
        tuple(Td(inert.label(text), head=at == 0, numeric=at not in one.texts) for at, text in enumerate(row))
        for row in one.rows
    )
    return Table(inert.label(one.title), one.title, (head,), body)
