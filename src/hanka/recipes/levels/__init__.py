"""`levels`: training rows of one level of knowledge, as a variant knows them."""

from __future__ import annotations

from hanka.recipes.contract import Recipe, RecipeRequest
from hanka.recipes.levels.params import LevelsParams
from hanka.records import Part


def _make(request: RecipeRequest) -> tuple[Part, ...]:
    from hanka.recipes.levels.make import make_level

    return make_level(request)


LEVELS = Recipe(
    name="levels",
    reference="Ye et al., arXiv 2409.15825",
    description="facts of one level of knowledge: binned by the share of sampled completions that name the object",
    params=LevelsParams,
    makes="train",
    sources=lambda params: (params.of,),
    n_rows=lambda params, asked: asked,
    may_make_fewer=True,
    make=_make,
    parents=lambda params: (params.knower.parent,),
    asks=lambda params: params.sampling.asks(repr(params.knower), params.of, params.pool),
)
