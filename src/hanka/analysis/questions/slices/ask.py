"""Is it as good on every kind of row? The primary metric of each variant on parts of its test sets, beside the base model's.

Parts are rows of one language (by script), a third of the lengths, and the values of columns that the study names. Cells: every variant
at its first asking, on test sets of its own task. A part needs `FEWEST` rows; a slice is shown where two parts have them.

Limits: intervals are for each value alone; nothing here is tested, and of many parts some differ by chance.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from hanka.analysis.answers import Places, Scored
from hanka.analysis.asked import first_cells, variant_name
from hanka.analysis.evidence import CellEvidence, Evidence
from hanka.analysis.questions.contract import Answer, Column, Entry, Measured, Note
from hanka.analysis.shares import share_of
from hanka.metrics import METRICS, Metric
from hanka.stats import estimate_resampled
from hanka.store.folder import read_table

FEWEST = 10
"Rows of a part below which it is not shown: its interval would span nearly everything."
MOST_ROWS = 600
"Rows of the table at most."
SAID = 3
"Gaps that the sentence tells."
LENGTH = "length"
"Slice whose values are numbers; it is cut into thirds."
COLUMNS = (
    Column("test_set"), Column("slice", "slice"), Column("slice_value", "script"), Column("method"), Column("train_size", "count"),
    Column("seed"), Column("metric", "metric"), Column("slice_score", "value"), Column("slice_base", "value"),
)  # fmt: skip

SPOKEN: Mapping[str, tuple[str, str]] = {
    "language": ("language", "言語"), LENGTH: ("length", "長さ"), "ja": ("Japanese", "日本語"), "latin": ("Latin script", "ラテン文字"),
}  # fmt: skip
"What sentences call slices and parts, in English and Japanese; others are said as they are."

Parts = Mapping[str, frozenset[str]]
"Part → ids of its samples."


@dataclass(frozen=True, slots=True)
class SliceRow:
    """One variant on one part of a test set."""

    cell: CellEvidence
    "The cell."
    slice: str
    "What tells parts apart."
    part: str
    "The part."
    metric: Metric
    "Primary metric."
    own: Measured
    "The variant's value."
    base: Measured | None
    "The base model's."


def ask(evidence: Evidence) -> Answer | None:
    """Cut test sets into parts; None where nothing is stored of their rows."""
    if not evidence.folder.samples.is_file():
        return None
    known = _stored(evidence)
    cells = [
        one
        for one in first_cells(evidence)
        if METRICS.get(evidence.primary(one.cell["test_task"])).higher_is_better is not None
    ]
    found = [row for cell in cells for row in _of_cell(evidence, cell, known.get(cell.cell["test_dataset"], {}))]
    if not found:
        return Answer(
            f"No test set has two kinds of rows with at least {FEWEST} rows each: by language, length or a column that the study "
            "names (`slices`).",
            f"言語・長さ・スタディで指定した列（`slices`）のいずれでも、{FEWEST} 件以上の区分が 2 つ以上あるテストセットはありません。",
        )
    notes = [_about(evidence.level)]
    if len(found) > MOST_ROWS:
        notes.append(
            Note(
                f"The first {MOST_ROWS} of {len(found)} rows are shown.",
                f"全 {len(found)} 行のうち先頭 {MOST_ROWS} 行です。",
            )
        )
    en, ja = _sentences(found)
    return Answer(en, ja, COLUMNS, tuple(_entries(row) for row in found[:MOST_ROWS]), (), tuple(notes))


# ---- parts


def _stored(evidence: Evidence) -> dict[str, dict[str, Parts]]:
    """Read the parts of every test set, by slice: those that are large enough, where there are two."""
    table = read_table(evidence.folder.samples, ("test_dataset", "sample_id", "slice", "value")).to_pydict()
    values: dict[str, dict[str, dict[str, str]]] = defaultdict(lambda: defaultdict(dict))
    for test, sample, name, value in zip(*table.values(), strict=True):
        values[test][name][sample] = value
    return {
        test: {name: parts for name, found in slices.items() if len(parts := _parts(name, found)) > 1}
        for test, slices in values.items()
    }


def _parts(name: str, values: Mapping[str, str]) -> Parts:
    """Return the parts with enough samples, ordered by name, lengths by size."""
    by_part: dict[str, set[str]] = defaultdict(set)
    named = thirds(values) if name == LENGTH else {sample: value or "–" for sample, value in values.items()}
    for sample, part in named.items():
        by_part[part].add(sample)
    order = (
        sorted(by_part)
        if name != LENGTH
        else sorted(by_part, key=lambda part: int(part.split("–")[0].replace(",", "")))
    )
    return {part: frozenset(by_part[part]) for part in order if len(by_part[part]) >= FEWEST}


def thirds(values: Mapping[str, str]) -> dict[str, str]:
    """Cut samples into thirds by a number; return sample → the range of its third, such as 12–80. Equal numbers stay together."""
    ordered = sorted(int(value) for value in values.values())
    cuts = sorted({ordered[(len(ordered) * place) // 3 - 1] for place in (1, 2, 3) if len(ordered) * place // 3})
    ranges: dict[int, str] = {}
    for place, top in enumerate(cuts):
        inside = [number for number in ordered if number <= top and (not place or number > cuts[place - 1])]
        ranges[top] = f"{inside[0]:,}–{top:,}" if inside else ""
    return {sample: ranges[next(top for top in cuts if int(value) <= top)] for sample, value in values.items()}


# ---- values


def _of_cell(evidence: Evidence, cell: CellEvidence, slices: Mapping[str, Parts]) -> list[SliceRow]:
    metric, base = METRICS.get(evidence.primary(cell.cell["test_task"])), evidence.base_of(cell)
    if cell.is_unadapted or not slices:
        return []
    ours = evidence.rows(cell, metric)
    theirs = evidence.rows(base, metric) if base is not None else None
    found = []
    for name, parts in slices.items():
        for part, samples in parts.items():
            own = _measured(evidence, cell, metric, ours, samples)
            if own is not None:
                before = (
                    _measured(evidence, base, metric, theirs, samples)
                    if base is not None and theirs is not None
                    else None
                )
                found.append(SliceRow(cell, name, part, metric, own, before))
    return found


def _measured(
    evidence: Evidence, cell: CellEvidence, metric: Metric, rows: Scored, samples: frozenset[str]
) -> Measured | None:
    """Return a metric on some samples of a cell, with n and interval; None where none of them could be scored."""
    index: Places = np.array(
        [at for at, place in enumerate(rows.places) if rows.samples.ids[place] in samples], dtype=np.int64
    )
    if not len(index):
        return None
    if metric.binary:
        groups = rows.samples.groups_at(rows.places)
        flags = rows.statistics[index, 0].astype(bool).tolist()
        return Measured(*share_of(flags, [groups[at] for at in index] if groups else (), evidence.level))
    plan = evidence.resampling(cell, rows.places[index])
    if plan is None:
        return Measured(float(metric.value(rows.statistics[index])), n=len(index))
    found = estimate_resampled(evidence.resampled(rows, index, metric, plan), metric.binary, evidence.level)
    return Measured(found.value, found.low, found.high, found.n)


# ---- words


def _entries(row: SliceRow) -> tuple[Entry, ...]:
    variant = row.cell.variant
    return (
        row.cell.cell["test_dataset"], row.slice, row.part, variant["label"], variant["train_size"] or None, str(variant["seed"]),
        row.metric.name, row.own, row.base,
    )  # fmt: skip


def _sentences(found: Sequence[SliceRow]) -> tuple[str, str]:
    """Say of the variant and slice with the widest gap, per test set, between which parts it lies."""
    grouped: dict[tuple[str, str, str], list[SliceRow]] = defaultdict(list)
    for row in found:
        grouped[row.cell.cell["test_dataset"], row.slice, str(row.cell.variant["id"])].append(row)
    widest: dict[str, tuple[float, SliceRow, SliceRow]] = {}
    for (test, *_), rows in grouped.items():
        low, high = (choose(rows, key=lambda row: row.own.value) for choose in (min, max))
        gap = high.own.value - low.own.value
        if len(rows) > 1 and (test not in widest or gap > widest[test][0]):
            widest[test] = gap, low, high
    said = [_sentence(low, high) for _, low, high in sorted(widest.values(), key=lambda one: -one[0])[:SAID]]
    return "\n".join(en for en, _ in said), "\n".join(ja for _, ja in said)


def _sentence(low: SliceRow, high: SliceRow) -> tuple[str, str]:
    test, metric = low.cell.cell["test_dataset"], low.metric.display
    a, b = low.own.in_words, high.own.in_words
    overlap = low.own.high is None or high.own.low is None or low.own.high >= high.own.low
    (by_en, by_ja), (low_en, low_ja), (high_en, high_ja) = (
        SPOKEN.get(one, (one, one)) for one in (low.slice, low.part, high.part)
    )
    en = f"{test}: the widest gap is that of {variant_name(low.cell, 'en')} by {by_en}: {metric} {a} on {low_en}, {b} on {high_en}"
    ja = f"{test}：差が最も大きいのは {variant_name(low.cell, 'ja')} の{by_ja}別で、{metric} は「{low_ja}」で {a}、「{high_ja}」で {b} です"
    return (
        en + ("; the intervals overlap." if overlap else "; the intervals do not overlap."),
        ja + ("（区間は重なっています）。" if overlap else "（区間は重なりません）。"),
    )


def _about(level: float) -> Note:
    return Note(
        f"Primary metric of each variant at its first asking, on parts of at least {FEWEST} rows. Language is read off the script, so "
        f"languages of one script are not told apart; lengths are characters, in thirds. Intervals ({level:.0%}) are for each value "
        "alone; with many parts some differ by chance.",
        f"各バリアントの最初の条件での主要指標を、{FEWEST} 件以上の区分について示します。言語は文字種から判定するため、同じ文字を使う言語は"
        f"区別しません。長さは文字数の三分位です。区間（{level:.0%}）は個々の値に対するもので、区分が多いと偶然の差も含まれます。",
    )
