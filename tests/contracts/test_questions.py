"""Every question: described, answers a run or says nothing, in two languages, the same every time."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from fake_runs import STUDY, fake_run, write_study
from hanka.analysis import analyse
from hanka.analysis.evidence import Evidence, load_evidence
from hanka.analysis.questions import QUESTIONS, Answer, Column, Measured, Question, answer_all
from hanka.report.words import LANGUAGES
from hanka.store.folder import RunFolder, read_json, write_json

OF_OTHER_RUNS = ("emergence", "intruders", "levels", "transfer_gain", "cocktail", "generalist")
"Questions that need a run of their own; their tests ask the same of them."
Ask = Callable[[Question], Answer | None]
EVERY = pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.name)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A run of three bases in which one was asked of a server and steered, rows were shown beside training on them, and a student distilled."""
    folder = tmp_path_factory.mktemp("questions")
    methods = "[base, sft, icl, {proxy: {expert: sft}}, {distil: {before: '{input} '}},"
    shown = STUDY.replace("[base, sft,", methods).replace("shots: [0, 2]", "shots: [0, 2], contexts: [drawn, own_rows]")
    changed = "{slips: {recipe: {typos: {of: shop}}}, alone: {recipe: {hypothesis_only: {of: home}}}}"
    shown = shown.replace("tasks: {", f"datasets: {changed}\ntasks: {{inference: {{train: null}}, ")
    shown = shown.replace("base: smollm2-135m-instruct", "base: [smollm2-135m-instruct, smollm2-360m, smollm2-1.7b]")
    found = fake_run(write_study(folder, shown), folder / "run")
    base = next(one["id"] for one in read_json(found.plan)["variants"] if one["method"] == "base")
    asked = {"n_requests": 40, "n_read": 900, "n_written": 40, "request_seconds": 0.25}
    price = {"input": 1.0, "output": 2.0, "currency": "USD"}
    write_json(found.plan, read_json(found.plan) | {"prices": {"smollm2-135m-instruct": price}})
    for cell in (one for one in read_json(found.plan)["cells"] if one["variant_id"] == base):
        place = found.cell(cell["id"]) / "cell.json"
        write_json(place, read_json(place) | {"asked": asked})
    return found


@pytest.fixture(scope="module")
def ask(run: RunFolder) -> Ask:
    """Ask a question of the run, once."""
    evidence, known = load_evidence(run), dict[str, Answer | None]()

    def answer(question: Question) -> Answer | None:
        if question.name not in known:
            known[question.name] = question.ask(evidence)
        return known[question.name]

    return answer


@pytest.fixture(scope="module")
def again(run: RunFolder) -> Evidence:
    """The run, read once more."""
    return load_evidence(run)


@pytest.fixture(scope="module")
def backward(run: RunFolder) -> Evidence:
    """The run, its cells the other way round."""
    found = load_evidence(run)
    found.cells = dict(reversed(found.cells.items()))
    return found


@EVERY
def test_it_says_what_it_asks_and_after_whom(question: Question) -> None:
    assert question.description
    assert question.reference
    assert question.version >= 1


@EVERY
def test_an_answer_is_json_in_two_languages_and_the_same_every_time(
    question: Question, ask: Ask, again: Evidence
) -> None:
    answers = [ask(question), question.ask(again)]
    if answers[0] is None:
        return
    first, second = (answer.as_json() for answer in answers if answer)
    assert json.loads(json.dumps(first, allow_nan=False)) == first == second
    assert first["sentence_en"] != first["sentence_ja"]
    assert first["sentence_ja"]
    assert all(note["message_en"] and note["message_ja"] for note in first["notes"])


@pytest.mark.parametrize(
    "question",
    [one for one in QUESTIONS if one.ask.__module__.startswith("hanka.")],
    ids=lambda question: question.name,
)
def test_columns_and_axes_of_our_questions_have_words(question: Question, ask: Ask) -> None:
    answer = ask(question)
    for words in LANGUAGES.values():
        assert f"question_{question.name}" in words
        if answer:
            assert {column.name for column in answer.columns if f"column_{column.name}" not in words} == set()
            axes = {axis for curve in answer.curves for axis in (curve.x_label, curve.y_label)}
            assert {axis for axis in axes if f"axis_{axis}" not in words} == set()


@EVERY
def test_a_run_without_results_is_no_error(question: Question, run: RunFolder, tmp_path: Path) -> None:
    write_json(tmp_path / "plan.json", read_json(run.plan))
    answer = question.ask(load_evidence(RunFolder(tmp_path)))
    assert answer is None or answer.sentence_en


@EVERY
def test_the_order_of_the_cells_changes_no_number(question: Question, ask: Ask, backward: Evidence) -> None:
    one, other = ask(question), question.ask(backward)
    if question.name in OF_OTHER_RUNS:
        assert one is other is None
        return
    assert one is not None
    assert other is not None
    strip = [column.name != "number" for column in one.columns]

    def rows(answer: Answer) -> set[str]:
        kept = ([entry for entry, keeps in zip(row, strip, strict=True) if keeps] for row in answer.rows)
        # To nine places: sums in another order differ in the last bits.
        return {re.sub(r"\d+\.\d+(e-?\d+)?", lambda number: f"{float(number[0]):.9f}", repr(row)) for row in kept}

    assert rows(one) == rows(other)


def test_answers_stand_in_the_findings_under_their_names(run: RunFolder) -> None:
    analyse(run)
    stored = read_json(run.findings)["answers"]
    assert stored == json.loads(json.dumps(answer_all(load_evidence(run))))
    assert {"version", "reference", "description", "sentence_en", "rows", "curves"} <= set(stored["tradeoff"])


def test_a_question_of_a_third_party_is_asked_like_ours(run: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = Question("theirs", "us", "how many cells?", 1, lambda found: Answer(str(len(found.cells)), "数"))
    monkeypatch.setitem(QUESTIONS._entries, "theirs", theirs)
    found = load_evidence(run)
    assert answer_all(found)["theirs"]["sentence_en"] == str(len(found.cells))


def test_rows_are_as_wide_as_the_table_and_numbers_finite() -> None:
    with pytest.raises(ValueError, match="a row of 2 entries in a table of 1 columns"):
        Answer("a", "b", (Column("x"),), (("1", "2"),))
    with pytest.raises(ValueError, match="nan in an answer"):
        Answer("a", "b", (Column("x", "value"),), ((Measured(float("nan")),),)).as_json()
