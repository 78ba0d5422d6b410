"""Source `mixed`: finance sets, general instructions, mathematics and a ladder of instruction sets, from the hub.

For mixes of tasks (Brief et al. 2024, arXiv 2410.01109) and for specialists and generalists (Shi et al. 2023, arXiv 2310.15326). Rows of a split stand in a
fixed hashed order; where a repository has one split, the first rows are demonstrations, the next are tested, the rest train. The slice `task` says
what kind of row it is where the repository does, so that coverage can be counted. Limits: needs the library `datasets` and a network; not the
very rows of the papers, which were drawn by another shuffle.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice, zip_longest
from pathlib import Path
from typing import Any, TypeAlias

from hanka.datasets.base import Dataset, Roles, Source
from hanka.datasets.hub import usable_rows
from hanka.datasets.hub_recipes import HubRecipe
from hanka.datasets.hub_rows import HubAddress, open_hub
from hanka.datasets.mixed.oasst import OASST, conversations
from hanka.datasets.mixed.sets import ENTRIES, FINANCE, MixedEntry
from hanka.errors import DataError
from hanka.records import Example, Split

N_DEMONSTRATIONS, N_TEST, N_TRAIN = 8, 500, 10_000
"Rows of a split at most; more train where a study asks for more."
Opener: TypeAlias = Callable[[HubAddress], Sequence[Mapping[str, Any]]]


def catalogue(path: Path | None, open_rows: Opener = open_hub) -> Mapping[str, Dataset]:
    """List the data sets; nothing is fetched before the first load.

    path: not used. open_rows: how a split is opened; the hub, unless a test says otherwise.
    """
    found = {entry.name: _dataset(entry, partial(_read, entry, open_rows)) for entry in ENTRIES}
    return found | {OASST.name: _dataset(OASST, partial(_read_oasst, open_rows))}


def _dataset(entry: MixedEntry, read: Callable[[Split, int | None], list[Example]]) -> Dataset:
    licences = dict.fromkeys(recipe.licence for recipe in entry.recipes)
    return Dataset(
        name=entry.name,
        task=entry.task,
        domain=entry.domain,
        source="mixed",
        licence="; ".join(licences),
        splits=("train", "test", "demonstrations"),
        read=read,
        note=entry.note,
    )


def _read(entry: MixedEntry, open_rows: Opener, split: Split, size: int | None) -> list[Example]:
    each = [islice(_part(recipe, open_rows, split), _wanted(split, size)) for recipe in entry.recipes]
    rows = [row for turn in zip_longest(*each) for row in turn if row is not None][: _wanted(split, size)]
    if not rows:
        raise DataError(
            f"{entry.name} has no {split} row with every field and a target: the repository may have changed"
        )
    return rows


def _wanted(split: Split, size: int | None) -> int:
    return {"demonstrations": N_DEMONSTRATIONS, "test": N_TEST}.get(split, max(N_TRAIN, size or 0))


def _part(recipe: HubRecipe, open_rows: Opener, split: Split) -> Iterator[Example]:
    """Yield the usable rows of a split in hashed order; what is cut from one upstream split is disjoint."""
    upstream = recipe.test_split if split == "test" else "train"
    address = HubAddress(recipe.repo, recipe.config, recipe.revision, upstream)
    return islice(
        usable_rows(recipe, address, open_rows(address)), *_cut(split, upstream == recipe.test_split == "train")
    )


def _cut(split: Split, is_shared: bool) -> tuple[int, int | None]:
    """Return where a split begins and ends among the usable rows of its upstream split. is_shared: the test rows come from it, too."""
    tested = N_DEMONSTRATIONS + N_TEST
    if split == "demonstrations":
        return 0, N_DEMONSTRATIONS
    if split == "test":
        return (N_DEMONSTRATIONS, tested) if is_shared else (0, None)
    return (tested if is_shared else N_DEMONSTRATIONS), None


def _read_oasst(open_rows: Opener, split: Split, size: int | None) -> list[Example]:
    address = HubAddress(OASST.recipes[0].repo, split="train")
    rows = list(islice(conversations(open_rows(address), str(address)), *_cut(split, True)))[: _wanted(split, size)]
    if not rows:
        raise DataError(
            f"{OASST.name} has no {split} row: no English question with an answer; the repository may have changed"
        )
    return rows


ROLES: Mapping[str, Roles] = {entry.task: Roles(entry.name, (entry.name,), ()) for entry in reversed(FINANCE)} | {
    "instructions": Roles("openorca", ("openorca",), ())
}
MIXED = Source(
    name="mixed",
    description="finance sets, general instructions, mathematics and a ladder of instruction sets from the hub (needs the library datasets and a network)",
    roles=ROLES,
    needs_path=False,
    catalogue=catalogue,
    is_remote=True,
)

__all__ = ["ENTRIES", "MIXED", "OASST", "catalogue"]
