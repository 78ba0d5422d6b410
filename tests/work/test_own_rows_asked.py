"""Rows as demonstrations, asked of a tiny model: the same prompts whoever is asked, and none of them cut."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from hanka.records import Prediction
from hanka.store.folder import read_json, read_predictions
from tiny_models import save_tiny_model
from worked import worked

Asked = dict[tuple[str, str, int], tuple[dict[str, Any], list[Prediction]]]
"By method, test set and rows shown: what is recorded of a cell, and its answers."


def asked(folder: Path, methods: Sequence[Any], **changes: Any) -> Asked:
    """Ask a tiny model, and what was trained on its rows."""
    model = save_tiny_model(folder / "tiny", **changes)
    study = {
        "name": "rows", "base": str(model), "data": {"source": "toy"}, "tasks": {"sentiment": {}, "summary": {}},
        "methods": methods,
        "train": {"sizes": [4, 8], "sample": "balanced", "epochs": 1},
        "eval": {"shots": [0], "contexts": ["drawn", "own_rows"], "limit": 4, "max_new_tokens": 4},
    }  # fmt: skip
    path = folder / "study.yaml"
    path.write_text(json.dumps(study), encoding="utf-8")
    plan, run = worked(path, folder / "run")
    return {
        (plan.variants[one.cell.variant_id].variant.method, one.cell.test_dataset, one.cell.shots): (
            read_json(run.cell(one.cell.id) / "cell.json"),
            read_predictions(run.cell(one.cell.id))[0],
        )
        for one in plan.cells.values()
        if one.cell.context == "own_rows" or not one.cell.shots
    }


@pytest.fixture(scope="module")
def roomy(tmp_path_factory: pytest.TempPathFactory) -> Asked:
    """A base with room for all rows, its rows shown to it and to a variant that was hardly trained on them."""
    methods = ["base", "icl", {"sft": {"learning_rate": 1e-30}}]
    return asked(tmp_path_factory.mktemp("roomy"), methods, max_position_embeddings=4096)


def said(rows: list[Prediction]) -> list[Any]:
    return [(one.sample_id, one.prompt_sha256, one.output, one.label_scores) for one in rows]


def test_a_variant_that_did_not_change_answers_behind_its_rows_as_the_base_does(roomy: Asked) -> None:
    found = roomy
    for test in ("shop", "film", "news"):
        for shots in (4, 8):
            (own, ours), (base, theirs) = found["sft", test, shots], found["icl", test, shots]
            assert said(ours) == said(theirs)
            assert own["demonstrations"] == base["demonstrations"]
            assert (len(set(own["demonstrations"])), own["n_failed"]) == (shots, 0)
        eight, four = (found["icl", test, shots][0]["prefix"] for shots in (8, 4))
        assert eight.startswith(four)
        assert len(eight) > len(four)
        assert said(found["sft", test, 0][1]) == said(found["base", test, 0][1])


def test_rows_that_do_not_fit_fail_with_a_reason_and_are_counted(roomy: Asked, tmp_path: Path) -> None:
    whole = roomy["icl", "shop", 8]
    limit = min(one.n_prompt_tokens for one in whole[1]) - 1
    found = asked(tmp_path, ["icl"], max_position_embeddings=limit)
    record, rows = found["icl", "shop", 8]
    assert (record["status"], record["n"], record["n_failed"]) == ("done", 0, 4)
    assert all(f"tokens do not fit the model's context of {limit}" in one.reason for one in rows)
    assert found["icl", "shop", 4][0]["n_failed"] == 0
