"""A number that is no number is a failure wherever it comes from: weights, training, interpolation, probes, stored tables."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from safetensors.torch import load_file, save_file

from hanka.errors import StoreError, UnitError
from hanka.probes import PROBES
from hanka.records import ProbeRow
from hanka.store.folder import read_json, read_json_or_none, read_table, write_csv, write_table
from hanka.work.adapt import require_finite_tensors, require_numbers
from small_studies import carry_out, plan_of
from tiny_models import save_tiny_model

NOTHING = [float("nan"), float("inf"), float("-inf")]


def spoilt(folder: Path, value: float) -> Path:
    """A tiny model folder with one weight that is no number."""
    save_tiny_model(folder)
    path = folder / "model.safetensors"
    tensors = load_file(path)
    tensors["model.layers.1.mlp.down_proj.weight"][0, 0] = value
    save_file(tensors, path, metadata={"format": "pt"})
    return folder


@pytest.mark.parametrize("value", NOTHING)
def test_a_base_with_a_weight_that_is_no_number_answers_nothing(tmp_path: Path, value: float) -> None:
    plan = plan_of(spoilt(tmp_path / "tiny", value), [{"sft": {"epochs": 1}}])
    done = carry_out(plan, tmp_path / "run")
    records = [read_json(done.folder.cell(name) / "cell.json") for name in plan.cells]
    assert {one["status"] for one in records} == {"failed"}
    assert all(one["n"] == 0 and one["n_failed"] == 4 for one in records)
    assert done.made("sft")["status"] == "failed"


def test_a_last_step_that_diverged_is_a_failed_variant_with_the_reason(tmp_path: Path) -> None:
    train = {"sizes": [8], "epochs": 1, "batch_size": 8, "learning_rate": 1e30, "schedule": "constant"}
    plan = plan_of(save_tiny_model(tmp_path / "tiny"), [{"sft": {"peft": "none", "weight_decay": 1e20}}], train=train)
    made = carry_out(plan, tmp_path / "run", lambda kind: kind == "adapt").made("sft")
    assert made["status"] == "failed"
    assert "NaN or infinity after step 1; lower the learning rate" in made["reason"]


@pytest.mark.parametrize("place", ["adapter_model.safetensors", "steps/2/adapter_model.safetensors"])
def test_saved_weights_that_are_no_numbers_are_found_whatever_made_them(tmp_path: Path, place: str) -> None:
    (tmp_path / "steps" / "2").mkdir(parents=True)
    save_file({"a": torch.ones(2), "n": torch.tensor([1])}, tmp_path / "model.safetensors")
    require_finite_tensors(tmp_path)
    save_file({"b": torch.tensor([1.0, float("inf")])}, tmp_path / place)
    with pytest.raises(UnitError, match=f"b holds NaN or infinity in {place}"):
        require_finite_tensors(tmp_path)


@pytest.mark.parametrize("value", NOTHING)
def test_a_record_of_a_variant_holds_numbers_alone(value: float) -> None:
    require_numbers({"record": {"losses": [1.0, 2], "notes": ["nan"]}, "label_bias": {}})
    with pytest.raises(UnitError, match=r"record.validation is (nan|inf|-inf), which is no number"):
        require_numbers({"record": {"validation": [[1, value]]}})


@pytest.mark.parametrize("value", NOTHING)
def test_a_probe_that_measures_no_number_is_a_failed_probe(
    tmp_path: Path, value: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = plan_of(save_tiny_model(tmp_path / "tiny"), ["sft"], probes=["weight_distance"])
    rows = [ProbeRow(None, "", "mean_difference", value, 3)]
    probe = PROBES.get("weight_distance")
    (planned,) = plan.probes.values()
    object.__setattr__(planned.use, "entry", type(probe)(**{**_fields(probe), "measure": lambda _: rows}))
    done = carry_out(plan, tmp_path / "run", lambda kind: kind in ("adapt", "probe"))
    record = read_json(done.folder.probe(planned.id) / "probe.json")
    assert record["status"] == "failed"
    assert "which is no number" in record["reason"]
    assert record["values"] == {}


def _fields(entry: Any) -> dict[str, Any]:
    return {name: getattr(entry, name) for name in entry.__dataclass_fields__}


@pytest.mark.parametrize("value", NOTHING)
def test_no_table_of_a_run_holds_what_is_no_number(tmp_path: Path, value: float) -> None:
    for column in ([1.0, None, value], [[1.0], None, [2.0, value]]):
        with pytest.raises(StoreError, match="column x would hold NaN or infinity"):
            write_table(tmp_path / "a.parquet", pa.table({"x": column}))
    with pytest.raises(StoreError, match="column x would hold"):
        write_csv(tmp_path / "a.csv", ["x"], [{"x": 1.0}, {"x": value}])
    assert list(tmp_path.iterdir()) == []
    pq.write_table(pa.table({"x": [1.0, value]}), tmp_path / "a.parquet")  # as an older edition may have left it
    with pytest.raises(StoreError, match=r"a.parquet: damaged \(column x holds NaN or infinity\)"):
        read_table(tmp_path / "a.parquet")
    (tmp_path / "a.json").write_text(json.dumps({"x": value}))
    with pytest.raises(StoreError, match=r"damaged .it holds -?(NaN|Infinity), which is no number"):
        read_json(tmp_path / "a.json")
    assert read_json_or_none(tmp_path / "a.json") is None
    write_table(tmp_path / "a.parquet", pa.table({"x": [1.0, None], "y": [[1.0, None], []], "z": ["nan", "inf"]}))
    write_csv(tmp_path / "a.csv", ["x", "y"], [{"x": None, "y": "nan"}, {"x": math.pi, "y": 1}])
