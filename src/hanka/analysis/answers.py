"""The stored answers of one cell as columns: which samples were asked, what came out, what could be scored.

Between store and evidence. A cell's file is read once, and of it only the columns that its metrics read; texts
are dropped when every metric has been computed, so that memory grows by a few numbers per sample and metric.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from hanka.metrics import Column, Metric, Outputs, ScoringContext
from hanka.store.folder import read_table

if TYPE_CHECKING:
    import pyarrow as pa

FloatArray = npt.NDArray[np.float64]
Places = npt.NDArray[np.int64]

OF_SAMPLES = ("sample_id", "group", "status", "reason")
STORED: Mapping[Column, str] = MappingProxyType(
    {
        "targets": "target",
        "answers": "parsed",
        "rewards": "reward",
        "texts": "output",
        "label_scores": "label_scores",
        "token_scores": "token_scores",
        "n_tokens": "n_output_tokens",
        "measures": "measures",
    }
)
"Where a column of the outputs stands in predictions.parquet."


@dataclass(frozen=True, eq=False)
class Samples:
    """The samples of a cell in the order of its file; cells that asked the same samples share one object."""

    ids: tuple[str, ...]
    "Example ids, each once."
    groups: tuple[str, ...]
    "Group of each sample; empty: it stands alone."
    column: pa.Array = None
    "The ids as a column."

    @cached_property
    def places(self) -> Mapping[str, int]:
        """Example id → place."""
        return {sample: place for place, sample in enumerate(self.ids)}

    @cached_property
    def is_grouped(self) -> bool:
        """Whether any sample has a group."""
        return any(self.groups)

    def groups_at(self, places: Places) -> tuple[str, ...]:
        """Return the groups of some samples; () where no sample of the cell has one."""
        if not self.is_grouped:
            return ()
        return self.groups if len(places) == len(self.groups) else tuple(self.groups[place] for place in places)

    def units_at(self, places: Places) -> tuple[Hashable, ...]:
        """Return which independent unit each of some samples belongs to: its group, or itself where it has none."""
        groups = self.groups_at(places) or [""] * len(places)
        return tuple(group or ("alone", self.ids[place]) for group, place in zip(groups, places, strict=True))


class Paired(NamedTuple):
    """Which samples two cells have both scored, in the order of the first."""

    places: Places
    "(n,) their places among the samples of the first."
    first: Places
    "(n,) their rows in the statistics of the first."
    second: Places
    "(n,) their rows in the statistics of the second."


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """The statistics of one metric on the samples of one cell that could be scored."""

    samples: Samples
    "All samples of the cell."
    places: Places
    "(n,) places of the scored ones, ascending."
    statistics: FloatArray
    "(n, k); column 0 is the value of the sample."

    def __len__(self) -> int:
        """Return how many samples could be scored."""
        return len(self.places)

    def among(self, ids: Collection[str]) -> Scored:
        """Keep the samples with one of some ids."""
        wanted = np.array([self.samples.ids[place] in ids for place in self.places], dtype=bool)
        return Scored(self.samples, self.places[wanted], self.statistics[wanted])

    def paired(self, other: Scored) -> Paired:
        """Keep the samples that both have, in the order of this cell."""
        partners = other.places
        if self.samples is not other.samples:
            here = (self.samples.places.get(other.samples.ids[place], -1) for place in other.places)
            partners = np.fromiter(here, dtype=np.int64, count=len(other))
        elif np.array_equal(self.places, other.places):
            rows = np.arange(len(self))
            return Paired(self.places, rows, rows)
        return Paired(*np.intersect1d(self.places, partners, return_indices=True))


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """What came out of one cell, without its prompts."""

    samples: Samples
    "The samples."
    status: pa.Array
    "ok, unparsed or failed, per sample."
    reason: pa.Array
    "Why a sample is not ok; empty otherwise."
    places: Places
    "Places of the samples that did not fail."
    outputs: Outputs
    "What came out for them; only the columns that were asked for."

    def score(self, metric: Metric, context: ScoringContext) -> Scored:
        """Compute the statistics of every sample that did not fail."""
        if not len(self.places):
            return Scored(self.samples, self.places, np.zeros((0, 1)))
        return Scored(self.samples, self.places, metric.statistics(self.outputs, context))


SampleKey = tuple[tuple[str, ...], tuple[str, ...]]
"Ids and groups."


def read_answers(folder: Path, known: dict[SampleKey, Samples], columns: Collection[Column]) -> Answers:
    """Read the answers of a cell's folder. Raises StoreError where its file is missing or damaged.

    known: samples of the cells read before, by ids and groups; taken from and added to.
    columns: which columns of the outputs are wanted.
    """
    import pyarrow.compute as pc

    wanted = [name for name in STORED if name in columns]
    table = read_table(folder / "predictions.parquet", (*OF_SAMPLES, *(STORED[name] for name in wanted)))
    samples = {name: table.column(name).combine_chunks() for name in OF_SAMPLES}
    key = (tuple(samples["sample_id"].to_pylist()), tuple(samples["group"].to_pylist()))
    scored = pc.not_equal(samples["status"], "failed")
    kept = table.select([STORED[name] for name in wanted]).filter(scored)
    return Answers(
        samples=known.setdefault(key, Samples(*key, samples["sample_id"])),
        status=samples["status"],
        reason=samples["reason"],
        places=np.flatnonzero(scored.to_numpy(zero_copy_only=False)),
        outputs=Outputs(**{name: _values(kept.column(STORED[name]).combine_chunks()) for name in wanted}),
    )


def _values(column: pa.Array) -> Sequence[Any]:
    """Return a column's values; a list of numbers as an array, which is many times faster than Python numbers."""
    import pyarrow as pa

    if pa.types.is_map(column.type):
        return [None if one is None else dict(one) for one in column.to_pylist()]
    if not pa.types.is_list(column.type):
        found: Sequence[Any] = column.to_pylist()
        return found
    numbers, ends = column.flatten().to_numpy(), np.cumsum(column.value_lengths().fill_null(0).to_numpy())
    parts = np.split(numbers, ends[:-1])
    return [part if is_valid else None for part, is_valid in zip(parts, column.is_valid().to_pylist(), strict=True)]
