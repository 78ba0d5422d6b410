"""Models with random weights in published sizes, made where they run, in the precision they run in.

Speed does not depend on what the weights are. Rotary embeddings are of the plain type (Llama 3.2 scales long
positions; that changes numbers, not work). The tokenizer has as many entries as the model and no end token, so
every generated text has the full length on both sides.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import torch
from tokenizers import Tokenizer, decoders
from tokenizers import models as tokenizer_models
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedTokenizerFast

from hanka.models.catalogue import ModelRef
from hanka.models.loading import LoadedModel, quiet
from hanka.tuners import TUNERS

CONFIGS = Path(__file__).parent / "configs"
LORA_RANK = 8
SEED = 0


def config_of(name: str, **changes: Any) -> Any:
    """Return a configuration of `configs/` with changes."""
    said = json.loads((CONFIGS / f"{name}.json").read_text(encoding="utf-8"))
    # An end token would let rows of random text stop early.
    return AutoConfig.for_model(
        said.pop("model_type"), **(said | {"bos_token_id": 0, "eos_token_id": None, "pad_token_id": 0} | changes)
    )


def build(name: str, device: torch.device, dtype: torch.dtype, n_layers: int | None = None) -> LoadedModel:
    """Make a model with seeded random weights on a device; no copy in another precision or place is made."""
    config = config_of(name, **({"num_hidden_layers": n_layers} if n_layers else {}))
    torch.manual_seed(SEED)
    with quiet(), torch.device(device):
        model = AutoModelForCausalLM.from_config(config, dtype=dtype, attn_implementation="sdpa")
    model.eval()
    model.requires_grad_(False)
    model.generation_config.eos_token_id = None
    ref = ModelRef(name, "folder", None, folder=CONFIGS)
    return LoadedModel(model, tokenizer_of(config.vocab_size), ref, name, "", str(dtype).removeprefix("torch."))


def tokenizer_of(n_entries: int) -> Any:
    """Return a byte-level tokenizer of `n_entries` made-up words."""
    tokenizer = Tokenizer(tokenizer_models.BPE(vocab={f"Ġw{index}": index for index in range(n_entries)}, merges=[]))
    tokenizer.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="Ġw0")


def freed(model: Any, weights: Literal["LoRA", "all"]) -> Any:
    """Return the model with the weights free that hanka trains: all, or those of fresh LoRA adapters."""
    tuner = TUNERS.get("none" if weights == "all" else "lora")
    return tuner.wrap(model, tuner.own({"r": LORA_RANK}), SEED)


def to_train(name: str, device: torch.device, weights: Literal["LoRA", "all"], n_layers: int | None = None) -> Any:
    """Make what hanka trains under bfloat16 autocast: float32 weights, or a bfloat16 base and float32 adapters."""
    loaded = build(name, device, torch.float32 if weights == "all" else torch.bfloat16, n_layers)
    return freed(loaded.model, weights)


def to_answer(
    name: str, device: torch.device, weights: Literal["base", "LoRA"], n_layers: int | None = None
) -> LoadedModel:
    """Make what answers: a bfloat16 base, alone or with a float32 adapter that changes its numbers."""
    loaded = build(name, device, torch.bfloat16, n_layers)
    return loaded if weights == "base" else adapted(loaded, UP)


UP = 0.02
"Spread of an adapter's second matrices where it is to change numbers; fresh ones are zero."


def adapted(loaded: LoadedModel, up: float) -> LoadedModel:
    """Put an adapter on a model, in place, frozen as a saved one is."""
    model = move_adapters(freed(loaded.model, "LoRA"), up)
    model.requires_grad_(False)
    return replace(loaded, model=model.eval())


def move_adapters(model: Any, up: float) -> Any:
    """Draw the second matrices of LoRA adapters, which are zero at first; half of the gradients are zero there."""
    generator = torch.Generator().manual_seed(SEED)
    for name, value in model.named_parameters():
        if "lora_B" in name:
            value.data.copy_(torch.randn(value.shape, generator=generator) * up)
    return model
