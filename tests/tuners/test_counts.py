"""Trained weights counted from a config.json alone are those of the model itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from hanka.errors import UnitError
from hanka.tuners import TUNERS
from hanka.tuners.shapes import shapes_of
from tiny_models import tiny_config, tiny_model

FAMILIES: dict[str, dict[str, Any]] = {
    "llama": {},
    "llama, own head": {"tie_word_embeddings": False},
    "llama, biases": {"attention_bias": True, "mlp_bias": True},
    "mistral": {"tie_word_embeddings": False},
    "granite": {},
    "smollm3": {},
    "qwen2": {},
    "qwen3": {},
    "qwen3, biases": {"attention_bias": True, "tie_word_embeddings": False},
    "gemma": {},
    "gemma2": {},
    "gemma3_text": {},
    "gpt2": {},
    "gpt2, inner": {"n_inner": 40},
}
CHOICES: list[tuple[str, dict[str, Any]]] = [
    ("none", {}),
    ("lora", {"r": 3}),
    ("lora", {"r": 2, "target_modules": ["down_proj", "q_proj"]}),
    ("lora", {"r": 2, "target_modules": ["c_proj"]}),
    ("lora", {"r": 2, "target_modules": ["mlp.c_proj", "c_attn"]}),
    ("bitfit", {}),
    ("bitfit", {"biases": "added"}),
    ("ia3", {}),
    ("ia3", {"target_modules": ["o_proj", "up_proj"], "feedforward_modules": ["up_proj"]}),
]


def saved_config(family: str, folder: Path) -> dict[str, Any]:
    tiny_config(family.split(",")[0], **FAMILIES[family]).save_pretrained(folder)
    return json.loads((folder / "config.json").read_text())  # type: ignore[no-any-return]


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(("name", "params"), CHOICES, ids=str)
def test_the_count_from_the_config_is_the_models_own(
    family: str, name: str, params: dict[str, Any], tmp_path: Path
) -> None:
    config, tuner = saved_config(family, tmp_path), TUNERS.get(name)
    given = tuner.own(params)
    counted = tuner.n_trained(config, given)
    try:
        model = tuner.wrap(tiny_model(family.split(",")[0], **FAMILIES[family]), given, 0)
    except UnitError:
        assert not counted
        return
    assert counted == sum(value.numel() for value in model.parameters() if value.requires_grad)


@pytest.mark.parametrize("name", TUNERS.names())
def test_kinds_that_are_not_known_and_broken_configs_are_not_guessed(name: str) -> None:
    tuner = TUNERS.get(name)
    for config in ({}, {"model_type": "mamba"}, {"model_type": "llama", "hidden_size": 32}):
        assert shapes_of(config) is None
        assert tuner.n_trained(config, tuner.params()) is None


def test_one_layer_by_hand() -> None:
    config = {
        "model_type": "llama", "vocab_size": 10, "hidden_size": 4, "intermediate_size": 6, "num_hidden_layers": 1,
        "num_attention_heads": 2, "num_key_value_heads": 1, "tie_word_embeddings": True,
    }  # fmt: skip
    linear = 4 * 4 + 2 * (4 * 2) + 4 * 4 + 3 * (4 * 6)
    counts = {
        "none": linear + 10 * 4 + 3 * 4,
        "lora": 8 * ((4 + 4) + 2 * (4 + 2) + (4 + 4) + 3 * (4 + 6)),
        "bitfit": 0,
        "ia3": 2 + 2 + 6,
    }
    assert {name: TUNERS.get(name).n_trained(config, TUNERS.get(name).params()) for name in counts} == counts


@pytest.mark.parametrize("family", ["llama", "qwen3", "olmo2", "gpt2"])
def test_ia3_finds_its_layers_by_the_kind_of_model_or_by_their_names(family: str) -> None:
    tuner = TUNERS.get("ia3")
    model = tuner.wrap(tiny_model(family), tuner.params(), 0)
    free = {name.split(".ia3_l")[0].split(".")[-1] for name, value in model.named_parameters() if value.requires_grad}
    wanted = {"qwen3": {"q_proj", "v_proj", "down_proj"}, "gpt2": {"c_attn", "c_proj"}}
    assert free == wanted.get(family, {"k_proj", "v_proj", "down_proj"})
    by_input = {name for name, layer in model.named_modules() if getattr(layer, "is_feedforward", False)}
    assert {name.split(".")[-1] for name in by_input} == {"c_proj" if family == "gpt2" else "down_proj"}


def test_ia3_says_which_parameters_name_the_layers_of_a_model_it_does_not_know() -> None:
    tuner = TUNERS.get("ia3")
    with pytest.raises(UnitError, match=r"layers of a phi3 model .* target_modules, .* feedforward_modules"):
        tuner.wrap(tiny_model("phi3"), tuner.params(), 0)
    given = tuner.own({"target_modules": ["qkv_proj", "down_proj"], "feedforward_modules": ["down_proj"]})
    model = tuner.wrap(tiny_model("phi3"), given, 0)
    assert sum(value.numel() for value in model.parameters() if value.requires_grad) == 2 * (64 + 64)


@pytest.mark.parametrize("name", ["lora", "ia3"])
def test_layers_that_are_not_there_are_refused_and_nothing_is_left(name: str) -> None:
    tuner, model = TUNERS.get(name), tiny_model("llama")
    given = tuner.own({"target_modules": ["not_there"], "feedforward_modules": []})
    with pytest.raises(UnitError, match=f"{name} does not fit this model"):
        tuner.wrap(model, given, 0)
    tuner.take_out(model)
    assert type(model.model.layers[0].mlp.up_proj) is torch.nn.Linear
