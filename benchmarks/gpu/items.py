"""What is scored, written and trained on: seeded random token ids, with the lengths of real short-text tasks.

Tokenising is left out on both sides; both get the same ids.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

from hanka.identity import stream
from hanka.prompting import Encoded, Query

LABELS = ((5,), (7,), (9, 11))
"Token ids of the labels: two of one token, one of two."
OWN_TOKENS = (40, 88)
"Shortest and longest own part of a row; uniform, 64 on average."


class Part(NamedTuple):
    """One measurement."""

    model: str
    "A name of `configs/`."
    kind: Literal["training", "scoring", "writing"]
    "What is done."
    setting: str
    "A key of `Sizes.training` or `Sizes.shots`."
    weights: Literal["base", "LoRA", "all"]
    "What is trained, or what answers: the base, or the base with an adapter."

    @property
    def name(self) -> str:
        """What tables call it."""
        return f"{self.kind}, {self.setting}, {self.weights}"


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is measured."""

    parts: tuple[Part, ...]
    "The most valuable first, because time may run out."
    n_queries: Mapping[str, int]
    "Queries that are scored, by model."
    shots: Mapping[str, int]
    "Demonstrations before queries, by setting."
    shot_tokens: int
    "Tokens of a demonstration."
    n_written: int
    "Queries that are continued."
    n_new: int
    "New tokens of each."
    training: Mapping[str, tuple[int, int]]
    "(shared tokens, rows per optimizer step) by setting."
    n_exact: int
    "Queries and rows on which exactness is checked."
    exact_shared: int
    "Tokens they share."
    exact_layers: int
    "Layers of the model that is checked in float32, too."
    budgets: tuple[int, ...]
    "Tokens a pass that are tried on the peers' side, and on hanka's from its default on."
    seconds: float
    "Least duration of a repetition."


SMALL, MIDDLE, LARGE = "smollm2-135m", "llama-3.2-1b", "llama-2-7b"
FULL = Sizes(
    parts=(
        Part(LARGE, "training", "sft, wide", "LoRA"),
        Part(MIDDLE, "training", "sft, wide", "LoRA"),
        Part(MIDDLE, "training", "sft, wide", "all"),
        Part(MIDDLE, "scoring", "4 shots", "base"),
        Part(MIDDLE, "scoring", "4 shots", "LoRA"),
        Part(LARGE, "scoring", "4 shots", "base"),
        Part(LARGE, "scoring", "4 shots", "LoRA"),
        Part(MIDDLE, "training", "fticl", "LoRA"),
        Part(MIDDLE, "training", "fticl", "all"),
        Part(SMALL, "training", "sft, wide", "LoRA"),
        Part(SMALL, "training", "sft, wide", "all"),
        Part(SMALL, "scoring", "4 shots", "base"),
        Part(SMALL, "scoring", "4 shots", "LoRA"),
        Part(MIDDLE, "writing", "4 shots", "base"),
        Part(LARGE, "training", "fticl", "LoRA"),
        Part(SMALL, "writing", "4 shots", "base"),
        Part(LARGE, "writing", "4 shots", "base"),
        Part(MIDDLE, "training", "sft", "LoRA"),
        Part(SMALL, "training", "fticl", "LoRA"),
        Part(MIDDLE, "scoring", "8 shots", "base"),
        Part(MIDDLE, "writing", "4 shots", "LoRA"),
        Part(LARGE, "scoring", "8 shots", "base"),
    ),
    n_queries={SMALL: 500, MIDDLE: 500, LARGE: 128},
    shots={"4 shots": 4, "8 shots": 8},
    shot_tokens=75,
    n_written=128,
    n_new=64,
    training={"sft": (0, 32), "sft, wide": (0, 128), "fticl": (1000, 32)},
    n_exact=24,
    exact_shared=300,
    exact_layers=4,
    budgets=(4096, 8192, 16384, 32768),
    seconds=0.5,
)
SMOKE = Sizes(
    parts=(
        Part("tiny", "training", "fticl", "LoRA"),
        Part("tiny", "training", "fticl", "all"),
        Part("tiny", "scoring", "1 shot", "base"),
        Part("tiny", "scoring", "1 shot", "LoRA"),
        Part("tiny", "writing", "1 shot", "base"),
    ),
    n_queries={"tiny": 6},
    shots={"1 shot": 1},
    shot_tokens=75,
    n_written=4,
    n_new=4,
    training={"fticl": (100, 4)},
    n_exact=6,
    exact_shared=80,
    exact_layers=2,
    budgets=(4096,),
    seconds=0.0,
)


def _draw(purpose: str, vocabulary: int, n_shared: int, n_rows: int) -> list[list[int]]:
    """Return rows of token ids that share their first `n_shared`, and only these."""
    generator = stream(0, purpose, n_shared)
    shared = generator.integers(16, vocabulary, n_shared).tolist()
    lengths = generator.integers(OWN_TOKENS[0], OWN_TOKENS[1] + 1, n_rows).tolist()
    own = [generator.integers(16, vocabulary, length).tolist() for length in lengths]
    return [[*shared, index % 2 + 12, *ids[1:]] for index, ids in enumerate(own)]


def queries(vocabulary: int, n_shared: int, n_queries: int, with_labels: bool = True) -> list[Query]:
    """Return queries behind a shared prefix, to score or to continue."""
    labels = LABELS if with_labels else ()
    return [Query("", ids, labels) for ids in _draw("queries", vocabulary, n_shared, n_queries)]


def training_rows(vocabulary: int, n_shared: int, n_rows: int) -> list[Encoded]:
    """Return training rows behind a shared prefix; their last one to three tokens are supervised."""
    rows = _draw("rows", vocabulary, n_shared, n_rows)
    return [Encoded(ids, len(ids) - 1 - index % 3) for index, ids in enumerate(rows)]
