"""Plans of small studies on tiny models: a language model, a second one of other weights, an encoder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from hanka.plan import Plan, PlannedVariant, build_plan
from hanka.study.resolve import resolve
from hanka.study.resolved import Study
from hanka.study.source import parse_source


def small(folder: Path) -> dict[str, Any]:
    """A base of random weights with the tokenizer of another one."""
    sizes = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2}
    heads = {"num_attention_heads": 2, "num_key_value_heads": 1}
    return {"fresh": {"tokenizer": str(folder)} | sizes | heads, "seed": 1, "name": "small"}


def written(folder: Path, **changes: Any) -> str:
    """A study file of a tiny model on one task with top-level keys changed."""
    base = {"model": str(folder), "name": "tiny"}
    values: dict[str, Any] = {
        "name": "small study",
        "base": base,
        "data": {"source": "toy"},
        "tasks": {"sentiment": {}, "summary": {}},
        "methods": ["base", "sft"],
        "train": {"sizes": [8]},
        "eval": {"shots": [0], "limit": 6},
        "stats": {"resamples": 200},
    }
    return yaml.safe_dump(values | changes, sort_keys=False)


def resolved(folder: Path, instead: str | None = None, limit: int | None = None, **changes: Any) -> Study:
    """That study, resolved; instead: a base model of the command line."""
    return resolve(parse_source(written(folder, **changes), folder.parent / "study.yaml"), instead, limit)


def planned(folder: Path, **changes: Any) -> Plan:
    """That study's plan."""
    return build_plan(resolved(folder, **changes))


def variants(plan: Plan, label: str, base: str = "tiny") -> list[PlannedVariant]:
    """The variants of an entry, in the order of the plan."""
    return [one for one in plan.variants.values() if (one.variant.label, one.variant.base) == (label, base)]


def the(plan: Plan, label: str, base: str = "tiny") -> PlannedVariant:
    """The only variant of an entry."""
    (found,) = variants(plan, label, base)
    return found
