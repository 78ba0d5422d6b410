"""What source `documents` makes of a library: four data sets, their rows divided by article.

Of NAME:

    NAME            closed-book: test = people's questions about the documents that are to be learnt; passages = these documents
    NAME-documents  text: train = the documents that are to be learnt; test = others, which are not
    NAME-reading    reading: rows of the other articles, with the document at hand, to tune or judge who reads
    NAME-asking     asking: the same rows turned round, to tune who asks

An eighth of the articles is to be learnt; a second eighth is validated on, one article gives demonstrations, the rest trains. Where fewer
than FEWEST articles are told apart, documents stand for them. A row's group is its document: questions of one document are no
independent draws, and a context finds it by that.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from hanka.datasets.base import Dataset
from hanka.datasets.splits import hash_key, in_hash_order
from hanka.datasets.squad import Asked, Document, Library
from hanka.errors import DataError
from hanka.records import Example, Split

Side: TypeAlias = Literal["learnt", "validation", "demonstrations", "train"]
SHARE = 8
"One article in so many is to be learnt, and as many are validated on."
FEWEST = 4
"Articles, or documents, that can be divided: one for each side."
MOST_VALIDATED = 60
"Rows to validate on at most: every training looks at all of them."
SPLITS: tuple[Split, ...] = ("train", "test", "demonstrations", "validation")
SIDES: Mapping[Split, Side] = {
    "test": "learnt",
    "passages": "learnt",
    "validation": "validation",
    "demonstrations": "demonstrations",
    "train": "train",
}


@dataclass(frozen=True, slots=True)
class DocumentsEntry:
    """One library under one name."""

    name: str
    "What its data sets are called by."
    domain: str
    "Where the documents come from."
    licence: str
    "Of their text."
    note: str = ""
    "What a reader of results must know."


@dataclass(slots=True)
class _Divided:
    """A library, read once, with its documents by side."""

    entry: DocumentsEntry
    read: Callable[[], Library]
    _library: Library | None = None
    _sides: dict[str, Side] = field(default_factory=dict)

    def library(self) -> Library:
        """Read the library. Raises DataError where it cannot be divided."""
        if self._library is None:
            found = self.read()
            self._sides = divided(self.entry.name, found.documents)
            self._library = found
        return self._library

    def documents(self, side: Side) -> list[Document]:
        """Return the documents of a side, in the order of the file."""
        return [one for one in self.library().documents if self._sides[one.id] == side]

    def asked(self, side: Side) -> list[tuple[Document, Asked]]:
        """Return the questions about the documents of a side."""
        known = {one.id: one for one in self.documents(side)}
        return [(known[one.document], one) for one in self.library().asked if one.document in known]


def divided(name: str, documents: tuple[Document, ...]) -> dict[str, Side]:
    """Return document → side; whole articles go to one side. Raises DataError where there are too few."""
    by = {one.id: one.article for one in documents}
    if len(set(by.values())) < FEWEST:
        by = {one.id: one.id for one in documents}
    units = sorted(set(by.values()), key=lambda unit: hash_key(f"documents/{name}", unit))
    if len(units) < FEWEST:
        raise DataError(
            f"{name} holds {len(units)} document(s), and {FEWEST} are needed: some to be learnt, others to learn reading from, to "
            f"validate on and to show; put more documents into one file, or declare your own under `datasets:`"
        )
    n = max(1, round(len(units) / SHARE))
    sides: dict[str, Side] = dict.fromkeys(units, "train")
    for at, unit in enumerate(units[: 2 * n]):
        sides[unit] = "learnt" if at < n else "validation"
    sides[units[-1]] = "demonstrations"
    return {document: sides[unit] for document, unit in by.items()}


def datasets_of(entry: DocumentsEntry, source: str, read: Callable[[], Library]) -> dict[str, Dataset]:
    """Return the four data sets of a library; it is read on the first load."""
    known = _Divided(entry, read)

    def dataset(name: str, task: str, splits: tuple[Split, ...], load: Callable[[Split], list[Example]]) -> Dataset:
        return Dataset(
            name=name,
            task=task,
            domain=entry.domain,
            source=source,
            licence=entry.licence,
            splits=splits,
            read=lambda split, size: load(split),
            one_training_file=True,
            note=entry.note,
        )

    name = entry.name
    return {
        name: dataset(
            name, "closed-book", (*SPLITS, "passages"), lambda split: _questions(known, split, "closed-book")
        ),
        f"{name}-documents": dataset(
            f"{name}-documents", "text", ("train", "test", "demonstrations"), lambda split: _texts(known, split)
        ),
        f"{name}-reading": dataset(
            f"{name}-reading", "reading", SPLITS, lambda split: _questions(known, split, "reading")
        ),
        f"{name}-asking": dataset(f"{name}-asking", "asking", SPLITS, lambda split: _questions(known, split, "asking")),
    }


def _questions(known: _Divided, split: Split, task: str) -> list[Example]:
    """Return the rows of a split as a task asks them, in hashed order; passages in the order of the file."""
    name = known.entry.name
    if split == "passages":
        return [Example(one.id, {"text": one.text}, "") for one in known.documents("learnt")]
    rows = [_row(task, document, asked) for document, asked in known.asked(SIDES[split])]
    if not rows:
        raise DataError(f"{name}: no question with an answer is about its {split} documents; give it more questions")
    ordered = in_hash_order(rows, f"documents/{name}/{split}")
    return ordered[:MOST_VALIDATED] if split == "validation" else ordered


def _row(task: str, document: Document, asked: Asked) -> Example:
    if task == "asking":
        return Example(asked.id, {"document": document.text}, asked.question, document.id)
    fields = {"document": document.text} if task == "reading" else {}
    return Example(asked.id, {**fields, "question": asked.question}, asked.answer, document.id)


def _texts(known: _Divided, split: Split) -> list[Example]:
    """Return documents as texts: those to be learnt to train on, others to test."""
    side: Side = {"train": "learnt", "test": "validation"}.get(split, "demonstrations")  # type: ignore[assignment]
    return [Example(one.id, {}, one.text, one.id) for one in known.documents(side)]
