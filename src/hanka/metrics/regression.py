"""Numbers written by a model against numbers: mean absolute error, Pearson's and Spearman's correlation.

An answer is the number the task's verifier read. Where none could be read, the sample counts as the worst
number of the test set: whichever end of the targets' range is farther from its own target (0 where all targets
are equal; 1 where they are all 0). So no refusal is better than any answer within the range, and every model
is measured on every sample. Limit: an answer far outside the range can be worse than a refusal.

Correlations are 0 where targets or answers do not vary. Their per-sample value is r plus the sample's
influence on r: it averages to r, and its spread is that of r. Pearson is computed from moments, so it is
resampled as it is. Spearman is no function of sums; its interval is that of the mean of the per-sample
values, which takes the sampling of the ranks into account to first order (an infinitesimal jackknife).
Source: Pearson (1896); Spearman (1904); influence functions: Croux & Dehon (2010), sec. 3; Efron (1982), ch. 6.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from hanka.metrics.base import FloatArray, Metric, Outputs, ScoringContext, column
from hanka.metrics.numbers import as_float

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

NO_SPREAD = 1e-12
"A variance below this share of the mean square is rounding error."


class Moments(NamedTuple):
    """Variances and covariance of two columns, over leading axes."""

    first: FloatArray
    second: FloatArray
    product: FloatArray


class Ranks(NamedTuple):
    """A column as its distribution function at its own values, less one half; ties share the middle."""

    centred: FloatArray
    "(n,), mean 0."
    place: npt.NDArray[np.intp]
    "(n,) which distinct value each sample has, ascending."

    def above(self, weights: FloatArray) -> FloatArray:
        """Average the weights of the samples above each sample, those equal to it by half; (n,)."""
        import numpy as np

        sums = np.bincount(self.place, weights)
        return np.asarray(((sums[::-1].cumsum()[::-1] - sums / 2) / len(self.place))[self.place])


def numbers_of(outputs: Outputs) -> tuple[FloatArray, FloatArray]:
    """Return targets and answers as numbers, (n,) each; unread answers are the worst of the test set.

    Raises ValueError where a target is no number.
    """
    import numpy as np

    outputs.require("targets", "answers")
    read = [as_float(target) for target in outputs.targets]
    wrong = next((text for text, value in zip(outputs.targets, read, strict=True) if value is None), None)
    if wrong is not None:
        raise ValueError(f"target {wrong!r} is no number")
    targets = np.asarray(read, dtype=np.float64)
    answers = np.array([np.nan if (value := as_float(text)) is None else value for text in outputs.answered])
    return targets, np.where(np.isnan(answers), worst_numbers(targets), answers)


def worst_numbers(targets: FloatArray) -> FloatArray:
    """Return for each target, (n,), the end of the targets' range that is farther from it."""
    import numpy as np

    low, high = targets.min(), targets.max()
    if low == high:
        return np.full_like(targets, 0.0 if low else 1.0)
    return np.asarray(np.where(targets - low > high - targets, low, high))


def absolute_errors(outputs: Outputs, context: ScoringContext) -> FloatArray:
    """Return (n, 1): |answer - target|."""
    import numpy as np

    targets, answers = numbers_of(outputs)
    return column(np.abs(answers - targets).tolist())


def pearson_statistics(outputs: Outputs, context: ScoringContext) -> FloatArray:
    """Return (n, 6): the per-sample value; target, answer, their squares and their product.

    Both are counted from the targets' mean in units of the targets' spread, which changes no correlation and
    keeps the sums exact for numbers such as years.
    """
    import numpy as np

    targets, answers = numbers_of(outputs)
    spread = float(targets.std()) or 1.0
    x, y = (targets - targets.mean()) / spread, (answers - targets.mean()) / spread
    sums = np.column_stack([np.zeros_like(x), x, y, x * x, y * y, x * y])
    n = np.asarray(float(len(x)))
    r, moments = pearson(sums.sum(axis=0), n), _moments(sums.sum(axis=0), n)
    if moments.first > 0 and moments.second > 0:
        zx, zy = (x - x.mean()) / np.sqrt(moments.first), (y - y.mean()) / np.sqrt(moments.second)
        sums[:, 0] = r + zx * zy - r * (zx * zx + zy * zy) / 2
    return sums


def pearson(sums: FloatArray, n: FloatArray) -> FloatArray:
    """Compute the correlation from sums, (..., 6); 0 where either side does not vary."""
    import numpy as np

    first, second, product = _moments(sums, n)
    scale = np.sqrt(first * second)
    return np.clip(np.divide(product, scale, out=np.zeros_like(scale), where=scale > 0), -1.0, 1.0)


def _moments(sums: FloatArray, n: FloatArray) -> Moments:
    import numpy as np

    x, y, xx, yy, xy = (sums[..., place] / n for place in range(1, 6))
    first, second = xx - x * x, yy - y * y
    return Moments(
        np.where(first > NO_SPREAD * xx, first, 0.0), np.where(second > NO_SPREAD * yy, second, 0.0), xy - x * y
    )


def spearman_statistics(outputs: Outputs, context: ScoringContext) -> FloatArray:
    """Return (n, 1): the rank correlation plus the sample's influence on it; the mean is the correlation."""
    import numpy as np

    targets, answers = numbers_of(outputs)
    x, y = _ranks(targets), _ranks(answers)
    first, second, product = (float((a.centred * b.centred).mean()) for a, b in ((x, x), (y, y), (x, y)))
    if not first or not second:
        return np.zeros((len(targets), 1))
    scale = float(np.sqrt(first * second))
    rho = product / scale
    influence = _influence(x, y) / scale
    influence -= rho / 2 * (_influence(x, x) / first + _influence(y, y) / second)
    return column((rho + influence).tolist())


def _ranks(values: FloatArray) -> Ranks:
    import numpy as np

    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    middle = (counts.cumsum() - counts / 2) / len(values) - 0.5
    return Ranks(middle[place], place)


def _influence(x: Ranks, y: Ranks) -> FloatArray:
    """Return each sample's influence on the mean product of two columns of centred ranks, (n,).

    Left out is a constant, three times the mean product, because it cancels in the correlation.
    """
    return x.centred * y.centred + x.above(y.centred) + y.above(x.centred)


def bounded_mean(sums: FloatArray, n: FloatArray) -> FloatArray:
    """Divide the first sum by n, and keep it between -1 and 1."""
    import numpy as np

    return np.clip(sums[..., 0] / n, -1.0, 1.0)


MAE = Metric(
    name="mae",
    display="Mean absolute error",
    display_ja="平均絶対誤差",
    version="1",
    low=0.0,
    high=float("inf"),
    higher_is_better=False,
    kinds=("regression",),
    reference="mean of |answer - target|; an answer that cannot be read is the worst number of the test set",
    statistics=absolute_errors,
)
PEARSON = Metric(
    name="pearson",
    display="Pearson's r",
    display_ja="ピアソンの r",
    version="1",
    low=-1.0,
    high=1.0,
    higher_is_better=True,
    kinds=("regression",),
    reference="Pearson (1896)",
    statistics=pearson_statistics,
    aggregate=pearson,
)
SPEARMAN = Metric(
    name="spearman",
    display="Spearman's ρ",
    display_ja="スピアマンの ρ",
    version="1",
    low=-1.0,
    high=1.0,
    higher_is_better=True,
    kinds=("regression",),
    reference="Spearman (1904); interval by influence values, Croux & Dehon (2010)",
    statistics=spearman_statistics,
    aggregate=bounded_mean,
)
