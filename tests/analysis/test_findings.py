"""What has to be said beside the numbers."""

from __future__ import annotations

from pathlib import Path

from fake_runs import fake_run, write_study
from hanka.analysis import analyse
from hanka.store.folder import read_json, write_json


def test_shortcuts_that_a_model_does_not_allow_stand_in_the_findings_once(tmp_path: Path) -> None:
    folder = fake_run(write_study(tmp_path), tmp_path / "run")
    plan = read_json(folder.plan)
    for variant in plan["variants"]:
        if variant["train_task"]:
            path = folder.variant(variant["id"]) / "variant.json"
            write_json(path, read_json(path) | {"record": {"notes": ["nothing is shared: dropout"]}})
    cell = folder.cell(plan["cells"][0]["id"]) / "cell.json"
    write_json(cell, read_json(cell) | {"notes": ["no shared prefix: why"]})
    analyse(folder)
    notes = {one["kind"]: one["message_en"] for one in read_json(folder.findings)["notes"]}
    assert notes["training"] == "training: nothing is shared: dropout"
    assert notes["engine"] == "no shared prefix: why"
