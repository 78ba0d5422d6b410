"""A variant is asked as it was trained, whatever order the parts of its training set come in."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hanka.run import RunOptions, run_study
from hanka.store.folder import read_json
from tiny_models import save_tiny_model


@pytest.mark.parametrize("of", [{"shop": 0.5, "news": 0.5}, {"news": 0.5, "shop": 0.5}])
def test_a_mix_of_two_tasks_is_asked_both(tmp_path: Path, of: dict[str, float]) -> None:
    study = {
        "name": "mix", "base": str(save_tiny_model(tmp_path / "tiny")), "data": {"source": "toy"},
        "datasets": {"mix": {"recipe": {"concat": {"of": of}}}},
        "tasks": {"sentiment": {}, "summary": {"train": "news", "in_domain": ["news"], "out_of_domain": []}},
        "methods": ["base", {"sft": {"on": "mix", "peft": "lora"}}],
        "train": {"sizes": [8], "epochs": 1}, "eval": {"limit": 4, "max_new_tokens": 4}, "stats": {"resamples": 200},
    }  # fmt: skip
    path = tmp_path / "study.yaml"
    path.write_text(json.dumps(study), encoding="utf-8")
    outcome = run_study(path, tmp_path / "run", RunOptions(quiet=True))
    reasons = [read_json(cell)["reason"] for cell in outcome.folder.path.glob("cells/*/cell.json")]
    assert reasons
    assert set(reasons) == {""}
