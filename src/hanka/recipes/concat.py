"""Several datasets one after the other, in shares: what a model that is to do several tasks trains on.

Shares are turned into whole rows by largest remainder, so they add up to exactly what is asked. Each dataset gives its
first rows or a seeded sample (`sample`). Parts stand by name, and equal remainders go to the first name: the order
in which a study names them changes nothing. Source: Raffel et al. (2020), JMLR 21(140), section 3.5.2, for mixing in shares.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field, field_validator

from hanka.datasets.splits import sample
from hanka.recipes.contract import Recipe, RecipeParams, RecipeRequest, enough, with_unique_ids
from hanka.records import Part


class ConcatParams(RecipeParams):
    """Which datasets, and how much of each."""

    of: dict[str, float] = Field(min_length=1)
    "Dataset → share, relative to the sum of shares; a list gives each the same."
    sample: Literal["seeded", "first"] = "seeded"
    "Which rows of each: a sample by seed, of which smaller ones are part of larger ones, or its first rows."

    @field_validator("of", mode="before")
    @classmethod
    def _shares_of_a_list(cls, of: Any) -> Any:
        if not isinstance(of, list | tuple):
            return of
        for name in of:
            if not isinstance(name, str):
                raise ValueError(f"{name!r} is not the name of a data set")
        twice = [name for name in of if of.count(name) > 1]
        if twice:
            raise ValueError(f"{twice[0]} is named twice: write shares instead, as `{{{twice[0]}: SHARE}}`")
        return dict.fromkeys(of, 1.0)

    @field_validator("of", mode="before")
    @classmethod
    def _shares_are_positive(cls, of: Any) -> Any:
        for name, share in of.items() if isinstance(of, Mapping) else ():
            if isinstance(share, bool) or not isinstance(share, int | float) or not 0 < share < math.inf:
                raise ValueError(f"the share of {name} is {share!r}: write a number above 0")
        return of


def whole_rows(shares: Mapping[str, float], total: int) -> dict[str, int]:
    """Turn shares into whole numbers that sum to `total`, by largest remainder; each is less than 1 off its share."""
    weight = math.fsum(shares.values())
    exact = {name: total * share / weight for name, share in sorted(shares.items())}
    rows = {name: math.floor(value) for name, value in exact.items()}
    by_remainder = sorted(rows, key=lambda name: rows[name] - exact[name])
    for name in by_remainder[: total - sum(rows.values())]:
        rows[name] += 1
    return rows


def make_concat(request: RecipeRequest) -> tuple[Part, ...]:
    """Take each dataset's share of the rows. Raises DataError where a dataset has too few."""
    params: ConcatParams = request.params
    whole = []
    for name, n in whole_rows(params.of, request.asked).items():
        rows = enough(request.rows(name, "train", request.asked), n, name, "train")
        whole.append((Part(request.task(name).name, name, tuple(rows)), n))
    # Which ids are prefixed is decided on all rows, so that a row has one id in every size.
    unique = with_unique_ids([part for part, _ in whole])
    return tuple(_chosen(part, named, n, request) for (part, n), named in zip(whole, unique, strict=True))


def _chosen(part: Part, named: Part, n: int, request: RecipeRequest) -> Part:
    """Choose by the dataset's own ids, so that a sample does not depend on what else is in the mix."""
    chosen = sample(part.examples, n, request.params.sample, request.seed, part.dataset)
    by_id = {one.id: new for one, new in zip(part.examples, named.examples, strict=True)}
    return Part(part.task, part.dataset, tuple(by_id[one.id] for one in chosen))


CONCAT = Recipe(
    name="concat",
    reference="Raffel et al. (2020), JMLR 21(140), section 3.5.2",
    description="several datasets in shares",
    params=ConcatParams,
    makes="train",
    sources=lambda params: tuple(params.of),
    n_rows=lambda params, asked: asked,
    make=make_concat,
)
