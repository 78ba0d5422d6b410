"""The GPU benchmark on a processor: its exactness check passes and refuses, its results have their shape."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks.gpu import __main__ as command
from benchmarks.gpu import measure
from benchmarks.gpu.exactness import check_scores
from benchmarks.gpu.flops import Shape, Work, forward_flops, shape_of, training_flops, work_of
from benchmarks.gpu.items import SMOKE, queries
from benchmarks.gpu.models import build, freed
from benchmarks.gpu.timing import Side, find_best

from hanka.engines import voices

CPU = torch.device("cpu")


def ask(tmp_path: Path, *more: str) -> tuple[int, dict[str, Any], str]:
    code = command.main(["--smoke", "--repetitions", "1", "--out", str(tmp_path), *more])
    (path,) = tmp_path.glob("*.json")
    return code, json.loads(path.read_text("utf-8")), path.with_suffix(".md").read_text("utf-8")


def test_a_smoke_run_is_exact_and_measures_both_sides(tmp_path: Path) -> None:
    code, result, table = ask(tmp_path, "--only", "scoring")
    assert code == 0
    (found,) = result["models"].values()
    assert found["exactness"]["reasons"] == []
    assert found["exactness"]["gradients"]["hanka float32 to float32, budget 256"]["cosine"] == pytest.approx(1)
    (measured,) = found["measurements"].values()
    ours, theirs = measured["sides"].values()
    assert ours["forwarded_tokens"] < measured["sides"]["hanka"]["row_tokens_per_second"] * ours["median_seconds"]
    assert theirs["flops"] > ours["flops"]
    assert ours["mfu"] is None, "a processor has no utilisation to report"
    assert measured["times_faster"].keys() < measured["sides"].keys()
    assert "no measurement" in table
    assert "hanka is × faster" in table


def test_a_wrong_layout_is_refused_and_nothing_is_timed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    right = voices.new_pack

    def shifted(*arguments: Any) -> Any:
        made = right(*arguments)
        made.position_ids = made.position_ids + torch.arange(made.position_ids.shape[1]) // 9
        return made

    monkeypatch.setattr(voices, "new_pack", shifted)
    code, result, table = ask(tmp_path)
    assert code == 1
    assert any("scores" in reason for reason in result["models"]["tiny"]["exactness"]["reasons"])
    assert result["models"]["tiny"]["measurements"] == {}
    assert "no speed is reported" in table
    assert "faster" not in table


def test_falling_back_to_plain_rows_is_refused_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(voices, "takes_packs", lambda _model: (False, "not today"))
    loaded = build("tiny", CPU, torch.bfloat16)
    _, reasons = check_scores(loaded, queries(512, 40, 3))
    assert "hanka fell back: no shared prefix: not today" in reasons


def test_operations_are_counted_by_hand() -> None:
    shape = Shape(body=10, head=7, adapters=0, attention=3)
    work = work_of(2, [1, 2], places=4)
    assert work == Work(tokens=5, pairs=3 + (2 + 1) + (4 + 3), places=4)
    assert forward_flops(shape, work) == 2 * 10 * 5 + 2 * 7 * 4 + 4 * 3 * 13
    assert training_flops(shape, work) == 6 * (10 * 5 + 7 * 4) + 12 * 3 * 13
    assert training_flops(shape._replace(adapters=1), work) == 4 * (10 * 5 + 7 * 4) + 6 * 5 + 12 * 3 * 13


def test_entries_are_those_of_the_published_sizes() -> None:
    meta = torch.device("meta")
    one = shape_of(build("llama-3.2-1b", meta, torch.bfloat16).model)
    assert one.body + one.head == pytest.approx(1.236e9, rel=1e-3)
    seven = shape_of(build("llama-2-7b", meta, torch.bfloat16).model)
    assert seven.body + 2 * seven.head == pytest.approx(6.738e9, rel=1e-3)
    assert shape_of(freed(build("tiny", CPU, torch.bfloat16).model, "lora")).adapters > 0


def test_running_out_of_memory_ends_the_search_and_is_no_failure() -> None:
    def run(setting: int) -> int:
        if setting > 2:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return setting

    side = Side("peer", run, [1, 2, 4, 8], "rows", 1.0)
    find_best(side, CPU)
    assert side.best in (1, 2)
    assert side.trials["4"] is None
    assert "8" not in side.trials


def test_one_training_measurement_has_every_side() -> None:
    place = measure.Place(CPU, None, SMOKE, 1)
    found = measure.training("tiny", 100, 4, "lora", place)
    assert len(found["sides"]) == 4
    for one in found["sides"].values():
        assert math.isfinite(one["median_seconds"])
    assert found["sides"]["hanka"]["forwarded_tokens"] < found["sides"]["hanka, in autocast"]["forwarded_tokens"] + 1
    assert found["details"]["shared_tokens"] == 100
