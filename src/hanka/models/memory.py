"""Running out of memory: how it is told, and how memory is given back. Light: torch only when it is asked."""

from __future__ import annotations

import gc


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
