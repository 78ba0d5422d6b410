"""Source `toy`: 40 hand-written rows for every task and domain, shipped inside the package.

For tests, first steps and machines without a network. The first domain of each task is trained on, the
second is out of domain. Much too small to conclude anything from. CC0; see data/README.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from hanka.datasets.base import Dataset, Roles, Source
from hanka.datasets.normalised import read_examples
from hanka.datasets.release import INPUTS
from hanka.datasets.splits import in_hash_order, take_groups
from hanka.records import Example, Split

FOLDER = Path(__file__).with_name("data") / "toy"
LICENCE = "CC0-1.0"
N_TEST_OF_TRAINED, N_DEMONSTRATIONS_OF_TRAINED, N_DEMONSTRATIONS_OF_TESTED = 12, 4, 6


@dataclass(frozen=True, slots=True)
class ToyEntry:
    """One toy file."""

    name: str
    "Data set name."
    task: str
    "Task name."
    domain: str
    "Also the second part of the file's name."
    has_train: bool
    "Whether it is the domain that is trained on."


ENTRIES = (
    ToyEntry("news", "summary", "news", has_train=True),
    ToyEntry("notes", "summary", "notes", has_train=False),
    ToyEntry("stories", "question", "stories", has_train=True),
    ToyEntry("science", "question", "science", has_train=False),
    ToyEntry("shop", "sentiment", "shop", has_train=True),
    ToyEntry("film", "sentiment", "film", has_train=False),
    ToyEntry("home", "inference", "home", has_train=True),
    ToyEntry("travel", "inference", "travel", has_train=False),
    ToyEntry("history", "detection", "history", has_train=True),
    ToyEntry("software", "detection", "software", has_train=False),
)

ROLES: Mapping[str, Roles] = {
    trained.task: Roles(trained.name, (trained.name,), (tested.name,))
    for trained, tested in zip(ENTRIES[::2], ENTRIES[1::2], strict=True)
}


def catalogue(path: Path | None) -> Mapping[str, Dataset]:
    """List the toy data sets; `path` is not used."""
    return {
        entry.name: Dataset(
            name=entry.name,
            task=entry.task,
            domain=entry.domain,
            source="toy",
            licence=LICENCE,
            splits=("train", "test", "demonstrations") if entry.has_train else ("test", "demonstrations"),
            read=partial(_read, entry),
            one_training_file=True,
            note="hand-written, 40 rows: for trying things out, not for conclusions",
        )
        for entry in ENTRIES
    }


def _read(entry: ToyEntry, split: Split, size: int | None) -> list[Example]:
    rows = read_examples(FOLDER / f"{entry.task}_{entry.domain}.jsonl", INPUTS[entry.task])
    n_demonstrations = N_DEMONSTRATIONS_OF_TRAINED if entry.has_train else N_DEMONSTRATIONS_OF_TESTED
    demonstrations, rest = take_groups(rows, n_demonstrations, f"toy/{entry.name}/demonstrations", even=True)
    if split == "demonstrations":
        return demonstrations
    if not entry.has_train:
        return in_hash_order(rest, "toy/test")
    test, train = take_groups(rest, N_TEST_OF_TRAINED, f"toy/{entry.name}/test", even=False)
    return test if split == "test" else in_hash_order(train, "toy/train")


TOY = Source(
    name="toy",
    description="40 hand-written rows a task and domain, inside the package: no download",
    roles=ROLES,
    needs_path=False,
    catalogue=catalogue,
)
