from __future__ import annotations

import numpy as np
import pytest

from hanka.metrics.base import Rows, align


def rows(*ids: str) -> Rows:
    return Rows(ids, np.asarray([[float(ord(sample_id))] for sample_id in ids]))


def test_only_shared_samples_are_paired_by_id() -> None:
    first, second = align(rows("c", "a", "x"), rows("a", "b", "c"))
    assert first.sample_ids == second.sample_ids == ("c", "a")
    assert first.statistics.tolist() == second.statistics.tolist() == [[99.0], [97.0]]


@pytest.mark.parametrize(("first", "second"), [("ab", "cd"), ("aa", "ab"), ("ab", "bb")])
def test_nothing_shared_or_a_double_id_raises(first: str, second: str) -> None:
    with pytest.raises(ValueError):
        align(rows(*first), rows(*second))
