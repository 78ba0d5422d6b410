"""Weights quantised while they are loaded, by bitsandbytes: 4-bit NormalFloat (nf4) and 8-bit integers. Light until asked.

Source: QLoRA, Dettmers et al. (2023), arXiv 2305.14314; LLM.int8(), Dettmers et al. (2022), arXiv 2208.07339.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

from hanka.errors import ModelError
from hanka.models.catalogue import ModelRef


def require_loadable(ref: ModelRef) -> None:
    """Raise ModelError where a model is to be quantised and what does that is not installed."""
    if ref.load and find_spec("bitsandbytes") is None:
        raise ModelError(f"load: {ref.load} needs bitsandbytes, which is not installed: pip install bitsandbytes")


def loading_options(ref: ModelRef, dtype: str, device: str) -> dict[str, Any]:
    """Return what `from_pretrained` is told beside the usual; nothing where weights stay as they are."""
    if not ref.load:
        return {}
    require_loadable(ref)
    import torch
    from transformers import BitsAndBytesConfig

    if ref.load == "int8":
        config = BitsAndBytesConfig(load_in_8bit=True)
    else:
        config = BitsAndBytesConfig(
            load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=getattr(torch, dtype)
        )
    return {"quantization_config": config, "device_map": {"": device}}
