"""From cleaned upstream rows to the splits of one data set: shared by the preparations of mini."""

from __future__ import annotations

import html
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from hanka.datasets.overlap import near_duplicates_within
from hanka.datasets.splits import in_hash_order, reserve
from hanka.errors import DataError
from hanka.identity import sha256_text
from hanka.records import Example, Split

Parts: TypeAlias = Mapping[Split, list[Example]]

MOST_TEST_ROWS = 1000
N_TRAINED, N_TESTED = 16, 8
"Demonstrations of a data set that trains, and of one that only tests."
SPACES = re.compile(r"[^\S\n]+")
LINES = re.compile(r" ?\n\s*")
MISREAD = re.compile(r"[\u00c2-\u00f4][\u0080-\u00bf]*[\u0080-\u009f][\u0080-\u00bf]*")
"UTF-8 that was once read as Latin-1; told by its control characters, which no text has."


def cleaned(text: str) -> str:
    """Return text without double spaces, blank lines, entities (some are escaped twice) or outer space.

    Characters that upstream read in the wrong encoding are put right where that can be told for sure.
    """
    text = MISREAD.sub(lambda match: match[0].encode("latin-1").decode("utf-8", "ignore"), text)
    return LINES.sub("\n", SPACES.sub(" ", html.unescape(html.unescape(text)).replace("\r", "\n"))).strip()


def text_group(text: str) -> str:
    """Return the group of a source text: the same for texts that differ in case and spaces only."""
    return sha256_text(" ".join(text.casefold().split()))[:16]


def source_groups(texts: Iterable[str]) -> dict[str, str]:
    """Return a group for every text; texts that are nearly the same (see `overlap`) share one."""
    distinct = sorted(set(texts))
    group = {text: text_group(text) for text in distinct}
    rows = [Example(text, {"input": text}, "") for text in distinct]
    for match in near_duplicates_within(rows):
        kept, merged = group[match.first], group[match.second]
        if kept != merged:
            group = {text: kept if name == merged else name for text, name in group.items()}
    return group


def json_rows(path: Path) -> list[dict[str, Any]]:
    """Read an upstream JSON-lines file."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line.strip()]


def without_repeats(examples: Sequence[Example], *, labelled: bool) -> list[Example]:
    """Drop repeated rows; where equal inputs carry different labels, drop them all.

    labelled: equal inputs are one row; else inputs and target together are.
    """
    targets: dict[tuple[str, ...], set[str]] = defaultdict(set)
    keys = [tuple(text_group(value) for value in example.fields.values()) for example in examples]
    for key, example in zip(keys, examples, strict=True):
        targets[key].add(example.target)
    kept: dict[tuple[str, ...], Example] = {}
    for key, example in zip(keys, examples, strict=True):
        if not labelled:
            kept.setdefault((*key, text_group(example.target)), example)
        elif len(targets[key]) == 1:
            kept.setdefault(key, example)
    return list(kept.values())


def parts_with_train(name: str, train: Sequence[Example], test: Sequence[Example], per_group: int = 1) -> Parts:
    """Cut a data set that trains: demonstrations come out of train; test keeps at most 1,000 rows.

    per_group: demonstrations a group gives; its other rows are left out, so large groups give several.
    """
    shared = {example.group for example in train} & {example.group for example in test}
    if shared:
        raise DataError(f"{name}: {len(shared)} groups are in train and test: the preparation of mini is wrong")
    demonstrations, rest = reserve(train, N_TRAINED, f"mini/{name}/demonstrations", per_group=per_group)
    return {
        "train": in_hash_order(rest, f"mini/{name}/train"),
        "test": in_hash_order(test, f"mini/{name}/test")[:MOST_TEST_ROWS],
        "demonstrations": demonstrations,
    }


def parts_without_train(name: str, rows: Sequence[Example], per_group: int = 1) -> Parts:
    """Cut a data set that only tests: a few demonstrations of groups of their own, at most 1,000 test rows."""
    demonstrations, rest = reserve(rows, N_TESTED, f"mini/{name}/demonstrations", per_group=per_group)
    return {
        "test": in_hash_order(rest, f"mini/{name}/test")[:MOST_TEST_ROWS],
        "demonstrations": demonstrations,
    }
