"""What the flow and the remarks read: named inputs, each with value, interval, n, source, and whether it was measured.

First station of `advise`: filled from a run, a study or an answers file, read by `flow.py` and `remarks.py`. What is not known is not in
the map; nothing has a default. Shares and differences of scores are in score units: 0.05 is five points.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from hanka.errors import HankaError, nearest

Source: TypeAlias = Literal["cells", "plan", "rows", "requests", "live", "study", "answers", "asked", "trial"]
"""cells: answers that the run stored; plan: what was planned; rows: the study's rows; requests: what a server took; live: live traffic;
study: the study file; answers: a file of answers; asked: the terminal; trial: a value that is tried out."""
Kind: TypeAlias = Literal["yes_no", "number", "share"]
"number: any finite number; share: from -1 to 1 in score units, from 0 to 1 where it is no difference."


@dataclass(frozen=True, slots=True)
class InputSpec:
    """One thing that may be known of a task."""

    name: str
    "Key in answers files."
    kind: Kind
    "What a value may be."
    low: float = -math.inf
    "Smallest possible value."
    high: float = math.inf
    "Largest possible value."
    is_whole: bool = False
    "Whether it counts something."

    def read(self, value: object) -> float | bool:
        """Return a value of this input's kind. Raises ValueError that says what is allowed."""
        if self.kind == "yes_no":
            if isinstance(value, bool):
                return value
            raise ValueError(f"{value!r} is neither yes nor no")
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
            raise ValueError(f"{value!r} is no number; {self.allowed}")
        if not self.low <= value <= self.high or (self.is_whole and value != int(value)):
            raise ValueError(f"{value!r} is out of range; {self.allowed}")
        return float(value)

    @property
    def allowed(self) -> str:
        """What a value may be, in words."""
        if self.kind == "yes_no":
            return "allowed: yes, no"
        what = "a whole number" if self.is_whole else "a number"
        ends = [f"≥ {self.low:g}"] if math.isfinite(self.low) else []
        ends += [f"≤ {self.high:g}"] if math.isfinite(self.high) else []
        return f"allowed: {what} {' and '.join(ends)}".rstrip()


def _yes_no(*names: str) -> tuple[InputSpec, ...]:
    return tuple(InputSpec(name, "yes_no") for name in names)


def _shares(*names: str, low: float = 0.0) -> tuple[InputSpec, ...]:
    return tuple(InputSpec(name, "share", low, 1.0) for name in names)


def _amounts(*names: str, is_whole: bool = False) -> tuple[InputSpec, ...]:
    return tuple(InputSpec(name, "number", 0.0, is_whole=is_whole) for name in names)


SPECS: Mapping[str, InputSpec] = {
    one.name: one
    for one in (
        # the ten questions, in their order
        *_yes_no("mimics_human"), *_shares("multi_turn_share"),
        *_yes_no("hard_reasoning"), *_shares("scale_jump", low=-1.0), *_amounts("reasoning_steps"),
        InputSpec("n_task_formats", "number", 1.0, is_whole=True),
        *_yes_no("numeric_target"), *_shares("gain_over_constant", low=-1.0),
        *_amounts("rows_per_class"), *_shares("curve_slope", low=-1.0),
        InputSpec("domain_auc", "share", 0.0, 1.0), *_shares("ood_drop", low=-1.0),
        *_yes_no("creative", "free_form"), *_amounts("reference_entropy"),
        *_yes_no("knowledge_intensive"), *_shares("open_book_gain", low=-1.0),
        *_shares("answer_in_context"),
        *_yes_no("knowledge_conflict"), *_shares("contradicted_share"),
        # the remarks alone
        *_yes_no("adversarial"), InputSpec("drop_gap", "share", -2.0, 2.0),
        InputSpec("closest_base_gap", "number"),
        *_yes_no("strong_generalization"),
        *_shares("reference_delta", low=-1.0), *_shares("closed_book_accuracy"),
        *_amounts("n_model_sizes", is_whole=True), *_shares("largest_inversion", low=-1.0),
        *_yes_no("uses_judge"), InputSpec("judge_kappa", "share", -1.0, 1.0),
        *_yes_no("messy_input"), *_amounts("n_live_labelled", is_whole=True),
        *_amounts("p95_latency_seconds", "latency_limit_seconds", "cost_per_1000", "cost_limit_per_1000"),
        *_yes_no("shortcuts_tested"), *_shares("harm_rate"),
    )
}  # fmt: skip
"By name, in the order in which they are read."


@dataclass(frozen=True, slots=True)
class Given:
    """A value with what it rests on."""

    value: float | bool
    "Yes or no, or a number."
    source: Source
    "Where it is from."
    is_measured: bool
    "Measured, or declared by whoever answered."
    low: float | None = None
    "Lower end of its interval; None: it is exact, or there is no interval."
    high: float | None = None
    "Upper end of its interval."
    n: int | None = None
    "Rows, requests or texts behind it."
    is_exact: bool = False
    "Whether it has no sampling error: counts, kinds of task, what somebody declares without an interval."
    about: str = ""
    "Names of what it is over: test sets, systems, files; the same in every language."

    @property
    def ends(self) -> tuple[float, float] | None:
        """Return between what it lies: its interval, twice itself where it is exact, None where nobody can say."""
        if self.low is not None and self.high is not None:
            return self.low, self.high
        return (float(self.value), float(self.value)) if self.is_exact else None


Inputs: TypeAlias = Mapping[str, Given]
"Name → what is known of it; what is unknown is left out."


def declared(
    name: str,
    value: object,
    source: Source,
    interval: tuple[float | None, float | None] = (None, None),
    n: int | None = None,
    about: str = "",
) -> Given:
    """Return what somebody declares, checked; without an interval it is exact.

    Raises HankaError for an unknown name, a value out of range or no number, or an interval that does not hold it.
    """
    if name not in SPECS:
        raise HankaError(f"unknown input {name!r}: {nearest(name, SPECS)}")
    try:
        read = SPECS[name].read(value)
    except ValueError as error:
        raise HankaError(f"{name}: {error}") from None
    low, high = interval
    if (low is None) != (high is None):
        raise HankaError(f"{name}: an interval has two ends; give low and high, or neither")
    if (
        low is not None
        and high is not None
        and not (math.isfinite(low) and math.isfinite(high) and low <= read <= high)
    ):
        raise HankaError(f"{name}: the interval [{low:g}, {high:g}] does not hold the value {read:g}")
    return Given(read, source, False, low, high, n, low is None, about)


def counted(value: float | bool, source: Source, n: int | None = None, about: str = "") -> Given:
    """Return what was read off without sampling error: a count, or what kind of answer a task takes."""
    return Given(value, source, True, n=n, is_exact=True, about=about)


def measured(
    value: float, interval: tuple[float, float] | None, n: int, source: Source = "cells", about: str = ""
) -> Given:
    """Return an estimate; without an interval it decides nothing. Raises ValueError for a number that is none."""
    low, high = interval or (None, None)
    if not all(math.isfinite(one) for one in (value, *(interval or ()))):
        raise ValueError(f"{value} {interval}: no numbers")
    return Given(float(value), source, True, low, high, n, about=about)
