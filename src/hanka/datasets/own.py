"""A user's own data: one `datasets:` entry of a study → a Dataset.

Files by suffix (see `files`) or hub datasets, every row checked (see `own_rows`). Training, validation and test rows are put
into a fixed hashed order, so that a size or a limit takes a fair sample of a sorted file. Where `split` is given, the training
file is the only one: its groups are divided among training, validation and test. Where no demonstrations are
given, some rows are set aside for them and leave the split they came from; given ones keep their order.
Passages are texts to look up: one column, no target, in their order; they may be all that an entry has.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from itertools import combinations
from pathlib import Path

from hanka.datasets.base import Dataset, FileRead, Reading, SplitRecord
from hanka.datasets.hub_rows import PREFIX, parse_address
from hanka.datasets.own_rows import PASSAGE, OwnSpec, checked_rows
from hanka.datasets.splits import Shares, in_hash_order, split_in_three, take_groups
from hanka.errors import DataError, nearest
from hanka.records import Example, Split
from hanka.store.paths import as_path, beside

MOST_OF_TRAIN, MOST_OF_TEST = 16, 8
"Demonstrations set aside at most; never more than a tenth of the rows (one row where there are fewer than 20)."
HUB_SPLITS: Mapping[Split, str] = {"demonstrations": "validation", "passages": "train"}
"Split of a hub dataset where an address names none and it is not the same word."
SPLITS: tuple[Split, ...] = ("train", "test", "demonstrations", "validation", "passages")


def own_dataset(name: str, spec: OwnSpec, base_dir: Path) -> Dataset:
    """Make the Dataset of a study's `datasets:` entry; file paths are relative to `base_dir`.

    Checks names and that files exist; rows are read on load. Raises DataError in one line.
    """
    places = {split: _resolved(name, split, place, base_dir) for split, place in spec.places().items()}
    asks = places.keys() & {"train", "test"}
    if not asks and places.keys() != {"passages"}:
        raise DataError(f"dataset {name} has neither train nor test: name at least one file")
    for first, second in combinations(places, 2):
        if places[first] == places[second]:
            raise DataError(f"dataset {name}: {first} and {second} are the same ({places[first]}): use separate rows")
    allowed = (*spec.inputs, "output", "id", "group", *((PASSAGE,) if "passages" in places else ()))
    for key in spec.fields:
        if key not in allowed:
            raise DataError(f"dataset {name}: task {spec.task} has no field {key!r}: {nearest(key, allowed)}")
    files = _Files(name, spec, places)
    made: set[Split] = {"demonstrations"} if asks else set()
    if spec.split is not None:
        made |= {"test", "validation"} if spec.split.validation or "validation" in places else {"test"}
    return Dataset(
        name=name,
        task=spec.task,
        domain=spec.domain,
        source=_shown(next(places[split] for split in ("test", "train", "passages") if split in places)),
        licence=spec.licence,
        splits=tuple(split for split in SPLITS if split in places or split in made),
        read=partial(_read, files),
        one_training_file=True,
        reading=files.reading,
    )


@dataclass(slots=True)
class _Files:
    """The files of one data set, each read once."""

    name: str
    spec: OwnSpec
    places: Mapping[Split, str]
    _read: dict[Split, FileRead] = field(default_factory=dict)
    _divided: dict[Split, list[Example]] = field(default_factory=dict)
    _record: SplitRecord | None = None

    def rows(self, split: Split) -> list[Example]:
        """Return the rows of a split in hashed order: of its own file, or its part of the only one."""
        if self.spec.split is not None and split not in self.places.keys() - {"train"}:
            if not self._divided:
                self._divide(self.spec.split)
            return self._divided[split]
        return in_hash_order(self.as_read(split), f"own/{self.name}/{split}")

    def as_read(self, split: Split) -> list[Example]:
        """Return the rows of a file in its order."""
        if split not in self._read:
            self._read[split] = checked_rows(self.name, self.spec, split, self.places[split])
        return list(self._read[split].examples)

    def _divide(self, shares: Shares) -> None:
        place, examples = self.places["train"], self.as_read("train")
        parts = split_in_three(examples, shares, labelled=bool(self.spec.words), what=f"dataset {self.name}: {place}")
        found: dict[Split, list[Example]] = {"train": parts.train, "validation": parts.validation, "test": parts.test}
        self._divided = {split: in_hash_order(rows, f"own/{self.name}/{split}") for split, rows in found.items()}
        counts = {split: len(rows) for split, rows in self._divided.items() if rows}
        self._record = SplitRecord(place, shares.test, shares.validation, shares.seed, parts.n_groups, counts)

    def reading(self) -> Reading:
        """Return what was read so far."""
        return Reading(tuple(self._read.values()), self._record)


def _shown(place: str) -> str:
    """Return what readers are told of where rows come from: an address of the hub, or the name of a file."""
    return place if place.startswith(PREFIX) else Path(place).name


def _resolved(name: str, split: Split, place: str, base_dir: Path) -> str:
    """Return a hub address or the absolute path of a file that exists."""
    if place.startswith(PREFIX):
        return str(parse_address(place, default_split=HUB_SPLITS.get(split, split)))
    path = as_path(place, base_dir).resolve()
    if not path.is_file():
        raise DataError(f"dataset {name}: {split} file {path} does not exist: {nearest(path.name, beside(path))}")
    return str(path)


def _read(files: _Files, split: Split, size: int | None) -> list[Example]:
    donor: Split = "train" if "train" in files.places else "test"
    if split in ("demonstrations", "passages") and split in files.places:
        return files.as_read(split)
    if split not in (donor, "demonstrations") or "demonstrations" in files.places:
        return files.rows(split)
    rows = files.rows(donor)
    most = MOST_OF_TRAIN if donor == "train" else MOST_OF_TEST
    wanted = min(most, max(1, len(rows) // 10)) if len(rows) > 1 else 0
    part, rest = take_groups(rows, wanted, f"own/{files.name}/demonstrations", even=True)
    if split != "demonstrations":
        return rest
    if not part:
        raise DataError(
            f"dataset {files.name}: {files.places[donor]} has too few rows (or groups) to set demonstrations aside"
        )
    return part
