"""One chart of gain against loss, right after the first screen: a dot per variant, as the question `tradeoff` stored it.

The rest of that answer, with its table, opens below it; the section of answers holds the other questions.
"""

from __future__ import annotations

from hanka.report.answers import answer_blocks
from hanka.report.blocks import Details, Figure, Heading, Note, Section
from hanka.report.figures import Sketchbook
from hanka.report.outline import Outline
from hanka.report.words import Words

QUESTION = "tradeoff"


def tradeoff_section(outline: Outline, words: Words, sketches: Sketchbook) -> Section:
    """Build the section of gain against loss."""
    answer = outline.run.findings.answers.get(QUESTION)
    if answer is None:
        return Section("tradeoff", words("tradeoff"), "", (Note(words("no_tradeoff"), "muted"),))
    blocks = [one for one in answer_blocks(QUESTION, answer, words, sketches) if not isinstance(one, Heading)]
    chart = [one for one in blocks if isinstance(one, Figure)]
    rest = tuple(one for one in blocks if not isinstance(one, Figure))
    behind = (Details(words("tradeoff_behind"), rest),) if rest else ()
    return Section("tradeoff", words("tradeoff"), words("tradeoff_lead") if chart else "", (*chart, *behind))
