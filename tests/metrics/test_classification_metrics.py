from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, f1_score

from hanka.metrics.base import Outputs, ScoringContext
from hanka.metrics.classification import ACCURACY, EXACT_MATCH, MACRO_F1

LABELS = ("entailment", "neutral", "contradiction")
CONTEXT = ScoringContext(labels=LABELS)
PAIRS = st.lists(st.tuples(st.sampled_from(LABELS), st.sampled_from(LABELS)), min_size=1, max_size=30)


@settings(max_examples=150)
@given(PAIRS)
def test_accuracy_and_macro_f1_equal_scikit_learn(pairs: list[tuple[str, str]]) -> None:
    targets, answers = [list(side) for side in zip(*pairs, strict=True)]
    assert ACCURACY.value(ACCURACY.statistics(Outputs(targets, answers), CONTEXT)) == pytest.approx(
        accuracy_score(targets, answers), abs=1e-12
    )
    assert MACRO_F1.value(MACRO_F1.statistics(Outputs(targets, answers), CONTEXT)) == pytest.approx(
        f1_score(targets, answers, average="macro", zero_division=0), abs=1e-12
    )


def test_macro_f1_counts_an_unparsed_answer_as_a_miss_and_not_as_a_label() -> None:
    targets, answers = ["yes", "yes", "no"], ["yes", "", "no"]
    value = MACRO_F1.value(MACRO_F1.statistics(Outputs(targets, answers), ScoringContext(labels=("yes", "no"))))
    expected = f1_score(targets, answers, average="macro", labels=["yes", "no"], zero_division=0)
    assert value == pytest.approx(expected) == pytest.approx((2 / 3 + 1) / 2)


def test_macro_f1_of_weighted_sums_equals_scikit_learn_on_the_repeated_samples() -> None:
    rng = np.random.default_rng(0)
    targets, answers = rng.choice(LABELS, 40), rng.choice(LABELS, 40)
    statistics = MACRO_F1.statistics(Outputs(targets.tolist(), answers.tolist()), CONTEXT)
    weights = rng.integers(0, 4, size=(5, 40))
    values = MACRO_F1.aggregate((weights @ statistics).astype(float), weights.sum(axis=1).astype(float))
    for weight, value in zip(weights, values, strict=True):
        repeated = f1_score(np.repeat(targets, weight), np.repeat(answers, weight), average="macro", zero_division=0)
        assert value == pytest.approx(repeated, abs=1e-12)


def test_macro_f1_is_zero_where_no_label_occurs() -> None:
    assert MACRO_F1.value(MACRO_F1.statistics(Outputs(["-"], [""]), CONTEXT)) == 0.0


def test_macro_f1_without_labels_raises() -> None:
    with pytest.raises(ValueError, match="labels"):
        MACRO_F1.statistics(Outputs(["a"], ["a"]), ScoringContext())


def test_a_target_outside_the_labels_stays_in_the_denominator() -> None:
    assert ACCURACY.value(ACCURACY.statistics(Outputs(["yes", "-"], ["yes", ""]), CONTEXT)) == 0.5


@pytest.mark.parametrize(
    ("target", "answer", "value"),
    [
        ("Paris", " paris \n", 1.0),
        ("東京タワー", "東京タワー", 1.0),
        ("ABC 12", "abc\t12", 1.0),
        ("Straße", "STRASSE", 1.0),
        ("the cat", "cat", 0.0),
        ("", "", 0.0),
    ],
)
def test_exact_match_ignores_form_but_not_words(target: str, answer: str, value: float) -> None:
    assert EXACT_MATCH.statistics(Outputs([target], [answer]), CONTEXT)[0, 0] == value
