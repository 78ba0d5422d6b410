"""Rows timed one by one: a file beside the answers, which stay as they are; a server's requests are timed as they are sent."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from hanka.analysis.amounts import amounts_of
from hanka.analysis.evidence import load_evidence
from hanka.cli import main
from hanka.errors import HankaError, UnitError
from hanka.run import RunOptions, run_study
from hanka.store.folder import LATENCY_FILE, RunFolder, read_json
from hanka.work import answer
from hanka.work.latency import measure_latency
from hanka.work.told import Times, keep_times
from model_server import serving, tiny_server
from tiny_models import save_tiny_model

SHARP: dict[str, Any] = {"seed": 5, "initializer_range": 0.4}


def asked_only(folder: Path, base: Any) -> RunFolder:
    study = {
        "name": "asked", "base": base, "data": {"source": "toy"}, "tasks": {"sentiment": {"out_of_domain": []}}, "methods": ["base"],
        "train": {"sizes": [4]}, "eval": {"limit": 4, "shots": [0, 2]}, "stats": {"resamples": 200},
    }  # fmt: skip
    path = folder / "study.yaml"
    path.write_text(json.dumps(study), encoding="utf-8")
    return run_study(path, folder / "run", RunOptions(quiet=True)).folder


def test_rows_are_timed_alone_and_answers_stay_as_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = asked_only(tmp_path, str(save_tiny_model(tmp_path / "tiny", **SHARP)))
    cells = sorted((run.path / "cells").iterdir())
    assert all(read_json(cell / "cell.json")["used"]["peak_bytes"] for cell in cells)
    before = {cell: (cell / "predictions.parquet").read_bytes() for cell in cells}
    assert all(one.serving.latency is None for one in amounts_of(load_evidence(run)))
    monkeypatch.setattr(sys, "argv", ["hanka", "cost", str(run.path), "--latency", "3"])
    with pytest.raises(SystemExit, match="0"):
        main()
    said = capsys.readouterr()
    assert "base, shop, 2-shot" in said.err
    assert said.out.count("n = 3") == 4
    assert {cell: (cell / "predictions.parquet").read_bytes() for cell in cells} == before
    for one in amounts_of(load_evidence(run)):
        assert one.serving.latency is not None
        assert (one.serving.latency.unit, one.serving.latency.median.n) == ("row", 3)
        assert 0 < one.serving.latency.median.value <= one.serving.latency.p95.value
    assert read_json(cells[0] / LATENCY_FILE)["at_once"] == 1


def test_a_server_s_requests_are_timed_in_the_run_itself(tmp_path: Path) -> None:
    with serving(tiny_server(SHARP)) as server:
        run = asked_only(tmp_path, {"served": server.url, "model": "tiny", "server": {"eos": "</s>", "concurrency": 2}})
    for cell in (run.path / "cells").iterdir():
        record, times = read_json(cell / "cell.json"), read_json(cell / LATENCY_FILE)
        assert "timed" not in record["asked"]
        assert times["unit"] == "request"
        assert times["at_once"] == 2
        assert len(times["seconds"]) >= record["n"]
        assert all(seconds > 0 for seconds in times["seconds"])
    with pytest.raises(HankaError, match="no finished cell in a variant's own domain can be asked on this machine"):
        measure_latency(run, 2, lambda _what, _share: None)


def test_a_first_row_that_fails_takes_no_other_row_s_time_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked: the first row once more before all else, then every row; what fails is left out."""
    turns = iter([UnitError("no number"), UnitError("no number"), None, None])
    answered = SimpleNamespace(status="ok")

    def predict(*_: Any) -> Any:
        if (failed := next(turns)) is not None:
            raise failed
        return None, [answered]

    monkeypatch.setattr(answer, "_ask_cell", lambda *_: SimpleNamespace(part=lambda *_: None))
    monkeypatch.setattr(answer, "_asking", lambda *_: None)
    monkeypatch.setattr(answer, "_predict", predict)
    test = SimpleNamespace(examples=[1, 2, 3])
    cell: Any = SimpleNamespace(cell=SimpleNamespace(test_task="any"), test=test)
    nothing: Any = None
    assert len(answer.time_alone(nothing, cell, nothing, 3).seconds) == 2


def test_times_of_rows_that_were_asked_before_are_kept(tmp_path: Path) -> None:
    keep_times(tmp_path, Times("request", 4, (0.5,)))
    keep_times(tmp_path, Times("request", 4, (0.25, 0.125)), goes_on=True)
    assert read_json(tmp_path / LATENCY_FILE) == {"unit": "request", "at_once": 4, "seconds": [0.5, 0.25, 0.125]}
    keep_times(tmp_path, Times("row", 1, (2.0,)))
    assert read_json(tmp_path / LATENCY_FILE)["seconds"] == [2.0]
