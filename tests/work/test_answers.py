"""What an engine said becomes predictions: chosen, judged, scored, or failed with the reason."""

from __future__ import annotations

import pytest

from hanka.engines.contract import Decoding, LabelAnswer, Refusal, TextAnswer, TextScore
from hanka.identity import sha256_text
from hanka.prompting import Asked, Query
from hanka.records import Example, Prediction
from hanka.tasks.base import Task
from hanka.tasks.likelihood import TEXT
from hanka.work.answers import Asking, label_scores, predict

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


def predictions_of(task: Task, targets: list[str], answers: list, scoring: str = "full") -> list[Prediction]:
    examples = [Example(f"e{i}", {"input": f"q{i}"}, target) for i, target in enumerate(targets)]
    queries = [task.render(example, "p1") for example in examples]
    encoded = [Query("", list(range(5 + i)), ()) for i in range(len(examples))]
    asking = Asking(task, examples, Asked("before ", queries, encoded, "h"), scoring, Decoding(7, task.stop))
    return predict(asking, Scripted(answers))  # type: ignore[arg-type]


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
