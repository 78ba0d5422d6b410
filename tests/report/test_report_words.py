"""Both languages say everything, and only what is used."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import hanka.report
from hanka.metrics import METRICS
from hanka.report.provenance import TERMS
from hanka.report.stored_words import SENTENCES, in_japanese, place_in_japanese
from hanka.report.words import LANGUAGES, Words

SOURCES = Path(hanka.report.__file__).parent
ROOT = SOURCES.parent
SAME = {"n", "metric_rouge_l", "metric_rouge_1", "metric_rouge_2", "shots"}
"Keys whose text is the same in both languages."


def _places(text: str) -> list[str]:
    return sorted(re.findall(r"\{(\w*)\}", text))


def test_the_languages_have_the_same_keys_and_places() -> None:
    english, japanese = LANGUAGES["en"], LANGUAGES["ja"]
    assert english.keys() == japanese.keys()
    assert {key for key in english if _places(english[key]) != _places(japanese[key])} == set()


def test_every_word_is_translated() -> None:
    english, japanese = LANGUAGES["en"], LANGUAGES["ja"]
    assert {key for key in english if english[key] == japanese[key]} == SAME
    kana = re.compile(r"[\u3040-\u30ff\u4e00-\u9fff]")
    assert {key for key in japanese if not kana.search(japanese[key])} == SAME


def test_every_word_is_used_and_every_used_word_exists() -> None:
    texts = [
        path.read_text()
        for folder in (SOURCES, SOURCES.parent / "operations")
        for path in folder.rglob("*.*")
        if path.suffix in (".py", ".j2") and "words_" not in path.name
    ]
    source = "\n".join(texts)
    quoted = set(re.findall(r"[\"']([a-z][a-z_0-9]*)[\"']", source))
    looked_up = re.compile(
        r"^(relation|verdict|metric|task|baseline|audit|status|change|protocol|term|about|total|study|group|question|column|axis|outcome|expected|call|plain|fit|arrow|slice|script|ab|advise|costs|gate|monitor|guardrail|judge|shape|series|emergence|robustness|mix|cocktail|generalist|distillation)_"
    )
    tables = {f"{name}_caption" for name in quoted}
    unused = {key for key in LANGUAGES["en"] if key not in quoted | tables and not looked_up.match(key)}
    assert unused == set()
    called = set(re.findall(r'words(?:\.plain)?\("([a-z_0-9]+)"', source))
    assert called - LANGUAGES["en"].keys() == set()


def test_every_metric_and_every_term_has_its_words() -> None:
    words = LANGUAGES["en"]
    assert {metric.name for metric in METRICS if f"metric_{metric.name}" not in words} == set()
    defined = {key.removeprefix("term_") for key in words if key.startswith("term_")}
    assert defined == set(TERMS) == {key.removeprefix("about_") for key in words if key.startswith("about_")} - {
        "protocol_corrected", "protocol_paper", "protocol_other",
    }  # fmt: skip


@pytest.mark.parametrize("lang", ["en", "ja"])
def test_names_in_sentences_are_inert(lang: str) -> None:
    words = Words(lang)  # type: ignore[arg-type]
    said = words("group_trained", task="<b>{dataset}", dataset="\u202eevil")
    assert "<bdi>&lt;b&gt;{dataset}</bdi>" in said
    assert "⟨U+202E⟩evil" in said
    assert "<bdi>" not in words.plain("shots", count=2)


def test_a_sentence_of_analysis_falls_back_to_the_other_language() -> None:
    assert Words("ja").written({"sentence_en": "only English"}, "sentence") == "only English"
    assert Words("ja").written({"sentence_en": "a", "sentence_ja": "あ"}, "sentence") == "あ"
    assert Words("en").written({}, "sentence") == ""


def test_metrics_in_a_japanese_sentence_of_analysis_have_their_japanese_names() -> None:
    stored = {
        "sentence_ja": "ドメイン内の Accuracy は 0.5、ROUGE-L は 0.2。Accuracy-set は名前。",
        "sentence_en": "Accuracy in domain",
    }
    assert Words("ja").written(stored, "sentence") == "ドメイン内の正解率は 0.5、ROUGE-L は 0.2。Accuracy-set は名前。"
    assert Words("en").written(stored, "sentence") == "Accuracy in domain"


def test_what_other_stages_store_in_english_is_japanese_on_a_japanese_page() -> None:
    english = re.compile(r"[A-Za-z]{4,} [a-z]{2,} [a-z]{2,}")
    assert {text for text, said in SENTENCES.items() if english.search(said)} == set()
    for place, said in {
        "mails test": "mails のテスト",
        "mails train × tweets test": "mails の学習データ × tweets のテスト",
        "mails train (seed 1) × its demonstrations": "mails の学習データ（シード 1） × その例示",
        "sft on mails, 1,024 rows": "mails 1,024 件で学習した sft",
        "mails test, p1": "mails のテスト（p1）",
        "jnli: 1410 train, 974 test, 16 demonstrations": "jnli：学習 1410 件、テスト 974 件、例示 16 件",
        "mails: 70 train, 20 test": "mails：学習 70 件、テスト 20 件",
        "mails: 70 train, 10 validation, 20 test": "mails：学習 70 件、検証 10 件、テスト 20 件",
        "elsewhere": "elsewhere",
    }.items():
        assert place_in_japanese(place) == said
    assert (
        in_japanese("rows do not fit max_length 64 and are left out")
        == "max_length 64 に収まらない行です。使わずに除外しました"
    )
    assert in_japanese("mails test") == "mails test", "a name is no place"


def test_every_sentence_that_audits_datasets_and_models_store_is_translated() -> None:
    """Read from their sources: what stands in a call as a message or note, without the parts that are filled in."""
    places = [*(ROOT / "audits").glob("*.py"), *(ROOT / "datasets").rglob("*.py"), ROOT / "models/catalogue.py"]
    found = set()
    for path in places:
        for call in (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)):
            name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
            values = [one.value for one in call.keywords if one.arg == "note"]
            values += call.args[4:5] if name == "found" else call.args[2:3] if name == "count" else []
            found |= {
                one.value
                for one in values
                if isinstance(one, ast.Constant) and isinstance(one.value, str) and one.value
            }
    assert len(found) > 30
    assert {text for text in found if in_japanese(text) == text} == set()
