import time

import numpy as np
import pytest

from hanka.datasets.overlap import duplicates_within, exact_overlap, near_duplicates_within, near_overlap
from hanka.records import Example


def row(number: int | str, text: str, target: str = "x") -> Example:
    return Example(str(number), {"input": text}, target)


SENTENCE = "the quick brown fox jumps over the lazy dog while nobody in the whole town is looking at it or cares"


def test_exact_matches_ignore_case_width_and_space() -> None:
    first, second = [row(1, "ＡＢＣ  def\n")], [row(2, "abc DEF"), row(3, "abc deg")]
    assert exact_overlap(first, second) == [("1", "2")]


def test_the_target_counts_only_when_asked() -> None:
    first, second = [row(1, "a b", "yes")], [row(2, "a b", "no")]
    assert exact_overlap(first, second) == [("1", "2")]
    assert exact_overlap(first, second, target=True) == []


def test_fields_are_not_mixed_up() -> None:
    one = Example("1", {"input_1": "a b", "input_2": "c"}, "")
    other = Example("2", {"input_1": "a", "input_2": "b c"}, "")
    assert exact_overlap([one], [other]) == []


def test_near_matches_survive_a_small_edit() -> None:
    [match] = near_overlap([row(1, SENTENCE)], [row(2, SENTENCE + " much"), row(3, "something else " * 9)])
    assert (match.first, match.second) == ("1", "2")
    assert match.similarity == pytest.approx(17 / 18)


def test_near_matches_do_without_punctuation() -> None:
    assert near_overlap([row(1, SENTENCE)], [row(2, SENTENCE.replace(" fox", ", fox ;") + " .")])[0].similarity == 1


def test_japanese_is_compared_by_character() -> None:
    text = "吾輩は猫である。名前はまだ無い。どこで生れたかとんと見当がつかぬ。"
    assert near_overlap([row(1, text)], [row(2, text.replace("とんと", ""))], threshold=0.6)


def test_texts_of_a_few_words_match_only_when_equal() -> None:
    assert [match[:2] for match in near_overlap([row(1, "good film")], [row(2, "good film!"), row(3, "bad film")])] == [
        ("1", "2")
    ]


def test_nothing_overlaps_with_nothing() -> None:
    assert near_overlap([], [row(1, "a")]) == []
    assert exact_overlap([row(1, "a")], []) == []


@pytest.mark.parametrize("threshold", [0, -1, 1.01])
def test_a_threshold_out_of_range_is_refused(threshold: float) -> None:
    with pytest.raises(ValueError, match="threshold"):
        near_overlap([row(1, "a")], [row(1, "a")], threshold=threshold)


def test_duplicates_are_named_beside_the_first() -> None:
    rows = [row(1, "a b"), row(2, "A  b"), row(3, "c"), row(4, "a b")]
    assert duplicates_within(rows) == [("1", "2"), ("1", "4")]
    assert [match[:2] for match in near_duplicates_within(rows)] == [("1", "2"), ("1", "4"), ("2", "4")]


def random_rows(rng: np.random.Generator, n: int, length: int) -> list[Example]:
    return [row(i, " ".join(map(str, rng.integers(0, 3000, length)))) for i in range(n)]


def shingles(text: str) -> set[tuple[str, ...]]:
    words = text.split()
    return {tuple(words[i : i + 5]) for i in range(len(words) - 4)}


def test_near_overlap_equals_comparing_every_pair() -> None:
    rng = np.random.default_rng(0)
    first = random_rows(rng, 30, 40)
    second = []
    for number, example in enumerate(first):
        words = example.fields["input"].split()
        for place in rng.choice(40, size=number % 4, replace=False):
            words[place] = "new"
        second.append(row(f"s{number}", " ".join(words)))
    expected = {
        (one.id, other.id)
        for one in first
        for other in second
        if (a := shingles(one.fields["input"]))
        and (b := shingles(other.fields["input"]))
        and len(a & b) / len(a | b) >= 0.6
    }
    assert {match[:2] for match in near_overlap(first, second, threshold=0.6)} == expected
    assert len(expected) > 5


def test_six_thousand_rows_against_five_hundred_take_seconds() -> None:
    rng = np.random.default_rng(1)
    train, test = random_rows(rng, 6000, 60), random_rows(rng, 500, 60)
    begun = time.perf_counter()
    assert near_overlap(train, [*test, train[17]])[0].first == "17"
    # about half a second on one core; the bound leaves room for a busy machine
    assert time.perf_counter() - begun < 8
