"""Answers that are a number: the final one of an output, compared by value.

`57.00` is 57 and `-3` is not 3: values are exact fractions, read by `hanka.metrics.numbers`, which says what counts
as a number. Comparing text with punctuation taken out, as some harnesses do, gets both wrong.
"""

from __future__ import annotations

from fractions import Fraction

from pydantic import Field

from hanka.metrics.numbers import read_number, written
from hanka.records import Judgement
from hanka.tasks.verifiers.contract import Output, Verifier, VerifierParams


class NumberParams(VerifierParams):
    """When two numbers count as equal."""

    tolerance: float = Field(default=0.0, ge=0)
    "Largest difference to the target that is right, in units of the target; 0: equal as exact fractions."
    relative_tolerance: float = Field(default=0.0, ge=0, lt=1)
    "The same as a share of the target's magnitude; the larger of both holds."


def verify_number(output: Output, params: NumberParams) -> Judgement:
    """Read the final number before the first stop. Raises ValueError where the target is no number."""
    wanted = read_number(output.target)
    if wanted.value is None:
        raise ValueError(f"target {output.target!r} is no number: {wanted.message}")
    found = read_number(output.answer)
    if found.value is None:
        return Judgement(None, 0.0, found.message)
    allowed = max(Fraction(params.tolerance), Fraction(params.relative_tolerance) * abs(wanted.value))
    if abs(found.value - wanted.value) <= allowed:
        return Judgement(written(found.value), 1.0, found.message)
    return Judgement(written(found.value), 0.0, f"{found.message}, not {written(wanted.value)}")


NUMBER = Verifier(
    name="number",
    reference="the final number before the first stop, by value",
    description="the final number of an output",
    verify=verify_number,
    params=NumberParams,
)
