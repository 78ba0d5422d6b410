"""Measurements → where few-shot performance is predicted to leave chance, where it does, and how wrong the law was.

The law is fitted to fine-tuned models that are still at chance without tuning: where few-shot performance is shown to leave chance, models
beyond that place are held out by themselves, as far as enough stay, and the prediction is held against them. Without fine-tuned values
the few-shot curve alone is fitted, and held-out models are those that the caller names.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from scipy import special

from hanka.analysis.emergence.measured import Asked, Measurement, points_of, trained
from hanka.identity import stream
from hanka.stats.emergence import LEAST_MODELS, Ahead, Fit, Outcome, Points, Posterior, flops_ahead, outcome, outcomes
from hanka.stats.resampling import FloatArray

PAIRS = 10_000
"Draws of a predicted and a measured elbow that are set against each other."
DRAWS = 400
"Draws of the posterior that predict held-out values."


@dataclass(frozen=True, slots=True)
class Missed:
    """How far held-out values lie from what the law said of them."""

    error: float
    "Mean of value - prediction."
    rmse: float
    "Root mean squared."
    covered: float
    "Share within the predictive interval."
    n: int
    "Values."
    n_models: int
    "Models."


class Ends(NamedTuple):
    """A value with its interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, eq=False)
class Predicted:
    """What the measurements say."""

    asked: Asked
    "What was asked."
    measured: tuple[Measurement, ...]
    "All of them; those held out by the law, too, say so."
    fits: tuple[Outcome, ...]
    "Of the law, or of the few-shot curve where nothing was fine-tuned: of all points first, then of parts."
    few_shot: Outcome | None
    "The broken line of the few-shot curve of all models, to hold the law against; None without one."
    has_left: bool
    "Whether few-shot performance is shown to leave its base."
    missed: Missed | None
    "At the held-out models; None where nothing is held out."
    ahead: tuple[Ahead, Ahead, Ahead] | None
    "Compute ahead at the median and at the ends of the interval, least first; None where it is not known."
    error: Ends | None = None
    "Predicted less measured elbow, both with what is not known of them; None where either is missing, and of a curve alone, whose fits share values."
    beyond: int = 0
    "Held-out models that stayed in, because too few would have been left."

    @property
    def main(self) -> Outcome:
        """Return the fit to all points."""
        return self.fits[0]

    @property
    def is_law(self) -> bool:
        """Tell whether fine-tuning was fitted, rather than the few-shot curve alone."""
        return bool(self.main.found.rows.any())


def predict(measured: Sequence[Measurement], asked: Asked) -> Predicted:
    """Fit the law to fine-tuned values, or else the few-shot curve. Raises ValueError for no values.

    The order of the measurements changes no number.
    """
    measured = sorted(measured, key=lambda one: (one.rows, one.loss, one.model, one.performance, one.n))
    tuned = [one for one in measured if one.rows]
    plain = [one for one in measured if not one.rows]
    if not tuned:
        return _of_curve(plain, asked)
    few_shot = _few_shot(plain, asked)
    has_left = few_shot is not None and few_shot.posterior is not None
    beyond = 0
    if has_left and not any(one.is_held_out for one in tuned):
        assert few_shot is not None
        assert few_shot.best is not None
        tuned, beyond = _held_out(tuned, few_shot.best.elbow(0))
    known = {(one.model, one.loss) for one in tuned if one.is_held_out}
    fits = tuple(outcomes(points_of(_seen(tuned)), asked.settings))
    plain = [replace(one, is_held_out=one.is_held_out or (one.model, one.loss) in known) for one in plain]
    return Predicted(
        asked, (*tuned, *plain), fits, few_shot, has_left, missed(fits[0], tuned, asked), _ahead(fits[0], tuned, measured, asked),
        _error(fits[0], few_shot, asked) if has_left else None, beyond,
    )  # fmt: skip


def _of_curve(plain: Sequence[Measurement], asked: Asked) -> Predicted:
    """Fit the few-shot curve of models that are not held out, and hold it against the others."""
    seen = _seen(plain)
    fits = tuple(outcomes(points_of(seen), asked.settings))
    whole = _few_shot(plain, asked) if len(seen) < len(plain) else None
    left = fits[0].posterior is not None
    return Predicted(asked, tuple(plain), fits, whole, left, missed(fits[0], plain, asked), None)


def _seen(measured: Sequence[Measurement]) -> list[Measurement]:
    """Return what is not held out. Raises ValueError where nothing stays."""
    found = [one for one in measured if not one.is_held_out]
    if not found and measured:
        raise ValueError("every value is held out: leave some to fit")
    return found


def _few_shot(plain: Sequence[Measurement], asked: Asked) -> Outcome | None:
    """Fit a broken line to few-shot values, its base by itself: demonstrations alone may lift it."""
    if len({one.loss for one in plain}) < LEAST_MODELS:
        return None
    return outcome("few_shot", points_of(plain), asked.settings._replace(base=None), with_bootstrap=True)


def _error(predicted: Outcome, measured: Outcome | None, asked: Asked) -> Ends | None:
    """Return how far a predicted elbow lies from the measured one, by independent draws of both."""
    if measured is None or measured.posterior is None or predicted.posterior is None:
        return None
    rng = stream(asked.seed, "emergence", "error")
    one, other = (rng.choice(drawn.elbows, PAIRS) for drawn in (predicted.posterior, measured.posterior))
    low, middle, high = np.quantile(one - other, [(1 - asked.level) / 2, 0.5, (1 + asked.level) / 2])
    return Ends(float(middle), float(low), float(high))


def _held_out(tuned: Sequence[Measurement], elbow: float) -> tuple[list[Measurement], int]:
    """Hold out the models beyond an elbow, the strongest first, as long as enough stay; returns how many did not have to go."""
    losses = sorted({one.loss for one in tuned})
    beyond = [loss for loss in losses if loss < elbow]
    out = set(beyond[: max(0, len(losses) - LEAST_MODELS)])
    return [replace(one, is_held_out=one.loss in out) for one in tuned], len(beyond) - len(out)


def missed(fitted: Outcome, measured: Sequence[Measurement], asked: Asked) -> Missed | None:
    """Hold values of held-out models against what the posterior says of them."""
    out = [one for one in measured if one.is_held_out]
    if not out or fitted.posterior is None or fitted.best is None:
        return None
    found = points_of(out)
    drawn = performances(fitted.best, fitted.posterior, found)
    tail = float(special.ndtri(0.5 + asked.level / 2))
    middle, spread = drawn[0].mean(axis=0), np.sqrt(drawn[0].var(axis=0) + (drawn[1] ** 2).mean() + found.variance)
    off = found.performance - middle
    covered = float((np.abs(off) <= tail * spread).mean())
    return Missed(float(off.mean()), float(np.sqrt((off**2).mean())), covered, len(out), found.n_models)


def performances(best: Fit, posterior: Posterior, found: Points) -> tuple[FloatArray, FloatArray]:
    """Return what draws expect at points, (draws, n), and their deviations, (draws,)."""
    law = best.law
    every = posterior.parameters[:: max(1, len(posterior.parameters) // DRAWS)]
    places, slope = every[:, : law.n_places], np.exp(every[:, law.n_places])
    base = every[:, law.n_places + 1] if law.base is None else np.full(len(every), law.base)
    beyond = np.maximum(0.0, law.elbow(places, found.rows) - found.loss)
    return slope[:, None] * beyond + base[:, None], np.exp(every[:, -1])


def _ahead(
    fitted: Outcome, tuned: Sequence[Measurement], measured: Sequence[Measurement], asked: Asked
) -> tuple[Ahead, Ahead, Ahead] | None:
    """Return the compute ahead at the median, at the upper and at the lower end of the predicted loss."""
    if fitted.posterior is None:
        return None
    seen, known = trained([one for one in tuned if not one.is_held_out]), trained(measured)
    low, high = fitted.posterior.interval(asked.level)
    found = [flops_ahead(loss, known, seen) for loss in (fitted.posterior.middle, high, low)]
    middle, least, most = found
    return None if middle is None or least is None or most is None else (middle, least, most)
