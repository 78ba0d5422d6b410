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


WORDS = [f"w{place}" for place in range(20)]


@pytest.mark.parametrize(("shared", "added", "similarity"), [(8, 2, 0.8), (4, 1, 0.8), (7, 2, None), (9, 2, 9 / 11)])
def test_near_begins_at_eight_tenths_of_the_five_word_runs(shared: int, added: int, similarity: float | None) -> None:
    short, long = " ".join(WORDS[: shared + 4]), " ".join(WORDS[: shared + 4 + added])
    for first, second in ((short, long), (long, short)):
        found = near_overlap([row(1, first)], [row(2, second)])
        assert [one.similarity for one in found] == ([] if similarity is None else [similarity])


def test_a_threshold_of_one_keeps_equal_sets_of_runs_only() -> None:
    rows = [row(2, SENTENCE.upper()), row(3, SENTENCE + " much")]
    assert near_overlap([row(1, SENTENCE)], rows, threshold=1) == [("1", "2", 1.0)]


def test_words_in_another_order_are_another_text() -> None:
    assert near_overlap([row(1, "one two three four five")], [row(2, "five four three two one")]) == []
    assert near_overlap([row(1, "a b c d e f")], [row(2, "f e d c b a")], threshold=0.01) == []


def test_a_word_said_twice_is_not_the_word_said_once() -> None:
    assert near_overlap([row(1, "no")], [row(2, "no no"), row(3, "no no no no no no")], threshold=0.01) == []


def test_a_run_that_comes_again_counts_once() -> None:
    # ababab… of 10 and of 20 words hold the same two runs; with five other words there are seven runs, two of them shared
    refrain = "a b " * 5
    found = near_overlap([row(1, refrain)], [row(2, refrain * 2), row(3, refrain + "c d e f g")], threshold=0.1)
    assert found == [("1", "2", 1.0), ("1", "3", pytest.approx(2 / 7))]


def test_texts_without_a_word_are_compared_as_they_are() -> None:
    assert near_overlap([row(1, "…")], [row(2, "!!!"), row(3, "…"), row(4, "")]) == [("1", "3", 1.0)]


def test_case_is_folded_and_not_only_lowered() -> None:
    assert exact_overlap([row(1, "Straße")], [row(2, "STRASSE")]) == [("1", "2")]


@pytest.mark.parametrize("first", ["가", "㐀", "一", "あ", "\ufa0e"])
def test_chinese_japanese_and_korean_characters_are_words(first: str) -> None:
    # ten of them are six runs of five, nine are five; compatibility ideographs that NFKC keeps are not in a row
    text = "﨎﨏﨑﨓﨔﨟﨡﨣﨤﨧" if first == "\ufa0e" else "".join(chr(ord(first) + 2 * place) for place in range(10))
    [match] = near_overlap([row(1, text)], [row(2, text[:-1])])
    assert match.similarity == pytest.approx(5 / 6)


def test_the_target_counts_in_every_comparison_when_asked() -> None:
    rows = [row(1, SENTENCE, "yes"), row(2, SENTENCE, "no"), row(3, SENTENCE, "yes")]
    assert exact_overlap(rows[:1], rows[1:], target=True) == [("1", "3")]
    assert duplicates_within(rows, target=True) == [("1", "3")]
    assert [match[:2] for match in duplicates_within(rows)] == [("1", "2"), ("1", "3")]
    assert near_overlap(rows[:1], rows[1:], target=True) == [("1", "2", pytest.approx(17 / 19)), ("1", "3", 1.0)]
    near = near_duplicates_within(rows, target=True)
    assert near == [("1", "2", pytest.approx(17 / 19)), ("1", "3", 1.0), ("2", "3", pytest.approx(17 / 19))]
    assert [match[:2] for match in near_duplicates_within(rows, target=True, threshold=0.9)] == [("1", "3")]
