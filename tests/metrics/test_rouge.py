from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rouge_score.rouge_scorer import RougeScorer

from hanka.metrics.base import Outputs, ScoringContext
from hanka.metrics.rouge import ROUGE_1, ROUGE_2, ROUGE_L, lcs_length, ngram_overlap, rouge_l_score
from hanka.metrics.tokenization import japanese_tagger

PAIRED = {"rouge1": ROUGE_1, "rouge2": ROUGE_2, "rougeL": ROUGE_L}
SCORER = RougeScorer(list(PAIRED), use_stemmer=False)
CONTEXT = ScoringContext()
ASCII = st.text(st.characters(max_codepoint=127), max_size=60)
JAPANESE = ("猫が庭で鳴いている。", "庭で猫が大きな声で鳴いた。")


def assert_equal_to_rouge_score(target: str, answer: str) -> None:
    expected = SCORER.score(target, answer)
    for key, metric in PAIRED.items():
        assert metric.statistics(Outputs([target], [answer]), CONTEXT)[0, 0] == expected[key].fmeasure, (
            key,
            target,
            answer,
        )


def test_rouge_equals_rouge_score_bit_for_bit_on_1000_generated_pairs() -> None:
    rng = random.Random(0)
    pieces = [
        "a",
        "b",
        "the",
        "The",
        "cat",
        "sat",
        "on_mat",
        "don't",
        "U.S.",
        "42",
        "3.5",
        "x-y",
        "Cat,",
        "(end)",
        "\n",
    ]
    for _ in range(1000):
        target, answer = (" ".join(rng.choices(pieces, k=rng.randint(0, 40))) for _ in range(2))
        assert_equal_to_rouge_score(target, answer)


@settings(max_examples=300)
@given(ASCII, ASCII)
def test_rouge_equals_rouge_score_on_any_ascii(target: str, answer: str) -> None:
    assert_equal_to_rouge_score(target, answer)


def test_rouge_matches_the_worked_example_of_lin_2004() -> None:
    # Section 3: reference "police killed the gunman"; S2 shares "police ... the gunman", S3 "the gunman".
    reference = "police killed the gunman"
    assert rouge_l_score(reference, "police kill the gunman") == 0.75
    assert rouge_l_score(reference, "the gunman kill police") == 0.5
    assert ROUGE_2.statistics(Outputs([reference] * 2, ["police kill the gunman", "the gunman kill police"]), CONTEXT)[
        :, 0
    ].tolist() == pytest.approx([1 / 3, 1 / 3])


@settings(max_examples=200)
@given(st.lists(st.sampled_from("abcd"), max_size=25), st.lists(st.sampled_from("abcd"), max_size=25))
def test_bit_parallel_lcs_equals_the_table(first: list[str], second: list[str]) -> None:
    table = [[0] * (len(second) + 1) for _ in range(len(first) + 1)]
    for i, left in enumerate(first):
        for j, right in enumerate(second):
            table[i + 1][j + 1] = table[i][j] + 1 if left == right else max(table[i][j + 1], table[i + 1][j])
    assert lcs_length(first, second) == lcs_length(second, first) == table[-1][-1]


def test_ngrams_are_counted_with_multiplicity() -> None:
    assert ngram_overlap("aaab", "aabb", 1) == 3
    assert ngram_overlap("aaab", "aabb", 2) == 2
    assert ngram_overlap(["a"], ["a"], 2) == 0


@pytest.mark.parametrize("metric", PAIRED.values(), ids=lambda metric: metric.name)
@pytest.mark.parametrize(
    ("target", "answer"),
    [JAPANESE, ("Кошка сидит на окне дома", "кошка сидит на крыше"), ("我们今天去北京大学", "我们明天去北京大学")],
    ids=["japanese", "russian", "chinese"],
)
def test_rouge_works_beyond_ascii(metric, target: str, answer: str) -> None:
    related, same, other = metric.statistics(Outputs([target] * 3, [answer, target, "completely different"]), CONTEXT)[
        :, 0
    ]
    assert 0 < related < 1
    assert same == 1
    assert other == 0
    assert SCORER.score(target, target)["rougeL"].fmeasure == 0  # why this tokenizer exists


@pytest.mark.skipif(japanese_tagger() is None, reason="fugashi with a dictionary is not installed")
def test_japanese_rouge_l_counts_words() -> None:
    # 猫|が|好き and 犬|が|好き share two of three words.
    assert rouge_l_score("猫が好き", "犬が好き") == pytest.approx(2 / 3)


def test_accented_letters_stay_inside_words() -> None:
    assert rouge_l_score("café olé", "caf ol") == 0
    assert rouge_l_score("café", "cafe\u0301") == 1


def test_long_texts_are_fast() -> None:
    words = [f"w{i % 997}" for i in range(20_000)]
    assert lcs_length(words, words[1:]) == 19_999  # a quadratic table of 4e8 cells would take minutes
