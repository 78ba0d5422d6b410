"""How a tuner's files come to exist: all of them in a place of their own first, then moved; config.json last."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

UNFINISHED = ".unfinished"
"Folder beside the files of a variant in which they are written; one that a killed process left is cleared."


@contextlib.contextmanager
def staged(folder: Path) -> Iterator[Path]:
    """Give an empty folder to write into; its files move into `folder` when the block ends well, none otherwise."""
    stage = folder / UNFINISHED
    shutil.rmtree(stage, ignore_errors=True)
    stage.mkdir(parents=True)
    try:
        yield stage
        for path in sorted(stage.iterdir(), key=lambda path: (path.name.endswith("config.json"), path.name)):
            path.replace(folder / path.name)
    finally:
        shutil.rmtree(stage, ignore_errors=True)
