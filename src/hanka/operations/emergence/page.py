"""The page of a prediction from a table: the answer as a report would show it, under one sentence. Computes nothing."""

from __future__ import annotations

from hanka.analysis.emergence.predicted import Predicted
from hanka.analysis.questions.contract import Answer
from hanka.analysis.questions.emergence import EMERGENCE
from hanka.report import inert
from hanka.report.answers import answer_blocks
from hanka.report.blocks import Section
from hanka.report.figures import Sketchbook
from hanka.report.page import PlainPage, plain_html
from hanka.report.words import Words


def emergence_html(about: str, found: Predicted, answer: Answer, words: Words) -> str:
    """Print the page. about: what the table is called."""
    stored = answer.as_json() | {"reference": EMERGENCE.reference}
    first, *_ = words.written(stored, "sentence").splitlines()
    is_said = found.main.posterior is not None
    section = Section(
        "emergence", words.plain("emergence_section"), words.plain("emergence_section_lead"),
        tuple(answer_blocks(EMERGENCE.name, stored, words, Sketchbook())),
    )  # fmt: skip
    page = PlainPage(
        words.plain("emergence_title"), inert.label(about), "undecided",
        words.plain("emergence_word_ahead" if is_said else "emergence_word_open"), inert.shorten(first, inert.TEXT_LIMIT), (section,),
    )  # fmt: skip
    return plain_html(page, words)
