"""What files and tables of a run show of what a study names: no path of the machine it was run on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hanka.models.catalogue import ModelRef
from hanka.store.cache import cache_root
from hanka.store.paths import is_place
from hanka.study.places import tail
from hanka.study.resolved import Study


def shown_params(study: Study, params: Any, found: Sequence[str] = ()) -> Any:
    """Return parameters with bases by what tables call them, and places by what the study is shown to say.

    found: values that are places, where they are; without them such values stay.
    """
    if isinstance(params, dict):
        return {name: shown_params(study, value, found) for name, value in params.items()}
    if isinstance(params, list):
        return [shown_params(study, value, found) for value in params]
    if not isinstance(params, str):
        return params
    if is_place(params) and params in found:
        return study.source.shown.get(params) or tail(Path(params), study.base_dir, {})
    return next((model.name for model in study.models if model.is_called(params)), params)


def without_places(study: Study, run: Path, text: str) -> str:
    """Return a message with what it says of places as the study is shown to say it; run: folder of the run."""
    known = {str(model.folder): model.name for model in _places_of(study)}
    known |= {path: name for path, name in study.source.shown.items() if is_place(path)}
    for folder in (run, study.base_dir, cache_root(), Path.cwd(), Path.home()):
        for one in (folder, folder.resolve()):
            known.setdefault(str(one), "")
    for path, name in sorted(known.items(), key=lambda one: -len(one[0])):
        if len(path) > 1:
            text = text.replace(f"{path}/", f"{name}/" if name else "").replace(path, name or ".")
    return text


def _places_of(study: Study) -> list[ModelRef]:
    return [model for model in study.models if model.folder is not None]
