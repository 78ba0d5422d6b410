"""`datasets: {finance: {mixes: {…}}}`: a family of mixes, as a study writes it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from hanka.recipes.mix import capped
from hanka.recipes.mixes import KINDS, MixKind
from hanka.registry import Names, Params


def _listed(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


class MixesSpec(Params):
    """Which data sets are mixed, and in which ways; every mix is a data set of its own, `FAMILY/a+b`."""

    of: dict[str, int | None] = Field(min_length=1)
    "Data set → rows at most (null: as many as the study asks of each); a list gives none a cap."
    kinds: Annotated[tuple[MixKind, ...], BeforeValidator(_listed), Field(min_length=1)] = KINDS
    "Which mixes: singles, pairs, all_but_one, all."
    general: Names = ()
    "Data sets of general instructions."
    general_share: float = Field(default=1.0, gt=0, le=100)
    "Their rows together, for every row of the sets under `of`."
    mathematics: Names = ()
    "Data sets of mathematics."
    mathematics_share: float = Field(default=0.5, gt=0, le=100)
    "Their rows together, for every row of the sets under `of`, rounded down."
    stand: Literal["as_sets", "in_every_mix"] = "as_sets"
    "General instructions and mathematics are mixed as if they were sets, each as large in every mix (as published); or are added to every mix, by its own rows."
    sample: Literal["seeded", "first"] = "seeded"
    "Which rows of each: a sample by seed, or its first rows."

    @field_validator("of", mode="before")
    @classmethod
    def _caps(cls, of: Any) -> Any:
        return capped(of)

    @model_validator(mode="after")
    def _each_once(self) -> MixesSpec:
        everything = [*self.of, *self.general, *self.mathematics]
        twice = next((name for name in everything if everything.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"{twice} stands in two places: a set is learnt, or general instructions, or mathematics")
        return self
