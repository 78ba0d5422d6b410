"""Source `arithmetic`: sums and differences made from their numbers, right ones and wrong ones; no file, no download.

A pair of numbers belongs to one split. Training rows are drawn with replacement, as a sheet of exercises is: about a third
of them stand there twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path

from hanka.datasets.base import Dataset, Roles, Source
from hanka.identity import sha256_text, stream
from hanka.records import Example, Split

N_TRAIN, N_TEST, N_DEMONSTRATIONS = 200, 24, 8
SIGNS = {"sums": "+", "differences": "-"}


def _statement(name: str, place: int, first: int, second: int) -> Example:
    """Write one equation; two of three are right."""
    right = first + second if name == "sums" else first - second
    wrong = int(sha256_text(f"{name}/{first}/{second}")[:8], 16) % 3 == 0
    text = f"{first} {SIGNS[name]} {second} = {right + (1 + second % 2 if wrong else 0)}"
    return Example(f"{name}-{place}", {"input": text}, "no" if wrong else "yes", f"{name}/{first}/{second}")


def _read(name: str, split: Split, size: int | None) -> list[Example]:
    pairs = [(first, second) for first in range(10, 30) for second in range(1, 10)]
    order = stream("arithmetic", name).permutation(len(pairs))
    tests, shown = order[:N_TEST], order[N_TEST : N_TEST + N_DEMONSTRATIONS]
    if split == "train":
        rest = order[N_TEST + N_DEMONSTRATIONS :]
        drawn = stream("arithmetic", name, "train").choice(rest, N_TRAIN)
        return [_statement(name, 1000 + at, *pairs[pair]) for at, pair in enumerate(drawn)]
    return [_statement(name, int(pair), *pairs[pair]) for pair in (tests if split == "test" else shown)]


def _catalogue(path: Path | None) -> Mapping[str, Dataset]:
    return {
        name: Dataset(
            name=name,
            task="equation",
            domain=name,
            source="arithmetic",
            licence="none needed",
            splits=("train", "test", "demonstrations") if name == "sums" else ("test", "demonstrations"),
            read=partial(_read, name),
            one_training_file=True,
            note="made from numbers",
        )
        for name in SIGNS
    }


ARITHMETIC = Source(
    name="arithmetic",
    description="sums and differences, made from their numbers",
    roles={"equation": Roles("sums", ("sums",), ("differences",))},
    needs_path=False,
    catalogue=_catalogue,
)
