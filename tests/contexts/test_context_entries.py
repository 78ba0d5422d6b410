"""The entries one by one: which demonstrations, which passages, in which order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from hanka.contexts import CONTEXTS
from hanka.contexts.contract import (
    Context,
    ContextRequest,
    build_each,
    identity,
    require_libraries,
)
from hanka.contexts.retrieve import RetrieveParams
from hanka.datasets.demonstrations import ordered_pool
from hanka.errors import DataError
from hanka.recipes.contract import nobody_answers
from hanka.records import Built, Example, Parent, Split
from hanka.tasks import TASKS

SENTIMENT = TASKS.get("sentiment")
POOL = (
    ("p0", "a good film about dogs", "positive"),
    ("p1", "a bad film about cats", "negative"),
    ("p2", "the food was cold", "negative"),
    ("p3", "the soup was warm and good", "positive"),
)
PASSAGES = ("Soup is made of water.", "Cats are animals.", "Dogs and cats are animals.", "Nothing.")


def row(name: str, text: str, target: str = "positive") -> Example:
    return Example(name, {"input": text}, target)


def rows_of(**datasets: Sequence[Example]) -> Callable[[str, Split], Sequence[Example]]:
    return lambda dataset, split: datasets[f"{dataset}_{split}"]


def request(name: str, tests: Sequence[Example] = (), **changes: Any) -> ContextRequest:
    values: dict[str, Any] = {
        "task": SENTIMENT,
        "dataset": "films",
        "tests": tuple(tests),
        "pool": tuple(row(*one) for one in POOL),
        "labels": SENTIMENT.labels,
        "params": CONTEXTS.get(name).params.model_validate(changes.pop("params", {})),
        "seed": 0,
    }
    return ContextRequest(**(values | changes))


def built(name: str, query: str, shots: int, **changes: Any) -> Built:
    context, one = CONTEXTS.get(name), row("query", query)
    asked = request(name, [one], **changes)
    (found,) = build_each(context, asked, context.prepare(asked), [one], shots)
    return found


def ids(found: Built) -> list[str]:
    return [one.id for one in found.demonstrations]


def test_drawn_shows_what_the_seeded_order_of_the_pool_begins_with() -> None:
    pool = [row(*one) for one in POOL]
    ordered = ordered_pool(pool, "drawn", SENTIMENT.labels, 0, "films", 1)
    assert built("drawn", "x", 3, draw=1).demonstrations == tuple(ordered[:3])
    assert {one.target for one in built("drawn", "x", 2).demonstrations} == {"positive", "negative"}


def test_draws_and_seeds_give_other_orders() -> None:
    orders = {tuple(ids(built("drawn", "x", 4, **change))) for change in ({}, {"draw": 1}, {"draw": 2}, {"seed": 1})}
    assert len(orders) > 1


def test_first_keeps_the_order_of_the_file() -> None:
    assert ids(built("first", "x", 3)) == ["p0", "p1", "p2"]


def test_the_paper_shows_the_pool_as_published_and_we_leave_test_rows_out() -> None:
    assert ids(built("first", "THE food  was cold", 4)) == ["p0", "p1", "p3"]
    assert ids(built("first", "THE food  was cold", 4, protocol="paper")) == ["p0", "p1", "p2", "p3"]


def test_nearest_shows_the_most_similar_demonstration_last() -> None:
    assert ids(built("nearest", "good warm soup with dogs", 2)) == ["p0", "p3"]
    assert ids(built("nearest", "a film about cats", 2)) == ["p0", "p1"]


@pytest.mark.parametrize("protocol", ["corrected", "paper"])
def test_nearest_never_shows_the_query_itself(protocol: str) -> None:
    leaked = [row("l0", "Soup,  Soup"), *(row(*one) for one in POOL)]
    assert ids(built("nearest", "soup, soup", 5, pool=tuple(leaked), protocol=protocol)) == ["p2", "p1", "p0", "p3"]


def test_nearest_shows_no_copy_of_a_query_that_is_no_test_row() -> None:
    context, query = CONTEXTS.get("nearest"), row("v0", "the food was cold")
    asked = request("nearest", [row("t0", "another")])
    (found,) = build_each(context, asked, context.prepare(asked), [query], 4)
    assert "p2" not in ids(found)
    assert len(found.demonstrations) == 3


def test_nearest_follows_the_order_of_the_pool_where_words_say_nothing() -> None:
    assert ids(built("nearest", "zzz", 3)) == ["p2", "p1", "p0"]


def test_nearest_looks_in_the_training_rows_of_a_dataset() -> None:
    rows = rows_of(more_train=[row("m0", "cats"), row("m1", "dogs")])
    assert ids(built("nearest", "two dogs", 1, params={"of": "more"}, rows=rows)) == ["m1"]
    assert CONTEXTS.get("nearest").sources(CONTEXTS.get("nearest").params(of="more")) == ("more",)
    assert CONTEXTS.get("nearest").sources(CONTEXTS.get("nearest").params()) == ()


def test_training_rows_of_another_task_are_refused() -> None:
    rows = rows_of(more_train=[Example("m0", {"question": "cats"}, "x")])
    with pytest.raises(DataError, match="rows of dataset more have no field 'input', which task sentiment asks with"):
        built("nearest", "two dogs", 1, params={"of": "more"}, rows=rows)


def passages(*texts: str) -> Callable[[str, Split], Sequence[Example]]:
    return rows_of(facts_passages=[Example(f"f{place}", {"text": text}, "") for place, text in enumerate(texts)])


def retrieved(query: str, shots: int = 0, **params: Any) -> Built:
    return built("retrieve", query, shots, params={"passages": "facts", **params}, rows=passages(*PASSAGES))


def test_retrieve_inserts_the_most_relevant_passage_last() -> None:
    assert retrieved("cats and dogs").fields == {"passages": "Cats are animals.\nDogs and cats are animals.\n\n"}
    assert retrieved("cats and dogs", k=1).fields == {"passages": "Dogs and cats are animals.\n\n"}


def test_retrieve_inserts_nothing_that_shares_no_word() -> None:
    assert retrieved("soup", k=3).fields == {"passages": "Soup is made of water.\n\n"}
    assert retrieved("zzz").fields == {}


def test_the_template_stands_around_the_passages_and_braces_in_them_stay() -> None:
    rows = passages(r"a {passages} of {x}\1")
    found = built("retrieve", "a", 0, params={"passages": "facts", "template": "See: {passages}\n"}, rows=rows)
    assert found.fields == {"passages": "See: a {passages} of {x}\\1\n"}


def test_retrieve_shows_the_demonstrations_of_drawn() -> None:
    assert retrieved("soup", 2).demonstrations == built("drawn", "soup", 2).demonstrations != ()


@pytest.mark.parametrize("template", ["no place", "{passages} {passages}", "{passages} {input}"])
def test_a_template_without_exactly_the_one_place_is_refused(template: str) -> None:
    with pytest.raises(ValidationError, match="needs the place"):
        RetrieveParams(passages="facts", template=template)


@pytest.mark.parametrize("k", [0, True])
def test_a_number_of_passages_below_one_or_no_number_is_refused(k: Any) -> None:
    with pytest.raises(ValidationError):
        RetrieveParams(passages="facts", k=k)


def test_no_passages_are_said_in_one_line() -> None:
    with pytest.raises(DataError, match="context retrieve: dataset facts has no passage"):
        built("retrieve", "a", 0, params={"passages": "facts"}, rows=passages())


def test_a_missing_library_is_one_line_with_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hanka.contexts.contract.find_spec", lambda name: None)
    with pytest.raises(DataError, match=r"context nearest needs the library bm25s: pip install 'bm25s>="):
        require_libraries(CONTEXTS.get("nearest"))
    require_libraries(CONTEXTS.get("drawn"))


def test_the_identity_holds_every_parameter_and_the_version() -> None:
    context = CONTEXTS.get("retrieve")
    params = context.params.model_validate({"passages": "facts"})
    assert identity(context, params) == {
        "context": "retrieve",
        "version": 1,
        "params": {"passages": "facts", "k": 2, "template": "{passages}\n\n"},
    }


def test_who_was_not_declared_answers_and_gives_nothing() -> None:
    with pytest.raises(DataError, match="sft was not declared as a parent"):
        nobody_answers(Parent("sft"), [])
    with pytest.raises(DataError, match="no train rows of dataset more are at hand"):
        request("nearest").rows("more", "train")


def test_a_context_that_depends_on_chance_gives_a_query_the_same_whatever_else_is_asked() -> None:
    def by_chance(prepared: tuple[Example, ...], example: Example, shots: int, rng: Any) -> Built:
        return Built(tuple(prepared[place] for place in rng.permutation(len(prepared))[:shots]), {})

    drawn = CONTEXTS.get("drawn")
    chance = Context("chance", "", "", drawn.params, True, lambda asked: asked.pool, by_chance)
    asked, queries = request("drawn"), [row(str(place), "x") for place in range(8)]
    found = build_each(chance, asked, asked.pool, queries, 2)
    assert build_each(chance, asked, asked.pool, queries[::-1], 2) == found[::-1]
    assert len(set(map(tuple, map(ids, found)))) > 1


def test_no_context_sees_the_target_of_a_query() -> None:
    seen: list[str] = []

    def look(prepared: None, example: Example, shots: int, rng: Any) -> Built:
        seen.append(example.target)
        return Built((), {})

    looking = Context("looking", "", "", CONTEXTS.get("drawn").params, True, lambda asked: None, look)
    build_each(looking, request("drawn"), None, [row("1", "x", "negative")], 1)
    assert seen == [""]


@given(st.lists(st.sampled_from("abcd"), min_size=1, max_size=4).map(" ".join), st.integers(0, 5))
def test_fewer_shots_are_the_nearest_of_more(query: str, shots: int) -> None:
    pool = tuple(row(str(place), text) for place, text in enumerate(["a b", "b c", "c d d", "a", "d"]))
    more = built("nearest", query, 5, pool=pool).demonstrations
    assert built("nearest", query, shots, pool=pool).demonstrations == more[max(0, len(more) - shots) :]
