"""Interpolation: written whole or not at all, in the merged form where a tuner has none of its own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from hypothesis import given
from hypothesis import strategies as st

from hanka import tuners
from hanka.errors import ModelError, UnitError
from hanka.models.catalogue import find_model
from hanka.models.loading import LoadedModel, load_full, load_model
from hanka.registry import Registry
from hanka.store.leftovers import place
from hanka.tuners import TUNERS
from hanka.tuners.contract import Made
from hanka.tuners.interpolation import interpolate
from hanka.tuners.mixing import between
from hanka.tuners.saving import UNFINISHED, staged


@pytest.fixture
def base(tiny_folder: Path) -> LoadedModel:
    loaded = load_model(find_model(str(tiny_folder), tiny_folder.parent), "float32")
    loaded.model.requires_grad_(False)
    return loaded


def variant(base: LoadedModel, name: str, folder: Path, **params: Any) -> Made:
    """A variant whose trained weights were moved at random."""
    tuner = TUNERS.get(name)
    model = tuner.wrap(base.model, tuner.params.model_validate(params), 0)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for value in model.parameters():
            if value.requires_grad:
                value.add_(torch.randn(value.shape, generator=generator) * 0.05)
    tuner.save(replace(base, model=model), folder)
    tuner.take_out(base.model)
    return Made(name, name, folder)


@given(st.lists(st.floats(-1e3, 1e3, width=32), min_size=2, max_size=8), st.sampled_from(["float32", "bfloat16"]))
def test_between_is_exact_at_its_ends(values: list[float], dtype: str) -> None:
    low, high = torch.tensor(values).to(getattr(torch, dtype)), torch.tensor(values[::-1]).to(getattr(torch, dtype))
    assert torch.equal(between(low, high, 0.0), low)
    assert torch.equal(between(low, high, 1.0), high)
    assert between(torch.tensor([1.0]), torch.tensor([3.0]), 0.25).tolist() == [1.5]
    assert between(torch.tensor([1]), torch.tensor([3]), 0.25).tolist() == [3]


@pytest.mark.parametrize("name", [one.name for one in TUNERS if one.scale])
def test_broken_off_in_the_middle_nothing_is_left_and_what_was_there_stays(
    base: LoadedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    made = variant(base, name, tmp_path / "made", **({"biases": "added"} if name == "bitfit" else {}))
    (tmp_path / "there").mkdir()
    (tmp_path / "there/train_log.jsonl").write_text("kept")

    def fail(_values: Any, path: Path, **_more: Any) -> None:
        path.write_bytes(b"half")
        raise ZeroDivisionError

    monkeypatch.setattr(safetensors.torch, "save_file", fail)
    with pytest.raises(ZeroDivisionError):
        interpolate(base, made, 0.5, tmp_path / "there")
    assert [path.name for path in (tmp_path / "there").iterdir()] == ["train_log.jsonl"]


def test_what_a_killed_process_left_unfinished_is_cleared(tmp_path: Path) -> None:
    left = tmp_path / f".{UNFINISHED}.{place()}-{2**22 + 1}-00000000.tmp"  # no process has a number above 2 ** 22
    left.mkdir()
    (left / "model.safetensors").write_bytes(b"half")
    with staged(tmp_path) as stage:
        (stage / "config.json").write_text("{}")
    assert [path.name for path in tmp_path.iterdir()] == ["config.json"]


def test_a_tuner_without_a_form_of_its_own_is_merged_and_saved_whole(
    base: LoadedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = variant(base, "lora", tmp_path / "made")
    lora = TUNERS.get("lora")
    monkeypatch.setattr(tuners, "TUNERS", Registry("tuner", [TUNERS.get("none"), replace(lora, scale=None)]))
    own = {name: value.clone() for name, value in base.model.state_dict().items()}
    tuned = lora.merge(lora.load(load_model(base.ref, "float32"), made.folder)).model.state_dict()
    assert interpolate(base, made, 0.25, tmp_path / "quarter") == "none"
    found = load_full(base.ref, "float32", tmp_path / "quarter").model.state_dict()
    assert found.keys() == own.keys()
    for name, value in found.items():
        torch.testing.assert_close(value, own[name] + 0.25 * (tuned[name] - own[name]), rtol=1e-6, atol=1e-7)
    assert any(not torch.equal(value, own[name]) for name, value in found.items())


def test_biases_are_interpolated_from_those_of_the_variant_below(base: LoadedModel, tmp_path: Path) -> None:
    lower = variant(base, "bitfit", tmp_path / "lower", biases="added")
    bitfit = TUNERS.get("bitfit")
    bitfit.load(base, lower.folder)
    upper = TUNERS.get("bitfit").wrap(base.model, bitfit.params(), 0)
    with torch.no_grad():
        for value in upper.parameters():
            if value.requires_grad:
                value.add_(1.0)
    bitfit.save(base, tmp_path / "upper")
    bitfit.take_out(base.model)
    bitfit.load(base, lower.folder)
    interpolate(base, Made("upper", "bitfit", tmp_path / "upper"), 0.25, tmp_path / "quarter")
    below = safetensors.torch.load_file(lower.folder / "biases.safetensors")
    found = safetensors.torch.load_file(tmp_path / "quarter/biases.safetensors")
    assert found.keys() == below.keys()
    for name, value in found.items():
        torch.testing.assert_close(value, below[name] + 0.25)


def test_adapters_that_are_more_than_a_and_b_are_not_scaled(base: LoadedModel) -> None:
    scale = TUNERS.get("lora").scale
    assert scale is not None
    with pytest.raises(UnitError, match="lora_magnitude_vector is more than A and B"):
        scale({"q_proj.lora_magnitude_vector": torch.ones(2)}, base, 0.5)


def test_damaged_and_foreign_files_are_told_in_one_line(base: LoadedModel, tmp_path: Path) -> None:
    made = variant(base, "lora", tmp_path / "made")
    (made.folder / "adapter_model.safetensors").write_bytes(b"\x08\0\0\0\0\0\0\0half")
    with pytest.raises(ModelError, match=r"adapter_model.safetensors: cannot be read .* make the variant again"):
        interpolate(base, made, 0.5, tmp_path / "half")
    scale = TUNERS.get("none").scale
    assert scale is not None
    with pytest.raises(ModelError, match=r"strange.weight is no weight of .* made from another base"):
        scale({"strange.weight": torch.ones(2)}, base, 0.5)


def test_a_whole_model_in_several_files_is_interpolated_file_by_file(base: LoadedModel, tmp_path: Path) -> None:
    tuned = load_model(base.ref, "float32").model
    with torch.no_grad():
        for value in tuned.parameters():
            value.add_(1.0)
    tuned.save_pretrained(tmp_path / "made", max_shard_size="30KB")
    assert len(list((tmp_path / "made").glob("*.safetensors"))) > 1
    interpolate(base, Made("made", "none", tmp_path / "made"), 0.25, tmp_path / "quarter")
    found = load_full(base.ref, "float32", tmp_path / "quarter").model.state_dict()
    for name, value in base.model.state_dict().items():
        torch.testing.assert_close(found[name], value + 0.25)
