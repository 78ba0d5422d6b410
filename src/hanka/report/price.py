"""The price of adapting in plain words, with one real answer that broke.

The price is the loss to tell of (`Decided.heaviest`): one that is shown, else the largest that is possible. The answer is
not chosen by eye: it is the first row of that test set which the base model answered right and the adapted one wrong;
where answers have grades instead of right and wrong, the first row that lost most. First prompt, draw and seed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from markupsafe import Markup

from hanka.records import Cell
from hanka.report import inert
from hanka.report.decided import Claim, Decided
from hanka.report.everyday import amount, fact, is_share
from hanka.report.outline import Outline
from hanka.report.predictions import Outcome, read_outcomes, read_scores, read_texts
from hanka.report.rows import as_text
from hanka.report.stored import safe_cell_folder
from hanka.report.words import Words

ASKED_LIMIT = 420
SAID_LIMIT = 260
"Characters of a quoted question and of a quoted answer."


@dataclass(frozen=True, slots=True)
class Broken:
    """One answer that broke."""

    sample_id: str
    asked: str
    target: str
    base: str
    tuned: str


@dataclass(frozen=True, slots=True)
class Price:
    """What adapting costs."""

    text: Markup
    tone: str
    "worse where a loss is shown, undecided where one is possible, equivalent where none is left, warn if unmeasured."
    broken: Broken | None = None
    rule: Markup | str = ""
    "How the answer was chosen, or why there is none."


def make_price(decided: Decided, outline: Outline, words: Words) -> Price:
    """Say the price of one decision and quote an answer."""
    claim = decided.heaviest
    if claim is None:
        return Price(words("price_unmeasured"), "warn")
    place = inert.label(claim.tests[0] if claim.tests else "", 60)
    said = fact(claim, words)
    if claim.verdict == "worse":
        price = words("price_shown", place=place, fact=said)
        tone = "worse"
    elif decided.excluded(claim):
        price, tone = words("price_none", place=place, fact=said, count=len(decided.harms)), "equivalent"
    else:
        price, tone = words("price_open", place=place, fact=said) + _at_worst(claim, words), "undecided"
    found = find_broken(claim, decided, outline)
    counted = {"n": f"{found.n:,}", "lost": f"{found.lost:,}"}
    if found.first:
        rule = words("broken_rule" if is_share(claim.metric) else "broken_rule_graded", **counted)
        return Price(price, tone, found.first, rule)
    if found.lost:
        return Price(price, tone, None, words("broken_unanswered", **counted))
    return Price(price, tone, None, words("broken_none", n=counted["n"]) if found.n else words("broken_unread"))


def _at_worst(claim: Claim, words: Words) -> Markup:
    """Say how far down the value may be by what was measured; nothing where no interval is stored."""
    if claim.least is None or claim.least >= 0:
        return Markup("")
    worst = claim.base + claim.sign * claim.least
    if claim.sign > 0:
        worst = max(0.0, worst)
    return words("price_at_worst", worst=amount(claim.metric, worst))


class Search(NamedTuple):
    """What a search for an answer that broke came to."""

    first: Broken | None
    n: int
    "Rows that were looked at."
    lost: int
    "Rows that broke."


def find_broken(claim: Claim, decided: Decided, outline: Outline) -> Search:
    """Look for the first answer that broke on a test set."""
    cells = _cells(claim, decided, outline)
    folders = [safe_cell_folder(outline.run.folder, cell.id) for cell in cells]
    if len(folders) != 2 or folders[0] is None or folders[1] is None:
        return Search(None, 0, 0)
    base, tuned = read_outcomes(folders[0]), read_outcomes(folders[1])
    scores = read_scores(outline.run, {cell.id: claim.metric for cell in cells})
    losses = _losses(claim, (base, tuned), [scores.get(cell.id, {}) for cell in cells])
    lost = [sample for sample in base if losses.get(sample, 0.0) > 0]
    if not lost:
        return Search(None, len(losses), 0)
    if all(one.parsed is None and one.status == "ok" for side in (base, tuned) for one in side.values()):
        return Search(None, len(losses), len(lost))  # text that is scored and not answered
    first = max(lost, key=lambda sample: (losses[sample], -base[sample].row))
    quoted = _quoted(first, (folders[0], folders[1]), (base[first], tuned[first]))
    return Search(quoted, len(losses), len(lost))


def _losses(
    claim: Claim, said: tuple[Mapping[str, Outcome], Mapping[str, Outcome]], scores: list[Mapping[str, float]]
) -> dict[str, float]:
    """Return how much every row lost: 1 from right to wrong, or the grade it fell by."""
    shared = [sample for sample in said[0] if sample in said[1] and said[1][sample].status != "failed"]
    graded = {
        sample: claim.sign * (scores[0][sample] - scores[1][sample])
        for sample in shared
        if sample in scores[0] and sample in scores[1]
    }
    if graded or not is_share(claim.metric):
        return graded
    return {sample: float(_right(said[0][sample])) - float(_right(said[1][sample])) for sample in shared}


def _right(outcome: Outcome) -> bool:
    return outcome.parsed is not None and outcome.parsed == outcome.target


def _cells(claim: Claim, decided: Decided, outline: Outline) -> list[Cell]:
    """Return the base model's cell and the candidate's that a quoted answer is taken from; [] where one is missing."""
    run = outline.run
    test = claim.tests[0] if claim.tests else ""
    own = next(
        (
            one
            for one in run.variants.values()
            if (one.label, one.train_dataset, one.train_size)
            == (decided.candidate, decided.train_dataset, decided.train_size)
            and one.base == decided.base
        ),
        None,
    )
    if own is None:
        return []
    asked = [cell for cell in run.cells.values() if cell.variant_id == own.id and cell.test_dataset == test]
    bases = {one.id for one in run.variants.values() if one.is_unadapted and one.base == (own.reference or own.base)}
    for tuned in sorted(asked, key=lambda cell: (abs(cell.shots - decided.shots), cell.shots)):
        place = (tuned.test_dataset, tuned.shots, tuned.prompt, tuned.context, tuned.draw)
        for cell in run.cells.values():
            if cell.variant_id in bases and place == (
                cell.test_dataset,
                cell.shots,
                cell.prompt,
                cell.context,
                cell.draw,
            ):
                return [cell, tuned]
    return []


def _quoted(sample: str, folders: tuple[Path, Path], said: tuple[Outcome, Outcome]) -> Broken:
    texts = [read_texts(folder, [one.row]).get(one.row, {}) for folder, one in zip(folders, said, strict=True)]
    return Broken(
        sample_id=inert.label(sample, 60),
        asked=inert.shorten(as_text(texts[0].get("prompt")).strip(), ASKED_LIMIT, "…"),
        target=inert.shorten(said[0].target, SAID_LIMIT, "…"),
        base=inert.shorten(as_text(texts[0].get("output")), SAID_LIMIT, "…"),
        tuned=inert.shorten(as_text(texts[1].get("output")), SAID_LIMIT, "…"),
    )
