"""A served base that a tuned small model steers, in one study with the same base in memory: plan, answers, refusals before any work."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hanka.costs.estimate import Estimator
from hanka.errors import HankaError, ModelError
from hanka.plan import build_plan
from hanka.run import RunOptions, run_study
from hanka.store.folder import RunFolder, read_json, read_predictions
from hanka.study.resolve import load_study
from hanka.terminal.plan_table import describe_plan
from model_server import ModelServer, serving, tiny_server
from tiny_models import save_tiny_model

CHANGES: dict[str, Any] = {"seed": 5, "initializer_range": 0.4}
TOP = 416
"More tokens than the vocabulary has."


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The large model that is served, and the small one that is tuned."""
    place = tmp_path_factory.mktemp("steered")
    return save_tiny_model(place / "large", **CHANGES), save_tiny_model(place / "small", seed=6, hidden_size=16)


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with serving(tiny_server(CHANGES, numbers=True)) as found:
        yield found


def write(
    folder: Path, url: str, folders: tuple[Path, Path], proxy: dict[str, Any] | None = None, **server: Any
) -> Path:
    how = {"of": "sft", "base": "small"}
    steered = {"proxy": {"name": "steered", "expert": how, "bases": ["big"], "top": TOP} | (proxy or {})}
    study = {
        "name": "steered",
        "base": [
            {"served": url, "model": "tiny", "name": "big", "server": {"eos": "</s>", "timeout": 5, "patience": 20, **server}},
            {"model": str(folders[1]), "name": "small", "reference": "big"},
            {"model": str(folders[0]), "name": "large"},
        ],
        "data": {"source": "toy"},
        "tasks": {"sentiment": {"out_of_domain": []}, "summary": {"train": None, "in_domain": ["news"], "out_of_domain": []}},
        "methods": [
            "base", {"sft": {"bases": ["small"], "peft": "bitfit", "biases": "added"}}, steered,
            {"proxy": {"name": "in-memory", "expert": how, "bases": ["large"]}},
        ],
        "train": {"sizes": [8], "epochs": 1},
        "eval": {"limit": 4, "max_new_tokens": 5, "shots": [0]}, "stats": {"resamples": 200},
    }  # fmt: skip
    path = folder / "study.yaml"
    path.write_text(json.dumps(study), encoding="utf-8")
    return path


def cells_of(folder: RunFolder, label: str) -> dict[str, dict[str, Any]]:
    plan = read_json(folder.plan)
    (variant,) = {one["id"] for one in plan["variants"] if one["label"] == label}
    found = {}
    for cell in plan["cells"]:
        if cell["variant_id"] == variant:
            place = folder.cell(cell["id"])
            found[cell["test_dataset"]] = read_json(place / "cell.json") | {"rows": read_predictions(place)[0]}
    assert found
    return found


def test_a_steered_server_answers_as_the_same_three_models_in_memory(
    server: ModelServer, folders: tuple[Path, Path], tmp_path: Path
) -> None:
    path = write(tmp_path, server.url, folders)
    done = run_study(path, tmp_path / "run", RunOptions(quiet=True))
    assert done.n_failed == 0
    served, local = cells_of(done.folder, "steered"), cells_of(done.folder, "in-memory")
    assert served.keys() == local.keys()
    for name, cell in served.items():
        for one, other in zip(cell["rows"], local[name]["rows"], strict=True):
            assert (one.sample_id, one.prompt, one.output) == (other.sample_id, other.prompt, other.output)
            if other.label_scores is not None:
                assert list(one.label_scores or ()) == pytest.approx(list(other.label_scores), abs=1e-4)
        assert f"scores are over the {TOP} tokens that the server lists" in cell["notes"][0]
        assert cell["asked"]["n_beyond"] == 0
    assert served["news"]["asked"]["n_steps"] > 0
    report = done.folder.report.read_text(encoding="utf-8")
    assert "tokens that the server lists" in report
    n_asked = len(server.asked)
    run_study(path, tmp_path / "run", RunOptions(quiet=True))
    assert len(server.asked) == n_asked


def test_rows_without_a_score_are_failed_rows_with_the_reason(
    server: ModelServer, folders: tuple[Path, Path], tmp_path: Path
) -> None:
    done = run_study(write(tmp_path, server.url, folders, {"top": 3}), tmp_path / "run", RunOptions(quiet=True))
    found = cells_of(done.folder, "steered")
    scored = next(cell for name, cell in found.items() if name != "news")
    assert scored["n_failed"] == len(scored["rows"]) > 0
    assert all("not among the 3 the server lists" in one.reason and one.label_scores is None for one in scored["rows"])
    assert sum(scored["failures"].values()) == scored["n_failed"]
    assert found["news"]["n_failed"] == 0


def test_the_plan_counts_a_request_for_every_place(
    server: ModelServer, folders: tuple[Path, Path], tmp_path: Path
) -> None:
    path = write(tmp_path, server.url, folders)
    plan = build_plan(load_study(path))
    costs = Estimator(plan)
    steered = next(one for one in plan.variants.values() if one.variant.label == "steered")
    found = {one.cell.test_dataset: costs.requests(one) for one in plan.cells_of(steered.variant.id)}
    assert found["news"].n == 4 * 5
    described = describe_plan(plan, RunFolder(tmp_path / "run"))
    assert described["served"]["big"]["n_requests"] >= sum(one.n for one in found.values())
    assert all(costs.cell(one).seconds > 0 for one in plan.cells_of(steered.variant.id))


def test_a_server_that_lists_nothing_or_cuts_otherwise_is_one_line_before_any_work(
    server: ModelServer, folders: tuple[Path, Path], tmp_path: Path
) -> None:
    path = write(tmp_path, server.url, folders)
    server.lists = False
    with pytest.raises(ModelError, match="lists no log-probabilities of the tokens it might write next"):
        run_study(path, tmp_path / "run", RunOptions(quiet=True))
    assert not list((tmp_path / "run").glob("variants/*/variant.json"))


@pytest.mark.parametrize(
    ("proxy", "server", "says"),
    [
        ({}, {"api": "chat", "eos": ""}, "big is asked with `api: chat`, and a steered server goes on with text"),
        ({}, {"labels": "parsed"}, "big is asked with `labels: parsed`"),
        ({"bases": ["large"]}, {}, "top: 416 is what a served base is asked to list, and large is in memory"),
        ({"expert": {"of": "base", "base": "small"}, "anti": {"of": "base", "base": "big"}}, {}, "big is behind an endpoint"),
        ({"top": 0}, {}, "top"),
    ],
)  # fmt: skip
def test_what_cannot_be_steered_is_one_line_of_the_study(
    folders: tuple[Path, Path], tmp_path: Path, proxy: dict[str, Any], server: dict[str, Any], says: str
) -> None:
    with pytest.raises(HankaError) as caught:
        build_plan(load_study(write(tmp_path, "http://127.0.0.1:9/v1", folders, proxy, **server)))
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)
