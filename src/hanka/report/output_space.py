"""Output space: what kind of text comes out, right or wrong.

Label share, distinct share, length ratio and cap hits of every model and test set: the signs that a
model trained on labels answers everything with a label, repeats itself, or does not stop.
"""

from __future__ import annotations

from hanka.report import inert, numbers
from hanka.report.blocks import Block, Details, Heading, Note, Section, Table, Td, Th
from hanka.report.forest import setting_words
from hanka.report.outline import Group, Outline, group_title, variant_name
from hanka.report.rows import Result
from hanka.report.words import Words

METRICS = ("label_share", "distinct_share", "length_ratio", "cap_hits")
OPEN_ROWS = 40
MAX_ROWS = 300


def output_section(outline: Outline, words: Words) -> Section:
    """Build the section of the output space."""
    blocks: list[Block] = []
    for group in outline.groups:
        table = _table(group, outline, words)
        if table:
            blocks.append(Heading(group_title(group, outline, words)))
            closed = Details(words("as_table_rows", count=len(table.rows)), (table,))
            blocks.append(table if len(table.rows) <= OPEN_ROWS else closed)
    empty = (Note(words("no_output_space"), "muted"),)
    return Section("output", words("output_space"), words("output_lead"), tuple(blocks) or empty)


def _table(group: Group, outline: Outline, words: Words) -> Table | None:
    used = [name for name in METRICS if name in outline.metrics]
    rows: list[tuple[Td, ...]] = []
    for setting in group.settings:
        for test in outline.asked(group, setting):
            for variant in [*([group.base_variant] if group.base_variant else []), *group.variants]:
                found = outline.by_place.get((variant.id, test.task, test.name, setting), {})
                cells = [_cell(found.get(name)) for name in used]
                if any(cell.text != numbers.NOTHING for cell in cells):
                    name = words("base_row") if variant.is_unadapted else variant_name(variant, words)
                    n = next(found[metric].n for metric in used if metric in found)
                    first = Td(name, head=True, tone="base" if variant.is_unadapted else "")
                    place = Td(inert.name(test.name, 60), note=words.relation(test.relation))
                    counted = Td(numbers.count(n), numeric=True)
                    rows.append((first, place, Td(setting_words(setting)), counted, *cells))
    if not rows:
        return None
    names = [words(name) for name in ("variant", "test_set", "shots_prompt")]
    metrics = [Th(words.metric(name), numeric=True) for name in used]
    head = (*(Th(name) for name in names), Th(words("n"), numeric=True), *metrics)
    caption = words("output_caption")
    if len(rows) > MAX_ROWS:
        caption += " · " + words("rows_cut", shown=MAX_ROWS, all=len(rows))
    label = words.plain("output_label", task=group.task or group.base)
    return Table(caption, label, (head,), tuple(rows[:MAX_ROWS]))


def _cell(row: Result | None) -> Td:
    if row is None or row.value is None:
        return Td(numbers.NOTHING, tone="muted", numeric=True)
    return Td(numbers.value(row.value), note=numbers.interval(row.ci_low, row.ci_high), numeric=True)
