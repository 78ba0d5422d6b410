"""Rows of a task, and among them rows that keep what is there: general text, instructions, an earlier task.

Rehearsal: the rows asked of the task stay all of them, so a training with replay differs from one without by the rows that are added.
Of general text (a task of kind likelihood) the loss is on every token, of anything else on the answer, as `train` has it. Relations
of test sets follow from the task's rows alone: what is rehearsed is not what the model is tuned for, and a variant with replay is
asked the same test sets, at the same relations, as one without. Sources: Robins (1995), Connection Science 7(2); Scialom
et al. (2022), arXiv 2205.12393, who add 1 % of each earlier task to trainings of 100,000 rows. A share of a quarter is our default: 1 % of
the rows of a small training is none. Limits: text longer than `max_length` is left out, as every row is.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field, ValidationInfo, field_validator

from hanka.datasets.splits import sample
from hanka.recipes.concat import whole_rows
from hanka.recipes.contract import Recipe, RecipeParams, RecipeRequest, enough, with_unique_ids
from hanka.records import Part
from hanka.registry import OneOrMore


class ReplayParams(RecipeParams):
    """What is learnt, what is rehearsed, and how much of that."""

    of: str = Field(min_length=1)
    "Dataset that is learnt; it gives all the rows the study asks for."
    rehearse: OneOrMore
    "Datasets whose rows are added, each equally many: general text, instructions, an earlier task."
    share: float = Field(default=0.25, gt=0, le=10)
    "Rows added for every row that is learnt; at least one row."
    sample: Literal["first", "seeded"] = "first"
    "Which rows are learnt: the first, as a study takes them by itself, or a sample by seed. Those rehearsed are a sample always."

    @field_validator("rehearse")
    @classmethod
    def _others(cls, rehearse: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        if info.data.get("of") in rehearse:
            raise ValueError(f"{info.data['of']} is learnt and cannot be rehearsed, too; name other data sets")
        return rehearse

    def n_added(self, asked: int) -> int:
        """Return how many rows are added where `asked` are asked."""
        return max(1, int(asked * self.share + 0.5))


def make_replay(request: RecipeRequest) -> tuple[Part, ...]:
    """Take the rows that are learnt and those that are rehearsed. Raises DataError where a dataset has too few."""
    params: ReplayParams = request.params
    wanted = {params.of: request.asked}
    wanted |= whole_rows(dict.fromkeys(params.rehearse, 1.0), params.n_added(request.asked))
    parts = []
    for name, n in wanted.items():
        rows = enough(request.rows(name, "train", request.asked), n, name, "train")
        chosen = sample(rows, n, params.sample if name == params.of else "seeded", request.seed, name)
        parts.append(Part(request.task(name).name, name, tuple(chosen)))
    return with_unique_ids(parts)


REPLAY = Recipe(
    name="replay",
    reference="Robins (1995), Connection Science 7(2); Scialom et al. 2022, arXiv 2205.12393",
    description="rows of a task, and among them rows of other datasets that are rehearsed",
    params=ReplayParams,
    makes="train",
    sources=lambda params: (params.of, *params.rehearse),
    n_rows=lambda params, asked: asked + params.n_added(asked),
    make=make_replay,
    rehearses=lambda params: params.rehearse,
)
