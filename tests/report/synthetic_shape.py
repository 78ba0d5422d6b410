"""What kind of run `synthetic.build_run` makes up: shape, test sets, hostile text."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from hanka.records import Cell, Variant

Dress = Callable[[str], str]
Row = dict[str, Any]

LABELS = {"sentiment": ["positive", "negative"], "inference": ["entailment", "neutral", "contradiction"]}
TESTS: dict[str, list[tuple[str, str]]] = {
    "sentiment": [("amazon", "shop"), ("amazonfood", "shop"), ("sst2", "film"), ("yelp", "restaurants")],
    "inference": [("mnli-1", "mixed"), ("mnli-2", "mixed"), ("rte", "news")],
    "summary": [("xsum", "bbc")],
}
TRAINED = {"sentiment": ("amazon", "shop"), "inference": ("mnli-1", "mixed")}
METRICS = {
    "classification": ["accuracy", "macro_f1"],
    "generation": ["rouge_l", "rouge_1", "exact_match", "label_share", "distinct_share", "length_ratio", "cap_hits"],
}
HOSTILE = (
    '"><script>alert(1)</script></style><img src=//evil.example/x onerror=alert(2)>'
    "\u202eevil\u2066\x00\ud800{{7*7}}</svg>'&"
)


def hostile(text: str) -> str:
    """Dress a text with everything that must not come alive."""
    return text + HOSTILE


def plain(text: str) -> str:
    """Leave a text as it is."""
    return text


@dataclass(frozen=True)
class Shape:
    """What kind of run is built."""

    tasks: tuple[str, ...] = ("sentiment", "inference")
    methods: tuple[str, ...] = ("sft", "fticl")
    sizes: tuple[int, ...] = (64, 512)
    seeds: tuple[int, ...] = (0,)
    shots: tuple[int, ...] = (0, 2)
    prompts: tuple[str, ...] = ("p1",)
    n: int = 200
    "Samples of a cell, as the numbers have it."
    rows: int = 60
    "Rows of predictions that are written."
    fail: Callable[[Cell], bool] = lambda cell: False
    dress: Dress = plain
    shared_predictions: bool = False
    "Write one predictions file per test task and link it everywhere: large runs in little time."
    tests: Mapping[str, list[tuple[str, str]]] = field(default_factory=lambda: TESTS)


def some_fail(cell: Cell) -> bool:
    """Let one corner of the study fail."""
    return (
        cell.test_dataset.startswith("yelp") and cell.shots == 2 and cell.variant_id.startswith("fticl-sentiment-512")
    )


@dataclass
class Book:
    """What has been made up so far."""

    shape: Shape
    variants: list[Variant] = field(default_factory=list)
    cells: list[Cell] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    comparisons: list[Row] = field(default_factory=list)


def kind(task: str) -> str:
    """Return the kind of a task."""
    return "classification" if task in LABELS else "generation"
