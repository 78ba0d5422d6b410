"""Source `facts`: facts of Wikidata relations, asked by completing a sentence; in the layouts of ParaRel and EntityQuestions.

Three data sets by relation: `facts-location` (the ten location relations that the paper trains and tests on), `facts-other` (its fourteen
other ones, out of domain) and `facts-beyond` (all that is there besides). Of a release without splits, a fact is tested where the hash of
its subject says so: a quarter of all subjects, and two in a hundred are shown as demonstrations, so that no subject is on two sides.
Relations take turns in every split, so that a size or a limit takes as many of each as there are.

Source of the relations: Ye et al., arXiv 2409.15825; EntityQuestions (Sciavolino et al. 2021, arXiv 2109.08535) has these 24.
Limits: a fact whose subject holds its object ("Chicago Tribune") is a fact like any other; facts are as old as the release.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hanka.datasets.base import Dataset, FileRead, Reading, Roles, Source, SplitRecord
from hanka.datasets.facts.layouts import WHERE, Library, open_library, read_facts
from hanka.datasets.splits import group_of, hash_key, in_hash_order, interleaved
from hanka.errors import DataError
from hanka.records import Example, Split

LOCATION = ("P17", "P19", "P20", "P36", "P69", "P131", "P159", "P276", "P495", "P740")
OTHER = (
    "P26", "P40", "P50", "P106", "P112", "P127", "P136", "P170", "P175", "P176", "P264", "P407", "P413", "P800",
)  # fmt: skip
TEST_SHARE, SHOWN_SHARE = 0.25, 0.02
"Shares of subjects that are tested and shown, of a release without splits."
LICENCE = "ParaRel: MIT, its facts (T-REx) CC BY-SA; EntityQuestions: not stated"
ROLES: Mapping[str, Roles] = {"facts": Roles("facts-location", ("facts-location",), ("facts-other",))}


@dataclass(frozen=True, slots=True)
class FactsEntry:
    """One data set."""

    name: str
    "Data set name."
    domain: str
    "Which relations it is of."
    relations: tuple[str, ...]
    "Those of the folder that it has."
    note: str
    "What a reader of results must know."


@dataclass(slots=True)
class Facts:
    """The facts of one data set, each file read once."""

    library: Library
    "The folder's files."
    entry: FactsEntry
    "Which of them."
    _read: dict[Path, FileRead] = field(default_factory=dict)
    _parts: dict[Split, list[Example]] = field(default_factory=dict)

    def rows(self, split: Split, size: int | None) -> list[Example]:
        """Return the rows of a split, relations in turns; `size` has no meaning here. Raises DataError."""
        if not self._parts:
            self._divide()
        if not self._parts.get(split):
            raise DataError(f"dataset {self.entry.name} has no {split} rows in this folder; {WHERE}")
        return list(self._parts[split])

    def reading(self) -> Reading:
        """Return what was read so far."""
        record = None
        if self._parts and not self.library.has_splits:
            groups = len({group_of(one) for rows in self._parts.values() for one in rows})
            counts = {split: len(rows) for split, rows in self._parts.items()}
            where = next(iter(self._read)).parent
            record = SplitRecord(str(where), TEST_SHARE, 0.0, 0, groups, counts)
        return Reading(tuple(self._read.values()), record)

    def _divide(self) -> None:
        found: dict[Split, list[Example]] = {}
        for place in self.library.places:
            if place.relation not in self.entry.relations:
                continue
            read = self._read[place.path] = read_facts(self.library, place)
            for example in read.examples:
                split = (
                    place.split if place.split in ("test", "validation") else side_of(example, self.library.has_splits)
                )
                found.setdefault(split, []).append(example)
        self._parts = {
            split: interleaved(in_hash_order(rows, f"facts/{split}"), lambda one: one.slices["relation"])
            for split, rows in found.items()
        }


def side_of(example: Example, has_tests: bool) -> Split:
    """Return where a fact belongs by the hash of its subject; has_tests: whether the release says what is tested."""
    place = int(hash_key("facts/side", group_of(example))[:12], 16) / 16**12
    if place < SHOWN_SHARE:
        return "demonstrations"
    return "test" if not has_tests and place < SHOWN_SHARE + TEST_SHARE else "train"


def catalogue(path: Path | None) -> Mapping[str, Dataset]:
    """List the data sets of a folder; no fact is read. Raises DataError where it holds none."""
    if path is None:
        raise DataError(f"source facts needs `data.path`: a folder with facts of ParaRel or EntityQuestions; {WHERE}")
    library = open_library(path.expanduser())
    entries = entries_of(library.relations, library.unasked)
    return {entry.name: _dataset(Facts(library, entry)) for entry in entries if entry.relations}


def entries_of(relations: Sequence[str], unasked: Sequence[str] = ()) -> tuple[FactsEntry, ...]:
    """Return the data sets with those of some relations that each has; unasked: relations that have no wording and are in none."""
    location = tuple(one for one in relations if one in LOCATION)
    other = tuple(one for one in relations if one in OTHER)
    beyond = tuple(one for one in relations if one not in (*LOCATION, *OTHER))
    without = (
        f"; in no data set, without a wording that ends before the object: {', '.join(unasked)}" if unasked else ""
    )
    return (
        FactsEntry(
            "facts-location", "location-relations", location, f"{_listed(location)} of the ten location relations"
        ),
        FactsEntry(
            "facts-other", "other-relations", other, f"{_listed(other)} of the paper's fourteen other relations"
        ),
        FactsEntry(
            "facts-beyond", "further-relations", beyond, f"{_listed(beyond)}, which the paper does not have{without}"
        ),
    )


def _listed(relations: Sequence[str]) -> str:
    return ", ".join(relations) if relations else "those"


def _dataset(facts: Facts) -> Dataset:
    has_validation = any(one.split == "validation" for one in facts.library.places)
    splits: tuple[Split, ...] = ("train", "test", "demonstrations", *(("validation",) if has_validation else ()))
    return Dataset(
        name=facts.entry.name,
        task="facts",
        domain=facts.entry.domain,
        source="facts",
        licence=LICENCE,
        splits=splits,
        read=facts.rows,
        one_training_file=True,
        note=facts.entry.note,
        reading=facts.reading,
    )


def _described() -> Mapping[str, Dataset]:
    library = Library("pararel", (), {}, {}, {})
    return {entry.name: _dataset(Facts(library, entry)) for entry in entries_of((*LOCATION, *OTHER))}


FACTS = Source(
    name="facts",
    description="facts of Wikidata relations with wordings, from files of ParaRel or EntityQuestions that you fetch",
    roles=ROLES,
    needs_path=True,
    catalogue=catalogue,
    described=_described,
)
