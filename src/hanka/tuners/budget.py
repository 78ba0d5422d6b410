"""The size of a tuner at which as many weights train as a budget says, from a model's config.json alone; light, for planning.

Counts grow, or fall, with a tuner's one size parameter; what is not a whole number is met to six digits. Where the size has to divide
the layers' widths, their common divisors are what there is. What PEFT refuses of a size is seen when the variant is made.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from math import gcd, inf
from typing import Any, NamedTuple

from pydantic import ValidationError

from hanka.tuners.contract import Tuner, TunerParams
from hanka.tuners.shapes import shapes_of

LARGEST = 1 << 24
"A size that is looked at, at most."
POINTS = 200
"Sizes in a look."
PARTS = 10**6
"Parts of a size that is a share."


class Sized(NamedTuple):
    """A tuner's parameters for a budget."""

    params: TunerParams
    "With its size set; as they were where there is none to set."
    n_trained: int | None
    "Weights that train; None: not known for this kind of model."
    is_set: bool
    "Whether there was a size to set."


def sized(tuner: Tuner, params: TunerParams, config: Mapping[str, Any], budget: int) -> Sized:
    """Return the parameters whose count is nearest to a budget, the smaller of two equally near."""
    own = tuner.n_trained(config, params)
    if own is None or not tuner.size:
        return Sized(params, own, is_set=False)

    def count(size: float) -> int | None:
        """Return the weights that train at a size; None where it is none."""
        try:
            given = type(params).model_validate(params.model_dump() | {tuner.size: size})
        except ValidationError:
            return None
        return tuner.n_trained(config, given)

    whole = not isinstance(getattr(params, tuner.size), float)
    candidates = _divisors(config) if tuner.size_divides else _near(count, budget, whole)
    counts = {size: found for size in candidates if (found := count(size)) is not None}
    size = min(counts, key=lambda one: (abs(counts[one] - budget), counts[one]))
    return Sized(type(params).model_validate(params.model_dump() | {tuner.size: size}), counts[size], is_set=True)


def _divisors(config: Mapping[str, Any]) -> list[int]:
    shapes = shapes_of(config)
    assert shapes is not None  # the count is known
    common = gcd(*(width for one in shapes.linear for width in (one.n_in, one.n_out)))
    return [one for one in range(1, common + 1) if common % one == 0]


def _near(count: Callable[[float], int | None], budget: int, whole: bool) -> Iterator[float]:
    """Yield the sizes around the one that a coarse look, and then ever finer ones, find nearest to a budget."""
    largest = LARGEST if whole else PARTS - 1
    unit = 1 if whole else PARTS

    def far(place: int) -> float:
        """Return how far the count at a place is from the budget."""
        found = count(place if whole else place / unit)
        return inf if found is None else abs(found - budget)

    places = sorted(
        {round(largest ** (at / POINTS)) for at in range(POINTS + 1)} | set(range(0, PARTS, PARTS // POINTS))
    )
    while True:
        best = min(range(len(places)), key=lambda at: far(places[at]))
        low, high = places[max(0, best - 1)], places[min(len(places) - 1, best + 1)]
        if high - low <= 2 * POINTS:
            break
        places = sorted({*range(low, high, (high - low) // POINTS), high})
    for place in range(low, high + 1):
        yield place if whole else place / unit
