"""Which of a harness' metrics can have intervals, and how: those that are sums over documents, by what their aggregation does.

A metric that means something else in this task than elsewhere (an `acc` that is no right or wrong) is called by its task, too.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal, TypeAlias

from hanka.metrics.measured import USUAL, Measure, measure_name

Summed: TypeAlias = Literal["mean", "pooled", "perplexity", "weighted_perplexity", "bits_per_byte"]
"How a metric's samples become its value: each is a ratio of sums, or the exponential of one."
Judge: TypeAlias = Callable[[Sequence[Any]], Any]
RIGHT_OR_WRONG: Mapping[str, tuple[str, ...]] = {
    "multiple_choice": USUAL,
    "loglikelihood": ("acc",),
    "generate_until": ("exact_match",),
}
"By kind of output, the harness' own metrics that say right or wrong of every sample."


def measures_of(tasks: Mapping[str, Any]) -> tuple[list[tuple[Measure, Summed]], list[str]]:
    """Return the measures that all tasks have, each with how it is summed, and the names of metrics that are left out."""
    found = [dict(_of_task(name, task)) for name, task in tasks.items()]
    first = found[0]
    names = [name for name in first if all(_alike(one.get(name), first[name]) for one in found)]
    kept = [(measure, how) for measure, how in (first[name] for name in names) if how is not None]
    known = {measure.key for measure, _ in kept}
    left_out = [name.removesuffix(",none") for one in found for name in one if name not in known]
    kept.sort(key=lambda pair: pair[0].higher_is_better is None)
    return kept, list(dict.fromkeys(left_out))


def _alike(one: tuple[Measure, Summed | None] | None, other: tuple[Measure, Summed | None]) -> bool:
    """Tell whether two tasks mean the same by a key."""
    return one is not None and (one[1], replace(one[0], name="")) == (other[1], replace(other[0], name=""))


def _of_task(name: str, task: Any) -> Iterator[tuple[str, tuple[Measure, Summed | None]]]:
    filters = [one.name for one in getattr(task, "_filters", ())] or ["none"]
    judged_plainly = is_plain(task)
    given = _given(task)
    metrics = dict(task.aggregation()) | {one: None for one in given or () if one not in task.aggregation()}
    for filtered in filters:
        for metric, aggregate in metrics.items():
            key = f"{metric},{filtered}"
            how = None if aggregate is None or (given is not None and metric not in given) else summed_by(aggregate)
            usual = metric in RIGHT_OR_WRONG.get(str(task.OUTPUT_TYPE), ())
            binary = how == "mean" and judged_plainly and usual
            better = task.higher_is_better().get(metric)
            exponential = how in ("perplexity", "weighted_perplexity")
            yield (
                key,
                (
                    Measure(
                        measure_name(key, name, binary),
                        key,
                        None if better is None else bool(better),
                        binary,
                        exponential,
                    ),
                    how,
                ),
            )


def is_plain(task: Any) -> bool:
    """Tell whether the harness itself judges a task's answers, not code of the task's own."""
    from lm_eval.api.task import ConfigurableTask

    own = callable(task.config.process_results)
    return not own and type(task).process_results is ConfigurableTask.process_results


def _given(task: Any) -> list[str] | None:
    """Return the metrics that a task's judge gives of a made-up answer to its first document; None where it gives none of such."""
    made_up: Mapping[str, Any] = {
        "generate_until": [""],
        "loglikelihood": [(-1.0, False)],
        "loglikelihood_rolling": [-1.0],
    }
    with contextlib.suppress(Exception):  # a judge of its own code may not take what no model wrote
        document = task.eval_docs[0]
        answers = made_up.get(str(task.OUTPUT_TYPE))
        if answers is None:
            n = len(task.doc_to_choice(document)) * (2 if "acc_mutual_info" in task.aggregation() else 1)
            answers = [(-1.0 - place, False) for place in range(n)]
        return list(task.process_results(document, answers))
    return None


def summed_by(aggregate: Judge) -> Summed | None:
    """Return how an aggregation comes out of sums over samples, by what it makes of a few numbers; None where it does not."""
    scalars, weighted, listed = [0.2, 0.9, 0.1], [(-3.0, 2), (-5.0, 8)], [[1, 0, 1, 1], [0]]
    cases: tuple[tuple[Summed, Sequence[Any], float], ...] = (
        ("mean", scalars, 0.4),
        ("perplexity", scalars, math.exp(-0.4)),
        ("weighted_perplexity", weighted, math.exp(0.8)),
        ("bits_per_byte", weighted, 0.8 / math.log(2)),
        ("pooled", listed, 0.6),
    )
    for how, values, expected in cases:
        with contextlib.suppress(Exception):  # a function of another package, tried on what it may not be meant for
            if math.isclose(float(aggregate(list(values))), expected, rel_tol=1e-9):
                return how
    return None


def amount_and_units(value: Any, how: Summed) -> tuple[float, float]:
    """Return a sample's value as amount and units. Raises ValueError for what is no number."""
    if how in ("weighted_perplexity", "bits_per_byte"):
        nats, units = -float(value[0]), float(value[1])
        amount = nats / math.log(2) if how == "bits_per_byte" else nats
    elif how == "pooled":
        amount, units = float(sum(value)), float(len(value))
    else:
        amount, units = -float(value) if how == "perplexity" else float(value), 1.0
    if not (math.isfinite(amount) and math.isfinite(units) and units > 0):
        raise ValueError(f"{value!r} is no number")
    return amount, units
