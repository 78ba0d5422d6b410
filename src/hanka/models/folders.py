"""What a folder of weights is, told from its small files before anything is loaded. Light: no torch.

A folder that is taken for a plain causal model and is not one gives numbers of something else (an adapter folder is loaded with its
adapter by some libraries), or fails where nobody expects it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hanka.errors import ModelError
from hanka.store.cache import cache_root
from hanka.store.folder import read_json_or_none, write_json

CONTENT_FILES = ("*.safetensors", "*.json", "*.jinja", "*.model", "*.txt")
"Files whose contents make a folder what it is."
CLASSIFIERS = ("ForSequenceClassification", "ForTokenClassification", "ForQuestionAnswering", "ForMultipleChoice")
ENCODERS = ("ForMaskedLM", "ForPreTraining")


def is_adapter(folder: Path) -> bool:
    """Tell whether a folder holds an adapter in PEFT's layout."""
    return (folder / "adapter_config.json").is_file()


def adapter_config(folder: Path) -> dict[str, Any]:
    """Return an adapter's configuration. Raises ModelError in one line."""
    found = read_json_or_none(folder / "adapter_config.json")
    if not isinstance(found, dict):
        raise ModelError(f"{folder}: adapter_config.json is no JSON object; save the adapter with save_pretrained")
    if not (folder / "adapter_model.safetensors").is_file():
        raise ModelError(
            f"{folder}: holds no adapter_model.safetensors, and hanka loads nothing else; save it with save_pretrained"
        )
    return found


def require_causal_model(folder: Path) -> None:
    """Raise ModelError, in one line that says what a folder is, where it is no causal language model of its own."""
    weights = sorted(path.name for path in folder.glob("*.safetensors"))
    if is_adapter(folder):
        on = (read_json_or_none(folder / "adapter_config.json") or {}).get("base_model_name_or_path") or "another model"
        raise ModelError(
            f"{folder}: is an adapter for {on}, not a model: name that as base, and add `existing: {{path: {folder}}}` to "
            f"`methods`"
        )
    gguf = sorted(path.name for path in folder.glob("*.gguf"))
    if gguf and not weights:
        raise ModelError(f"{folder}: holds GGUF files: name one of them as base, such as {folder / gguf[0]}")
    config = read_json_or_none(folder / "config.json")
    if not isinstance(config, dict):
        return  # loading it says what is missing
    if (folder / "modules.json").is_file() or (folder / "config_sentence_transformers.json").is_file():
        raise ModelError(
            f"{folder}: is a sentence encoder: it cannot write or score text; name a causal language model"
        )
    _require_causal_architecture(folder, config)
    _require_fitting_tokenizer(folder, config)


def _require_causal_architecture(folder: Path, config: Mapping[str, Any]) -> None:
    names = [str(one) for one in config.get("architectures") or ()]
    if any("ForCausalLM" in name or "LMHead" in name for name in names):
        return
    said = ", ".join(names)
    if any(name.endswith(CLASSIFIERS) for name in names):
        raise ModelError(
            f"{folder}: is a classifier ({said}): it has no head that writes; name a causal language model"
        )
    if config.get("is_encoder_decoder"):
        raise ModelError(f"{folder}: is an encoder-decoder model ({said}); hanka adapts causal language models")
    if any(name.endswith(ENCODERS) or "Bert" in name for name in names):
        raise ModelError(f"{folder}: is an encoder ({said}): it cannot write; name a causal language model")


def _require_fitting_tokenizer(folder: Path, config: Mapping[str, Any]) -> None:
    """Raise ModelError where the tokenizer has ids for which the embedding has no row."""
    rows = config.get("vocab_size", (config.get("text_config") or {}).get("vocab_size"))
    largest = largest_id(folder)
    if isinstance(rows, int) and largest is not None and largest >= rows:
        raise ModelError(
            f"{folder}: its tokenizer has ids up to {largest:,} and its embedding {rows:,} rows, so some tokens have no vector: "
            f"the tokenizer belongs to another model, or the embedding was not resized before saving"
        )


def largest_id(folder: Path) -> int | None:
    """Return the largest token id of a folder's tokenizer.json; None without a readable one."""
    path = folder / "tokenizer.json"
    try:
        with path.open(encoding="utf-8") as handle:
            found = json.load(handle)
    except (OSError, ValueError):
        return None
    vocabulary = (found.get("model") or {}).get("vocab") or {}
    ids = list(vocabulary.values()) if isinstance(vocabulary, dict) else list(range(len(vocabulary)))
    ids += [one["id"] for one in found.get("added_tokens") or ()]
    return max((one for one in ids if isinstance(one, int)), default=None)


def folder_hash(folder: Path) -> str:
    """Hash the files of a folder of weights. Raises ModelError where it holds no safetensors."""
    files = sorted({path for pattern in CONTENT_FILES for path in folder.glob(pattern) if path.is_file()})
    if not any(path.suffix == ".safetensors" for path in files):
        raise ModelError(f"{folder}: holds no *.safetensors weights; save the model with save_pretrained there")
    return content_hash(files, folder)


def file_hash(path: Path) -> str:
    """Hash one file by its content alone, whatever it is called."""
    return content_hash([path], path, named=False)


def content_hash(files: Sequence[Path], of: Path, *, named: bool = True) -> str:
    """Hash files; remembered in the cache by path, size and time, so each is read once.

    of: what they belong to; named: whether their names count.
    """
    stamp = [[path.name, path.stat().st_size, path.stat().st_mtime_ns] for path in files]
    note = cache_root() / "hashes" / f"{hashlib.sha256(str(of).encode()).hexdigest()[:16]}.json"
    known = read_json_or_none(note)
    if isinstance(known, dict) and known.get("stamp") == stamp:
        return str(known["sha256"])
    digest = hashlib.sha256()
    for path in files:
        digest.update(path.name.encode() if named else b"")
        with path.open("rb") as handle:
            digest.update(hashlib.file_digest(handle, "sha256").digest())
    write_json(note, {"folder": str(of), "stamp": stamp, "sha256": digest.hexdigest()})
    return digest.hexdigest()
