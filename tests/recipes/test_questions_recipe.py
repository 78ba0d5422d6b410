"""Questions on documents: what is kept, what is left out and counted, how a teacher is judged, by hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from hanka.errors import DataError, UnitError
from hanka.recipes import RECIPES
from hanka.recipes.contract import AS_SOURCE, How, RecipeRequest, make_rows
from hanka.recipes.questions.judged import judgement, rule_answer
from hanka.recipes.questions.make import question_in
from hanka.records import Example, Parent, Part, Prediction, Split
from hanka.tasks import TASKS

QUESTIONS = RECIPES.get("questions")
TASK_OF = {
    "quiz": "closed-book",
    "texts": "text",
    "asked": "asking",
    "read": "reading",
    "plain": "text",
    "films": "sentiment",
}
DOCUMENTS = [Example(f"d{at}", {}, f"Town {at} was founded in 19{at}0.", f"d{at}") for at in range(3)]
LABELLED = [
    Example(f"v{at}", {"document": f"Town {at} was founded in 18{at}0.", "question": f"When was Town {at} founded?"}, f"18{at}0", f"g{at}")
    for at in range(4)
]  # fmt: skip
WRITER, TEACHER = Parent("writer", train="lessons"), Parent("teacher", train="lessons")

Says = Callable[[Example, How, int], "str | None"]


def rows(dataset: str, split: Split, size: int | None) -> Sequence[Example]:
    if dataset == "texts":
        return DOCUMENTS
    if dataset == "plain":
        return [Example(f"p{at}", {}, f"Plain text {at}.") for at in range(20)]
    assert (dataset, split) == ("read", "validation"), "no other rows are needed"
    return LABELLED


def said(example: Example, how: How, at: int) -> str | None:
    """A writer that asks another question every time, and a teacher that reads the year."""
    if how.dataset == "asked":
        return f"What is the {at}th thing about it? And more\nnext line"
    if how.dataset == "read":
        return example.fields["document"][-5:-1]
    return "no idea"


def request(says: Says = said, asked: int = 6, **params: Any) -> tuple[RecipeRequest, dict[str, Any], list[Any]]:
    """A request, what it will be told, and the calls that were made."""
    told: dict[str, Any] = {}
    calls: list[Any] = []

    def answer(parent: Parent, examples: Sequence[Example], how: How = AS_SOURCE) -> list[Prediction]:
        calls.append((parent, list(examples), how))
        found = []
        for at, one in enumerate(examples):
            text = says(one, how, at)
            parsed = None if text is None else text.strip().split("\n")[0].strip()
            status, why = (
                ("failed", "3000 tokens do not fit the model's context of 2048") if text is None else ("ok", "")
            )
            n = 99 if text is not None and text.startswith("long") else 1
            found.append(Prediction(one.id, "", "", one.target, text, parsed, None, status, why, 1, n))  # type: ignore[arg-type]
        return found

    given = {
        "of": "quiz", "documents": "texts", "asking": "asked", "reading": "read",
        "writer": {"of": "writer", "train": "lessons"}, "teacher": {"of": "teacher", "train": "lessons"},
    } | params  # fmt: skip
    made = RecipeRequest(
        QUESTIONS.params.model_validate(given),
        asked,
        5,
        rows,
        lambda name: TASKS.get(TASK_OF[name]),
        answer,
        told.update,
    )
    return made, told, calls


def made(*args: Any, **params: Any) -> tuple[Part, ...]:
    return make_rows(QUESTIONS, request(*args, **params)[0])


def test_documents_take_turns_and_rows_keep_document_question_and_the_teachers_answer() -> None:
    (part,) = made(asked=7)
    assert (part.task, part.dataset) == ("closed-book", "quiz")
    assert [row.group for row in part.examples] == ["d0", "d1", "d2", "d0", "d1", "d2", "d0"]
    first = part.examples[0]
    assert first == Example(
        "d0/0", {"document": DOCUMENTS[0].target, "question": "What is the 0th thing about it?"}, "1900", "d0"
    )
    assert len({row.id for row in part.examples}) == 7


def test_the_writer_is_shown_the_document_alone_and_the_teacher_document_and_question() -> None:
    asking, _, calls = request()
    make_rows(QUESTIONS, asking)
    assert [(parent.label, how.dataset) for parent, _, how in calls] == [
        ("teacher", "read"), ("teacher", "quiz"), ("writer", "asked"), ("teacher", "read"),
    ]  # fmt: skip
    (_, written, how), (_, answered, greedy) = calls[2:]
    assert all(set(row.fields) == {"document"} and not row.target for row in written)
    assert (how.temperature, how.top_p, how.max_new_tokens) == (1.0, 0.95, 32)
    assert all(set(row.fields) == {"document", "question"} for row in answered)
    assert (greedy.temperature, greedy.max_new_tokens) == (0.0, 24)


def test_what_is_no_question_or_stands_there_already_is_asked_for_again_and_counted() -> None:
    def says(example: Example, how: How, at: int) -> str | None:
        if how.dataset != "asked":
            return said(example, how, at)
        return ["Who?", "no question here", "When?", "who ?  ", "", None][at] if len(calls) < 4 else "Where is it?"

    asking, told, calls = request(says)
    (part,) = make_rows(QUESTIONS, asking)
    assert [row.fields["question"] for row in part.examples] == [
        "Who?",
        "Where is it?",
        "When?",
        "who ?",
        "Where is it?",
    ]
    assert told["left_out"] == {"no question": 2, "question asked before": 1, "question failed": 1}
    assert (told["asked"], told["kept"], told["documents"], told["documents_with_rows"]) == (6, 5, 3, 3)
    assert told["left_out_first"]["no question"] == "no question here"


def test_answers_that_are_empty_failed_or_not_finished_are_left_out_and_never_cut() -> None:
    def says(example: Example, how: How, at: int) -> str | None:
        if how.dataset != "read" or example.id.startswith("v"):
            return said(example, how, at)
        return ["1900", " \n", None, "long and without an end", "long, but\nended", "1920"][at]

    asking, told, _ = request(says)
    (part,) = make_rows(QUESTIONS, asking)
    assert [row.target for row in part.examples] == ["1900", "long, but", "1920"]
    assert told["left_out"] == {"answer failed": 1, "answer not finished": 1, "empty answer": 1}
    assert "do not fit the model's context" in told["left_out_first"]["answer failed"]


def test_where_no_row_comes_out_it_says_why() -> None:
    with pytest.raises(
        UnitError, match=r"none of 6 questions on 3 documents came out: 12 question failed \(.3000 tokens do not fit"
    ):
        made(lambda example, how, at: None if how.dataset == "asked" else said(example, how, at))


def test_general_text_is_added_by_its_share_and_rehearsed() -> None:
    pairs, texts = made(asked=6, rehearse=["plain"], share=0.5)
    assert (len(pairs.examples), len(texts.examples)) == (6, 3)
    assert texts.dataset == "plain"
    asking, _, _ = request(rehearse=["plain"])
    assert QUESTIONS.rehearses(asking.params) == ("plain",)
    with pytest.raises(ValueError, match="quiz is learnt and cannot be rehearsed"):
        request(rehearse=["quiz"])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"of": "read"},
            r"task reading of data set read \(generation\) asks with document, question: .* asks with \{question\} there",
        ),
        (
            {"asking": "quiz"},
            r"asks with question: recipe questions needs a written one that asks with \{document\} there",
        ),
        ({"reading": "films"}, r"task sentiment of data set films \(classification\)"),
    ],
)
def test_a_task_that_asks_with_other_fields_is_one_line(changes: dict[str, str], message: str) -> None:
    with pytest.raises(DataError, match=message):
        made(**changes)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (" What is it? It is red.", "What is it?"),
        ("Question one? Question two?", "Question one?"),
        ("No question.\nBut here?", ""),
        ("\n\n  When？ なぜ？", "When？"),
        ("?", ""),
        ("", ""),
    ],
)
def test_the_first_question_of_the_first_line_is_taken(text: str, expected: str) -> None:
    assert question_in(text, ("?", "？")) == expected


# ---- the teacher


def test_a_teacher_is_judged_with_and_without_the_document_and_beside_the_rule() -> None:
    asking, told, calls = request()
    make_rows(QUESTIONS, asking)
    found = told["teacher"]
    assert [row.id for row in calls[0][1]] == [row.id for row in calls[1][1]] == ["v0", "v1", "v2", "v3"]
    assert (found["n"], found["documents"]) == (4, 4)
    assert (found["teacher"], found["without"]) == (1.0, 0.0)
    assert found["rule"] == 1.0  # the only number that the question does not hold
    assert found["gives"]["value"] == 1.0
    assert found["beats_rule"]["value"] == 0.0
    assert not found["fit"]
    assert any("teacher unfit" in line for line in found["said"])


def test_fit_and_helped_are_what_the_intervals_say() -> None:
    n = 30
    many = [Example(f"r{at}", {}, "", f"g{at}") for at in range(n)]
    high = [0.9 if at % 2 else 0.7 for at in range(n)]
    low = [0.2 if at % 3 else 0.3 for at in range(n)]
    good = judgement({"teacher": high, "without": low, "rule": low}, many, 0)
    assert good["fit"]
    assert good["document_helps"]
    assert len(good["said"]) == 1
    assert good["gives"]["low"] < sum(high) / n - sum(low) / n < good["gives"]["high"]
    same = judgement({"teacher": low, "without": low, "rule": high}, many, 0)
    assert not same["fit"]
    assert not same["document_helps"]
    assert len(same["said"]) == 3
    one_document = [Example(f"r{at}", {}, "", "g") for at in range(n)]
    alone = judgement({"teacher": high, "without": low, "rule": low}, one_document, 0)
    assert alone["gives"]["low"] is None
    assert not alone["fit"]


def test_without_labelled_rows_nobody_can_judge() -> None:
    asking, _, _ = request()
    from dataclasses import replace

    nobody = replace(asking, rows=lambda name, split, size: [] if name == "read" else rows(name, split, size))
    with pytest.raises(DataError, match="data set read has 0 rows to validate on, and at least 2 judge the teacher"):
        make_rows(QUESTIONS, nobody)


@pytest.mark.parametrize(
    ("document", "question", "expected"),
    [
        ("The flag is red. Bergen was founded by Olaf Kyrre in 1070.", "Who founded Bergen?", "Olaf Kyrre"),
        ("The flag is red. It was sewn in 1950.", "When was it sewn?", "1950"),
        ("no capitals at all here", "what is here?", "no capitals at all here"),
        ("ベルゲンは1070年にできた。旗は赤い。", "旗の色は？", "旗は赤い。"),
    ],
)
def test_the_rule_takes_capitals_or_numbers_of_the_nearest_sentence(
    document: str, question: str, expected: str
) -> None:
    assert rule_answer(document, question) == expected
