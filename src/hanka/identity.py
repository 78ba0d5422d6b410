"""Content ids and seeded streams: equal content, equal id; equal purpose, equal random numbers.

Ids are the first 16 hex digits of the SHA-256 of canonical JSON (sorted keys, no spaces, UTF-8).
What is meant to change a number goes in; how it was computed (device, batch size, workers) stays out.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    from hanka.records import Example


def canonical(value: Any) -> str:
    """Write `value` as canonical JSON; NaN and infinities raise ValueError."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def sha256_text(text: str) -> str:
    """Return the hex SHA-256 of UTF-8 text; lone surrogates are kept as escapes."""
    return hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()


def content_id(value: Mapping[str, Any]) -> str:
    """Return the 16-digit content id of a JSON-like mapping."""
    return sha256_text(canonical(value))[:16]


def fingerprint(examples: Iterable[Example]) -> str:
    """Return the SHA-256 of the examples in order: ids, fields, targets and groups."""
    digest = hashlib.sha256()
    for example in examples:
        row = [example.id, dict(example.fields), example.target, example.group]
        digest.update(canonical(row).encode("utf-8", "backslashreplace"))
        digest.update(b"\n")
    return digest.hexdigest()


def stream_seed(*purpose: str | int) -> int:
    """Derive a 63-bit seed from a purpose such as (study seed, "demonstrations", dataset, draw)."""
    return int(sha256_text(canonical(list(purpose)))[:16], 16) >> 1


def stream(*purpose: str | int) -> np.random.Generator:
    """Return the numpy generator of a purpose; the same purpose gives the same numbers."""
    import numpy as np

    return np.random.default_rng(stream_seed(*purpose))
