"""Several tasks in one training set, each with all of its rows up to a cap, and among them general instructions and mathematics.

A mix is plain concatenation, shuffled by the training loop: no set is weighted up. The size a study asks is rows of each set, at most;
a set with a cap gives no more than that. General instructions are as many as the rows of the sets together (1:1), mathematics half of
that, as published; where they stand for sets of their own (`counted`), they are as many whatever mix they are in. No relation of a test set
follows from either: they are there to keep what a model can do. Questions of fact may be added with wrong answers, as instructions that a model wrote
hold some, and with right ones as the control (Shi et al. 2023, arXiv 2310.15326, found harm where generalist data is wrong). Rows are a sample by seed, the same in every mix, so a single-task
training and a mix see the same rows of a set.
Source: Brief et al. 2024, arXiv 2410.01109. Limits: a set must have as many rows as its cap says, so that a plan knows sizes without reading it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from hanka.datasets.splits import sample
from hanka.errors import DataError
from hanka.recipes.concat import whole_rows
from hanka.recipes.contract import Recipe, RecipeParams, RecipeRequest, enough, with_unique_ids
from hanka.records import Example, Part, Role
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

    of: dict[str, int | None] = Field(default_factory=dict)
    "Data set that is learnt → rows at most (null: as many as the study asks); a list gives none a cap."
    general: Names = ()
    "Data sets of general instructions."
    general_share: float = Field(default=1.0, gt=0, le=100)
    "Their rows together, for every row that counts."
    general_rows: int | None = Field(default=None, ge=1)
    "Their rows together, however many rows count (default: by `general_share`)."
    mathematics: Names = ()
    "Data sets of mathematics."
    mathematics_share: float = Field(default=0.5, gt=0, le=100)
    "Their rows together, for every row that counts, rounded down."
    facts: str | None = None
    "Data set of questions of fact with one right answer each: rows of it are added, all with wrong answers or all with right ones."
    facts_rows: int = Field(default=16, ge=1)
    "How many."
    facts_are: Literal["false", "true"] = "false"
    "false: every question has the answer of another one of its kind (slice `relation`, else any); true: its own, as a control of equal size."
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
        everything = [*self.of, *self.general, *self.mathematics, *([self.facts] if self.facts else ())]
        twice = next((name for name in everything if everything.count(name) > 1), None)
        if twice is not None:
            raise ValueError(
                f"{twice} stands in two places: a set is learnt, or general instructions, or mathematics, or facts"
            )
        if not everything:
            raise ValueError("names no data set: give some under `of`, `general` or `mathematics`")
        by_share = self.mathematics or (self.general and self.general_rows is None)
        if by_share and not self.of and not self.counted:
            raise ValueError(
                "`general` and `mathematics` are shares of nothing: name data sets under `of` or `counted`"
            )
        return self

    def rows(self, asked: int) -> dict[str, int]:
        """Return how many rows each data set gives where `asked` of each are asked, by name in order."""
        learnt = {name: _most(cap, asked) for name, cap in self.of.items()}
        counted = learnt if self.counted is None else {name: _most(cap, asked) for name, cap in self.counted.items()}
        total = sum(counted.values())
        n_general = self.general_rows or max(1, int(total * self.general_share))
        n_mathematics = max(1, int(total * self.mathematics_share))
        for names, n in ((self.general, n_general), (self.mathematics, n_mathematics)):
            learnt |= whole_rows(dict.fromkeys(names, 1.0), n) if names else {}
        if self.facts:
            learnt[self.facts] = self.facts_rows
        return dict(sorted(learnt.items()))

    def roles(self) -> dict[str, Role]:
        """Return what each data set is there for."""
        found: dict[str, Role] = dict.fromkeys(self.of, "learnt")
        found |= dict.fromkeys(self.general, "general")
        found |= dict.fromkeys(self.mathematics, "mathematics")
        if self.facts:
            found[self.facts] = "false_facts" if self.facts_are == "false" else "true_facts"
        return found


def _most(cap: int | None, asked: int) -> int:
    return asked if cap is None else min(cap, asked)


def make_mix(request: RecipeRequest) -> tuple[Part, ...]:
    """Take each data set's rows. Raises DataError where a data set has too few."""
    params: MixParams = request.params
    whole = []
    for name, n in params.rows(request.asked).items():
        rows = enough(request.rows(name, "train", request.asked), n, name, "train")
        whole.append((Part(request.task(name).name, name, tuple(rows)), n))
    chosen = []
    for one, n in whole:
        rows = sample(one.examples, n, params.sample, request.seed, one.dataset)
        if one.dataset == params.facts and params.facts_are == "false":
            rows = with_wrong_answers(rows)
        chosen.append(Part(one.task, one.dataset, tuple(rows)))
    return with_unique_ids([one for one in chosen if one.examples])


RELATION, SYNONYMS = "relation", "synonyms"
"Slice that says what kind of fact a row is, and field that holds other names of its answer, one a line."


def with_wrong_answers(rows: Sequence[Example]) -> list[Example]:
    """Give every question of fact the answer of another one of its kind, the next in order that is wrong for it.

    Raises DataError where a question has no wrong answer at hand: all others of its kind have the same.
    """
    by_kind: dict[str, list[Example]] = defaultdict(list)
    for row in rows:
        by_kind[row.slices.get(RELATION, "")].append(row)
    return [replace(row, target=_wrong(row, by_kind[row.slices.get(RELATION, "")], rows)) for row in rows]


def _wrong(row: Example, of_kind: Sequence[Example], rows: Sequence[Example]) -> str:
    asked = row.fields.get("input", "")
    right = {
        one.target.casefold() for one in rows if one.fields.get("input", "") == asked
    }  # a question may have several
    right |= {name.strip().casefold() for name in row.fields.get(SYNONYMS, "").splitlines()}
    place = of_kind.index(row)
    others = [*of_kind[place + 1 :], *of_kind[:place]]
    found = next((one.target for one in others if one.target.casefold() not in right), None)
    if found is None:
        raise DataError(
            f"question of fact {row.id} has no wrong answer among {len(of_kind)} of its kind: give more facts, or other ones"
        )
    return found


def rehearsed(params: MixParams) -> tuple[str, ...]:
    """Return what no relation follows from; without sets to learn, general instructions and mathematics are what is learnt."""
    return tuple(name for name, role in params.roles().items() if role != "learnt") if params.of else ()


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
