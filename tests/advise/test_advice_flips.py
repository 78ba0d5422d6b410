"""Sensitivity: the named change changes the advice, and no other single one does."""

from __future__ import annotations

import pytest
from known_inputs import between, common

from hanka.advise.flips import changed, flips
from hanka.advise.flow import FLOW_INPUTS, walk
from hanka.advise.inputs import SPECS, Inputs
from hanka.advise.thresholds import Thresholds

LINES = Thresholds()
CASES = {
    "easy": common(),
    "few rows": common(rows_per_class=10),
    "chatbot": common(mimics_human=True),
    "regression": common(numeric_target=True),
    "knowledge": common(knowledge_intensive=True),
    "conflict": common(knowledge_intensive=True, knowledge_conflict=True),
    "open": common(ood_drop=None) | between("ood_drop", 0.06, 0.02, 0.1),
    "unknown": common(hard_reasoning=None),
    "nothing": {},
    "two reasons": common(rows_per_class=10, ood_drop=0.2),
}


def tried(inputs: Inputs) -> set[str]:
    """Inputs of which any of many values changes the advice, by trying them densely."""
    now = walk(inputs, LINES).side
    found = set()
    for name in FLOW_INPUTS:
        spec = SPECS[name]
        low, high = max(spec.low, -1.0), min(spec.high, 1.0)
        values: list[float | bool] = (
            [True, False] if spec.kind == "yes_no" else [low + (high - low) * k / 40 for k in range(41)]
        )
        values += [] if spec.kind == "yes_no" or spec.high <= 1 else [2.0, 2.9, 3.0, 5.0, 49.0, 50.0, 51.0, 1000.0]
        if any(changed(inputs, name, value, LINES).side != now for value in values):
            found.add(name)
    return found


@pytest.mark.parametrize("case", CASES)
def test_what_is_named_flips_the_advice_and_nothing_else_does(case: str) -> None:
    inputs = CASES[case]
    assert {one.input for one in flips(inputs, LINES)} == tried(inputs)


def test_a_flip_says_from_where_on_and_to_what() -> None:
    found = {one.input: one for one in flips(common(rows_per_class=10), LINES)}
    rows = found["rows_per_class"]
    assert (rows.test, rows.line, rows.side, rows.was_known) == ("at_least", 50.0, "FT", True)
    assert changed(common(rows_per_class=10), "rows_per_class", 50.0, LINES).side == "FT"
    assert changed(common(rows_per_class=10), "rows_per_class", 49.9, LINES).side == "LLM"
    assert (found["numeric_target"].line, found["numeric_target"].side) == (1.0, "FT")


def test_two_reasons_for_one_advice_are_flipped_by_neither_alone() -> None:
    found = {one.input for one in flips(common(rows_per_class=10, ood_drop=0.2), LINES)}
    assert "rows_per_class" not in found
    assert "ood_drop" not in found


def test_an_answer_that_is_missing_is_named_where_it_would_decide() -> None:
    found = [one for one in flips(common(hard_reasoning=None), LINES) if one.input == "hard_reasoning"]
    assert [(one.line, one.side, one.was_known) for one in found] == [(1.0, "LLM", False), (0.0, "FT", False)]


def test_a_line_at_the_end_of_a_range_has_one_side() -> None:
    lines = Thresholds(domain_auc=1.0)
    assert all(one.input != "domain_auc" for one in flips(common(), lines))
