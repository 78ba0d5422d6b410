"""The layout of SQuAD: articles with paragraphs, each with questions and answers → one row per question, one per document.

{"data": [{"title": …, "paragraphs": [{"context": …, "qas": [{"id": …, "question": …, "answers": [{"text": …}]}]}]}]}, as SQuAD,
XQuAD, SQuADshifts and JSQuAD are published; on the hub the same stands flat, one question a row. A paragraph without questions is a
document all the same. Equal texts are one document. Questions that are marked as having no answer (SQuAD 2) are left out and counted.
Source: Rajpurkar et al. (2016), arXiv 1606.05250; Miller et al. (2020), arXiv 2004.14444 (SQuADshifts).
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hanka.errors import DataError
from hanka.identity import sha256_text

LAYOUT = "expected {data: [{title, paragraphs: [{context, qas: [{id, question, answers: [{text}]}]}]}]}"


@dataclass(frozen=True, slots=True)
class Document:
    """A text that questions are about."""

    id: str
    "Of its text: equal texts are one document."
    text: str
    "Without white space around it."
    article: str
    "What it is a part of; its own id where nothing is said."


@dataclass(frozen=True, slots=True)
class Asked:
    """A question that a person asked about a document."""

    id: str
    "As published."
    document: str
    "Id of the document."
    question: str
    "Its text."
    answer: str
    "What most annotators gave, the first of equals."


@dataclass(frozen=True, slots=True)
class Library:
    """What one file holds."""

    documents: tuple[Document, ...]
    "In the order of the file, equal texts once."
    asked: tuple[Asked, ...]
    "In the order of the file."
    n_without_answer: int
    "Questions left out because none of their answers has text."


def is_squad(value: Any) -> bool:
    """Tell whether a JSON value has the layout of SQuAD."""
    articles = value.get("data") if isinstance(value, Mapping) else None
    return (
        isinstance(articles, list)
        and bool(articles)
        and all(isinstance(one, Mapping) and isinstance(one.get("paragraphs"), list) for one in articles)
    )


def read_squad(path: Path) -> Library:
    """Read a file. Raises DataError in one line where it cannot be read or has another layout."""
    try:
        value = json.loads(path.read_bytes().decode("utf-8-sig"))
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not UTF-8 (byte {error.start}): save it as UTF-8") from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path} is not JSON ({error})") from error
    if not is_squad(value):
        raise DataError(f"{path} is not in the layout of SQuAD: {LAYOUT}")
    return library(str(path), flat_rows(str(path), value))


def flat_rows(place: str, value: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the questions of a file in SQuAD's layout as the hub has them: id, title, context, question, answers.

    A paragraph without questions is a row without one. Raises DataError that names the paragraph.
    """
    for at, article in enumerate(value["data"], start=1):
        for number, paragraph in enumerate(article["paragraphs"], start=1):
            where = f"{place} article {at}, paragraph {number}"
            if not isinstance(paragraph, Mapping) or not isinstance(paragraph.get("context"), str):
                raise DataError(f"{where} has no `context` that is text: {LAYOUT}")
            base = {"title": str(article.get("title") or ""), "context": paragraph["context"]}
            questions = paragraph.get("qas", [])
            if not isinstance(questions, list) or not all(isinstance(one, Mapping) for one in questions):
                raise DataError(f"{where} has `qas` that are no list of questions: {LAYOUT}")
            if not questions:
                yield base
            for one in questions:
                yield {**base, "id": one.get("id"), "question": one.get("question"), "answers": one.get("answers")}


def library(place: str, rows: Iterable[Mapping[str, Any]]) -> Library:
    """Return documents and questions of flat rows. Raises DataError that names the row."""
    documents: dict[str, Document] = {}
    asked: dict[str, Asked] = {}
    n_without = 0
    for number, row in enumerate(rows, start=1):
        where = f"{place} row {number}"
        text = _text(where, row, "context")
        document = Document(sha256_text(text)[:16], text, str(row.get("title") or "").strip() or sha256_text(text)[:16])
        documents.setdefault(document.id, document)
        if row.get("question") is None:
            continue
        answer = most_given(where, row.get("answers"))
        if not answer:
            n_without += 1
            continue
        one = Asked(str(row.get("id") or number), document.id, _text(where, row, "question"), answer)
        if one.id in asked:
            raise DataError(f"{where}: question {one.id!r} stands twice in the file; ids must differ")
        asked[one.id] = one
    if not documents:
        raise DataError(f"{place} holds no document: {LAYOUT}")
    return Library(tuple(documents.values()), tuple(asked.values()), n_without)


def most_given(where: str, answers: Any) -> str:
    """Return the answer that most annotators gave, the first of equals; empty where there is none.

    answers: a list of {text}, or as the hub has it a map whose `text` is a list.
    """
    texts: Sequence[Any]
    if isinstance(answers, Mapping):
        texts = answers.get("text") or []
    elif answers is None or isinstance(answers, list):
        texts = [one.get("text") if isinstance(one, Mapping) else one for one in answers or []]
    else:
        raise DataError(f"{where}: `answers` is {answers!r}, no list: {LAYOUT}")
    counts = Counter(str(text).strip() for text in texts if text is not None and str(text).strip())
    return max(counts, key=lambda text: counts[text]) if counts else ""


def _text(where: str, row: Mapping[str, Any], name: str) -> str:
    value = row.get(name)
    if not isinstance(value, str) or not value.strip():
        raise DataError(f"{where}: {name} is {value!r}: expected text")
    return value.strip()
