"""How a log is watched: names of its columns, windows, what is tolerated, how often an alarm may be false.

A YAML file, strict as a study is, or nothing at all: everything has a default. What a run has to say of it (labels, reference rows) is
checked when the run is known.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, ValidationError, field_validator, model_validator

from hanka.declared.messages import first_mistake
from hanka.declared.source import FileKind, read_file
from hanka.errors import MonitorError, nearest
from hanka.operations.monitor.signals import DEFAULT_SIGNALS, SHARES, SIGNALS
from hanka.registry import Params

FIELDS = ("time", "prompt", "output", "label", "confidence", "id", "latency", "error", "correct")
"What a row of a log may hold."
WINDOW = re.compile(r"(\d+)\s*([hd])")
SECONDS = {"h": 3600, "d": 86400}


SETTINGS = FileKind(
    noun="settings",
    error=MonitorError,
    keys="`fields:`, `window:` and `signals:`",
    missing="docs/monitor.md shows one to begin with",
    empty="docs/monitor.md shows settings to begin with",
)


def _window(value: Any) -> Any:
    """Read a number of rows, or a time such as 12h or 7d; what is returned is rows, or seconds below zero."""
    is_time = isinstance(value, int) and value < 0 and value % SECONDS["h"] == 0  # as it was returned before
    if is_time or (isinstance(value, int) and not isinstance(value, bool) and value >= 50):
        return value
    found = WINDOW.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None or int(found[1]) == 0:
        raise ValueError(f"{value!r} is no window: write a number of rows ≥ 50, or a time such as 12h or 7d")
    return -int(found[1]) * SECONDS[found[2]]


def _field_names(value: Any) -> Any:
    if not isinstance(value, dict) or not all(isinstance(one, str) and one for one in value.values()):
        raise ValueError(f"{value!r} is no map from field to column, as in {{time: ts, prompt: input}}")
    for name in value:
        if name not in FIELDS:
            raise ValueError(f"unknown field {name!r}: {nearest(str(name), FIELDS)}")
    return value


class MonitorSettings(Params):
    """Everything that decides what a monitor says of given rows."""

    fields: Annotated[dict[str, str], BeforeValidator(_field_names)] = Field(default_factory=dict)
    "Field → column of the log, where they differ."
    window: Annotated[int, BeforeValidator(_window)] = 1_000
    "Rows of a window, or a time such as 12h or 7d."
    least_rows: int = Field(default=100, ge=20)
    "Rows below which a window of time goes on into the next, and rows of a signal below which it is not judged."
    alpha: float = Field(default=0.05, gt=0, lt=0.5)
    "Probability of any false alarm of any signal in `period` windows, where nothing drifted."
    drop: float = Field(default=0.1, gt=0, lt=1)
    "Drop of accuracy that is to be found quickly; what the stated delay is about."
    signals: tuple[str, ...] = DEFAULT_SIGNALS
    "What is watched; leaving some out makes the others quicker."
    tolerate: dict[str, float] = Field(default_factory=dict)
    "Signal → what is tolerated: of a share beyond the reference's upper bound, of a drift the index or the AUC."
    require: tuple[str, ...] = ("wrong",)
    "Signals without which nothing is said to be well."
    guardrails: tuple[str, ...] = ("wrong", "errors", "unparsed")
    "Signals whose alarm may start a retraining before the period is over."
    cooldown: int = Field(default=10, ge=1)
    "Windows after an alarm in which its signal is silent."
    period: int = Field(default=100, ge=1)
    "Windows in which at most one retraining is proposed, and which the false-alarm rate is about."
    baseline: int = Field(default=1_000, ge=100)
    "First rows of the log that latency (and confidence, where the run has none) is compared with."
    domain_every: int = Field(default=5, ge=1)
    "Windows between two fits of the domain classifier."
    domain_texts: int = Field(default=300, ge=40, le=2_000)
    "Texts of each side that it is fitted on."
    wait: int = Field(default=200_000, ge=0)
    "Answered rows that are kept until their label arrives; the oldest are given up."
    remember: int = Field(default=2_000_000, ge=1_000)
    "Rows by which a repeated row is recognised; the oldest are forgotten."
    ahead_seconds: float = Field(default=300.0, ge=0)
    "How far a row's time may lie in the future before it counts as skewed."
    most_odd: float = Field(default=0.05, ge=0, le=1)
    "Share of rows that may be malformed, repeated, out of order, or skewed before that is said as a warning."
    least_retrain: int = Field(default=50, ge=10)
    "Labelled rows below which no study for retraining is written."
    most_retrain: int = Field(default=20_000, ge=10)
    "Labelled rows that such a study gets at most: the newest."
    seed: int = Field(default=0, ge=0)
    "Draws texts and folds of the domain classifier."

    @field_validator("signals", "require", "guardrails")
    @classmethod
    def _are_signals(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for name in value:
            if name not in SIGNALS:
                raise ValueError(f"unknown signal {name!r}: {nearest(name, SIGNALS)}")
        if len(set(value)) != len(value):
            raise ValueError(f"{list(value)!r} names a signal twice")
        return value

    @field_validator("tolerate")
    @classmethod
    def _are_tolerances(cls, value: dict[str, float]) -> dict[str, float]:
        for name, amount in value.items():
            if name not in SIGNALS:
                raise ValueError(f"unknown signal {name!r}: {nearest(name, SIGNALS)}")
            low, high = (0.5, 1.0) if name == "domain" else (0.0, 1.0 if name in SHARES else 100.0)
            if not low <= amount < high:
                raise ValueError(f"{name}: {amount:g} is out of range: from {low:g} to below {high:g}")
        return value

    @model_validator(mode="after")
    def _is_whole(self) -> MonitorSettings:
        if not self.signals:
            raise ValueError(f"signals: nothing is watched; name at least one of {', '.join(SIGNALS)}")
        if self.least_retrain > self.most_retrain:
            raise ValueError(
                f"least_retrain: {self.least_retrain} rows are more than `most_retrain: {self.most_retrain}`, so no study could be written"
            )
        missing = next((name for name in self.require if name not in self.signals), None)
        if missing:
            raise ValueError(
                f"require: {missing!r} is not watched; add it to `signals`, or take it out of `require` (`require: []`)"
            )
        return self

    def tolerance(self, signal: str) -> float:
        """Return what is tolerated of a signal."""
        return self.tolerate.get(signal, SIGNALS[signal].tolerance)

    def level(self, signal: str) -> float:
        """Return the share of alpha that a signal may use up."""
        return self.alpha * SIGNALS[signal].weight / sum(SIGNALS[name].weight for name in self.signals)

    def column(self, field: str) -> str:
        """Return the column of a field."""
        return self.fields.get(field, field)


def read_settings(path: Path | None, fields: Mapping[str, str] | None = None) -> MonitorSettings:
    """Read a settings file, or take the defaults; `fields` go before the file's. Raises MonitorError with file, line and key."""
    if path is None:
        found = MonitorSettings()
    else:
        source = read_file(path, SETTINGS)
        try:
            found = MonitorSettings.model_validate(source.values)
        except ValidationError as error:
            raise first_mistake(source, error, MonitorSettings) from None
    return found.model_copy(update={"fields": {**found.fields, **fields}}) if fields else found


def fields_of(text: str) -> dict[str, str]:
    """Read `time=ts,prompt=input`. Raises MonitorError for what is no such list."""
    found: dict[str, str] = {}
    for part in filter(None, (one.strip() for one in text.split(","))):
        name, equals, column = (one.strip() for one in part.partition("="))
        if not equals or not column:
            raise MonitorError(f"--fields {part!r}: write FIELD=COLUMN, as in time=ts,prompt=input")
        if name not in FIELDS:
            raise MonitorError(f"--fields {part!r}: unknown field {name!r}: {nearest(name, FIELDS)}")
        if name in found:
            raise MonitorError(f"--fields names {name!r} twice; keep one")
        found[name] = column
    return found
