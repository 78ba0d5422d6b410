"""Every entry of METRICS keeps the Metric contract; a new metric is covered without another line here."""

from __future__ import annotations

import math
import random
from dataclasses import replace

import numpy as np
import pytest

from hanka.errors import HankaError
from hanka.metrics import DEFAULT_METRICS, METRICS, Metric, Outputs, ScoringContext
from hanka.metrics.base import mean, outputs_of
from hanka.records import TASK_KINDS, Prediction

LABELS = ("good news", "bad news", "no news")
NUMBERS = ("-3", "0.5", "2000")
CONTEXT = ScoringContext(labels=LABELS, training_labels=LABELS, max_new_tokens=3)
EVERY = pytest.mark.parametrize("metric", list(METRICS), ids=METRICS.names())
RANKED = pytest.mark.parametrize(
    "metric",
    [metric for metric in METRICS if metric.higher_is_better is not None],
    ids=lambda metric: metric.name,
)


def prediction(i: int, target: str, output: str | None, status: str = "ok", reason: str = "") -> Prediction:
    """An answer with its reward, or where text is scored, with token scores that grow with what is right."""
    parsed = output if status == "ok" else None
    right = None if status == "failed" else float(parsed == target)
    tokens = None if right is None else (right - 1.0, (right - 1.0) * (1 + len(output or "") % 4), -0.0)
    return Prediction(f"s{i}", "prompt", "", target, output, parsed, None, status, reason, 5, i % 5, right, tokens)  # type: ignore[arg-type]


def targets_of(metric: Metric) -> tuple[str, ...]:
    return NUMBERS if metric.kinds == ("regression",) else LABELS


def mixed(metric: Metric, n: int = 60, seed: int = 0) -> list[Prediction]:
    rng = random.Random(seed)
    targets = targets_of(metric)
    outputs = (*targets, "good 東京 news", "", "something else altogether")
    return [prediction(i, rng.choice(targets), rng.choice(outputs)) for i in range(n)]


def value_of(metric: Metric, predictions: list[Prediction]) -> float:
    return metric.value(metric.rows(predictions, CONTEXT).statistics)


def per_sample(metric: Metric, predictions: list[Prediction]) -> dict[str, float]:
    rows = metric.rows(predictions, CONTEXT)
    return dict(zip(rows.sample_ids, rows.statistics[:, 0].tolist(), strict=True))


@EVERY
def test_declares_itself(metric: Metric) -> None:
    assert metric.display
    assert metric.version
    assert metric.reference
    assert metric.kinds
    assert metric.low < metric.high


@EVERY
def test_statistics_are_one_finite_row_per_sample_in_range(metric: Metric) -> None:
    statistics = metric.rows(mixed(metric), CONTEXT).statistics
    assert statistics.dtype == np.float64
    assert statistics.shape == (60, statistics.shape[1])
    assert np.isfinite(statistics).all()
    if metric.aggregate is mean:
        assert (statistics[:, 0] >= metric.low).all()
        assert (statistics[:, 0] <= metric.high).all()


@EVERY
def test_value_is_in_range(metric: Metric) -> None:
    for seed in range(10):
        assert metric.low <= value_of(metric, mixed(metric, seed=seed)) <= metric.high


@EVERY
def test_order_does_not_matter(metric: Metric) -> None:
    predictions = mixed(metric)
    shuffled = random.Random(1).sample(predictions, len(predictions))
    assert value_of(metric, shuffled) == pytest.approx(value_of(metric, predictions), abs=1e-12)
    values, again = per_sample(metric, predictions), per_sample(metric, shuffled)
    assert again.keys() == values.keys()
    assert [again[sample] for sample in values] == pytest.approx(list(values.values()), abs=1e-9)


@EVERY
def test_aggregate_is_vectorised_and_depends_on_shares_only(metric: Metric) -> None:
    statistics = metric.rows(mixed(metric), CONTEXT).statistics
    weights = np.random.default_rng(0).integers(0, 3, size=(2, 3, len(statistics))).astype(float)
    weights[0, 0] = 1
    weights[0, 1] = 2
    values = metric.aggregate(weights @ statistics, weights.sum(axis=-1))
    assert values.shape == (2, 3)
    assert values[0, 0] == pytest.approx(metric.value(statistics), abs=1e-12)
    assert values[0, 1] == pytest.approx(metric.value(statistics), abs=1e-12)


@EVERY
def test_a_binary_metric_is_the_mean_of_zeros_and_ones(metric: Metric) -> None:
    if metric.binary:
        first = metric.rows(mixed(metric), CONTEXT).statistics[:, 0]
        assert set(first) <= {0.0, 1.0}
        assert value_of(metric, mixed(metric)) == pytest.approx(first.mean())


@RANKED
def test_perfect_beats_worse_beats_empty(metric: Metric) -> None:
    words = targets_of(metric)
    targets = [words[i % 3] for i in range(30)]
    perfect = value_of(metric, [prediction(i, target, target) for i, target in enumerate(targets)])
    worse = value_of(metric, [prediction(i, t, t if i % 2 else words[(i + 1) % 3]) for i, t in enumerate(targets)])
    empty = value_of(metric, [prediction(i, target, "far off") for i, target in enumerate(targets)])
    best, middle, least = (perfect, worse, empty) if metric.higher_is_better else (empty, worse, perfect)
    assert best > middle > least
    assert perfect == (metric.high if metric.higher_is_better else metric.low)


@EVERY
def test_empty_or_unaligned_input_raises(metric: Metric) -> None:
    whole = outputs_of(mixed(metric, 3))
    metric.statistics(whole, CONTEXT)
    with pytest.raises(ValueError):
        metric.statistics(Outputs(), CONTEXT)
    for column in metric.reads:
        for there in ([], list(getattr(whole, column))[:2]):
            if len(metric.reads) > 1 or not there:
                with pytest.raises(ValueError):
                    metric.statistics(replace(whole, **{column: there}), CONTEXT)
    with pytest.raises(ValueError):
        metric.value(np.empty((0, 1)))


@EVERY
def test_a_metric_reads_no_more_than_it_declares(metric: Metric) -> None:
    whole = outputs_of(mixed(metric))
    declared = Outputs(**{column: getattr(whole, column) for column in metric.reads})
    assert np.array_equal(metric.statistics(declared, CONTEXT), metric.statistics(whole, CONTEXT))


@EVERY
def test_a_failed_prediction_has_no_value_and_leaves_the_value_alone(metric: Metric) -> None:
    predictions = mixed(metric, 20)
    failed = prediction(99, targets_of(metric)[0], None, "failed", "out of memory")
    assert per_sample(metric, [failed, *predictions]) == per_sample(metric, predictions)
    assert value_of(metric, [failed, *predictions]) == pytest.approx(value_of(metric, predictions), abs=1e-12)
    with pytest.raises(ValueError, match="none of 1"):
        metric.rows([failed], CONTEXT)


@RANKED
def test_an_unparsed_prediction_is_wrong_and_not_missing(metric: Metric) -> None:
    if metric.kinds == ("likelihood",):  # nothing is parsed where nothing is asked
        return
    target, other, last = targets_of(metric)
    right = [prediction(i, text, text) for i, text in enumerate((other, last, target, other))]
    unparsed = prediction(9, target, f" {target} or so", "unparsed", "no label")
    rows = metric.rows([*right, unparsed], CONTEXT)
    assert rows.sample_ids[-1] == "s9"
    whole, without = metric.value(rows.statistics), value_of(metric, right)
    assert whole < without if metric.higher_is_better else whole > without
    if metric.aggregate is mean and metric.higher_is_better:
        assert rows.statistics[-1, 0] == 0.0


@EVERY
def test_missing_context_raises_with_a_reason(metric: Metric) -> None:
    assert bool(metric.missing(ScoringContext())) == bool(metric.needs)
    if metric.needs:
        with pytest.raises(ValueError):
            metric.rows(mixed(metric, 5), ScoringContext())


@EVERY
def test_a_metric_of_means_is_the_mean_of_the_per_sample_values(metric: Metric) -> None:
    values = per_sample(metric, mixed(metric))
    assert all(math.isfinite(value) for value in values.values())
    if metric.aggregate is mean or metric.kinds == ("regression",):
        assert value_of(metric, mixed(metric)) == pytest.approx(np.mean(list(values.values())), abs=1e-12)


def test_defaults_name_registered_metrics_of_their_kind() -> None:
    for kind, names in DEFAULT_METRICS.items():
        assert all(kind in METRICS.get(name).kinds for name in names)
        assert METRICS.get(names[0]).higher_is_better is not None
    assert set(DEFAULT_METRICS) == set(TASK_KINDS)


def test_an_unknown_metric_suggests_the_nearest() -> None:
    with pytest.raises(HankaError, match="unknown metric 'rogue_l': did you mean 'rouge_l'"):
        METRICS.get("rogue_l")
