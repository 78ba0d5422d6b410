"""Labels that a served base is to score are looked at in its server's tokens before the run, where these are known; else that is said."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hanka.costs.estimate import Estimator
from hanka.errors import DataError, StudyError
from hanka.plan import build_plan
from hanka.run import RunOptions, run_study
from hanka.store.folder import read_json
from hanka.study.resolve import load_study
from model_server import ModelServer, serving, tiny_server
from tiny_models import save_tiny_model, tiny_tokenizer

LABELS = ["card", "card lost"]
"Of which one begins the other, and the first token is the same."


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_model(tmp_path_factory.mktemp("tiny") / "tiny", seed=5)


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with serving(tiny_server({"seed": 5})) as found:
        yield found


def write(folder: Path, url: str, server: dict[str, Any], **evaluation: Any) -> Path:
    rows = [{"input": f"text {at}", "output": LABELS[at % 2]} for at in range(8)]
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    study = {
        "name": "labels", "base": [{"served": url, "model": "tiny", "name": "big", "server": {"patience": 5, **server}}],
        "tasks": {"tone": {"kind": "classification", "labels": LABELS, "prompt": "{input}\nTone:", "in_domain": ["mine"]}},
        "datasets": {"mine": {"task": "tone", "test": "rows.jsonl"}}, "methods": ["base"],
        "eval": {"shots": [0], **evaluation}, "stats": {"resamples": 200},
    }  # fmt: skip
    path = folder / "study.yaml"
    path.write_text(json.dumps(study), encoding="utf-8")
    return path


def test_labels_that_begin_alike_are_refused_in_first_token_mode_before_anything_is_asked(
    server: ModelServer, folder: Path, tmp_path: Path
) -> None:
    path = write(tmp_path, server.url, {"tokenizer": str(folder)}, scoring="first_token")
    with pytest.raises(DataError, match=r"base big: labels .* begin with the same token"):
        run_study(path, tmp_path / "run", RunOptions(quiet=True))
    assert not server.asked


def test_labels_of_which_one_begins_another_are_counted_in_the_servers_tokens(
    server: ModelServer, folder: Path, tmp_path: Path
) -> None:
    path = write(tmp_path, server.url, {"tokenizer": str(folder)})
    done = run_study(path, tmp_path / "run", RunOptions(quiet=True))
    checks = read_json(done.folder.audits)["checks"]
    (found,) = [one for one in checks if one["audit"] == "label beginnings"]
    assert found == {"audit": "label beginnings", "where": "mine test, p1, big", "checked": 1, "harmless": 1}
    assert not build_plan(load_study(path)).notes


def test_what_cannot_be_counted_is_said_in_the_plan(server: ModelServer, folder: Path, tmp_path: Path) -> None:
    (note,) = build_plan(load_study(write(tmp_path, server.url, {}))).notes
    assert "big: whether labels begin with the same tokens could not be counted before the run" in note
    assert not build_plan(load_study(write(tmp_path, server.url, {"labels": "parsed"}))).notes


def test_the_plan_counts_with_the_servers_tokenizer(server: ModelServer, folder: Path, tmp_path: Path) -> None:
    tokenizer = tiny_tokenizer()
    for said, each in (({"tokenizer": str(folder)}, None), ({}, 4.0)):
        plan = build_plan(load_study(write(tmp_path, server.url, said)))
        (cell,) = plan.cells.values()
        texts = [f"{row.fields['input']}\nTone:" for row in cell.test.examples]
        tokens = [len(text) / each if each else len(tokenizer(text)["input_ids"]) for text in texts]
        asked = Estimator(plan).requests(cell)
        assert asked.n_read == int(asked.n * (sum(tokens) / len(tokens) + 2))


def test_a_tokenizer_that_is_none_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="'smollm' is no catalogue alias"):
        load_study(write(tmp_path, "http://127.0.0.1:9/v1", {"tokenizer": "smollm"}))
