"""The base models of a study: names become references, checked as far as that is possible without loading them."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from hanka.errors import HankaError, StudyError
from hanka.models.catalogue import ModelRef, find_model
from hanka.models.encoder import find_encoder
from hanka.models.folders import require_causal_model
from hanka.models.fresh import fresh_model
from hanka.models.identity import model_identity
from hanka.models.quantised import require_loadable
from hanka.study.schema import BaseModelSpec, StudySpec
from hanka.study.source import Key, StudySource

COMMIT = re.compile(r"[0-9a-f]{40}")
"A revision that cannot move."


def resolve_bases(source: StudySource, spec: StudySpec, base_dir: Path, overridden: bool) -> tuple[ModelRef, ...]:
    """Find every base model; `overridden`: it comes from the command line, so no line of the file is to blame."""
    several = isinstance(source.values.get("base"), list)
    found: list[ModelRef] = []
    identities: list[dict[str, Any]] = []
    for index, base in enumerate(spec.base):
        key: Key = ("base", index) if several else ("base",)
        try:
            model = _find(base, base_dir)
            identity = model_identity(model)
            if model.kind == "folder" and model.folder is not None:
                require_causal_model(model.folder)
        except HankaError as error:
            if overridden:
                raise StudyError(f"--base: {error}") from None
            raise source.error(key, str(error)) from None
        if base.trust_remote_code and model.kind == "hub" and not COMMIT.fullmatch(model.revision):
            raise source.error(
                key,
                f"trust_remote_code runs {model.hub_id}'s own code and needs a pinned revision (a full "
                f"commit, 40 digits), not {model.revision!r}: write model: {model.hub_id}@<commit>",
            )
        if any(model.name == other.name for other in found):
            raise source.error(key, f"{model.name!r} stands twice; keep one, or give one another `name:`")
        if identity in identities:
            same = found[identities.index(identity)].name
            raise source.error(key, f"{model.name!r} is the same model as {same!r}; keep one")
        found.append(model)
        identities.append(identity)
    return tuple(found)


def _find(base: BaseModelSpec, base_dir: Path) -> ModelRef:
    if base.fresh is not None:
        return fresh_model(base.fresh, base.seed, base_dir, base.name)
    if base.encoder:
        found = find_encoder(base.encoder)
    else:
        found = replace(find_model(base.model, base_dir, base.trust_remote_code), load=base.load or "")
        require_loadable(found)
    return replace(found, name=base.name) if base.name else found
