"""Parameters of `existing`, and finding what they name. Light: no torch."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pydantic import Field

from hanka.errors import ModelError, PathError
from hanka.methods.contract import MethodParams
from hanka.models.catalogue import on_hub
from hanka.models.folders import adapter_config, file_hash, folder_hash, is_adapter, require_causal_model
from hanka.models.identity import pin_revision
from hanka.registry import OneOrMore
from hanka.store.paths import as_path, shown

PROMPT_KINDS = ("PREFIX_TUNING", "PROMPT_TUNING", "P_TUNING", "MULTITASK_PROMPT_TUNING", "ADAPTION_PROMPT", "CPT")
"Adapters that put something before a row."


class ExistingParams(MethodParams):
    """Which weights, and what they were made for."""

    path: str = Field(min_length=1)
    "Folder or hub id (owner/name[@revision]) of an adapter in PEFT's layout, a checkpoint or a merged model, or a GGUF file; made on the base."
    merge: bool = False
    "Fold an adapter into the base's weights before it answers, as it is often served."
    trained_on: OneOrMore | None = None
    "Data sets of the study that it was tuned for, `task` and `domain` of each are enough; in and out of domain follow (default: not declared, nothing is in domain)."
    sha256: str = Field(default="", pattern="^([0-9a-f]{64})?$")
    "Of its files; filled in, and checked where it is given."

    @property
    def left_out_of_ids(self) -> tuple[str, ...]:
        """Leave out what they were made for, and where they are once their hash is known."""
        return ("path", "trained_on") if self.sha256 else ("trained_on",)

    @property
    def found(self) -> Mapping[str, str]:
        """Return where the weights are, and their hash."""
        return {"path": self.path, "sha256": self.sha256}

    @property
    def folds_weights(self) -> bool:
        """Tell whether an adapter is folded in."""
        return self.merge


def located(params: ExistingParams, base_dir: Path) -> ExistingParams:
    """Find the weights and say what they are by their hash. Raises ModelError in one line."""
    folder = _place(params.path, base_dir)
    if folder is None:
        if on_hub(params.path) is None:
            raise ModelError(
                f"{shown(params.path)} is no folder, no GGUF file and no hub id (owner/name[@revision]): give one of these"
            )
        return params
    if not folder.is_dir():
        if params.merge:
            raise ModelError(f"{folder}: is a whole model, and `merge` folds an adapter in; leave it out")
    elif is_adapter(folder):
        kind = str(adapter_config(folder).get("peft_type", ""))
        if kind in PROMPT_KINDS:
            raise ModelError(
                f"{folder}: is an adapter of kind {kind}, which puts tokens before a row; hanka reads kinds that change layers"
            )
    else:
        require_causal_model(folder)
        if params.merge:
            raise ModelError(f"{folder}: is a whole model, and `merge` folds an adapter in; leave it out")
    found = folder_hash(folder) if folder.is_dir() else file_hash(folder)
    if params.sha256 and params.sha256 != found:
        raise ModelError(
            f"{folder}: its files have sha256 {found[:12]}…, and the study says {params.sha256[:12]}…: they changed"
        )
    return params.model_copy(update={"path": str(folder), "sha256": found})


def pinned(params: ExistingParams, ask_hub: bool) -> ExistingParams:
    """Name the commit that a hub revision stands for, as far as it can be known; what is in a folder stays as it is.

    ask_hub: whether the hub may be asked. Raises ModelError in one line where it was asked in vain.
    """
    ref = on_hub(params.path)
    if ref is None:
        return params
    try:
        found = pin_revision(ref, ask_hub)
    except ModelError as error:
        why = " ".join(str(error.__cause__).split())[:200]
        raise ModelError(
            f"the hub does not say which commit {ref.revision} of {ref.hub_id} is ({why}): check the id, go online once, or "
            f"name the commit: {ref.hub_id}@<40 digits>"
        ) from error
    return params if found == ref else params.model_copy(update={"path": f"{ref.hub_id}@{found.revision}"})


def _place(name: str, base_dir: Path) -> Path | None:
    """Return the folder or GGUF file of a name; None where it is neither."""
    for root in (base_dir, Path.cwd()):
        try:
            folder = as_path(name, root)
        except PathError:
            return None
        if folder.is_dir() or (folder.is_file() and folder.suffix == ".gguf"):
            return folder.resolve()
    return None
