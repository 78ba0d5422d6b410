"""Blocks of a page on the terminal: the tables, sentences and terms of a page of its own, as plain lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hanka.report.blocks import Block, Note, Table, Td, Terms

if TYPE_CHECKING:
    from rich.console import Console


def print_block(block: Block, screen: Console) -> None:
    """Print a table, a note or terms. Raises ValueError for a block that has no place on a terminal."""
    if isinstance(block, Table):
        _print_table(block, screen)
    elif isinstance(block, Note):
        screen.print(block.text, markup=False, highlight=False)
    elif isinstance(block, Terms):
        for name, meaning in block.pairs:
            screen.print(f"{name}: {meaning}", markup=False, highlight=False)
    else:
        raise ValueError(f"{block.kind} is not for a terminal")


def _print_table(block: Table, screen: Console) -> None:
    from rich.markup import escape
    from rich.table import Table as Grid

    grid = Grid(title=escape(block.caption), title_justify="left")
    for head in block.head[-1]:
        grid.add_column(escape(head.text), justify="right" if head.numeric else "left", overflow="fold")
    for row in block.rows:
        grid.add_row(*(escape(_text(one)) for one in row))
    screen.print(grid)


def _text(cell: Td) -> str:
    return f"{cell.text}\n{cell.note}" if cell.note else cell.text
