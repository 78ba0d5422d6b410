"""Rows to validate on, asked as test sets are: `eval: {validation: true}`, or how many of them.

Of every test set with a validation split there is another one, NAME-validation, asked wherever NAME is, the same way: what a prompt is
chosen by, so that no test row chooses it. It is no role of a task: a claim or a decision never rests on it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

from hanka.datasets.base import Dataset
from hanka.records import Example, Split
from hanka.study.resolved import TaskUse
from hanka.study.source import StudySource

END = "-validation"


def validation_tests(
    source: StudySource, datasets: Mapping[str, Dataset], uses: Mapping[str, TaskUse], asked: bool | int
) -> dict[str, Dataset]:
    """Return test set → its rows to validate on as a test set. Raises StudyError where no test set has any, or a name is taken.

    asked: all of them, or how many; none where it is False.
    """
    if asked is False:
        return {}
    tested = {test.name: test for use in uses.values() for test in use.tests if "validation" in test.splits}
    key = ("eval", "validation")
    if not tested:
        raise source.error(
            key, "no test set has a validation split; give one a file (datasets.NAME.validation), or leave this out"
        )
    taken = next((name + END for name in tested if name + END in datasets), None)
    if taken is not None:
        raise source.error(key, f"needs the name {taken!r}, which another data set has; rename that one")
    most = None if asked is True else asked
    return {name: _copy(test, most) for name, test in tested.items()}


def _copy(test: Dataset, most: int | None) -> Dataset:
    splits: tuple[Split, ...] = ("test", "demonstrations") if "demonstrations" in test.splits else ("test",)
    note = f"rows of {test.name} to validate on; prompts are chosen by them"
    return replace(
        test,
        name=test.name + END,
        splits=splits,
        read=partial(_read, test, most),
        reading=None,
        note=note,
        chooses_for=test,
    )


def _read(test: Dataset, most: int | None, split: Split, size: int | None) -> list[Example]:
    return test.load("validation", size)[:most] if split == "test" else test.load(split, size)
