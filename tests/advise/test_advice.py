"""`hanka advise` as a whole: a run and a study, its exit codes, JSON, the page in two languages, the drawing."""

from __future__ import annotations

import ast
import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from known_inputs import between, common, exact

import hanka.advise
from fake_runs import fake_run, write_study
from hanka.advise.advice import Advice, Material, advise, as_json, material_of
from hanka.advise.answers import Answered
from hanka.advise.figure import flow_drawing, flow_said
from hanka.advise.flow import walk
from hanka.advise.inputs import SPECS, Given
from hanka.advise.page import advice_html
from hanka.advise.remarks import remarks
from hanka.advise.thresholds import Thresholds
from hanka.advise.usable import Needs
from hanka.cli import main
from hanka.report.words import Lang, Words
from hanka.report.words_advise import ADVISE_EN
from operated_runs import operated_run

LINES = Thresholds()
HOSTILE = "<script>alert(1)</script>"
ANSWERS = "answers: {hard_reasoning: no, knowledge_intensive: no}\n"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("advice")
    return fake_run(write_study(folder), folder / "run").path


@pytest.fixture(scope="module")
def told(run: Path) -> Advice:
    return advise(material_of(run))


def command(*words: str, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(sys, "argv", ["hanka", "advise", *words])
    with pytest.raises(SystemExit) as leaving:
        main()
    return int(leaving.value.code or 0)


def declared_only(inputs: Mapping[str, Given], about: str = "trial") -> Advice:
    material = Material(about, "study", ("sentiment",), {}, Needs(), "en", None, ())
    return advise(material, Answered(inputs, Needs(), LINES))


# ---- the command


def test_a_run_measures_what_it_can_and_does_not_decide_what_it_did_not_show(
    run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code = command(str(run), "--json", monkeypatch=monkeypatch)
    found = json.loads(capsys.readouterr().out)
    assert (found["of"], found["tasks"], found["exit_code"]) == ("run", ["sentiment"], code)
    assert {"n_task_formats", "gain_over_constant", "rows_per_class", "curve_slope", "ood_drop"} <= set(found["inputs"])
    assert all(one["n"] for one in found["inputs"].values() if not one["is_exact"])
    assert all(one["low"] is not None for one in found["inputs"].values() if not one["is_exact"])
    assert found["inputs"]["rows_per_class"]["value"] == 8.0, "16 rows of two labels are few"
    assert found["flow"]["verdict"] == "undecided", "whether the base beats a constant answer is not shown"
    assert found["measurement"]["outcome"] == "undecided", "12 rows in domain"
    assert found["measurement"]["shown"] == "outside"
    assert (found["verdict"], code) == ("undecided", 3), (
        "a gain out of domain alone does not answer questions 2, 4 and 5"
    )
    assert found["measurement"]["reason"] == "flow_open_open"


def test_evidence_decides_what_the_flow_leaves_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code = command(str(operated_run(tmp_path).path), "--json", monkeypatch=monkeypatch)
    found = json.loads(capsys.readouterr().out)
    assert found["flow"]["verdict"] == "undecided"
    assert (found["verdict"], code) == ("FT", 0)
    assert found["measurement"]["reason"] == "open_FT"


def test_an_answer_goes_before_the_measurement_and_both_are_shown(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "answers.yaml"
    file.write_text("answers: {rows_per_class: 300, curve_slope: 0, ood_drop: 0, knowledge_intensive: no}\n")
    code = command(str(run), "--answers", str(file), "--json", monkeypatch=monkeypatch)
    found = json.loads(capsys.readouterr().out)
    assert found["inputs"]["rows_per_class"]["is_measured"] is False
    assert found["overridden"]["rows_per_class"]["value"] == 8.0
    assert code == found["exit_code"]
    assert found["missing"]["on_path"] == ["hard_reasoning", "scale_jump", "reasoning_steps"]


def test_the_terminal_says_verdict_path_flips_and_models(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "advice.html"
    assert command(str(run), "--html", str(page), "--lang", "ja", monkeypatch=monkeypatch) == 3
    said = capsys.readouterr().out
    for words in (
        "fake (run), task sentiment",
        "The path",
        "What would change the advice",
        "smollm2-135m-instruct",
        f"page: {page}",
    ):
        assert words in said
    assert '<html lang="ja">' in page.read_text(encoding="utf-8")


def test_a_study_that_was_not_run_is_advised_on_from_its_file_and_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(str(write_study(tmp_path)), "--json", monkeypatch=monkeypatch) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["of"], found["measurement"]["reason"]) == ("study", "not_run")
    assert found["inputs"]["rows_per_class"]["source"] == "rows"
    assert not {"ood_drop", "curve_slope", "gain_over_constant"} & set(found["inputs"])
    assert found["needs"]["longest_prompt_tokens"] > 0


def test_the_questions_of_a_run_are_a_file_that_it_reads(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["hanka", "advise", str(run), "--questions"])
    main_code(monkeypatch)
    file = tmp_path / "answers.yaml"
    file.write_text(capsys.readouterr().out, encoding="utf-8")
    assert command(str(run), "--answers", str(file), monkeypatch=monkeypatch) == 3


def main_code(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SystemExit) as leaving:
        main()
    assert not leaving.value.code


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--task", "sentimnt"), "did you mean 'sentiment'"),
        (("--lang", "fr"), "--lang 'fr': allowed: en, ja"),
        (("--answers", "none.yaml"), "no such answers file"),
        (("--live", "none.jsonl"), "no such file"),
        (("--questions", "--json"), "give one of them"),
    ],
)
def test_wrong_input_is_one_line_and_2(
    run: Path, words: tuple[str, ...], said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(str(run), *words, monkeypatch=monkeypatch) == 2
    line = capsys.readouterr().err
    assert said in line
    assert line.count("\n") == 1


def test_what_is_neither_run_nor_study_is_2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(str(tmp_path), monkeypatch=monkeypatch) == 2
    assert "is this the folder of a run?" in capsys.readouterr().err
    assert command(str(tmp_path / "none.yaml"), monkeypatch=monkeypatch) == 2


def test_nobody_is_asked_where_nobody_types(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(question: str) -> str:
        raise AssertionError(question)

    monkeypatch.setattr("builtins.input", fail)
    command(str(run), monkeypatch=monkeypatch)


# ---- as a record


def test_the_advice_is_strict_json_and_the_same_again(run: Path, told: Advice) -> None:
    first, again = (json.dumps(as_json(one), allow_nan=False) for one in (told, advise(material_of(run))))
    assert first == again


def test_a_terminal_is_asked_what_the_flow_needs(run: Path) -> None:
    asked: list[str] = []

    def read(question: str) -> str:
        asked.append(question)
        return "no"

    found = advise(declared_only({}).material, Answered(common(hard_reasoning=None), Needs(), LINES), read)
    assert len(asked) == 1
    assert found.inputs["hard_reasoning"].source == "asked"
    assert (found.side, found.exit_code) == ("FT", 0)


@pytest.mark.parametrize(("side", "code"), [("LLM", 0), ("FT", 0), ("undecided", 3)])
def test_a_verdict_leaves_with_0_and_none_with_3(side: str, code: int) -> None:
    inputs = {"LLM": common(rows_per_class=3), "FT": common(), "undecided": common(hard_reasoning=None)}[side]
    found = declared_only(inputs)
    assert (found.side, found.exit_code) == (side, code)


# ---- the page


@pytest.mark.parametrize("lang", ["en", "ja"])
def test_the_page_says_everything_in_its_language_and_runs_nothing_of_the_data(told: Advice, lang: Lang) -> None:
    html = advice_html(told, Words(lang))
    ids = re.findall(r'<section id="(\w+)"', html)
    assert ids == ["path", "beside", "flips", "inputs", "missing", "remarks", "models"]
    assert html.count("<script>") == 1
    assert "https://" not in html
    hostile = advice_html(declared_only(common(), HOSTILE), Words(lang))
    assert HOSTILE not in hostile


def test_a_japanese_page_leaves_no_english_sentence(told: Advice) -> None:
    html = advice_html(told, Words("ja"))
    body = re.sub(r"<style>.*?</style>|<script>.*?</script>|<[^>]+>", "\n", html, flags=re.DOTALL)
    english = [line for line in body.splitlines() if re.search(r"[A-Za-z]{3,} [a-z]{2,} [a-z]{2,}", line)]
    assert [line for line in english if "Yang et al. (2023)" not in line] == []


@pytest.mark.parametrize("lang", ["en", "ja"])
def test_the_drawing_shows_ten_questions_eleven_exits_and_the_way(lang: Lang) -> None:
    words = Words(lang)
    path = walk(common(ood_drop=None) | between("ood_drop", 0.06, 0.02, 0.1), LINES)
    svg = str(flow_drawing(path, words))
    assert svg.count("<rect") == 10 + 11
    assert svg.count("stroke-dasharray") == 1, "question 6 is open"
    assert svg.count('fill="var(--accent)"') == 2, "two exits can be reached"
    assert not re.findall(r"#[0-9a-fA-F]{3,6}\b", svg), "colours are the page's own"
    assert int(re.findall(r'width="(\d+)"', svg)[0]) <= 380, "a screen of 420 pixels shows it whole"
    spoken = flow_said(path, words)
    assert all(words.plain(f"advise_node_{n}").rstrip("?？") in spoken for n in range(1, 9))
    assert words.plain("advise_state_open") in spoken


def test_the_words_of_the_advice_are_all_used_and_all_there() -> None:
    source = "\n".join(path.read_text(encoding="utf-8") for path in Path(hanka.advise.__file__).parent.rglob("*.py"))
    source += (Path(hanka.advise.__file__).parents[1] / "terminal/advice_tables.py").read_text(encoding="utf-8")
    texts = [
        one.value for one in ast.walk(ast.parse(source)) if isinstance(one, ast.Constant) and isinstance(one.value, str)
    ]
    literal = {text for text in texts if text.startswith("advise_")}
    families = tuple({text for text in literal if text.endswith("_")})
    named = {f"advise_input_{name}" for name in SPECS} | {
        f"advise_remark_{one.id}" for one in remarks({}, walk({}, LINES), LINES)
    }
    assert named <= set(ADVISE_EN)
    columns = {f"advise_column_{text}" for text in texts}
    sections = {f"advise_{text}{end}" for text in texts for end in ("", "_lead")}
    unused = {
        key for key in ADVISE_EN if key not in literal | named | columns | sections and not key.startswith(families)
    }
    assert unused == set()
    assert {key for key in literal if not key.endswith("_")} <= set(ADVISE_EN)
    told = {text for text in texts if f"advise_stands_{text}" in ADVISE_EN} | {
        f"flow_open_{one}" for one in ("FT", "LLM", "price", "open")
    }
    told |= {"open_FT", "open_LLM"}
    assert told == {key.removeprefix("advise_stands_") for key in ADVISE_EN if key.startswith("advise_stands_")}


def test_no_advice_is_given_on_a_value_that_is_declared_and_missing_alike() -> None:
    found = declared_only(exact(n_task_formats=1))
    assert found.side == "undecided"
    assert set(found.missing) == set(SPECS) - {"n_task_formats"}


def test_the_guide_names_every_input_and_every_line_with_its_default() -> None:
    guide = (Path(__file__).parents[2] / "docs/advise.md").read_text(encoding="utf-8")
    assert {name for name in SPECS if f"`{name}`" not in guide} == set()
    lines = dict(re.findall(r"^\| `(\w+)` \| ([\d.e]+) \|", guide, flags=re.MULTILINE))
    assert {name: float(value) for name, value in lines.items()} == LINES.model_dump()


def test_the_guide_shows_the_answers_that_it_runs_with() -> None:
    docs = Path(__file__).parents[2] / "docs"
    shown = (docs / "own-data/mails-answers.yaml").read_text(encoding="utf-8").partition("\n")[2]
    assert f"```text\n{shown}```" in (docs / "advise.md").read_text(encoding="utf-8")
