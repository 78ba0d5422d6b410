"""Biases that train: which they are, that lean and packed passes see them, and that they come off again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from hanka.errors import ModelError, UnitError
from hanka.models.catalogue import find_model
from hanka.models.lean import lean_layers
from hanka.models.loading import LoadedModel, load_model
from hanka.prompting import Encoded
from hanka.training.gradient import Gradient
from hanka.tuners.biases import OwnBias, added_biases, free_biases, load_biases, save_biases, take_biases_out
from tiny_models import tiny_model

IDS = torch.tensor([[5, 9, 2, 77, 31, 8], [4, 4, 90, 12, 7, 3]])
LINEAR = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]


def moved(model: Any, size: float = 0.3) -> Any:
    """Move the free weights, so that they make a difference."""
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for value in model.parameters():
            if value.requires_grad:
                value.add_(size * torch.randn(value.shape, generator=generator).to(value.dtype))
    return model


def free_names(model: Any) -> set[str]:
    return {name for name, value in model.named_parameters() if value.requires_grad}


def test_existing_biases_are_all_bias_terms_of_a_model_and_nothing_else() -> None:
    gpt2 = tiny_model("gpt2")
    wanted = {name for name, _ in gpt2.named_parameters() if name.endswith("bias")}
    assert "transformer.h.0.ln_1.bias" in wanted
    assert free_names(free_biases(gpt2, add=False)) == wanted
    qwen2 = free_biases(tiny_model("qwen2"), add=False)
    assert {name.split(".")[-2] for name in free_names(qwen2)} == {"q_proj", "k_proj", "v_proj"}


@pytest.mark.parametrize("family", ["llama", "qwen2", "qwen3"])
def test_added_biases_are_on_every_linear_layer_but_the_head(family: str) -> None:
    model = free_biases(tiny_model(family, tie_word_embeddings=False), add=True)
    names = free_names(model)
    assert {name.split(".")[-2] for name in names} == set(LINEAR)
    assert len(names) == 2 * len(LINEAR)
    own = 3 if family == "qwen2" else 0
    assert len(added_biases(model)) == 2 * (len(LINEAR) - own)
    assert model.lm_head.bias is None


def test_a_model_without_biases_says_what_to_do() -> None:
    with pytest.raises(UnitError, match="this model has none: `biases: added` gives"):
        free_biases(tiny_model("llama"), add=False)


@pytest.mark.parametrize("family", ["llama", "qwen2", "gemma3_text"])
def test_lean_layers_compute_with_added_biases_and_their_gradients(family: str) -> None:
    def run() -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        model.zero_grad(set_to_none=True)
        logits = model(input_ids=IDS, use_cache=False).logits
        torch.nn.functional.cross_entropy(logits[:, :-1].flatten(0, 1), IDS[:, 1:].flatten()).backward()
        return logits.detach(), {n: v.grad.clone() for n, v in model.named_parameters() if v.grad is not None}

    model = moved(free_biases(tiny_model(family).double(), add=True))
    logits, slopes = run()
    with lean_layers(model):
        assert any("forward" in vars(layer) for layer in model.modules())
        lean_logits, lean_slopes = run()
    torch.testing.assert_close(lean_logits, logits, rtol=1e-6, atol=1e-7)
    assert lean_slopes.keys() == slopes.keys() == free_names(model)
    for name, slope in slopes.items():
        torch.testing.assert_close(lean_slopes[name], slope, rtol=1e-4, atol=1e-7)
        # A bias of keys moves all scores of a query alike, unless positions or norms stand between.
        assert slope.abs().max() > 0, name


def test_packed_rows_behind_a_shared_prefix_give_the_gradient_of_rows_alone() -> None:
    model = moved(free_biases(tiny_model("llama").double(), add=True)).train()
    shared = [(7 * step + 3) % 400 for step in range(40)]
    rows = [Encoded([*shared, 5 + index, *range(20, 22 + index)], 41) for index in range(4)]
    gradient = Gradient(model)
    assert gradient.packs
    loss = gradient.accumulate(rows, 48)
    found = {name: value.grad.clone() for name, value in model.named_parameters() if value.grad is not None}
    model.zero_grad(set_to_none=True)
    n_targets = sum(len(row.ids) - row.start for row in rows)
    total = 0.0
    for row in rows:
        logits = model(input_ids=torch.tensor([row.ids]), use_cache=False).logits[0, row.start - 1 : -1]
        part = (
            torch.nn.functional.cross_entropy(logits, torch.tensor(row.ids[row.start :]), reduction="sum") / n_targets
        )
        part.backward()
        total += part.item()
    assert loss == pytest.approx(total, rel=1e-6)
    for name, value in model.named_parameters():
        if value.requires_grad:
            torch.testing.assert_close(found[name], value.grad, rtol=1e-4, atol=1e-7)


def test_a_chain_of_biases_comes_off_at_once_and_the_own_ones_are_the_same_objects() -> None:
    model = tiny_model("qwen2")
    before = dict(model.named_parameters())
    sums = {name: value.detach().clone() for name, value in before.items()}
    for add in (True, False, True):
        moved(free_biases(model, add))
    assert all(isinstance(value, OwnBias) for name, value in model.named_parameters() if name.endswith("bias"))
    take_biases_out(model)
    after = dict(model.named_parameters())
    assert after.keys() == before.keys()
    assert all(value is before[name] and torch.equal(value, sums[name]) for name, value in after.items())
    assert model.model.layers[0].mlp.up_proj.bias is None


@pytest.fixture
def base(tiny_folder: Path) -> LoadedModel:
    return load_model(find_model(str(tiny_folder), tiny_folder.parent), "float32")


def test_biases_are_loaded_in_the_dtype_of_the_base(tiny_folder: Path, base: LoadedModel, tmp_path: Path) -> None:
    save_biases(moved(free_biases(base.model, add=True)), tmp_path)
    half = load_model(base.ref, "bfloat16")
    load_biases(half, tmp_path)
    found = half.model.model.layers[1].mlp.up_proj.bias
    assert found.dtype == torch.bfloat16
    assert torch.equal(found, base.model.model.layers[1].mlp.up_proj.bias.bfloat16())


def test_missing_damaged_and_foreign_files_are_told_in_one_line(base: LoadedModel, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"biases.safetensors: cannot be read .* make the variant again"):
        load_biases(base, tmp_path)
    (tmp_path / "biases.safetensors").write_bytes(b"\x08\0\0\0\0\0\0\0half")
    with pytest.raises(ModelError, match=r"biases.safetensors: cannot be read .* make the variant again"):
        load_biases(base, tmp_path)
    save_biases(free_biases(tiny_model("gpt2"), add=False), tmp_path)
    with pytest.raises(
        ModelError, match=r"transformer.h.0.attn.c_attn.bias \[96\] is no bias of .* made from another base"
    ):
        load_biases(base, tmp_path)
