"""Zero-shot against few-shot: the same model, with and without demonstrations, test set by test set.

Values with their own intervals; a difference between two shot counts is not tested here, and says so.
"""

from __future__ import annotations

from hanka.records import Variant
from hanka.report import inert, numbers
from hanka.report.blocks import Block, Details, Figure, Heading, Note, Section, Table, Td
from hanka.report.curves import CurvePoint, axis_head, curve_drawing, heading_row
from hanka.report.figures import Sketchbook
from hanka.report.matrix import cell_title
from hanka.report.outline import Group, Outline, Setting, TestSet, group_title, variant_name
from hanka.report.words import Words

MAX_ROWS = 300
"Rows that one table lists."


def shots_section(outline: Outline, words: Words, sketches: Sketchbook) -> Section:
    """Build the section of shot counts."""
    blocks: list[Block] = []
    for group in outline.groups:
        if len({setting.shots for setting in group.settings}) < 2:
            continue
        blocks.append(Heading(group_title(group, outline, words)))
        points = _points(group, outline, words)
        if points and not sketches.full:
            drawn = sketches.draw(curve_drawing(points, words.plain("shots_axis"), words))
            label = words.plain("shots_label", task=group.task or group.base)
            blocks.append(Figure(drawn.svg, words("shots_caption"), label, rows=drawn.rows))
        blocks.append(Details(words("as_table"), (_table(group, outline, words),)))
    empty = (Note(words("one_shot_count"), "muted"),)
    return Section("shots", words("shots_title"), words("shots_lead") if blocks else "", tuple(blocks) or empty)


def _models(group: Group) -> list[Variant]:
    return [*([group.base_variant] if group.base_variant else []), *group.variants]


def _shot_counts(group: Group) -> list[int]:
    return sorted({setting.shots for setting in group.settings})


def _points(group: Group, outline: Outline, words: Words) -> list[CurvePoint]:
    """First prompt and draw; every method at its largest size, every seed."""
    largest = {variant.label: variant.train_size for variant in sorted(group.variants, key=lambda v: v.train_size)}
    first = min(group.settings)
    points = []
    for test in group.test_sets:
        found = [
            CurvePoint(test, _series(variant, words), variant.seed, shots, row)
            for variant in _models(group)
            if variant.is_unadapted or variant.train_size == largest[variant.label]
            for shots in _shot_counts(group)
            if (row := outline.result(variant, test, Setting(first.prompt, first.draw, first.context, shots)))
            and row.value is not None
        ]
        if len({point.x for point in found}) > 1:
            points += found
    return points


def _series(variant: Variant, words: Words) -> str:
    return words.plain("base_row") if variant.is_unadapted else variant_name(variant, words).rsplit(" · ", 1)[0]


def _table(group: Group, outline: Outline, words: Words) -> Table:
    """One row per test set, model, prompt and draw; one column per shot count."""
    counts = _shot_counts(group)
    ways = sorted({(setting.prompt, setting.draw, setting.context) for setting in group.settings})
    several = len({context for *_, context in ways}) > 1
    rows: list[tuple[Td, ...]] = []
    for test in group.test_sets:
        rows.append(heading_row(test, outline.primary.get(test.task, ""), len(counts) + 1, words))
        for variant in _models(group):
            for prompt, draw, context in ways:
                cells = [
                    _cell(outline, variant, test, Setting(prompt, draw, context, shots), words) for shots in counts
                ]
                if any(cell.text != numbers.NOTHING for cell in cells):
                    note = prompt + (f" / {draw + 1}" if draw else "") if len(ways) > 1 else ""
                    note += f" / {inert.label(context, 20)}" if several else ""
                    rows.append((Td(_name(variant, words), note=note, head=True), *cells))
    caption = words("shots_table")
    if len(rows) > MAX_ROWS:
        caption += " · " + words("rows_cut", shown=MAX_ROWS, all=len(rows))
    head = axis_head(words("variant"), [words("shots", count=shots) for shots in counts])
    label = words.plain("shots_label", task=group.task or group.base)
    return Table(caption, label, head, tuple(rows[:MAX_ROWS]))


def _name(variant: Variant, words: Words) -> str:
    return words("base_row") if variant.is_unadapted else variant_name(variant, words)


def _cell(outline: Outline, variant: Variant, test: TestSet, setting: Setting, words: Words) -> Td:
    row = outline.result(variant, test, setting)
    if row is None or row.value is None:
        return Td(numbers.NOTHING, tone="muted")
    return Td(
        numbers.value(row.value),
        note=f"{numbers.interval(row.ci_low, row.ci_high)} n = {numbers.count(row.n)}",
        title=cell_title(row, outline, words),
    )
