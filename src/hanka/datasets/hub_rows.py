"""Rows of a dataset on the hub, through the `datasets` library; no code of a repository is ever run.

Used by source `hub` and by own data given as `hub:…`. Everything that can go wrong outside (library not
installed, offline, gated, gone, script-only) becomes one DataError line.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hanka.errors import DataError, how_to_install

PREFIX = "hub:"
HUB_SECONDS = 10.0
"How long the hub may take to say that it is there."
UNREACHABLE = {"ConnectError", "ConnectionError", "ConnectTimeout", "TimeoutException"}
"Names of the errors by which HTTP libraries say that nobody answers."
OUT_OF_REACH = "the hub is out of reach: check the network, or use source mini or own files"


@dataclass(frozen=True, slots=True)
class HubAddress:
    """Where rows are on the hub."""

    repo: str
    "owner/name; or a packaged builder such as json, with data_files."
    config: str | None = None
    "Configuration; None for the only one."
    revision: str | None = None
    "Branch, tag or commit; None for the newest."
    split: str = "train"
    "Split name as the repository has it."
    data_files: Mapping[str, str] | None = None
    "Split → file, for packaged builders over local files."

    def __str__(self) -> str:
        revision = f"@{self.revision}" if self.revision else ""
        return f"{PREFIX}{self.repo}{revision}:{self.config or ''}:{self.split}"


def parse_address(text: str, default_split: str) -> HubAddress:
    """Read `hub:owner/name[@revision][:config][:split]`; raise DataError when it is not one."""
    repo, *rest = text.removeprefix(PREFIX).split(":")
    repo, _, revision = repo.partition("@")
    if repo.count("/") != 1 or not all(repo.split("/")) or len(rest) > 2:
        raise DataError(f"{text!r} is not a hub dataset: write hub:owner/name[@revision][:config][:split]")
    config, split = [*rest, "", ""][:2]
    return HubAddress(repo, config or None, revision or None, split or default_split)


def open_hub(address: HubAddress) -> Sequence[Mapping[str, Any]]:
    """Open the rows of one split, read from disk only when indexed. Raises DataError in one line."""
    try:
        from datasets.exceptions import DatasetsError

        from datasets import load_dataset
    except ImportError as error:
        raise DataError(f"{address} needs the library `datasets`: {how_to_install('hub')}") from error
    _require_reachable(address)
    try:
        rows: Sequence[Mapping[str, Any]] = load_dataset(
            address.repo,
            address.config,
            split=address.split,
            revision=address.revision,
            data_files=dict(address.data_files) if address.data_files else None,
        )
    except (OSError, ValueError, RuntimeError, DatasetsError) as error:
        raise DataError(f"{address} cannot be read: {_advice(error)}") from error
    return rows


def _require_reachable(address: HubAddress) -> None:
    """Raise DataError at once where the hub is out of reach and has to be asked; the library would try for half a minute."""
    import huggingface_hub

    import datasets

    cached = Path(datasets.config.HF_DATASETS_CACHE) / address.repo.replace("/", "___")
    if address.data_files or huggingface_hub.constants.HF_HUB_OFFLINE or cached.is_dir():
        return
    try:
        huggingface_hub.HfApi().dataset_info(address.repo, revision=address.revision, timeout=HUB_SECONDS)
    except Exception as error:  # the client lets its HTTP library's errors through, and changes that library
        if UNREACHABLE & {kind.__name__ for kind in type(error).__mro__}:
            raise DataError(f"{address} cannot be read: {OUT_OF_REACH}") from error


def _advice(error: Exception) -> str:
    """Say in one line what went wrong and what to do about it."""
    while isinstance(error.__cause__, Exception):
        error = error.__cause__
    reason = str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__
    low = reason.lower()
    if "gated" in low or "401" in low or "403" in low:
        return f"{reason}; accept its terms on the hub and log in (hf auth login)"
    if "script" in low:
        return f"{reason}; use the converted files: revision refs/convert/parquet"
    if isinstance(error, ConnectionError) or "connect" in low or "offline" in low or "couldn't reach" in low:
        return f"{reason}; {OUT_OF_REACH}"
    return reason
