"""`match: trainable_parameters`: the size of every tuner set so that about as many weights train as a budget says.

study → **plan** → adapt: counts follow from the base's config.json, so what is set stands in the plan, in a variant's parameters and in
its id. What a plan says of it is a note: the size, the count, and how far that is from the budget.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from hanka.errors import nearest
from hanka.methods.contract import Adaptation
from hanka.models.catalogue import ModelRef
from hanka.models.vocabulary import model_folder
from hanka.plan.records import Plan
from hanka.store.folder import read_json_or_none
from hanka.study.method_declarations import MethodUse
from hanka.study.source import Key
from hanka.tuners.budget import sized


def matched(plan: Plan, use: MethodUse, model: ModelRef, adaptation: Adaptation, train: str) -> Adaptation:
    """Return an adaptation with its tuner's size set; as it is where nothing is to be matched.

    train: the training set, by name. Raises StudyError for a budget that is none, and where a base's weights cannot be counted.
    """
    tuner, params = adaptation.tuner, adaptation.tuner_params
    if adaptation.train.match != "trainable_parameters" or tuner is None or params is None:
        return adaptation
    config = _config(model)
    budget = _budget(plan, use, adaptation, config, train)
    found = sized(tuner, params, config, budget)
    if found.n_trained is None:
        plan.note(f"{use.label} on {model.name}: how many weights train is not known beforehand; its size stays")
        return adaptation
    share = f"{found.n_trained:,} weights train, {found.n_trained / budget - 1:+.1%} of the budget of {budget:,}"
    said = (
        f"{tuner.size} {getattr(found.params, tuner.size):g}" if found.is_set else f"{tuner.name} has no size and stays"
    )
    plan.note(f"{use.label} on {model.name}: {said}: {share}")
    return replace(adaptation, tuner_params=found.params)


def _config(model: ModelRef) -> dict[str, Any]:
    """Return a base's configuration; empty where it is not on this machine. A fresh one has its tokenizer's vocabulary."""
    if model.fresh is not None:
        theirs = _config(model.fresh.tokenizer)
        own: dict[str, Any] = json.loads(model.fresh.configuration)
        return own | {key: theirs[key] for key in ("vocab_size",) if key in theirs}
    folder = model_folder(model)
    return (read_json_or_none(folder / "config.json") if folder else None) or {}


def _budget(plan: Plan, use: MethodUse, adaptation: Adaptation, config: Mapping[str, Any], train: str) -> int:
    """Return how many weights shall train."""
    error, said = plan.study.source.error, adaptation.train.budget
    shared = said == plan.study.spec.train.budget
    key: Key = ("train", "budget") if shared else (*use.key, "budget")
    if said is None:
        raise error(
            ("train", "match"),
            "trainable_parameters needs a budget: a number of weights, or the name of an entry (`budget: lora`)",
        )
    if isinstance(said, int):
        if said < 1:
            raise error(key, f"{said} weights are no budget; give 1 or more")
        return said
    courses = {one.label: one for one in plan.study.methods if one.method.course}
    other = courses.get(said)
    if other is None:
        raise error(key, f"{said!r} is no entry that trains: {nearest(said, tuple(courses))}")
    theirs = other.adaptations.get(train) or next(iter(other.adaptations.values()))
    assert theirs.tuner is not None
    count = theirs.tuner.n_trained(config, theirs.tuner_params)
    if not count:
        raise error(key, f"how many weights {said!r} trains is not known for this kind of model; give a number")
    return count
