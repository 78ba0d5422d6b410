"""Source `japanese`: JGLUE 1.3 and JSICK, read from a folder that the user names.

JNLI, JSTS, JSQuAD and JCommonsenseQA train and test; JSICK is out of domain. Every file is checked; where only the
validation file of a data set is there, its source texts are divided, and the run says how.
Source: Kurihara et al. (2022), "JGLUE", LREC; Yanaka & Mineshima (2022), "Compositional Evaluation on Japanese Textual
Entailment and Similarity", TACL 10. Limits: no hidden test sets; MARC-ja and JCoLA are not read.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from hanka.datasets.base import Dataset, Source
from hanka.datasets.japanese.entries import ENTRIES, ROLES, WHERE, find
from hanka.datasets.japanese.files import Files
from hanka.errors import DataError


def catalogue(path: Path | None) -> Mapping[str, Dataset]:
    """List the data sets under `path`; raise DataError where no file of theirs is there."""
    if path is None:
        raise DataError(f"source japanese needs `data.path`: a folder with files of JGLUE or JSICK; {WHERE}")
    folder = path.expanduser()
    if not any(find(folder, (*entry.train, *entry.test)) for entry in ENTRIES):
        raise DataError(f"{folder} holds no file of JGLUE 1.3 or JSICK, such as {ENTRIES[0].test[0].names[1]}; {WHERE}")
    return _datasets(folder)


def _datasets(folder: Path) -> dict[str, Dataset]:
    found = {}
    for entry in ENTRIES:
        files = Files(folder, entry)
        found[entry.name] = Dataset(
            name=entry.name,
            task=entry.task,
            domain=entry.domain,
            source="japanese",
            licence=entry.licence,
            splits=("train", "test", "demonstrations") if entry.trains else ("test", "demonstrations"),
            read=files.rows,
            one_training_file=True,
            note=entry.note,
            reading=files.reading,
        )
    return found


JAPANESE = Source(
    name="japanese",
    description="JGLUE 1.3 (JNLI, JSTS, JSQuAD, JCommonsenseQA) and JSICK, from files that you fetch",
    roles=ROLES,
    needs_path=True,
    catalogue=catalogue,
    described=lambda: _datasets(Path()),
)
