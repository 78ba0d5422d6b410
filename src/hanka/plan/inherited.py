"""What a variant without rows of its own was trained on: what its parents were. Between parents and a variant's record."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from hanka.methods.contract import Method
from hanka.records import SEVERAL, Variant


class Inherited(NamedTuple):
    """What tables say a variant was trained on."""

    task: str = ""
    "Tasks, joined."
    dataset: str = ""
    "Data sets or mixes, joined."
    size: int = 0
    "Rows: of data sets that differ, their sum."


def inherited(method: Method, parents: Sequence[Variant]) -> Inherited:
    """Return what the first parent that was trained was trained on; of parents that are put together, what all of them were."""
    trained = [one for one in parents if one.train_dataset]
    if not trained:
        return Inherited()
    if method.stands_on != "together":
        return Inherited(trained[0].train_task, trained[0].train_dataset, trained[0].train_size)
    tasks = dict.fromkeys(name for one in trained for name in one.train_task.split(SEVERAL))
    sizes = {one.train_dataset: one.train_size for one in trained}
    return Inherited(SEVERAL.join(tasks), SEVERAL.join(sizes), sum(sizes.values()))
