"""What is scored, written and trained on: seeded random token ids, with the lengths of real short-text tasks.

Tokenising is left out on both sides; both get the same ids.
"""

from __future__ import annotations

from dataclasses import dataclass

from hanka.identity import stream
from hanka.prompting import Encoded, Query

LABELS = ((5,), (7,), (9, 11))
"Token ids of the labels: two of one token, one of two."
OWN_TOKENS = (40, 88)
"Shortest and longest own part of a row; uniform, 64 on average."


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is measured."""

    n_queries: int
    "Queries that are scored."
    shots: tuple[int, ...]
    "Demonstrations before them."
    shot_tokens: int
    "Tokens of a demonstration."
    n_written: int
    "Queries that are continued."
    n_new: int
    "New tokens of each."
    training: tuple[tuple[str, int, int], ...]
    "(name, shared tokens, rows per optimizer step)"
    n_exact: int
    "Queries and rows on which exactness is checked."
    exact_shared: int
    "Tokens they share."
    exact_layers: int
    "Layers of the model that is checked in float32, too."
    budgets: tuple[int, ...]
    "Token budgets that are tried on hanka's side; the first is hanka's default for training."
    rows_at_once: tuple[int, ...]
    "Batch sizes that are tried on the peers' side, scoring and writing."
    rows_trained_at_once: tuple[int, ...]
    "The same for training."
    seconds: float
    "Least duration of a repetition."


FULL = Sizes(
    n_queries=500,
    shots=(4, 8),
    shot_tokens=75,
    n_written=256,
    n_new=64,
    training=(("sft", 0, 32), ("sft, wide", 0, 256), ("fticl", 1000, 32)),
    n_exact=24,
    exact_shared=300,
    exact_layers=4,
    budgets=(4096, 8192, 16384, 32768),
    rows_at_once=(16, 32, 64, 128, 256),
    rows_trained_at_once=(1, 2, 4, 8, 16, 32, 64, 128, 256),
    seconds=1.5,
)
SMOKE = Sizes(
    n_queries=6,
    shots=(1,),
    shot_tokens=75,
    n_written=4,
    n_new=4,
    training=(("fticl", 100, 4),),
    n_exact=6,
    exact_shared=80,
    exact_layers=2,
    budgets=(4096,),
    rows_at_once=(4,),
    rows_trained_at_once=(4,),
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
