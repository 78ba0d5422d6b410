"""What is registered, as tables generated from the registries.

One table maker for all registries: name, description, what is peculiar to the kind, parameters, reference. A registry is
imported when it is listed; a new entry appears by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from hanka.errors import HankaError, nearest
from hanka.registry import Registry
from hanka.terminal.result_tables import console

Rows = tuple[tuple[str, ...], list[tuple[str, ...]]]


def no_keys(entry: Any) -> tuple[str, ...]:
    """Return that an entry takes no parameters."""
    return ()


def own_keys(entry: Any) -> tuple[str, ...]:
    """Return the names of an entry's parameters."""
    return tuple(entry.params.model_fields)


@dataclass(frozen=True, slots=True)
class Listing:
    """How one registry is listed."""

    kind: str
    "Word for one entry, the first column."
    place: str
    "`module:NAME` of the registry."
    more: tuple[tuple[str, Callable[[Any], str]], ...] = ()
    "Columns peculiar to the kind, each with what it says of an entry."
    keys: Callable[[Any], tuple[str, ...]] = own_keys
    "Names of its parameters."
    what: Callable[[Any], str] = lambda entry: str(entry.description)
    "What it is, in one line."
    reference: Callable[[Any], str] | None = lambda entry: str(entry.reference)
    "Paper or definition; None: the kind has none."

    def entries(self) -> list[Any]:
        """Import the registry and return its entries in order."""
        module, _, name = self.place.partition(":")
        found: Registry[Any] | Mapping[str, Any] = getattr(import_module(module), name)
        return list(found.values() if isinstance(found, Mapping) else found)

    def rows(self) -> Rows:
        """Return columns and one row per entry."""
        columns = (self.kind, "what", *(title for title, _ in self.more))
        columns += (() if self.keys is no_keys else ("parameters",)) + (
            () if self.reference is None else ("reference",)
        )
        return columns, [self._row(entry) for entry in self.entries()]

    def _row(self, entry: Any) -> tuple[str, ...]:
        told = (entry.name, self.what(entry), *(say(entry) for _, say in self.more))
        keys = () if self.keys is no_keys else (", ".join(self.keys(entry)),)
        return (*told, *keys, *(() if self.reference is None else (self.reference(entry),)))


def _joined(values: Iterable[str]) -> str:
    return ", ".join(values)


def _better(metric: Any) -> str:
    return {True: "higher", False: "lower", None: "descriptive"}[metric.higher_is_better]


def _origin(model: Any) -> str:
    if model.wheel is None:
        return f"hub {model.hub_id}"
    return f"package {model.wheel.package} {model.wheel.version}, {model.wheel.size / 1e6:.0f} MB"


def _place(encoder: Any) -> str:
    if encoder.files is None:
        return "computed"
    return f"package {encoder.files.pin.name} {encoder.files.pin.version}, {encoder.files.pin.size / 1e6:.0f} MB"


def _size(entry: Any) -> str:
    return f"{entry.n_parameters / 1e6:,.0f} M" if entry.n_parameters else ""


LISTINGS: dict[str, Listing] = {
    "tasks": Listing(
        "task",
        "hanka.tasks:TASKS",
        (
            ("kind", lambda one: one.kind),
            ("fields", lambda one: _joined(one.inputs)),
            ("labels", lambda one: _joined(one.labels)),
            ("prompts", lambda one: _joined(one.prompts)),
            ("primary metric", lambda one: one.metrics[0]),
        ),
        keys=no_keys,
    ),
    "methods": Listing(
        "method",
        "hanka.methods:METHODS",
        (("adapts", lambda one: _joined(one.kinds)), ("engine", lambda one: one.engine)),
    ),
    "tuners": Listing(
        "tuner",
        "hanka.tuners:TUNERS",
        (("saves", lambda one: "the whole model" if one.is_whole else "what it trains"),),
    ),
    "objectives": Listing("objective", "hanka.training.objectives:OBJECTIVES"),
    "optimizers": Listing(
        "optimizer",
        "hanka.training.optimizers:OPTIMIZERS",
        keys=lambda one: tuple(one.options),
        what=lambda one: f"torch.optim.{one.torch_name}",
        reference=None,
    ),
    "recipes": Listing("recipe", "hanka.recipes:RECIPES", (("makes", lambda one: f"{one.makes} rows"),)),
    "contexts": Listing(
        "context",
        "hanka.contexts:CONTEXTS",
        (("before each query", lambda one: "its own" if one.per_query else "the same"),),
    ),
    "metrics": Listing(
        "metric",
        "hanka.metrics:METRICS",
        (("kinds", lambda one: _joined(one.kinds)), ("better", _better)),
        keys=no_keys,
        what=lambda one: str(one.display),
    ),
    "verifiers": Listing("verifier", "hanka.tasks.verifiers:VERIFIERS"),
    "guardrails": Listing("guardrail", "hanka.guardrails:DETECTORS", (("reads", lambda one: _joined(one.kinds)),)),
    "probes": Listing("probe", "hanka.probes:PROBES", (("needs", lambda one: one.needs),)),
    "questions": Listing("question", "hanka.analysis.questions:QUESTIONS", keys=no_keys),
    "engines": Listing(
        "engine", "hanka.engines:ENGINES", (("gives", lambda one: _joined(sorted(one.answers))),), keys=no_keys
    ),
    "sources": Listing(
        "source",
        "hanka.datasets:SOURCES",
        (
            ("reads", lambda one: "a folder that you name" if one.needs_path else "its own files"),
            ("tasks", lambda one: _joined(one.roles)),
        ),
        keys=no_keys,
        reference=None,
    ),
    "models": Listing(
        "model",
        "hanka.models.listed:MODELS",
        (
            ("from", _origin),
            ("parameters", _size),
            ("licence", lambda one: one.licence),
            ("commercial", lambda one: one.commercial),
            ("languages", lambda one: _joined(one.languages) or "not stated"),
            ("context", lambda one: f"{one.context:,}" if one.context else "not stated"),
            ("chat template", lambda one: one.template or "none"),
            ("pre-trained on", lambda one: one.data or "not stated"),
        ),
        keys=no_keys,
        what=lambda one: str(one.note or one.description),
        reference=None,
    ),
    "encoders": Listing(
        "encoder",
        "hanka.models.encoder:ENCODERS",
        (("from", _place), ("parameters", _size), ("licence", lambda one: one.licence)),
        keys=no_keys,
    ),
}
"What is listed → how. Data sets stand in their sources, so they are listed by `_datasets`."


USES: dict[str, tuple[str, ...]] = {"commercial": ("yes", "conditions")}
"What a model may be listed for → what its licence must say of that."


def listed(what: str, use: str | None = None) -> Rows:
    """Return one registry as columns and rows; use: what a model's licence must allow. Raises HankaError for an unknown one."""
    known = ("datasets", *LISTINGS)
    if what not in known:
        raise HankaError(f"nothing is called {what!r} here: {nearest(what, known)} (allowed: {', '.join(known)})")
    if use is not None and (what != "models" or use not in USES):
        raise HankaError(f"--for {use!r}: allowed is `list models --for commercial`")
    columns, rows = _datasets() if what == "datasets" else LISTINGS[what].rows()
    if use is None:
        return columns, rows
    place = columns.index(use)
    return columns, [row for row in rows if row[place] in USES[use]]


def print_listing(what: str, use: str | None = None) -> None:
    """Print one registry as a table; see `listed`."""
    from rich.markup import escape
    from rich.table import Table

    columns, rows = listed(what, use)
    table = Table(*columns)
    for row in rows:
        table.add_row(*[escape(text) for text in row])
    console().print(table)


def _datasets() -> Rows:
    from hanka.datasets import SOURCES
    from hanka.datasets.base import entries

    rows: list[tuple[str, ...]] = [
        (source.name, one.task, one.name, one.domain, _role(source.roles.get(one.task), one.name), one.licence)
        for source in SOURCES
        for one in entries(source)
    ]
    return ("source", "task", "dataset", "domain", "default role", "licence"), rows


def _role(roles: Any, name: str) -> str:
    """Say what a data set does by default; roles: those of its task, or None."""
    if roles is None:
        return ""
    words = [("train", (roles.train,)), ("in domain", roles.in_domain), ("out of domain", roles.out_of_domain)]
    return ", ".join(word for word, names in words if name in names)
