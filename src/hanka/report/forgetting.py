"""Forgetting by sample: answers that were right and became wrong, beside those that were wrong and became right.

An unchanged mean can hide both. Shares are of all samples of the comparison, as analysis counted them.
"""

from __future__ import annotations

from hanka.report import inert, numbers
from hanka.report.blocks import MARKS, Block, Details, Heading, Note, Section, Table, Td, Th
from hanka.report.matrix import TONES
from hanka.report.outline import Group, Outline, Setting, group_title, setting_title, variant_name
from hanka.report.rows import Comparison, Result
from hanka.report.words import Words

OPEN_ROWS = 40
"A table with more rows opens on demand."
MAX_ROWS = 300


def forgetting_section(outline: Outline, words: Words) -> Section:
    """Build the section of right → wrong and wrong → right."""
    blocks: list[Block] = []
    for group in outline.groups:
        found = [(setting, _table(group, setting, outline, words)) for setting in group.settings]
        tables = [(setting, table) for setting, table in found if table]
        if tables:
            blocks.append(Heading(group_title(group, outline, words)))
        for position, (setting, table) in enumerate(tables):
            stands_open = position == 0 and len(table.rows) <= OPEN_ROWS
            blocks.append(table if stands_open else Details(setting_title(setting, group, words), (table,)))
    empty = (Note(words("no_forgetting"), "muted"),)
    return Section("forgetting", words("forgetting"), words("forgetting_lead"), tuple(blocks) or empty)


def _counted(row: Result, outline: Outline) -> Comparison | None:
    """Return the comparison of a result that counts flips, if there is one."""
    found = outline.comparison(row)
    return found if found and found.right_to_wrong is not None else None


def _table(group: Group, setting: Setting, outline: Outline, words: Words) -> Table | None:
    found = [
        (variant, test, row, flips)
        for test in group.test_sets
        for variant in group.variants
        if (row := outline.result(variant, test, setting)) and (flips := _counted(row, outline))
    ]
    if not found:
        return None
    rows = tuple(
        (
            Td(variant_name(variant, words), head=True),
            Td(inert.name(test.name, 60), note=words.relation(test.relation)),
            Td(numbers.count(flips.n or row.n), numeric=True),
            *_flips(flips),
            _net(row, words),
        )
        for variant, test, row, flips in found[:MAX_ROWS]
    )
    names = (
        "variant", "test_set", "n", "right_wrong", "beyond_asking", "by_luck", "wrong_right", "delta",
    )  # fmt: skip
    head = tuple(
        Th(words(name), numeric=name in {"n", "right_wrong", "wrong_right", "beyond_asking", "by_luck"})
        for name in names
    )
    caption = words("forgetting_caption", setting=setting_title(setting, group, words))
    if len(found) > MAX_ROWS:
        caption += " · " + words("rows_cut", shown=MAX_ROWS, all=len(found))
    return Table(caption, words.plain("forgetting_label", task=group.task), (head,), rows)


def _flips(found: Comparison) -> tuple[Td, ...]:
    """Counts with shares and intervals; what asking the base again does not explain; what luck alone would flip."""
    forgotten = numbers.shares(found.forgotten_share, found.forgotten_low, found.forgotten_high)
    learned = numbers.shares(found.learned_share, found.learned_low, found.learned_high)
    beyond = numbers.difference(found.forgotten_beyond, found.forgotten_beyond_low, found.forgotten_beyond_high)
    luck = " / ".join(
        numbers.share(one) for one in (found.chance_guessing, found.chance_independent) if one is not None
    )
    return (
        Td(numbers.count(found.right_to_wrong), note=forgotten, numeric=True),
        Td(beyond if found.forgotten_beyond is not None else numbers.NOTHING, numeric=True),
        Td(luck or numbers.NOTHING, numeric=True),
        Td(numbers.count(found.wrong_to_right), note=learned, numeric=True),
    )


def _net(row: Result, words: Words) -> Td:
    return Td(
        numbers.difference(row.delta, *row.judged_by),
        mark=MARKS.get(row.verdict, ""),
        spoken=words.of("verdict", row.verdict) if row.verdict else "",
        tone=TONES.get(row.verdict, ""),
    )
