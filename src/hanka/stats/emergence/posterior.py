"""The posterior of the emergence law by emcee: independent ensembles, and no answer unless they agree.

Goodman & Weare's ensembles (2010) through emcee (Foreman-Mackey et al. 2013, arXiv 1202.3665), moved by differences of walkers, which
suits parameters that move together. Two signs must both be good for every parameter and for the predicted elbow: at least `LEAST_TIMES`
autocorrelation times per ensemble (Goodman & Weare's estimate, emcee's), and split R-hat over all walkers of all ensembles (Gelman et al.,
Bayesian Data Analysis, 3rd ed., 11.4) at most `WORST_RHAT`. A posterior that has neither after `MOST_STEPS` raises `UnconvergedError`.

Limits: normal noise, independent between points; points of one model that err together make the interval too narrow, which the bootstrap
over models beside it does not.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hanka.errors import HankaError, how_to_install
from hanka.identity import stream_seed
from hanka.stats.emergence.law import DEVIATIONS, Law, Points, Prior, log_likelihood, require_low_data
from hanka.stats.emergence.likeliest import Fit, box
from hanka.stats.intervals import Interval
from hanka.stats.resampling import FloatArray

ENSEMBLES = 2
"Begun apart from each other."
WALKERS = 24
"In each; more than twice the parameters."
BLOCK = 600
"Steps between two looks at convergence."
MOST_STEPS = 20_000
"Steps after which it has not converged."
LEAST_TIMES = 30.0
"Autocorrelation times that a chain must be long."
WORST_RHAT = 1.05
BEGIN = 0.02
"Spread of the walkers at first: of logs, and as a share of the ranges of losses and performances."
KEPT = 4_000
"Draws that are kept."
NEAR_BOUND = 0.02
"Share of the box within which a draw lies at its bounds."
LEVEL = 0.90
"Of the interval: from the 5 % to the 95 % point, as in the paper."


class UnconvergedError(ValueError):
    """The ensembles do not agree, or are too short: there is no posterior."""


class NoSamplerError(HankaError):
    """emcee is not installed."""


@dataclass(frozen=True, slots=True, eq=False)
class Posterior:
    """What is held of the law after the data; only a converged one is ever made."""

    low_data: int
    "Rows D0 at which E is predicted; 0 for one broken line."
    elbows: FloatArray
    "(m,) draws of E(D0), ascending; 0 where it lies below, for no loss is negative: never."
    parameters: FloatArray
    "(m, k) draws, as `log_likelihood` takes them, in any order."
    rises: FloatArray
    "(m,) draws of E(most rows) - E(least rows), ascending; 0 for one broken line."
    times: float
    "Autocorrelation times per ensemble, of the slowest parameter."
    rhat: float
    "Largest split R-hat."
    n_steps: int
    "Steps of each ensemble after the burn-in."
    at_bounds: float
    "Share of draws whose E lies at the bounds of the prior: where it is large, the interval is the prior's."

    @property
    def middle(self) -> float:
        """Return the median of E(D0)."""
        return float(np.median(self.elbows))

    @property
    def never(self) -> float:
        """Return the share of draws in which performance stays at its base whatever the loss."""
        return float((self.elbows <= 0).mean())

    def interval(self, level: float = LEVEL) -> Interval:
        """Return the central interval of E(D0)."""
        low, high = np.quantile(self.elbows, [(1 - level) / 2, (1 + level) / 2])
        return Interval(float(low), float(high))


def sample(found: Points, best: Fit, low_data: int, seed: int, prior: Prior | None = None) -> Posterior:
    """Draw from the posterior around the likeliest law. low_data: D0; ignored for one broken line.

    Raises UnconvergedError; NoSamplerError without emcee; ValueError where the law says nothing of D0.
    """
    law, prior = best.law, prior or Prior()
    rows = np.array([require_low_data(law, low_data)])
    runs = _Runs(law, found, best, seed, prior)
    while True:
        runs.go_on()
        chains = runs.chains()
        elbows = law.elbow(chains[..., : law.n_places], rows)
        watched = np.concatenate([chains, elbows], axis=-1)
        times, rhat = chain_length(watched), split_rhat(watched)
        if times >= LEAST_TIMES and rhat <= WORST_RHAT:
            break
        if runs.n_steps >= MOST_STEPS:
            raise UnconvergedError(
                f"the posterior has not converged after {runs.n_steps:,} steps: {times:.0f} autocorrelation times of "
                f"{LEAST_TIMES:.0f}, R-hat {rhat:.2f} of at most {WORST_RHAT}"
            )
    draws = chains.reshape(-1, chains.shape[-1])
    draws = draws[np.linspace(0, len(draws) - 1, min(KEPT, len(draws))).astype(np.int64)]
    places = draws[:, : law.n_places]
    ends = box(law, found, prior)[: min(2, law.n_places)]
    edge = NEAR_BOUND * (ends[:, 1] - ends[:, 0])
    is_near = (places[:, : len(ends)] < ends[:, 0] + edge) | (places[:, : len(ends)] > ends[:, 1] - edge)
    is_near[:, 1:] = places[:, 1 : len(ends)] > ends[1:, 1] - edge[1:]  # a rise of 0 is no bound of the prior's
    rises = np.sort(places[:, 1]) if law.n_places > 1 else np.zeros(len(places))
    return Posterior(
        low_data, np.maximum(0.0, np.sort(law.elbow(places, rows)[:, 0])), draws, rises, times, rhat, chains.shape[1], float(is_near.any(axis=1).mean())
    )  # fmt: skip


def log_prior(law: Law, parameters: FloatArray, ends: FloatArray, span: float, prior: Prior) -> FloatArray:
    """Return the log of the prior's density, up to a constant: (…,); -inf outside its bounds.

    ends: `box`. span: range of losses.
    """
    n = law.n_places
    free, noise = parameters[..., : len(ends[:2])], parameters[..., -1]
    inside = ((free >= ends[:2, 0]) & (free <= ends[:2, 1])).all(axis=-1)
    inside &= (noise >= math.log(DEVIATIONS[0])) & (noise <= math.log(DEVIATIONS[1]))
    density = -0.5 * ((parameters[..., n] + math.log(span)) / prior.slope) ** 2
    if n > 1:
        density = density - 0.5 * (parameters[..., 2] / prior.shape(law.form)) ** 2
    if law.base is None:
        inside &= (parameters[..., n + 1] >= 0) & (parameters[..., n + 1] <= 1)
    return np.where(inside, density, -np.inf)


class _Runs:
    """Ensembles that go on until they are long enough."""

    def __init__(self, law: Law, found: Points, best: Fit, seed: int, prior: Prior) -> None:
        try:
            import emcee
        except ImportError:
            raise NoSamplerError(f"the emergence law needs emcee: {how_to_install('laws')}") from None

        ends, span = box(law, found, prior), found.span

        def density(parameters: FloatArray) -> FloatArray:
            known = log_prior(law, parameters, ends, span, prior)
            return np.where(np.isfinite(known), known + log_likelihood(law, parameters, found), -np.inf)

        self.n_steps = 0
        self._samplers, self._states = [], []
        moves = [(emcee.moves.DEMove(), 0.7), (emcee.moves.DESnookerMove(), 0.1), (emcee.moves.StretchMove(), 0.2)]
        for number in range(ENSEMBLES):
            drawn = np.random.RandomState(stream_seed(seed, "emergence", number) % 2**32)
            sampler = emcee.EnsembleSampler(WALKERS, len(best.parameters), density, moves=moves, vectorize=True)
            start = _start(best, found, prior, drawn, density)
            self._samplers.append(sampler)
            self._states.append(emcee.State(start, random_state=drawn.get_state()))

    def go_on(self) -> None:
        """Go on by a block, or by as many steps again where there are many."""
        n_steps = max(BLOCK, self.n_steps // 2)
        for place, sampler in enumerate(self._samplers):
            self._states[place] = sampler.run_mcmc(self._states[place], n_steps, skip_initial_state_check=True)
        self.n_steps += n_steps

    def chains(self) -> FloatArray:
        """Return (ensembles · walkers, steps, parameters) without the first third."""
        return np.concatenate([one.get_chain(discard=self.n_steps // 3).transpose(1, 0, 2) for one in self._samplers])


def _start(best: Fit, found: Points, prior: Prior, drawn: np.random.RandomState, density: object) -> FloatArray:
    """Return (walkers, k) parameters spread around the likeliest, all within the prior."""
    assert callable(density)
    spread = np.full(len(best.parameters), BEGIN)
    n = best.law.n_places
    spread[: min(2, n)] = BEGIN * found.span
    if n > 1:
        spread[2] = prior.shape(best.law.form) / 3
    if best.law.base is None:
        spread[n + 1] = BEGIN * float(np.ptp(found.performance))
    kept: list[npt.NDArray[np.float64]] = []
    width = 1.0
    while len(kept) < WALKERS:
        tried = best.parameters + width * spread * drawn.standard_normal((WALKERS, len(spread)))
        if n > 1:
            tried[:, 1] = np.abs(tried[:, 1])
        kept += [one for one, value in zip(tried, density(tried), strict=True) if np.isfinite(value)]
        width *= 0.97
    return np.array(kept[:WALKERS])


def chain_length(chains: FloatArray) -> float:
    """Return the length of (chains, steps, k) in autocorrelation times of the slowest column."""
    from emcee.autocorr import integrated_time

    found = integrated_time(chains.transpose(1, 0, 2), quiet=True, tol=0)
    return float(chains.shape[1] / np.max(found)) if np.isfinite(found).all() else 0.0


def split_rhat(chains: FloatArray) -> float:
    """Return the largest split R-hat of (chains, steps, k); infinite where a column never moves."""
    half = chains.shape[1] // 2
    parts = np.concatenate([chains[:, :half], chains[:, half : 2 * half]])
    within = parts.var(axis=1, ddof=1).mean(axis=0)
    between = parts.mean(axis=1).var(axis=0, ddof=1)
    if not (within > 0).all():
        return math.inf
    return float(np.sqrt((half - 1) / half + between / within).max())
