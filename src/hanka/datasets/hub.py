"""Source `hub`: the paper's data sets made anew from the hub; same names, domains and roles as `paper`.

Rows of a split are put into a fixed hashed order. The first 8 usable rows of the demonstration split are
the demonstrations; train (the paper's 6,000 rows, or more if a study asks for more) starts after them, and
so does test (the paper's 500) where it is cut from the same split. Rows without a label, with an empty
field, or exactly at a cut are left out. Limits: not the very rows the paper drew, which it did not publish
apart from its files.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

from hanka.datasets.base import Dataset, Source
from hanka.datasets.hub_recipes import RECIPES, Chosen, Column, HubRecipe, Joined
from hanka.datasets.hub_rows import HubAddress, open_hub
from hanka.datasets.release import ENTRIES, ROLES, ReleaseEntry
from hanka.datasets.templated import TASK
from hanka.errors import DataError, nearest
from hanka.identity import stream_seed
from hanka.records import Example, Split

N_DEMONSTRATIONS, N_TEST, N_TRAIN = 8, 500, 6000
HIDDEN = "-1"
"How repositories write a label that is not public or not agreed on."

Opener: TypeAlias = Callable[[HubAddress], Sequence[Mapping[str, Any]]]


def catalogue(path: Path | None, open_rows: Opener = open_hub) -> Mapping[str, Dataset]:
    """List the paper's data sets on the hub; nothing is fetched before the first load.

    path: not used. open_rows: how a split is opened; the hub, unless a test says otherwise.
    """
    entries = {entry.name: entry for entry in ENTRIES}
    return {recipe.name: _dataset(entries[recipe.name], recipe, open_rows) for recipe in RECIPES}


def _dataset(entry: ReleaseEntry, recipe: HubRecipe, open_rows: Opener) -> Dataset:
    return Dataset(
        name=entry.name,
        task=entry.task,
        domain=entry.domain,
        source="hub",
        licence=recipe.licence,
        splits=("train", "test", "demonstrations") if entry.has_train else ("test", "demonstrations"),
        read=partial(_read, recipe, open_rows),
        note=entry.note,
    )


def _read(recipe: HubRecipe, open_rows: Opener, split: Split, size: int | None) -> list[Example]:
    upstream = {"train": "train", "test": recipe.test_split, "demonstrations": recipe.demonstration_split}[split]
    address = HubAddress(recipe.repo, recipe.config, recipe.revision, upstream)
    rows = open_rows(address)
    wanted = {"train": max(N_TRAIN, size or 0), "test": N_TEST, "demonstrations": N_DEMONSTRATIONS}[split]
    shared = split != "demonstrations" and upstream == recipe.demonstration_split
    skipped = N_DEMONSTRATIONS if shared else 0
    usable = usable_rows(recipe, address, rows)
    examples = [example for _, example in zip(range(skipped + wanted), usable, strict=False)][skipped:]
    if not examples:
        raise DataError(f"{address} has no row with every field and a label: the repository may have changed")
    return examples


def usable_rows(recipe: HubRecipe, address: HubAddress, rows: Sequence[Mapping[str, Any]]) -> Iterator[Example]:
    """Yield the usable rows in hashed order; their ids hold the upstream split and row number."""
    for position in hashed_order(len(rows), stream_seed("hub", recipe.name, address.split)):
        try:
            config = f"{address.config}/" if recipe.kind_said else ""
            example = to_example(recipe, rows[position], f"{recipe.name}/{config}{address.split}/{position}")
        except KeyError as error:
            column = str(error.args[0])
            known = nearest(column, rows[position])
            raise DataError(f"{address} has no column {column!r} ({known}): the repository may have changed") from error
        except DataError as error:
            raise DataError(f"{address} row {position}: {error}") from error
        if example is not None:
            yield example


def hashed_order(n: int, seed: int) -> list[int]:
    """Return 0 … n-1 in the order of their SplitMix64 hashes: fixed for n and seed, on every machine.

    Source: Steele, Lea & Flood (2014), "Fast Splittable Pseudorandom Number Generators".
    """
    import numpy as np

    mixed = np.arange(1, n + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(seed)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    order: list[int] = np.argsort(mixed ^ (mixed >> np.uint64(31)), kind="stable").tolist()
    return order


def to_example(recipe: HubRecipe, row: Mapping[str, Any], example_id: str) -> Example | None:
    """Map one upstream row; None for a row that cannot be used.

    Raises KeyError for a column that is not there and DataError for a label that the recipe does not know.
    """
    fields = {name: _text(row, column) for name, column in recipe.fields.items()}
    target = _target(recipe, row)
    if not target or not all(fields.values()):
        return None
    kind = recipe.kind_said or (_text(row, recipe.kind) if recipe.kind else "")
    return Example(example_id, fields, target, slices={TASK: kind} if kind else {})


def _text(row: Mapping[str, Any], column: Column) -> str:
    """Return a column as stripped text, "" where it holds nothing."""
    if isinstance(column, Joined):
        return column.between.join(filter(None, (_text(row, one) for one in column.columns)))
    if isinstance(column, Chosen):
        choice = str(row[column.by])
        return _text(row, column.among[choice]) if choice in column.among else ""
    value: Any = row
    for name in column.split("."):
        value = value[name]
    if isinstance(value, list):
        value = value[0] if value else None
    return "" if value is None else str(value).strip()


def _target(recipe: HubRecipe, row: Mapping[str, Any]) -> str:
    """Return the target, "" where there is none."""
    value = _text(row, recipe.target)
    if recipe.cut is not None:
        try:
            number = float(value or HIDDEN)
        except ValueError as error:
            raise DataError(f"{recipe.target} {value!r} is not a number") from error
        if number in (float(HIDDEN), recipe.cut.at):
            return ""
        return recipe.cut.above if number > recipe.cut.at else recipe.cut.below
    if not recipe.labels:
        return value
    if value in ("", HIDDEN):
        return ""
    if value not in recipe.labels:
        raise DataError(f"label {value!r} is not known: {nearest(value, recipe.labels)}")
    return recipe.labels[value]


HUB = Source(
    name="hub",
    description="the main paper's data sets from the hub (needs the library datasets and a network)",
    roles=ROLES,
    needs_path=False,
    catalogue=catalogue,
    is_remote=True,
)
