"""Seeding torch: the numbers of `torch.manual_seed`, and nothing left waiting for devices that are not there."""

from __future__ import annotations

import pytest
import torch

from hanka.models.randomness import seed_torch


@pytest.mark.parametrize("seed", [0, 7, 2**63 - 1, 2**63 + 7])
def test_what_is_drawn_is_what_torch_draws_from_the_seed(seed: int) -> None:
    torch.manual_seed(seed % 2**63)
    wanted = torch.rand(4), torch.nn.functional.dropout(torch.ones(32))
    torch.rand(3)
    seed_torch(seed)
    found = torch.rand(4), torch.nn.functional.dropout(torch.ones(32))
    assert all(torch.equal(one, other) for one, other in zip(found, wanted, strict=True))


def test_where_there_is_an_accelerator_its_generator_is_seeded_too(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: True)
    monkeypatch.setattr(torch, "manual_seed", asked.append)
    seed_torch(5)
    assert asked == [5]


@pytest.mark.skipif(torch.accelerator.is_available(), reason="an accelerator is here")
def test_without_an_accelerator_nothing_waits_for_one() -> None:
    waiting = len(torch.cuda._queued_calls)
    seed_torch(5)
    assert len(torch.cuda._queued_calls) == waiting
