"""What variants changed of the weights of their base, whatever tuner made them: on disk, read tensor by tensor.

Every variant is put onto the base and merged; what differs from the base is written, and the base is as it was. So one
copy of the base and one change are in memory at a time, however many variants there are.
Limits: a change smaller than the rounding of float32 at a weight is not seen; a variant that adds weights has no place here.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hanka.errors import UnitError
from hanka.models.loading import LoadedModel
from hanka.tuners.contract import Made

if TYPE_CHECKING:
    import torch

FOLDER = ".changes"
"Folder beside the files of a variant in which changes lie while they are needed; one that a killed process left is cleared."


@dataclass(frozen=True, slots=True, eq=False)
class Changes:
    """Changes of several variants on one base."""

    base: Mapping[str, torch.Tensor]
    "The base's weights, by name."
    files: tuple[Path, ...]
    "One for each variant: the weights that it changed, float32."
    names: tuple[str, ...]
    "Weights that any of them changed, in the base's order."

    @property
    def n_weights(self) -> int:
        """Count the base's weights."""
        return sum(value.numel() for value in self.base.values())

    def of(self, place: int, name: str) -> torch.Tensor:
        """Return what a variant changed of one weight; zeros where nothing."""
        import torch
        from safetensors import safe_open

        with safe_open(self.files[place], framework="pt") as tensors:
            if name in tensors.keys():  # noqa: SIM118
                found: torch.Tensor = tensors.get_tensor(name)
                return found
        return torch.zeros(self.base[name].shape)

    def sizes(self, place: int) -> Iterator[torch.Tensor]:
        """Yield the absolute values of everything that a variant changed."""
        from safetensors import safe_open

        with safe_open(self.files[place], framework="pt") as tensors:
            for name in tensors.keys():  # noqa: SIM118
                yield tensors.get_tensor(name).abs()


@contextlib.contextmanager
def changes_of(
    base: LoadedModel,
    stacks: Sequence[Sequence[Made]],
    labels: Sequence[str],
    folder: Path,
    report: Callable[[str, float], None],
) -> Iterator[Changes]:
    """Write what each variant changed below `folder`, and remove it in the end.

    base: float32, nothing on it; as it was when the block ends, whatever was written into it there.
    stacks: each variant's layers on it. Raises UnitError, with its label, for one that adds weights or has other shapes.
    """
    place = folder / FOLDER
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    own = {name: value.detach().to("cpu", copy=True) for name, value in base.model.named_parameters()}
    try:
        files, changed = [], set()
        for at, (stack, label) in enumerate(zip(stacks, labels, strict=True)):
            report(f"what {label} changed", at / len(stacks))
            files.append(place / f"{at}.safetensors")
            changed |= _write(base, own, stack, label, files[-1])
        yield Changes(own, tuple(files), tuple(name for name in own if name in changed))
    finally:
        _put_back(base, own)
        shutil.rmtree(place, ignore_errors=True)


def _write(
    base: LoadedModel, own: Mapping[str, torch.Tensor], stack: Sequence[Made], label: str, path: Path
) -> set[str]:
    """Write what a variant changed; return the names of these weights."""
    from safetensors.torch import save_file

    from hanka.tuners import TUNERS
    from hanka.tuners.biases import added_biases

    loaded = base
    for made in stack:
        tuner = TUNERS.get(made.tuner)
        loaded = tuner.merge(tuner.load(loaded, made.folder))
    if added_biases(loaded.model):
        raise UnitError(
            f"{label} added biases, for which the model's layout has no place: it cannot be merged; make it with "
            f"`biases: existing` or another tuner"
        )
    found: dict[str, torch.Tensor] = {}
    for name, value in loaded.model.named_parameters():
        if name not in own or own[name].shape != value.shape:
            theirs = list(value.shape)
            ours = list(own[name].shape) if name in own else "no such weight"
            raise UnitError(
                f"{label} cannot be merged: {name} has shape {theirs} in it, and in the base {ours}; merge variants of one "
                f"base with one vocabulary"
            )
        change = value.detach().to("cpu").float() - own[name].float()
        if change.any():
            found[name] = change.contiguous()
    save_file(found, path, metadata={"format": "pt"})
    for made in stack:
        TUNERS.get(made.tuner).take_out(base.model)
    _put_back(base, own)
    return set(found)


def _put_back(base: LoadedModel, own: Mapping[str, torch.Tensor]) -> None:
    import torch

    with torch.no_grad():
        for name, value in base.model.named_parameters():
            if name in own:
                value.copy_(own[name])
