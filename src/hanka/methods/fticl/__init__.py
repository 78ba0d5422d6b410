"""`fticl`: fine-tuning with in-context examples: k demonstrations before every training example."""

from __future__ import annotations

from hanka.methods.contract import Adapted, AdaptRequest, Method
from hanka.methods.fticl.params import FticlParams


def _adapt(request: AdaptRequest) -> Adapted:
    from hanka.methods.fticl.adapt import adapt

    return adapt(request)


FTICL = Method(
    name="fticl",
    reference="Yang et al. 2024, arXiv 2403.09162, sec. 3 and 5.3",
    description="fine-tuning with k demonstrations before each example, loss on the last target",
    params=FticlParams,
    trains=True,
    adapt=_adapt,
)
