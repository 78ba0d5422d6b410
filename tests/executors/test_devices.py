"""Every worker process takes a device of its own, of those that are visible; no GPU is needed to tell."""

from __future__ import annotations

import os
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

import pytest
import torch

from hanka.executors.local import PRELOADED, device_places, take_device

_meeting: list[Any] = []


def _start(places: Any, meeting: Any) -> None:
    take_device(places)
    _meeting.append(meeting)


def _device() -> str | None:
    _meeting[0].wait(60)  # nobody answers twice
    return os.environ.get("CUDA_VISIBLE_DEVICES")


def _devices_of(workers: int) -> list[str | None]:
    context = get_context("forkserver")  # from the process that other tests of workers fork, too
    context.set_forkserver_preload(list(PRELOADED))
    places, meeting = device_places(workers, context), context.Barrier(workers)
    with ProcessPoolExecutor(workers, context, _start, (places, meeting)) as pool:
        return [one.result() for one in [pool.submit(_device) for _ in range(workers)]]


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
