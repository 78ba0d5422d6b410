"""`classifier`: logistic regression on the frozen features of an encoder; the small tuned model beside language models."""

from __future__ import annotations

from hanka.methods.classifier.params import ClassifierParams
from hanka.methods.contract import Adapted, AdaptRequest, Method


def _adapt(request: AdaptRequest) -> Adapted:
    from hanka.methods.classifier.adapt import adapt_classifier

    return adapt_classifier(request)


CLASSIFIER = Method(
    name="classifier",
    reference="logistic regression: Cox 1958; L-BFGS: Liu & Nocedal 1989",
    description="logistic regression on the features of an encoder",
    params=ClassifierParams,
    per="training_set",
    adapt=_adapt,
    row_keys=("sizes", "sample", "validation", "prompt"),
    kinds=("encoder",),
    engine="encoder",
    crosses_tasks=False,
    is_seeded=False,
)
