"""The document a query is about stands before it, found by the query's group."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from hanka.contexts import CONTEXTS
from hanka.contexts.contract import ContextRequest, build_each
from hanka.errors import DataError
from hanka.prompting import Prompter, TextPolicy
from hanka.records import Example, Split
from hanka.tasks import TASKS
from tiny_models import tiny_tokenizer

CONTEXT = CONTEXTS.get("open_book")
TASK = TASKS.get("closed-book")
PASSAGES = [Example(f"d{at}", {"text": f"Town {at} {{question}} was founded."}, "") for at in range(3)]
TESTS = tuple(Example(f"q{at}", {"question": f"What of town {at}?"}, "x", f"d{at % 3}") for at in range(6))


def rows(dataset: str, split: Split) -> Sequence[Example]:
    assert (dataset, split) == ("towns", "passages")
    return PASSAGES


def request(tests: tuple[Example, ...] = TESTS, **params: str) -> ContextRequest:
    return ContextRequest(
        TASK, "quiz", tests, (), (), CONTEXT.params.model_validate({"passages": "towns"} | params), 0, rows=rows
    )


def test_every_query_has_its_own_document_before_it_letter_for_letter_as_reading_asks() -> None:
    asked = request()
    built = build_each(CONTEXT, asked, CONTEXT.prepare(asked), TESTS, 0)
    prefix, queries = Prompter(tiny_tokenizer(), TextPolicy()).render(TASK, "p1", (), TESTS, built)
    for row, query in zip(TESTS, queries, strict=True):
        (document,) = [one.fields["text"] for one in PASSAGES if one.id == row.group]
        reading = TASKS.get("reading").render(Example("", {**row.fields, "document": document}, ""), "p1")
        assert prefix + query == reading


def test_a_query_about_no_document_is_one_line() -> None:
    with pytest.raises(
        DataError, match="row q9 of quiz is about no document: its group 'lost' is the id of none of the 3 passages"
    ):
        CONTEXT.prepare(request((*TESTS, Example("q9", {"question": "?"}, "x", "lost"))))


def test_a_template_needs_its_one_place() -> None:
    with pytest.raises(ValueError, match="needs the place"):
        request(template="Read this.")
