"""A run's cells → what the emergence law is fitted to: models with their pretraining loss, fine-tuned values by rows, few-shot values.

A *model* is what fine-tuning starts from: a base as it is, or a variant at the end of its training or at a kept step. Its loss is that of the
system which is that model and nothing more, on a test set of kind `likelihood`: the base, the variant, or `interpolate` with weight 1 of a kept
step. Fine-tuned values are those of variants that start from a model, on the in-domain test sets of their training set; few-shot values are
those of the models themselves on the same test sets, at the most shots asked.

Limits: the loss is taken as known; all models are asked the same texts, so its error is mostly common to them.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from hanka.analysis.emergence.measured import Measurement, Unit
from hanka.analysis.evidence import CellEvidence, Evidence
from hanka.metrics import METRICS, Metric
from hanka.records import is_unadapted
from hanka.stats.emergence import training_flops
from hanka.store.folder import read_json_or_none


class Model(NamedTuple):
    """What fine-tuning starts from."""

    base: str
    "Base model."
    variant: str = ""
    "Id of the variant it is; empty: the base as it is."
    step: int | None = None
    "Kept step of that variant; None: its end."


class Topic(NamedTuple):
    """What is compared over models."""

    label: str
    "Entry that fine-tunes, without the step that tells its entries apart."
    dataset: str
    "What it is fine-tuned on."
    test: str
    "What is asked."
    metric: str
    "Name of the metric."


@dataclass(frozen=True, slots=True)
class Gathered:
    """What a topic is fitted to."""

    topic: Topic
    "What it is about."
    measured: tuple[Measurement, ...]
    "Values of models whose loss is known."
    unit: Unit
    "Of losses."
    text: str
    "Test set that losses are measured on."
    shots: int
    "Demonstrations of the few-shot values; 0 where there are none."
    chance: float | None
    "Share that is right by guessing evenly; None where that means nothing."
    n_unknown: int
    "Values of models whose loss was not measured."


def gathered(evidence: Evidence) -> list[Gathered]:
    """Return what every topic is fitted to, by name; topics of one model are left out."""
    models = _models(evidence)
    tuned: dict[Topic, list[tuple[Model, CellEvidence]]] = defaultdict(list)
    for cell in evidence.done():
        if (model := _started_from(cell.variant)) is not None and _is_asked(evidence, cell):
            tuned[_topic(evidence, cell, model)].append((model, cell))
    several = {topic: cells for topic, cells in tuned.items() if len({model for model, _ in cells}) > 1}
    found = [_gather(evidence, topic, several[topic], models) for topic in sorted(several)]
    return [one for one in found if one is not None]


def _started_from(variant: Mapping[str, Any]) -> Model | None:
    """Return what a variant was fine-tuned from; None where it was not fine-tuned on rows of its own."""
    parents, steps = variant.get("parents", ()), variant.get("parent_steps", ())
    if is_unadapted(variant["method"]) or not variant.get("rows") or not variant.get("changes_weights", True):
        return None
    if len(parents) > 1:
        return None
    return Model(variant["base"], parents[0], steps[0] if steps else None) if parents else Model(variant["base"])


def _is_asked(evidence: Evidence, cell: CellEvidence) -> bool:
    """Tell whether a cell asks a fine-tuned variant what it was tuned for, on a scale from 0 to 1, without demonstrations."""
    metric = METRICS.get(evidence.primary(cell.cell["test_task"]))
    on_scale = metric.higher_is_better is True and metric.low == 0.0 and metric.high == 1.0
    return on_scale and cell.cell["relation"] == "in_domain" and cell.cell["shots"] == cell.variant["meant_shots"]


def _topic(evidence: Evidence, cell: CellEvidence, model: Model) -> Topic:
    variant, test = cell.variant, str(cell.cell["test_dataset"])
    label = str(variant["label"])
    if model.step is not None:
        label = re.sub(rf"[ @_-]*{model.step}$", "", label)
    return Topic(label, str(variant["train_dataset"]), test, evidence.primary(cell.cell["test_task"]))


def _models(evidence: Evidence) -> dict[Model, list[CellEvidence]]:
    """Return the cells of the system that is each model and nothing more."""
    found: dict[Model, list[CellEvidence]] = defaultdict(list)
    for cell in evidence.done():
        for model in _is(cell.variant):
            found[model].append(cell)
    return found


def _is(variant: Mapping[str, Any]) -> Iterator[Model]:
    """Yield the models that a variant is."""
    if is_unadapted(variant["method"]):
        yield Model(variant["base"])
        return
    yield Model(variant["base"], variant["id"])
    steps = variant.get("parent_steps", ())
    if variant["method"] == "interpolate" and variant["params"].get("weight") == 1 and len(steps) == 1:
        yield Model(variant["base"], variant["parents"][0], steps[0])


def _gather(
    evidence: Evidence,
    topic: Topic,
    tuned: list[tuple[Model, CellEvidence]],
    models: Mapping[Model, list[CellEvidence]],
) -> Gathered | None:
    wanted = list(dict.fromkeys(model for model, _ in tuned))
    text = _text(evidence, wanted, models)
    if text is None:
        return None
    unit: Unit = "nats" if len({model.base for model in wanted}) == 1 else "bits"
    loss_of = METRICS.get("nats_per_token" if unit == "nats" else "bits_per_byte")
    losses = {
        model: value for model in wanted if (value := _loss(evidence, models.get(model, []), text, loss_of)) is not None
    }
    metric = METRICS.get(topic.metric)
    measured = [
        _measurement(evidence, model, losses[model], cell, metric, True) for model, cell in tuned if model in losses
    ]
    plain = [
        (model, cell) for model in losses for cell in models[model] if cell.cell["test_dataset"] == topic.test and cell.cell["shots"]
    ]  # fmt: skip
    shots = max((cell.cell["shots"] for _, cell in plain), default=0)
    few = [
        _measurement(evidence, model, losses[model], cell, metric, False)
        for model, cell in plain
        if cell.cell["shots"] == shots
    ]
    kept = [one for one in (*measured, *few) if one is not None]
    labels = evidence.task(tuned[0][1].cell["test_task"])["labels"]
    chance = 1 / len(labels) if labels and topic.metric == "accuracy" else None
    return Gathered(topic, tuple(kept), unit, text, shots, chance, sum(model not in losses for model, _ in tuned))


def _text(evidence: Evidence, wanted: list[Model], models: Mapping[Model, list[CellEvidence]]) -> str | None:
    """Return the likelihood test set that most models were asked, of several the first by name; None without one."""
    asked: dict[str, set[Model]] = defaultdict(set)
    for model in wanted:
        for cell in models.get(model, ()):
            if evidence.task(cell.cell["test_task"])["kind"] == "likelihood":
                asked[str(cell.cell["test_dataset"])].add(model)
    return max(sorted(asked), key=lambda name: len(asked[name]), default=None)


def _loss(evidence: Evidence, cells: list[CellEvidence], text: str, metric: Metric) -> float | None:
    """Return a model's loss on a text; None where it was not measured."""
    own = next((cell for cell in cells if cell.cell["test_dataset"] == text), None)
    return None if own is None else _value(evidence, own, metric)[0]


def _value(evidence: Evidence, cell: CellEvidence, metric: Metric) -> tuple[float | None, int]:
    import numpy as np

    rows = evidence.rows(cell, metric)
    n = len(rows)
    return (float(metric.aggregate(rows.statistics.sum(axis=0), np.asarray(float(n)))), n) if n else (None, 0)


def _measurement(
    evidence: Evidence, model: Model, loss: float, cell: CellEvidence, metric: Metric, is_tuned: bool
) -> Measurement | None:
    value, n = _value(evidence, cell, metric)
    if value is None:
        return None
    name = (
        model.base
        + (f"/{model.variant}" if model.variant else "")
        + (f"@{model.step}" if model.step is not None else "")
    )
    size = int(cell.variant["train_size"]) if is_tuned else 0
    return Measurement(name, loss, value, size, n, _flops(evidence, model))


def _flops(evidence: Evidence, model: Model) -> float | None:
    """Return what training a model from random weights took, 6 · parameters · tokens, to its kept step; None where it is not known."""
    planned = next((one for one in evidence.plan["variants"] if one["id"] == model.variant), None)
    if planned is None or planned.get("parents") or planned.get("base_kind") != "fresh":
        return None
    made = read_json_or_none(evidence.folder.variant(model.variant) / "variant.json") or {}
    record = made.get("record", {})
    n_tokens, steps, weights = record.get("n_tokens"), record.get("steps"), made.get("n_trained_parameters")
    if not (n_tokens and steps and weights):
        return None
    return training_flops(weights, n_tokens * (model.step or steps) / steps)
