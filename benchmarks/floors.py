"""How much arithmetic a workload needs at least: tokens times the parameters each must pass.

A token passes the body (the matrices of the decoder layers); where it predicts something that is asked for it passes
the head, too. hanka's minimum counts a token once per distinct beginning: rows that begin alike give equal hidden
states there. What a peer must forward follows from how it batches, without its padding. Attention scores, the
optimizer and tokenisation are not counted, so a measured ratio may lie on either side of the floor's.
Forward and backward pass cost both sides the same factor, which drops out of a ratio.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

Ids = Sequence[int]


class Parameters(NamedTuple):
    """Where a model's multiplications are."""

    body: int
    "Matrix elements of the decoder layers."
    head: int
    "Elements of the output matrix."


class Work(NamedTuple):
    """What passes a model."""

    body_tokens: int
    "Tokens through the decoder layers."
    head_tokens: int
    "Positions whose logits are computed."

    def plus(self, other: Work) -> Work:
        """Add other work."""
        return Work(self.body_tokens + other.body_tokens, self.head_tokens + other.head_tokens)

    def times(self, factor: int) -> Work:
        """Repeat the work."""
        return Work(self.body_tokens * factor, self.head_tokens * factor)

    def operations(self, parameters: Parameters) -> int:
        """Return tokens times parameters: multiply-adds of a forward pass."""
        return self.body_tokens * parameters.body + self.head_tokens * parameters.head


def count_parameters(model: Any) -> Parameters:
    """Count the matrices of a transformers causal language model; embeddings are looked up, not multiplied."""
    head = model.get_output_embeddings().weight
    embedded = model.get_input_embeddings().weight
    body = sum(
        value.numel()
        for name, value in model.named_parameters()
        if value.dim() == 2 and value is not head and value is not embedded and "lora_" not in name
    )
    return Parameters(body, head.numel())


def distinct_prefixes(rows: Iterable[Ids]) -> int:
    """Count the distinct non-empty beginnings of rows: the nodes of their prefix tree."""
    ordered = sorted(map(tuple, rows))
    count = 0
    before: tuple[int, ...] = ()
    for row in ordered:
        count += len(row) - _shared(before, row)
        before = row
    return count


def _shared(left: Ids, right: Ids) -> int:
    for index, (one, other) in enumerate(zip(left, right, strict=False)):
        if one != other:
            return index
    return min(len(left), len(right))


def least_scoring(queries: Iterable[tuple[Ids, Sequence[Ids]]]) -> Work:
    """Return the least work that scores every label of every (context, labels)."""
    rows, asked = [], set()
    for context, labels in queries:
        for label in labels:
            rows.append((*context, *label[:-1]))
            asked |= {(*context, *label[:end]) for end in range(len(label))}
    return Work(distinct_prefixes(rows), len(asked))


def requested_scoring(queries: Iterable[tuple[Ids, Sequence[Ids]]]) -> Work:
    """Return what scoring request by request forwards: every row whole, logits at every position.

    Labels that differ in their last token only share a row, as lm-eval lets them.
    """
    n_tokens = 0
    for context, labels in queries:
        n_tokens += sum(len(context) + len(inner) for inner in {tuple(label[:-1]) for label in labels})
    return Work(n_tokens, n_tokens)


def least_training(batches: Iterable[Sequence[tuple[Ids, int]]]) -> Work:
    """Return the least forward work of optimizer batches of (ids, first supervised index).

    The last token of a row predicts nothing. Weights change between batches, so nothing is shared across them.
    """
    total = Work(0, 0)
    for batch in batches:
        taught = [(ids, max(start, 1)) for ids, start in batch if start < len(ids)]
        n_targets = sum(len(ids) - start for ids, start in taught)
        total = total.plus(Work(distinct_prefixes([ids[:-1] for ids, _ in taught]), n_targets))
    return total


def whole_training(batches: Iterable[Sequence[tuple[Ids, int]]]) -> Work:
    """Return what a trainer forwards that takes every row whole and computes logits at every position."""
    n_tokens = sum(len(ids) for batch in batches for ids, _ in batch)
    return Work(n_tokens, n_tokens)


def floor_ratio(least: Work, peer: Work, parameters: Parameters) -> float:
    """Return how many times the least operations the peer must do."""
    return peer.operations(parameters) / least.operations(parameters)
