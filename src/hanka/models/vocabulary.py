"""Whether two tokenizers mean the same by a token id. Light: no torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from hanka.errors import ModelError


class Spelling(Protocol):
    """What is needed of a tokenizer; any transformers tokenizer fits."""

    def get_vocab(self) -> Mapping[str, int]:
        """Return ids by token."""
        ...


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
