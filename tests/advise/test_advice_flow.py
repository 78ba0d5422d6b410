"""The flow: eleven exits, the corrections of the figure, open branches, and what a careful reader would say of twelve tasks."""

from __future__ import annotations

import math

import pytest
from known_inputs import NO_TO_ALL, between, common, exact

from hanka.advise.flow import FLOW_INPUTS, QUESTIONS, ExitReached, walk
from hanka.advise.inputs import SPECS, Given, measured
from hanka.advise.signs import held
from hanka.advise.thresholds import Thresholds
from hanka.errors import HankaError

LINES = Thresholds()
EXITS = {
    (1, "yes", "LLM"): common(mimics_human=True),
    (2, "yes", "LLM"): common(hard_reasoning=True),
    (3, "yes", "LLM"): common(n_task_formats=2),
    (4, "yes", "FT"): common(numeric_target=True),
    (5, "yes", "LLM"): common(rows_per_class=49),
    (6, "yes", "LLM"): common(ood_drop=0.06),
    (7, "yes", "LLM"): common(creative=True),
    (8, "no", "FT"): common(),
    (9, "yes", "FT"): common(knowledge_intensive=True, answer_in_context=0.9),
    (10, "yes", "?"): common(knowledge_intensive=True, knowledge_conflict=True),
    (10, "no", "LLM"): common(knowledge_intensive=True),
}


@pytest.mark.parametrize("wanted", EXITS, ids=lambda one: f"{one[0]}-{one[1]}-{one[2]}")
def test_every_exit_is_reached_by_inputs_that_lead_there(wanted: tuple[int, str, str]) -> None:
    path = walk(EXITS[wanted], LINES)
    assert [(one.number, one.answer, one.exit) for one in path.exits] == [wanted]
    assert path.side == {"LLM": "LLM", "FT": "FT", "?": "undecided"}[wanted[2]]


def test_the_figure_has_eleven_exits_and_each_is_covered() -> None:
    leaving = {
        (one.number, answer, one.leads(answer))
        for one in QUESTIONS
        for answer in ("yes", "no")
        if not isinstance(one.leads(answer), int)
    }
    assert len(leaving) == 11
    assert leaving == set(EXITS)


def test_branches_lead_forward_and_every_input_is_read_once() -> None:
    assert all(leads > one.number for one in QUESTIONS for leads in (one.yes, one.no) if isinstance(leads, int))
    assert len(set(FLOW_INPUTS)) == len(FLOW_INPUTS)
    assert set(FLOW_INPUTS) <= set(SPECS)


# ---- the corrections


def test_question_2_asks_for_an_emergent_ability_not_for_a_smooth_gain_with_scale() -> None:
    assert walk(common(hard_reasoning=None) | exact(scale_jump=0.1), LINES).side == "FT"
    assert walk(common(hard_reasoning=None) | exact(scale_jump=0.25), LINES).side == "LLM"


def test_question_9_is_reached_only_with_knowledge_and_leads_to_tuning_where_the_context_holds_enough() -> None:
    without = walk(common(answer_in_context=0.95), LINES)
    assert not without.steps[8].is_reached
    enough = walk(common(knowledge_intensive=True, answer_in_context=0.95), LINES)
    assert [(one.number, one.exit) for one in enough.exits] == [(9, "FT")]
    assert not enough.steps[9].is_reached, "whether it conflicts is asked only where the context does not hold enough"


def test_a_context_that_holds_enough_and_is_consistent_does_not_lead_to_prompting() -> None:
    assert walk(common(knowledge_intensive=True, answer_in_context=1.0, knowledge_conflict=False), LINES).side == "FT"


def test_question_8_has_an_exit_of_its_own_to_tuning() -> None:
    assert walk(common(), LINES).exits == (ExitReached(8, "no", "FT"),)


def test_a_conflict_of_knowledge_ends_without_advice() -> None:
    assert walk(common(knowledge_intensive=True, knowledge_conflict=True), LINES).side == "undecided"


# ---- what is not known, or not decided


def test_an_interval_across_the_line_keeps_both_branches() -> None:
    path = walk(common(ood_drop=None) | between("ood_drop", 0.06, 0.02, 0.10), LINES)
    assert path.state(6) == "open"
    assert path.side == "undecided"
    assert [(one.number, one.exit) for one in path.exits] == [(6, "LLM"), (8, "FT")]
    assert [one.question.number for one in path.unsettled] == [6]


def test_branches_that_agree_decide_though_a_question_is_open() -> None:
    path = walk(common(rows_per_class=10, hard_reasoning=None), LINES)
    assert path.state(2) == "missing"
    assert path.side == "LLM"


def test_nothing_known_reaches_every_exit_and_decides_nothing() -> None:
    path = walk({}, LINES)
    assert {(one.number, one.answer, one.exit) for one in path.exits} == set(EXITS)
    assert path.side == "undecided"


def test_a_measured_value_without_an_interval_decides_nothing() -> None:
    path = walk(common(ood_drop=None) | {"ood_drop": measured(0.3, None, 5)}, LINES)
    assert path.state(6) == "open"


def test_one_sign_is_enough_for_yes_and_what_is_missing_is_named() -> None:
    path = walk(common(curve_slope=0.02), LINES)
    assert path.state(5) == "yes", "rows are many, but more still help"
    assert walk(common(), LINES).steps[4].missing == ("curve_slope",)


def test_an_open_sign_beside_a_no_leaves_the_question_open() -> None:
    assert walk(common() | between("curve_slope", 0.01, 0.0, 0.02), LINES).state(5) == "open"


def test_free_text_alone_is_not_creative() -> None:
    assert walk(common(creative=None) | exact(free_form=True, reference_entropy=3.0), LINES).state(7) == "no"
    assert walk(common(creative=None) | exact(free_form=True, reference_entropy=5.0), LINES).state(7) == "yes"
    assert walk(common(creative=None) | exact(free_form=True), LINES).state(7) == "missing"
    assert walk(common(creative=None) | exact(free_form=False), LINES).state(7) == "no"


def test_a_direct_answer_goes_before_signs_and_the_disagreement_is_told() -> None:
    path = walk(common(knowledge_intensive=False, open_book_gain=0.3), LINES)
    assert path.state(8) == "no"
    assert path.steps[7].disagrees
    assert not walk(common(knowledge_intensive=True, open_book_gain=0.3), LINES).steps[7].disagrees


@pytest.mark.parametrize(
    ("test", "line", "low", "high", "wanted"),
    [
        ("above", 0.5, 0.6, 0.7, "yes"), ("above", 0.5, 0.3, 0.5, "no"), ("above", 0.5, 0.4, 0.6, "open"), ("above", 0.5, 0.5, 0.6, "open"),
        ("below", 50, 10, 49, "yes"), ("below", 50, 50, 80, "no"), ("below", 50, 40, 60, "open"),
        ("at_most", 0, -0.2, 0.0, "yes"), ("at_most", 0, 0.01, 0.2, "no"), ("at_most", 0, -0.1, 0.1, "open"),
        ("at_least", 0.9, 0.9, 0.95, "yes"), ("at_least", 0.9, 0.7, 0.89, "no"), ("at_least", 0.9, 0.85, 0.95, "open"),
    ],
)  # fmt: skip
def test_an_interval_is_held_against_a_line(test: str, line: float, low: float, high: float, wanted: str) -> None:
    known = Given((low + high) / 2, "cells", True, low, high, 100)
    assert held(known, test, line) == wanted  # type: ignore[arg-type]


@pytest.mark.parametrize("wrong", [math.nan, math.inf, "many", None, True])
def test_what_is_no_number_is_refused(wrong: object) -> None:
    from hanka.advise.inputs import declared

    with pytest.raises(HankaError, match=r"rows_per_class: .*no number"):
        declared("rows_per_class", wrong, "answers")


def test_an_estimate_that_is_no_number_is_a_failure() -> None:
    with pytest.raises(ValueError, match="no numbers"):
        measured(math.nan, (0.0, 1.0), 10)


# ---- twelve tasks and what a careful reader says of them

TWELVE = {
    "A support chatbot that keeps a persona over many turns": ({"mimics_human": True}, "LLM", 1),
    "Grade-school mathematics, five steps a problem, a thousand problems with answers": (
        {"hard_reasoning": None, "reasoning_steps": 5}, "LLM", 2),
    "One assistant for translation, summaries and sorting of mail": ({"n_task_formats": 3}, "LLM", 3),
    "A click-through rate from a query and a page": ({"numeric_target": True}, "FT", 4),
    "Eight labelled complaints of each of four kinds": ({"rows_per_class": 8}, "LLM", 5),
    "Five hundred labels a kind, and every doubling still brings three points": ({"curve_slope": 0.03}, "LLM", 5),
    "Reviews of shops to train on, court records to read": ({"ood_drop": None, "domain_auc": 0.97}, "LLM", 6),
    "Marketing copy from a product sheet": ({"creative": None, "free_form": True, "reference_entropy": 6.1}, "LLM", 7),
    "Sentiment of product reviews, thousands of labels, live text like the training text": ({}, "FT", 8),
    "Named products in tickets, plenty of labels": ({"curve_slope": 0.001, "domain_auc": 0.6}, "FT", 8),
    "Questions on a manual that is put before them": ({"knowledge_intensive": True, "answer_in_context": 0.97}, "FT", 9),
    "Trivia from nowhere in particular": ({"knowledge_intensive": True, "answer_in_context": 0.0}, "LLM", 10),
}  # fmt: skip


@pytest.mark.parametrize("task", TWELVE)
def test_twelve_tasks_reach_the_verdict_of_a_careful_reader(task: str) -> None:
    changes, wanted, number = TWELVE[task]
    path = walk(common(**changes), LINES)  # type: ignore[arg-type]
    assert (path.side, [one.number for one in path.exits]) == (wanted, [number])


def test_the_easy_task_answers_no_to_everything() -> None:
    assert set(NO_TO_ALL) <= set(FLOW_INPUTS)
    assert {one.state for one in walk(common(), LINES).steps} == {"no"}


def test_thresholds_move_the_lines() -> None:
    assert walk(common(rows_per_class=49), Thresholds(rows_per_class=40)).side == "FT"
    assert walk(common(ood_drop=0.06), Thresholds(ood_drop=0.1)).side == "FT"
