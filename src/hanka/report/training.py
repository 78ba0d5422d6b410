"""Did it train? One row per variant: status and reason, own rows and validation before and after; curves; collapsed cells.

What analysis judged is printed; nothing is judged here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hanka.report import inert, numbers
from hanka.report.answers import drawing, maps
from hanka.report.blocks import Block, Details, Figure, Heading, Note, Section, Table, Td, Th, Tone
from hanka.report.figures import Sketchbook
from hanka.report.outline import Outline
from hanka.report.rows import as_count, as_number, as_text
from hanka.report.words import Words

MAX_ROWS = 300
OPEN_ROWS = 24
MAX_CURVES = 6
"Variants whose curve is drawn, those with a sign against them first."
PAIRS = ("own_loss", "own_accuracy", "validation_loss", "validation_accuracy")
"Numbers that are shown before → after."
TONES: Mapping[str, Tone] = {"fitted": "", "overtrained": "warn"}
"Other statuses are set as failures are."


def training_section(outline: Outline, words: Words, sketches: Sketchbook) -> Section:
    """Build the section of trainings."""
    found = tuple(outline.run.findings.training.values())
    if not found:
        return Section("trained", words("trained"), "", (Note(words("no_training"), "muted"),))
    table = _table(found, words)
    closed = Details(words("as_table_rows", count=len(table.rows)), (table,))
    blocks: list[Block] = [table if len(table.rows) <= OPEN_ROWS else closed]
    curves = _curves(found, words)
    if curves and not sketches.full:
        drawn = sketches.draw(drawing(curves, words))
        label = words.plain("curve_label", count=len(curves))
        blocks.append(Figure(drawn.svg, words("curve_caption"), label, rows=drawn.rows))
    blocks += _collapses(found, words)
    return Section("trained", words("trained"), words("trained_lead"), tuple(blocks))


def _name(one: Mapping[str, Any], words: Words) -> str:
    size = as_count(one.get("train_size")) or 0
    note = words.rows(size, as_text(one.get("seed")))
    return f"{inert.label(as_text(one.get('label')), 40)} · {note}"


def _table(found: Sequence[Mapping[str, Any]], words: Words) -> Table:
    head = (Th(words("variant")), Th(words("trained_status")), *(Th(words(name), numeric=True) for name in PAIRS),
            Th(words("kept_step"), numeric=True))  # fmt: skip
    caption = words("trained_caption")
    if len(found) > MAX_ROWS:
        caption += " · " + words("rows_cut", shown=MAX_ROWS, all=len(found))
    rows = tuple(_row(one, words) for one in found[:MAX_ROWS])
    return Table(caption, words.plain("trained_caption"), (head,), rows)


def _row(one: Mapping[str, Any], words: Words) -> tuple[Td, ...]:
    status = as_text(one.get("status"))
    by_name = {as_text(number.get("name")): number for number in maps(one.get("numbers"))}
    reason = inert.shorten(words.written(one, "reason"), 600)
    return (
        Td(_name(one, words), note=inert.label(as_text(one.get("train_dataset")), 60), head=True),
        Td(words.of("status", status), note=reason, tone=TONES.get(status, "failed")),
        *(_pair(by_name, name) for name in PAIRS),
        Td(numbers.count(as_count(one.get("kept_step"))), numeric=True),
    )


def _pair(by_name: Mapping[str, Mapping[str, Any]], name: str) -> Td:
    before, after = (by_name.get(f"{name}_{when}", {}) for when in ("before", "after"))
    if not after:
        return Td(numbers.NOTHING, tone="muted", numeric=True)
    values = [as_number(one.get("value")) for one in (before, after)]
    note = numbers.interval(as_number(after.get("low")), as_number(after.get("high")))
    n = numbers.count(as_count(after.get("n")))
    text = " → ".join(numbers.value(value) for value in values if value is not None)
    return Td(text, note=f"{note} n = {n}".strip(), numeric=True)


def _curves(found: Sequence[Mapping[str, Any]], words: Words) -> list[dict[str, Any]]:
    """Return the curves as an answer stores them."""
    wanted = sorted(found, key=lambda one: as_text(one.get("status")) == "fitted")
    curves: list[dict[str, Any]] = []
    for one in wanted:
        points = [
            {"x": {"value": point.get("step")}, "y": {"value": point.get(key)}, "group": words.plain(word)}
            for key, word in (("loss", "curve_own"), ("validation_loss", "curve_validation"))
            for point in maps(one.get("curve"))
            if as_number(point.get(key)) is not None
        ]
        if len(points) > 1 and len(curves) < MAX_CURVES:
            title = f"{_name(one, words)} · {inert.label(as_text(one.get('train_dataset')), 40)}"
            titles = {"title_en": title, "title_ja": title, "x_label": "step", "y_label": "nats"}
            curves.append(titles | {"points": points, "joined": True})
    return curves


def _collapses(found: Sequence[Mapping[str, Any]], words: Words) -> list[Block]:
    shown = [(one, cell) for one in found for cell in maps(one.get("collapses"))]
    if not shown:
        return []
    rows = tuple(
        (
            Td(_name(one, words), head=True),
            Td(inert.name(as_text(cell.get("test_dataset")), 60), note=words.relation(as_text(cell.get("relation")))),
            Td(inert.shorten(words.written(cell, "message"), 400)),
            Td(
                numbers.share(as_number(cell.get("value"))),
                note=numbers.interval(as_number(cell.get("low")), as_number(cell.get("high")))
                + f" n = {numbers.count(as_count(cell.get('n')))}",
                numeric=True,
            ),
        )
        for one, cell in shown[:MAX_ROWS]
    )
    names = ("variant", "test_set", "what_came_out", "outputs_share")
    head = tuple(Th(words(name), numeric=name == "outputs_share") for name in names)
    caption = words("collapses_caption")
    if len(shown) > MAX_ROWS:
        caption += " · " + words("rows_cut", shown=MAX_ROWS, all=len(shown))
    return [
        Heading(words("collapses_title", count=len(shown))),
        Table(caption, words.plain("collapses_caption"), (head,), rows),
    ]
