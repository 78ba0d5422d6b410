"""What is reported of a judge: agreement with people first, what it looks at wrongly, then rates, raw and corrected."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from hanka.stats.biases import Bias, Turned
from hanka.stats.kappa import Kappa
from hanka.stats.misclassified import Corrected


@dataclass(frozen=True, slots=True)
class Rate:
    """How often one thing is said of one system, or of pairs how often it wins."""

    name: str
    "Title of the system; empty where rows are judged whoever answers."
    n_flagged: int
    "Rows."
    n: int
    "Rows that the judge read."
    value: float
    "Share, as the judge says it."
    low: float
    "Lower end of its exact interval."
    high: float
    "Upper end."
    corrected: Corrected | None
    "The rate corrected by the judge's errors, from the rows that nobody labelled; None where nothing can be corrected."
    why: str
    "Key of the reason why it is not; empty where it is."
    people: tuple[int, int]
    "Rows that people flag, of the rows that they labelled."


@dataclass(frozen=True, slots=True, eq=False)
class Measures:
    """A judge's numbers."""

    asks: str
    "label or pair."
    words: tuple[str, ...]
    "Labels of the confusion, in its order."
    flagged: tuple[str, ...]
    "Labels whose rate is reported; of pairs the two systems."
    agreement: Kappa
    "Cohen's kappa of judge and people."
    effect: float
    "Rows that are worth one independent row."
    raw: tuple[float, float, float]
    "Share of labelled rows on which both say the same, with its interval."
    confusion: Sequence[Sequence[int]]
    "People by judge."
    turned: Turned
    "Rows whose verdict turns with the order."
    place: Bias | None
    "Of pairs, first place against second place; None of labels."
    length: Bias | None
    "What the judge makes of length beyond people; None where it cannot be told."
    length_why: str
    "Key of the reason why it cannot."
    rates: tuple[Rate, ...]
    "By system."
    difference: tuple[float, float, float, int] | None
    "Of pairs: wins of the first less wins of the second, with interval and n."
    n_missing: int
    "Rows without an answer of the judge."
    failures: Mapping[str, int]
    "Why → how often."
    n_people_unknown: int
    "Rows of the people's file that name no judged row."
    n_people_empty: int
    "Rows of it without a label."
    level: float
    "Confidence level of all intervals, each for itself."

    @property
    def is_heard(self) -> bool:
        """Whether agreement beyond chance is shown."""
        return self.agreement.low > 0


def as_json(found: Measures) -> dict[str, Any]:
    """Return everything as JSON-like values. Raises ValueError for a number that is not finite."""
    return {"is_heard": found.is_heard} | {name: _plain(value) for name, value in asdict_of(found).items()}


def asdict_of(found: Measures) -> dict[str, Any]:
    """Return the fields, named tuples as maps."""
    named = {name: getattr(found, name) for name in Measures.__dataclass_fields__}
    return named | {"rates": [asdict(one) | {"corrected": _named(one.corrected)} for one in found.rates]}


def _named(value: Any) -> Any:
    return value._asdict() if hasattr(value, "_asdict") else value


def _plain(value: Any) -> Any:
    value = _named(value)
    if isinstance(value, Mapping):
        return {str(name): _plain(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{value} in what a judge found: no number")
    return value
