"""Trivial baselines, scored like any prediction: what a test set gives to who has no model.

A number means little until majority label, first sentence and first demonstration stand beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from hanka.identity import stream
from hanka.plan import Plan
from hanka.records import Prediction
from hanka.study.rows import TestSet
from hanka.tasks.base import Task

if TYPE_CHECKING:
    from hanka.metrics.base import FloatArray

BASELINE_COLUMNS = ("test_task", "test_dataset", "baseline", "metric", "n", "value", "ci_low", "ci_high")


def score_baselines(plan: Plan) -> list[dict[str, Any]]:
    """Return the rows of baselines.csv: every test set × baseline × metric that can rank."""
    from hanka.metrics.baselines import BaselineInputs, trivial_answers

    rows: list[dict[str, Any]] = []
    tests = {cell.test.dataset.name: cell.test for cell in plan.cells.values()}
    for name, test in tests.items():
        task = plan.study.tasks[test.dataset.task].task
        if task.kind == "harness":  # what is trivial there, the harness alone could say
            continue
        training = [
            part.examples
            for one in plan.variants.values()
            for part in (one.training.parts if one.training else ())
            if part.task is task
        ]
        shown = max((cell.demonstrations for cell in plan.cells.values() if cell.test is test), key=len)
        inputs = BaselineInputs(
            test=test.examples,
            training=max(training, key=len, default=()),
            demonstrations=shown,
            field=next(iter(task.inputs), ""),
        )
        for baseline, answers in trivial_answers(task.kind, inputs).items():
            rows += [{"test_task": task.name, "test_dataset": name, "baseline": baseline} | row
                     for row in _scored(plan, task, test, answers)]  # fmt: skip
    return rows


def _scored(plan: Plan, task: Task, test: TestSet, answers: Sequence[str]) -> list[dict[str, Any]]:
    from hanka.metrics import METRICS, ScoringContext

    predictions = [
        Prediction(one.id, "", "", one.target, answer, answer, None, "ok", "", 0, 0, task.verify(one, answer).reward)
        for one, answer in zip(test.examples, answers, strict=True)
    ]
    context = ScoringContext(labels=task.labels)
    rows = []
    for metric in (METRICS.get(name) for name in task.metrics):
        if metric.higher_is_better is None:
            continue
        statistics = metric.rows(predictions, context).statistics
        rows.append(
            {"metric": metric.name, "n": len(predictions), "value": metric.value(statistics)}
            | _interval(plan, test, metric, statistics)
        )
    return rows


def _interval(plan: Plan, test: TestSet, metric: Any, statistics: FloatArray) -> dict[str, float | None]:
    from hanka.stats import estimate, plan_resampling

    spec = plan.study.spec
    rng = stream(spec.seeds[0], "resampling", test.dataset.name)
    try:
        resampling = plan_resampling(len(statistics), rng, [one.group for one in test.examples], spec.stats.resamples)
    except ValueError:
        return {"ci_low": None, "ci_high": None}
    found = estimate(statistics, metric.aggregate, resampling, metric.binary, spec.stats.level)
    return {"ci_low": found.low, "ci_high": found.high}
