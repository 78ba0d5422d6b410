"""Rows that are not independent of each other: those of one group, and those that ask the same thing twice.

prepare → **predict**: whole clusters are what statistics resample, so a row that stands in a test set five times counts as
one. Rows whose fields are equal after trimming are the same question, whatever their answers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence

from hanka.identity import stream
from hanka.records import Example


def clusters(examples: Sequence[Example]) -> list[str]:
    """Return the cluster of each row; empty: it stands alone. Rows of one group or of one question share one."""
    keys: list[list[tuple[str, ...]]] = []
    for example in examples:
        asked = dict(example.fields) or {"text": example.target}  # text that is only scored asks nothing
        question = ("asks", *(f"{name}\0{value.strip()}" for name, value in sorted(asked.items())))
        keys.append([question, ("group", example.group)] if example.group else [question])
    roots = joined(keys)
    sizes = Counter(roots)
    return [examples[one].group or (f"repeats {examples[one].id}" if sizes[one] > 1 else "") for one in roots]


def shuffled(examples: Sequence[Example], seed: int, name: str) -> list[Example]:
    """Return rows in a seeded order in which those of one cluster follow each other. name: of their test set."""
    keys = [cluster or ("alone", place) for place, cluster in enumerate(clusters(examples))]
    order = list(dict.fromkeys(keys))
    stream(seed, "growing", name).shuffle(order)
    members: dict[Hashable, list[Example]] = {key: [] for key in order}
    for key, example in zip(keys, examples, strict=True):
        members[key].append(example)
    return [example for key in order for example in members[key]]


def joined(keys: Sequence[Sequence[Hashable]]) -> list[int]:
    """Return, for each row's keys, the place of the first row it is joined with: by a key, or through others."""
    parent = list(range(len(keys)))

    def root(place: int) -> int:
        """Follow a row to the first of its cluster."""
        while parent[place] != place:
            parent[place] = parent[parent[place]]
            place = parent[place]
        return place

    first: dict[Hashable, int] = {}
    for place, own in enumerate(keys):
        for key in own:
            one, other = sorted((root(first.setdefault(key, place)), root(place)))
            parent[other] = one
    return [root(place) for place in range(len(keys))]
