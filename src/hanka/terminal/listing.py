"""What is registered, as tables generated from the registries."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Protocol

from hanka.errors import HankaError, nearest
from hanka.terminal.result_tables import console

if TYPE_CHECKING:
    from pydantic import BaseModel

Rows = tuple[tuple[str, ...], list[tuple[str, ...]]]


def print_listing(what: str) -> None:
    """Print one registry as a table. Raises HankaError for an unknown one."""
    from rich.markup import escape
    from rich.table import Table

    if what not in LISTINGS:
        raise HankaError(f"nothing is called {what!r} here: {nearest(what, LISTINGS)} (allowed: {', '.join(LISTINGS)})")
    columns, rows = LISTINGS[what]()
    table = Table(*columns)
    for row in rows:
        table.add_row(*[escape(text) for text in row])
    console().print(table)


def _tasks() -> Rows:
    from hanka.tasks import TASKS

    rows: list[tuple[str, ...]] = [
        (
            one.name,
            one.kind,
            ", ".join(one.inputs),
            ", ".join(one.labels),
            ", ".join(one.prompts),
            one.metrics[0],
            one.description,
        )
        for one in TASKS
    ]
    return ("task", "kind", "fields", "labels", "prompts", "primary metric", "what"), rows


def _datasets() -> Rows:
    from hanka.datasets import SOURCES
    from hanka.datasets.base import entries

    rows: list[tuple[str, ...]] = []
    for source in SOURCES:
        for dataset in entries(source):
            role = _role(source.roles, dataset.task, dataset.name)
            rows.append((source.name, dataset.task, dataset.name, dataset.domain, role, dataset.licence))
    return ("source", "task", "dataset", "domain", "default role", "licence"), rows


def _role(roles: object, task: str, name: str) -> str:
    from collections.abc import Mapping

    assert isinstance(roles, Mapping)
    if task not in roles:
        return ""
    found = roles[task]
    words = [("train", (found.train,)), ("in domain", found.in_domain), ("out of domain", found.out_of_domain)]
    return ", ".join(word for word, names in words if name in names)


def _methods() -> Rows:
    from hanka.methods import METHODS

    return _entries("method", METHODS)


def _tuners() -> Rows:
    from hanka.tuners import TUNERS

    return _entries("tuner", TUNERS)


def _objectives() -> Rows:
    from hanka.training.objectives import OBJECTIVES

    return _entries("objective", OBJECTIVES)


def _recipes() -> Rows:
    from hanka.recipes import RECIPES

    return _entries("recipe", RECIPES)


def _contexts() -> Rows:
    from hanka.contexts import CONTEXTS

    return _entries("context", CONTEXTS)


def _engines() -> Rows:
    from hanka.engines import ENGINES

    rows = [(one.name, one.description, ", ".join(sorted(one.answers)), one.reference) for one in ENGINES]
    return ("engine", "what", "gives", "reference"), list(rows)


def _metrics() -> Rows:
    from hanka.metrics import METRICS

    better = {True: "higher", False: "lower", None: "descriptive"}
    rows: list[tuple[str, ...]] = [
        (one.name, one.display, ", ".join(one.kinds), better[one.higher_is_better], one.reference) for one in METRICS
    ]
    return ("metric", "shown as", "kinds", "better", "reference"), rows


def _verifiers() -> Rows:
    from hanka.tasks.verifiers import VERIFIERS

    return _entries("verifier", VERIFIERS)


def _probes() -> Rows:
    from hanka.probes import PROBES

    rows: list[tuple[str, ...]] = [
        (one.name, one.description, one.needs, ", ".join(one.params.model_fields), one.reference) for one in PROBES
    ]
    return ("probe", "what", "needs", "parameters", "reference"), rows


def _questions() -> Rows:
    from hanka.analysis.questions import QUESTIONS

    return ("question", "what", "reference"), [(one.name, one.description, one.reference) for one in QUESTIONS]


def _models() -> Rows:
    from hanka.models.catalogue import MODELS

    rows: list[tuple[str, ...]] = []
    for one in MODELS:
        size = f"{one.wheel.size / 1e6:.0f} MB" if one.wheel else ""
        where = f"package {one.wheel.package} {one.wheel.version}" if one.wheel else one.hub_id
        rows.append(
            (one.name, where, f"{one.n_parameters / 1e6:,.0f} M", size, one.licence, one.note or one.description)
        )
    return ("model", "from", "parameters", "download", "licence", "note"), rows


class Described(Protocol):
    """An entry with parameters."""

    @property
    def name(self) -> str:
        """Its name."""
        ...

    @property
    def description(self) -> str:
        """One line."""
        ...

    @property
    def params(self) -> type[BaseModel]:
        """Its parameters."""
        ...

    @property
    def reference(self) -> str:
        """Its source."""
        ...


def _entries(kind: str, found: Iterable[Described]) -> Rows:
    """List entries that have parameters."""
    rows: list[tuple[str, ...]] = [
        (one.name, one.description, ", ".join(one.params.model_fields), one.reference) for one in found
    ]
    return (kind, "what", "parameters", "reference"), rows


LISTINGS: dict[str, Callable[[], Rows]] = {
    "tasks": _tasks,
    "datasets": _datasets,
    "methods": _methods,
    "tuners": _tuners,
    "objectives": _objectives,
    "recipes": _recipes,
    "contexts": _contexts,
    "metrics": _metrics,
    "verifiers": _verifiers,
    "probes": _probes,
    "questions": _questions,
    "engines": _engines,
    "models": _models,
}
