"""Every entry of METRICS keeps the Metric contract; a new metric is covered without another line here."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest

from hanka.errors import HankaError
from hanka.metrics import DEFAULT_METRICS, METRICS, Metric, ScoringContext
from hanka.records import Prediction

LABELS = ("good news", "bad news", "no news")
CONTEXT = ScoringContext(labels=LABELS, training_labels=LABELS, max_new_tokens=3)
EVERY = pytest.mark.parametrize("metric", list(METRICS), ids=METRICS.names())
RANKED = pytest.mark.parametrize(
    "metric",
    [metric for metric in METRICS if metric.higher_is_better is not None],
    ids=lambda metric: metric.name,
)


def prediction(i: int, target: str, output: str | None, status: str = "ok", reason: str = "") -> Prediction:
    parsed = output if status == "ok" else None
    return Prediction(f"s{i}", "prompt", "", target, output, parsed, None, status, reason, 5, i % 5)  # type: ignore[arg-type]


def mixed(n: int = 60, seed: int = 0) -> list[Prediction]:
    rng = random.Random(seed)
    outputs = (*LABELS, "good 東京 news", "", "something else altogether")
    return [prediction(i, rng.choice(LABELS), rng.choice(outputs)) for i in range(n)]


def value_of(metric: Metric, predictions: list[Prediction]) -> float:
    return metric.value(metric.rows(predictions, CONTEXT).statistics)


@EVERY
def test_declares_itself(metric: Metric) -> None:
    assert metric.display
    assert metric.version
    assert metric.reference
    assert metric.kinds
    assert metric.low < metric.high


@EVERY
def test_statistics_are_one_finite_row_per_sample_in_range(metric: Metric) -> None:
    statistics = metric.rows(mixed(), CONTEXT).statistics
    assert statistics.dtype == np.float64
    assert statistics.shape == (60, statistics.shape[1])
    assert np.isfinite(statistics).all()
    assert (statistics[:, 0] >= metric.low).all()
    assert (statistics[:, 0] <= metric.high).all()


@EVERY
def test_value_is_in_range(metric: Metric) -> None:
    for seed in range(10):
        assert metric.low <= value_of(metric, mixed(seed=seed)) <= metric.high


@EVERY
def test_order_does_not_matter(metric: Metric) -> None:
    predictions = mixed()
    shuffled = random.Random(1).sample(predictions, len(predictions))
    assert value_of(metric, shuffled) == pytest.approx(value_of(metric, predictions), abs=1e-12)
    by_id = {score.sample_id: score.value for score in metric.scores(predictions, CONTEXT)}
    assert {score.sample_id: score.value for score in metric.scores(shuffled, CONTEXT)} == by_id


@EVERY
def test_aggregate_is_vectorised_and_depends_on_shares_only(metric: Metric) -> None:
    statistics = metric.rows(mixed(), CONTEXT).statistics
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
        first = metric.rows(mixed(), CONTEXT).statistics[:, 0]
        assert set(first) <= {0.0, 1.0}
        assert value_of(metric, mixed()) == pytest.approx(first.mean())


@RANKED
def test_perfect_beats_worse_beats_empty(metric: Metric) -> None:
    targets = [LABELS[i % 3] for i in range(30)]
    perfect = value_of(metric, [prediction(i, target, target) for i, target in enumerate(targets)])
    worse = value_of(metric, [prediction(i, t, t if i % 2 else LABELS[(i + 1) % 3]) for i, t in enumerate(targets)])
    empty = value_of(metric, [prediction(i, target, "") for i, target in enumerate(targets)])
    best, middle, least = (perfect, worse, empty) if metric.higher_is_better else (empty, worse, perfect)
    assert best > middle > least
    assert best == (metric.high if metric.higher_is_better else metric.low)


@EVERY
def test_empty_or_unaligned_input_raises(metric: Metric) -> None:
    for targets, answers in (([], []), (["a"], []), ([], ["a"])):
        with pytest.raises(ValueError):
            metric.statistics(targets, answers, CONTEXT)
    with pytest.raises(ValueError):
        metric.scores([], CONTEXT)
    with pytest.raises(ValueError):
        metric.value(np.empty((0, 1)))


@EVERY
def test_a_failed_prediction_has_no_value_but_a_reason_and_leaves_the_value_alone(metric: Metric) -> None:
    predictions = mixed(20)
    failed = prediction(99, LABELS[0], None, "failed", "out of memory")
    scores = metric.scores([failed, *predictions], CONTEXT)
    assert [score.sample_id for score in scores] == ["s99", *(p.sample_id for p in predictions)]
    assert (scores[0].value, scores[0].status, scores[0].reason) == (None, "failed", "out of memory")
    assert value_of(metric, [failed, *predictions]) == pytest.approx(value_of(metric, predictions), abs=1e-12)
    assert [score.value for score in metric.scores([failed], CONTEXT)] == [None]
    with pytest.raises(ValueError, match="none of 1"):
        metric.rows([failed], CONTEXT)


@RANKED
def test_an_unparsed_prediction_is_wrong_and_not_missing(metric: Metric) -> None:
    score = metric.score(prediction(0, LABELS[0], f" {LABELS[0]} or so", "unparsed", "no label"), CONTEXT)
    assert (score.value, score.status, score.reason) == (0.0, "unparsed", "")


@EVERY
def test_missing_context_gives_nulls_with_a_reason(metric: Metric) -> None:
    if metric.needs:
        scores = metric.scores(mixed(5), ScoringContext())
        assert all(score.value is None and score.reason and score.status == "ok" for score in scores)
        with pytest.raises(ValueError):
            metric.rows(mixed(5), ScoringContext())


@EVERY
def test_per_sample_values_are_column_0_of_the_rows(metric: Metric) -> None:
    predictions = mixed()
    values = [score.value for score in metric.scores(predictions, CONTEXT)]
    assert values == metric.rows(predictions, CONTEXT).statistics[:, 0].tolist()
    assert all(value is not None and math.isfinite(value) for value in values)


def test_defaults_name_registered_metrics_of_their_kind() -> None:
    for kind, names in DEFAULT_METRICS.items():
        assert all(kind in METRICS.get(name).kinds for name in names)
        assert METRICS.get(names[0]).higher_is_better is True


def test_an_unknown_metric_suggests_the_nearest() -> None:
    with pytest.raises(HankaError, match="unknown metric 'rogue_l': did you mean 'rouge_l'"):
        METRICS.get("rogue_l")
