"""One study asks the same rows twice: scored over label words, and answered freely."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hanka.analysis.export import export_run
from hanka.run import RunOptions, run_study
from hanka.store.folder import RunFolder, read_csv, read_json, read_predictions
from hanka.tasks import TASKS
from tiny_models import save_tiny_model

STUDY = {
    "name": "twice",
    "data": {"source": "toy"},
    "datasets": {"history-freely": {"task": "freely", "of": "history"}},
    "tasks": {
        "detection": {"out_of_domain": []},
        "freely": {
            "kind": "generation",
            "prompt": TASKS.get("detection").prompts["p1"],
            "verifier": "text",
            "metric": "solved",
            "in_domain": ["history-freely"],
        },
    },
    "methods": ["base", {"sft": {"peft": "none"}}],
    "train": {"sizes": [16], "epochs": 2, "learning_rate": 5.0e-3},
    "eval": {"shots": [0, 2], "max_new_tokens": 4},
    "stats": {"resamples": 200},
}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, RunFolder]]:
    folder = tmp_path_factory.mktemp("twice")
    values = STUDY | {"base": str(save_tiny_model(folder / "tiny"))}
    (folder / "twice.yaml").write_text(json.dumps(values), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HANKA_CACHE", str(folder / "cache"))
        yield folder, run_study(folder / "twice.yaml", folder / "run", RunOptions(quiet=True)).folder


def cells_by(run: RunFolder) -> dict[tuple[str, int, str], dict[str, Any]]:
    cells = read_json(run.plan)["cells"]
    return {(one["variant_id"], one["shots"], one["test_dataset"]): one for one in cells}


def test_every_variant_is_asked_both_ways_with_the_same_bytes(finished: tuple[Path, RunFolder]) -> None:
    _, run = finished
    cells = cells_by(run)
    pairs = [(variant, shots) for variant, shots, name in cells if name == "history"]
    assert len(pairs) == 4
    for variant, shots in pairs:
        scored, free = (cells[variant, shots, name] for name in ("history", "history-freely"))
        one, other = read_predictions(run.cell(scored["id"]))[0], read_predictions(run.cell(free["id"]))[0]
        asked = [[(row.sample_id, row.prompt, row.prompt_sha256, row.target) for row in rows] for rows in (one, other)]
        assert asked[0] == asked[1]
        assert len(one) == 12
        assert all(row.label_scores is not None for row in one)
        assert all(row.label_scores is None and row.output is not None for row in other)


def test_both_ways_are_scored_and_apart(finished: tuple[Path, RunFolder]) -> None:
    _, run = finished
    found = {
        (row["test_dataset"], row["metric"], row["relation"], int(row["n"]))
        for row in read_csv(run.summary)
        if row["method"] == "sft" and row["metric"] in ("accuracy", "solved")
    }
    assert found == {("history", "accuracy", "in_domain", 12), ("history-freely", "solved", "cross_task", 12)}


def test_the_written_study_runs_again_with_nothing_to_do(finished: tuple[Path, RunFolder]) -> None:
    _, run = finished
    again = run_study(run.path / "study.yaml", run.path, RunOptions(quiet=True))
    assert again.n_new == 0


def test_the_exported_rows_and_cards_name_both(finished: tuple[Path, RunFolder]) -> None:
    folder, run = finished
    export_run(run, "csv", folder / "csv")
    rows = read_csv(folder / "csv/predictions.csv")
    cells = {one["id"] for (_, _, name), one in cells_by(run).items() if name == "history-freely"}
    assert sum(row["cell_id"] in cells for row in rows) == 4 * 12
    export_run(run, "model-card", folder / "card")
    (card,) = (folder / "card").rglob("*.md")
    assert "history-freely" in card.read_text(encoding="utf-8")
    assert "history (toy)" in (run.path / "report.html").read_text(encoding="utf-8")
