"""What came out that must not? A row per system and guardrail: the rate over its test sets with an upper bound, and the difference from base.

Cells: every variant at its first asking, on all of its test sets that the guardrail reads. Upper bounds are one-sided and exact, at an equal share of
what may be wrong for each of the table; differences are paired by row, with Tango's (1998) interval at an equal share of theirs.
Whole groups count as what they are worth, as in gates.

Limits: a rate over several test sets is that of all their rows together, so large sets weigh more; of a study that grows each look has its share.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hanka.analysis.asked import first_cells, variant_name
from hanka.analysis.evidence import CellEvidence, Evidence
from hanka.analysis.questions.contract import Answer, Column, Entry, Measured, Note
from hanka.analysis.shares import bounded_share
from hanka.analysis.stored_rows import StoredRows, read_rows
from hanka.guardrails import DETECTORS
from hanka.guardrails.contract import Detector, DetectorParams
from hanka.records import RELATIONS
from hanka.stats import (
    LEAST_UNITS,
    normal_quantile,
    paired_groups,
    score_interval,
)
from hanka.stats.resampling import cluster_units

MOST_ROWS = 600
"Rows of the table at most."
SAID = 3
"Rates that the sentence tells."
COLUMNS = (
    Column("guardrail", "guardrail"), Column("method"), Column("train_size", "count"), Column("seed"), Column("flagged", "count"),
    Column("guardrail_rate", "share"), Column("guardrail_change", "difference"), Column("guardrail_sign"), Column("guardrail_example"),
)  # fmt: skip
EXAMPLE = 80
"Characters of an example."


@dataclass(frozen=True, slots=True)
class Shown:
    """One guardrail as a run shows it."""

    label: str
    "What the study calls it."
    detector: Detector
    params: DetectorParams


@dataclass(slots=True)
class Counted:
    """What one guardrail says of one system."""

    shown: Shown
    cells: list[CellEvidence]
    "The system's cells that it reads."
    flags: list[bool]
    groups: list[str]
    "Group of each row within its test set; empty where it stands alone."
    pairs: list[tuple[bool, bool, str]]
    "Of rows that the base answered, too: flagged here, flagged there, group."
    example: str
    "What was seen in the first flagged row."


def shown_guardrails(plan: Mapping[str, Any]) -> list[Shown]:
    """Return the guardrails of a run: those of its study, else those that need no parameters."""
    stored = plan.get("guardrails")
    if stored is None:
        return [Shown(one.name, one, one.params()) for one in DETECTORS if one.is_default]
    found = []
    for entry in stored:
        detector = DETECTORS.get(entry["entry"])
        found.append(Shown(str(entry["label"]), detector, detector.params.model_validate(entry["params"])))
    return found


def ask(evidence: Evidence) -> Answer | None:
    """Count what was flagged; None where no cell can be read by any guardrail."""
    found = _counted(evidence)
    if not found:
        return None
    looks = max(_looks(evidence, cell) for one in found for cell in one.cells)
    alpha = (1 - evidence.level) / (len(found) * looks)
    n_differences = sum(bool(one.pairs) for one in found)
    rows = [
        (one, _rate(one, alpha), _change(one, (1 - evidence.level) / (max(1, n_differences) * looks))) for one in found
    ]
    en, ja = _sentences(rows)
    entries = tuple(_entries(*row) for row in rows[:MOST_ROWS])
    notes = [_about(evidence.level, len(found), n_differences)]
    if len(rows) > MOST_ROWS:
        notes.append(
            Note(
                f"The first {MOST_ROWS} of {len(rows)} rows are shown; all of them share the level.",
                f"全 {len(rows)} 行のうち先頭 {MOST_ROWS} 行です。信頼水準は全行で分け合っています。",
            )
        )
    return Answer(en, ja, COLUMNS, entries, (), tuple(notes))


def _counted(evidence: Evidence) -> list[Counted]:
    """Read every cell once, and let each guardrail judge it."""
    guardrails = shown_guardrails(evidence.plan)
    found: dict[tuple[str, str], Counted] = {}
    bases: dict[str, dict[str, dict[str, tuple[bool, str]]]] = {}  # judged once, though many systems stand beside them
    for cell in first_cells(evidence, (*RELATIONS, "undeclared")):
        task = evidence.task(str(cell.cell["test_task"]))
        reading = [one for one in guardrails if one.detector.reads(task["kind"], task["labels"])]
        if not reading:
            continue
        stored, base = read_rows(evidence, cell), evidence.base_of(cell)
        theirs = {}
        if base is not None and base.is_done:
            own = str(base.cell["id"])
            if own not in bases:
                answers = read_rows(evidence, base)
                bases[own] = {one.label: _judged(one, answers) for one in reading}
            theirs = bases[own]
        for one in reading:
            key = (one.label, str(cell.variant["id"]))
            counted = found.setdefault(key, Counted(one, [], [], [], [], ""))
            _count(counted, cell, stored, theirs.get(one.label, {}))
    order = {one.label: place for place, one in enumerate(guardrails)}
    variants = {str(one["id"]): place for place, one in enumerate(evidence.plan["variants"])}
    return [found[key] for key in sorted(found, key=lambda key: (order[key[0]], variants[key[1]])) if found[key].flags]


def _count(counted: Counted, cell: CellEvidence, stored: StoredRows, other: Mapping[str, tuple[bool, str]]) -> None:
    test, one = cell.cell["test_dataset"], counted.shown
    counted.cells.append(cell)
    own = _judged(one, stored)
    groups = dict(zip(stored.ids, stored.groups, strict=True))
    for sample, (flagged, what) in own.items():
        group = f"{test} {groups[sample]}" if groups[sample] else ""
        counted.flags.append(flagged)
        counted.groups.append(group)
        counted.example = counted.example or (what if flagged else "")
        if sample in other:
            counted.pairs.append((flagged, other[sample][0], group))


def _judged(one: Shown, stored: StoredRows) -> dict[str, tuple[bool, str]]:
    """Return row → flagged and what was seen; failed rows are left out unless they are what is counted."""
    kept = [at for at, row in enumerate(stored.rows) if one.detector.of_asked or row.status != "failed"]
    flags = one.detector.flags([stored.rows[at] for at in kept], one.params)
    return {stored.ids[at]: (flag.flagged, flag.what) for at, flag in zip(kept, flags, strict=True)}


def _rate(one: Counted, alpha: float) -> Measured:
    """Bound a rate from above, one-sided at alpha; the lower end is 0."""
    found = bounded_share(one.flags, one.groups, alpha)
    return Measured(found.value, 0.0, found.high, found.n)


def _change(one: Counted, alpha: float) -> Measured | None:
    """Return the difference from base on the same rows; None below the units that statistics need."""
    if not one.pairs:
        return None
    own, other = ([pair[side] for pair in one.pairs] for side in (0, 1))
    units = cluster_units([pair[2] for pair in one.pairs], len(one.pairs))
    if len(np.unique(units)) < LEAST_UNITS:
        return None
    z, n = normal_quantile(1 - alpha), len(one.pairs)
    if len(np.unique(units)) < n:
        found = paired_groups(np.array(own, dtype=float), np.array(other, dtype=float), units)
        return Measured((found.only_a - found.only_b) / n, *found.interval(z), n)
    only_own = sum(a and not b for a, b, _ in one.pairs)
    only_other = sum(b and not a for a, b, _ in one.pairs)
    return Measured((only_own - only_other) / n, *score_interval(only_own, only_other, n, z), n)


def _looks(evidence: Evidence, cell: CellEvidence) -> int:
    return 1 if evidence.block is None else max(1, math.ceil(cell.n_most / evidence.block))


def _sign(change: Measured | None) -> str:
    """Say by a mark whether more or less than base is shown."""
    if change is None or change.low is None or change.high is None:
        return ""
    return "▲" if change.low > 0 else "▼" if change.high < 0 else ""


def _entries(one: Counted, rate: Measured, change: Measured | None) -> tuple[Entry, ...]:
    cell = one.cells[0]
    variant = cell.variant
    return (
        one.shown.label,
        variant["label"],
        variant["train_size"] or None,
        None if cell.is_unadapted else str(variant["seed"]),
        sum(one.flags),
        rate,
        change,
        _sign(change),
        one.example[:EXAMPLE],
    )


Row = tuple[Counted, Measured, Measured | None]


def _sentences(rows: Sequence[Row]) -> tuple[str, str]:
    """Say what is shown to have grown, else that nothing is; and the highest upper bound."""
    grown = sorted(
        ((one, change) for one, _, change in rows if change is not None and change.low is not None and change.low > 0),
        key=lambda pair: -pair[1].value,
    )
    en, ja = [], []
    for one, change in grown[:SAID]:
        name = one.shown.label
        en.append(f"{variant_name(one.cells[0], 'en')} shows more of {name} than its base model: {change.in_words}.")
        ja.append(f"{variant_name(one.cells[0], 'ja')}では {name} がベースモデルより増えています：{change.in_words}。")
    if not grown:
        en.append("No guardrail is shown to be broken more often than by the base model.")
        ja.append("ベースモデルより多く違反しているガードレールは確認されていません。")
    one, rate, _ = max(rows, key=lambda row: row[1].high or 0.0)
    en.append(f"The highest upper bound: {one.shown.label}, {variant_name(one.cells[0], 'en')}, {rate.in_words}.")
    ja.append(f"上限が最も高いのは {one.shown.label}（{variant_name(one.cells[0], 'ja')}）で、{rate.in_words} です。")
    return "\n".join(en), "\n".join(ja)


def _about(level: float, n_rates: int, n_differences: int) -> Note:
    return Note(
        f"Rates are over all rows of the system’s test sets at its first asking; the interval of a rate ends in its upper bound. All {n_rates} upper "
        f"bounds hold together with {level:.0%}, and so do the intervals of all {n_differences} differences from the base model on the same rows. "
        f"▲ more than base, ▼ less. Detectors read words, not meaning: docs/guardrails.md says how many refusals they miss.",
        f"割合は各システムの最初の条件での全テスト例についてのもので、区間の右端が上限です。{n_rates} 個の上限は {level:.0%} で同時に成り立ち、"
        f"同じ例でのベースモデルとの差 {n_differences} 個の区間も同様です。▲ は増加、▼ は減少です。判定は意味ではなく語句によります。"
        f"回答拒否の見落としの程度は docs/guardrails.md にあります。",
    )
