"""From what a judge said in both orders to one verdict a row: where both agree it stands, else there is none.

    labels   both orders of the list name one label → that label; else undecided
    pairs    both orders name one system → it wins; else a tie

A row that could not be asked in either order has no verdict and is counted; it is no vote for anybody.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hanka.operations.judging.people import TIE
from hanka.operations.judging.questions import Judged, JudgedRow
from hanka.operations.judging.spec import JudgeSpec

UNDECIDED = "–"
"Stands for a row that the judge labels otherwise when the labels are turned."


@dataclass(frozen=True, slots=True)
class Said:
    """What came back for one question."""

    answer: str | None
    "The word that was chosen; None where none could be read, or nothing came."
    failure: str = ""
    "Why nothing came; empty where something did."


@dataclass(frozen=True, slots=True)
class Verdict:
    """One row, judged."""

    row: JudgedRow
    "The row."
    verdict: str
    "A label or a system, `–` or `tie`."
    turned: bool
    "Whether the verdict turned with the order."
    place: int
    "Of a turned pair, which place won both times: 1 or 2; else 0."


@dataclass(frozen=True, slots=True, eq=False)
class Verdicts:
    """What a judge says of rows."""

    rows: Sequence[Verdict]
    "Rows that were asked in both orders."
    n_missing: int
    "Rows without an answer in one order at least."
    failures: Mapping[str, int]
    "Why → how often, over questions."


def verdicts_of(spec: JudgeSpec, judged: Judged, said: Mapping[str, Said]) -> Verdicts:
    """Join both orders of every row. said: question → what came back; a question that was not asked counts as missing."""
    found, failures, n_missing = [], dict[str, int](), 0
    for row in judged.rows:
        both = [said.get(row.question(turned), Said(None, "not asked")) for turned in (False, True)]
        for one in both:
            if one.failure:
                failures[one.failure] = failures.get(one.failure, 0) + 1
        if any(one.failure for one in both):
            n_missing += 1
            continue
        answers = [one.answer for one in both]
        found.append(_pair(spec, judged, row, answers) if spec.asks == "pair" else _label(row, answers))
    return Verdicts(tuple(found), n_missing, failures)


def _label(row: JudgedRow, answers: Sequence[str | None]) -> Verdict:
    first, second = answers
    same = first == second and first is not None
    return Verdict(row, str(first) if same else UNDECIDED, first != second, 0)


def _pair(spec: JudgeSpec, judged: Judged, row: JudgedRow, answers: Sequence[str | None]) -> Verdict:
    """Name who won in each order; the first place is the second system once the answers are turned."""
    words = spec.words
    places = [words.index(one) if one in words else 2 for one in answers]
    names = (*judged.systems, TIE)
    winners = [names[places[0]], names[(1, 0, 2)[places[1]]]]
    turned = winners[0] != winners[1]
    is_place = turned and places[0] == places[1] < 2
    return Verdict(row, TIE if turned else winners[0], turned, places[0] + 1 if is_place else 0)
