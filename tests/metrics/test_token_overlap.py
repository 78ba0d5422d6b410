"""Token F1 by SQuAD's own rules, by hand."""

from __future__ import annotations

import pytest

from hanka.metrics.token_overlap import answer_words, token_f1_score


@pytest.mark.parametrize(
    ("target", "answer", "expected"),
    [
        ("Denver Broncos", "the Denver Broncos!", 1.0),
        ("Denver Broncos", "Broncos", 2 / 3),
        ("Santa Clara, California", "Levi's Stadium in Santa Clara", 2 * (2 / 5) * (2 / 3) / (2 / 5 + 2 / 3)),
        ("gold", "golden", 0.0),
        ("a a b b", "b b b", 2 * (2 / 3) * 1.0 / (2 / 3 + 1.0)),
        ("U.S.", "US", 1.0),
        ("the", "an", 1.0),
        ("the", "gold", 0.0),
        ("gold", "", 0.0),
        ("赤い旗", "赤い", 2 * 1.0 * (2 / 3) / (1.0 + 2 / 3)),
        ("１９１６年", "1916年", 1.0),
    ],
)
def test_words_are_compared_as_squad_does(target: str, answer: str, expected: float) -> None:
    assert token_f1_score(target, answer) == pytest.approx(expected)
    assert token_f1_score(answer, target) == pytest.approx(expected)


def test_punctuation_and_articles_go_and_words_stay_whole() -> None:
    assert answer_words("The 1st-ever, “Super” Bowl (50)") == ("1stever", "super", "bowl", "50")
