"""What answering takes to know: with passages and without, whether the answer stands before the query, whom gold contradicts.

focus → **books** → inputs of questions 8 to 10 and of remark 4. Open-book cells are those whose context inserts passages, closed-book ones the
same base asked without. Limits: a closed-book answer that differs from gold may be ignorance as well as a conflict; whoever knows says
`knowledge_conflict`, which goes first.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from hanka.advise.focus import Focus, names
from hanka.advise.inputs import Given, measured
from hanka.advise.texts import stands_in
from hanka.analysis.evidence import CellEvidence
from hanka.analysis.shares import Share, share_of
from hanka.contexts import CONTEXTS
from hanka.stats import LEAST_UNITS, normal_quantile
from hanka.store.folder import read_table

ASKED_ALIKE = ("test_dataset", "prompt", "draw", "shots")
"What an open-book and a closed-book cell have in common."


class _Row(NamedTuple):
    sample_id: str
    prompt: str
    target: str
    reward: float | None
    status: str
    group: str


def books(focus: Focus) -> dict[str, Given]:
    """Measure what the run shows of knowledge; {} where nothing was asked."""
    inserting = inserting_contexts(focus)
    cells = focus.prompted()
    open_book = [one for one in cells if one.cell["context"] in inserting]
    closed = [one for one in cells if one.cell["context"] not in inserting]
    found = _in_context(focus, open_book or focus.first_prompted())
    if open_book and closed:
        found |= _gain(focus, open_book, closed) | _closed(focus, closed)
    return found


def inserting_contexts(focus: Focus) -> set[str]:
    """Return the contexts of the run that put passages before a query, by their labels."""
    evaluation = focus.study.get("eval") or {}
    entries = [_entry(one) for one in evaluation.get("contexts") or ()]
    labels = focus.evidence.plan["contexts"]
    if len(entries) != len(labels):
        return set()
    return {
        label for label, name in zip(labels, entries, strict=True) if name in CONTEXTS and CONTEXTS.get(name).inserts
    }


def _entry(one: Any) -> str:
    return str(next(iter(one))) if isinstance(one, dict) and one else str(one)


def _gain(focus: Focus, open_book: Sequence[CellEvidence], closed: Sequence[CellEvidence]) -> dict[str, Given]:
    """Measure how much better the base answers with passages, row by row."""
    if not focus.is_in_points:
        return {}
    without = {tuple(one.cell[name] for name in ASKED_ALIKE): one for one in closed}
    pairs = [
        pair
        for one in open_book
        if (other := without.get(tuple(one.cell[name] for name in ASKED_ALIKE))) is not None
        and (pair := focus.contrasts.pair(one, other, focus.metric)) is not None
    ]
    if not pairs:
        return {}
    contrast = focus.contrasts.pooled(pairs, focus.metric)
    interval = contrast.interval(normal_quantile(focus.level)) if contrast.n_units >= LEAST_UNITS else None
    ends = sorted((focus.sign * interval.low, focus.sign * interval.high)) if interval else None
    about = names(sorted({str(one.cell.cell["test_dataset"]) for one in pairs}))
    gain = measured(focus.sign * contrast.delta, (ends[0], ends[1]) if ends else None, contrast.n, about=about)
    return {"open_book_gain": gain}


def _closed(focus: Focus, closed: Sequence[CellEvidence]) -> dict[str, Given]:
    """Measure how often the base is right without passages, and how often gold contradicts what it answers; at its first asking."""
    first = min((one.asking for one in closed), key=focus.evidence.order)
    cells = [one for one in closed if one.asking == first]
    rows = [
        (cell, row) for cell in cells for row in _rows(focus, cell) if row.status != "failed" and row.reward is not None
    ]
    if not rows:
        return {}
    about = names([str(one.cell["test_dataset"]) for one in cells])
    right = _share(focus, [row.reward == 1.0 for _, row in rows], rows)
    answered = [(cell, row) for cell, row in rows if row.status == "ok"]
    found = {"closed_book_accuracy": _given(right, about)}
    if answered:
        wrong = _share(focus, [row.reward != 1.0 for _, row in answered], answered)
        found["contradicted_share"] = _given(wrong, about)
    return found


def _in_context(focus: Focus, cells: Sequence[CellEvidence]) -> dict[str, Given]:
    """Measure how often the answer stands in what is shown before it; of labels and numbers nothing can be said."""
    if focus.kind != "generation":
        return {}
    rows = [(cell, row) for cell in cells for row in _rows(focus, cell)]
    if not rows:
        return {}
    share = _share(focus, [stands_in(row.target, row.prompt) for _, row in rows], rows)
    return {"answer_in_context": _given(share, names(sorted({str(one.cell["test_dataset"]) for one in cells})))}


def _rows(focus: Focus, cell: CellEvidence) -> list[_Row]:
    columns = _Row._fields
    table = read_table(focus.evidence.folder.cell(cell.cell["id"]) / "predictions.parquet", columns)
    return [_Row(*row) for row in zip(*(table.column(name).to_pylist() for name in columns), strict=True)]


def _share(focus: Focus, flags: Sequence[bool], rows: Sequence[tuple[CellEvidence, _Row]]) -> Share:
    """Return a share; rows of one text count once, as does a row that several cells asked, in whatever words."""
    groups = [f"{cell.cell['test_dataset']}/{row.group or row.sample_id}" for cell, row in rows]
    return share_of(flags, groups, focus.level)


def _given(share: Share, about: str) -> Given:
    ends = None if share.low is None or share.high is None else (share.low, share.high)
    return measured(share.value, ends, share.n, about=about)
