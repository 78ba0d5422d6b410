"""Every worker process takes a device of its own, of those that are visible; no GPU is needed to tell."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import pytest
import torch

from hanka.executors.local import device_places
from meeting import arrive, device


def _devices_of(workers: int) -> list[str | None]:
    context = get_context("spawn")
    places, meeting = device_places(workers, context), context.Barrier(workers)
    with ProcessPoolExecutor(workers, context, arrive, (places, meeting)) as pool:
        return [one.result() for one in [pool.submit(device) for _ in range(workers)]]


def _see(monkeypatch: pytest.MonkeyPatch, count: int, named: str | None) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: count)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if named is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", named)


def test_workers_take_devices_in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    _see(monkeypatch, 2, None)
    assert sorted(map(str, _devices_of(3))) == ["0", "0", "1"]


def test_only_devices_that_the_environment_names_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    _see(monkeypatch, 2, " 5,GPU-1f,7")
    assert sorted(map(str, _devices_of(2))) == ["5", "GPU-1f"]


def test_without_a_gpu_nothing_is_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    _see(monkeypatch, 0, None)
    assert _devices_of(2) == [None, None]
