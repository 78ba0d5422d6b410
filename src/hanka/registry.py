"""One generic registry: an explicit list of real objects, looked up by name.

Nothing registers itself. Duplicate names raise at import, unknown names suggest the nearest. Third
parties add entries through the entry-point group `hanka`, names `<kind>.<name>`, loaded on first look-up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import entry_points
from typing import Annotated, Any, Generic, Protocol, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationInfo, field_validator

from hanka.errors import HankaError, nearest


def no_boolean_for_a_number(cls: type[BaseModel], value: Any, info: ValidationInfo) -> Any:
    """Refuse true and false where a field is a number; pydantic would read them as 1 and 0."""
    numbers = (int, float, int | None, float | None)
    if isinstance(value, bool) and cls.model_fields[str(info.field_name)].annotation in numbers:
        raise ValueError(f"{str(value).lower()} is not a number (YAML reads yes, no, on and off as true and false)")
    return value


def whole_numbers(low: int) -> Callable[[Any], Any]:
    """Return a reader of one whole number or a list of distinct ones, none below `low`."""

    def check(value: Any) -> tuple[int, ...]:
        """Return distinct whole numbers, or say which one is not."""
        items = value if isinstance(value, (list, tuple)) else [value]
        for item in items:
            if isinstance(item, bool) or not isinstance(item, int) or item < low:
                raise ValueError(f"{item!r} is not a whole number ≥ {low}")
        if not items:
            raise ValueError(f"an empty list; give at least one whole number ≥ {low}")
        if len(set(items)) != len(items):
            raise ValueError(f"{list(items)!r} names a number twice")
        return tuple(items)

    return check


def names(value: Any) -> Any:
    """Read one name or a list of distinct ones."""
    items = [value] if isinstance(value, str) else value
    for item in items if isinstance(items, (list, tuple)) else ():
        if isinstance(item, (bool, int, float)):
            raise ValueError(f"{value!r}: an item is a {type(item).__name__} in YAML, not text; put it in quotes")
    if not isinstance(items, (list, tuple)) or not all(isinstance(item, str) and item for item in items):
        raise ValueError(f"{value!r} is not a name or a list of names")
    if len(set(items)) != len(items):
        raise ValueError(f"{list(items)!r} names something twice")
    return tuple(items)


Names = Annotated[tuple[str, ...], BeforeValidator(names)]
Sizes = Annotated[tuple[int, ...], BeforeValidator(whole_numbers(1))]
Seeds = Annotated[tuple[int, ...], BeforeValidator(whole_numbers(0))]


class Params(BaseModel):
    """What a study says of an entry; unknown keys are errors, values do not change after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=(), allow_inf_nan=False)
    _numbers = field_validator("*", mode="before")(no_boolean_for_a_number)


class Named(Protocol):
    """Anything with a name."""

    @property
    def name(self) -> str:
        """The name a study file uses."""
        ...


T = TypeVar("T", bound=Named)


class Registry(Generic[T]):
    """An ordered, read-only collection of named objects of one kind."""

    def __init__(self, kind: str, entries: Sequence[T]) -> None:
        self.kind = kind
        self._entries: dict[str, T] = {}
        self._plugins_loaded = False
        for entry in entries:
            self._add(entry)

    def _add(self, entry: T) -> None:
        if entry.name in self._entries:
            raise ValueError(f"two {self.kind} entries are named {entry.name!r}")
        self._entries[entry.name] = entry

    def _load_plugins(self) -> None:
        if not self._plugins_loaded:
            self._plugins_loaded = True
            for point in entry_points(group="hanka"):
                if point.name.startswith(f"{self.kind}."):
                    self._add(point.load())

    def __iter__(self) -> Iterator[T]:
        self._load_plugins()
        return iter(self._entries.values())

    def __contains__(self, name: object) -> bool:
        self._load_plugins()
        return name in self._entries

    def names(self) -> list[str]:
        """List the names in the order of the list."""
        return [entry.name for entry in self]

    def get(self, name: str) -> T:
        """Return the entry of that name; raise HankaError with the nearest name."""
        self._load_plugins()
        if name not in self._entries:
            raise HankaError(f"unknown {self.kind} {name!r}: {nearest(name, self._entries)}")
        return self._entries[name]
