"""From a line of a log to a row that can be watched: typed, with an identity, or malformed.

Second stage. A row is a request with its answer (time, prompt, output, and what else is there), or a label that arrives later and names its
request by id. A request is recognised by its id; without one, by its time, prompt and output, so that two equal requests of
the same moment count as one. Times are ISO 8601, or seconds or milliseconds since 1970; without a zone they are UTC.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any, NamedTuple

from hanka.operations.monitor.settings import FIELDS, MonitorSettings

MILLISECONDS = 1e11
"Numbers above this are milliseconds: in seconds, the year 5138."
DIGITS = re.compile(r"[+-]?\d{9,}(\.\d*)?")
"A time that is a number, and no date without dashes, which has eight."
NO_ERROR = ("", "false", "null", "none", "nan", "0")
TRUE, FALSE = ("true", "1", "yes"), ("false", "0", "no")


class LogRow(NamedTuple):
    """A row of a log that could be read."""

    key: int
    "Identity, 64 bits."
    has_id: bool
    "Whether a label that arrives later can name it."
    time: float | None
    "Seconds since 1970; None of a label that arrived without one."
    prompt: str | None
    "None of a label that arrives later."
    output: str | None
    "None or empty where nothing came out."
    label: str | None
    correct: bool | None
    "Whether the answer is right, where the log says so itself."
    confidence: float | None
    "0 to 1."
    latency: float | None
    "Seconds."
    failed: bool
    "Whether the log says that the request failed."

    @property
    def is_label(self) -> bool:
        """Whether it only says the label of another row."""
        return self.prompt is None and self.output is None

    @property
    def is_labelled(self) -> bool:
        """Whether it says what would have been right."""
        return self.label is not None or self.correct is not None


class RowReader:
    """Reads rows with the columns that the settings name."""

    def __init__(self, settings: MonitorSettings) -> None:
        self._columns = {field: settings.column(field) for field in FIELDS}
        self.odd_values = 0
        "Confidences and latencies that are no possible number; the rows count, without them."

    def read(self, raw: Mapping[str, Any]) -> LogRow | None:
        """Return the row, or None where it is malformed: no time that can be read, or neither prompt nor label."""
        get, columns = raw.get, self._columns
        prompt, output, label = (_text(get(columns[name])) for name in ("prompt", "output", "label"))
        label = label.strip() or None if label else None
        correct, time = _truth(get(columns["correct"])), _time(get(columns["time"]))
        name = get(columns["id"])
        has_id = isinstance(name, (str, int)) and not isinstance(name, bool) and name != ""
        if prompt is None and (output is not None or not has_id or (label is None and correct is None)):
            return None
        if prompt is not None and time is None:
            return None
        key = _key(f"id\0{name}") if has_id else _key(f"{time!r}\0{prompt}\0{output}")
        confidence = self._number(get(columns["confidence"]), 1.0)
        latency = self._number(get(columns["latency"]), math.inf)
        failed = _failed(get(columns["error"]))
        return LogRow(key, has_id, time, prompt, output, label, correct, confidence, latency, failed)

    def _number(self, value: Any, high: float) -> float | None:
        if value is None or value == "":
            return None
        try:
            number = math.nan if isinstance(value, bool) else float(value)
        except (TypeError, ValueError, OverflowError):
            number = math.nan
        if math.isfinite(number) and 0 <= number <= high:
            return number
        self.odd_values += 1
        return None

    def missing(self, rows: Sequence[Mapping[str, Any] | None]) -> str:
        """Say which needed column no row has, with the columns there are; empty where some row has each."""
        seen = list(dict.fromkeys(name for row in rows if row is not None for name in row))
        for field in ("time", "prompt"):
            if self._columns[field] not in seen:
                listed = ", ".join(seen[:12]) or "none"
                return f"no row has {self._columns[field]!r} for field {field!r}; columns: {listed}; map it with --fields {field}=COLUMN"
        return ""


def _key(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "backslashreplace"), digest_size=8).digest(), "big")


def _text(value: Any) -> str | None:
    """Return text, and numbers and truth values as they are written; None for nothing and for what has parts."""
    if isinstance(value, str):
        # Lone surrogates become escapes: a state could not hold them, and would go on with another text.
        return value if value.isascii() else value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and not math.isfinite(value):  # what tables write where nothing stands
        return None
    return str(value) if isinstance(value, (int, float)) else None


def _failed(value: Any) -> bool:
    """Tell whether an error is one: anything but nothing, however a log writes that."""
    if isinstance(value, str):
        return value.strip().lower() not in NO_ERROR
    return not (isinstance(value, float) and math.isnan(value)) and bool(value)


def _truth(value: Any) -> bool | None:
    if isinstance(value, bool):
        return value
    if isinstance(value, (int, str)):
        said = str(value).strip().lower()
        return True if said in TRUE else False if said in FALSE else None
    return None


def _time(value: Any) -> float | None:
    if isinstance(value, str) and DIGITS.fullmatch(value.strip()):
        value = float(value)
    elif isinstance(value, str):
        try:
            value = datetime.fromisoformat(value.strip())
        except ValueError:
            try:
                value = float(value)
            except ValueError:
                return None
    if isinstance(value, datetime):
        try:
            return (value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp()
        except (OverflowError, ValueError):
            return None
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=UTC).timestamp()
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    if not math.isfinite(number) or abs(number) > 1e14:
        return None
    return number / 1000 if abs(number) > MILLISECONDS else number
