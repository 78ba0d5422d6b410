"""Pydantic's findings as one line in the user's words: file, line, key, value, allowed or nearest."""

from __future__ import annotations

import types
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from hanka.errors import StudyError, nearest
from hanka.study.schema import StudySpec
from hanka.study.source import Key, StudySource


def first_mistake(
    source: StudySource, error: ValidationError, prefix: Key = (), model: type[BaseModel] = StudySpec
) -> StudyError:
    """Return the StudyError for the first mistake; says how many more there are."""
    details = error.errors(include_url=False)
    detail = details[0]
    loc = _study_key(tuple(detail["loc"]), source)
    more = f" (and {len(details) - 1} more)" if len(details) > 1 else ""
    return source.error(prefix + loc, _message(detail, model) + more)


def _study_key(loc: Key, source: StudySource) -> Key:
    """Drop the parts of a pydantic location that are not keys of the file (list wrapping of `base`)."""
    if loc[:1] == ("base",) and not isinstance(source.values.get("base"), list):
        return ("base", *[part for part in loc[2:] if part != "model" or isinstance(source.values.get("base"), dict)])
    return loc


def _message(detail: ErrorDetails, model: type[BaseModel]) -> str:
    kind, value, context = detail["type"], detail["input"], detail.get("ctx", {})
    loc = detail["loc"]
    if kind == "extra_forbidden":
        fields = _fields_at(model, loc[:-1])
        return f"unknown key {str(loc[-1])!r}: {nearest(str(loc[-1]), fields)}"
    if kind == "missing":
        return f"the key is missing; write `{loc[-1]}: …`"
    if kind == "literal_error":
        allowed = str(context.get("expected", "")).replace("'", "").replace(" or ", ", ").split(", ")
        return f"{value!r} is not allowed: {_with_all(str(value), allowed)}"
    if kind == "value_error":
        return str(context.get("error", detail["msg"]))
    return f"{value!r}: {detail['msg'][0].lower()}{detail['msg'][1:]}"


def _with_all(value: str, allowed: list[str]) -> str:
    hint = nearest(value, allowed)
    return hint if hint.startswith("allowed") else f"{hint} (allowed: {', '.join(allowed)})"


def _fields_at(model: type[BaseModel], loc: tuple[Any, ...]) -> list[str]:
    """Return the keys that are allowed where `loc` points."""
    current: Any = model
    for part in loc:
        current = _model_in(current, part)
        if current is None:
            return []
    return list(current.model_fields) if isinstance(current, type) and issubclass(current, BaseModel) else []


def _model_in(current: Any, part: str | int) -> Any:
    """Step from a model into one of its fields, or from a list or map into its items."""
    if isinstance(current, type) and issubclass(current, BaseModel):
        field = current.model_fields.get(str(part))
        return None if field is None else _unwrap(field.annotation)
    return _unwrap(current)


def _unwrap(annotation: Any) -> Any:
    """Find the model inside Annotated, unions, tuples, lists and maps."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return _unwrap(get_args(annotation)[0])
    if origin in (Union, types.UnionType, tuple, list):
        models = [_unwrap(item) for item in get_args(annotation) if item not in (type(None), Ellipsis)]
        return models[0] if models else None
    return annotation
