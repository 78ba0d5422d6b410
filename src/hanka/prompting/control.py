"""Control tokens in data: spelt as text, so that no row can end its own turn or open another one.

A tokenizer reads `<|im_end|>` as one control token wherever it stands. In text that comes from data (fields, demonstrations, targets,
messages) hanka puts `SPLIT` into each such word before a template sees it, and encodes what is on either side by itself: the same
characters, other tokens. Cost: only in texts that hold one, a token may end where it would have gone on.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

from hanka.prompting.encoded import Ids, Tokenizer

SPLIT = "\ufdd0"
"A noncharacter of Unicode, which no text that is exchanged holds."


def control_tokens(tokenizer: Tokenizer) -> tuple[str, ...]:
    """Return what a tokenizer reads as control tokens, longest first; empty where it knows none."""
    added = getattr(tokenizer, "added_tokens_decoder", None) or {}
    found = {one.content for one in added.values() if one.special}
    found |= set(getattr(tokenizer, "all_special_tokens", ()))
    return tuple(sorted((one for one in found if one), key=lambda one: (-len(one), one)))


@lru_cache(maxsize=64)
def _pattern(control: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(map(re.escape, control)) or r"(?!)")


def as_text(text: str, control: tuple[str, ...]) -> str:
    """Return a text of data with its control tokens marked as text; unmark them with `plain`."""
    return _pattern(control).sub(lambda match: match[0][:1] + SPLIT + match[0][1:], plain(text)) if control else text


def holds_control(texts: Iterable[str], control: tuple[str, ...]) -> bool:
    """Tell whether any of some texts holds a control token."""
    pattern = _pattern(control)
    return any(pattern.search(text) for text in texts)


def plain(text: str) -> str:
    """Return a text without marks."""
    return text.replace(SPLIT, "") if SPLIT in text else text


def encode(tokenizer: Tokenizer, texts: Sequence[str]) -> list[Ids]:
    """Encode texts without special tokens of their own; on either side of a mark by itself."""
    if not texts:
        return []
    if not any(SPLIT in text for text in texts):
        found: list[Ids] = tokenizer(list(texts), add_special_tokens=False)["input_ids"]
        return found
    pieces = [text.split(SPLIT) for text in texts]
    ids = iter(encode(tokenizer, [piece for one in pieces for piece in one]))
    return [[token for _ in one for token in next(ids)] for one in pieces]
