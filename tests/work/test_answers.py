"""What an engine said becomes predictions: chosen, judged, scored, or failed with the reason."""

from __future__ import annotations

import pytest

from hanka.engines.contract import Decoding, LabelAnswer, Refusal, TextAnswer, TextScore
from hanka.errors import UnitError
from hanka.identity import sha256_text
from hanka.prompting import Asked, Query
from hanka.records import Example, Prediction
from hanka.tasks.base import Task
from hanka.tasks.likelihood import TEXT
from hanka.work.answers import Asking, label_scores, n_empty, n_tied, predict

LABELLED = Task("tone", "classification", {"p1": "{input}:"}, ("accuracy",), ("bad", "good"))
NUMBERS = Task("sum", "regression", {"p1": "{input}:"}, ("mae",))
TEXTS = Task("words", "generation", {"p1": "{input}:"}, ("rouge_l",))


class Scripted:
    """An engine that says what it was told to."""

    notes = ()

    def __init__(self, answers: list) -> None:
        self.answers = answers
        self.decoding: Decoding | None = None

    def score_labels(self, queries):
        assert len(queries) == len(self.answers)
        return self.answers

    score_text = score_labels

    def generate(self, queries, decoding):
        self.decoding = decoding
        return self.answers


def asking_of(task: Task, targets: list[str], scoring: str = "full", bias: dict[str, float] | None = None) -> Asking:
    examples = [Example(f"e{i}", {"input": f"q{i}"}, target) for i, target in enumerate(targets)]
    queries = [task.render(example, "p1") for example in examples]
    encoded = [Query("", list(range(5 + i)), ()) for i in range(len(examples))]
    asked = Asked("before ", queries, encoded, "h")
    return Asking(task, examples, asked, scoring, Decoding(7, task.stop), bias or {})


def predictions_of(
    task: Task, targets: list[str], answers: list, scoring: str = "full", bias: dict[str, float] | None = None
) -> list[Prediction]:
    return predict(asking_of(task, targets, scoring, bias), Scripted(answers))  # type: ignore[arg-type]


def test_the_label_of_the_highest_score_is_chosen_the_first_of_equals() -> None:
    answers = [LabelAnswer(((-2.0, -1.0), (-2.5,))), LabelAnswer(((-1.0,), (-1.0,)))]
    first, second = predictions_of(LABELLED, ["good", "good"], answers)
    assert (first.output, first.parsed, first.label_scores, first.reward) == ("good", "good", (-3.0, -2.5), 1.0)
    assert (second.output, second.reward, second.status, second.reason) == ("bad", 0.0, "ok", "")
    assert (first.sample_id, first.prompt, first.target) == ("e0", "q0:", "good")
    assert first.prompt_sha256 == sha256_text("before q0:")
    assert (first.n_prompt_tokens, second.n_prompt_tokens, first.n_output_tokens) == (5, 6, 0)
    assert first.token_scores is None


@pytest.mark.parametrize(
    ("scoring", "scores"), [("full", (-6.0, -2.5)), ("normalised", (-2.0, -2.5)), ("first_token", (-3.0, -2.5))]
)
def test_scores_are_sums_means_or_first_tokens(scoring: str, scores: tuple[float, ...]) -> None:
    answer = LabelAnswer(((-3.0, -1.0, -2.0), (-2.5,)))
    assert label_scores(answer, scoring) == scores
    (found,) = predictions_of(LABELLED, ["bad"], [answer], scoring)
    assert found.output == ("bad" if scores[0] > scores[1] else "good")


def test_written_answers_are_judged_and_what_cannot_be_read_says_why() -> None:
    answers = [TextAnswer(" it is 3.\n\n4", 6), TextAnswer("no idea", 2), TextAnswer("4", 1)]
    right, unread, wrong = predictions_of(NUMBERS, ["3", "3", "3"], answers)
    assert (right.output, right.parsed, right.reward, right.status) == (" it is 3.\n\n4", "3", 1.0, "ok")
    assert (unread.output, unread.parsed, unread.reward) == ("no idea", None, 0.0)
    assert (unread.status, unread.reason) == ("unparsed", "no number in the output")
    assert (wrong.parsed, wrong.reward, wrong.status, wrong.reason) == ("4", 0.0, "ok", "")
    assert [one.n_output_tokens for one in (right, unread, wrong)] == [6, 2, 1]
    assert right.label_scores is None


def test_free_text_is_always_an_answer() -> None:
    (empty,) = predictions_of(TEXTS, ["a word"], [TextAnswer(" \n", 1)])
    assert (empty.parsed, empty.status, empty.reward) == ("", "ok", 0.0)


def test_what_was_written_before_an_answer_is_kept_beside_it_and_beside_a_failure() -> None:
    said = [TextAnswer("3", 2, reasoning="one and two"), Refusal("too long", "one and"), TextAnswer("4", 1)]
    found = predictions_of(NUMBERS, ["3", "3", "4"], said)
    assert [one.reasoning for one in found] == ["one and two", "one and", None]


def test_a_text_that_is_scored_keeps_its_token_scores_and_answers_nothing() -> None:
    scored, empty = predictions_of(TEXT, ["some text", "x"], [TextScore((-1.0, -2.0)), TextScore(())])
    assert scored.token_scores == (-1.0, -2.0)
    assert (scored.output, scored.parsed, scored.reward, scored.label_scores) == (None, None, None, None)
    assert (scored.status, scored.reason) == ("ok", "")
    assert (empty.status, empty.reason) == ("failed", "the text has no tokens")


@pytest.mark.parametrize("task", [LABELLED, NUMBERS, TEXTS, TEXT], ids=lambda task: task.kind)
def test_a_refusal_is_a_failed_row_with_its_reason(task: Task) -> None:
    (found,) = predictions_of(task, ["3"], [Refusal("too long")])
    assert (found.status, found.reason) == ("failed", "too long")
    assert (found.output, found.parsed, found.reward, found.token_scores) == (None, None, None, None)
    assert (found.label_scores, found.n_output_tokens) == (None, 0)


NOTHING = [float("nan"), float("inf"), float("-inf")]


@pytest.mark.parametrize("value", NOTHING)
def test_a_label_score_that_is_no_number_is_a_failure_and_no_answer(value: float) -> None:
    answers = [LabelAnswer(((-1.0,), (-2.0, value))), LabelAnswer(((-1.0,), (-2.0,)))]
    failed, good = predictions_of(LABELLED, ["good", "bad"], answers)
    assert (failed.status, failed.output, failed.parsed, failed.label_scores) == ("failed", None, None, None)
    assert failed.reason.startswith("the model gives no number here: the score of label 'good' is ")
    assert (good.status, good.output) == ("ok", "bad")


@pytest.mark.parametrize("value", NOTHING)
def test_a_cell_without_any_number_is_a_failed_cell(value: float) -> None:
    with pytest.raises(UnitError, match="none of 2 rows got an answer; the model gives no number here"):
        predictions_of(LABELLED, ["good", "bad"], [LabelAnswer(((value,), (-2.0,)))] * 2)
    with pytest.raises(UnitError, match=r"token 2 of 2 is (nan|inf|-inf)"):
        predictions_of(TEXT, ["a"], [TextScore((-1.0, value))])


def test_a_token_without_a_number_fails_its_text_alone() -> None:
    failed, good = predictions_of(TEXT, ["a", "b"], [TextScore((-1.0, float("nan"))), TextScore((-1.0,))])
    assert (failed.status, failed.token_scores, good.token_scores) == ("failed", None, (-1.0,))


def test_a_bias_that_is_no_number_chooses_nothing() -> None:
    answers = [LabelAnswer(((-1.0,), (-2.0,)))] * 2
    with pytest.raises(UnitError, match="score of label 'good' is nan"):
        predictions_of(LABELLED, ["good", "bad"], answers, bias={"good": float("nan")})


def test_labels_that_tie_everywhere_are_no_answer_and_single_ties_are_counted() -> None:
    tied, clear = LabelAnswer(((-1.0,), (-1.0,))), LabelAnswer(((-1.0,), (-1.5,)))
    with pytest.raises(UnitError, match="every label has the same score in all of 3 rows"):
        predictions_of(LABELLED, ["good"] * 3, [tied] * 3)
    asking = asking_of(LABELLED, ["good"] * 3)
    assert n_tied(asking, predict(asking, Scripted([tied, clear, tied]))) == 2  # type: ignore[arg-type]


def test_outputs_without_a_visible_character_are_counted() -> None:
    asking = asking_of(TEXTS, ["a"] * 3)
    said = [TextAnswer("", 0), TextAnswer(" \n", 1), TextAnswer("a", 1)]
    assert n_empty(asking, predict(asking, Scripted(said))) == 2  # type: ignore[arg-type]
