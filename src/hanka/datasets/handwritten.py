"""Hand-written pair sets for inference and detection: extra out-of-domain tests of source mini.

Four files of 150 rows (CC0), two domains a task, written for hanka because no package holds a clean,
freely licensed three-way set. Each is split by group into a few demonstrations and a test; none trains.
Limits and trivial baselines: data/README.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from hanka.datasets.base import Dataset
from hanka.datasets.normalised import read_examples
from hanka.datasets.release import INPUTS
from hanka.datasets.splits import in_hash_order, take_groups
from hanka.records import Example, Split

FOLDER = Path(__file__).with_name("data")
LICENCE = "CC0-1.0"
N_DEMONSTRATIONS = 12


@dataclass(frozen=True, slots=True)
class HandwrittenEntry:
    """One hand-written file."""

    name: str
    "Data set name."
    task: str
    "Task name."
    domain: str
    "Where the sentences play."
    file: str
    "Path under data/."


ENTRIES = (
    HandwrittenEntry("workplace", "inference", "hand-written-workplace", "nli/workplace.jsonl"),
    HandwrittenEntry("nature", "inference", "hand-written-nature", "nli/nature.jsonl"),
    HandwrittenEntry("history-pairs", "detection", "hand-written-history", "paraphrase/history.jsonl"),
    HandwrittenEntry("howto-pairs", "detection", "hand-written-howto", "paraphrase/howto.jsonl"),
)


def datasets(source: str) -> Mapping[str, Dataset]:
    """List the hand-written sets by name, as parts of `source`."""
    return {
        entry.name: Dataset(
            name=entry.name,
            task=entry.task,
            domain=entry.domain,
            source=source,
            licence=LICENCE,
            splits=("test", "demonstrations"),
            read=partial(_read, entry),
            note="hand-written for hanka with the help of a language model; small: read its intervals",
        )
        for entry in ENTRIES
    }


def _read(entry: HandwrittenEntry, split: Split, size: int | None) -> list[Example]:
    rows = read_examples(FOLDER / entry.file, INPUTS[entry.task])
    demonstrations, test = take_groups(rows, N_DEMONSTRATIONS, f"{entry.name}/demonstrations", even=True)
    return demonstrations if split == "demonstrations" else in_hash_order(test, f"{entry.name}/test")
