"""Several tasks in one training set, each with all of its rows up to a cap, and among them general instructions and mathematics.

A mix is plain concatenation, shuffled by the training loop: no set is weighted up. The size a study asks is rows of each set, at most;
a set with a cap gives no more than that. General instructions are as many as the rows of the sets together (1:1), mathematics half of
that, as published; where they stand for sets of their own (`counted`), they are as many whatever mix they are in. No relation of a test set
follows from either: they are there to keep what a model can do. Rows are a sample by seed, the same in every mix, so a single-task
training and a mix see the same rows of a set.
Source: Brief et al. 2024, arXiv 2410.01109. Limits: a set must have as many rows as its cap says, so that a plan knows sizes without reading it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from hanka.datasets.splits import sample
from hanka.recipes.concat import whole_rows
from hanka.recipes.contract import Recipe, RecipeParams, RecipeRequest, enough, with_unique_ids
from hanka.records import Part, Role
from hanka.registry import Names


def capped(of: Any) -> Any:
    """Read a name or a list of data sets as a map without caps, and refuse caps that are none. Raises ValueError."""
    of = [of] if isinstance(of, str) else of
    if isinstance(of, list | tuple):
        twice = next((name for name in of if list(of).count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"{twice} is named twice: a set stands in a mix once")
        of = dict.fromkeys(of)
    for name, cap in of.items() if isinstance(of, Mapping) else ():
        if cap is not None and (isinstance(cap, bool) or not isinstance(cap, int) or cap < 1):
            raise ValueError(f"the cap of {name} is {cap!r}: write a number of rows, 1 or more, or null for none")
    return of


class MixParams(RecipeParams):
    """What is learnt, what stands among it, and how much of each."""

    of: dict[str, int | None] = {}
    "Data set that is learnt → rows at most (null: as many as the study asks); a list gives none a cap."
    general: Names = ()
    "Data sets of general instructions."
    general_share: float = Field(default=1.0, gt=0, le=100)
    "Their rows together, for every row that counts."
    mathematics: Names = ()
    "Data sets of mathematics."
    mathematics_share: float = Field(default=0.5, gt=0, le=100)
    "Their rows together, for every row that counts, rounded down."
    counted: dict[str, int | None] | None = None
    "Data set → cap: whose rows count for the shares, in the mix or not (default: those that are learnt)."
    sample: Literal["seeded", "first"] = "seeded"
    "Which rows of each: a sample by seed, of which smaller ones are part of larger ones, or its first rows."

    @field_validator("of", "counted", mode="before")
    @classmethod
    def _caps(cls, of: Any) -> Any:
        return capped(of)

    @model_validator(mode="after")
    def _each_once(self) -> MixParams:
        everything = [*self.of, *self.general, *self.mathematics]
        twice = next((name for name in everything if everything.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"{twice} stands in two places: a set is learnt, or general instructions, or mathematics")
        if not everything:
            raise ValueError("names no data set: give some under `of`, `general` or `mathematics`")
        if not self.of and not self.counted:
            raise ValueError("`general` and `mathematics` are shares of nothing: name data sets under `of` or `counted`")
        return self

    def rows(self, asked: int) -> dict[str, int]:
        """Return how many rows each data set gives where `asked` of each are asked, by name in order."""
        learnt = {name: _most(cap, asked) for name, cap in self.of.items()}
        counted = learnt if self.counted is None else {name: _most(cap, asked) for name, cap in self.counted.items()}
        total = sum(counted.values())
        for names, share in ((self.general, self.general_share), (self.mathematics, self.mathematics_share)):
            if names:
                learnt |= whole_rows(dict.fromkeys(names, 1.0), max(1, int(total * share)))
        return dict(sorted(learnt.items()))

    def roles(self) -> dict[str, Role]:
        """Return what each data set is there for."""
        found: dict[str, Role] = dict.fromkeys(self.of, "learnt")
        return found | dict.fromkeys(self.general, "general") | dict.fromkeys(self.mathematics, "mathematics")


def _most(cap: int | None, asked: int) -> int:
    return asked if cap is None else min(cap, asked)


def make_mix(request: RecipeRequest) -> tuple[Part, ...]:
    """Take each data set's rows. Raises DataError where a data set has too few."""
    params: MixParams = request.params
    whole = []
    for name, n in params.rows(request.asked).items():
        rows = enough(request.rows(name, "train", request.asked), n, name, "train")
        whole.append((Part(request.task(name).name, name, tuple(rows)), n))
    chosen = [
        Part(one.task, one.dataset, tuple(sample(one.examples, n, params.sample, request.seed, one.dataset)))
        for one, n in whole
    ]
    return with_unique_ids([one for one in chosen if one.examples])


def rehearsed(params: MixParams) -> tuple[str, ...]:
    """Return what no relation follows from; alone, general instructions and mathematics are what is learnt."""
    return (*params.general, *params.mathematics) if params.of else ()


MIX = Recipe(
    name="mix",
    reference="Brief et al. 2024, arXiv 2410.01109",
    description="several tasks together, each up to a cap, with general instructions and mathematics among them",
    params=MixParams,
    makes="train",
    sources=lambda params: tuple(params.roles()),
    n_rows=lambda params, asked: sum(params.rows(asked).values()),
    make=make_mix,
    rehearses=rehearsed,
    roles=lambda params: params.roles(),
)
