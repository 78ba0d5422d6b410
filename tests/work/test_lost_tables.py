"""Tables and a report that were deleted from a finished run come back with the next one."""

from __future__ import annotations

from pathlib import Path

import pytest

from hanka.run import RunOptions, run_study
from planned_studies import written


@pytest.mark.parametrize("lost", ["report.html", "summary.csv", "scores.parquet", "findings.json"])
def test_what_was_deleted_is_made_again_without_a_model(tiny_folder: Path, tmp_path: Path, lost: str) -> None:
    study = tmp_path / "study.yaml"
    study.write_text(written(tiny_folder, methods=["base"], tasks={"sentiment": {}}), encoding="utf-8")
    run_study(study, tmp_path / "run", RunOptions(quiet=True))
    (tmp_path / "run" / lost).unlink()
    assert run_study(study, tmp_path / "run", RunOptions(quiet=True)).n_new == 0
    assert (tmp_path / "run" / lost).is_file()
