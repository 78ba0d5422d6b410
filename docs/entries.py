"""Prints, for every entry of every registry, what adding it touches: its own files, the line that lists it, its words.

`python docs/entries.py [KIND …]`. Own files: where the entry is defined (a folder of its own: all of it), and modules that
nothing but these imports. An entry of another package is listed by a line of that package's metadata. Needs no torch.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import hanka
from hanka.registry import Registry
from hanka.report.words import LANGUAGES

ROOT = Path(hanka.__file__).parent
REGISTRIES = {
    "hanka.tasks": "TASKS", "hanka.datasets": "SOURCES", "hanka.metrics": "METRICS", "hanka.tasks.verifiers": "VERIFIERS",
    "hanka.methods": "METHODS", "hanka.engines": "ENGINES", "hanka.tuners": "TUNERS", "hanka.training.objectives": "OBJECTIVES",
    "hanka.recipes": "RECIPES", "hanka.contexts": "CONTEXTS", "hanka.probes": "PROBES",
    "hanka.guardrails": "DETECTORS",
    "hanka.analysis.questions": "QUESTIONS", "hanka.models.listed": "MODELS", "hanka.models.encoder": "ENCODERS",
}  # fmt: skip
"Module → the list in it."


class Touched(NamedTuple):
    """What adding one entry touches."""

    kind: str
    "Kind of entry."
    name: str
    "Its name."
    files: tuple[str, ...]
    "Its own files, relative to the package."
    n_lines: int
    "Lines of these."
    listed: str
    "Where it is listed."
    n_words: int
    "Words of the report that are its own, in each language."


@lru_cache(maxsize=1024)
def tree(path: Path) -> ast.Module:
    """Return a module as parsed."""
    return ast.parse(path.read_text(encoding="utf-8"))


def imports(path: Path, names: frozenset[str] = frozenset()) -> set[Path]:
    """Return the modules of the package that a module imports; names: only in these functions."""
    nodes = [node for node in tree(path).body if not names or getattr(node, "name", "") in names]
    found = {one.module for one in statements(nodes) if isinstance(one, ast.ImportFrom) and one.module}
    places = (ROOT.parent / Path(*module.split(".")) for module in found if module.startswith("hanka."))
    return {path for place in places for path in (place.with_suffix(".py"), place / "__init__.py") if path.is_file()}


def statements(nodes: Sequence[ast.stmt]) -> Iterator[ast.AST]:
    """Yield statements and all that stand in them; expressions hold none."""
    for node in nodes:
        yield node
        for part in ("body", "handlers", "orelse", "finalbody", "cases"):
            yield from statements(getattr(node, part, ()))


@lru_cache(maxsize=1)
def importers() -> dict[Path, set[Path]]:
    """Return module → the modules that import it."""
    found: dict[Path, set[Path]] = {}
    for path in ROOT.rglob("*.py"):
        for one in imports(path):
            found.setdefault(one, set()).add(path)
    return found


@cache
def held(module: str) -> Mapping[int, list[str]]:
    """Return the names of whatever a module holds, by its identity."""
    found: dict[int, list[str]] = {}
    for name, value in list(vars(sys.modules[module]).items()):
        found.setdefault(id(value), []).append(name)
    return found


def defined(entry: Any, listing: Path) -> tuple[Path, frozenset[str]]:
    """Return the file an entry is defined in; where that is the list itself, the functions it names there, too."""
    for module in list(sys.modules):
        names = held(module).get(id(entry), [])
        path = Path(getattr(sys.modules[module], "__file__", None) or "none.py") if names else ROOT
        if names and path.suffix == ".py" and path.is_file():
            targets = {one.id for node in tree(path).body if isinstance(node, ast.Assign) for one in node.targets if isinstance(one, ast.Name)}  # fmt: skip
            if targets & set(names):
                return path, frozenset()
    own = (getattr(entry, name) for name in type(entry).__dataclass_fields__)
    return listing, frozenset(one.__name__ for one in own if inspect.isfunction(one))


def own_files(path: Path, names: frozenset[str], listing: Path) -> list[Path]:
    """Return an entry's own files: none where it is defined in the list and nothing else is its own."""
    files = {path} - {listing}
    if path.name == "__init__.py" and path != listing:
        files |= set(path.parent.rglob("*.py"))
    if path != listing or names:
        sources = files or {path}
        wanted = {one for source in sources if source.is_relative_to(ROOT) for one in imports(source, names)}
        files |= {one for one in wanted if importers().get(one, set()) <= {*sources, path} and one != listing}
    return sorted(files)


def line_of(name: str, listing: Path, registry: Registry[Any], entry: Any) -> str:
    """Return where an entry is listed."""
    point = registry._points().get(name)
    if point is not None:
        return f"{point.dist.name if point.dist else 'metadata'}: {point.name} = {point.value}"
    calls = [node for node in ast.walk(tree(listing)) if isinstance(node, ast.Call)]
    (call,) = [one for one in calls if isinstance(one.func, ast.Name) and one.func.id == "Registry"]
    listed = call.args[1]
    assert isinstance(listed, ast.List | ast.Dict)
    at = (listed.elts if isinstance(listed, ast.List) else listed.values)[registry.names().index(name)]
    last = f"-{at.end_lineno}" if at.end_lineno != at.lineno else ""
    return f"{listing.relative_to(ROOT)}:{at.lineno}{last}"


def touched(kinds: list[str]) -> Iterator[Touched]:
    """Yield every entry of some kinds; none named: of all."""
    for module, attribute in REGISTRIES.items():
        registry: Registry[Any] = getattr(importlib.import_module(module), attribute)
        listing = Path(str(importlib.import_module(module).__file__))
        for entry in registry if not kinds or registry.kind in kinds else ():
            files = own_files(*defined(entry, listing), listing)
            top = ROOT if all(path.is_relative_to(ROOT) for path in files) else files[0].parents[1]
            yield Touched(
                registry.kind,
                entry.name,
                tuple(str(path.relative_to(top)) for path in files),
                sum(len(path.read_text(encoding="utf-8").splitlines()) for path in files),
                line_of(entry.name, listing, registry, entry),
                sum(key == f"{registry.kind}_{entry.name}" for key in LANGUAGES["en"]),
            )


if __name__ == "__main__":
    for one in touched(sys.argv[1:]):
        files = ", ".join(one.files) or "(in the list)"
        print(f"{one.kind:9} {one.name:22} {files} ({one.n_lines} lines) | {one.listed} | {one.n_words} words")
