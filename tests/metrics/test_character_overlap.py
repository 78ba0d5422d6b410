import pytest

from hanka.metrics.character_overlap import character_f1_score


@pytest.mark.parametrize(
    ("target", "answer", "score"),
    [
        ("水色の風船", "水色の風船", 1.0),
        ("水色の風船", "水色の", 2 * 1.0 * 0.6 / 1.6),
        ("棚2から棚9", "棚２ から 棚９", 1.0),
        ("東京タワー", "大阪城", 0.0),
        ("ああ", "あ", 2 / 3),
        ("東京", "", 0.0),
        ("", "東京", 0.0),
        ("JR", "jr", 1.0),
    ],
)
def test_characters_are_counted_whatever_their_width_case_and_spaces(target: str, answer: str, score: float) -> None:
    assert character_f1_score(target, answer) == pytest.approx(score, abs=1e-12)


def test_a_character_counts_as_often_as_both_sides_have_it() -> None:
    assert character_f1_score("ああい", "あいい") == pytest.approx(2 / 3, abs=1e-12)


def test_order_does_not_count() -> None:
    assert character_f1_score("東京都", "都京東") == 1.0
