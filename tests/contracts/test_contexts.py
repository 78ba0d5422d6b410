"""Every context: deterministic, at most k demonstrations, none from the test set, shared where it says so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from hanka.contexts import CONTEXTS
from hanka.contexts.contract import Context, ContextRequest, build_each, require_libraries
from hanka.datasets.overlap import normalised_text
from hanka.identity import stream
from hanka.records import Built, Example, Parent, Prediction, Split
from hanka.tasks import TASKS

EVERY = pytest.mark.parametrize("context", list(CONTEXTS), ids=CONTEXTS.names())
PARAMS: Mapping[str, Mapping[str, Any]] = {"retrieve": {"passages": "facts"}, "open_book": {"passages": "facts"}}
"What a context cannot do without."
TASK = TASKS.get("sentiment")
TESTS = tuple(
    Example(f"t{place}", {"input": text}, label, f"f{place}")
    for place, (text, label) in enumerate(
        [("a good old film", "positive"), ("夜の電車は静かだ", "negative"), ("…", "negative"), ("zzz", "positive")]
    )
)
POOL = (
    *(Example(f"leak{one.id}", {"input": one.fields["input"].upper() + " "}, one.target) for one in TESTS),
    *(
        Example(f"p{place}", {"input": text}, label)
        for place, (text, label) in enumerate(
            [("an old film", "positive"), ("朝の電車", "negative"), ("a good day", "positive"), ("rain", "negative")]
            * 2
        )
    ),
)


def rows(dataset: str, split: Split) -> Sequence[Example]:
    if split == "passages":
        return [Example(f"f{place}", {"text": one.fields["input"] + "!"}, "") for place, one in enumerate(POOL)]
    return POOL


def answer(parent: Parent, examples: Sequence[Example]) -> Sequence[Prediction]:
    return [
        Prediction(one.id, "", "", one.target, "positive", "positive", (0.0, -1.0), "ok", "", 1, 0) for one in examples
    ]


def request(context: Context, **changes: Any) -> ContextRequest:
    params = context.params.model_validate(PARAMS.get(context.name, {}))
    values: dict[str, Any] = {
        "task": TASK,
        "dataset": "films",
        "tests": TESTS,
        "pool": POOL,
        "labels": TASK.labels,
        "params": params,
        "seed": 3,
    }
    return ContextRequest(**(values | {"rows": rows, "answer": answer} | changes))


def build(context: Context, shots: int, **changes: Any) -> tuple[Built, ...]:
    asked = request(context, **changes)
    return build_each(context, asked, context.prepare(asked), TESTS, shots)


@EVERY
def test_says_what_it_is(context: Context) -> None:
    assert context.reference
    assert context.description
    assert context.version >= 1
    params = request(context).params
    assert len(set(context.sources(params))) == len(context.sources(params))
    assert context.parents(params) == tuple(context.parents(params))
    require_libraries(context)


@EVERY
@pytest.mark.parametrize("shots", [0, 1, 3, 99])
def test_shows_at_most_as_many_as_asked_and_as_many_as_there_are(context: Context, shots: int) -> None:
    for one in build(context, shots):
        assert len(one.demonstrations) == min(shots, 8)
        assert len({shown.id for shown in one.demonstrations}) == len(one.demonstrations)


@EVERY
def test_shows_no_test_row(context: Context) -> None:
    tested = {normalised_text(one) for one in TESTS}
    for one in build(context, 99):
        assert tested.isdisjoint(normalised_text(shown) for shown in one.demonstrations)


@EVERY
def test_the_same_request_gives_the_same_context(context: Context) -> None:
    assert build(context, 3) == build(context, 3)


@EVERY
def test_what_is_not_per_query_is_the_same_before_all_queries(context: Context) -> None:
    asked = request(context)
    prepared = context.prepare(asked)
    alone = [context.build(prepared, one, 3, stream("any", one.id)) for one in TESTS]
    assert (len({(tuple(d.id for d in one.demonstrations), str(one.fields)) for one in alone}) > 1) == context.per_query


@EVERY
def test_inserted_text_is_text_and_no_empty_one(context: Context) -> None:
    for one in build(context, 2):
        assert all(text and isinstance(text, str) for text in one.fields.values())


@EVERY
def test_an_empty_pool_shows_nothing(context: Context) -> None:
    assert all(one.demonstrations == () for one in build(context, 2, pool=(), rows=rows))
