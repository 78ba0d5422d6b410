"""Rows shown to a model behind an endpoint: nothing is loaded or made, and the answers are those of the same model in memory."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hanka.run import RunOptions, run_study
from hanka.store.folder import read_json, read_predictions
from model_server import serving, tiny_server
from tiny_models import save_tiny_model


def test_a_served_base_is_shown_the_rows_that_the_same_model_in_memory_is_shown(tmp_path: Path) -> None:
    sharp = {"seed": 5, "initializer_range": 0.4}
    local = str(save_tiny_model(tmp_path / "tiny", **sharp))  # type: ignore[arg-type]
    with serving(tiny_server(sharp)) as server:  # type: ignore[arg-type]
        served = {"served": server.url, "model": "tiny", "name": "big", "server": {"eos": "</s>"}}
        study = {
            "name": "served", "base": [served, {"model": local, "name": "small"}], "data": {"source": "toy"},
            "tasks": {"sentiment": {}}, "methods": ["base", "icl"], "train": {"sizes": [4], "sample": "balanced"},
            "eval": {"limit": 4, "shots": [0], "contexts": ["drawn", "own_rows"]}, "stats": {"resamples": 200},
        }  # fmt: skip
        path = tmp_path / "study.yaml"
        path.write_text(json.dumps(study), encoding="utf-8")
        outcome = run_study(path, tmp_path / "run", RunOptions(quiet=True))
    assert outcome.n_failed == 0
    plan = read_json(outcome.folder.plan)
    owners = {one["id"]: one for one in plan["variants"]}
    found = {
        (owners[one["variant_id"]]["base"], one["test_dataset"]): read_predictions(outcome.folder.cell(one["id"]))[0]
        for one in plan["cells"]
        if owners[one["variant_id"]]["method"] == "icl"
    }
    assert set(found) == {(base, test) for base in ("big", "small") for test in ("shop", "film")}
    for test in ("shop", "film"):
        for one, other in zip(found["big", test], found["small", test], strict=True):
            assert one.prompt_sha256 == other.prompt_sha256
            # a server's log-probabilities are rounded on their way
            assert one.label_scores == pytest.approx(other.label_scores, abs=1e-3)
