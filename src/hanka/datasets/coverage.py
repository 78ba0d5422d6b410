"""How much a training set covers: the distinct (task, output format) pairs of its rows, and how evenly they occur.

A row's task is what its slice `task` says, else the data set it comes from; its output format what its slice `format` says, else what the target
looks like, by the rules of `output_format`. The entropy is normalised by that of as many pairs in equal shares: 1 is even, 0 one pair alone.
Source: Shi et al. 2023, arXiv 2310.15326, who speak of coverage; the published code computes none, so these two numbers are ours.
Limits: a format is read off the surface; two tasks that nobody told apart count as one.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from hanka.datasets.templated import FORMAT, TASK
from hanka.records import Example

NUMBER = re.compile(r"[-+]?[$€£¥]?\d[\d,. ]*%?")
ITEM = re.compile(r"^\s*(?:[-*•]|\d+[.)])\s")
PHRASE_WORDS = 6
"A target of so many words that ends in no full stop is a phrase."


class Coverage(NamedTuple):
    """What a training set covers."""

    n: int
    "Rows."
    pairs: tuple[tuple[str, str, int], ...]
    "Task, output format, rows; the most frequent first."
    entropy: float
    "Of the pairs, normalised: 0 to 1."

    @property
    def n_pairs(self) -> int:
        """Count the distinct pairs."""
        return len(self.pairs)


def output_format(text: str) -> str:
    """Return what a target looks like: the first of these that fits, from the most to the least particular.

    code, json, tag, number, yes_no, list, word, phrase, sentence, paragraph, paragraphs; empty where there is no text.
    """
    text = text.strip()
    if not text:
        return "empty"
    rules = (
        ("code", "```" in text),
        ("json", text[0] in "{[" and _is_json(text)),
        ("tag", text.startswith("<") and text.endswith(">")),
        ("number", NUMBER.fullmatch(text) is not None),
        ("yes_no", text.rstrip(".!").lower() in ("yes", "no")),
        ("list", _is_list(text)),
        ("word", len(text.split()) == 1),
        ("phrase", len(text.split()) <= PHRASE_WORDS and text[-1] not in ".!?。"),
        ("paragraphs", "\n\n" in text),
        ("paragraph", len(re.findall(r"[.!?。]+(?:\s|$)", text)) > 1 or "\n" in text),
    )
    return next((name for name, fits in rules if fits), "sentence")


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _is_list(text: str) -> bool:
    lines = [line for line in text.splitlines() if line.strip()]
    items = sum(1 for line in lines if ITEM.match(line))
    return items >= 1 and 2 * items >= len(lines)


def coverage(rows: Iterable[tuple[str, Example]]) -> Coverage:
    """Count the pairs of rows, each with the name of the data set it comes from. Raises ValueError without rows."""
    counts = Counter(
        (one.slices.get(TASK) or dataset, one.slices.get(FORMAT) or output_format(one.target)) for dataset, one in rows
    )
    if not counts:
        raise ValueError("no rows, so nothing is covered")
    ordered = sorted(counts.items(), key=lambda one: (-one[1], one[0]))
    return Coverage(
        counts.total(), tuple((*pair, n) for pair, n in ordered), normalised_entropy([n for _, n in ordered])
    )


def normalised_entropy(counts: Iterable[int]) -> float:
    """Return the entropy of shares over that of equal shares; 0 of a single one."""
    found = [count for count in counts if count]
    if len(found) < 2:
        return 0.0
    total = sum(found)
    entropy = -math.fsum(count / total * math.log(count / total) for count in found)
    return min(1.0, entropy / math.log(len(found)))
