"""Maximum likelihood of the emergence law: many starts, because a broken line is no smooth function of where it breaks.

Slope and base follow from the rest by weighted least squares, so that only where E lies and how large the noise is are looked for:
quasi-random starts are weighed all at once, and the best are made better by the simplex of Nelder & Mead (1965), which needs no slope.
The noise that the number of test rows gives is known; what lies beyond it is fitted. Deterministic: starts follow from nothing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import optimize, special
from scipy.stats import qmc

from hanka.stats.emergence.law import DEVIATIONS, NOT_LEFT, Law, Points, Prior, log_likelihood, rate, require_low_data
from hanka.stats.resampling import FloatArray

STARTS = 10
"Starts that are weighed, as a power of 2."
POLISHED = 6
"Best of them that are made better."
WIDTH = 2.0
"Standard deviations of the prior to either side within which the likeliest shape is looked for."
CLOSE, ROUGH = 1e-6, 1e-3
"How close in parameters and in log-likelihood a simplex ends; the second where a fit is one of many."
SHOWN_AT = 0.01
"Level at which performance is shown to leave its base."
NOISES = 200
"Deviations that are tried for what a law, or the base alone, leaves."
OFFSETS = 40
"Deviations of whole models that are tried, beside none."
PASSES = 3
"Times that noise and weights are found from each other at a start."


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """The likeliest law."""

    law: Law
    "What was fitted."
    parameters: FloatArray
    "(k,) as `log_likelihood` takes them."
    log_likelihood: float
    "Of the points."
    residual: float
    "Root mean squared residual."
    n: int
    "Points."

    def elbow(self, rows: int) -> float:
        """Return E of so many rows, 0 where it lies below: never. Raises ValueError where the law says nothing of it."""
        sizes = np.array([require_low_data(self.law, rows)])
        return max(0.0, float(self.law.elbow(self.parameters[: self.law.n_places], sizes)[0]))

    @property
    def slope(self) -> float:
        """Return A, performance per unit of loss."""
        return math.exp(self.parameters[self.law.n_places])

    @property
    def base(self) -> float:
        """Return B."""
        return float(self.parameters[self.law.n_places + 1]) if self.law.base is None else self.law.base

    def performance(self, loss: FloatArray, rows: int) -> FloatArray:
        """Return what is expected at losses after so many rows."""
        return self.slope * np.maximum(0.0, self.elbow(rows) - loss) + self.base


def fit(law: Law, found: Points, prior: Prior | None = None, near: FloatArray | None = None) -> Fit:
    """Return the likeliest law. near: (m, k) parameters to begin at beside fewer starts, as a bootstrap does.

    Raises ValueError where performance leaves its base nowhere.
    """
    starts = _starts(law, found, prior or Prior(), STARTS if near is None else STARTS - 3)
    weighed = _weighed(law, found, starts)
    if not len(weighed):
        raise ValueError(NOT_LEFT)
    order = np.argsort(-log_likelihood(law, weighed, found), kind="stable")
    best = [weighed[place] for place in order[: POLISHED if near is None else 1]]
    best += [] if near is None else list(near)
    close = CLOSE if near is None else ROUGH
    made = [_polished(law, found, one, prior or Prior(), close) for one in best]
    parameters = max(made, key=lambda one: float(log_likelihood(law, one, found)))
    n, slope = law.n_places, math.exp(parameters[law.n_places])
    base = parameters[n + 1] if law.base is None else law.base
    residual = found.performance - slope * rate(law, parameters[:n], found) - base
    size = math.sqrt(float((residual**2).mean()))
    return Fit(law, parameters, float(log_likelihood(law, parameters, found)), size, len(found))


def is_shown(best: Fit, found: Points) -> bool:
    """Tell whether a law describes values better than its base alone, by the likelihood ratio at `SHOWN_AT`.

    Values of a model may err together: on either side a model may lie off by a normal amount of its own. As many degrees of freedom as the law
    has numbers beside base and noise. Where the elbow is free the ratio is not exactly chi-squared, so the level is a strict one.
    """
    law, n = best.law, best.law.n_places
    base = found.performance if law.base is None else found.performance - law.base
    left = found.performance - best.slope * rate(law, best.parameters[:n], found) - best.base
    gained = 2 * (max(best.log_likelihood, _grouped(left, found, False)) - _grouped(base, found, law.base is None))
    return bool(special.chdtrc(n + 1, max(gained, 0.0)) < SHOWN_AT)


def _grouped(left: FloatArray, found: Points, has_mean: bool) -> float:
    """Return the largest log-likelihood of what is left, models off by normal amounts of their own. has_mean: about a mean that suits best."""
    n_models, group = found.n_models, np.unique(found.model, return_inverse=True)[1]
    nodes = np.exp(np.linspace(math.log(DEVIATIONS[0]), math.log(DEVIATIONS[1]), NOISES))
    apart = np.append(0.0, nodes[:: NOISES // OFFSETS] if n_models < len(found) else []) ** 2
    weights = 1 / (nodes[:, None] ** 2 + found.variance)
    whole, sums = np.zeros((NOISES, n_models)), np.zeros((NOISES, n_models))
    np.add.at(whole.T, group, weights.T)
    np.add.at(sums.T, group, (weights * left).T)
    squares, size = (weights * left**2).sum(axis=1), np.log(weights / (2 * math.pi)).sum(axis=1)
    found_best = -math.inf
    for between in apart:
        share = 1 / (1 + between * whole)
        mean = (
            ((sums * share).sum(axis=1) / (whole * share).sum(axis=1))[:, None] if has_mean else np.zeros((NOISES, 1))
        )
        off = (
            squares
            - (2 * mean * sums - mean**2 * whole).sum(axis=1)
            - between * (share * (sums - mean * whole) ** 2).sum(axis=1)
        )
        found_best = max(found_best, float((0.5 * (size - off + np.log(share).sum(axis=1))).max()))
    return found_best


def box(law: Law, found: Points, prior: Prior) -> FloatArray:
    """Return the bounds of where E lies, (n_places, 2)."""
    low, high, reach = float(found.loss.min()), float(found.loss.max()), prior.reach * found.span
    if law.form == "elbow":
        return np.array([[low, high + reach]])
    bend = WIDTH * prior.shape(law.form)
    return np.array([[max(0.0, low - reach), high + reach], [0.0, found.span + reach], [-bend, bend]])


def _starts(law: Law, found: Points, prior: Prior, power: int) -> FloatArray:
    """Return (m, n_places) places spread evenly in the box."""
    ends = box(law, found, prior)
    spread = qmc.Sobol(law.n_places, scramble=False).random_base2(power)
    return np.asarray(ends[:, 0] + spread * (ends[:, 1] - ends[:, 0]))


def _weighed(law: Law, found: Points, places: FloatArray) -> FloatArray:
    """Return (m, k) parameters whose slope, base and noise fit best to places; those without a rise are left out."""
    beyond = rate(law, places, found)
    variance = np.full((len(places), 1), float(np.var(found.performance))) + found.variance
    slope, base = np.zeros(len(places)), np.zeros(len(places))
    noise = np.zeros(len(places))
    for _ in range(PASSES):
        slope, base = _line(law, found, beyond, 1 / variance)
        residual = found.performance - slope[:, None] * beyond - base[:, None]
        noise = np.clip((residual**2 - found.variance).mean(axis=1), DEVIATIONS[0] ** 2, DEVIATIONS[1] ** 2)
        variance = noise[:, None] + found.variance
    kept = slope > 0
    columns = [places, np.log(np.where(kept, slope, 1.0))[:, None]]
    columns += [base[:, None]] if law.base is None else []
    return np.column_stack([*columns, 0.5 * np.log(noise)[:, None]])[kept]


def _line(law: Law, found: Points, beyond: FloatArray, weights: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the slope and base, (m,) each, of weighted lines through (m, n) distances beyond E."""
    if law.base is not None:
        top = (weights * beyond * (found.performance - law.base)).sum(axis=1)
        bottom = (weights * beyond**2).sum(axis=1)
        return np.where(bottom > 0, top / np.where(bottom > 0, bottom, 1.0), 0.0), np.full(len(beyond), law.base)
    whole = weights.sum(axis=1)
    middle = (weights * beyond).sum(axis=1) / whole
    height = (weights * found.performance).sum(axis=1) / whole
    off = beyond - middle[:, None]
    bottom = (weights * off**2).sum(axis=1)
    slope = np.where(
        bottom > 0, (weights * off * found.performance).sum(axis=1) / np.where(bottom > 0, bottom, 1.0), 0.0
    )
    return slope, height - slope * middle


def _polished(law: Law, found: Points, start: FloatArray, prior: Prior, close: float) -> FloatArray:
    """Make parameters better by a simplex over places and noise, until it is closer than so much."""
    ends, n = box(law, found, prior), law.n_places
    at = _Likeliest(law, found, ends)

    def badness(free: FloatArray) -> float:
        made = at(free)
        return 1e9 if made is None else -made[1]

    begin = np.append(np.clip(start[:n], ends[:, 0], ends[:, 1]), start[-1])
    options = {"xatol": close, "fatol": close, "maxiter": 600, "maxfev": 900}
    done = at(optimize.minimize(badness, begin, method="Nelder-Mead", options=options).x)
    return start if done is None else done[0]


class _Likeliest:
    """The likeliest parameters at places and noise, and their log-likelihood: `_line` and `log_likelihood` for one at a time.

    A simplex asks hundreds of times and a bootstrap for hundreds of them, so what does not change is worked out once.
    """

    def __init__(self, law: Law, found: Points, ends: FloatArray) -> None:
        self.law, self.found = law, found
        sizes, self.place = found.by_size
        noise = [math.log(one) for one in DEVIATIONS]
        self.low, self.high = np.append(ends[:, 0], noise[0]), np.append(ends[:, 1], noise[1])
        self.logs = None if law.form == "elbow" else (law.logs(sizes), law.logs([law.least]))

    def __call__(self, free: FloatArray) -> tuple[FloatArray, float] | None:
        """Return parameters and log-likelihood; None where the free ones are not allowed or performance does not rise."""
        if (free < self.low).any() or (free > self.high).any():
            return None
        found, n = self.found, self.law.n_places
        beyond = np.maximum(0.0, self._elbows(free) - found.loss)
        slope, base = self._line(beyond, 1 / (math.exp(free[n]) ** 2 + found.variance))
        if slope <= 0:
            return None
        rest = [math.log(slope)] + ([base] if self.law.base is None else [])
        variance = np.exp(free[n]) ** 2 + found.variance
        residual = found.performance - np.exp(rest[0]) * beyond - base
        value = -0.5 * (residual**2 / variance + np.log(2 * math.pi * variance)).sum()
        return np.array([*free[:n], *rest, free[n]]), float(value)

    def _elbows(self, free: FloatArray) -> FloatArray:
        if self.logs is None:
            return free[:1]
        return np.asarray(free[0] + free[1] * self.law.share_at(*self.logs, free[2]))[self.place]

    def _line(self, beyond: FloatArray, weights: FloatArray) -> tuple[float, float]:
        performance, base = self.found.performance, self.law.base
        if base is not None:
            bottom = float((weights * beyond**2).sum())
            return (float((weights * beyond * (performance - base)).sum()) / bottom if bottom > 0 else 0.0), base
        whole = weights.sum()
        off = beyond - (weights * beyond).sum() / whole
        bottom = float((weights * off**2).sum())
        slope = float((weights * off * performance).sum()) / bottom if bottom > 0 else 0.0
        return slope, float((weights * performance).sum() / whole - slope * ((weights * beyond).sum() / whole))
