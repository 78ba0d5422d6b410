"""`merge`: several variants of one base become one, by arithmetic on their weights. Nothing is trained."""

from __future__ import annotations

from typing import Any

from hanka.methods.contract import Adapted, AdaptRequest, Method
from hanka.methods.merge.params import MergeParams
from hanka.records import Parent


def _parents(params: Any) -> tuple[Parent, ...]:
    assert isinstance(params, MergeParams)
    return tuple(one.parent for one in params.of)


def _adapt(request: AdaptRequest) -> Adapted:
    from hanka.methods.merge.adapt import adapt_merged

    return adapt_merged(request)


MERGE = Method(
    name="merge",
    reference="Ilharco et al. 2023, arXiv 2212.04089; TIES: Yadav et al. 2023, arXiv 2306.01708; DARE: Yu et al. 2024, arXiv 2311.03099",
    description="several variants of one base merged into one: mean, task arithmetic, TIES, DARE",
    params=MergeParams,
    per="training_set",
    adapt=_adapt,
    parents=_parents,
    stands_on="together",
)
