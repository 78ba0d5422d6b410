"""One generic registry: an explicit list of entries, looked up by name.

Nothing registers itself. The list holds objects, or says where each is (`name: "module:OBJECT"`), which is imported when
it is first looked up: a command waits for what its study names. Unknown names suggest the nearest. Third parties add
entries through the entry-point group `hanka`, names `<kind>.<name>`, each loaded when it is first looked up or listed; a
broken one is one line that names the entry point and the package.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Annotated, Any, Generic, Protocol, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo, field_validator

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
            raise ValueError(f"{list(items)!r} names a number twice; keep one")
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
OneOrMore = Annotated[Names, Field(min_length=1)]
Sizes = Annotated[tuple[int, ...], BeforeValidator(whole_numbers(1))]
Seeds = Annotated[tuple[int, ...], BeforeValidator(whole_numbers(0))]


class Params(BaseModel):
    """What a study says of an entry; unknown keys are errors, values do not change after reading."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, protected_namespaces=(), allow_inf_nan=False, defer_build=True
    )
    _numbers = field_validator("*", mode="before")(no_boolean_for_a_number)


class Named(Protocol):
    """Anything with a name."""

    @property
    def name(self) -> str:
        """The name a study file uses."""
        ...


T = TypeVar("T", bound=Named)

GROUP = "hanka"
"Entry-point group through which other packages add entries."


@lru_cache(maxsize=1)
def _plugins(find: Callable[..., Iterable[EntryPoint]]) -> tuple[EntryPoint, ...]:
    """Find what other packages add, once for all registries: every installed package is read for it."""
    return tuple(find(group=GROUP))


class Registry(Generic[T]):
    """An ordered collection of named objects of one kind: the list's, then those of other packages by name.

    What a run declares beside them (`add`) is known by name and not listed.
    """

    def __init__(self, kind: str, entries: Sequence[T] | Mapping[str, str]) -> None:
        self.kind = kind
        self._where = dict(entries) if isinstance(entries, Mapping) else {}
        self._entries: dict[str, T] = {}
        self._added: dict[str, T] = {}
        self._found: dict[str, EntryPoint] | None = None
        self._declared: dict[str, tuple[str, T]] = {}
        for entry in () if isinstance(entries, Mapping) else entries:
            if entry.name in self._entries:
                raise ValueError(f"two {self.kind} entries are named {entry.name!r}")
            self._entries[entry.name] = entry

    def _own_names(self) -> dict[str, None]:
        return dict.fromkeys((*self._where, *self._entries))

    def _own(self, name: str) -> T:
        """Return an entry of the list, imported where the list says where it is."""
        if name not in self._entries:
            module, _, attribute = self._where[name].partition(":")
            entry: T = getattr(import_module(module), attribute)
            if entry.name != name:
                raise ValueError(
                    f"{self._where[name]} is named {entry.name!r}, and the {self.kind} list calls it {name!r}"
                )
            self._entries[name] = entry
        return self._entries[name]

    def _points(self) -> dict[str, EntryPoint]:
        """Find what other packages add, by name; nothing is imported. Raises HankaError for a name that is taken."""
        if self._found is None:
            found: dict[str, EntryPoint] = {}
            for point in sorted(_plugins(entry_points), key=lambda point: point.name):
                kind, _, name = point.name.partition(".")
                if kind != self.kind or (name in found and point == found[name]):
                    continue
                if name in self._own_names() or name in found:
                    owner = _said(found[name]) if name in found else "hanka itself"
                    raise HankaError(f"{_said(point)}: {kind} {name!r} is added by {owner}, too; uninstall one of them")
                found[name] = point
            self._found = found
        return self._found

    def _load(self, name: str) -> T:
        """Import what another package adds under a name. Raises HankaError in one line where it cannot be used."""
        if name not in self._added:
            point = self._points()[name]
            try:
                entry = point.load()
            except HankaError:
                raise
            except Exception as error:  # another package's module may raise anything
                why = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
                raise HankaError(f"{_said(point)} cannot be loaded ({why}); mend or uninstall that package") from error
            self._check(point, name, entry)
            self._added[name] = entry
        return self._added[name]

    def _check(self, point: EntryPoint, name: str, entry: Any) -> None:
        wanted = tuple({type(self._own(one)) for one in self._own_names()})
        if wanted and not isinstance(entry, wanted):
            kinds = " or ".join(sorted(one.__name__ for one in wanted))
            raise HankaError(
                f"{_said(point)} is of type {type(entry).__name__}; entries of kind {self.kind} are {kinds} objects"
            )
        if entry.name != name:
            raise HankaError(
                f"{_said(point)} is named {entry.name!r}; call the entry point {self.kind}.{entry.name}, as the entry is"
            )

    def add(self, entry: T, what: str) -> None:
        """Add an entry that a run declares; again is fine. Raises HankaError where the name is taken by something else.

        what: what it is, in words that are equal for equal entries.
        """
        known = self._declared.get(entry.name)
        if known is None and entry.name not in self:
            self._declared[entry.name] = what, entry
        elif known is None or known[0] != what:
            raise HankaError(f"{self.kind} {entry.name!r} is declared in two ways: read these runs one at a time")

    def __iter__(self) -> Iterator[T]:
        yield from map(self._own, self._own_names())
        for name in self._points():
            yield self._load(name)

    def __contains__(self, name: object) -> bool:
        return name in self._entries or name in self._where or name in self._declared or name in self._points()

    def names(self) -> list[str]:
        """List the names in the order of the list, then those of other packages; nothing is imported."""
        return [*self._own_names(), *self._points()]

    def get(self, name: str) -> T:
        """Return the entry of that name; raise HankaError with the nearest name."""
        if name in self._entries or name in self._where:
            return self._own(name)
        if name in self._declared:
            return self._declared[name][1]
        if name not in self._points():
            raise HankaError(f"unknown {self.kind} {name!r}: {nearest(name, self.names())}")
        return self._load(name)


def _said(point: EntryPoint) -> str:
    """Name an entry point, the object it stands for and the package that declares it."""
    package = f" of {point.dist.name} {point.dist.version}" if point.dist is not None else ""
    return f"entry point {point.name} = {point.value}{package}"
