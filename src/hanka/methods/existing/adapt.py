"""The heavy half of `existing`: weights are checked against the base, linked into the run and looked at for what they change."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hanka.errors import ModelError, UnitError
from hanka.methods.contract import Adapted, AdaptRequest
from hanka.methods.existing.params import ExistingParams, located
from hanka.models.catalogue import on_hub
from hanka.models.folders import CONTENT_FILES, adapter_config, file_hash, is_adapter
from hanka.models.loading import LoadedModel, add_adapter, load_full, quiet, require_numbers
from hanka.models.vocabulary import common_vocabulary
from hanka.models.wheel import convert_gguf
from hanka.store.paths import is_place
from hanka.tuners import TUNERS
from hanka.tuners.adapters import FILES, settle_config
from hanka.tuners.saving import staged

if TYPE_CHECKING:
    import torch

PROBE = "The committee will meet on Thursday at 10:30 to discuss 3 open questions."
"What base and variant are compared on, to see whether anything changes."


def adopt(request: AdaptRequest) -> Adapted:
    """Take weights that are there over into a variant's folder. Raises UnitError where they are not made on this base."""
    params, base = request.adaptation.own, request.loaded
    assert isinstance(params, ExistingParams)
    try:
        folder = _fetched(params)
        before = _log_probs(base)
        if is_adapter(folder):
            tuner, after = _adapter(base, folder, request.folder, params.merge)
            kind = f"adapter ({adapter_config(folder).get('peft_type')})"
        else:
            tuner, after = "none", _whole(base, folder, request.folder)
            kind = "whole model"
    except ModelError as error:
        raise UnitError(str(error)) from error
    change = float((after - before).abs().max())
    name = Path(params.path).name if is_place(params.path) else params.path
    notes = [] if change else [f"{name} changes nothing: the variant is its base"]
    record = {"path": name, "kind": kind, "merged": params.merge, "largest_nats": change, "notes": notes}
    return Adapted(tuner=tuner, n_trained_parameters=0, record=record)


def _fetched(params: ExistingParams) -> Path:
    """Return the folder of the weights: from the hub where they are there, de-quantised where they are a GGUF file."""
    folder = Path(params.path)
    if folder.is_dir():
        return folder
    if folder.is_file():
        return convert_gguf(folder, file_hash(folder))
    from huggingface_hub import snapshot_download

    ref = on_hub(params.path)
    assert ref is not None
    try:
        with quiet():
            folder = Path(snapshot_download(ref.hub_id, revision=ref.revision, allow_patterns=list(CONTENT_FILES)))
    except Exception as error:  # the client lets its HTTP library's errors through, and changes that library
        why = " ".join(str(error).split())[:200]
        raise UnitError(f"path {params.path!r} cannot be had from the hub: {why}") from error
    located(params.model_copy(update={"path": str(folder)}), folder)
    return folder


def _adapter(base: LoadedModel, folder: Path, to: Path, merge: bool) -> tuple[str, torch.Tensor]:
    """Put an adapter on its base, and keep it: as it is, or folded in."""
    loaded = add_adapter(base, folder)
    _require_all_used(loaded, folder)
    require_numbers(loaded.model, str(folder))
    kind = str(adapter_config(folder).get("peft_type")).lower()
    tuner = TUNERS.get(kind if kind in TUNERS else "lora")  # any adapter of layers loads as LoRA does
    if not merge:
        after = _log_probs(loaded)
        _link(folder, to, tuner.files, base)
        return tuner.name, after
    merged, whole = tuner.merge(loaded), TUNERS.get("none")
    whole.save(merged, to)
    return whole.name, _log_probs(merged)


def _require_all_used(loaded: LoadedModel, folder: Path) -> None:
    """Raise UnitError where a tensor of the adapter has no place in the model, which PEFT says only in passing."""
    from peft import get_peft_model_state_dict
    from safetensors import safe_open

    with quiet():
        wanted = get_peft_model_state_dict(loaded.model, save_embedding_layers=False)
    with safe_open(folder / "adapter_model.safetensors", framework="pt") as saved:
        there = set(saved.keys())
    strange, missing = sorted(there - set(wanted)), sorted(set(wanted) - there)
    if strange or missing:
        said = f"{strange[0]} has no place in it" if strange else f"{missing[0]} is missing"
        raise UnitError(f"{folder}: this adapter was not made on {loaded.ref.name}: {said}")


def _whole(base: LoadedModel, folder: Path, to: Path) -> torch.Tensor:
    """Check a whole model against the base, and keep it."""
    from transformers import AutoTokenizer

    if (folder / "tokenizer.json").is_file():
        with quiet():
            theirs = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        common_vocabulary(base.tokenizer, theirs, (base.ref.name, str(folder)))
    loaded = load_full(base.ref, base.dtype, folder)
    _require_same_shapes(base.model.state_dict(), loaded.model.state_dict(), base, folder)
    require_numbers(loaded.model, str(folder))
    after = _log_probs(loaded)
    names = [path.name for pattern in CONTENT_FILES for path in folder.glob(pattern) if path.is_file()]
    _link(folder, to, tuple(dict.fromkeys(names)), base)
    return after


def _require_same_shapes(
    ours: Mapping[str, torch.Tensor], theirs: Mapping[str, torch.Tensor], base: LoadedModel, folder: Path
) -> None:
    for name, value in ours.items():
        shape = None if name not in theirs else tuple(theirs[name].shape)
        if shape != tuple(value.shape):
            said = "is missing" if shape is None else f"is {shape} there and {tuple(value.shape)} in the base"
            raise UnitError(f"{folder}: these weights were not made on {base.ref.name}: {name} {said}")
    strange = next((name for name in theirs if name not in ours), None)
    if strange is not None:
        raise UnitError(f"{folder}: these weights were not made on {base.ref.name}, which has no {strange}")


def _log_probs(loaded: LoadedModel) -> torch.Tensor:
    """Return the log-probabilities of a fixed text's next tokens, (tokens, vocabulary), float32."""
    import torch

    ids: Any = loaded.tokenizer([PROBE], add_special_tokens=False)["input_ids"]
    with torch.inference_mode():
        logits = loaded.model(input_ids=torch.tensor(ids, device=loaded.device)).logits[0]
    return torch.log_softmax(logits.float(), -1).cpu()


def _link(folder: Path, to: Path, names: tuple[str, ...], base: LoadedModel) -> None:
    """Put files into a variant's folder without a second copy, where the disk allows that; the one that names the base is its own."""
    with staged(to) as stage:
        for name in names:
            source = (folder / name).resolve()
            if name == FILES[0]:
                shutil.copyfile(source, stage / name)
                settle_config(stage / name, base.ref)
                continue
            try:
                os.link(source, stage / name)
            except OSError:
                shutil.copyfile(source, stage / name)
