"""The rows the report reads, as frozen records, and the one function that fits stored values into them.

First step of the report: text from CSV and values from JSON become typed rows. Reading is forgiving:
a missing or odd value becomes the field's empty value, because a report of a damaged run is still wanted.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Any, TypeVar, get_type_hints

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Result:
    """One row of summary.csv: cell × metric."""

    cell_id: str
    variant_id: str
    base: str
    method: str
    train_task: str
    train_dataset: str
    train_size: int
    seed: int
    test_task: str
    test_dataset: str
    relation: str
    shots: int
    prompt: str
    draw: int
    metric: str
    n: int
    n_failed: int
    value: float | None
    ci_low: float | None
    ci_high: float | None
    base_value: float | None
    delta: float | None
    delta_ci_low: float | None
    delta_ci_high: float | None
    p_value: float | None
    p_adjusted: float | None
    verdict: str
    "better, worse, equivalent, leaning, undecided or empty."
    context: str = "drawn"
    "What stands before a query."
    sim_low: float | None = None
    "Lower end of the interval that holds together with those of its family."
    sim_high: float | None = None
    "Upper end of it."
    family: str = ""
    "Comparisons it is judged with; empty where it is not judged."

    @property
    def judged_by(self) -> tuple[float | None, float | None]:
        """The interval a verdict rests on; that of this comparison alone where there is none."""
        return (self.delta_ci_low, self.delta_ci_high) if self.sim_low is None else (self.sim_low, self.sim_high)

    @property
    def failed(self) -> bool:
        """Whether the cell has no value because it failed."""
        return self.value is None and self.n_failed > 0


@dataclass(frozen=True, slots=True)
class BaselineRow:
    """One row of baselines.csv: test set × trivial baseline × metric."""

    test_task: str
    test_dataset: str
    baseline: str
    metric: str
    n: int
    value: float | None
    ci_low: float | None
    ci_high: float | None


@dataclass(frozen=True, slots=True)
class SettingRow:
    """Variants of one method and size over all test sets of one relation, as analysis summed them up."""

    base: str
    "Empty where the study has one base model."
    train_task: str
    method: str
    train_size: int
    relation: str
    n_cells: int
    n_better: int
    n_worse: int
    n_equivalent: int
    n_leaning: int
    n_undecided: int
    n_failed: int
    mean_delta: float | None
    ci_low: float | None
    ci_high: float | None
    metric: str = ""
    "Primary metric of its test sets."
    train_dataset: str = ""
    "Empty where each task has one training set."
    reference: str = ""
    "Base model that is compared with; empty: its own."

    @property
    def tallies(self) -> dict[str, int]:
        """Cells by verdict; failed ones last."""
        names = ("better", "worse", "equivalent", "leaning", "undecided", "failed")
        return {name: int(getattr(self, f"n_{name}")) for name in names}


@dataclass(frozen=True, slots=True)
class Comparison:
    """One paired comparison of a cell with the base model in the same cell."""

    cell_id: str
    metric: str
    n: int
    delta: float | None
    low: float | None
    high: float | None
    p_value: float | None
    p_adjusted: float | None
    verdict: str
    test: str
    right_to_wrong: int | None
    wrong_to_right: int | None
    forgotten_share: float | None
    "Right → wrong, share of all samples."
    forgotten_low: float | None
    forgotten_high: float | None
    forgotten_beyond: float | None
    "The same less what the base loses when it is asked again; None where it was not."
    forgotten_beyond_low: float | None
    forgotten_beyond_high: float | None
    chance_independent: float | None
    "Share that two independent guessers would flip; None without labels."
    chance_guessing: float | None
    "Share that a base loses which guesses anew; None without labels."
    learned_share: float | None
    "Wrong → right, share of all samples."
    learned_low: float | None
    learned_high: float | None


@dataclass(frozen=True, slots=True)
class AuditCheck:
    """One audit that looked at one place."""

    audit: str
    where: str
    checked: int


@dataclass(frozen=True, slots=True)
class ModelRow:
    """A base model of the study."""

    name: str
    licence: str
    note: str
    identity: str


@dataclass(frozen=True, slots=True)
class DatasetRow:
    """A dataset of the study."""

    name: str
    task: str
    domain: str
    source: str
    licence: str
    n_test: int | None
    note: str


def as_text(value: Any) -> str:
    """Return a value as text; None is empty, a mapping its pairs."""
    if isinstance(value, dict):
        return ", ".join(f"{key} {as_text(part)}" for key, part in value.items())
    return value if isinstance(value, str) else "" if value is None else str(value)


def as_number(value: Any) -> float | None:
    """Return a finite number, or None."""
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def as_count(value: Any) -> int | None:
    """Return a whole number, or None."""
    number = as_number(value)
    return None if number is None else int(number)


def _as_mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _as_texts(value: Any) -> tuple[str, ...]:
    return tuple(as_text(item) for item in value) if isinstance(value, (list, tuple)) else ()


FITS: tuple[tuple[str, Callable[[Any], Any]], ...] = (
    (r"^float \| None$", as_number),
    (r"^int \| None$", as_count),
    (r"int", lambda value: as_count(value) or 0),
    (r"Mapping", _as_mapping),
    (r"tuple\[str", _as_texts),
    (r"", as_text),
)
"Pattern of a field's type → how a stored value is fitted into it."


@lru_cache(maxsize=32)
def _fitters(record: type) -> tuple[tuple[str, Callable[[Any], Any]], ...]:
    hints = get_type_hints(record)
    names = [(field.name, re.sub(r"<class '(\w+)'>", r"\1", str(hints[field.name]))) for field in fields(record)]
    return tuple((name, next(fit for pattern, fit in FITS if re.search(pattern, hint))) for name, hint in names)


def fit(record: type[T], stored: Any) -> T:
    """Build a record from a stored mapping; what is missing or odd becomes the field's empty value."""
    raw = _as_mapping(stored)
    fitters = _fitters(record)  # type: ignore[arg-type]  # classes are hashable
    return record(**{name: fitter(raw.get(name)) for name, fitter in fitters})


def fit_all(record: type[T], stored: Any) -> tuple[T, ...]:
    """Build records from a stored list; anything else gives none."""
    return tuple(fit(record, item) for item in stored) if isinstance(stored, list) else ()
