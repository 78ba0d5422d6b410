"""The Recipe contract: rows made out of datasets, and where it must be out of the answers of variants.

study → **make rows** → adapt → ask. A recipe that reads datasets only runs while a study is planned. One with parents is
a unit of work of its own: its id follows from what it is made from (`data_id`), so it is known before its rows.
Recipes make training rows or, where they perturb (`perturbing`), test rows, too. Light: no torch.
Limits: a recipe sees whole splits, so a dataset is held in memory while its rows are chosen.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, NamedTuple

from hanka.errors import DataError
from hanka.identity import content_id
from hanka.recipes.changes import Perturbing
from hanka.records import Example, Parent, Part, Prediction, Role, Split
from hanka.registry import Params
from hanka.tasks.base import Task


class RecipeParams(Params):
    """Parameters of a recipe; unknown keys are errors."""


@dataclass(frozen=True, slots=True)
class How:
    """How a recipe asks one of its parents."""

    dataset: str = ""
    "Data set, of those it reads, whose task is asked; empty: the first one."
    max_new_tokens: int | None = None
    "Tokens written at most; None: as the study's `eval` has it."
    temperature: float = 0.0
    "What logits are divided by before a token is drawn; 0: nothing is drawn."
    top_p: float = 1.0
    "Tokens are drawn from the smallest set of most probable ones whose probabilities sum to at least this."
    seed: int = 0
    "Of the draws; equal rows asked at once are drawn anew each."


class Asks(NamedTuple):
    """How much a recipe or a probe asks of each row, for estimates."""

    what: str
    "What is asked, of whom and how: those that ask the same ask it once."
    prompts: int
    "Prompts of a row at most, each read once."
    samples: int
    "Samples of each prompt."
    max_new_tokens: int
    "Tokens of a sample at most."
    n_rows: int | None = None
    "Rows that are asked at most; None: all."


AS_SOURCE = How()
Answering = Callable[[Parent, Sequence[Example], How], Sequence[Prediction]]


def nobody_answers(parent: Parent, examples: Sequence[Example], how: How = AS_SOURCE) -> Sequence[Prediction]:
    """Stand in where no variant was declared as a parent."""
    raise DataError(f"{parent.label} was not declared as a parent, so it answers nothing: name it in `parents`")


def nobody_listens(said: Mapping[str, Any]) -> None:
    """Stand in where nothing is kept of how rows were made."""


@dataclass(frozen=True, slots=True, eq=False)
class RecipeRequest:
    """What a recipe makes rows from."""

    params: Any
    "Its validated parameters, an instance of `Recipe.params`."
    asked: int
    "Rows the study asks for: a training size, or the limit of a test set."
    seed: int
    "Training seed where the study samples rows by it (`sample: seeded`), else the first study seed, for all of them."
    rows: Callable[[str, Split, int | None], Sequence[Example]]
    "(dataset, split, size) → its rows, read when asked for; size chooses a file, it never cuts."
    task: Callable[[str], Task]
    "Dataset → its task, which has the labels."
    answer: Answering = nobody_answers
    "(parent, examples, how) → the answers of one of `Recipe.parents`, in order; ids need not differ."
    tell: Callable[[Mapping[str, Any]], None] = nobody_listens
    "Called once with what became of the making, as JSON: what was left out and why, what was judged on the way."


def no_parents(params: Any) -> tuple[Parent, ...]:
    """Declare no parents."""
    return ()


def rehearses_none(params: Any) -> tuple[str, ...]:
    """Say that everything a recipe makes is there to be learnt."""
    return ()


def no_roles(params: Any) -> Mapping[str, Role]:
    """Say nothing of what data sets are there for: their rows are there to be learnt, or rehearsed."""
    return {}


@dataclass(frozen=True, slots=True, eq=False)
class Recipe:
    """How rows are made out of datasets."""

    name: str
    "The name a study file uses."
    reference: str
    "Paper or definition."
    description: str
    "One line for lists."
    params: type[RecipeParams]
    "Its parameters."
    makes: Literal["train", "test", "both"]
    "Which rows: a training set, a test set, or whichever a study asks for."
    sources: Callable[[Any], tuple[str, ...]]
    "params → names of the datasets it reads, each once."
    n_rows: Callable[[Any, int], int]
    "(params, asked) → how many rows it makes, known without reading any; at most, where `may_make_fewer`."
    make: Callable[[RecipeRequest], tuple[Part, ...]]
    "Make the rows, training rows where it makes both; deterministic."
    parents: Callable[[Any], tuple[Parent, ...]] = no_parents
    "params → variants whose answers it needs."
    may_make_fewer: bool = False
    "Whether what parents answer decides how many rows come out: what is left out is counted and told."
    teaches: Callable[[Any], tuple[str, ...]] | None = None
    "params → names of the data sets that its rows belong to; None: those it reads."
    rehearses: Callable[[Any], tuple[str, ...]] = rehearses_none
    "params → those of its datasets whose rows keep what is there: no relation of a test set follows from them."
    roles: Callable[[Any], Mapping[str, Role]] = no_roles
    "params → what the rows of each data set are there for, where it tells them apart; for questions, in no id."
    perturbs: Perturbing | None = None
    "How it changes the rows of a test set one by one; None: it makes training rows alone."
    asks: Callable[[Any], Asks] | None = None
    "params → how much it asks of each row of its first source; None: every row once, of every parent."
    load: Callable[[Any, Path], Any] | None = None
    "(params, folder of the study file) → params with the content of the files they name; None: they name none."
    version: int = 1
    "Raised by hand when the same parameters give other rows than before."


def make_rows(recipe: Recipe, request: RecipeRequest) -> tuple[Part, ...]:
    """Make a recipe's rows and hold it to its contract: as many as it said, or no more, every id once, no empty part.

    Raises DataError, in one line, where it does not keep it.
    """
    parts = with_unique_ids([part for part in recipe.make(request) if part.examples])
    n_made, n_said = sum(len(part.examples) for part in parts), recipe.n_rows(request.params, request.asked)
    if not n_made or n_made > n_said or (n_made < n_said and not recipe.may_make_fewer):
        raise DataError(
            f"recipe {recipe.name} made {n_made} rows and said {n_said}: its `n_rows` and `make` must agree"
        )
    return parts


def with_unique_ids(parts: Sequence[Part]) -> tuple[Part, ...]:
    """Put a dataset's name before its ids and groups where another dataset has one of them, too.

    Raises DataError where an id is still there twice.
    """
    owners: dict[str, set[str]] = {}
    for part in parts:
        for name in {
            f"{kind} {word}" for one in part.examples for kind, word in (("id", one.id), ("group", one.group))
        }:
            owners.setdefault(name, set()).add(part.dataset)
    owners.pop("group ", None)
    shared = {dataset for names in owners.values() if len(names) > 1 for dataset in names}
    unique = tuple(_prefixed(part) if part.dataset in shared else part for part in parts)
    counts = Counter(one.id for part in unique for one in part.examples)
    twice = next((word for word, count in counts.items() if count > 1), None)
    if twice is not None:
        raise DataError(f"id {twice!r} stands in {counts[twice]} rows: ids must differ, so take every row once")
    return unique


def _prefixed(part: Part) -> Part:
    named = (
        replace(one, id=f"{part.dataset}/{one.id}", group=one.group and f"{part.dataset}/{one.group}")
        for one in part.examples
    )
    return replace(part, examples=tuple(named))


def data_id(
    recipe: Recipe,
    params: RecipeParams,
    asked: int,
    seed: int,
    sources: Mapping[str, str],
    parents: Sequence[str] = (),
) -> str:
    """Return the content id of rows before they are made.

    sources: dataset → fingerprint of the rows it is read with. parents: variant ids, in the order of `Recipe.parents`.
    """
    return content_id(
        {
            "recipe": recipe.name,
            "version": recipe.version,
            "params": params.model_dump(mode="json"),
            "asked": asked,
            "seed": seed,
            "sources": dict(sources),
            "parents": list(parents),
        }
    )


def enough(rows: Sequence[Example], wanted: int, dataset: str, split: Split) -> Sequence[Example]:
    """Return the rows, or raise DataError where there are fewer than wanted."""
    if len(rows) < wanted:
        raise DataError(
            f"{wanted} {split} rows of dataset {dataset} are asked and it has {len(rows)}: ask for fewer, or give it a "
            f"smaller share"
        )
    return rows
