"""Entries of a registry that a study lists (contexts, probes, recipes): name and parameters, checked and typed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from pydantic import ValidationError

from hanka.declared.messages import first_mistake
from hanka.errors import nearest
from hanka.registry import Params, Registry
from hanka.study.schema import EntrySpec
from hanka.study.source import Key, StudySource


class Parametrised(Protocol):
    """An entry of a registry that takes parameters."""

    @property
    def name(self) -> str:
        """Its name."""
        ...

    @property
    def version(self) -> int:
        """Raised by hand when the same parameters give other results."""
        ...

    @property
    def params(self) -> type[Params]:
        """Its parameters."""
        ...


E = TypeVar("E", bound=Parametrised)


@dataclass(frozen=True, slots=True)
class EntryUse(Generic[E]):
    """One entry as a study uses it."""

    entry: E
    "The entry."
    label: str
    "What tables call it: its `name:` in the study, else the entry's name."
    params: Any
    "Its parameters, typed."
    key: Key
    "Where it stands in the study file."

    @property
    def content(self) -> list[Any]:
        """Return what enters ids that depend on it."""
        return [self.entry.name, self.entry.version, self.params.model_dump(mode="json")]


def resolve_entry(source: StudySource, key: Key, spec: EntrySpec, registry: Registry[E]) -> EntryUse[E]:
    """Find an entry and check its parameters. Raises StudyError; key: of the list item, or of the recipe."""
    if spec.entry not in registry:
        raise source.error(key, f"unknown {registry.kind} {spec.entry!r}: {nearest(spec.entry, registry.names())}")
    entry = registry.get(spec.entry)
    values = {name: value for name, value in spec.params.items() if name != "name"}
    label = spec.params.get("name", spec.entry)
    if not isinstance(label, str) or not label:
        raise source.error((*key, spec.entry, "name"), f"{label!r} is not text; give a label such as {spec.entry}-2")
    try:
        params = entry.params.model_validate(values)
    except ValidationError as error:
        raise first_mistake(source, error, entry.params, (*key, spec.entry)) from None
    return EntryUse(entry, label, params, (*key, spec.entry))


def resolve_entries(
    source: StudySource, key: Key, specs: Sequence[EntrySpec], registry: Registry[E]
) -> tuple[EntryUse[E], ...]:
    """Find the entries of a list; two of one label are an error."""
    uses: list[EntryUse[E]] = []
    for index, spec in enumerate(specs):
        use = resolve_entry(source, (*key, index), spec, registry)
        if any(use.label == other.label for other in uses):
            raise source.error(
                (*key, index), f"two {registry.kind} entries are called {use.label!r}; give one of them another `name:`"
            )
        uses.append(use)
    return tuple(uses)
