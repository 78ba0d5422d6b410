"""In which order a pool of demonstrations stands before queries."""

from __future__ import annotations

import pytest

from hanka.datasets.demonstrations import ordered_pool
from hanka.records import Example

POOL = [Example(f"r{at}", {"input": str(at)}, "yes" if at < 6 else "no") for at in range(8)]


def ids(rows: list[Example]) -> list[str]:
    return [one.id for one in rows]


def test_first_keeps_the_order_of_the_file() -> None:
    assert ids(ordered_pool(POOL, "first", ("yes", "no"), 0, "shop")) == [one.id for one in POOL]


@pytest.mark.parametrize("seed", range(8))
def test_drawn_takes_labels_in_turn_while_both_last(seed: int) -> None:
    found = ordered_pool(POOL, "drawn", ("yes", "no"), seed, "shop")
    assert sorted(ids(found)) == sorted(one.id for one in POOL)
    for place in (0, 2):
        assert {one.target for one in found[place : place + 2]} == {"yes", "no"}


def test_drawn_is_drawn_by_its_purpose() -> None:
    orders = {tuple(ids(ordered_pool(POOL, "drawn", (), seed, "shop"))) for seed in range(5)}
    assert len(orders) > 1
    assert ids(ordered_pool(POOL, "drawn", (), 3, "shop")) == ids(ordered_pool(POOL, "drawn", (), 3, "shop"))
    assert all(order != tuple(one.id for one in POOL) for order in orders)
