"""Tasks of lm-evaluation-harness asked of a model behind an endpoint: the local model's numbers, or one line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("lm_eval", reason="lm-eval is not installed")

from hanka.errors import HankaError
from hanka.run import RunOptions, run_study
from hanka.store.folder import RunFolder, read_json, read_predictions
from hanka.study.resolve import load_study
from harness_tasks import write_tasks
from model_server import ModelServer, serving, tiny_server
from tiny_models import save_tiny_model

CHANGES: dict[str, Any] = {"seed": 5, "initializer_range": 0.4}


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with serving(tiny_server(CHANGES)) as found:
        yield found


@pytest.fixture
def sharp(tmp_path: Path) -> Path:
    return save_tiny_model(tmp_path / "tiny", **CHANGES)


def write(folder: Path, url: str, names: list[str], sharp: Path | None = None, **server: Any) -> Path:
    write_tasks(folder / "tasks")
    big: dict[str, Any] = {
        "served": url,
        "model": "tiny",
        "name": "big",
        "server": {"timeout": 2, "patience": 20} | ({} if "api" in server else {"eos": "</s>"}) | server,
    }
    study = {
        "name": "served", "base": [big, *([{"model": str(sharp), "name": "small"}] if sharp else [])],
        "tasks": {"lm_eval": {"tasks": names, "include": "tasks"}}, "methods": ["base"],
        "eval": {"limit": 6}, "stats": {"resamples": 200},
    }  # fmt: skip
    path = folder / "study.yaml"
    path.write_text(json.dumps(study), encoding="utf-8")
    return path


def run(path: Path, out: Path) -> tuple[RunFolder, int]:
    found = run_study(path, out, RunOptions(quiet=True))
    return found.folder, found.n_failed


def test_a_served_base_is_asked_tasks_of_the_harness_as_a_local_one_is(
    server: ModelServer, sharp: Path, tmp_path: Path
) -> None:
    folder, failed = run(
        write(tmp_path, server.url, ["tiny-choice", "tiny-writing", "tiny-last"], sharp), tmp_path / "run"
    )
    plan = read_json(folder.plan)
    base = {one["id"]: one["base"] for one in plan["variants"]}
    where = {(base[one["variant_id"]], one["test_task"]): folder.cell(one["id"]) for one in plan["cells"]}
    for task in ("tiny-choice", "tiny-writing"):
        served, local = (read_predictions(where[name, task])[0] for name in ("big", "small"))
        for one, other in zip(served, local, strict=True):
            assert (one.sample_id, one.output, one.measures) == (other.sample_id, other.output, other.measures)
            if other.label_scores is not None:
                assert list(one.label_scores or ()) == pytest.approx(list(other.label_scores), abs=1e-4)
    assert failed == 1
    (reason,) = {
        cell["reason"]
        for path in folder.path.glob("cells/*/cell.json")
        if (cell := read_json(path))["status"] == "failed"
    }
    assert "what the model would write by itself, and this engine does not say" in reason


def test_a_server_of_chats_is_not_asked_what_the_harness_renders(server: ModelServer, tmp_path: Path) -> None:
    path = write(tmp_path, server.url, ["tiny-choice"], api="chat", labels="parsed")
    with pytest.raises(HankaError, match=r"tasks.lm_eval: lm-eval renders its questions, and big is asked as chat"):
        load_study(path)
