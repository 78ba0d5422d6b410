"""How long and how fast a variant trains where the study does not say: by tuner and number of rows.

study → **plan** → adapt: what is null in `train:` is settled for each variant, stands in its parameters and so in its id. A
value that a study states always wins.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from hanka.methods.contract import Adaptation
from hanka.training.pace import USUAL, Pace

RATES: Mapping[str, float] = {}
"Peak learning rate by tuner; `USUAL` for one that is not here."


def pace_of(tuner: str, n_rows: int) -> Pace:
    """Return epochs, learning rate and share of warm-up for a tuner and a number of training rows."""
    return USUAL._replace(learning_rate=RATES.get(tuner, USUAL.learning_rate))


def settled(adaptation: Adaptation, n_rows: int) -> Adaptation:
    """Return an adaptation with what it leaves open filled in; as it is where it is no course.

    A learning rate that is stated comes without warm-up unless that is stated, too: they belong together.
    """
    if adaptation.tuner is None:
        return adaptation
    train, pace = adaptation.train, pace_of(adaptation.tuner.name, n_rows)
    if train.learning_rate is not None:
        pace = pace._replace(warmup_ratio=USUAL.warmup_ratio)
    left_open = {name: value for name, value in pace._asdict().items() if getattr(train, name) is None}
    return replace(adaptation, train=train.model_copy(update=left_open)) if left_open else adaptation
