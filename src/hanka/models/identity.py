"""What identifies a base model, before and without loading it. Light: no torch."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from hanka.errors import ModelError
from hanka.models.catalogue import ModelRef
from hanka.store.cache import cache_root
from hanka.store.folder import read_json_or_none, write_json

CONTENT_FILES = ("*.safetensors", "*.json", "*.jinja", "*.model", "*.txt")


def model_identity(ref: ModelRef) -> dict[str, Any]:
    """Return what enters content ids: package hash, hub id and revision, or the hash of a local folder."""
    if ref.kind == "wheel":
        assert ref.entry is not None
        assert ref.entry.wheel is not None
        return {"wheel": ref.entry.wheel.package, "sha256": ref.entry.wheel.member_sha256}
    if ref.kind == "hub":
        return {"hub": ref.hub_id, "revision": ref.revision}
    assert ref.folder is not None
    return {"folder_sha256": _folder_hash(ref.folder)}


def _folder_hash(folder: Path) -> str:
    """Hash a model folder's files; remembered in the cache by path, size and time, so it is read once."""
    files = sorted({path for pattern in CONTENT_FILES for path in folder.glob(pattern) if path.is_file()})
    if not any(path.suffix == ".safetensors" for path in files):
        raise ModelError(f"{folder}: holds no *.safetensors weights; save the model with save_pretrained there")
    stamp = [[path.name, path.stat().st_size, path.stat().st_mtime_ns] for path in files]
    note = cache_root() / "hashes" / f"{hashlib.sha256(str(folder).encode()).hexdigest()[:16]}.json"
    known = read_json_or_none(note)
    if isinstance(known, dict) and known.get("stamp") == stamp:
        return str(known["sha256"])
    digest = hashlib.sha256()
    for path in files:
        digest.update(path.name.encode())
        with path.open("rb") as handle:
            digest.update(hashlib.file_digest(handle, "sha256").digest())
    write_json(note, {"folder": str(folder), "stamp": stamp, "sha256": digest.hexdigest()})
    return digest.hexdigest()


def n_parameters(ref: ModelRef) -> int | None:
    """Return the number of parameters if it is known without loading: from the catalogue, or from file sizes."""
    if ref.entry is not None:
        return ref.entry.n_parameters
    if ref.folder is not None:
        config = read_json_or_none(ref.folder / "config.json") or {}
        width = 2 if "16" in str(config.get("dtype") or config.get("torch_dtype") or "") else 4
        return sum(path.stat().st_size for path in ref.folder.glob("*.safetensors")) // width
    return None
