"""What tuners of the PEFT library share: an entry is its parameters and the PEFT configuration they make.

Saved in PEFT's own layout, so that a variant loads elsewhere.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from hanka.errors import UnitError
from hanka.identity import stream_seed
from hanka.store.paths import is_place
from hanka.tuners.contract import Tuner, TunerParams
from hanka.tuners.saving import staged

if TYPE_CHECKING:
    from hanka.models.catalogue import ModelRef
    from hanka.models.loading import LoadedModel
    from hanka.tuners.contract import Scale

FILES = ("adapter_config.json", "adapter_model.safetensors")
BASE = "base_model_name_or_path"
"Key of an adapter's configuration."


class About(NamedTuple):
    """What a list says of a tuner."""

    name: str
    "What `peft:` of a study says."
    reference: str
    "Paper."
    description: str
    "One line."


def unknown(config: Mapping[str, Any], params: Any) -> int | None:
    """Say that the number of trained weights is not known before the model is loaded."""
    return None


def peft_tuner(
    about: About,
    params: type[TunerParams],
    configure: Callable[[Any, Any], Any],
    n_trained: Callable[[Mapping[str, Any], Any], int | None] = unknown,
    scale: Scale | None = None,
) -> Tuner:
    """Make a tuner of a PEFT configuration; configure: (model, params) → PeftConfig."""

    def wrap(model: Any, given: Any, seed: int) -> Any:
        """Put the adapter on a model, its first weights drawn by seed."""
        import torch
        from peft import get_peft_model

        from hanka.models.loading import quiet

        torch.manual_seed(stream_seed(seed, about.name) % 2**63)
        try:
            with quiet():
                return get_peft_model(model, configure(model, given))
        except ValueError as error:
            raise UnitError(f"{about.name} does not fit this model: {' '.join(str(error).split())[:200]}") from None

    return Tuner(
        name=about.name,
        reference=about.reference,
        description=about.description,
        params=params,
        wrap=wrap,
        save=_save,
        load=_load,
        merge=_merge,
        take_out=take_adapters_out,
        n_trained=n_trained,
        files=FILES,
        scale=scale,
    )


def _load(base: LoadedModel, folder: Path) -> LoadedModel:
    from hanka.models.loading import add_adapter

    return add_adapter(base, folder)


def _save(loaded: LoadedModel, folder: Path) -> None:
    from hanka.models.loading import quiet

    with quiet(), staged(folder) as stage:
        loaded.model.save_pretrained(stage, save_embedding_layers=False)
        (stage / "README.md").unlink(missing_ok=True)  # an empty card; `hanka export` writes a true one
        settle_config(stage / FILES[0], loaded.ref)


def settle_config(path: Path, ref: ModelRef) -> None:
    """Sort what PEFT keeps as sets and writes in an order that differs from process to process; call the base by its name.

    PEFT names the folder that it was loaded from, which is nowhere but on this machine.
    """
    config = json.loads(path.read_text(encoding="utf-8"))
    if not config.get(BASE) or is_place(config[BASE]):
        config[BASE] = ref.hub_id or ref.name
    for name, value in config.items():
        if name.endswith("_modules") and isinstance(value, list):
            config[name] = sorted(value)
    path.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def _merge(loaded: LoadedModel) -> LoadedModel:
    from peft.tuners.tuners_utils import BaseTunerLayer
    from peft.utils.other import ModulesToSaveWrapper

    from hanka.models.loading import quiet

    config = loaded.model.active_peft_config
    if config.is_prompt_learning:
        raise UnitError(
            f"{config.peft_type.value} puts tokens before a row and cannot be merged into weights: "
            "nothing can be made on top of it; choose another parent"
        )
    base = loaded.model.get_base_model()
    with quiet():
        for name, layer in list(base.named_modules()):
            if isinstance(layer, BaseTunerLayer):
                layer.merge()
            elif isinstance(layer, ModulesToSaveWrapper):
                base.set_submodule(name, layer.modules_to_save[layer.active_adapters[0]])
    take_adapters_out(base)
    return replace(loaded, model=base)


def take_adapters_out(model: Any) -> None:
    """Put the layers back that PEFT has wrapped, and those that an adapter brought whole."""
    from peft.tuners.tuners_utils import BaseTunerLayer
    from peft.utils.other import ModulesToSaveWrapper

    for name, layer in reversed(list(model.named_modules())):
        if isinstance(layer, BaseTunerLayer):
            model.set_submodule(name, layer.get_base_layer())
        elif isinstance(layer, ModulesToSaveWrapper):
            model.set_submodule(name, layer.original_module)
    if hasattr(model, "peft_config"):
        del model.peft_config
