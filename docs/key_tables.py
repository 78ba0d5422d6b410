"""Tables of a pydantic model's keys: types, ranges and defaults from the schema, meanings from the strings below the fields."""

from __future__ import annotations

import ast
import inspect
import json
import types
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, BeforeValidator
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

ALIASES = {
    "Names": "name, or list of names",
    "NamesPerTask": "name, list of names, or map from task, task kind or relation to these",
    "RowsPerTask": "whole number ≥ 1, or map from task or task kind to these, or null",
    "Sizes": "whole number ≥ 1, or list of these",
    "Seeds": "whole number ≥ 0, or list of these",
    "ParentRef": "label of an entry, or a map, see `parents`",
    "ParentRefs": "list of labels of entries, or maps, see `parents`",
    "OneOrMore": "name, or list of names",
    "Verified": "name, one-key map from name to parameters, or null",
    "ShotsPerTask": "whole number ≥ 0, list of these, or map from task or task kind to these",
}
"Types of the schema that a validator reads more widely than their annotation says."

PLAIN = {str: "text", int: "whole number", float: "number", bool: "true or false", Any: "any"}
WORDS = {
    ("StudySpec", "base"): "model name, a map with the keys of `base`, or a list of these",
    ("StudySpec", "methods"): "list of names and one-key maps, see `methods`",
    ("StudySpec", "tasks"): "map from task to its roles, see `tasks`; or list of names",
    ("StudySpec", "datasets"): "map from name to data set, see `datasets`",
    ("StudySpec", "probes"): "list of names and one-key maps, see `probes`",
    ("StudySpec", "guardrails"): "list of names and one-key maps, see [guardrails.md](guardrails.md), or null",
    ("BaseModelSpec", "fresh"): "map of the model's configuration or null",
    ("BaseModelSpec", "server"): "map, see `server`, or null",
    ("ServerSpec", "price"): "map, see below, or null",
    ("ServerSpec", "key"): "name in capitals",
    ("DatasetSpec", "recipe"): "name or one-key map, see `recipe`, or null",
    ("EvalSpec", "contexts"): "list of names and one-key maps, see `contexts`, or null",
    ("TokensSpec", "thinking"): "`off`, `on`, or whole number ≥ 1",
    ("TokensSpec", "date"): "day (YYYY-MM-DD)",
    ("CourseParams", "keep_steps"): "whole number ≥ 1, or list of these",
    ("ConcatParams", "of"): "map from data set to share, or list of data sets",
    ("MixParams", "of"): "map from data set to cap or null, or list of data sets",
    ("MixParams", "counted"): "map from data set to cap or null, list of data sets, or null",
    ("MixesSpec", "of"): "map from data set to cap or null, or list of data sets",
    ("MixesSpec", "kinds"): "one or a list of `singles`, `pairs`, `all_but_one`, `all`",
    ("DatasetSpec", "mixes"): "map, see `mixes`, or null",
}
"Keys whose accepted shapes are made by a validator of the whole field."


def docstrings(model: type[BaseModel]) -> dict[str, str]:
    """Return the string below each field of a model, its own and those it inherits."""
    found: dict[str, str] = {}
    for kind in reversed(model.__mro__):
        if not (issubclass(kind, BaseModel) and kind is not BaseModel):
            continue
        (tree,) = ast.parse(inspect.cleandoc("\n" + inspect.getsource(kind))).body
        assert isinstance(tree, ast.ClassDef)
        for field, below in zip(tree.body, tree.body[1:], strict=False):
            if isinstance(field, ast.AnnAssign) and isinstance(below, ast.Expr):
                assert isinstance(field.target, ast.Name)
                found[field.target.id] = " ".join(str(ast.literal_eval(below.value)).split())
    return found


def annotations(model: type[BaseModel]) -> dict[str, str]:
    """Return the annotation of each field as it is written."""
    (tree,) = ast.parse(inspect.cleandoc("\n" + inspect.getsource(model))).body
    assert isinstance(tree, ast.ClassDef)
    fields = (node for node in tree.body if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name))
    return {field.target.id: ast.unparse(field.annotation) for field in fields if isinstance(field.target, ast.Name)}


def type_words(annotation: Any) -> str:
    """Say a type in words."""
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return type_words(parts[0]) + "".join(range_words(rule) for rule in parts[1:] if isinstance(rule, FieldInfo))
    if origin is Literal:
        return ", ".join(f"`{part}`" for part in parts)
    if origin in (Union, types.UnionType):
        kinds = [type_words(part) for part in parts if part is not type(None)]
        return " or ".join([*kinds, *(["null"] if type(None) in parts else [])])
    if origin is tuple:
        first, *rest = type_words(parts[0]).split(" ≥")
        return " ≥".join([f"list of {first}s", *rest])
    if origin in (dict, Mapping):
        return f"map from {PLAIN[parts[0]]} to {type_words(parts[1])}"
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return "map, see below"
    return PLAIN[annotation]


def range_words(field: FieldInfo) -> str:
    """Say the range of a field; empty where there is none."""
    signs = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<"}
    limits = [
        f"{sign} {getattr(rule, name)}"
        for rule in field.metadata
        for name, sign in signs.items()
        if hasattr(rule, name)
    ]
    return (" " if limits else "") + ", ".join(limits)


def default_words(field: FieldInfo) -> str:
    """Say the default as it would stand in a study file."""
    if field.is_required():
        return "**required**"
    value = field.get_default(call_default_factory=True, validated_data={})
    assert value is not PydanticUndefined
    if isinstance(value, BaseModel):
        said = value.model_dump(mode="json", exclude_unset=True)
        return f"`{json.dumps(said)}`" if said else "its defaults"
    return f"`{json.dumps(value)}`"


def key_table(model: type[BaseModel], only: Iterable[str] = ()) -> str:
    """Write the table of a model's keys."""
    return table(("key", "value", "default", "meaning"), key_rows(model, set(only) or set(model.model_fields)))


def key_rows(model: type[BaseModel], wanted: Iterable[str]) -> list[tuple[str, str, str, str]]:
    """Return key, value, default and meaning of each wanted key."""
    texts, written = docstrings(model), all_annotations(model)
    rows = []
    for name, field in model.model_fields.items():
        if name in wanted:
            kind = value_words(model, name, written.get(name, ""))
            bare = kind.removesuffix(" or null")
            value = bare + range_words(field) + kind[len(bare) :]
            rows.append((f"`{name}`", value, default_words(field), texts[name]))
    return rows


def value_words(model: type[BaseModel], name: str, written: str) -> str:
    """Say what a key may be. Raises ValueError where a validator reads more than the type says, and no words are here."""
    for kind in model.__mro__:
        if (kind.__name__, name) in WORDS:
            return WORDS[kind.__name__, name]
    alias = ALIASES.get(written.removesuffix(" | None"))
    if alias:
        return f"{alias}, or null" if written.endswith(" | None") else alias
    field = model.model_fields[name]
    if reads_widely(field.annotation, field.metadata) or name in wide_keys(model):
        raise ValueError(
            f"{model.__name__}.{name}: a validator reads more than {written}; say what in ALIASES or WORDS"
        )
    return type_words(field.annotation)


def reads_widely(annotation: Any, metadata: Iterable[Any]) -> bool:
    """Tell whether a validator stands before a type, or before a part of it."""
    if any(isinstance(rule, BeforeValidator) for rule in metadata):
        return True
    if get_origin(annotation) is Annotated:
        first, *rules = get_args(annotation)
        return reads_widely(first, rules)
    return any(reads_widely(part, ()) for part in get_args(annotation) if not isinstance(part, str))


def wide_keys(model: type[BaseModel]) -> set[str]:
    """Return the keys that a validator of the model reads before their type does."""
    found = model.__pydantic_decorators__.field_validators.values()
    return {name for one in found if one.info.mode == "before" for name in one.info.fields} - {"*"}


def all_annotations(model: type[BaseModel]) -> dict[str, str]:
    """Return the annotation of each field as it is written, inherited ones, too."""
    kinds = [kind for kind in reversed(model.__mro__) if issubclass(kind, BaseModel) and kind is not BaseModel]
    return {name: text for kind in kinds for name, text in annotations(kind).items()}


def own_keys(model: type[BaseModel]) -> list[str]:
    """List the keys that a model adds to those it inherits."""
    return [name for name in model.model_fields if name in annotations(model)]


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Write a Markdown table."""
    lines = ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    return "\n".join([*lines, *("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows)])
