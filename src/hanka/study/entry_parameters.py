"""What an entry of `methods` says, checked: each part (the method's own, `train:`, tuner, objective) by itself, mistakes as a whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, TypeVar

from pydantic import ValidationError, create_model

from hanka.declared.messages import first_mistake
from hanka.methods.contract import Method, TrainParams
from hanka.registry import Params
from hanka.study.source import Key, StudySource
from hanka.training.objectives import OBJECTIVES
from hanka.tuners import TUNERS

P = TypeVar("P", bound=Params)
Values = Mapping[str, Any]
MOST_NAMED = 3
"Owners of a parameter that a message names."


def parts(values: Values, kinds: Sequence[type[Params]]) -> tuple[Any, ...] | None:
    """Check each part of an entry by itself, which entries share; None where anything is wrong, for the whole to say what."""
    if not all(any(name in kind.model_fields for kind in kinds) for name in values):
        return None
    try:
        return tuple(
            part(kind.model_validate({name: values[name] for name in kind.model_fields if name in values}), kind)
            for kind in kinds
        )
    except ValidationError:
        return None


def parts_of(merged: Params, kinds: Sequence[type[Params]]) -> tuple[Any, ...]:
    """Take the parts out of a checked whole."""
    return tuple(part(merged, kind) for kind in kinds)


def refuse_foreign(
    source: StudySource, key: Key, kinds: Sequence[type[Params]], values: Values, tuner: str, objective: str
) -> None:
    """Say of a tuner's or an objective's parameter that the entry has another one."""
    for name in values:
        if name == "peft" or any(name in kind.model_fields for kind in kinds):
            continue
        owners = [one.name for one in TUNERS if name in one.params.model_fields]
        if owners:
            raise source.error(
                (*key, name), f"{name} is a parameter of peft {_few(owners)}, and this entry has `peft: {tuner}`; "
                f"take it out, or choose another peft"
            )  # fmt: skip
        owners = [one.name for one in OBJECTIVES if name in one.params.model_fields]
        if owners:
            raise source.error(
                (*key, name), f"{name} is a parameter of objective {' and '.join(owners)}, and this entry has "
                f"`objective: {objective}`; take it out, or choose another objective"
            )  # fmt: skip


def _few(owners: Sequence[str]) -> str:
    """Name owners of a parameter; of many the first and how many there are."""
    return " and ".join(owners) if len(owners) <= MOST_NAMED else f"{owners[0]} and {len(owners) - 1} others"


def checked(source: StudySource, key: Key, model: type[Params], values: Values) -> Params:
    """Check all of an entry together. Raises StudyError for the first mistake."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise first_mistake(source, error, model, key) from None


def part(merged: Params, kind: type[P]) -> P:
    """Take one part's fields out of a checked whole."""
    return kind.model_construct(**{name: getattr(merged, name) for name in kind.model_fields})


@lru_cache(maxsize=256)
def entry_model(method: Method, tuner: str | None, objective: str | None) -> type[Params]:
    """Return the model of all keys an entry may have."""
    kinds: list[type[Params]] = [method.params]
    if tuner is not None and objective is not None:
        kinds += [TrainParams, TUNERS.get(tuner).params, OBJECTIVES.get(objective).params]
    elif method.row_keys:
        chosen: dict[str, Any] = {
            name: (field.annotation, field)
            for name, field in TrainParams.model_fields.items()
            if name in method.row_keys
        }
        kinds.append(create_model("RowParams", __base__=Params, **chosen))
    seen: set[str] = set()
    for kind in kinds:
        if twice := seen & set(kind.model_fields):
            raise ValueError(f"method {method.name}: {min(twice)} is a parameter twice")
        seen |= set(kind.model_fields)
    return type("EntryParams", tuple(kinds), {"__module__": __name__})
