"""Amounts × prices: what a system costs, line by line, in money of the price file.

A line without a price, or without the amount that it is multiplied with, has no money and says why; nothing is 0 unless it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from hanka.analysis.amounts import Serving, Training
from hanka.operations.costs.prices import Asked, Prices, ServingPrice
from hanka.operations.costs.returns import Added

JOULES_PER_KWH = 3.6e6
SECONDS_PER_HOUR = 3600.0
MILLION = 1e6
THOUSAND = 1000
Why: TypeAlias = Literal[
    "", "no_price", "no_tokens", "no_seconds", "no_energy", "other_currency", "elsewhere", "own_examples"
]
"Why a line has no money; a key of the word files."
LINES = ("labelling", "training", "serving", "standing", "review", "maintenance")
"Names of the lines, in the order of pages."


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a bill."""

    money: float | None
    "In the unit of its name; None: not priced."
    why: Why = ""
    "Why not."


@dataclass(frozen=True, slots=True)
class Charges:
    """What a system costs."""

    labelling: Line
    "Once."
    training: Line
    "Each training."
    serving: Line
    "Each request."
    standing: Line
    "Each month."
    review: Line
    "Each request."
    maintenance: Line
    "Each month."

    def line(self, name: str) -> Line:
        """Return a line by its name."""
        found: Line = getattr(self, name)
        return found

    def missing(self) -> list[tuple[str, Why]]:
        """Return the lines without money, and why."""
        return [(name, self.line(name).why) for name in LINES if self.line(name).money is None]


def charge(
    prices: Prices, base: str, training: Training | None, serving: Serving, stated: Mapping[str, Any] | None = None
) -> Charges:
    """Put prices on what a system took. training: None of a prompted model. stated: the study's own price of a served base."""
    asked: Asked = "prompted" if training is None else "tuned"
    price = prices.serving_of(base, asked)
    return Charges(
        labelling=_labelling(prices, training, serving),
        training=_training(prices, base, training),
        serving=_serving(price, serving) if price is not None else _stated(prices, stated, serving),
        standing=_standing(price, stated),
        review=_review(prices, asked),
        maintenance=_maintenance(prices, asked),
    )


def added(tuned: Charges, prompted: Charges, trainings: int) -> Added | None:
    """Return what tuning costs more; None where a line of either has no money."""
    if tuned.missing() or prompted.missing():
        return None

    def more(name: str) -> float:
        return float(tuned.line(name).money or 0.0) - float(prompted.line(name).money or 0.0)

    return Added(
        more("labelling") + trainings * more("training"),
        more("standing") + more("maintenance"),
        more("serving") + more("review"),
    )


def _labelling(prices: Prices, training: Training | None, serving: Serving) -> Line:
    made = 0 if training is None else training.n_labelled
    if made is None:
        return Line(None, "elsewhere")
    if serving.n_demonstrations is None:
        return Line(None, "own_examples")
    n_rows = serving.n_demonstrations + made
    if n_rows == 0:
        return Line(0.0)
    return Line(None, "no_price") if prices.labelling is None else Line(n_rows * prices.labelling.per_row)


def _training(prices: Prices, base: str, training: Training | None) -> Line:
    if training is None:
        return Line(0.0)
    if training.n_labelled is None:
        return Line(None, "elsewhere")
    price = prices.training_of(base)
    if price is None:
        return Line(None, "no_price")
    if price.per_million_tokens is not None:
        return _times(training.n_tokens, price.per_million_tokens / MILLION, "no_tokens")
    if price.per_hour is not None:
        return _times(training.seconds, price.per_hour / SECONDS_PER_HOUR, "no_seconds")
    return _times(training.energy_joules, (price.per_kwh or 0.0) / JOULES_PER_KWH, "no_energy")


def _serving(price: ServingPrice, serving: Serving) -> Line:
    if price.per_million_tokens_read is not None:
        return _tokens(serving, price.per_million_tokens_read, price.per_million_tokens_written or 0.0)
    if price.per_hour is not None:
        return _times(serving.seconds, price.per_hour / SECONDS_PER_HOUR, "no_seconds")
    return _times(serving.energy_joules, (price.per_kwh or 0.0) / JOULES_PER_KWH, "no_energy")


def _stated(prices: Prices, stated: Mapping[str, Any] | None, serving: Serving) -> Line:
    """Price a served base as its study does, where the price file says nothing of it."""
    if not stated:
        return Line(None, "no_price")
    if stated.get("currency") != prices.currency:
        return Line(None, "other_currency")
    return _tokens(serving, float(stated["input"]), float(stated["output"]))


def _standing(price: ServingPrice | None, stated: Mapping[str, Any] | None) -> Line:
    if price is not None:
        return Line(price.standing_per_month)
    return Line(0.0) if stated else Line(None, "no_price")


def _tokens(serving: Serving, read: float, written: float) -> Line:
    if serving.n_tokens_read is None or serving.n_tokens_written is None:
        return Line(None, "no_tokens")
    return Line((serving.n_tokens_read.value * read + serving.n_tokens_written.value * written) / MILLION)


def _times(amount: float | None, price: float, why: Why) -> Line:
    return Line(None, why) if amount is None else Line(amount * price)


def _review(prices: Prices, asked: Asked) -> Line:
    if prices.review is None:
        return Line(None, "no_price")
    minutes = prices.review.minutes_per_1000_requests.of(asked)
    return Line(minutes / THOUSAND / 60 * prices.review.per_hour)


def _maintenance(prices: Prices, asked: Asked) -> Line:
    if prices.maintenance is None:
        return Line(None, "no_price")
    return Line(prices.maintenance.per_month.of(asked))
