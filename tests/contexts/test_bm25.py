"""BM25 against the formula worked by hand, and what counts as a term."""

from math import log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hanka.contexts.bm25 import Index, terms

DOCUMENTS = ["The cat sat.", "A dog sat, a dog barked!", "Rain."]


def test_scores_are_those_of_the_formula_on_three_documents() -> None:
    # Lengths 3, 6, 1; mean 10/3. idf = ln(1 + (3 - df + 0.5) / (df + 0.5)); tf / (tf + 1.5 (0.25 + 0.75 length / mean)).
    mean = 10 / 3
    idf_cat, idf_dog, idf_sat = log(1 + 2.5 / 1.5), log(1 + 2.5 / 1.5), log(1 + 1.5 / 2.5)
    first, second = (1.5 * (0.25 + 0.75 * length / mean) for length in (3, 6))
    index = Index.of(DOCUMENTS)
    assert index.scores("dog") == pytest.approx([0, idf_dog * 2 / (2 + second), 0], abs=1e-9)
    assert index.scores("sat cat") == pytest.approx(
        [(idf_sat + idf_cat) / (1 + first), idf_sat / (1 + second), 0], abs=1e-9
    )
    # 0.98083 · 2 / (2 + 2.4) and so on, as numbers
    assert index.scores("dog")[1] == pytest.approx(0.445831, abs=1e-6)
    assert index.scores("sat")[:2] == pytest.approx([0.196860, 0.138236], abs=1e-6)


def test_a_term_the_query_repeats_counts_each_time() -> None:
    index = Index.of(DOCUMENTS)
    assert index.scores("dog dog") == pytest.approx(2 * index.scores("dog"))


def test_the_best_comes_first_and_equal_ones_keep_their_order() -> None:
    index = Index.of(["a b", "c", "a", "c", "a"])
    assert index.ranked("a") == [2, 4, 0, 1, 3]
    assert index.ranked("nothing of it") == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("texts", [["", "…"], [""]])
def test_a_collection_without_a_term_scores_nothing(texts: list[str]) -> None:
    assert Index.of(texts).scores("a").tolist() == [0.0] * len(texts)
    assert Index.of(["a"]).scores("…").tolist() == [0.0]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The CAT's 2 hats_on", ["the", "cat", "s", "2", "hats", "on"]),
        ("Straße, ЁЛКА; naïve", ["straße", "ёлка", "naïve"]),
        ("時計の看板", ["時計", "計の", "の看", "看板"]),
        ("犬。猫!", ["犬", "猫"]),
        ("ﾊﾟﾝを3個 GPT", ["パン", "ンを", "3", "個", "gpt"]),
        ("हिन्दी", ["हिन्दी"]),
        ("한국어 문장", ["한국어", "문장"]),
        ("", []),
    ],
)
def test_terms_are_lower_case_words_and_pairs_of_unspaced_characters(text: str, expected: list[str]) -> None:
    assert terms(text) == expected


def test_japanese_finds_the_sentence_that_is_about_the_same() -> None:
    sentences = [
        "時計がついている場所にパブリックマーケットセンターとかかれた看板が設置されています。",
        "キリンが、木の中から首を出しています。",
        "曇り空の山肌で、牛が２匹草を食んでいます。",
    ]
    index = Index.of(sentences)
    assert index.ranked("屋根の上に看板があり時計もついています。")[0] == 0
    assert index.ranked("キリンが木々のあいだから顔を出しています。")[0] == 1
    assert index.ranked("山の上に顔の白い牛が2頭います。")[0] == 2


WORDS = st.lists(st.sampled_from("abcde"), max_size=5).map(" ".join)


@given(st.lists(WORDS, min_size=1, max_size=8), WORDS, st.randoms(use_true_random=False))
def test_a_text_scores_the_same_wherever_it_stands(texts: list[str], query: str, random: object) -> None:
    order = list(range(len(texts)))
    random.shuffle(order)  # type: ignore[attr-defined]
    scores = Index.of(texts).scores(query)
    shuffled = Index.of([texts[place] for place in order]).scores(query)
    assert [scores[place] for place in order] == shuffled.tolist()
    assert all(score >= 0 for score in scores)


def test_many_equal_texts_keep_their_order() -> None:
    assert Index.of(["b", "a"] * 200).ranked("a")[:200] == list(range(1, 400, 2))


def test_scores_are_rounded_so_that_ties_are_ties_on_every_machine() -> None:
    scores = Index.of(DOCUMENTS).scores("the cat sat with a dog")
    assert scores.tolist() == [round(score, 9) for score in scores.tolist()]
    assert any(scores)
