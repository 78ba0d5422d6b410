"""How large things are before a model is loaded: tokens of a text, bytes of a token's keys and values; guesses where it is not here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from hanka.models.catalogue import ModelRef
from hanka.models.vocabulary import model_folder
from hanka.store.folder import read_json_or_none

T = TypeVar("T")

CHARACTERS_PER_TOKEN = 4.0
SAMPLE = 40
"Rows measured per dataset."


def cached_bytes(model: ModelRef, weights: int) -> int:
    """Return the bytes of a token's keys and values: from the model's configuration if it is here, else a guess."""
    folder = model_folder(model)
    config = (read_json_or_none(folder / "config.json") if folder else None) or {}
    heads = config.get("num_attention_heads")
    if not (heads and config.get("hidden_size") and config.get("num_hidden_layers")):
        return weights // 5000
    width = config.get("head_dim") or config["hidden_size"] // heads
    return int(2 * config["num_hidden_layers"] * (config.get("num_key_value_heads") or heads) * width * 4)


def token_counter(model: ModelRef) -> Callable[[str], float]:
    """Return a function that counts tokens: the model's tokenizer if it is here, else characters / 4."""
    folder = model_folder(model)
    path = folder / "tokenizer.json" if folder else None
    if path is None or not path.is_file():
        return lambda text: len(text) / CHARACTERS_PER_TOKEN
    try:
        from tokenizers import Tokenizer
    except ImportError:
        return lambda text: len(text) / CHARACTERS_PER_TOKEN
    tokenizer = Tokenizer.from_file(str(path))
    return lambda text: float(len(tokenizer.encode(text, add_special_tokens=False).ids))


def spread(rows: Sequence[T]) -> Sequence[T]:
    """Return about `SAMPLE` rows, evenly spread; all where there are fewer."""
    return rows[:: max(1, len(rows) // SAMPLE)]
