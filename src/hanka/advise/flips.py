"""Which single change of an input would change the flow's advice: found by trying each, not by reasoning about them.

Every input is set to either side of its line, whatever it is now and also where it is not known, and the flow is walked again.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from hanka.advise.flow import QUESTIONS, Path, Side, walk
from hanka.advise.inputs import SPECS, Given, Inputs
from hanka.advise.signs import OPPOSITE, Sign, Test
from hanka.advise.thresholds import Thresholds


@dataclass(frozen=True, slots=True)
class Flip:
    """One change that is enough."""

    input: str
    "What changes."
    test: Test
    "On which side of the line it would be; `is`: yes or no."
    line: float
    "The line; 1 for yes and 0 for no."
    side: Side
    "What the flow would advise then."
    was_known: bool
    "Whether the input has a value now."


def flips(inputs: Inputs, thresholds: Thresholds) -> tuple[Flip, ...]:
    """Return every single change after which the flow advises something else, in the order of the questions."""
    now = walk(inputs, thresholds).side
    found = []
    for sign in _signs():
        for test, line, value in _sides(sign, thresholds):
            then = changed(inputs, sign.input, value, thresholds).side
            if then != now:
                found.append(Flip(sign.input, test, line, then, sign.input in inputs))
    return tuple(found)


def changed(inputs: Inputs, name: str, value: float | bool, thresholds: Thresholds) -> Path:
    """Walk the flow with one input set to an exact value."""
    return walk({**inputs, name: Given(value, "trial", is_measured=False, is_exact=True)}, thresholds)


def _signs() -> Iterator[Sign]:
    for question in QUESTIONS:
        if question.tag:
            yield Sign(question.tag, "is")
        yield from question.signs


def _sides(sign: Sign, thresholds: Thresholds) -> Iterator[tuple[Test, float, float | bool]]:
    """Yield both sides of a sign's line, as far as the input can take them: the test, the line, a value on that side."""
    if sign.test == "is":
        yield "is", 1.0, True
        yield "is", 0.0, False
        return
    line, spec = sign.line(thresholds), SPECS[sign.input]
    for test in (sign.test, OPPOSITE[sign.test]):
        value = {"above": math.nextafter(line, math.inf), "below": math.nextafter(line, -math.inf)}.get(test, line)
        if spec.low <= value <= spec.high:
            yield test, line, value
