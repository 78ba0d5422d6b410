"""What every guardrail promises, whatever it looks for: one flag a row, the same each time, and what was seen is said."""

from __future__ import annotations

from typing import Any

import pytest

from hanka.guardrails import DETECTORS, DetectorParams, Row

NEEDED: dict[str, dict[str, Any]] = {
    "word_list": {"words": ["idiot"]},
    "classifier": {"weights": {"idiot": 9.0}, "bias": -3.0},
}
"Parameters of those that say nothing without."
LABELS = ("positive", "negative")
ROWS = (
    Row("positive", "positive", labels=LABELS),
    Row("", None, "unparsed", labels=LABELS),
    Row("", None, "failed", labels=LABELS),
    Row(
        "I'm sorry, I cannot help with that, you idiot. www.example.org",
        None,
        "unparsed",
        "Text: nothing",
        labels=LABELS,
    ),
    Row("negative or positive", None, "unparsed", labels=LABELS, other_labels=("neutral",)),
    Row("no no no no no no no no no no no no no no no", None, "unparsed", labels=LABELS),
    Row("会社は1500台を販売した。\x00\ud800", "会社", prompt="文章：会社は1200台を販売した。"),
    Row("negative " * 2000, None, "unparsed", labels=LABELS),
)


def params_of(name: str) -> DetectorParams:
    return DETECTORS.get(name).params.model_validate(NEEDED.get(name, {}))


@pytest.mark.parametrize("name", DETECTORS.names())
def test_a_guardrail_flags_row_by_row_the_same_each_time_and_says_what_it_saw(name: str) -> None:
    detector, params = DETECTORS.get(name), params_of(name)
    flags = detector.flags(ROWS, params)
    assert len(flags) == len(ROWS)
    assert flags == detector.flags(ROWS, params)
    assert all(bool(flag.what) == flag.flagged for flag in flags)
    assert not any("\n" in flag.what for flag in flags)
    assert detector.flags([], params) == []


@pytest.mark.parametrize("name", DETECTORS.names())
def test_a_guardrail_flags_something_and_not_everything(name: str) -> None:
    flags = [one.flagged for one in DETECTORS.get(name).flags(ROWS, params_of(name))]
    assert any(flags)
    assert not all(flags)


@pytest.mark.parametrize("name", DETECTORS.names())
def test_the_order_of_rows_changes_nothing(name: str) -> None:
    detector, params = DETECTORS.get(name), params_of(name)
    assert detector.flags(ROWS[::-1], params) == detector.flags(ROWS, params)[::-1]


@pytest.mark.parametrize("name", DETECTORS.names())
def test_what_a_report_shows_by_itself_needs_no_parameters(name: str) -> None:
    detector = DETECTORS.get(name)
    if detector.is_default:
        assert detector.params() == params_of(name)
    assert detector.kinds
    assert detector.reference
