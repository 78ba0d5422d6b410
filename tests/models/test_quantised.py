"""Models that are quantised while they are loaded: said in ids and notes, refused where weights would change, run where possible."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from hanka.errors import HankaError
from hanka.models.catalogue import find_model
from hanka.models.identity import model_identity
from hanka.plan import build_plan
from hanka.run import RunOptions, run_study
from hanka.store.folder import read_json
from hanka.study.resolve import load_study
from tiny_models import save_tiny_model

HERE = importlib.util.find_spec("bitsandbytes") is not None


def write_study(folder: Path, methods: list[Any], load: str = "nf4", **base: Any) -> Path:
    save_tiny_model(folder / "tiny", hidden_size=64, intermediate_size=128, head_dim=16)
    values = {
        "name": "quantised",
        "base": {"model": str(folder / "tiny"), "load": load} | base,
        "data": {"source": "toy"},
        "tasks": {"sentiment": {}},
        "methods": methods,
        "train": {"sizes": [16], "epochs": 2},
        "eval": {"shots": [0], "limit": 8},
        "stats": {"resamples": 200},
    }
    path = folder / "study.yaml"
    path.write_text(yaml.safe_dump(values), encoding="utf-8")
    return path


@pytest.fixture
def there(monkeypatch: pytest.MonkeyPatch) -> None:
    """Say that bitsandbytes is installed, whether it is or not: nothing is loaded."""
    monkeypatch.setattr("hanka.models.quantised.find_spec", lambda _name: True)


def test_what_quantises_has_to_be_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hanka.models.quantised.find_spec", lambda _name: None)
    with pytest.raises(
        HankaError, match=r"load: nf4 needs bitsandbytes, which is not installed: pip install bitsandbytes$"
    ):
        load_study(write_study(tmp_path, ["base"]))


def test_a_quantised_model_is_another_model_and_says_so(tmp_path: Path) -> None:
    plain = find_model(str(save_tiny_model(tmp_path / "tiny")), tmp_path)
    four, eight = replace(plain, load="nf4"), replace(plain, load="int8")
    assert len({str(model_identity(one)) for one in (plain, four, eight)}) == 3
    assert "quantised to nf4" in four.note


@pytest.mark.usefixtures("there")
@pytest.mark.parametrize(
    ("methods", "says"),
    [
        (["base", {"sft": {"peft": "none"}}], "peft none changes them; train an adapter"),
        (["base", "sft", {"interpolate": {"of": "sft"}}], "it folds other weights into them"),
        (["base", "sft", {"sft": {"start": "sft", "name": "second"}}], "it folds other weights into them"),
    ],
)
def test_what_would_change_quantised_weights_is_refused(tmp_path: Path, methods: list[Any], says: str) -> None:
    with pytest.raises(HankaError) as caught:
        build_plan(load_study(write_study(tmp_path, methods)))
    assert says in str(caught.value)


@pytest.mark.usefixtures("there")
@pytest.mark.parametrize(
    ("base", "says"),
    [
        ({"load": "nf3"}, "load"),
        ({"model": "", "encoder": "tfidf"}, "`load: nf4` is said of a `model`"),
    ],
)
def test_wrong_ways_to_say_it_are_one_line(tmp_path: Path, base: dict[str, Any], says: str) -> None:
    with pytest.raises(HankaError) as caught:
        load_study(write_study(tmp_path, ["base"], **base))
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.skipif(
    not HERE, reason="bitsandbytes is not installed, so nothing is quantised (pip install bitsandbytes)"
)
@pytest.mark.parametrize("load", ["nf4", "int8"])
def test_an_adapter_trains_beside_quantised_weights(tmp_path: Path, load: str) -> None:
    folder = run_study(
        write_study(tmp_path, ["base", {"sft": {"peft": "lora"}}], load), tmp_path / "run", RunOptions(quiet=True)
    ).folder
    variants = [read_json(path) for path in (folder.path / "variants").glob("*/variant.json")]
    assert {one["status"] for one in variants} == {"done"}
    cells = [read_json(folder.cell(one["id"]) / "cell.json") for one in read_json(folder.plan)["cells"]]
    assert {one["status"] for one in cells} == {"done"}
