"""What source `japanese` holds: its data sets, roles, and the files they are read from.

A file may stand in the named folder by itself, or in a clone of its repository; JGLUE's names carry its version, 1.3.
Row counts are those of the published files; None where no copy was at hand to count.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, TypeAlias

from hanka.datasets.base import Roles
from hanka.datasets.japanese.rows import (
    Row,
    choice_rows,
    inference_rows,
    jsick_rows,
    reading_rows,
    relatedness_rows,
    similarity_rows,
)

WHERE = "JGLUE 1.3 is at github.com/yahoojapan/JGLUE (folder datasets), JSICK at github.com/verypluming/JSICK (folder jsick)"
JGLUE_LICENCE = "CC BY-SA 4.0"
JSICK_LICENCE = "CC BY 4.0 in its README, CC BY-SA 4.0 on its copies: keep to the stricter"

Reader: TypeAlias = Callable[[Path, str], list[Row]]


class Known(NamedTuple):
    """One published file."""

    part: str
    "Which part of the data set it is: its rows have this in their ids, whatever the file is called."
    names: tuple[str, ...]
    "Where it may stand in the folder."
    n_rows: int | None
    "Rows it has."


@dataclass(frozen=True, slots=True)
class JapaneseEntry:
    """One data set."""

    name: str
    "Data set name."
    task: str
    "Task name."
    domain: str
    "Where the text comes from."
    licence: str
    "Licence of the text, as stated upstream."
    read: Reader
    "(file, prefix of the ids) → rows in the order of the file."
    test: tuple[Known, ...]
    "Files that hold test rows, the first one found is read."
    train: tuple[Known, ...] = ()
    "The same for training rows; where none is there, the test file is divided."
    trains: bool = True
    "Whether it is trained on."
    per_group: int = 1
    "Demonstrations that one group gives."
    note: str = ""
    "What a reader of results must know."


def _jglue(name: str, split: str, n_rows: int | None, suffix: str = "jsonl") -> Known:
    upstream = f"{name}-v1.3/{split}-v1.3.json"
    return Known(
        split, (f"{name}-{split}.{suffix}", upstream, f"datasets/{upstream}", f"JGLUE/datasets/{upstream}"), n_rows
    )


def _jsick(*names: str) -> Known:
    return Known("all", tuple(f"{folder}{name}" for name in names for folder in ("", "jsick/", "JSICK/jsick/")), 9927)


JSICK = _jsick("jsick.tsv")
ANNOTATIONS = _jsick("jsick-annotations.tsv", "jsick-all-annotations.tsv")

ENTRIES: tuple[JapaneseEntry, ...] = (
    JapaneseEntry(
        name="jnli",
        task="inference-ja",
        domain="photo-captions",
        licence=JGLUE_LICENCE,
        read=inference_rows,
        train=(_jglue("jnli", "train", None),),
        test=(_jglue("jnli", "valid", 2434),),
        note="captions of photos; those of some photos are in jsts, too",
    ),
    JapaneseEntry(
        name="jsick",
        task="inference-ja",
        domain="translated-sick",
        licence=JSICK_LICENCE,
        read=jsick_rows,
        test=(JSICK, ANNOTATIONS),
        trains=False,
        note="SICK translated by people and labelled anew in Japanese; 2,000 pairs are tested",
    ),
    JapaneseEntry(
        name="jsts",
        task="similarity-ja",
        domain="photo-captions",
        licence=JGLUE_LICENCE,
        read=similarity_rows,
        train=(_jglue("jsts", "train", None),),
        test=(_jglue("jsts", "valid", 1457),),
        note="mean of several raters, 0 to 5",
    ),
    JapaneseEntry(
        name="jsick-relatedness",
        task="similarity-ja",
        domain="translated-sick",
        licence=JSICK_LICENCE,
        read=relatedness_rows,
        test=(JSICK,),
        trains=False,
        note="rated 1 to 5, jsts 0 to 5: compare correlations, not errors; 2,000 pairs are tested",
    ),
    JapaneseEntry(
        name="jsquad",
        task="reading-ja",
        domain="japanese-wikipedia",
        licence=JGLUE_LICENCE,
        read=reading_rows,
        train=(_jglue("jsquad", "train", None, "json"),),
        test=(_jglue("jsquad", "valid", 4442, "json"),),
        per_group=4,
        note="the answer that most annotators gave; JGLUE counts any of two or three, so its scores are higher",
    ),
    JapaneseEntry(
        name="jcommonsenseqa",
        task="choice-ja",
        domain="common-sense",
        licence=JGLUE_LICENCE,
        read=choice_rows,
        train=(
            _jglue("jcommonsenseqa", "train", 8939),
            Known("train", ("jcommonsenseqa-train-2000.jsonl",), 2000),
        ),
        test=(_jglue("jcommonsenseqa", "valid", 1119),),
        note="five choices, asked by number",
    ),
)

ROLES: Mapping[str, Roles] = {
    "inference-ja": Roles("jnli", ("jnli",), ("jsick",)),
    "similarity-ja": Roles("jsts", ("jsts",), ()),  # jsick-relatedness needs a file that few have; a study names it
    "reading-ja": Roles("jsquad", ("jsquad",), ()),
    "choice-ja": Roles("jcommonsenseqa", ("jcommonsenseqa",), ()),
}


class Found(NamedTuple):
    """A published file that is there."""

    path: Path
    "Where."
    known: Known
    "Which."


def find(folder: Path, files: Sequence[Known]) -> Found | None:
    """Return the first of some files that is in a folder; None where none is."""
    places = (Found(folder / name, known) for known in files for name in known.names)
    return next((found for found in places if found.path.is_file()), None)
