"""`spider`: fine-tuning that follows a step only where the task's gradient outranks the weight's size."""

from __future__ import annotations

from hanka.methods.contract import Adapted, AdaptRequest, CourseMethodParams, Method, start_of


def _adapt(request: AdaptRequest) -> Adapted:
    from hanka.methods.spider.adapt import adapt_spider

    return adapt_spider(request)


SPIDER = Method(
    name="spider",
    reference="Huang et al. 2025 (ICML), arXiv 2411.10928",
    description="fine-tuning of all weights, each as far as its gradient's rank over its size's rank says",
    params=CourseMethodParams,
    per="training_set",
    adapt=_adapt,
    parents=start_of,
    course=True,
    tuners=("none",),
    stands_on="parent",
)
