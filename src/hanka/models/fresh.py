"""Bases that are made here: random weights of a configuration, with another model's tokenizer.

`{fresh: {tokenizer: MODEL, model_type: llama, hidden_size: …}, seed: 0}`. Light until weights are made. Keys are those of the
model's transformers configuration; what is not said has the value given here, so that a default that moves
upstream makes no other model under an old id.

Weights of linear layers and embeddings are normal with standard deviation `initializer_range` (in GPT-2, those that
write into the residual stream divided by the root of their number); norms and biases are what the architecture sets
them to. They are drawn by numpy from a stream of (seed, parameter name): the same on any machine.
Source: Radford et al. (2019), sec. 2.3, for the division; transformers' `_init_weights` for the rest.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hanka.errors import ModelError, nearest
from hanka.identity import canonical, stream
from hanka.models.catalogue import Fresh, ModelRef, find_model

if TYPE_CHECKING:
    import torch

FRESH = 1
"Raised by hand when the same configuration and seed give other weights than before."


@dataclass(frozen=True, slots=True, eq=False)
class Family:
    """The keys of one model type."""

    needed: tuple[str, ...]
    "Keys that have no default: whole numbers from 1."
    others: Mapping[str, Any]
    "Default by key; None: a whole number that follows from the others, or none."
    width: str
    "Key of the hidden size."
    heads: str
    "Key of the number of attention heads."
    layers: str
    "Key of the number of layers."


LLAMA_LIKE = {
    "num_key_value_heads": None,
    "head_dim": None,
    "max_position_embeddings": 2048,
    "rope_theta": 10_000.0,
    "rms_norm_eps": 1e-6,
    "initializer_range": 0.02,
    "tie_word_embeddings": False,
}
SIZES = ("hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads")
_NAMES = ("hidden_size", "num_attention_heads", "num_hidden_layers")
FAMILIES: Mapping[str, Family] = {
    "llama": Family(SIZES, LLAMA_LIKE, *_NAMES),
    "mistral": Family(SIZES, {**LLAMA_LIKE, "sliding_window": None}, *_NAMES),
    "qwen2": Family(SIZES, {key: value for key, value in LLAMA_LIKE.items() if key != "head_dim"}, *_NAMES),
    "qwen3": Family(SIZES, LLAMA_LIKE, *_NAMES),
    "gpt2": Family(
        ("n_embd", "n_layer", "n_head"),
        {
            "n_positions": 1024,
            "n_inner": None,
            "layer_norm_epsilon": 1e-5,
            "initializer_range": 0.02,
            "tie_word_embeddings": True,
        },
        "n_embd",
        "n_head",
        "n_layer",
    ),
}
"Model types whose initial weights are known here."
NO_DROPOUT = {"gpt2": {"resid_pdrop": 0.0, "embd_pdrop": 0.0, "attn_pdrop": 0.0}}


def fresh_model(said: Mapping[str, Any], seed: int, base_dir: Path, name: str = "") -> ModelRef:
    """Resolve a base `{fresh: said, seed: seed, name: name}` of a study. Raises ModelError in one line.

    base_dir: folder of the study file, for the tokenizer's model.
    """
    if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
        raise ModelError(f"fresh: seed is {seed!r}; it must be a whole number from 0")
    tokenizer = said.get("tokenizer")
    if not isinstance(tokenizer, str):
        word = "missing" if tokenizer is None else repr(tokenizer)
        raise ModelError(f"fresh: tokenizer is {word}; name the model whose tokenizer is to be used")
    kind = said.get("model_type", "llama")
    if kind not in FAMILIES:
        raise ModelError(f"fresh: unknown model_type {kind!r}: {nearest(str(kind), FAMILIES)}")
    given = {key: value for key, value in said.items() if key not in ("tokenizer", "model_type")}
    configuration = {"model_type": kind, **_complete(kind, given)}
    family = FAMILIES[kind]
    size = f"{configuration[family.layers]}x{configuration[family.width]}"
    fresh = Fresh(canonical(configuration), seed, find_model(tokenizer, base_dir))
    return ModelRef(name or f"fresh-{kind}-{size}-seed{seed}", "fresh", None, fresh=fresh)


def _complete(kind: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return every key of a configuration, checked."""
    family = FAMILIES[kind]
    known = [*family.needed, *family.others]
    for key, value in given.items():
        if key not in known:
            raise ModelError(f"fresh: a {kind} configuration has no key {key!r}: {nearest(key, known)}")
        _check(key, value, family.others.get(key))
    missing = [key for key in family.needed if key not in given]
    if missing:
        raise ModelError(f"fresh: {missing[0]} is missing; a {kind} configuration needs {', '.join(family.needed)}")
    found = {**family.others, **given}
    width, heads = found[family.width], found[family.heads]
    if found.get("head_dim") is None and width % heads:
        raise ModelError(f"fresh: {family.width} {width} is no multiple of {family.heads} {heads}")
    if "num_key_value_heads" in found:
        found["num_key_value_heads"] = shared = found["num_key_value_heads"] or heads
        if heads % shared:
            raise ModelError(f"fresh: num_attention_heads {heads} is no multiple of num_key_value_heads {shared}")
    if "head_dim" in found:
        found["head_dim"] = found["head_dim"] or width // heads
    size = found.get("head_dim", width // heads)
    if kind != "gpt2" and size % 2:
        raise ModelError(f"fresh: {size} dimensions a head cannot be rotated in pairs; the number must be even")
    if "n_inner" in found:
        found["n_inner"] = found["n_inner"] or 4 * width
    return found


def _check(key: str, value: Any, default: Any) -> None:
    """Refuse a value of the wrong type or range."""
    if isinstance(default, bool):
        if not isinstance(value, bool):
            raise ModelError(f"fresh: {key} is {value!r}; it must be true or false")
    elif isinstance(default, float):
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < float("inf"):
            raise ModelError(f"fresh: {key} is {value!r}; it must be a number above 0")
    elif isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ModelError(f"fresh: {key} is {value!r}; it must be a whole number from 1")


def count_parameters(fresh: Fresh, vocabulary: int) -> int:
    """Return the number of parameters, embeddings counted once when tied."""
    said = json.loads(fresh.configuration)
    copies = 1 if said["tie_word_embeddings"] else 2
    if said["model_type"] == "gpt2":
        width, inner = said["n_embd"], said["n_inner"]
        attention = (width + 1) * 3 * width + (width + 1) * width
        layer = attention + (width + 1) * inner + (inner + 1) * width + 4 * width
        return int((copies * vocabulary + said["n_positions"]) * width + said["n_layer"] * layer + 2 * width)
    width, heads, shared = said["hidden_size"], said["num_attention_heads"], said["num_key_value_heads"]
    size = said.get("head_dim", width // heads)
    attention = 2 * width * heads * size + 2 * width * shared * size
    if said["model_type"] == "qwen2":
        attention += (heads + 2 * shared) * size
    if said["model_type"] == "qwen3":
        attention += 2 * size
    layer = attention + 3 * width * said["intermediate_size"] + 2 * width
    return int(copies * vocabulary * width + said["num_hidden_layers"] * layer + width)


def make_model(fresh: Fresh, tokenizer: Any, vocabulary: int) -> Any:
    """Return the model in float32 on the processor, its weights drawn. Raises ModelError for a parameter of unknown kind."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    said = json.loads(fresh.configuration)
    kind = said.pop("model_type")
    if "rope_theta" in said:
        said["rope_parameters"] = {"rope_type": "default", "rope_theta": said.pop("rope_theta")}
    tokens = {"vocab_size": vocabulary, "bos_token_id": tokenizer.bos_token_id, "eos_token_id": tokenizer.eos_token_id}
    config = AutoConfig.for_model(kind, **said, **tokens, **NO_DROPOUT.get(kind, {}))
    with torch.random.fork_rng():  # what transformers draws is thrown away, and nobody's stream moves
        model = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    model.tie_weights()
    with torch.no_grad():
        for name, value in model.named_parameters():
            _draw(fresh, model, name, value)
    return model


def _draw(fresh: Fresh, model: Any, name: str, value: torch.Tensor) -> None:
    """Fill one parameter."""
    import numpy as np
    import torch
    from transformers.pytorch_utils import Conv1D

    said = json.loads(fresh.configuration)
    owner, _, part = name.rpartition(".")
    if part == "weight" and isinstance(model.get_submodule(owner), (torch.nn.Linear, torch.nn.Embedding, Conv1D)):
        deviation = float(said["initializer_range"])
        if said["model_type"] == "gpt2" and owner.endswith("c_proj"):
            deviation /= (2 * said["n_layer"]) ** 0.5
        drawn = stream(fresh.seed, "fresh", name).standard_normal(tuple(value.shape), dtype=np.float32)
        value.copy_(torch.from_numpy(drawn * np.float32(deviation)))
    elif float(value.min()) != float(value.max()):
        raise ModelError(f"fresh: parameter {name} is neither of a linear layer or embedding nor constant at first")
