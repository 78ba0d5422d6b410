"""How much a predicted elbow depends on what it was fitted to: other ranges of losses, fewer sizes, the last models, the other form.

Always asked, because an elbow may move by whole nats: on published curves by up to 0.8 with the range of losses, and in the paper's own
table by 1.7 where the smallest or largest sizes or the early checkpoints are missing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from hanka.stats.emergence.law import LEAST_MODELS, LEAST_SIZES, NOT_LEFT, Form, Points, Prior, law_of
from hanka.stats.emergence.likeliest import Fit, fit, is_shown
from hanka.stats.emergence.posterior import LEVEL, Posterior, sample
from hanka.stats.emergence.refits import RESAMPLES, Bootstrap, bootstrap
from hanka.stats.intervals import Interval

SMALLEST, LARGEST = 3, 2
"Sizes that are left out at either end, as in the paper; fewer where too few would stay."
LAST = 4
"Models of the lowest losses that are fitted alone, as in the paper."
PART = 1 / 3
"Share of the models that is left out at either end of the losses."
Kept = npt.NDArray[np.bool_]


class Settings(NamedTuple):
    """How a law is fitted and sampled."""

    low_data: int
    "D0; ignored for one broken line."
    base: float | None
    "B where it is known; None: it is fitted."
    seed: int
    "Of all that is drawn."
    level: float = LEVEL
    "Of intervals."
    resamples: int = RESAMPLES
    "Of the bootstrap."
    prior: Prior = Prior()
    "What is held before the data."


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """One fit, or why there is none."""

    name: str
    "What it was fitted to: all, no_weakest, no_strongest, no_smallest, no_largest, last, power."
    found: Points
    "Those points."
    best: Fit | None = None
    "The likeliest law."
    posterior: Posterior | None = None
    "What is held after the data; never an unconverged one."
    bootstrap: Bootstrap | None = None
    "Refits; of all points, and of parts of a curve with several values of a model."
    why: str = ""
    "Why there is no posterior."

    def place(self, level: float) -> tuple[float, Interval] | None:
        """Return the elbow with its interval: of the posterior, but by models drawn anew where their values err together.

        None without a posterior.
        """
        if self.posterior is None:
            return None
        ends = self.bootstrap.interval(level) if self.bootstrap is not None and self.found.is_clustered else None
        if self.bootstrap is None or ends is None:
            return self.posterior.middle, self.posterior.interval(level)
        return float(np.median(self.bootstrap.elbows)), ends

    @property
    def is_flat(self) -> bool:
        """Tell whether performance is not shown to leave its base, which is an answer of its own."""
        return self.why == NOT_LEFT


def outcomes(found: Points, asked: Settings, form: Form | None = None) -> Iterator[Outcome]:
    """Yield the fit to all points, with its bootstrap, then those to parts of them."""
    yield outcome("all", found, asked, form, with_bootstrap=True)
    for name, kept in parts(found):
        yield outcome(name, found.among(kept), asked, form, with_bootstrap=found.is_clustered)
    if form in (None, "log_power") and found.rows.any():
        yield outcome("power", found, asked, "power")


def outcome(
    name: str, found: Points, asked: Settings, form: Form | None = None, with_bootstrap: bool = False
) -> Outcome:
    """Fit a law to points and sample it; what cannot be fitted or has not converged says why."""
    best = None
    try:
        best = fit(law_of(found, form, asked.base), found, asked.prior)
        if not is_shown(best, found):
            raise ValueError(NOT_LEFT)
        drawn = sample(found, best, asked.low_data, asked.seed, asked.prior)
    except ValueError as error:
        return Outcome(name, found, best, why=str(error))
    again = bootstrap(found, best, asked.low_data, asked.seed, asked.resamples) if with_bootstrap else None
    return Outcome(name, found, best, drawn, again)


def parts(found: Points) -> Iterator[tuple[str, Kept]]:
    """Yield the parts of the points that can still be fitted, by name."""
    losses = np.unique(found.loss)
    n_out = max(1, round(PART * len(losses)))
    if len(losses) - n_out >= LEAST_MODELS:
        yield "no_weakest", found.loss < losses[-n_out]
        yield "no_strongest", found.loss > losses[n_out - 1]
    if len(losses) > LAST and found.rows.any():
        yield "last", found.loss <= losses[LAST - 1]
    sizes = found.sizes
    spare = len(sizes) - LEAST_SIZES
    if spare > 0:
        yield "no_smallest", found.rows > sizes[min(SMALLEST, spare) - 1]
        yield "no_largest", found.rows < sizes[-min(LARGEST, spare)]
