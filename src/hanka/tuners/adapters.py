"""What tuners of the PEFT library share: an entry is its parameters and the PEFT configuration they make.

Saved in PEFT's own layout, so that a variant loads elsewhere. A type that begins by splitting a base's weights into a rest
and an adapter gets stand-ins for them (`Rest`): the base's own come back untouched when the adapter is taken out.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hanka.errors import ModelError, UnitError
from hanka.identity import stream_seed
from hanka.store.paths import is_place
from hanka.tuners.contract import Tuner, TunerParams
from hanka.tuners.saving import staged

if TYPE_CHECKING:
    from hanka.models.catalogue import ModelRef
    from hanka.models.loading import LoadedModel
    from hanka.tuners.contract import OnRows, Scale

FILES = ("adapter_config.json", "adapter_model.safetensors")
BASE = "base_model_name_or_path"
"Key of an adapter's configuration."
SHAPE = "adapter_base.json"
"Shape of the base, beside PEFT's own files, which do not say it."


def unknown(config: Mapping[str, Any], params: Any) -> int | None:
    """Say that the number of trained weights is not known before the model is loaded."""
    return None


@dataclass(frozen=True, slots=True)
class Kind:
    """A type of the PEFT library, as a tuner."""

    name: str
    "What `peft:` of a study says."
    reference: str
    "Paper."
    description: str
    "One line for lists."
    params: type[TunerParams]
    "Its parameters."
    configure: Callable[[Any, Any, int], Any]
    "(model, params, a seed) → PeftConfig."
    n_trained: Callable[[Mapping[str, Any], Any], int | None] = unknown
    "(config.json, params) → weights that are free."
    size: str = ""
    "Parameter that sets how many weights train; empty: none does."
    size_divides: bool = False
    "Whether that has to divide the widths of the layers."
    scale: Scale | None = None
    "Saved tensors between base and variant; None: they are not linear in any of them."
    save: Callable[[LoadedModel, Path], None] | None = None
    "Where PEFT's own form is not what should be kept."
    on_rows: OnRows | None = None
    "Where first weights follow from training rows."
    not_merged: str = ""
    "Why it cannot be folded into weights."
    keeps_keys_values: bool = True
    "Whether packed passes hold."


def peft_tuner(kind: Kind) -> Tuner:
    """Make a tuner of a PEFT type."""

    def wrap(model: Any, given: Any, seed: int) -> Any:
        """Put the adapter on a model, its first weights drawn by seed."""
        return wrapped(kind.name, model, lambda drawn: kind.configure(model, given, drawn), seed)

    def merge(loaded: LoadedModel) -> LoadedModel:
        """Fold the adapter into the weights. Raises UnitError for a type that cannot be."""
        if kind.not_merged:
            raise UnitError(
                f"{kind.name} cannot be merged into weights, because {kind.not_merged}: nothing can be made on top of it; "
                "choose another parent"
            )
        return _merge(loaded)

    return Tuner(
        name=kind.name,
        reference=kind.reference,
        description=kind.description,
        params=kind.params,
        wrap=wrap,
        save=kind.save or save_adapter,
        load=_load,
        merge=merge,
        take_out=take_adapters_out,
        n_trained=kind.n_trained,
        files=FILES,
        scale=kind.scale,
        size=kind.size,
        size_divides=kind.size_divides,
        on_rows=kind.on_rows,
        not_merged=kind.not_merged,
        keeps_keys_values=kind.keeps_keys_values,
    )


IN_PLACE = ("olora",)
"First weights of LoRA for which PEFT writes into the base's own, in place."


def wrapped(name: str, model: Any, configure: Callable[[int], Any], seed: int, aside: bool = False) -> Any:
    """Put an adapter on a model. Raises UnitError, naming type and model, where PEFT or the model refuses.

    aside: the type writes into the weights in place.
    """
    from peft import get_peft_model

    from hanka.models.loading import quiet
    from hanka.models.randomness import seed_torch
    from hanka.tuners.rests import put_rests, weights_of

    drawn = stream_seed(seed, name) % 2**31
    seed_torch(stream_seed(seed, name))
    before = weights_of(model, aside)
    try:
        with quiet():
            found = get_peft_model(model, configure(drawn))
    except (
        ValueError,
        TypeError,
        NotImplementedError,
        AttributeError,
        RuntimeError,
        KeyError,
        AssertionError,
    ) as error:
        put_rests(model, before)
        take_adapters_out(model)
        said = " ".join(str(error).split())[:200]
        raise UnitError(f"{name} does not fit this model ({model.config.model_type}): {said}") from None
    put_rests(model, before)
    return found


def _load(base: LoadedModel, folder: Path) -> LoadedModel:
    from hanka.models.loading import add_adapter
    from hanka.tuners.rests import put_rests, weights_of

    require_same_shape(base, folder)
    before = weights_of(base.model, _writes_in_place(folder))
    try:
        loaded = add_adapter(base, folder)
    finally:
        put_rests(base.model, before)
    return loaded


def _writes_in_place(folder: Path) -> bool:
    """Tell whether PEFT, before it reads a saved adapter, writes into the base's own weights."""
    try:
        config = json.loads((folder / FILES[0]).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False  # loading says what is wrong with it
    return isinstance(config, dict) and config.get("init_lora_weights") in IN_PLACE


def save_adapter(loaded: LoadedModel, folder: Path, finish: Callable[[Path], None] = lambda stage: None) -> None:
    """Save in PEFT's layout. finish: changes the files before they count."""
    from hanka.models.loading import quiet

    with quiet(), staged(folder) as stage:
        card = stage / "README.md"
        card.write_text("---\n{}\n---\n", encoding="utf-8")  # PEFT adds to one that is there, or compiles a template
        loaded.model.save_pretrained(stage, save_embedding_layers=False)
        card.unlink()  # `hanka export` writes a true one
        (stage / SHAPE).write_text(json.dumps(_shape(loaded), indent=2) + "\n", encoding="utf-8")
        finish(stage)
        settle_config(stage / FILES[0], loaded.ref)


def _shape(loaded: LoadedModel) -> dict[str, Any]:
    """Return what a base has to have in common with the one an adapter was made on."""
    config = loaded.model.config.get_text_config()
    names = ("model_type", "hidden_size", "num_hidden_layers", "vocab_size")
    return {name: getattr(config, name) for name in names}


def require_same_shape(base: LoadedModel, folder: Path) -> None:
    """Raise ModelError where an adapter was made on a base of another shape: some types would load all the same."""
    try:
        wanted = json.loads((folder / SHAPE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return  # made elsewhere
    for name, value in _shape(base).items():
        if wanted.get(name) != value:
            raise ModelError(
                f"{folder}: this adapter cannot be put onto {base.ref.name!r}: its base has {name} {wanted.get(name)}, "
                f"and this one {value}"
            )


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
    from hanka.tuners.rests import fold_rests

    config = loaded.model.active_peft_config
    if config.is_prompt_learning:
        raise UnitError(
            f"{config.peft_type.value} puts tokens before a row and cannot be merged into weights: "
            "nothing can be made on top of it; choose another parent"
        )
    base = loaded.model.get_base_model()
    try:
        with quiet():
            for name, layer in list(base.named_modules()):
                if isinstance(layer, BaseTunerLayer):
                    _merge_layer(base, name, layer)
                elif isinstance(layer, ModulesToSaveWrapper):
                    base.set_submodule(name, layer.modules_to_save[layer.active_adapters[0]])
    except (ValueError, NotImplementedError) as error:
        said = " ".join(str(error).split())[:160]
        raise UnitError(
            f"{config.peft_type.value} cannot be merged into the weights of this model ({base.config.model_type}): {said}; "
            "nothing can be made on top of it; choose another parent"
        ) from None
    fold_rests(base)
    take_adapters_out(base)
    return replace(loaded, model=base)


def _merge_layer(base: Any, name: str, layer: Any) -> None:
    """Fold a layer's adapter into its weights; where the type puts another layer in their place, copy that one's."""
    import torch

    own = layer.get_base_layer()
    layer.merge()
    merged = layer.get_base_layer()
    if merged is not own:
        with torch.no_grad():
            for value, new in zip(own.parameters(), merged.parameters(), strict=True):
                value.copy_(new)
        base.set_submodule(name, own)


def take_adapters_out(model: Any) -> None:
    """Put the layers back that PEFT has wrapped, those that an adapter brought whole, and weights it had split."""
    from peft.tuners.adaption_prompt.layer import AdaptedAttention, AdaptedAttentionGPT
    from peft.tuners.tuners_utils import BaseTunerLayer
    from peft.utils.other import ModulesToSaveWrapper

    from hanka.tuners.rests import take_rests_out

    for name, layer in reversed(list(model.named_modules())):
        if isinstance(layer, BaseTunerLayer):
            model.set_submodule(name, layer.get_base_layer())
        elif isinstance(layer, ModulesToSaveWrapper):
            model.set_submodule(name, layer.original_module)
        elif isinstance(layer, AdaptedAttention | AdaptedAttentionGPT):
            model.set_submodule(name, layer.model)
    take_rests_out(model)
    if hasattr(model, "peft_config"):
        del model.peft_config
