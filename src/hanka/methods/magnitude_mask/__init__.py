"""`magnitude_mask`: fine-tuning in which the largest weights of every tensor stay as they were."""

from __future__ import annotations

from hanka.methods.contract import Adapted, AdaptRequest, Method, start_of
from hanka.methods.magnitude_mask.params import MagnitudeMaskParams


def _adapt(request: AdaptRequest) -> Adapted:
    from hanka.methods.magnitude_mask.adapt import adapt_masked

    return adapt_masked(request)


MAGNITUDE_MASK = Method(
    name="magnitude_mask",
    reference="baseline of Huang et al. 2025 (ICML), arXiv 2411.10928",
    description="fine-tuning of all weights but the largest of every tensor",
    params=MagnitudeMaskParams,
    per="training_set",
    adapt=_adapt,
    parents=start_of,
    course=True,
    tuners=("none",),
    stands_on="parent",
)
