"""The Metric contract: additive statistics per sample, and a function of their weighted sums.

predict → **score** → store. A metric is a row of k numbers per sample and a vectorised function of the
sums of those rows. So a resample is a matrix product of weights with rows, whatever the metric; means,
macro-F1, ratios and correlations are bootstrapped and jackknifed by the same lines of `stats`. Column 0 of
the rows is always the per-sample value that is stored.

What becomes of a prediction that is not ok:
- failed (nothing came out): no value, with the reason; counted beside every mean, never inside it, for
  the failure is the machine's and not the model's.
- unparsed (text came out, but no answer in it): the empty answer, which is wrong: 0 for accuracy, exact
  match and ROUGE; for a number, the worst of the test set (regression.py). The model was asked and did not
  answer; leaving such samples out would reward a model for refusing the hard ones. Metrics that describe
  outputs read the raw text instead (`Outputs.described`).

Limits: a metric that is no smooth function of sums (a median, a maximum) does not fit the contract; a rank
correlation fits to first order (regression.py).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

from hanka.records import Prediction, TaskKind

if TYPE_CHECKING:  # numpy is imported where it computes: a study is checked without it
    import numpy as np
    import numpy.typing as npt

FloatArray: TypeAlias = "npt.NDArray[np.float64]"
Need: TypeAlias = Literal["labels", "training_labels", "max_new_tokens"]
Column: TypeAlias = Literal[
    "targets", "answers", "rewards", "texts", "label_scores", "token_scores", "n_tokens", "measures"
]

LEAST_SUPPORT = 10
"Samples behind a part of a metric, below which that part decides by chance and no interval is given."

MISSING: dict[Need, str] = {
    "labels": "the tested task has no labels",
    "training_labels": "no training labels: the variant was not trained on a classification task",
    "max_new_tokens": "the generation cap is unknown",
}


@dataclass(frozen=True, slots=True)
class ScoringContext:
    """What a metric may know beside the outputs; equal for all samples."""

    labels: tuple[str, ...] = ()
    "Label words of the tested task; empty where it has none."
    training_labels: tuple[str, ...] = ()
    "Label words of the task the variant was trained on; empty for base and after training without labels."
    max_new_tokens: int | None = None
    "Generation cap of the cell, in tokens."


@dataclass(frozen=True, slots=True)
class Outputs:
    """What came out for the samples of a cell that did not fail, by column, aligned by sample.

    A metric says in `reads` which columns it needs; the others may be left empty.
    """

    targets: Sequence[str] = ()
    "Reference outputs, or the texts that were scored."
    answers: Sequence[str | None] = ()
    "What the task read from the outputs; None where it could not."
    rewards: Sequence[float | None] = ()
    "How right the task's verifier finds each answer, 0 to 1."
    texts: Sequence[str | None] = ()
    "Raw outputs."
    label_scores: Sequence[Sequence[float] | FloatArray | None] = ()
    "Log-likelihood (nats) of each label."
    token_scores: Sequence[Sequence[float] | FloatArray | None] = ()
    "Log-likelihood (nats) of each token of the text."
    n_tokens: Sequence[int] = ()
    "Generated tokens without EOS."
    measures: Sequence[Mapping[str, tuple[float, float]] | None] = ()
    "Measure → amount and units, as a harness judged."

    def require(self, *columns: Column) -> None:
        """Raise ValueError unless these columns hold one value per sample, and there is a sample."""
        lengths = {name: len(getattr(self, name)) for name in columns}
        if len(set(lengths.values())) > 1:
            said = ", ".join(f"{count} {name}" for name, count in lengths.items())
            raise ValueError(f"columns are not aligned by sample: {said}")
        if not all(lengths.values()):
            raise ValueError("no samples to score: an empty test set has no value")

    @property
    def answered(self) -> list[str]:
        """The answers, the empty one where none could be read."""
        return ["" if answer is None else answer for answer in self.answers]

    @property
    def described(self) -> list[str]:
        """The answers, the raw text where none could be read."""
        pairs = zip(self.answers, self.texts, strict=True)
        return [(text or "") if answer is None else answer for answer, text in pairs]


Statistics: TypeAlias = Callable[[Outputs, ScoringContext], FloatArray]
Aggregate: TypeAlias = Callable[[FloatArray, FloatArray], FloatArray]


class Rows(NamedTuple):
    """The statistics of the samples that could be scored, with their ids."""

    sample_ids: tuple[str, ...]
    statistics: FloatArray


def mean(sums: FloatArray, n: FloatArray) -> FloatArray:
    """Divide the first sum by n; sums: (..., k), n: (...) total weights, positive."""
    import numpy as np

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
    "Smallest possible value; -inf where there is none."
    high: float
    "Largest possible value; inf where there is none."
    higher_is_better: bool | None
    "None: descriptive, neither end is good."
    kinds: tuple[TaskKind, ...]
    "Kinds of task it applies to."
    reference: str
    "Paper or definition."
    statistics: Statistics
    "(outputs, context) → (n, k); column 0 is the per-sample value. Empty or unaligned input raises ValueError."
    aggregate: Aggregate = mean
    "(sums (..., k), n (...)) → (...), vectorised over the leading axes."
    binary: bool = False
    "Whether per-sample values are 0 or 1 and the aggregate is their mean: exact binomial methods apply."
    needs: tuple[Need, ...] = ()
    "Context without which it has no value."
    support: Callable[[FloatArray], float] | None = None
    "Sums (k,) → samples behind the part that rests on the fewest, such as a class; None: all count alike."
    display_ja: str = ""
    "What Japanese sentences call it; empty: as `display`."
    reads: tuple[Column, ...] = ("targets", "answers")
    "Columns of the outputs that it reads; only these are read from the store."

    def span(self, *statistics: FloatArray) -> float:
        """Return the largest possible difference of one sample: the metric's range, else that of what was measured."""
        if math.isfinite(self.high - self.low):
            return self.high - self.low
        return max(float(rows[:, 0].max()) for rows in statistics) - min(float(rows[:, 0].min()) for rows in statistics)

    def is_supported(self, statistics: FloatArray) -> bool:
        """Tell whether (n, k) statistics hold samples enough behind every part for an interval."""
        return self.support is None or float(self.support(statistics.sum(axis=0))) >= LEAST_SUPPORT

    def missing(self, context: ScoringContext) -> str:
        """Say why there can be no value in this context; empty if there can."""
        return "; ".join(MISSING[need] for need in self.needs if not getattr(context, need))

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
        return Rows(tuple(one.sample_id for one in scored), self.statistics(outputs_of(scored), context))

    def value(self, statistics: FloatArray) -> float:
        """Aggregate the rows of one cell, (n, k), into its value; raises ValueError when there are none."""
        import numpy as np

        if len(statistics) == 0:
            raise ValueError(f"{self.name}: no samples to aggregate")
        return float(self.aggregate(statistics.sum(axis=0), np.asarray(float(len(statistics)))))


def outputs_of(predictions: Sequence[Prediction]) -> Outputs:
    """Put predictions that did not fail into columns."""
    return Outputs(
        targets=[one.target for one in predictions],
        answers=[one.parsed for one in predictions],
        rewards=[one.reward for one in predictions],
        texts=[one.output for one in predictions],
        label_scores=[one.label_scores for one in predictions],
        token_scores=[one.token_scores for one in predictions],
        n_tokens=[one.n_output_tokens for one in predictions],
        measures=[one.measures for one in predictions],
    )


def column(values: Sequence[float]) -> FloatArray:
    """Turn one value per sample into (n, 1) statistics."""
    import numpy as np

    return np.asarray(values, dtype=np.float64).reshape(-1, 1)
