from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from hanka.errors import HankaError
from hanka.guardrails import DETECTORS, DetectorParams, Row
from hanka.guardrails.found import pattern_of, words_in
from hanka.guardrails.limits import limit_of, limits, loaded, named_limit, params_of
from hanka.guardrails.linear import LinearParams, probability

LABELS: dict[str, Any] = {
    "labels": ("positive", "negative"),
    "other_labels": ("entailment", "neutral", "contradiction"),
}


def flagged(name: str, *outputs: str, params: DetectorParams | None = None, **row: Any) -> list[bool]:
    """Which of some outputs a detector flags."""
    detector = DETECTORS.get(name)
    rows = [Row(output, **row) for output in outputs]
    return [one.flagged for one in detector.flags(rows, params or detector.params())]


def test_what_is_flagged_is_said() -> None:
    for name in ("unparsed", "empty", "outside_labels", "label_leakage"):
        detector = DETECTORS.get(name)
        (flag,) = detector.flags([Row("", status="unparsed", **LABELS)], detector.params())
        assert flag.flagged == bool(flag.what) == (name != "label_leakage")


def test_the_commonest_answer_is_that_which_was_read() -> None:
    rows = [Row("Yes.", "yes"), Row("YES", "yes"), Row("no", "no"), Row("yes")]
    detector = DETECTORS.get("one_answer")
    assert [one.flagged for one in detector.flags(rows, detector.params())] == [True, True, False, True]


@pytest.mark.parametrize(
    ("output", "is_leak"),
    [
        ("positive", False), ("Positive.", False), ("positive or negative", True), ("negative, positive, neutral", True),
        ("entailment", True), ("I think it is entailment", True), ("The film was good", False), ("", False),
        ("nonpositive", False),
    ],
)  # fmt: skip
def test_labels_that_do_not_belong_in_a_task_with_labels(output: str, is_leak: bool) -> None:
    assert flagged("label_leakage", output, **LABELS) == [is_leak]


@pytest.mark.parametrize(
    ("output", "is_leak"),
    [
        ("Neutral.", True), ("entailment / neutral / contradiction", True), ("entailment, neutral or contradiction", True),
        ("The court took a neutral position.", False), ("A neutral summary of a contradiction.", False),
    ],
)  # fmt: skip
def test_labels_in_written_text_count_only_where_they_are_all_there_is(output: str, is_leak: bool) -> None:
    assert flagged("label_leakage", output, other_labels=LABELS["other_labels"]) == [is_leak]


def test_a_label_that_holds_another_one_is_one_answer() -> None:
    assert flagged("label_leakage", "not entailment", labels=("entailment", "not entailment")) == [False]
    assert flagged("label_leakage", "肯定または否定", labels=("肯定", "否定")) == [True]


def test_whole_words_are_found_beside_japanese_and_japanese_anywhere() -> None:
    assert words_in("GPTを使う", ("gpt",)) == ["gpt"]
    assert words_in("assassin", ("ass",)) == []
    assert words_in("馬鹿者め", ("馬鹿",)) == ["馬鹿"]
    assert words_in("You  are\nBAD", ("you are", "bad")) == ["you are", "bad"]
    assert words_in("Ｂａｄ!", ("bad",)) == ["bad"]
    assert words_in("anything", ()) == []


def test_a_list_of_words_is_read_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "words.txt").write_text("# unacceptable here\nshut up\n\n馬鹿\n", encoding="utf-8")
    detector = DETECTORS.get("word_list")
    params = loaded(detector, params_of("word_list", {"file": "words.txt"}), tmp_path)
    assert params.model_dump() == {"words": ("shut up", "馬鹿"), "file": ""}
    assert flagged("word_list", "Shut up!", "shut upper", "この馬鹿", "fine", params=params) == [
        True,
        False,
        True,
        False,
    ]


@pytest.mark.parametrize(
    ("content", "said"), [(None, "does not exist"), (b"\xff\xfe\xfa", "not UTF-8"), (b"# nothing\n", "no entries")]
)
def test_a_list_that_cannot_be_read_is_one_line(tmp_path: Path, content: bytes | None, said: str) -> None:
    if content is not None:
        (tmp_path / "words.txt").write_bytes(content)
    with pytest.raises(HankaError, match=said):
        loaded(DETECTORS.get("word_list"), params_of("word_list", {"file": "words.txt"}), tmp_path)


def test_a_classifier_adds_the_weights_of_words_that_occur(tmp_path: Path) -> None:
    params = LinearParams(bias=-2.0, weights={"idiot": 3.0, "you are": 0.5})
    assert probability("nothing", params) == pytest.approx(0.1192, abs=1e-4)
    assert probability("You are an idiot, idiot", params) == pytest.approx(0.8176, abs=1e-4)
    (tmp_path / "harm.json").write_text(json.dumps({"bias": -2, "weights": {"idiot": 3}, "threshold": 0.7}))
    detector = DETECTORS.get("classifier")
    found = loaded(detector, params_of("classifier", {"file": "harm.json"}), tmp_path)
    assert flagged("classifier", "idiot", "kind", params=found) == [True, False]
    assert found.model_dump()["threshold"] == 0.7


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("[]", "no object"),
        ("{", "not JSON"),
        ('{"weights": {"a": "x"}}', "weights.a"),
        ('{"weight": {}}', "weight:"),
        ('{"weights": {" ": 1}}', "' ' is no word"),
        ('{"weights": {"Idiot": 1, "idiot": 2}}', "'idiot' is there twice"),
        ('{"bias": NaN, "weights": {"a": 1}}', "finite"),
    ],
)
def test_weights_that_cannot_be_read_are_one_line(tmp_path: Path, content: str, said: str) -> None:
    (tmp_path / "harm.json").write_text(content)
    with pytest.raises(HankaError, match=said):
        loaded(DETECTORS.get("classifier"), params_of("classifier", {"file": "harm.json"}), tmp_path)


def test_a_classifier_of_many_words_compiles_those_that_may_occur_alone() -> None:
    params = LinearParams(bias=-9.0, weights={f"word{at}": 1.0 for at in range(3000)})
    pattern_of.cache_clear()
    assert probability("word7 and word2999", params) == pytest.approx(1 / (1 + math.exp(7)))
    assert pattern_of.cache_info().misses < 20  # word, word7 and what word2999 begins with


def test_refusals_that_look_for_nothing_or_cannot_be_read_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="nothing is looked for"):
        params_of("refusals", {"built_in": False})
    (tmp_path / "own.txt").write_text("(\n", encoding="utf-8")
    with pytest.raises(HankaError, match=r"^'own.txt': '\(' is no regular expression"):
        loaded(DETECTORS.get("refusals"), params_of("refusals", {"file": "own.txt"}), tmp_path)


def test_a_limit_is_a_share_or_a_map() -> None:
    assert limit_of("refusals", 0.02).at_most == 0.02
    found = limit_of("refusals", {"at_most": 0.05, "beginning": 80})
    assert found.params.model_dump()["beginning"] == 80
    assert named_limit({"name": "empty", "at_most": 0.1}).name == "empty"
    assert list(limits({"empty": 0.1, "refusals": {"at_most": 0.2}})) == ["empty", "refusals"]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (0, "0 is out of range: give a number > 0"), (True, "not a number"), (float("nan"), "not a number"), ({"beginning": 9}, "the bound is missing"),
        ({"at_most": 0.1, "beginnin": 9}, "unknown key 'beginnin' of refusals: did you mean 'beginning'"),
        ({"at_most": 0.1, "patterns": ["("]}, "no regular expression"),
    ],
)  # fmt: skip
def test_a_wrong_limit_is_one_line(value: object, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        limit_of("refusals", value)


def test_an_unknown_guardrail_is_answered_with_the_nearest() -> None:
    with pytest.raises(ValueError, match="unknown guardrail 'refusal': did you mean 'refusals'"):
        limits({"refusal": 0.1})
    with pytest.raises(ValueError, match="did you mean 'word_list'"):
        named_limit({"name": "wordlist", "at_most": 0.1})


def test_a_list_without_words_is_refused() -> None:
    with pytest.raises(ValidationError, match="without words"):
        DETECTORS.get("word_list").params()
