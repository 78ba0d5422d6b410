"""How a tuner's files come to exist: all of them in a place of their own first, then moved; config.json last."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from hanka.store.leftovers import scratch_folder

UNFINISHED = "unfinished"
"What the folder is called in which a variant's files are written, beside them."


@contextlib.contextmanager
def staged(folder: Path) -> Iterator[Path]:
    """Give an empty folder to write into; its files move into `folder` when the block ends well, none otherwise."""
    with scratch_folder(folder / UNFINISHED) as stage:
        yield stage
        for path in sorted(stage.iterdir(), key=lambda path: (path.name.endswith("config.json"), path.name)):
            path.replace(folder / path.name)
