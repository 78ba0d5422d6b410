"""Pydantic's findings as one line in the user's words: file, line, key, value, allowed or nearest."""

from __future__ import annotations

import types
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from hanka.declared.source import Key, Source
from hanka.errors import HankaError, nearest

LONGEST = 80
"Characters of a value that a message repeats."

SENTENCES = {
    "greater_than": "is out of range: give a number > {gt}",
    "greater_than_equal": "is out of range: give a number ≥ {ge}",
    "less_than": "is out of range: give a number < {lt}",
    "less_than_equal": "is out of range: give a number ≤ {le}",
    "int_type": "is not a whole number",
    "int_parsing": "is not a whole number",
    "int_parsing_size": "is not a whole number of usual size",
    "int_from_float": "is not a whole number",
    "float_type": "is not a number",
    "float_parsing": "is not a number",
    "finite_number": "is not a finite number",
    "bool_type": "is neither true nor false",
    "bool_parsing": "is neither true nor false",
    "string_too_short": "is empty; give text",
    "string_pattern_mismatch": "is not allowed: letters, digits, spaces and . - _, beginning with a letter or digit",
    "tuple_type": "is not a list; write [{0}]",
    "list_type": "is not a list; write [{0}]",
    "too_short": "has {actual_length} of at least {min_length} entries",
}
"""Pydantic's error type → what is said after the value."""


def first_mistake(source: Source, error: ValidationError, model: type[BaseModel], prefix: Key = ()) -> HankaError:
    """Return the error for the first mistake in what a model was read from, below `prefix`; says how many more there are.

    An unknown key comes first, because a missing key is often a misspelt one; then the order of the file.
    """
    mistakes: dict[Key, ErrorDetails] = {}
    for detail in error.errors(include_url=False):
        mistakes.setdefault(_file_key(detail, source, prefix), detail)
    for above in {key[:n] for key in mistakes for n in range(len(key))}:
        mistakes.pop(above, None)
    key, first = min(mistakes.items(), key=lambda one: (one[1]["type"] != "extra_forbidden", source.line(one[0])))
    more = f" (and {len(mistakes) - 1} more)" if len(mistakes) > 1 else ""
    return source.error(key, _message(first, model) + more)


def shown(value: Any) -> str:
    """Write a value as the file would, shortened where it is long."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    text = repr(value)
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def _file_key(detail: ErrorDetails, source: Source, prefix: Key) -> Key:
    """Keep the parts of a pydantic location that are keys of the file; others come from wrapping and unions."""
    current: Any = source.values
    for part in prefix:
        current = _inside(current, part)
    key = prefix
    for part in detail["loc"]:
        below = _inside(current, part)
        if below is not None or (isinstance(current, dict) and part in current):
            key, current = (*key, part), below
    return (*key, detail["loc"][-1]) if detail["type"] == "missing" else key


def _inside(value: Any, part: str | int) -> Any:
    if isinstance(value, dict):
        return value.get(part)
    if isinstance(value, list) and isinstance(part, int) and part < len(value):
        return value[part]
    return None


def _message(detail: ErrorDetails, model: type[BaseModel]) -> str:
    kind, value, context, loc = detail["type"], detail["input"], detail.get("ctx", {}), detail["loc"]
    if kind == "extra_forbidden":
        return f"unknown key {str(loc[-1])!r}: {nearest(str(loc[-1]), _fields_at(model, loc[:-1]))}"
    if kind == "missing":
        return f"the key is missing; write `{loc[-1]}: …`"
    if kind == "value_error":
        return str(context.get("error", detail["msg"]))
    if kind == "too_short" and not value:
        return f"{shown(value)} is empty; give at least {context['min_length']}"
    if value is None:
        return "has no value; give one, or leave the key out"
    if kind == "literal_error":
        allowed = str(context.get("expected", "")).replace("'", "").replace(" or ", ", ").split(", ")
        return f"{shown(value)} is not allowed: {_with_all(str(value), allowed)}"
    if kind == "string_type":
        plain = isinstance(value, (dict, list))
        return f"{shown(value)} is not text; " + ("give one text" if plain else f'put it in quotes: "{value}"')
    if kind in ("dict_type", "model_type", "model_attributes_type", "mapping_type"):
        fields = _fields_at(model, loc)
        return f"{shown(value)} is not a map" + (f"; its keys are {', '.join(fields)}" if fields else "")
    if kind in SENTENCES:
        return f"{shown(value)} {SENTENCES[kind].format(shown(value), **context)}"
    return f"{shown(value)}: {detail['msg'][0].lower()}{detail['msg'][1:]}"


def _with_all(value: str, allowed: list[str]) -> str:
    hint = nearest(value, allowed)
    return hint if hint.startswith("allowed") else f"{hint} (allowed: {', '.join(allowed)})"


def _fields_at(model: type[BaseModel], loc: tuple[Any, ...]) -> list[str]:
    """Return the keys that are allowed where `loc` points."""
    current: Any = model
    for part in loc:
        if isinstance(current, type) and issubclass(current, BaseModel):
            field = current.model_fields.get(str(part))
            current = None if field is None else field.annotation
        else:
            current = _item(current)
        current = _unwrap(current)
    return list(current.model_fields) if isinstance(current, type) and issubclass(current, BaseModel) else []


def _item(annotation: Any) -> Any:
    """Step from a map, list or tuple type to that of its items."""
    args = [item for item in get_args(annotation) if item is not Ellipsis]
    return args[-1] if args else None


def _unwrap(annotation: Any) -> Any:
    """Take off Annotated and optional."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return _unwrap(get_args(annotation)[0])
    if origin in (Union, types.UnionType):
        return next((_unwrap(item) for item in get_args(annotation) if item is not type(None)), None)
    return annotation
