"""What token sequences share: prefixes, and label words that begin alike."""

from __future__ import annotations

from collections.abc import Sequence

from hanka.errors import DataError
from hanka.prompting.encoded import Query


def shared_length(left: Sequence[int], right: Sequence[int]) -> int:
    """Count the leading tokens two sequences share."""
    count = 0
    for one, other in zip(left, right, strict=False):
        if one != other:
            break
        count += 1
    return count


def shared_prefix(contexts: Sequence[Sequence[int]]) -> int:
    """Count the leading tokens that all contexts share, leaving at least one token of each outside."""
    if not contexts:
        return 0
    ordered = sorted(map(tuple, contexts))
    low, high = ordered[0], ordered[-1]
    return min(shared_length(low, high), min(len(context) for context in contexts) - 1)


def colliding_labels(queries: Sequence[Query], labels: Sequence[str]) -> list[tuple[str, str]]:
    """Return pairs of labels whose continuations begin with the same token in any query."""
    pairs = set()
    for first in {tuple(label[0] if label else -1 for label in query.labels) for query in queries}:
        for left in range(len(labels)):
            for right in range(left + 1, len(labels)):
                if first[left] == first[right]:
                    pairs.add((labels[left], labels[right]))
    return sorted(pairs)


def require_distinct_first_tokens(queries: Sequence[Query], labels: Sequence[str], where: str) -> None:
    """Raise DataError if two labels begin with the same token, which first-token scoring cannot tell apart."""
    pairs = colliding_labels(queries, labels)
    if pairs:
        left, right = pairs[0]
        raise DataError(
            f"{where}: labels {left!r} and {right!r} begin with the same token, so `scoring: first_token` cannot "
            f"tell them apart; use `scoring: full` or other label words"
        )
