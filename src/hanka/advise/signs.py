"""One input against one line: yes, no, open where its interval lies across the line, missing where it is not known.

Read by the questions of the flow and by the remarks alike, with the logic that joins such answers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from hanka.advise.inputs import Given, Inputs
from hanka.advise.thresholds import Thresholds

State: TypeAlias = Literal["yes", "no", "open", "missing"]
"open: known, and not decided by the measurement."
Test: TypeAlias = Literal["is", "above", "below", "at_most", "at_least"]
"How a value is held against its line; `is`: yes or no, without a line."
OPPOSITE: dict[Test, Test] = {"above": "at_most", "at_most": "above", "below": "at_least", "at_least": "below"}
"Test → what holds where it does not."


@dataclass(frozen=True, slots=True)
class Sign:
    """A reason to answer yes."""

    input: str
    "Name of the input."
    test: Test
    "How it is held against its line."
    threshold: str = ""
    "Field of Thresholds; empty where there is no line."

    def line(self, thresholds: Thresholds) -> float:
        """Return the line; 0 where there is none."""
        return float(getattr(thresholds, self.threshold)) if self.threshold else 0.0

    def state(self, inputs: Inputs, thresholds: Thresholds) -> State:
        """Hold the input against its line."""
        known = inputs.get(self.input)
        if known is None:
            return "missing"
        return held(known, self.test, self.line(thresholds))


def held(known: Given, test: Test, line: float) -> State:
    """Hold a value against a line; open where its interval lies across, or where a measured value has none."""
    if test == "is":
        return "yes" if known.value else "no"
    if known.ends is None:
        return "open"
    low, high = known.ends
    if test in ("at_most", "at_least"):
        return negated(held(known, OPPOSITE[test], line))
    if test == "above":
        return "yes" if low > line else "no" if high <= line else "open"
    return "yes" if high < line else "no" if low >= line else "open"


def negated(state: State) -> State:
    """Return the answer to the opposite question."""
    opposite: dict[State, State] = {"yes": "no", "no": "yes"}
    return opposite.get(state, state)


def all_of(*states: State) -> State:
    """Return yes where all are; one no is enough for no, whatever is not known."""
    return next((one for one in ("no", "missing", "open") if one in states), "yes")


def any_of(*states: State) -> State:
    """Return yes where any is, whatever is not known."""
    return next((one for one in ("yes", "missing", "open") if one in states), "no")


def any_known(*states: State) -> State:
    """Return yes where any is; what is missing is passed over while another one answers."""
    return next((one for one in ("yes", "open", "no") if one in states), "missing")
