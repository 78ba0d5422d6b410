"""Entity matching: what is read of an answer, and what F1 and accuracy make of answers that are none."""

from __future__ import annotations

import numpy as np
import pytest

from hanka.metrics import METRICS
from hanka.metrics.base import Outputs, ScoringContext
from hanka.records import Example
from hanka.tasks import TASKS

MATCHING = TASKS.get("matching")
ROW = Example("r", {"left": "a", "right": "b"}, "Yes")


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("Yes", "Yes"), ("yes.", "Yes"), (" NO ", "No"), ("The answer is No", "No"), ("Yes, both name no brand", "Yes"),
        ("No, though yes to the brand", "No"), ("No\nattribute=brand|||values=yes###yes", "No"), ("I do not know", None),
        ("cannot", None), ("a no-name product", None), ("yesterday", None), ("", None), ("maybe\nYes", None), ("1", None),
    ],
)  # fmt: skip
def test_the_first_label_that_is_a_word_of_its_own_is_the_answer(text: str, answer: str | None) -> None:
    judged = MATCHING.verify(ROW, text)
    assert judged.answer == answer
    assert judged.reward == float(answer == "Yes")


def test_a_target_with_an_explanation_is_read_as_its_answer() -> None:
    row = Example("r", ROW.fields, "No\nattribute=name|||values=A###B")
    assert MATCHING.refusal(row) == ""
    assert MATCHING.verify(row, "no").reward == 1.0
    with pytest.raises(ValueError, match="holds none of the labels"):
        MATCHING.verify(Example("r", ROW.fields, "perhaps"), "Yes")


def test_an_answer_that_is_none_is_wrong_for_accuracy_and_no_positive_for_f1() -> None:
    targets = ["Yes", "Yes", "Yes", "No", "No"]
    outputs = Outputs(targets=targets, answers=["Yes", None, "No", None, "Yes"])
    context = ScoringContext(labels=MATCHING.labels)
    f1, accuracy = METRICS.get("positive_f1"), METRICS.get("accuracy")
    rows = f1.statistics(outputs, context)
    assert rows.sum(axis=0).tolist() == [1.0, 1.0, 3.0, 2.0]
    assert f1.value(rows) == pytest.approx(2 * 1 / (3 + 2))  # precision 1/2, recall 1/3
    assert accuracy.value(accuracy.statistics(outputs, context)) == pytest.approx(1 / 5)
    silent = Outputs(targets=targets, answers=[None] * 5)
    assert f1.value(f1.statistics(silent, context)) == 0.0


def test_f1_rests_on_the_positive_targets_and_is_that_of_scikit_learn() -> None:
    sklearn = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(0)
    targets, answers = (rng.choice(["Yes", "No"], 40).tolist() for _ in range(2))
    f1 = METRICS.get("positive_f1")
    rows = f1.statistics(Outputs(targets=targets, answers=answers), ScoringContext(labels=("Yes", "No")))
    assert f1.value(rows) == pytest.approx(sklearn.f1_score(targets, answers, pos_label="Yes"))
    assert f1.support is not None
    assert f1.support(rows.sum(axis=0)) == targets.count("Yes")


def test_the_four_wordings_are_two_texts_with_and_without_the_words_that_may_be_answered() -> None:
    texts = [MATCHING.render(ROW, name) for name in ("p1", "p2", "p3", "p4")]
    assert len(set(texts)) == 4
    assert ["Answer Yes if" in text for text in texts] == [True, False, True, False]
    assert all("Entity 1: a\nEntity 2: b\nAnswer: " in text for text in texts)
