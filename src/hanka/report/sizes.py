"""Size curves: the same method with more training rows, beside the base model; only where sizes differ."""

from __future__ import annotations

from hanka.records import Variant
from hanka.report import inert, numbers
from hanka.report.blocks import Block, Details, Figure, Heading, Note, Section, Table, Td
from hanka.report.curves import CurvePoint, axis_head, curve_drawing, heading_row
from hanka.report.figures import Sketchbook
from hanka.report.matrix import result_cell
from hanka.report.outline import Group, Outline, Setting, TestSet, group_title, setting_title
from hanka.report.words import Words

OPEN_SETTINGS = 2
"Settings of a trained task that are drawn."


def sizes_section(outline: Outline, words: Words, sketches: Sketchbook) -> Section:
    """Build the section of training sizes."""
    blocks: list[Block] = []
    for group in outline.groups:
        sizes = sorted({one.train_size for one in group.variants if one.train_size or one.is_unadapted})
        if len(sizes) < 2:
            continue
        blocks.append(Heading(group_title(group, outline, words)))
        for setting in group.settings[:OPEN_SETTINGS]:
            points = _points(group, setting, sizes, outline, words)
            if points and not sketches.full:
                title = setting_title(setting, group, words)
                drawn = sketches.draw(curve_drawing(points, words.plain("size_axis"), words))
                label = words.plain("sizes_label", task=group.task)
                figure = Figure(drawn.svg, words("sizes_caption", setting=title), label, rows=drawn.rows)
                blocks.append(figure if setting == group.settings[0] else Details(title, (figure,)))
        tables = tuple(_table(group, setting, sizes, outline, words) for setting in group.settings)
        blocks.append(Details(words("as_table"), tables))
    empty = (Note(words("one_size"), "muted"),)
    return Section("sizes", words("sizes"), words("sizes_lead") if blocks else "", tuple(blocks) or empty)


def _points(group: Group, setting: Setting, sizes: list[int], outline: Outline, words: Words) -> list[CurvePoint]:
    """Every variant at its size; the base at 0, which it was trained with."""
    models = [*([group.base_variant] if group.base_variant else []), *group.variants]
    return [
        CurvePoint(test, _series(variant, words), variant.seed, variant.train_size, row)
        for test in outline.asked(group, setting)
        for variant in models
        if (row := outline.result(variant, test, setting)) and row.value is not None
    ]


def _series(variant: Variant, words: Words) -> str:
    return inert.label(variant.label, 80) if variant.train_size else words.plain("base_row")


def _table(group: Group, setting: Setting, sizes: list[int], outline: Outline, words: Words) -> Table:
    """One row per test set, method and seed; one column per size."""
    rows: list[tuple[Td, ...]] = []
    for test in outline.asked(group, setting):
        rows.append(heading_row(test, outline.primary.get(test.task, ""), len(sizes) + 1, words))
        lines = dict.fromkeys((variant.label, variant.seed) for variant in group.variants)
        for label, seed in lines:
            at = {v.train_size: v for v in group.variants if (v.label, v.seed) == (label, seed)}
            name = Td(inert.name(label, 60), note=words.plain("seed_is", seed=seed), head=True)
            rows.append((name, *(_cell(outline, at.get(size), test, setting, words) for size in sizes)))
    head = axis_head(words("method"), [words("size", size=f"{size:,}") for size in sizes])
    caption = words("sizes_table", setting=setting_title(setting, group, words))
    return Table(caption, words.plain("sizes_label", task=group.task), head, tuple(rows))


def _cell(outline: Outline, variant: Variant | None, test: TestSet, setting: Setting, words: Words) -> Td:
    row = outline.result(variant, test, setting) if variant else None
    if row is None or row.value is None:
        return Td(numbers.NOTHING, tone="muted")
    return result_cell(row, outline, words)
