"""The emergence law: at which pretraining loss performance leaves chance, from models that are still at it. Pure numpy, scipy and emcee.

`points` → `outcomes`: the law's likeliest parameters (`fit`), what is held of them after the data (`posterior`), refits to models drawn anew
(`bootstrap`), the same for parts of the points (`ranges`), and how much compute lies between (`compute`). `law` holds the form and its source.
"""

from __future__ import annotations

from hanka.stats.emergence.compute import Ahead, Trained, flops_ahead, training_flops
from hanka.stats.emergence.law import LEAST_MODELS, LEAST_ROWS, LEAST_SIZES, Form, Law, Points, Prior, law_of, points
from hanka.stats.emergence.likeliest import Fit, fit
from hanka.stats.emergence.posterior import LEVEL, NoSamplerError, Posterior, UnconvergedError, sample
from hanka.stats.emergence.ranges import Outcome, Settings, outcome, outcomes
from hanka.stats.emergence.refits import Bootstrap, bootstrap

__all__ = [
    "LEAST_MODELS",
    "LEAST_ROWS",
    "LEAST_SIZES",
    "LEVEL",
    "Ahead",
    "Bootstrap",
    "Fit",
    "Form",
    "Law",
    "NoSamplerError",
    "Outcome",
    "Points",
    "Posterior",
    "Prior",
    "Settings",
    "Trained",
    "UnconvergedError",
    "bootstrap",
    "fit",
    "flops_ahead",
    "law_of",
    "outcome",
    "outcomes",
    "points",
    "sample",
    "training_flops",
]
