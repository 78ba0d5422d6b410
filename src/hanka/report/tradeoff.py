"""One chart of gain against loss, right after the first screen: a dot per variant, as the question `tradeoff` stored it.

The rest of that answer, with its table, stands here too; the section of answers holds the other questions.
"""

from __future__ import annotations

from hanka.report.answers import answer_blocks
from hanka.report.blocks import Heading, Note, Section
from hanka.report.figures import Sketchbook
from hanka.report.outline import Outline
from hanka.report.words import Words

QUESTION = "tradeoff"


def tradeoff_section(outline: Outline, words: Words, sketches: Sketchbook) -> Section:
    """Build the section of gain against loss."""
    answer = outline.run.findings.answers.get(QUESTION)
    if answer is None:
        return Section("tradeoff", words("tradeoff"), "", (Note(words("no_tradeoff"), "muted"),))
    blocks = answer_blocks(QUESTION, answer, words, sketches)
    shown = tuple(one for one in blocks if not isinstance(one, Heading))
    return Section("tradeoff", words("tradeoff"), words("tradeoff_lead"), shown)
