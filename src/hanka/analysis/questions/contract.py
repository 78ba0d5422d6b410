"""The Question contract: evidence in, an answer out that any page can show.

An answer carries what it says: a sentence in two languages, a table, curves, notes. Names of columns and axes
are keys; the report's word files say them in its language, and where they hold no word (a third party's
question), the key itself is shown.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields, is_dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

if TYPE_CHECKING:
    from hanka.analysis.evidence import Evidence

Shows: TypeAlias = Literal[
    "text",
    "relation",
    "metric",
    "task",
    "slice",
    "script",
    "guardrail",
    "verdict",
    "expected",
    "outcome",
    "shape",
    "count",
    "value",
    "difference",
    "share",
    "emergence",
    "robustness",
    "robustness_kind",
    "distillation",
    "cocktail",
    "mix",
    "generalist",
    "generalist_way",
]
"How a column is written: as it is, by the report's word for it, or as a number of a kind."


@dataclass(frozen=True, slots=True)
class Measured:
    """A number that travels with its interval and n."""

    value: float
    "In the unit of its column or axis."
    low: float | None = None
    "Lower end of the interval; None where there is none."
    high: float | None = None
    "Upper end of the interval."
    n: int | None = None
    "Samples behind it."

    @property
    def in_words(self) -> str:
        """Write it for a sentence: value, interval where there is one, n."""
        ends = "" if self.low is None or self.high is None else f" [{self.low:.3f}, {self.high:.3f}]"
        return f"{self.value:.3f}{ends} (n = {self.n})"


Entry: TypeAlias = str | int | float | Measured | None
"One cell of an answer's table."


@dataclass(frozen=True, slots=True)
class Column:
    """A column of an answer's table."""

    name: str
    "Key: `column_<name>` in the word files, else shown as it is."
    shows: Shows = "text"
    "How its entries are written."


@dataclass(frozen=True, slots=True)
class Point:
    """One point of a curve."""

    x: Measured
    "Where it lies, with the interval along x if there is one."
    y: Measured
    "Where it lies, with the interval along y."
    group: str
    "Points of one group share colour and shape."
    label: str = ""
    "Short text beside it, such as the number of its row in the table."
    stands_out: bool = False
    "Drawn filled; others are hollow."


@dataclass(frozen=True, slots=True)
class Curve:
    """One panel of an answer's figure."""

    title_en: str
    "What the panel shows."
    title_ja: str
    "The same in Japanese."
    x_label: str
    "Key: `axis_<x_label>` in the word files, else shown as it is."
    y_label: str
    "As x_label."
    points: tuple[Point, ...]
    "In any order."
    joined: bool = False
    "Whether the points of a group are joined in the order of x."
    doubling: bool = False
    "Whether x, above 0, is drawn so that each doubling takes the same room."
    band: tuple[Point, ...] = ()
    "What is drawn behind the points as a band between the ends of y with a line through y, by group, ascending in x."


@dataclass(frozen=True, slots=True)
class Note:
    """A sentence beside an answer: what it rests on, what is missing."""

    message_en: str
    "In English."
    message_ja: str
    "In Japanese."


@dataclass(frozen=True, slots=True)
class Answer:
    """What a question found in a run."""

    sentence_en: str
    "What was found, in plain words, with n and intervals; each line is a paragraph."
    sentence_ja: str
    "The same in Japanese."
    columns: tuple[Column, ...] = ()
    "Of the table."
    rows: tuple[tuple[Entry, ...], ...] = ()
    "One entry per column."
    curves: tuple[Curve, ...] = ()
    "Panels of the figure."
    notes: tuple[Note, ...] = ()
    "Sentences below."

    def __post_init__(self) -> None:
        """Refuse rows that are not as wide as the table."""
        wrong = next((row for row in self.rows if len(row) != len(self.columns)), None)
        if wrong is not None:
            raise ValueError(f"a row of {len(wrong)} entries in a table of {len(self.columns)} columns: {wrong!r}")

    def as_json(self) -> dict[str, Any]:
        """Return it as findings.json holds it. Raises ValueError for a number that is not finite."""
        return {field.name: _plain(getattr(self, field.name)) for field in fields(self)}


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return {name: _plain(part) for name, part in asdict(value).items()}
    if isinstance(value, dict):
        return {name: _plain(part) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(part) for part in value]
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{value} in an answer: say None where there is no number")
    return value


@dataclass(frozen=True, slots=True)
class Question:
    """Something a run may answer."""

    name: str
    "Key in findings.json; `question_<name>` in the word files is its title, else the description."
    reference: str
    "Paper or definition."
    description: str
    "One line for `hanka list questions`."
    version: int
    "Raised by hand when the same evidence gives another answer than before."
    ask: Callable[[Evidence], Answer | None]
    "Answer from scored evidence; None where the run cannot say anything about it."


def asked_in(module: str) -> Callable[[Evidence], Answer | None]:
    """Return what asks `ask` of a module, which is imported when something is asked: listing questions loads no numpy."""

    def ask(evidence: Evidence) -> Answer | None:
        found: Answer | None = import_module(module).ask(evidence)
        return found

    return ask
