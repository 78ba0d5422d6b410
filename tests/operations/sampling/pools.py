"""Pools of made-up mails: kinds that look different, sources of different sizes."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

KINDS = {
    "delivery": "the parcel number {0} has not arrived at the door in street {0}, where is the driver of van {0}",
    "refund": "please return my money for invoice {0} to account {0} because item {0} was broken",
    "praise": "thank you very much, agent {0} solved problem {0} within {0} minutes, wonderful service",
}
"What mails look like."


def mails(counts: dict[tuple[str, str], int]) -> list[dict[str, str]]:
    """Return rows by (source, kind)."""
    numbers = iter(range(10_000, 99_999))
    return [
        {"id": str(number), "text": KINDS[kind].format(number * 7), "source": source}
        for (source, kind), count in counts.items()
        for number, _ in zip(numbers, range(count), strict=False)
    ]


def write_pool(path: Path, rows: Sequence[dict[str, str]]) -> Path:
    """Write rows as CSV."""
    with path.open("w", newline="", encoding="utf-8") as handle:
        writer = csv.DictWriter(handle, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


USUAL = {
    ("web", "delivery"): 60, ("web", "refund"): 30, ("web", "praise"): 6, ("app", "delivery"): 20, ("app", "refund"): 4,
}  # fmt: skip
"120 mails, of which one kind is rare."
