"""Sources `documents` and `documents-hub`: documents with people's questions, in the layout of SQuAD.

`documents` reads every .json file of a folder that the user names, XQuAD, SQuADshifts or the user's own; `documents-hub` the published
ones from the hub. Each file is four data sets, see `entries`. XQuAD-en is at github.com/google-deepmind/xquad (xquad.en.json, called
xquad-en.json here), SQuADshifts at github.com/modestyachts/squadshifts-website (folder datasets).
Source: Artetxe et al. (2020), arXiv 1910.11856; Miller et al. (2020), arXiv 2004.14444. Limits: one answer per question.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

from hanka.datasets.base import Dataset, Roles, Source
from hanka.datasets.documents.entries import DocumentsEntry, datasets_of
from hanka.datasets.hub_rows import HubAddress, open_hub
from hanka.datasets.squad import Library, library, read_squad
from hanka.errors import DataError, nearest

Opener: TypeAlias = Callable[[HubAddress], Sequence[Mapping[str, Any]]]

XQUAD = DocumentsEntry("xquad-en", "wikipedia-articles", "CC BY-SA 4.0")
SHIFTS = "ludwigschmidt/squadshifts"
PARQUET = "refs/convert/parquet"
PUBLISHED: Mapping[str, tuple[DocumentsEntry, HubAddress]] = {
    XQUAD.name: (XQUAD, HubAddress("google/xquad", "xquad.en", None, "validation")),
    **{
        f"squadshifts-{part}": (
            DocumentsEntry(f"squadshifts-{part}", domain, "not stated"),
            HubAddress(SHIFTS, part, PARQUET, "test"),
        )
        for part, domain in (
            ("new_wiki", "wikipedia-articles"),
            ("nyt", "new-york-times"),
            ("reddit", "reddit-posts"),
            ("amazon", "amazon-reviews"),
        )
    },
}
"Libraries on the hub."
ROLES: Mapping[str, Roles] = {
    "closed-book": Roles("xquad-en", ("xquad-en",), ()),
    "reading": Roles("xquad-en-reading", ("xquad-en-reading",), ()),
    "asking": Roles("xquad-en-asking", ("xquad-en-asking",), ()),
}
WHERE = (
    "put files in the layout of SQuAD there, such as xquad.en.json of github.com/google-deepmind/xquad as xquad-en.json"
)


def catalogue(path: Path | None) -> Mapping[str, Dataset]:
    """List the data sets of every .json file under `path`; no file is read. Raises DataError where there is none."""
    if path is None:
        raise DataError(f"source documents needs a folder (--data DIR): {WHERE}")
    folder = path.expanduser()
    files = sorted(folder.glob("*.json"))
    if not files:
        raise DataError(f"{folder} holds no .json file: {WHERE}")
    found: dict[str, Dataset] = {}
    for file in files:
        entry = XQUAD if file.stem == XQUAD.name else DocumentsEntry(file.stem, file.stem, "not stated")
        found |= datasets_of(entry, "documents", partial(read_squad, file))
    return found


def hub_catalogue(path: Path | None, open_rows: Opener = open_hub) -> Mapping[str, Dataset]:
    """List the data sets of the published libraries; nothing is fetched before the first load.

    path: not used. open_rows: how a split is opened; the hub, unless a test says otherwise.
    """
    found: dict[str, Dataset] = {}
    for entry, address in PUBLISHED.values():
        found |= datasets_of(entry, "documents-hub", partial(_open, open_rows, address))
    return found


def _open(open_rows: Opener, address: HubAddress) -> Library:
    """Read a library from the hub. Raises DataError for one that has other columns than were published."""
    rows = open_rows(address)
    missing = [name for name in ("id", "context", "question", "answers") if len(rows) and name not in rows[0]]
    if missing:
        raise DataError(
            f"{address} has no column {missing[0]!r} ({nearest(missing[0], rows[0])}): the repository may have changed"
        )
    return library(str(address), rows)


def _described() -> Mapping[str, Dataset]:
    return datasets_of(XQUAD, "documents", partial(read_squad, Path(f"{XQUAD.name}.json")))


DOCUMENTS = Source(
    name="documents",
    description="documents with people's questions, from files in the layout of SQuAD (XQuAD, SQuADshifts, your own)",
    roles=ROLES,
    needs_path=True,
    catalogue=catalogue,
    described=_described,
)

DOCUMENTS_HUB = Source(
    name="documents-hub",
    description="XQuAD and SQuADshifts from the hub (needs the library datasets and a network)",
    roles=ROLES,
    needs_path=False,
    catalogue=hub_catalogue,
    is_remote=True,
)
