"""`icl`: a base as it is, its rows shown before every query instead of trained on; the other way to spend k labelled rows.

A variant stands for the rows alone: what it is asked with is the context `own_rows`. Rows are chosen as a method that trains chooses
them (`sizes`, `sample`, `validation` of `train:`), so both ways have the same ones. Nothing is trained, saved or paid for in advance.
"""

from __future__ import annotations

from hanka.methods.contract import Adapted, AdaptRequest, Method, TrainedParams
from hanka.models.catalogue import LANGUAGE_MODELS


def _adapt(request: AdaptRequest) -> Adapted:
    return Adapted(tuner="", n_trained_parameters=0, record={})


ICL = Method(
    name="icl",
    reference="Brown et al. 2020, arXiv 2005.14165; Mosbach et al. 2023, arXiv 2305.16938",
    description="no adaptation: the training rows are shown before every query (context own_rows)",
    params=TrainedParams,
    per="training_set",
    adapt=_adapt,
    row_keys=("sizes", "sample", "validation"),
    kinds=(*LANGUAGE_MODELS, "served"),
    crosses_tasks=False,
    changes_weights=False,
    asked_with="own_rows",
    is_seeded=False,
)
