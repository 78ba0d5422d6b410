from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hanka.metrics import tokenization
from hanka.metrics.tokenization import japanese_tagger, pair_scheme, rouge_tokenization, rouge_tokens

needs_mecab = pytest.mark.skipif(japanese_tagger() is None, reason="fugashi with a dictionary is not installed")


@pytest.fixture
def without_mecab(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokenization, "japanese_tagger", lambda: None)


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("Don't stop_it: 3.5!", "don t stop it 3 5"),
        ("Don\u2019t", "don t"),
        ("Ünïcode naïve", "ünïcode naïve"),
        ("Привет, мир", "привет мир"),
        ("iPhone15を買う", "iphone15 を 買 う"),
        ("北京大学 2024", "北 京 大 学 2024"),
        ("가나 다라", "가나 다라"),
        ("हिन्दी भाषा", "हिन्दी भाषा"),
        ("ภาษาไทย", "ภ า ษ า ไ ท ย"),
        ("\u0e19\u0e49\u0e33", "\u0e19\u0e49\u0e4d \u0e32"),  # NFKC splits SARA AM into a mark and a letter
        ("👍🏽 ok \ufe0f", "ok"),
        ("カナ", "カ ナ"),
        ("", ""),
    ],
)
def test_words_of_many_scripts(text: str, tokens: str) -> None:
    assert list(rouge_tokens(text)) == tokens.split()


@needs_mecab
def test_japanese_is_cut_into_words_without_punctuation() -> None:
    assert rouge_tokens("猫がiPhone15を\n買った。", "japanese") == ("猫", "が", "iphone", "15", "を", "買っ", "た")


@needs_mecab
def test_one_pair_uses_one_scheme_for_both_sides() -> None:
    assert pair_scheme("東京大学へ行く", "東京大学") == pair_scheme("東京大学", "東京大学へ行く") == "japanese"
    assert pair_scheme("東京大学", "北京大学") == "words"
    assert pair_scheme("cats", "dogs") == "words"


@needs_mecab
@settings(max_examples=60)
@given(st.text(max_size=30))
def test_no_text_breaks_the_japanese_tokenizer(text: str) -> None:
    assert all(token.strip() for token in rouge_tokens(text, "japanese"))


@settings(max_examples=150)
@given(st.text(st.characters(categories=None), max_size=30))
def test_tokens_are_never_empty_and_ignore_case_of_ascii(text: str) -> None:
    tokens = rouge_tokens(text)
    assert all(token and not token.isspace() for token in tokens)
    assert rouge_tokens(f"{text} ABC")[-1:] == ("abc",)


@pytest.mark.usefixtures("without_mecab")
def test_without_mecab_japanese_falls_back_to_characters_and_says_so() -> None:
    assert pair_scheme("猫が好き", "犬が好き") == "words"
    assert rouge_tokenization().endswith("Japanese: characters")
    with pytest.raises(RuntimeError, match=r"pip install 'fugashi>="):
        rouge_tokens("猫が好き、とても", "japanese")


@needs_mecab
def test_the_tokenization_in_use_is_named_with_versions() -> None:
    assert "fugashi 1" in rouge_tokenization()
    assert "unidic" in rouge_tokenization()
