"""Deterministic splits: by hash, by group, label-balanced; no random generator anywhere.

Used by mini, toy, the hand-written sets, hub and own files. The order of rows comes from the SHA-256 of
their ids and a salt, so a split is the same on every machine and every day.
Examples of one group (one passage, story, document) never end up on two sides. `sample` and `split_validation` are what
training rows go through: which of them are trained on, and which choose between variants.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Literal, NamedTuple

from hanka.datasets.overlap import normalised_text
from hanka.datasets.repeats import joined
from hanka.errors import DataError
from hanka.identity import sha256_text
from hanka.records import Example


class Taken(NamedTuple):
    """A part that was taken, and what is left."""

    part: list[Example]
    rest: list[Example]


def group_of(example: Example) -> str:
    """Return the example's group, or its own id where it stands alone."""
    return example.group or f"id:{example.id}"


def hash_key(salt: str, text: str) -> str:
    """Return the sort key of a text: equal salt and text, equal place."""
    return sha256_text(f"{salt}\n{text}")


def in_hash_order(examples: Sequence[Example], salt: str) -> list[Example]:
    """Order examples by the hash of their ids: any prefix is then a fair sample."""
    return sorted(examples, key=lambda example: hash_key(salt, example.id))


def interleaved(examples: Sequence[Example], by: Callable[[Example], str] = lambda one: one.target) -> list[Example]:
    """Order examples so that their targets, or what else they are told apart `by`, take turns: the first k cover them evenly."""
    turns: Counter[str] = Counter()
    keyed: list[tuple[int, int, Example]] = []
    for example in examples:
        keyed.append((turns[by(example)], len(keyed), example))
        turns[by(example)] += 1
    return [example for _, _, example in sorted(keyed, key=lambda entry: entry[:2])]


def looks_labelled(examples: Sequence[Example]) -> bool:
    """Say whether the targets are labels rather than text: at most 20 different ones, each used often."""
    different = len({example.target for example in examples})
    return different <= 20 and 4 * different <= len(examples)


Sampling = Literal["first", "seeded", "balanced"]
"Which rows are trained on: the first ones, or drawn by seed, as they come or so that labels take turns."


def sample(
    examples: Sequence[Example], n: int, how: Sampling, seed: int, dataset: str, labelled: bool = False
) -> list[Example]:
    """Take n examples to train on: the first ones, or the first of a permutation by (seed, dataset).

    balanced: of the permutation, the labels take turns, so that counts of labels differ by one at most until a label has no
    more rows; without labels as seeded. labelled: whether the targets are labels. Of one seed and dataset, a smaller sample
    begins a larger one, whatever the order of `examples`. Raises ValueError where there are fewer than n.
    """
    if not 0 <= n <= len(examples):
        raise ValueError(f"{n} of {len(examples)} examples cannot be taken")
    if how == "first":
        return list(examples[:n])
    drawn = in_hash_order(examples, f"sample/{seed}/{dataset}")
    return (interleaved(drawn) if how == "balanced" and labelled else drawn)[:n]


def split_validation(
    examples: Sequence[Example],
    *,
    share: float | None = None,
    rows: int | None = None,
    seed: int,
    labels: Sequence[str] = (),
) -> Taken:
    """Set training rows aside to choose by: (validation, what is left to train on).

    share: of the examples, above 0 and below 1. rows: how many; fewer than there are. One of them is given. At most so
    many are taken, at least one. labels: of a classification; each keeps its proportion, as in the rows it is to speak
    for. Groups stay on one side, and the part does not depend on the order of `examples`; what is left keeps it.
    Raises ValueError for a size out of range, DataError where one group holds everything.
    """
    if (share is None) == (rows is None):
        raise ValueError("give either share or rows")
    if share is not None and not 0 < share < 1:
        raise ValueError(f"share must be above 0 and below 1, not {share}")
    n = max(1, int(share * len(examples) + 0.5)) if share is not None else rows or 0
    if not 0 < n < len(examples):
        raise ValueError(f"{n} of {len(examples)} training rows cannot be set aside: leave some on either side")
    taken = take_groups(examples, n, f"validation/{seed}", even=False, labelled=bool(labels))
    if not taken.part or not taken.rest:
        raise DataError(
            f"no validation rows can be set aside: all {len(examples)} training rows are of one group; name a file of "
            f"validation rows"
        )
    return taken


class Shares(NamedTuple):
    """How much of one file goes where; the rest is trained on."""

    test: float
    "Share of rows to test on, above 0."
    validation: float
    "Share of rows to choose by; 0: none."
    seed: int
    "Draws which groups go where."


class Parts(NamedTuple):
    """One file divided in three; every part keeps the file's order."""

    train: list[Example]
    validation: list[Example]
    test: list[Example]
    n_groups: int
    "Groups that were kept whole."


def split_in_three(examples: Sequence[Example], shares: Shares, *, labelled: bool, what: str) -> Parts:
    """Divide rows among training, validation and test, labels in proportion, whole groups to one side.

    A group is what shares `Example.group` or, spaces and case aside, the text of all fields, and what follows from both.
    labelled: whether the targets are labels. what: names the rows in errors. Raises DataError where a part stays empty.
    """
    groups = _joined_groups(examples)
    stand_ins = [replace(example, group=group) for example, group in zip(examples, groups, strict=True)]
    wanted = [max(1, round(share * len(examples))) if share else 0 for share in (shares.test, shares.validation)]
    test = take_groups(stand_ins, wanted[0], f"split/{shares.seed}/test", even=False, labelled=labelled)
    rest = take_groups(test.rest, wanted[1], f"split/{shares.seed}/validation", even=False, labelled=labelled)
    side = {row.id: "test" for row in test.part} | {row.id: "validation" for row in rest.part}
    parts: dict[str, list[Example]] = {"": [], "validation": [], "test": []}
    for example in examples:
        parts[side.get(example.id, "")].append(example)
    if not parts[""] or not parts["test"] or (wanted[1] and not parts["validation"]):
        raise DataError(
            f"{what} holds {len(examples)} rows in {len(set(groups))} groups, too few to be divided among training, "
            f"validation and test: name files of their own, or give it more groups"
        )
    return Parts(parts[""], parts["validation"], parts["test"], len(set(groups)))


def _joined_groups(examples: Sequence[Example]) -> list[str]:
    """Return a group for every row: rows that share a group or a text, directly or through others, have the same."""
    keys = [
        # a text that nothing is asked about is its target
        (("group", group_of(example)), ("text", normalised_text(example, target=not example.fields)))
        for example in examples
    ]
    return [f"split:{examples[first].id}" for first in joined(keys)]


def take_groups(examples: Sequence[Example], n: int, salt: str, *, even: bool, labelled: bool | None = None) -> Taken:
    """Take `n` examples as whole groups, in hash order, keeping labels in proportion.

    even: equal counts of every label instead of the proportions of `examples`.
    labelled: whether the targets are labels; None looks at them.
    Takes fewer than n where no group fits any more, and the smallest group where none fits at all.
    `rest` keeps the order of `examples`.
    """
    groups: dict[str, list[Example]] = defaultdict(list)
    for example in in_hash_order(examples, salt):
        groups[group_of(example)].append(example)
    order = sorted(groups, key=lambda name: hash_key(salt, name))
    quota = _quotas(examples, n, even) if (looks_labelled(examples) if labelled is None else labelled) else {}
    taken: list[str] = []
    have: Counter[str] = Counter()
    for strict in (True, False):
        for name in order:
            adds = Counter(example.target for example in groups[name])
            fits = have.total() + adds.total() <= n
            if strict and quota:
                fits = fits and all(have[label] + count <= quota[label] for label, count in adds.items())
            if fits and name not in taken:
                taken.append(name)
                have.update(adds)
    if not taken and n > 0 and len(order) > 1:
        taken = [min(order, key=lambda name: len(groups[name]))]
    chosen = set(taken)
    part = [example for name in order if name in chosen for example in groups[name]]
    return Taken(interleaved(part), [example for example in examples if group_of(example) not in chosen])


def reserve(examples: Sequence[Example], n: int, salt: str, *, per_group: int = 1) -> Taken:
    """Take `n` examples, at most `per_group` of a group, label-balanced; the rest of those groups is left out.

    For sets with large groups, where whole groups would cost too much. `rest` keeps the order of
    `examples` and shares no group with the part taken.
    """
    quota = _quotas(examples, n, even=True) if looks_labelled(examples) else {}
    have: Counter[str] = Counter()
    used: Counter[str] = Counter()
    part: list[Example] = []
    order = sorted(examples, key=lambda row: (hash_key(salt, group_of(row)), hash_key(salt, row.id)))
    for example in order:
        full = quota and have[example.target] >= quota[example.target]
        if len(part) < n and not full and used[group_of(example)] < per_group:
            part.append(example)
            have[example.target] += 1
            used[group_of(example)] += 1
    return Taken(interleaved(part), [example for example in examples if group_of(example) not in used])


def _quotas(examples: Sequence[Example], n: int, even: bool) -> dict[str, int]:
    """Share n among the labels, evenly or by their counts, by largest remainder."""
    counts = Counter(example.target for example in examples)
    labels = sorted(counts)
    shares = {label: n / len(labels) if even else n * counts[label] / len(examples) for label in labels}
    quota = {label: math.floor(share) for label, share in shares.items()}
    by_remainder = sorted(labels, key=lambda label: (quota[label] - shares[label], label))
    for label in by_remainder[: n - sum(quota.values())]:
        quota[label] += 1
    return quota
