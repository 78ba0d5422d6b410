"""The Metric contract: additive statistics per sample, and a function of their weighted sums.

predict → **score** → store. A metric is a row of k numbers per sample and a vectorised function of the
sums of those rows. So a resample is a matrix product of weights with rows, whatever the metric; means,
macro-F1 and shares are bootstrapped and jackknifed by the same lines of `stats`. Column 0 of the rows is
always the per-sample value that is stored.

What becomes of a prediction that is not ok:
- failed (nothing came out): no value, with the reason; counted beside every mean, never inside it, for
  the failure is the machine's and not the model's.
- unparsed (text came out, but no answer in it): the empty answer, which is wrong: 0 for accuracy, exact
  match and ROUGE. The model was asked and did not answer; leaving such samples out would reward a model
  for refusing the hard ones. Metrics that describe outputs read the raw text instead
  (`describes_output`).

Limits: a metric that is no smooth function of sums (a median, a maximum) does not fit the contract.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from hanka.records import Prediction, Score, TaskKind

FloatArray: TypeAlias = npt.NDArray[np.float64]
Need: TypeAlias = Literal["labels", "training_labels", "max_new_tokens"]

MISSING: dict[Need, str] = {
    "labels": "the tested task has no labels",
    "training_labels": "no training labels: the variant was not trained on a classification task",
    "max_new_tokens": "the generation cap is unknown",
}


@dataclass(frozen=True, slots=True)
class ScoringContext:
    """What a metric may know beside target and answer; equal for all samples unless stated."""

    labels: tuple[str, ...] = ()
    "Label words of the tested task; empty for generation."
    training_labels: tuple[str, ...] = ()
    "Label words of the task the variant was trained on; empty for base and after generation training."
    max_new_tokens: int | None = None
    "Generation cap of the cell, in tokens."
    n_output_tokens: tuple[int, ...] = ()
    "Generated tokens of each answer, aligned with the answers; `Metric.rows` fills it from the predictions."


Statistics: TypeAlias = Callable[[Sequence[str], Sequence[str], ScoringContext], FloatArray]
Aggregate: TypeAlias = Callable[[FloatArray, FloatArray], FloatArray]


class Rows(NamedTuple):
    """The statistics of the samples that could be scored, with their ids."""

    sample_ids: tuple[str, ...]
    statistics: FloatArray


def mean(sums: FloatArray, n: FloatArray) -> FloatArray:
    """Divide the first sum by n; sums: (..., k), n: (...) total weights, positive."""
    return np.asarray(sums[..., 0] / n)


@dataclass(frozen=True, slots=True)
class Metric:
    """One way to score, as statistics per sample and an aggregate of their sums."""

    name: str
    "The name a study file and the tables use."
    display: str
    "What figures and reports print."
    version: str
    "Changes whenever a value could change."
    low: float
    "Smallest possible value."
    high: float
    "Largest possible value; inf where there is none."
    higher_is_better: bool | None
    "None: descriptive, neither end is good."
    kinds: tuple[TaskKind, ...]
    "Kinds of task it applies to."
    reference: str
    "Paper or definition."
    statistics: Statistics
    "(targets, answers, context) → (n, k); column 0 is the per-sample value. Empty input raises ValueError."
    aggregate: Aggregate = mean
    "(sums (..., k), n (...)) → (...), vectorised over the leading axes."
    binary: bool = False
    "Whether per-sample values are 0 or 1 and the aggregate is their mean: exact binomial methods apply."
    needs: tuple[Need, ...] = ()
    "Context without which it has no value."
    describes_output: bool = False
    "Whether an unparsed prediction is described by its raw text; else it counts as the empty answer."

    def missing(self, context: ScoringContext) -> str:
        """Say why there can be no value in this context; empty if there can."""
        return "; ".join(MISSING[need] for need in self.needs if not getattr(context, need))

    def texts(self, parsed: Sequence[str | None], outputs: Sequence[str | None]) -> list[str]:
        """Return the texts that are scored for predictions that did not fail."""
        if self.describes_output:
            return [
                (output or "") if answer is None else answer for answer, output in zip(parsed, outputs, strict=True)
            ]
        return ["" if answer is None else answer for answer in parsed]

    def rows(self, predictions: Sequence[Prediction], context: ScoringContext) -> Rows:
        """Compute the statistics of all predictions that did not fail.

        Returns ids and (n, k) statistics in the order of `predictions`. Raises ValueError when nothing
        can be scored or the context lacks what the metric needs.
        """
        reason = self.missing(context)
        if reason:
            raise ValueError(f"{self.name}: {reason}")
        scored = [prediction for prediction in predictions if prediction.status != "failed"]
        if not scored:
            raise ValueError(f"{self.name}: none of {len(predictions)} predictions can be scored")
        context = replace(context, n_output_tokens=tuple(prediction.n_output_tokens for prediction in scored))
        texts = self.texts([prediction.parsed for prediction in scored], [prediction.output for prediction in scored])
        statistics = self.statistics([prediction.target for prediction in scored], texts, context)
        return Rows(tuple(prediction.sample_id for prediction in scored), statistics)

    def scores(self, predictions: Sequence[Prediction], context: ScoringContext) -> list[Score]:
        """Score every prediction, in order; failed ones and missing context give null with the reason.

        Raises ValueError for an empty sequence.
        """
        if not predictions:
            raise ValueError(f"{self.name}: no predictions to score")
        missing = self.missing(context)
        values: dict[int, float] = {}
        places = [place for place, prediction in enumerate(predictions) if prediction.status != "failed"]
        if places and not missing:
            statistics = self.rows(predictions, context).statistics
            values = dict(zip(places, statistics[:, 0].tolist(), strict=True))
        return [self._score(prediction, values.get(place), missing) for place, prediction in enumerate(predictions)]

    def _score(self, prediction: Prediction, value: float | None, missing: str) -> Score:
        reason = ""
        if prediction.status == "failed":
            reason = prediction.reason or "the prediction failed"
        elif value is None:
            reason = missing
        return Score(prediction.sample_id, self.name, value, prediction.status, reason)

    def score(self, prediction: Prediction, context: ScoringContext) -> Score:
        """Score one prediction alone; `distinct_share` then knows no other output and gives 1."""
        return self.scores([prediction], context)[0]

    def value(self, statistics: FloatArray) -> float:
        """Aggregate the rows of one cell, (n, k), into its value; raises ValueError when there are none."""
        if len(statistics) == 0:
            raise ValueError(f"{self.name}: no samples to aggregate")
        return float(self.aggregate(statistics.sum(axis=0), np.asarray(float(len(statistics)))))


def align(first: Rows, second: Rows) -> tuple[Rows, Rows]:
    """Keep the samples that both have, in the order of `first`: the input of a paired comparison.

    Raises ValueError when an id occurs twice or no sample is shared.
    """
    places = {sample_id: place for place, sample_id in enumerate(second.sample_ids)}
    if len(places) < len(second.sample_ids) or len(set(first.sample_ids)) < len(first.sample_ids):
        raise ValueError("a sample id occurs twice: samples cannot be paired")
    kept = [place for place, sample_id in enumerate(first.sample_ids) if sample_id in places]
    if not kept:
        raise ValueError("no sample was scored on both sides: there is nothing to pair")
    shared = tuple(first.sample_ids[place] for place in kept)
    partners = [places[sample_id] for sample_id in shared]
    return Rows(shared, first.statistics[kept]), Rows(shared, second.statistics[partners])


def require_aligned(targets: Sequence[str], answers: Sequence[str]) -> None:
    """Raise ValueError unless there is one answer per target, and at least one."""
    if len(targets) != len(answers):
        raise ValueError(f"{len(targets)} targets but {len(answers)} answers: align them by sample id")
    if not targets:
        raise ValueError("no samples to score: an empty test set has no value")


def column(values: Sequence[float]) -> FloatArray:
    """Turn one value per sample into (n, 1) statistics."""
    return np.asarray(values, dtype=np.float64).reshape(-1, 1)
