"""Another package as an installation leaves it: its modules and its metadata on the path, without pip."""

from __future__ import annotations

import importlib
import sys
import tomllib
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest

from hanka import registry
from hanka.analysis.questions import QUESTIONS
from hanka.contexts import CONTEXTS
from hanka.datasets import SOURCES
from hanka.engines import ENGINES
from hanka.guardrails import DETECTORS
from hanka.methods import METHODS
from hanka.metrics import METRICS
from hanka.models.listed import MODELS
from hanka.probes import PROBES
from hanka.recipes import RECIPES
from hanka.registry import Registry
from hanka.tasks import TASKS
from hanka.tasks.verifiers import VERIFIERS
from hanka.training.objectives import OBJECTIVES
from hanka.tuners import TUNERS

PACKAGE = Path(__file__).parents[1] / "plugin"
REGISTRIES: dict[str, Registry[Any]] = {
    one.kind: one
    for one in (
        TASKS, SOURCES, METRICS, VERIFIERS, METHODS, ENGINES, TUNERS, OBJECTIVES, RECIPES, CONTEXTS, PROBES, QUESTIONS, MODELS,
        DETECTORS,
    )
}  # fmt: skip


def declared(package: Path = PACKAGE) -> dict[str, str]:
    """Read the entry points that a package declares."""
    said = tomllib.loads((package / "pyproject.toml").read_text(encoding="utf-8"))
    points: dict[str, str] = said["project"]["entry-points"]["hanka"]
    return points


def write_metadata(folder: Path, points: dict[str, str], name: str = "hanka-extra", version: str = "1.0") -> Path:
    """Write what an installer writes beside a package's modules; returns the folder, for the path."""
    info = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir(parents=True, exist_ok=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n", encoding="utf-8")
    lines = ["[hanka]", *(f"{point} = {value}" for point, value in points.items())]
    (info / "entry_points.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def install(patch: pytest.MonkeyPatch, *paths: Path) -> None:
    """Put packages on the path of this process; registries and modules are as before once `patch` is undone."""
    patch.setattr("hanka.registry._plugins", lru_cache(maxsize=1)(registry._plugins.__wrapped__))
    for one in REGISTRIES.values():
        patch.setattr(one, "_found", None)
        patch.setattr(one, "_added", {})
    forget("hanka_extra", patch)
    for path in paths:
        patch.syspath_prepend(path)
    importlib.invalidate_caches()


def forget(package: str, patch: pytest.MonkeyPatch) -> None:
    """Let a package be imported anew."""
    for name in [name for name in sys.modules if name.partition(".")[0] == package]:
        patch.delitem(sys.modules, name)


def python_path(*paths: Path) -> str:
    """Return PYTHONPATH for a process that finds these packages, and the hanka of this one."""
    import hanka

    found: Iterable[Path] = (*paths, Path(hanka.__file__).parents[1])
    return ":".join(str(path) for path in found)
