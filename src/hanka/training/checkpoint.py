"""Training checkpoints without pickle: tensors in safetensors, everything else in JSON.

Held are the trainable weights, the whole state of the optimizer, whichever it is, and the tensors of a step hook; beside them
the weights that validation likes best so far, where it is to choose. A
checkpoint is a folder written under a temporary name and renamed; only the newest is kept. Tensors survive
exactly, so a resumed training ends bit for bit where an undisturbed one does.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from hanka.errors import StoreError, UnitError
from hanka.store.cache import atomic_path
from hanka.store.folder import make_folder, read_json_or_none, write_json
from hanka.store.leftovers import scratch_folder

if TYPE_CHECKING:
    import torch

FORMAT = 3
"Raised when older checkpoints can no longer be read; they are passed over."


class Trained(NamedTuple):
    """What a course changes."""

    parameters: Mapping[str, torch.nn.Parameter]
    "The trainable ones, by name."
    optimizer: torch.optim.Optimizer
    "Of exactly these."


def save_checkpoint(
    folder: Path, trained: Trained, state: Mapping[str, Any], hook_tensors: Mapping[str, torch.Tensor]
) -> None:
    """Write the newest checkpoint below `folder` and drop the one before.

    state: what the loop needs to go on, JSON-like, with `step`.
    """
    from safetensors.torch import save_file

    final = folder / f"step-{state['step']:08d}"
    make_folder(folder)
    tensors, scalars = _parts(trained, hook_tensors)
    with scratch_folder(final) as scratch:
        try:
            with atomic_path(scratch / "tensors.safetensors") as temporary:
                save_file(tensors, temporary)
        except Exception as error:
            if "No space left" in str(error):
                raise StoreError(f"cannot write a checkpoint to {folder}: the disk is full; free some space") from None
            raise
        write_json(scratch / "state.json", {"format": FORMAT, "course": dict(state), "optimizer": scalars})
        shutil.rmtree(final, ignore_errors=True)
        scratch.replace(final)
    for old in folder.glob("step-*"):
        if old != final:
            shutil.rmtree(old, ignore_errors=True)


def save_best(folder: Path, parameters: Mapping[str, torch.nn.Parameter], step: int, needed: int) -> None:
    """Keep the weights of a step; drop those kept before, but not of the step `needed`, which a checkpoint goes on from."""
    from safetensors.torch import save_file

    make_folder(folder)
    with atomic_path(_best(folder, step)) as temporary:
        save_file({name: value.detach().cpu().contiguous() for name, value in parameters.items()}, temporary)
    for old in folder.glob("best-*"):
        if old not in (_best(folder, step), _best(folder, needed)):
            old.unlink(missing_ok=True)


def load_best(folder: Path, parameters: Mapping[str, torch.nn.Parameter], step: int) -> None:
    """Put the kept weights of a step back, in place. Raises UnitError where they are gone."""
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        tensors = load_file(_best(folder, step))
        with torch.no_grad():
            for name, value in parameters.items():
                value.copy_(tensors[name])
    except (OSError, SafetensorError, KeyError):
        raise UnitError(f"the weights kept at step {step} cannot be read; run the study again") from None


def _best(folder: Path, step: int) -> Path:
    return folder / f"best-{step:08d}.safetensors"


def _parts(
    trained: Trained, hook_tensors: Mapping[str, torch.Tensor]
) -> tuple[dict[str, torch.Tensor], dict[str, dict[str, Any]]]:
    """Return the tensors by name, and by parameter what else its optimizer keeps: numbers, and None for a tensor's place.

    `place/…` names the device of a tensor that does not lie beside its parameter.
    """
    import torch

    tensors = {f"weight.{name}": value.detach() for name, value in trained.parameters.items()}
    tensors |= {f"hook.{name}": value.detach() for name, value in hook_tensors.items()}
    scalars: dict[str, dict[str, Any]] = {}
    for name, value in trained.parameters.items():
        kept: dict[str, Any] = {}
        for key, entry in trained.optimizer.state.get(value, {}).items():
            if isinstance(entry, torch.Tensor):
                tensors[f"optimizer.{key}.{name}"] = entry.detach()
                if entry.device != value.device:
                    kept[f"place/{key}"] = str(entry.device)
            else:
                kept[key] = entry
        if kept:
            scalars[name] = kept
    return {name: value.cpu().contiguous() for name, value in tensors.items()}, scalars


def load_checkpoint(folder: Path, trained: Trained) -> tuple[dict[str, Any], dict[str, torch.Tensor]] | None:
    """Restore the newest readable checkpoint in place; return its state and the hook's tensors; None where there is none."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    for path in sorted(folder.glob("step-*"), reverse=True):
        found = read_json_or_none(path / "state.json")
        if not isinstance(found, dict) or found.get("format") != FORMAT:
            continue
        try:
            tensors = load_file(path / "tensors.safetensors")
        except (OSError, SafetensorError):
            continue
        if {f"weight.{name}" for name in trained.parameters} - set(tensors):
            continue
        _restore(trained, tensors, found["optimizer"])
        return found["course"], _named(tensors, "hook.")
    return None


def _restore(trained: Trained, tensors: Mapping[str, torch.Tensor], scalars: Mapping[str, Mapping[str, Any]]) -> None:
    import torch

    moments = _named(tensors, "optimizer.")
    for name, value in trained.parameters.items():
        with torch.no_grad():
            value.copy_(tensors[f"weight.{name}"])
        kept = scalars.get(name, {})
        state = {key: entry for key, entry in kept.items() if not key.startswith("place/")}
        for key in [key for key in moments if key.endswith(f".{name}")]:
            short = key.removesuffix(f".{name}")
            if "." not in short:
                state[short] = moments[key].to(kept.get(f"place/{short}", value.device))
        if state:
            trained.optimizer.state[value] = state


def _named(tensors: Mapping[str, torch.Tensor], prefix: str) -> dict[str, torch.Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
