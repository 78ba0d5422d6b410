"""Running out of memory: how it is told, and how memory is given back. Light: torch only when it is asked."""

from __future__ import annotations

import gc
from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

from hanka.errors import UnitError

if TYPE_CHECKING:
    import torch

LEAST_TOKENS = 128
"A token budget is not lowered below this."
PROCESSOR_TOKENS = {"answering": 1024, "training": 512}
"On a processor, a pass of more tokens is no faster per token, and what training keeps of it takes memory."


def pass_tokens(budget: int, device: str, work: Literal["answering", "training"]) -> int:
    """Return how many tokens a pass takes on a kind of device, given what is allowed."""
    return min(budget, PROCESSOR_TOKENS[work]) if device == "cpu" else budget


def is_out_of_memory(error: BaseException) -> bool:
    """Tell whether an error is about memory, on any device."""
    text = str(error).lower()
    return isinstance(error, MemoryError) or "out of memory" in text or "can't allocate memory" in text


def release_memory() -> None:
    """Give memory of dropped models back."""
    gc.collect()
    import torch

    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def free_bytes(device: torch.device | str) -> int:
    """Return the memory that can still be taken on a device."""
    import torch

    if torch.device(device).type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        return int(free) + torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    import psutil

    return int(psutil.virtual_memory().available)


def require_room(needed: Mapping[str, int], budget: int) -> None:
    """Raise UnitError, with the arithmetic, where models (bytes by name) do not fit together into a budget of bytes."""
    total = sum(needed.values())
    if total > budget:
        sums = " + ".join(f"{name} {size / 1e6:,.0f}" for name, size in needed.items())
        raise UnitError(
            f"models that answer together do not fit: {sums} = {total / 1e6:,.0f} MB, and {budget / 1e6:,.0f} MB are "
            f"free; choose smaller models or train.dtype: bfloat16"
        )
