from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from ab_logs import design, right, rows, write

import hanka.operations.ab
from hanka.operations.ab.judged import Result, judge_log
from hanka.operations.ab.markdown import markdown
from hanka.operations.ab.page import result_html
from hanka.operations.ab.told import tell
from hanka.operations.ab.written import as_json
from hanka.report.words import LANGUAGES, Words
from hanka.report.words_ab import AB_EN, AB_JA

EN, JA = Words("en"), Words("ja")
SITUATIONS: dict[str, tuple[list[dict[str, Any]], dict[str, Any]]] = {
    "better": (rows(right(600, 1000), right(700, 1000)), {}),
    "worse": (rows(right(700, 1000), right(600, 1000)), {"test": "fixed", "horizon": 2000}),
    "equivalent": (rows(right(600, 1000), right(600, 1000)), {"metric": {"equivalence": 0.1}}),
    "leaning": (rows(right(600, 1000), right(650, 1000)), {}),
    "undecided": (rows(right(600, 1000), right(600, 1000)), {}),
    "mismatch": (rows(right(600, 1000), right(560, 800)), {"salt": "s"}),
    "nothing": (rows([None, 1], [0, "?"]), {}),
    "numbers": (rows([1.5, 2.5] * 60, [1.25, 3.25] * 60), {"metric": {"kind": "mean"}, "horizon": 500}),
    "several": (
        rows(right(500, 1000), right(600, 1000)) + [{"unit": f"x{at}", "arm": "x", "outcome": at % 2} for at in range(1000)],
        {"arms": {"now": 1, "new": 1, "x": 1}},
    ),
    "pairs": (
        [{"item": f"q{at}", "arm": arm, "outcome": int(at % 9 > (arm == "new")), "value": at} for at in range(90) for arm in ("now", "new")],
        {},
    ),
    "guarded": (
        [{**row, "tone": at % 2, "value": at % 5} for at, row in enumerate(rows(right(600, 1000), right(700, 1000)))],
        {"guardrails": {"tone": {"field": "tone", "harm": 0.001, "kind": "share"}}},
    ),
}  # fmt: skip


def result_of(name: str, folder: Path) -> Result:
    found, changed = SITUATIONS[name]
    return judge_log((write(folder / "log.jsonl", found),), design(**changed))


def test_both_languages_say_the_same_things_with_the_same_names() -> None:
    assert AB_EN.keys() == AB_JA.keys()
    assert all(key.startswith("ab_") for key in AB_EN)
    for key, text in AB_EN.items():
        assert set(re.findall(r"{(\w+)}", text)) == set(re.findall(r"{(\w+)}", AB_JA[key])), key
        assert LANGUAGES["ja"][key] == AB_JA[key]


def test_japanese_leaves_no_english_over() -> None:
    allowed = r"{\w+}|A/B|p|id|t|Miettinen|Nurminen|Welch|Student|Tango|Robbins|Waudby-Smith|Ramdas|[^A-Za-z]"
    for key, text in AB_JA.items():
        rest = re.sub(r"{\w+}", "", text)
        assert not [word for word in re.findall(r"[A-Za-z/-]+", rest) if not re.fullmatch(allowed, word)], key


def test_every_word_is_used() -> None:
    folder = Path(hanka.operations.ab.__file__).parent
    source = "".join(path.read_text(encoding="utf-8") for path in folder.glob("*.py"))
    literals = set(re.findall(r"[\"']([a-z][a-z_-]*)[\"']", source))
    looked_up = re.compile(
        r"ab_(?:word_|reason_|guard_|row_|term_|check_|why_|outcome_|column_|test_|method_|every_|metric_|)(.*)"
    )
    unused = {
        key for key in AB_EN if key not in literals and (found := looked_up.fullmatch(key)) and found[1] not in literals
    }
    assert unused == set()


@pytest.mark.parametrize("name", SITUATIONS)
@pytest.mark.parametrize("words", [EN, JA], ids=["en", "ja"])
def test_every_situation_has_its_words(name: str, words: Words, tmp_path: Path) -> None:
    result = result_of(name, tmp_path)
    told = tell(result, words)
    text = markdown(told, words)
    page = result_html(result, [Path("log.jsonl")], words)
    for piece in (told.word, *told.sentences, result.design.hash):
        assert piece in text.replace("\\", "")
    assert result.design.hash in page
    assert "{" not in re.sub(r"\[\[.*?\]\]|<style>.*?</style>|<script.*?</script>", "", text)
    widths = {line.count("|") for line in text.splitlines() if line.startswith("| ")}
    assert widths, "a table at least"


def test_no_value_travels_without_its_interval_and_n(tmp_path: Path) -> None:
    said = as_json(result_of("better", tmp_path))
    (one,) = said["results"]
    assert one["of_arm"] | {"low": 0, "high": 0} == {
        "value": 0.7,
        "low": 0,
        "high": 0,
        "n": 1000,
        "n_rows": 1000,
        "n_missing": 0,
    }
    assert one["once"]["interval"][0] < one["delta"] < one["once"]["interval"][1]
    assert one["always"]["interval"][0] < one["once"]["interval"][0]
    assert said["verdict"] == "better"
    assert json.loads(json.dumps(said, allow_nan=False)) == said


@pytest.mark.parametrize("name", SITUATIONS)
def test_every_result_is_json_without_numbers_that_are_none(name: str, tmp_path: Path) -> None:
    said = as_json(result_of(name, tmp_path))
    assert json.loads(json.dumps(said, allow_nan=False))["exit_code"] in (0, 1, 3)


def test_names_from_a_log_stay_text(tmp_path: Path) -> None:
    found = [
        {**row, "arm": "<b>new</b>" if row["arm"] == "new" else "now"} for row in rows(right(60, 100), right(90, 100))
    ]
    found.append({"unit": "<script>alert(1)</script>", "arm": "<i>", "outcome": 1})
    path = write(tmp_path / "log.jsonl", found)
    from hanka.operations.ab.supposed import supposed_design

    agreed, are_weights_agreed = supposed_design([path], "now", {"now": "1", "new": "1"}, {})
    assert are_weights_agreed
    result = judge_log((path,), agreed, False)
    assert result.counted["unknown_arm"] == 101
    assert "<script>alert" not in result_html(result, [path], EN)
    assert "<b>" not in markdown(tell(result, EN), EN)


def test_small_numbers_are_not_written_as_nothing(tmp_path: Path) -> None:
    found = rows([0.0003, 0.0005] * 60, [0.0001, 0.0002] * 60)
    told = tell(judge_log((write(tmp_path / "log.jsonl", found),), design(metric={"kind": "mean"})), EN)
    assert "0.000150 against 0.000400" in told.sentences[0]
    assert "−0.000250 [" in told.sentences[0]


def test_a_guardrail_that_is_open_for_another_reason_says_which(tmp_path: Path) -> None:
    found = [{**row, "tone": 1.0 + at % 2} for at, row in enumerate(rows(right(600, 1000), right(560, 800)))]
    result = judge_log(
        (write(tmp_path / "log.jsonl", found),), design(guardrails={"tone": {"field": "tone", "harm": 0.5}})
    )
    said = tell(result, EN).sentences[1]
    assert "may be worse" not in said
    assert AB_EN["ab_reason_sample_ratio"] in said


def test_reasons_and_counts_are_never_cut(tmp_path: Path) -> None:
    arms = {"now": 1} | {f"an-arm-with-a-long-name-{at}": 1 for at in range(6)}
    found = [{"unit": f"{arm}-{at}", "arm": arm, "outcome": 1} for arm in arms for at in range(20)]
    result = judge_log((write(tmp_path / "log.jsonl", found[:-15]),), design(arms=arms, salt="s"))
    told = tell(result, EN)
    assert "…" not in " ".join(
        (*told.sentences, *(cell for table in told.tables for row in table.rows for cell in row))
    )
    assert told.sentences[0].endswith(AB_EN["ab_reason_before_first_look"])


def test_a_metric_may_be_called_value(tmp_path: Path) -> None:
    found = [{**row, "value": 2 * at} for at, row in enumerate(rows(right(60, 100), right(90, 100)))]
    result = judge_log((write(tmp_path / "log.jsonl", found),), design(metric={"name": "value"}))
    table, worth = (next(one for one in tell(result, EN).tables if one.id == name) for name in ("result", "value"))
    assert (table.rows[0][1], worth.rows[0][1]) == ("value", AB_EN["ab_value"])


def test_the_page_shows_a_mismatch_as_the_reason(tmp_path: Path) -> None:
    page = result_html(result_of("mismatch", tmp_path), [Path("log.jsonl")], EN)
    assert AB_EN["ab_reason_sample_ratio"].split(",")[0] in page
    assert "now 1,000, new 800" in page
