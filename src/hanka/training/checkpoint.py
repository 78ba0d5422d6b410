"""Training checkpoints without pickle: trainable weights and AdamW moments in safetensors, the step in JSON.

A checkpoint is a folder written under a temporary name and renamed; only the newest is kept. Float32
tensors survive exactly, so a resumed training ends bit for bit where an undisturbed one does.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hanka.errors import StoreError
from hanka.store.cache import atomic_path
from hanka.store.folder import make_folder, read_json_or_none, write_json

if TYPE_CHECKING:
    import torch

MOMENTS = ("exp_avg", "exp_avg_sq", "step")


def save_checkpoint(
    folder: Path,
    parameters: Mapping[str, torch.nn.Parameter],
    optimizer: torch.optim.Optimizer,
    state: Mapping[str, Any],
) -> None:
    """Write the newest checkpoint below `folder` and drop the one before.

    parameters: the trainable ones by name. state: what the loop needs to go on, JSON-like, with `step`.
    """
    from safetensors.torch import save_file

    final = folder / f"step-{state['step']:08d}"
    make_folder(folder)
    tensors = {f"weight.{name}": value.detach().cpu().contiguous() for name, value in parameters.items()}
    for name, value in parameters.items():
        for moment in MOMENTS:
            if moment in optimizer.state.get(value, {}):
                tensors[f"{moment}.{name}"] = optimizer.state[value][moment].detach().cpu().contiguous()
    scratch = folder / f".step-{state['step']:08d}.tmp"
    shutil.rmtree(scratch, ignore_errors=True)
    make_folder(scratch)
    try:
        with atomic_path(scratch / "tensors.safetensors") as temporary:
            save_file(tensors, temporary)
    except Exception as error:
        shutil.rmtree(scratch, ignore_errors=True)
        if "No space left" in str(error):
            raise StoreError(f"cannot write a checkpoint to {folder}: the disk is full; free some space") from None
        raise
    write_json(scratch / "state.json", dict(state))
    shutil.rmtree(final, ignore_errors=True)
    scratch.replace(final)
    for old in folder.glob("step-*"):
        if old != final:
            shutil.rmtree(old, ignore_errors=True)


def load_checkpoint(
    folder: Path, parameters: Mapping[str, torch.nn.Parameter], optimizer: torch.optim.Optimizer
) -> dict[str, Any] | None:
    """Restore the newest readable checkpoint in place and return its state; None where there is none."""
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    for path in sorted(folder.glob("step-*"), reverse=True):
        state = read_json_or_none(path / "state.json")
        try:
            tensors = load_file(path / "tensors.safetensors")
        except (OSError, SafetensorError):
            continue
        if not isinstance(state, dict) or {f"weight.{name}" for name in parameters} - set(tensors):
            continue
        with torch.no_grad():
            for name, value in parameters.items():
                value.copy_(tensors[f"weight.{name}"])
                moments = {moment: tensors[f"{moment}.{name}"] for moment in MOMENTS if f"{moment}.{name}" in tensors}
                if moments:
                    optimizer.state[value] = {
                        moment: tensor if moment == "step" else tensor.to(value.device)
                        for moment, tensor in moments.items()
                    }
        return state
    return None
