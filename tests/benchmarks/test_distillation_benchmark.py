"""The benchmark beside TRL compares like with like; the toy gives counts with intervals."""

from __future__ import annotations

import pytest
from benchmarks.distillation import _difference, in_order
from benchmarks.distillation_toy import N_NEW, taught
from benchmarks.workloads import BATCH_SIZE, batches


def test_the_peer_gets_the_rows_of_every_epoch_in_the_order_of_hankas_batches() -> None:
    rows = list(range(2 * BATCH_SIZE))
    found = in_order(rows, 3)
    assert len(found) == 3 * len(rows)
    for epoch in range(3):
        own = found[epoch * len(rows) : (epoch + 1) * len(rows)]
        assert sorted(own) == rows
        assert own == [row for batch in batches(rows, epoch=epoch) for row in batch]


def test_losses_differ_relative_to_the_first_and_other_numbers_of_steps_never_agree() -> None:
    assert _difference([2.0, 0.01], [2.0, 0.02]) == pytest.approx(0.005)
    assert _difference([2.0], [2.0, 1.0]) == _difference([], []) == float("inf")


def test_the_toy_gives_every_accuracy_with_n_and_interval() -> None:
    found = taught(quick=True)
    assert found["chance"] == 0.1
    assert len(found["accuracy"]) == 4
    for one in found["accuracy"].values():
        assert one["n"] == N_NEW
        assert 0 <= one["low"] <= one["value"] <= one["high"] <= 1
