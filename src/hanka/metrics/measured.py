"""Metrics that are no hanka's own: what a harness measured of every sample, as amount and units.

A run declares its measures (plan.json `measures`), and whoever reads the run adds them to `METRICS`. A measure's name is the harness' key,
metric and filter joined by a comma (`acc_norm,none`), so that none is a name of hanka's own. Its value is the sum of amounts over the sum of
units: a mean where every unit is 1, micro-averaged where a sample counts several, its exponential for a perplexity.
Source: lm-evaluation-harness, `lm_eval/api/metrics.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from hanka.metrics.base import FloatArray, Metric, Outputs, ScoringContext, mean
from hanka.metrics.likelihood import ratio_of_sums

USUAL = ("acc", "acc_norm", "acc_bytes", "acc_mutual_info", "exact_match")
"Metrics of a harness that say right or wrong, unless a task means something else by them."


def measure_name(key: str, task: str, binary: bool) -> str:
    """Return what a measure is called: its key, and with its task where it says right or wrong elsewhere and not there."""
    metric, _, filtered = key.partition(",")
    return key if binary or metric not in USUAL else f"{metric} of {task},{filtered}"


@dataclass(frozen=True, slots=True)
class Measure:
    """What a harness measures, as a run declares it."""

    name: str
    "The metric's name here: the harness' key, or that with its task where the same key means something else in other tasks."
    key: str
    "The harness' key: metric and filter, joined by a comma."
    higher_is_better: bool | None
    "Which way is better; None: the harness does not say."
    binary: bool = False
    "Whether every sample is right or wrong and the value is the share of right ones."
    exponential: bool = False
    "Whether the value is the exponential of the ratio, as for a perplexity."

    def metric(self) -> Metric:
        """Return the metric that reads it."""
        from_store = _statistics(self.name, self.binary)
        aggregate = mean if self.binary else exponential_of_ratio if self.exponential else ratio_of_sums
        return Metric(
            name=self.name,
            display=self.name.removesuffix(",none"),
            version="1",
            low=0.0 if self.binary or self.exponential else float("-inf"),
            high=1.0 if self.binary else float("inf"),
            higher_is_better=self.higher_is_better,
            kinds=("harness",),
            reference="lm-evaluation-harness",
            statistics=from_store,
            aggregate=aggregate,
            binary=self.binary,
            reads=("measures",),
        )


def declare(stored: Iterable[Mapping[str, Any]]) -> None:
    """Add the measures that a run declares to `METRICS`. Raises HankaError where one of the name means something else already."""
    from hanka.metrics import METRICS

    for one in stored:
        METRICS.add(Measure(**one).metric(), what=repr(sorted(one.items())))


def stored(measures: Iterable[Measure]) -> list[dict[str, Any]]:
    """Return measures as plan.json holds them."""
    return [asdict(one) for one in measures]


def exponential_of_ratio(sums: FloatArray, n: FloatArray) -> FloatArray:
    """Return e to the sum of amounts over the sum of units; sums: (..., 3)."""
    import numpy as np

    return np.asarray(np.exp(ratio_of_sums(sums, n)))


def _statistics(name: str, binary: bool) -> Any:
    def statistics(outputs: Outputs, context: ScoringContext) -> FloatArray:
        """Return (n, 1), the value, of a measure that is right or wrong; else (n, 3): ratio, amount, units."""
        import numpy as np

        outputs.require("measures")
        pairs = np.asarray([_of(one, name) for one in outputs.measures], dtype=np.float64)
        ratios = pairs[:, 0] / pairs[:, 1]
        return ratios[:, None] if binary else np.column_stack([ratios, pairs])

    return statistics


def _of(measured: Mapping[str, tuple[float, float]] | None, name: str) -> tuple[float, float]:
    if measured is None or name not in measured:
        raise ValueError(f"a sample has no measure {name!r}: it was not judged by the harness that declares it")
    return measured[name]
