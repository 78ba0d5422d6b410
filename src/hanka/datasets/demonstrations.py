"""Which demonstrations stand before a query: a pool, an order, nested prefixes of it.

`drawn` orders a pool by a seeded shuffle that takes labels in turn, so the first k hold each label about
equally often, and fewer shots are a prefix of more. `first` keeps file order, as published.
"""

from __future__ import annotations

from collections.abc import Sequence

from hanka.identity import stream
from hanka.records import Example


def ordered_pool(pool: Sequence[Example], how: str, labels: Sequence[str], *purpose: str | int) -> list[Example]:
    """Order a demonstration pool.

    how: drawn or first. labels: label words of a classification, empty for generation.
    purpose: names the random stream, for example (seed, dataset, draw).
    """
    if how == "first":
        return list(pool)
    rng = stream("demonstrations", *purpose)
    shuffled = [pool[index] for index in rng.permutation(len(pool))]
    if not labels:
        return shuffled
    words = [labels[index] for index in rng.permutation(len(labels))]
    queues = {word: [one for one in shuffled if one.target == word] for word in words}
    ordered: list[Example] = []
    while any(queues.values()):
        ordered += [queue.pop(0) for queue in queues.values() if queue]
    return ordered
