"""The template of own data runs as `hanka init` writes it: one csv divided, trained on, chosen by and tested on."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from hanka.cli import main
from hanka.store.folder import read_json
from tiny_models import save_tiny_model


def run(monkeypatch: pytest.MonkeyPatch, *words: str) -> int | str | None:
    """Run the command line in this process; return its exit code."""
    monkeypatch.setattr(sys, "argv", ["hanka", *words])
    try:
        main()
    except SystemExit as leaving:
        return leaving.code
    return 0


def test_own_data_runs_as_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    model = save_tiny_model(tmp_path / "tiny")
    assert run(monkeypatch, "init", "own-data") in (0, None)
    assert run(monkeypatch, "run", "own-data.yaml", "--base", str(model), "--out", "run", "--quiet") == 0
    assert read_json(tmp_path / "run/audits.json")["warnings"] == []
    checks = [one for one in read_json(tmp_path / "run/audits.json")["checks"] if one["audit"] == "split"]
    assert checks == [{"audit": "split", "where": "mails: 39 train, 6 validation, 19 test", "checked": 64}]
    split = read_json(tmp_path / "run/plan.json")["splits"]["mails"]
    assert split == {
        "file": "mails.csv", "test": 0.3, "validation": 0.1, "seed": 0, "n_groups": 64,
        "n_rows": {"train": 39, "validation": 6, "test": 19},
    }  # fmt: skip
    made = [read_json(path) for path in (tmp_path / "run/variants").glob("*/variant.json")]
    assert [len(one["record"]["validation"]) for one in made if one["tuner"]] == [1, 1]
