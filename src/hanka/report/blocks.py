"""What a page is made of: sections of blocks, as frozen view models that templates only print.

Stands between the section modules (rows → blocks) and `templates/` (blocks → HTML). `str` is text that
the template escapes; `Markup` is HTML made from dictionary words and isolated names.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal, TypeAlias

from markupsafe import Markup

Tone: TypeAlias = Literal[
    "", "better", "worse", "equivalent", "leaning", "undecided", "failed", "muted", "base", "warn"
]

MARKS: dict[str, str] = {
    "better": "▲", "worse": "▼", "equivalent": "■", "leaning": "◆", "undecided": "●", "failed": "✕"
}  # fmt: skip
"Verdict → shape: the sign that stands beside the colour."


@dataclass(frozen=True, slots=True)
class Th:
    """A column heading."""

    text: str
    note: str = ""
    colspan: int = 1
    rowspan: int = 1
    tone: str = ""
    numeric: bool = False


@dataclass(frozen=True, slots=True)
class Td:
    """A table cell."""

    text: str
    note: str = ""
    "Second line, smaller."
    tone: Tone = ""
    mark: str = ""
    "Shape before the second line."
    spoken: str = ""
    "What a screen reader says for the shape."
    title: str = ""
    "Tooltip."
    head: bool = False
    "Whether it heads its row."
    colspan: int = 1
    numeric: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """A table with a caption."""

    kind: ClassVar[str] = "table"
    caption: str
    label: str
    "The caption as plain text."
    head: tuple[tuple[Th, ...], ...]
    rows: tuple[tuple[Td, ...], ...]
    look: Literal["plain", "matrix"] = "plain"


@dataclass(frozen=True, slots=True)
class Figure:
    """An inline SVG with its caption."""

    kind: ClassVar[str] = "figure"
    svg: Markup
    caption: str
    label: str
    "What it shows, for those who cannot see it."
    legend: tuple[tuple[str, str], ...] = ()
    "(class of the key, word)."
    rows: Markup | str = ""
    "Its points as a JSON table, escaped."


@dataclass(frozen=True, slots=True)
class Details:
    """Blocks that open on demand."""

    kind: ClassVar[str] = "details"
    summary: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading inside a section, level 3."""

    kind: ClassVar[str] = "heading"
    text: str


@dataclass(frozen=True, slots=True)
class Note:
    """A sentence."""

    kind: ClassVar[str] = "note"
    text: str
    tone: Tone = ""


@dataclass(frozen=True, slots=True)
class Link:
    """A file beside the report."""

    kind: ClassVar[str] = "link"
    address: str
    "Relative."
    text: str


@dataclass(frozen=True, slots=True)
class Pre:
    """Text as it is."""

    kind: ClassVar[str] = "pre"
    text: str
    label: str


@dataclass(frozen=True, slots=True)
class Terms:
    """Words and what they mean, or names and their values."""

    kind: ClassVar[str] = "terms"
    pairs: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Legend:
    """The key of verdict colours and shapes."""

    kind: ClassVar[str] = "legend"
    note: str


@dataclass(frozen=True, slots=True)
class ShownExample:
    """One sample, answered by the base and by a tuned variant."""

    change: str
    "right_wrong, wrong_right, right_right, wrong_wrong or free."
    sample_id: str
    prompt: str
    target: str
    base: Answer
    tuned: Answer


@dataclass(frozen=True, slots=True)
class Answer:
    """What one model said."""

    text: str
    status: str
    "ok, unparsed or failed."
    reason: str
    score: str
    "Score of the sample, written; empty where it is not stored."
    reasoning: str = ""
    "What it wrote before the answer."


@dataclass(frozen=True, slots=True)
class ExampleSet:
    """Examples of one variant on one test set."""

    test: int
    "Index of the test set in the filter."
    heading: Markup
    verdict: str
    counts: str
    prefix: str
    "Demonstrations before every query; empty at zero shots."
    examples: tuple[ShownExample, ...]


@dataclass(frozen=True, slots=True)
class Examples:
    """All example sets with their filter."""

    kind: ClassVar[str] = "examples"
    tests: tuple[str, ...]
    "Names of the test sets, in the order of their index."
    changes: tuple[str, ...]
    "Kinds of change that occur."
    sets: tuple[ExampleSet, ...]
    n: int


Block: TypeAlias = Table | Figure | Details | Heading | Note | Link | Pre | Terms | Legend | Examples


@dataclass(frozen=True, slots=True)
class Section:
    """A numbered part of the page, level 2."""

    id: str
    title: str
    lead: str
    blocks: tuple[Block, ...]
