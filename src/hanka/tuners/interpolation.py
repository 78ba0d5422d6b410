"""Variants between a base and a tuned one: base + weight · (tuned − base).

A tuner that can writes it in its own form; one that cannot is merged and saved whole. Exact at the ends: 0 loads to the base,
1 to the tuned variant, bit for bit (a merged one to the rounding of merging).
Source: WiSE-FT, Wortsman et al. (2022), arXiv 2109.01903, equation 1.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from hanka.errors import ModelError
from hanka.models.loading import LoadedModel
from hanka.tuners.contract import Made
from hanka.tuners.mixing import between
from hanka.tuners.saving import staged

if TYPE_CHECKING:
    from hanka.tuners.contract import Scale

COPIED = (".json", ".jinja", ".model", ".txt")
"Files beside the tensors that belong to a saved form; `variant.json` is a record, not part of it."


def interpolate(base: LoadedModel, made: Made, weight: float, folder: Path) -> str:
    """Write the variant at `weight` between a base and what was made on it; return the tuner that loads it.

    base: what the variant was made on, lower variants merged; float32 for a whole model, or weight 0 is the base as
    rounded. It is left as it is, unless the tuner has no form for this: then the variant is put on and merged, and
    the lender undoes it. Nothing is left in the folder where this is broken off.
    """
    from hanka.tuners import TUNERS

    tuner = TUNERS.get(made.tuner)
    if tuner.scale is None:
        _write_merged(base, made, weight, folder)
        return "none"
    _write_scaled(base, made, weight, folder, tuner.scale)
    return tuner.name


def _write_scaled(base: LoadedModel, made: Made, weight: float, folder: Path, scale: Scale) -> None:
    from safetensors import SafetensorError
    from safetensors.torch import load_file, save_file

    with staged(folder) as stage:
        for path in sorted(made.folder.iterdir()):
            if path.suffix == ".safetensors":
                try:
                    saved = load_file(path)
                except SafetensorError as error:
                    raise ModelError(f"{path}: cannot be read ({error}); make the variant again") from None
                scaled = {name: value.contiguous() for name, value in scale(saved, base, weight).items()}
                save_file(scaled, stage / path.name, metadata={"format": "pt"})
            elif path.suffix in COPIED and path.name != "variant.json":
                shutil.copyfile(path, stage / path.name)


def _write_merged(base: LoadedModel, made: Made, weight: float, folder: Path) -> None:
    import torch

    from hanka.tuners import TUNERS

    tuner, whole = TUNERS.get(made.tuner), TUNERS.get("none")
    own = {name: value.detach().to("cpu", copy=True) for name, value in base.model.named_parameters()}
    merged = tuner.merge(tuner.load(base, made.folder))
    with torch.no_grad():
        for name, value in merged.model.named_parameters():
            value.copy_(between(own[name], value, weight))
    whole.save(merged, folder)
