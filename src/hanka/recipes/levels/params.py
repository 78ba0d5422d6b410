"""Parameters of `levels`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from hanka.methods.contract import ParentParams, ParentRef
from hanka.recipes.contract import RecipeParams
from hanka.recipes.levels.sampling import Sampling
from hanka.records import UNADAPTED
from hanka.stats.levels import LEVELS


class LevelsParams(RecipeParams):
    """Which facts, of which level, and how levels are measured."""

    of: str = Field(min_length=1)
    "Data set whose training rows are the facts."
    level: int = Field(ge=0, lt=LEVELS)
    "Level whose facts are trained on: 0, of which no sample is right, to 4, of which more than three quarters are."
    sampling: Sampling = Field(default_factory=Sampling)
    "How often each fact is asked."
    knower: ParentRef = ParentParams(of=UNADAPTED)
    "Entry whose knowledge it is; the base as it is, unless said otherwise."
    pool: int | None = Field(default=None, ge=1)
    "Facts that are asked at most, the first of the data set; null: all."
    rows: Literal["asked", "there"] = "asked"
    "asked: as many as a size says, and an error where the level has fewer; there: as many as the level has, at most the size."
    by: str = Field(default="relation", min_length=1)
    "Column (`slices`) whose values take turns among the rows that are drawn, so that each is there equally often as far as it goes."
