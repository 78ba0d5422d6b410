"""The emergence law: how performance leaves chance with pretraining loss, and how fine-tuning moves the place where it does.

    Perf(M, D) = A · max(0, E(D) - L(M)) + B        E(D) = k · (log D)^a + C        (log_power)
                                                    E(D) = k · D^a + C              (power, for comparison)

L(M) is the pretraining loss of a model, D the rows it was fine-tuned on, E(D) the loss at which performance leaves the base B. Of the
low-data limit D0 it is predicted where few-shot performance leaves chance: E(D0). Without D (`elbow`) it is one broken line.

Written here by its ends, E(D) = low + rise · t(D), where t is 0 at the least and 1 at the most rows, because k, a and C move together
and ends do not; k ≥ 0, so rise ≥ 0 (more rows never move the place to a lower loss). Pure: arrays in, arrays out.

Source: Snell et al. (2024), arXiv 2411.16035, Table 1 and captions. **Reconstructed**: the typography of the paper's formulas was out of
reach, so the form is one that agrees with all of its symbols and captions; priors and optimiser are not published and are ours (`Prior`).
Limits: D = 0 is outside the law. The form is smooth in no parameter that decides: see `fit`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from hanka.stats.resampling import FloatArray, IntArray

Form: TypeAlias = Literal["log_power", "power", "elbow"]
LEAST_SIZES = 3
"Fine-tuning sizes below which k, a and C cannot be told apart."
LEAST_MODELS = 4
"Models below which no broken line is fitted."
LEAST_ROWS = 2
"Rows whose logarithm is above 0."
DEVIATIONS = (1e-4, 0.5)
"Between which standard deviations the noise is looked for, in units of performance."
WIDEST, FLAT = 12.0, 1e-6
"Shapes are held between the first to either side; a of `power` nearer to 0 than the second is this one."
NOT_LEFT = "performance is not shown to leave its base"


@dataclass(frozen=True, eq=False)
class Points:
    """Measured performances, one each."""

    loss: FloatArray
    "(n,) pretraining loss of the model, nats per token or bits per byte; one unit for all."
    performance: FloatArray
    "(n,) from 0 to 1."
    rows: IntArray
    "(n,) fine-tuning rows, at least 2; all 0: one broken line without fine-tuning."
    model: IntArray
    "(n,) number of the model, 0, 1, …: what is resampled together."
    variance: FloatArray
    "(n,) squared standard error that the number of test rows alone gives; 0 where it is not known."

    def __post_init__(self) -> None:
        """Raise ValueError for what no law can be fitted to."""
        n = len(self.loss)
        if any(len(one) != n for one in (self.performance, self.rows, self.model, self.variance)):
            raise ValueError("loss, performance, rows, model and variance are of different lengths")
        if not all(np.isfinite(one).all() for one in (self.loss, self.performance, self.variance)):
            raise ValueError("a loss, performance or variance is not a finite number")
        if (self.variance < 0).any():
            raise ValueError("a variance is below 0")
        if self.rows.any() and self.rows.min() < LEAST_ROWS:
            raise ValueError(f"{self.rows.min()} fine-tuning rows: the law begins at {LEAST_ROWS}")

    def __len__(self) -> int:
        """Return the number of points."""
        return len(self.loss)

    @cached_property
    def by_size(self) -> tuple[IntArray, IntArray]:
        """Return the fine-tuning sizes, ascending, and the place of each point's among them."""
        sizes, places = np.unique(self.rows, return_inverse=True)
        return sizes, places

    @property
    def sizes(self) -> IntArray:
        """Return the fine-tuning sizes, ascending."""
        return self.by_size[0]

    @property
    def n_models(self) -> int:
        """Return the number of models."""
        return len(np.unique(self.model))

    @property
    def is_clustered(self) -> bool:
        """Tell whether it is a curve with several values of a model, which err together."""
        return not self.rows.any() and self.n_models < len(self)

    @property
    def span(self) -> float:
        """Return the range of losses."""
        return float(self.loss.max() - self.loss.min())

    def among(self, is_kept: npt.NDArray[np.bool_]) -> Points:
        """Keep some of the points."""
        return self.at(np.flatnonzero(is_kept))

    def at(self, places: IntArray) -> Points:
        """Return the points at some places, which may repeat."""
        loss, performance, variance = (one[places] for one in (self.loss, self.performance, self.variance))
        return Points(loss, performance, self.rows[places], self.model[places], variance)


def points(
    loss: npt.ArrayLike,
    performance: npt.ArrayLike,
    rows: npt.ArrayLike = 0,
    model: npt.ArrayLike | None = None,
    n: npt.ArrayLike = 0,
) -> Points:
    """Make points of columns. model: default one for each loss. n: test rows behind each, 0 where it is not known.

    The variance of a share of n is that of (hits + 1) / (n + 2): a share of 0 or 1 is not known exactly. Raises ValueError.
    """
    losses, found = np.asarray(loss, dtype=np.float64), np.asarray(performance, dtype=np.float64)
    counts = np.broadcast_to(np.asarray(n, dtype=np.float64), losses.shape)
    share = (np.clip(found, 0, 1) * counts + 1) / (counts + 2)
    variance = np.where(counts > 0, share * (1 - share) / np.maximum(counts, 1), 0.0)
    numbers = np.unique(losses if model is None else np.asarray(model), return_inverse=True)[1]
    sizes = np.broadcast_to(np.asarray(rows, dtype=np.int64), losses.shape)
    return Points(losses, found, sizes, numbers.astype(np.int64), variance)


class Prior(NamedTuple):
    """What is held of the law before the data; none of it is published, all of it is here."""

    reach: float = 1.0
    "E at the least rows is uniform from this many ranges of loss below the lowest loss (not below 0) to as many above the highest; its rise is uniform up to as much and one more."
    log_power: float = 1.0
    "Standard deviation of log a in `log_power`, around a = 1."
    power: float = 0.3
    "Standard deviation of a in `power`, around 0, where it is a straight line in log D."
    slope: float = 2.0
    "Standard deviation of the log of A, around one unit of performance over the range of losses."

    def shape(self, form: Form) -> float:
        """Return the standard deviation of what a form is bent by."""
        return self.power if form == "power" else self.log_power


@dataclass(frozen=True, slots=True)
class Law:
    """What is to be fitted: a form, and what of it is known."""

    form: Form
    "How E depends on rows."
    least: int
    "Fine-tuning rows where t is 0; 0 for one broken line."
    most: int
    "Fine-tuning rows where t is 1; 0 for one broken line."
    base: float | None
    "B where it is known, such as chance; None: it is fitted."

    def share(self, rows: npt.ArrayLike, shape: FloatArray) -> FloatArray:
        """Return t of rows, (…, n), for shapes (…,); below the least rows it is below 0.

        (x^a - x0^a) / (1 - x0^a) with x = log D / log most (`log_power`) or D / most (`power`), x0 that of the least rows; at a = 0 its limit.
        """
        return self.share_at(self.logs(rows), self.logs([self.least]), shape)

    def share_at(self, logs: FloatArray, first: FloatArray, shape: FloatArray) -> FloatArray:
        """Return t of rows whose log x is known, and that of the least rows."""
        shapes = np.clip(np.asarray(shape, dtype=np.float64), -WIDEST, WIDEST)[..., None]
        powers = np.exp(shapes) if self.form == "log_power" else np.where(np.abs(shapes) < FLAT, FLAT, shapes)
        start = np.expm1(powers * first)
        return np.asarray((np.expm1(powers * logs) - start) / -start)

    def logs(self, sizes: npt.ArrayLike) -> FloatArray:
        """Return log x of sizes."""
        logs = np.log(np.asarray(sizes, dtype=np.float64))
        return np.asarray(
            np.log(logs / math.log(self.most)) if self.form == "log_power" else logs - math.log(self.most)
        )

    def elbow(self, places: FloatArray, rows: npt.ArrayLike) -> FloatArray:
        """Return E of rows, (…, n), for places (…, n_places): low, rise, shape; of one broken line low alone."""
        if self.form == "elbow":
            return np.broadcast_to(places[..., :1], (*places.shape[:-1], *np.shape(rows)))
        return np.asarray(places[..., :1] + places[..., 1:2] * self.share(rows, places[..., 2]))

    @property
    def n_places(self) -> int:
        """Return how many numbers say where E lies: low, and with fine-tuning rise and shape."""
        return 1 if self.form == "elbow" else 3


def law_of(found: Points, form: Form | None = None, base: float | None = None) -> Law:
    """Return the law that points can tell. form: default log_power, or elbow where there was no fine-tuning.

    Raises ValueError where they are too few for it, or where performance leaves the base nowhere.
    """
    form = form or ("log_power" if found.rows.any() else "elbow")
    if (form == "elbow") == bool(found.rows.any()):
        raise ValueError(f"{form} does not go with " + ("fine-tuning rows" if found.rows.any() else "no fine-tuning"))
    if form != "elbow" and len(found.sizes) < LEAST_SIZES:
        raise ValueError(f"{len(found.sizes)} fine-tuning sizes: the law needs at least {LEAST_SIZES}")
    if len(np.unique(found.loss)) < LEAST_MODELS or (found.n_models < LEAST_MODELS and form != "elbow"):
        raise ValueError(
            f"{min(found.n_models, len(np.unique(found.loss)))} models of different loss: at least {LEAST_MODELS} are needed"
        )
    return Law(form, int(found.sizes[0]), int(found.sizes[-1]), base)


def require_low_data(law: Law, low_data: int) -> int:
    """Return D0 as it is. Raises ValueError where the law says nothing of it."""
    if law.form != "elbow" and not LEAST_ROWS <= low_data <= law.most:
        raise ValueError(
            f"low-data limit of {low_data} rows: allowed are {LEAST_ROWS} to {law.most}, the most that was fine-tuned on"
        )
    return low_data


def rate(law: Law, places: FloatArray, found: Points) -> FloatArray:
    """Return how far each point lies beyond E, max(0, E(D) - L): (…, n) for places (…, n_places)."""
    sizes, place = found.by_size
    return np.maximum(0.0, law.elbow(places, sizes)[..., place] - found.loss)


def log_likelihood(law: Law, parameters: FloatArray, found: Points) -> FloatArray:
    """Return the log-likelihood of parameters, (…,): normal noise of one deviation beside what the number of test rows gives.

    parameters: (…, k): places, log A, B where it is fitted, log of the deviation.
    """
    n = law.n_places
    slope, deviation = np.exp(parameters[..., n : n + 1]), np.exp(parameters[..., -1:])
    base = parameters[..., n + 1 : n + 2] if law.base is None else law.base
    variance = deviation**2 + found.variance
    residual = found.performance - slope * rate(law, parameters[..., :n], found) - base
    return np.asarray(-0.5 * (residual**2 / variance + np.log(2 * math.pi * variance)).sum(axis=-1))
