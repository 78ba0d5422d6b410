"""What a server answered, kept as it comes: a request that was answered is never sent again.

One line of JSON per answer in the folder of the variant. A line that a killed process left unfinished is passed over. The key
of an answer holds the whole request and its number among equal ones, so drawing n times gives n answers.
"""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from hanka.identity import canonical, sha256_text
from hanka.store.folder import make_folder

RESPONSES = "responses.jsonl"


class Kept(NamedTuple):
    """One answer."""

    value: Any
    "What was read of it."
    seconds: float
    "How long it took."


class Responses:
    """The answers of one variant; without a folder they are kept in memory alone."""

    def __init__(self, folder: Path | None) -> None:
        self._path = None if folder is None else folder / RESPONSES
        self._lock = threading.Lock()
        self._known: dict[str, Kept] = {}
        self._ends_open = False
        if self._path is not None and self._path.is_file():
            self._read(self._path)

    def _read(self, path: Path) -> None:
        text = path.read_text(encoding="utf-8", errors="replace")
        self._ends_open = bool(text) and not text.endswith("\n")
        for line in text.splitlines():
            try:
                one = json.loads(line)
                self._known[one["key"]] = Kept(one["value"], float(one["seconds"]))
            except (ValueError, KeyError, TypeError):  # the line a killed process left
                continue

    def get(self, key: str) -> Kept | None:
        """Return a kept answer."""
        return self._known.get(key)

    def keep(self, key: str, kept: Kept) -> None:
        """Keep an answer, here and on disk."""
        with self._lock:
            self._known[key] = kept
            if self._path is None:
                return
            make_folder(self._path.parent)
            line = json.dumps({"key": key, "seconds": round(kept.seconds, 4), "value": kept.value}, ensure_ascii=True)
            with self._path.open("a", encoding="utf-8") as handle:
                handle.write(("\n" if self._ends_open else "") + line + "\n")
            self._ends_open = False


def request_keys(path: str, bodies: list[Mapping[str, Any]], looked_for: Sequence[Any] = ()) -> list[str]:
    """Return the key of every request: what it asks, what is kept of the answer, and its number among its equals."""
    seen: Counter[str] = Counter()
    keys = []
    for at, body in enumerate(bodies):
        asked = sha256_text(canonical([path, body, *looked_for[at : at + 1]]))
        keys.append(f"{asked[:32]}-{seen[asked]}")
        seen[asked] += 1
    return keys
