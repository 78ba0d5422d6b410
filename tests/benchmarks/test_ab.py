"""A small part of the A/B simulations, and that they can fail."""

from __future__ import annotations

import sys
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks.promises import promise

from benchmarks import ab
from hanka.identity import stream


@pytest.mark.parametrize("part", [ab.coverage, ab.aa], ids=["coverage", "aa"])
def test_one_look_keeps_its_promises_where_100_units_are_in_each_arm(part: object) -> None:
    assert callable(part)
    assert [one.scenario for one in islice(part(150), 10) if not one.kept] == []


def test_a_hundred_looks_keep_theirs_and_looking_at_one_looks_interval_does_not() -> None:
    at = np.unique(np.geomspace(50, 800, 60).astype(int))
    always, once = [], []
    for repetition in range(100):
        seen = partial(ab.shares(0.5), stream(1, "test", repetition))  # every look draws anew: worse than any log
        effects = [seen(int(n)) for n in at[::6]]
        always.append(any(effect.every is not None and effect.every.p_value < 0.05 for effect in effects))
        once.append(any(ab.differs(effect) for effect in effects))
    assert promise("looks", "every look", always, high=0.05).kept
    assert not promise("looks", "one look", once, high=0.05).kept


def test_plans_are_kept() -> None:
    assert [one.scenario for one in islice(ab.power(200), 4) if not one.kept] == []


def test_the_sample_ratio_alarms_no_oftener_than_stated() -> None:
    assert [one.scenario for one in islice(ab.ratio(60), 6) if not one.kept] == []
