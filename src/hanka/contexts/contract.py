"""The Context contract: what stands before a query. Demonstrations and inserted text in one.

study → plan → adapt → **ask** → score. A context is crossed with every variant, beside shots. It is prepared once
per test set and draw (an order, an index) and then builds what stands before each query. Where all queries
share it (`per_query` false) it is built once; the prompter keeps whatever is shared in front of all queries.
Light: no torch. Limits: a context sees the query's input, never its target.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from hanka.datasets.overlap import normalised_text
from hanka.errors import DataError, how_to_install
from hanka.identity import stream
from hanka.recipes.contract import no_parents, nobody_answers
from hanka.records import Built, Example, Parent, Prediction, Split
from hanka.registry import Params
from hanka.tasks.base import Task

if TYPE_CHECKING:
    import numpy as np

P = TypeVar("P")


class ContextParams(Params):
    """Parameters of a context; unknown keys are errors."""


def nothing_to_read(dataset: str, split: Split) -> Sequence[Example]:
    """Stand in where a context reads no dataset."""
    raise DataError(f"no {split} rows of dataset {dataset} are at hand: name a context that reads them")


@dataclass(frozen=True, slots=True, eq=False)
class ContextRequest:
    """What a context is prepared from: one test set, one draw."""

    task: Task
    "Task of the test set."
    dataset: str
    "Name of the test set, or of the one whose rows it asks as another task: it names the streams."
    tests: tuple[Example, ...]
    "The rows that are asked; none of them may be shown."
    pool: tuple[Example, ...]
    "Demonstrations of the test set, in their file's order; the rows of the asked variant where the context shows those."
    labels: tuple[str, ...]
    "By which demonstrations take turns: of the task, or of the one that its rows were made for; empty: by none."
    params: Any
    "Its validated parameters, an instance of `Context.params`."
    seed: int
    "The first study seed: draws do not change with the training seed."
    draw: int = 0
    "Which draw of demonstrations."
    protocol: Literal["corrected", "paper"] = "corrected"
    "paper shows the pool as published, test rows in it or not."
    rows: Callable[[str, Split], Sequence[Example]] = nothing_to_read
    "(dataset, split) → rows of the datasets that `Context.sources` names, read when asked for."
    answer: Callable[[Parent, Sequence[Example]], Sequence[Prediction]] = nobody_answers
    "(parent, examples) → the answers of one of `Context.parents`."


def no_sources(params: Any) -> tuple[str, ...]:
    """Declare no datasets."""
    return ()


@dataclass(frozen=True, slots=True, eq=False)
class Context:
    """What stands before a query."""

    name: str
    "The name a study file uses."
    reference: str
    "Paper or definition."
    description: str
    "One line for lists."
    params: type[ContextParams]
    "Its parameters."
    per_query: bool
    "Whether what stands before a query depends on the query."
    prepare: Callable[[ContextRequest], Any]
    "Make what is needed once per test set and draw; deterministic."
    build: Callable[[Any, Example, int, np.random.Generator], Built]
    "(prepared, query, shots, rng) → what stands before the query; at most `shots` demonstrations."
    parents: Callable[[Any], tuple[Parent, ...]] = no_parents
    "params → variants whose answers it needs."
    sources: Callable[[Any], tuple[str, ...]] = no_sources
    "params → names of the datasets it reads beside the test set's own."
    reads: Literal["passages", "train"] = "passages"
    "Which of their rows: passages, or training rows, which are demonstrations of their own task alone."
    is_drawn: bool = True
    "Whether another draw may show other demonstrations."
    shows_own: bool = False
    "Whether its pool is what the asked variant was trained on: all of that is shown, whatever `eval.shots` says."
    inserts: bool = False
    "Whether it inserts text, so that it differs from other contexts without demonstrations, too."
    libraries: Mapping[str, str] = field(default_factory=dict)
    "Libraries beyond the core, and the extra of hanka that brings each."
    version: int = 1
    "Raised by hand when the same parameters give another context than before."


def require_libraries(context: Context) -> None:
    """Raise DataError in one line where a library that the context needs is not installed."""
    for library, extra in context.libraries.items():
        if find_spec(library) is None:
            raise DataError(f"context {context.name} needs the library {library}: {how_to_install(extra)}")


def identity(context: Context, params: ContextParams) -> dict[str, Any]:
    """Return what enters the id of a cell: name, version and parameters."""
    return {"context": context.name, "version": context.version, "params": params.model_dump(mode="json")}


def build_each(
    context: Context, request: ContextRequest, prepared: Any, examples: Sequence[Example], shots: int
) -> tuple[Built, ...]:
    """Build what stands before every example, in order; once for all where the context is not per query."""
    purpose = ("context", context.name, request.seed, request.dataset, request.draw)
    if not context.per_query:
        return (context.build(prepared, examples[0], shots, stream(*purpose)),) * len(examples) if examples else ()
    # The target is not a context's business: an entry that looked at it would tell the answer.
    return tuple(
        context.build(prepared, replace(example, target=""), shots, stream(*purpose, example.id))
        for example in examples
    )


def without_tests(rows: Sequence[Example], tests: Sequence[Example]) -> list[Example]:
    """Leave out the rows whose input is that of a test row: equal up to case, width and white space."""
    asked = {normalised_text(test) for test in tests}
    return [row for row in rows if normalised_text(row) not in asked]
