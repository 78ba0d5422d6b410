"""How a record is written for a model: the published choice of attributes, the title alone, all attributes, or ditto's marks.

    published   products: the title; publications: title; authors; venue; year        NAME
    title       the title, or what is called name                                      NAME-title
    all         name: text; … of every attribute that is not empty                     NAME-all
    ditto       COL name VAL text …                                                    NAME-ditto

Source: Steiner, Peeters & Bizer (2024), arXiv 2409.08185, for the published one; Li et al. (2020), arXiv 2004.00584, for ditto's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from hanka.datasets.matching.layouts import Record, as_ditto

TITLES = ("title", "name")
PUBLICATION = ("title", "authors", "venue", "year")


def title_of(record: Record) -> str:
    """Return the first title of a record; empty where it has none."""
    return next((record[name] for name in TITLES if record.get(name)), "")


def published(record: Record) -> str:
    """Write a record as published: of a publication four attributes, of a product its title; of anything else all of it."""
    if all(name in record for name in PUBLICATION):
        return "; ".join(record[name] for name in PUBLICATION if record[name])
    return title_of(record) if any(name in record for name in TITLES) else every(record)


def every(record: Record) -> str:
    """Write every attribute that is not empty with its name."""
    return "; ".join(f"{name}: {text}" for name, text in record.items() if text)


SERIALISATIONS: Mapping[str, Callable[[Record], str]] = {
    "": published,
    "title": title_of,
    "all": every,
    "ditto": as_ditto,
}
"End of a data set's name → how its records are written; empty: as published."
