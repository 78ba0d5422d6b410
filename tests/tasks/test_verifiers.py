"""Verifiers: what is read, how right it is, and what is said about it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hanka.records import Example, Judgement
from hanka.tasks import Task
from hanka.tasks.verifiers import VERIFIERS, Output, Verifier
from hanka.tasks.verifiers.contract import before_stop
from hanka.tasks.verifiers.json_value import JsonParams, canonical_json, first_value, verify_json
from hanka.tasks.verifiers.number import NumberParams, verify_number

EVERY = pytest.mark.parametrize("verifier", list(VERIFIERS), ids=VERIFIERS.names())
GOLD = {"label": "yes", "text": "some words", "number": "-3", "json": '{"a":[1,null,"x"]}', "mentions": "Paris"}
USUAL = "yes"
"What any other verifier takes for right."
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**6), 10**6) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


def judged(verifier: Verifier, text: str, target: str, **params: object) -> Judgement:
    output = Output(text, target, labels=("yes", "no", "not sure"), stop=("\n\n",))
    return verifier.verify(output, verifier.params(**params))


@EVERY
def test_declares_itself(verifier: Verifier) -> None:
    assert verifier.reference
    assert verifier.description
    assert verifier.version >= 1
    assert GOLD.get(verifier.name, USUAL)


@EVERY
def test_gold_is_right_and_canonical(verifier: Verifier) -> None:
    gold = GOLD.get(verifier.name, USUAL)
    for written in (gold, f"  {gold}\n", f"{gold}\n\nand then 5 or {{}} or no"):
        found = judged(verifier, written, gold)
        assert (found.answer, found.reward) == (gold, 1.0)


@EVERY
def test_what_is_wrong_earns_nothing_with_one_line_about_it(verifier: Verifier) -> None:
    for written in ("", "no", "3", "[2]", "-3.5", '{"a": 1}'):
        found = judged(verifier, written, GOLD.get(verifier.name, USUAL))
        assert found.reward == 0.0
        assert found.message
        assert "\n" not in found.message


@EVERY
@settings(max_examples=60)
@given(text=st.text(max_size=40))
def test_any_text_is_judged_without_an_exception(verifier: Verifier, text: str) -> None:
    found = judged(verifier, text, GOLD.get(verifier.name, USUAL))
    assert found.reward is not None
    assert 0 <= found.reward <= 1
    assert found.answer is not None or found.reward == 0


def test_a_label_is_the_whole_answer() -> None:
    label = VERIFIERS.get("label")
    assert judged(label, "not sure", "not sure") == Judgement("not sure", 1.0, "read 'not sure'")
    assert judged(label, "no", "yes") == Judgement("no", 0.0, "read 'no'")
    assert judged(label, "Yes", "yes") == Judgement(None, 0.0, "'Yes' is no label")
    long = "it is hard to say which of these it might be"
    assert judged(label, long, "yes").message == f"{long[:29] + '…'!r} is no label"
    cut = Output("a\n\nb", "a\n\nb", labels=("a\n\nb", "c"), stop=("\n\n",))
    assert label.verify(cut, label.params()).reward == 1.0


def test_text_is_cut_at_stops_in_their_order_and_so_is_the_reference() -> None:
    assert before_stop(" one END two\n\nthree ", ("\n\n", "END")) == "one"
    text = VERIFIERS.get("text")
    assert judged(text, "one\n\ntwo", "one\n\nthree").reward == 1.0
    assert judged(text, "one", "two") == Judgement("one", 0.0, "differs from the reference")
    assert judged(text, "", "x").answer == ""


@pytest.mark.parametrize(
    ("text", "target", "params", "reward", "message"),
    [
        ("57.00", "57", {}, 1.0, "read 57"),
        ("7.5", "75", {}, 0.0, "read 7.5, not 75"),
        ("3", "-3", {}, 0.0, "read 3, not -3"),
        ("The answer is \u22123.", "-3", {}, 1.0, "read -3"),
        ("1,000", "1000", {}, 1.0, "read 1000"),
        ("0.75", "3/4", {}, 1.0, "read 0.75"),
        ("0.333", "1/3", {}, 0.0, f"read 0.333, not {1 / 3!r}"),
        ("0.333", "1/3", {"tolerance": 0.001}, 1.0, "read 0.333"),
        ("101", "100", {"tolerance": 1}, 1.0, "read 101"),
        ("99", "100", {"tolerance": 1}, 1.0, "read 99"),
        ("101.01", "100", {"tolerance": 1}, 0.0, "read 101.01, not 100"),
        ("-105", "-100", {"relative_tolerance": 0.0625}, 1.0, "read -105"),
        ("-107", "-100", {"relative_tolerance": 0.0625}, 0.0, "read -107, not -100"),
        ("4", "3", {"tolerance": 1, "relative_tolerance": 0.125}, 1.0, "read 4"),
        ("nan", "3", {"tolerance": 1}, 0.0, "no number in the output"),
        ("1.2.3", "3", {}, 0.0, "'1.2.3' is not one plain number"),
    ],
)
def test_numbers_are_compared_by_value_within_the_tolerance(text, target, params, reward, message) -> None:
    found = judged(VERIFIERS.get("number"), text, target, **params)
    assert (found.reward, found.message) == (reward, message)
    assert (found.answer is None) == ("read" not in message)


def test_a_target_that_is_no_answer_raises() -> None:
    with pytest.raises(ValueError, match="target 'many' is no number: no number"):
        verify_number(Output("1", "many"), NumberParams())
    with pytest.raises(ValueError, match=r"target '\{a\}' is no JSON value"):
        verify_json(Output("{}", "{a}"), JsonParams())
    task = Task("x", "generation", {"p1": "{input}"}, (), verifier="number")
    assert "is no number" in task.refusal(Example("1", {"input": "x"}, "many"))
    assert task.refusal(Example("1", {"input": "x"}, "3")) == ""
    assert "is not right by itself" in Task("y", "classification", {"p1": "{input}"}, (), ("a", "b")).refusal(
        Example("1", {"input": "x"}, "c")
    )


@pytest.mark.parametrize(
    ("text", "target", "reward", "message"),
    [
        ('```json\n{"b": [1, 2.0], "a": 1.0}\n```', '{"a":1,"b":[1,2]}', 1.0, "equal"),
        ('Sure: {"a": 1} and {"a": 2}', '{"a":1}', 1.0, "equal"),
        ('x {bad} then {"a": true}', '{"a":1}', 0.0, "$.a is true, not 1"),
        ('{"a": {"b": [1, {"c": 2}]}}', '{"a":{"b":[1,{"c":3}]}}', 0.0, "$.a.b[1].c is 2, not 3"),
        ("[1, 2]", "[1,2,3]", 0.0, "$ has 2 items, not 3"),
        ("[1, 5, 4]", "[1,2,3]", 0.0, "$[1] is 5, not 2"),
        ('{"a": 1}', '{"a":1,"b":2}', 0.0, "$.b is missing"),
        ('{"a": 1, "b": 2}', '{"a":1}', 0.0, "$.b is not in the reference"),
        ('{"a": "1"}', '{"a":1}', 0.0, '$.a is "1", not 1'),
        ('{"a": null}', '{"a":false}', 0.0, "$.a is null, not false"),
        ("3", "3.0", 1.0, "equal"),
        ("the value is 3", "3", 0.0, "no JSON value in the output"),
        ("NaN", "1", 0.0, "no JSON value in the output"),
        ('{"a": 1, "a": 1}', '{"a":1}', 0.0, "no JSON value in the output"),
        ("1e999999999999999999999", "1", 0.0, "no JSON value in the output"),
        ("[" * 100_000, "1", 0.0, "no JSON value in the output"),
    ],
)
def test_json_is_compared_by_structure_and_the_first_difference_named(text, target, reward, message) -> None:
    found = judged(VERIFIERS.get("json"), text, target)
    assert (found.reward, found.message) == (reward, message)
    assert (found.answer is None) == message.startswith("no JSON")


def test_a_deep_value_is_judged_or_refused_but_never_ends_a_run() -> None:
    deep = "[" * 900 + "]" * 900
    assert judged(VERIFIERS.get("json"), deep, "1").reward == 0.0


def test_json_keys_share_the_reward_and_required_ones_make_an_answer() -> None:
    by_keys = judged(VERIFIERS.get("json"), '{"a":1,"c":3}', '{"a":1,"b":2,"c":4,"d":5}', compare="keys")
    assert (by_keys.reward, by_keys.message) == (0.25, "$.b is missing")
    assert judged(VERIFIERS.get("json"), '{"a":1,"z":9}', '{"a":1}', compare="keys").reward == 1.0
    assert judged(VERIFIERS.get("json"), "[1]", '{"a":1}', compare="keys").reward == 0.0
    assert judged(VERIFIERS.get("json"), "{}", "{}", compare="keys").reward == 1.0
    missing = judged(VERIFIERS.get("json"), '{"a":1}', '{"a":1,"b":2}', required=["a", "b"])
    assert missing == Judgement(None, 0.0, "required key 'b' is missing")
    assert judged(VERIFIERS.get("json"), "[1]", "[1]", required=["a"]).answer is None
    assert judged(VERIFIERS.get("json"), '{"a":1,"b":2}', '{"b":2,"a":1}', required=["a", "b"]).reward == 1.0


@settings(max_examples=150)
@given(JSON_VALUES, JSON_VALUES)
def test_json_is_right_exactly_where_python_finds_it_equal(value: object, other: object) -> None:
    text, target = json.dumps(value), json.dumps(other)
    assert judged_json(text, text).reward == 1.0
    canonical = canonical_json(first_value(text))
    assert judged_json(canonical, text).answer == canonical
    same = json.dumps(value, sort_keys=True) == json.dumps(other, sort_keys=True)
    assert judged_json(text, target).reward == float(same)
    assert (judged_json(text, target).message == "equal") == same


def judged_json(text: str, target: str) -> Judgement:
    return verify_json(Output(text, target), JsonParams())


@pytest.mark.parametrize(
    ("text", "canonical"), [("1.50", "1.5"), ("100", "100"), ("-0.0", "0"), ("1e-30", "1E-30"), ("1e3", "1000")]
)
def test_json_numbers_have_one_form(text: str, canonical: str) -> None:
    assert canonical_json(first_value(text)) == canonical
