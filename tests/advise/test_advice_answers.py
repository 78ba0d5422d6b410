"""What a user says: files of answers, mistakes in one line, questions one at a time, the file to fill in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml
from known_inputs import NO_TO_ALL, common

from hanka.advise.answers import Answered, ask_for, questions_file, read_answers_file, typed
from hanka.advise.flow import walk
from hanka.advise.inputs import SPECS, counted
from hanka.advise.thresholds import Thresholds
from hanka.advise.usable import Needs
from hanka.errors import HankaError
from hanka.report.words import Words

LINES = Thresholds()
WORDS = Words("en")


def read(folder: Path, text: str) -> Answered:
    path = folder / "answers.yaml"
    path.write_text(text, encoding="utf-8")
    return read_answers_file(path)


def test_a_file_is_read_with_values_intervals_needs_and_lines(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        "answers:\n  hard_reasoning: no\n  rows_per_class: 120\n  messy_input: null\n"
        "  ood_drop: {value: 0.03, low: 0.01, high: 0.06, n: 300, source: pilot in May}\n"
        "needs: {languages: [en, ja], commercial: yes, longest_prompt_tokens: 3000}\nthresholds: {rows_per_class: 100}\n",
    )
    assert found.inputs["hard_reasoning"].value is False
    assert (found.inputs["rows_per_class"].value, found.inputs["rows_per_class"].is_exact) == (120.0, True)
    drop = found.inputs["ood_drop"]
    assert (drop.value, drop.low, drop.high, drop.n, drop.about, drop.is_measured) == (
        0.03,
        0.01,
        0.06,
        300,
        "pilot in May",
        False,
    )
    assert "messy_input" not in found.inputs, "null leaves it unknown"
    assert found.needs == Needs(("en", "ja"), True, 3000)
    assert found.thresholds.rows_per_class == 100


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("answers: {hard_resoning: no}", r"answers.yaml:1: answers.hard_resoning: unknown key .*did you mean 'hard_reasoning'"),
        ("answer: {}", r"unknown key 'answer': did you mean 'answers'"),
        ("answers: {rows_per_class: many}", r"answers.rows_per_class: 'many' is no number; allowed: a number ≥ 0"),
        ("answers: {hard_reasoning: maybe}", r"answers.hard_reasoning: 'maybe' is neither yes nor no"),
        ("answers: {rows_per_class: .nan}", r"rows_per_class: nan is no number"),
        ("answers: {ood_drop: 5}", r"ood_drop: 5 is out of range; allowed: a number ≥ -1 and ≤ 1"),
        ("answers: {n_task_formats: 1.5}", r"n_task_formats: 1.5 is out of range; allowed: a whole number ≥ 1"),
        ("answers: {ood_drop: {value: 0.1, low: 0.2, high: 0.3}}", r"the interval \[0.2, 0.3\] does not hold the value 0.1"),
        ("answers: {ood_drop: {value: 0.1, low: 0.2}}", r"an interval has two ends"),
        ("answers: {ood_drop: {value: 0.1, low: a, high: b}}", r"'a' is no end of an interval"),
        ("answers: {ood_drop: {low: 0.1}}", r"answers.ood_drop.value: the key is missing"),
        ("thresholds: {rows_per_clas: 3}", r"unknown key 'rows_per_clas': did you mean 'rows_per_class'"),
        ("thresholds: {domain_auc: 0.2}", r"thresholds.domain_auc: 0.2 is out of range: give a number ≥ 0.5"),
        ("needs: {commercial: perhaps}", r"needs.commercial: 'perhaps' is neither true nor false"),
        ("needs: {langs: [en]}", r"unknown key 'langs'"),
        ("[1, 2]", r"the answers is a list, not a map"),
        ("", r"the file is empty; `hanka advise … --questions` writes one to fill in"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_line_with_its_place(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(HankaError, match=said) as caught:
        read(tmp_path, text)
    assert "\n" not in str(caught.value)


def test_a_missing_file_says_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(HankaError, match="no such answers file; `hanka advise … --questions` writes one"):
        read_answers_file(tmp_path / "none.yaml")


def typing(*lines: str, asked: list[str]) -> Callable[[str], str]:
    """A terminal on which these lines are typed; then it is closed."""
    waiting: Iterator[str] = iter(lines)

    def line(question: str) -> str:
        asked.append(question)
        try:
            return next(waiting)
        except StopIteration:
            raise EOFError from None

    return line


def test_questions_are_asked_until_the_flow_is_decided() -> None:
    asked: list[str] = []
    inputs = common(hard_reasoning=None, knowledge_intensive=None)
    found = ask_for(inputs, LINES, typing("no", "", "0.01", "never asked", asked=asked), WORDS)
    assert [one.partition("?")[0] for one in asked] == [
        "A hard task that takes reasoning",
        "Takes much knowledge of the world",
        "Gain of answering with passages over without",
    ]
    assert {name: one.value for name, one in found.items()} == {"hard_reasoning": False, "open_book_gain": 0.01}
    assert walk({**inputs, **found}, LINES).side == "FT"


def test_nothing_is_asked_where_the_flow_is_decided() -> None:
    asked: list[str] = []
    assert ask_for(common(), LINES, typing(asked=asked), WORDS) == {}
    assert asked == []


def test_an_empty_line_leaves_it_unknown_and_the_next_one_is_asked() -> None:
    asked: list[str] = []
    found = ask_for(common(hard_reasoning=None), LINES, typing("", "0.3", asked=asked), WORDS)
    assert list(found) == ["scale_jump"]
    assert walk({**common(hard_reasoning=None), **found}, LINES).side == "LLM"


def test_what_is_no_answer_is_asked_again_with_what_is_allowed() -> None:
    asked: list[str] = []
    found = ask_for(common(rows_per_class=None), LINES, typing("lots", "-3", "120", asked=asked), WORDS)
    assert found["rows_per_class"].value == 120.0
    assert "'lots' is no number; allowed: a number ≥ 0" in asked[1]
    assert "-3.0 is out of range" in asked[2]


def test_a_closed_terminal_ends_the_asking_and_keeps_what_was_said() -> None:
    found = ask_for({}, LINES, typing("no", "no", asked=[]), WORDS)
    assert {name: one.value for name, one in found.items()} == {"mimics_human": False, "hard_reasoning": False}


@pytest.mark.parametrize(("said", "read_as"), [("Y", True), ("no", False), ("5%", 0.05), ("12", 12.0), ("x", "x")])
def test_what_is_typed_is_read(said: str, read_as: object) -> None:
    assert typed(said) == read_as


def test_the_file_to_fill_in_names_every_input_and_is_read_back(tmp_path: Path) -> None:
    inputs = common(ood_drop=None) | {"numeric_target": counted(False, "plan")}
    text = questions_file(inputs, Needs(("en",), None, 143), LINES, WORDS)
    assert all(f"{name}: " in text for name in SPECS)
    assert set(yaml.safe_load(text)["answers"]) == set(SPECS) - {"numeric_target"}, "what is measured is a comment"
    found = read(tmp_path, text)
    assert set(found.inputs) == set(NO_TO_ALL) - {"ood_drop", "numeric_target"}
    assert found.needs == Needs(("en",), None, 143)
    assert found.thresholds == LINES


def test_a_language_that_is_no_code_is_one_line_and_no_reason_against_every_model(tmp_path: Path) -> None:
    path = tmp_path / "answers.yaml"
    path.write_text("needs: {languages: [english]}\n", encoding="utf-8")
    with pytest.raises(HankaError, match="'english' is no code of a language; give two small letters"):
        read_answers_file(path)
