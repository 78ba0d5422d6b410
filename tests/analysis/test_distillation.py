"""Students with a planted answer: each arm has known rows right, so every difference, and the share of the gap, is known."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from hanka.analysis.questions.contract import Answer
from hanka.analysis.questions.distillation.ask import ask
from hanka.store.folder import RunFolder, write_json
from planted_runs import N, Planted, rows_of

CONTEXTS = {"drawn": "drawn", "looked up": "retrieve", "at hand": "open_book"}
FIT = {
    "n": 60, "documents": 12, "teacher": 0.5, "without": 0.1, "rule": 0.2, "fit": True, "document_helps": True,
    "gives": {"value": 0.4, "low": 0.3, "high": 0.5, "n": 60}, "beats_rule": {"value": 0.3, "low": 0.2, "high": 0.4, "n": 60},
}  # fmt: skip
JAPANESE_NAMES = re.compile(r"distilled|tuned|reader|held|pairs|plain|F1|Fieller|n = |\[[^]]*\]")


def told(path: Path, data: str, teacher: dict[str, Any], **params: Any) -> None:
    """What making the pairs left behind."""
    record = {
        "recipe": ["questions", 1, {"of": "home", "rehearse": [], "share": 0.25, **params}],
        "told": {
            "teacher": teacher, "asked": 40, "kept": 38, "documents": 10, "documents_with_rows": 9,
            "left_out": {"no question": 1, "empty answer": 1},
        },
    }  # fmt: skip
    write_json(RunFolder(path).data(data) / "data.json", record)


def run(path: Path, teacher: dict[str, Any] | None = None, **students: Any) -> Planted:
    """A reader, what was tuned on its pairs, and students; rows right: the first so many."""
    told(path, "pairs-id", teacher or FIT)
    found = Planted(path, more={"context_entries": CONTEXTS, "contexts": list(CONTEXTS)}, tests=("home", "plain"))
    base = found.add("base", {"home": range(4)})
    found.add("base", {"home": range(20)}, context="at hand")
    reader = found.add("reader", {"home": range(10)}, train_dataset="lessons")
    found.add("reader", {"home": range(25)}, train_dataset="lessons", context="looked up")
    found.add("reader", {"home": range(40)}, train_dataset="lessons", context="at hand")
    found.add("reader", {"plain": ()}, train_dataset="lessons", nats=1.0)
    shared = {"train_dataset": "pairs", "started_from": reader, "data": "pairs-id", "parents": [reader]}
    for label, (method, closed, looked_up, nats) in students.items():
        for context, right in (("drawn", closed), ("looked up", looked_up)):
            found.add(label, {"home": range(right)}, method=method, context=context, **shared)
        found.add(label, {"plain": ()}, method=method, nats=nats, **shared)
    assert base
    return found


def answer(planted: Planted) -> Answer:
    found = ask(planted.evidence())
    assert found is not None
    return found


def differences(found: Answer) -> dict[tuple[str, ...], Any]:
    """By who, how asked, against whom, how asked, where."""
    names = ("arm", "arm_asked", "against", "against_asked", "test_sets")
    return {tuple(row[name] for name in names): row for row in rows_of(found)}


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Answer:
    students = {"tuned": ("sft", 20, 28, 1.5), "distilled": ("distil", 30, 36, 1.25)}
    return answer(run(tmp_path_factory.mktemp("planted"), **students))


def test_every_difference_is_the_planted_one_with_n_and_interval(planted: Answer) -> None:
    found = differences(planted)
    expected = {
        ("distilled", "closed", "reader", "closed"): 20 / N,
        ("distilled", "closed", "tuned", "closed"): 10 / N,
        ("distilled", "closed", "reader", "retrieve"): 5 / N,
        ("distilled", "retrieve", "reader", "retrieve"): 11 / N,
        ("distilled", "retrieve", "tuned", "retrieve"): 8 / N,
        ("distilled", "closed", "reader", "open_book"): -10 / N,
        ("reader", "open_book", "reader", "closed"): 30 / N,
    }
    assert {key[:4] for key in found if key[4] == "home"} == set(expected)
    for key, value in expected.items():
        one = found[(*key, "home")]["arm_less_against"]
        assert one.value == pytest.approx(value)
        assert one.n == N
        assert one.low < value < one.high
    assert found["distilled", "closed", "tuned", "closed", "home"]["arm_verdict"] == "better"


def test_the_teachers_open_book_score_stands_beside_every_arm(planted: Answer) -> None:
    for key, row in differences(planted).items():
        assert (row["open_book_value"] is not None) == (key[4] == "home")
        if key[4] == "home":
            assert row["open_book_value"].value == 1.0


def test_the_share_of_the_gap_is_two_thirds_and_said_with_interval(planted: Answer) -> None:
    row = differences(planted)["distilled", "closed", "reader", "closed", "home"]
    assert row["gap_closed"].value == pytest.approx(20 / 30)
    assert row["gap_closed"].low < 20 / 30 < row["gap_closed"].high
    assert "67 % [" in planted.sentence_en
    assert "67 % [" in planted.sentence_ja


def test_what_was_forgotten_is_compared_with_tuning_and_with_the_start(planted: Answer) -> None:
    rows = [row for key, row in differences(planted).items() if key[4] == "plain"]
    assert {row["against"] for row in rows} == {"tuned", "reader"}
    by = {row["against"]: row["arm_less_against"].value for row in rows}
    assert by["tuned"] < 0 < by["reader"]  # fewer bits than tuned, more than before
    assert by["tuned"] == pytest.approx(-by["reader"], rel=1e-6)
    assert "On plain" in planted.sentence_en


def test_what_the_document_gives_and_what_was_left_out_is_said(planted: Answer) -> None:
    assert "The document gives its teacher +0.400 [+0.300, +0.500] token F1 on 60 labelled rows." in planted.sentence_en
    notes = " ".join(one.message_en for one in planted.notes)
    assert "38 of 40 pairs on 9 of 10 documents came out; left out on the way: 1 no question, 1 empty answer" in notes
    assert "One training seed" in notes


def english_left(text: str) -> list[str]:
    return re.findall("[A-Za-z]{2,}", JAPANESE_NAMES.sub("", text))


def test_japanese_sentences_hold_no_english_but_names(planted: Answer) -> None:
    said = [planted.sentence_ja, *(note.message_ja for note in planted.notes)]
    assert [word for one in said for word in english_left(one) if word not in ("Accuracy", "Bits", "per", "byte")] == []


def test_an_unfit_teacher_stands_in_the_place_of_any_result(tmp_path: Path) -> None:
    students = {"tuned": ("sft", 20, 28, 1.5), "distilled": ("distil", 30, 36, 1.25)}
    weak = FIT | {"fit": False, "beats_rule": {"value": 0.01, "low": -0.1, "high": 0.12, "n": 60}}
    found = answer(run(tmp_path, weak, **students))
    assert "teacher unfit" in found.sentence_en
    assert "教師として不適格" in found.sentence_ja
    assert found.rows == ()
    assert "better" not in found.sentence_en
    assert english_left(found.sentence_ja) == []


def test_a_document_that_gives_nothing_is_warned_of(tmp_path: Path) -> None:
    students = {"tuned": ("sft", 20, 28, 1.5), "distilled": ("distil", 30, 36, 1.25)}
    nothing = FIT | {"document_helps": False, "gives": {"value": 0.0, "low": -0.1, "high": 0.1, "n": 60}}
    assert "there may be nothing to distil" in answer(run(tmp_path, nothing, **students)).sentence_en


def test_more_rows_beside_the_same_pairs_are_compared_with_what_was_tuned_on_the_pairs(tmp_path: Path) -> None:
    planted = run(tmp_path, tuned=("sft", 20, 28, 1.5))
    told(tmp_path, "more-id", FIT, rehearse=["texts"], share=0.5)
    reader = planted.variants[1]["id"]
    planted.add(
        "held",
        {"home": range(26)},
        method="distil",
        train_dataset="pairs and text",
        started_from=reader,
        data="more-id",
    )
    found = differences(answer(planted))
    assert found["held", "closed", "tuned", "closed", "home"]["arm_less_against"].value == pytest.approx(6 / N)


def test_where_nothing_was_distilled_there_is_no_answer(tmp_path: Path) -> None:
    assert ask(run(tmp_path, tuned=("sft", 20, 28, 1.5)).evidence()) is None


def test_a_student_that_answered_nothing_is_said_to_say_nothing(tmp_path: Path) -> None:
    planted = run(tmp_path, tuned=("sft", 20, 28, 1.5))
    reader = planted.variants[1]["id"]
    planted.add(
        "distilled", {"home": None}, method="distil", train_dataset="pairs", started_from=reader, data="pairs-id"
    )
    found = answer(planted)
    assert "nothing can be said" in found.sentence_en
    assert found.rows == ()


def seeds_of(right: Iterable[int]) -> dict[str, Iterable[int]]:
    return {"home": right}


def test_seeds_are_pooled_and_each_is_paired_with_its_own(tmp_path: Path) -> None:
    told(tmp_path, "pairs-id", FIT)
    planted = Planted(tmp_path, more={"context_entries": CONTEXTS, "contexts": list(CONTEXTS)}, tests=("home",))
    planted.add("base", seeds_of(range(4)))
    for seed, (start, tuned, student) in enumerate([(8, 18, 24), (12, 22, 32)]):
        reader = planted.add("reader", seeds_of(range(start)), train_dataset="lessons", seed=seed)
        shared = {"train_dataset": "pairs", "started_from": reader, "data": "pairs-id", "seed": seed}
        planted.add("tuned", seeds_of(range(tuned)), **shared)
        planted.add("distilled", seeds_of(range(student)), method="distil", **shared)
    found = answer(planted)
    row = differences(found)["distilled", "closed", "tuned", "closed", "home"]
    assert row["n_seeds"] == 2
    assert row["arm_less_against"].value == pytest.approx(8 / N)
    assert "was not asked with the document at hand" in found.sentence_en
