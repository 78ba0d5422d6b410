"""`select`: of several entries the one that validation rows like best, chosen anew for every training set, size and seed.

Nothing is trained or saved. The record says what every candidate reached and which one was chosen; the variant answers with that
one's weights, by that one's engine, so that test rows tell what the choice is worth. So learning rates, demonstrations in training, ranks, or the
strength of a proxy are chosen without a look at test rows.
Limits: the value of the best of several on the rows that chose it is too high; it is shown as a reason, never as a result.
Source: choice by held-out data, Stone (1974), J. R. Stat. Soc. B 36(2).
"""

from __future__ import annotations

from typing import Any

from hanka.methods.contract import Adapted, AdaptRequest, Method, ShownInTraining
from hanka.methods.select.params import SelectParams
from hanka.records import Parent


def _parents(params: Any) -> tuple[Parent, ...]:
    assert isinstance(params, SelectParams)
    return tuple(one.parent for one in params.of)


def _shows(params: Any) -> ShownInTraining:
    assert isinstance(params, SelectParams)
    return ShownInTraining(params.shots)


def _adapt(request: AdaptRequest) -> Adapted:
    from hanka.methods.select.adapt import adapt_selected

    return adapt_selected(request)


SELECT = Method(
    name="select",
    reference="choice by held-out rows: Stone 1974, J. R. Stat. Soc. B 36(2)",
    description="of several entries the one that does best on validation rows",
    params=SelectParams,
    per="training_set",
    adapt=_adapt,
    parents=_parents,
    shows=_shows,
    chooses=True,
    is_seeded=False,
)
