"""Models with random weights in published sizes, made where they run, in the precision they run in.

Speed does not depend on what the weights are. Rotary embeddings are of the plain type (Llama 3.2 scales long
positions; that changes numbers, not work). The tokenizer has as many entries as the model and no end token, so
every generated text has the full length on both sides.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hanka.models.catalogue import ModelRef
from hanka.models.loading import LoadedModel, quiet

if TYPE_CHECKING:
    import torch

CONFIGS = Path(__file__).parent / "configs"
LORA_RANK = 8
SEED = 0


def config_of(name: str, **changes: Any) -> Any:
    """Return a configuration of `configs/` with changes."""
    from transformers import AutoConfig

    said = json.loads((CONFIGS / f"{name}.json").read_text(encoding="utf-8"))
    # An end token would let rows of random text stop early.
    return AutoConfig.for_model(
        said.pop("model_type"), **(said | {"bos_token_id": 0, "eos_token_id": None, "pad_token_id": 0} | changes)
    )


def build(name: str, device: torch.device, dtype: torch.dtype, n_layers: int | None = None) -> LoadedModel:
    """Make a model with seeded random weights on a device; no copy in another precision or place is made."""
    import torch
    from transformers import AutoModelForCausalLM

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
    from tokenizers import Tokenizer, decoders, models
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE(vocab={f"Ġw{index}": index for index in range(n_entries)}, merges=[]))
    tokenizer.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="Ġw0")


def freed(model: Any, peft: str) -> Any:
    """Return the model with hanka's trainable weights: all ("none"), or fresh LoRA adapters ("lora")."""
    from hanka.methods.supervised.adapt import trainable

    params = {"peft": peft, "r": LORA_RANK, "alpha": None, "dropout": 0.0, "target_modules": "all-linear"}
    return trainable(model, params, SEED)
