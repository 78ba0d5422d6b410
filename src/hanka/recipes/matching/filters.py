"""Filters: pairs that a variant labels rightly as it is asked (`error_filter`), and pairs that are worth learning (`relevance_filter`).

Both keep some of the pairs that the plain arm trains on, so that arm is what they are compared with; with `refill` further pairs take the
places of those left out, and the number of rows is equal. What is left out is counted and told by label. A filter that keeps one label
alone leaves nothing to learn, and is a failure with that reason.
Relevance is judged by a variant that is fit (`fitness`), asked by task `matching-interest`, or, without `by`, by rule: a pair is interesting where a
rule that counts shared words gets its label wrong. Source: Steiner, Peeters & Bizer (2024), arXiv 2409.08185, who keep what a large
model labels rightly at zero shots, and what it finds interesting.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from pydantic import Field

from hanka.datasets.matching.rules import fitted_threshold, rule_label
from hanka.errors import UnitError
from hanka.methods.contract import ParentRef
from hanka.recipes.contract import How, Recipe, RecipeRequest
from hanka.recipes.matching import REFERENCE, PairsParams, drawn, ordered
from hanka.recipes.matching.fitness import require_fit
from hanka.records import Example, Parent, Part

AT_ONCE = 200
"Pairs that are asked at once while places are refilled."


class FilterParams(PairsParams):
    """Of which pairs, and whether others take the places of those left out."""

    refill: bool = False
    "Whether further pairs are looked at until as many are kept as the study asks for."


class ErrorFilterParams(FilterParams):
    """Who labels the pairs."""

    by: ParentRef
    "Entry of `methods` that labels them; best one that was not trained on these pairs."


class RelevanceFilterParams(FilterParams):
    """Who says which pairs are worth learning."""

    by: ParentRef | None = None
    "Entry of `methods` that is asked (default: a rule, which is a baseline)."
    asking: str | None = Field(default=None, min_length=1)
    "Data set of the task it is asked by (default: NAME-interest of `of`)."

    @property
    def asked_by(self) -> str:
        """Return the data set whose task asks for interest."""
        return self.asking or f"{self.of}-interest"


def make_error_filtered(request: RecipeRequest) -> tuple[Part, ...]:
    """Keep the pairs that a variant labels rightly. Raises UnitError where one label alone is left."""
    params: ErrorFilterParams = request.params

    def right(rows: Sequence[Example]) -> list[bool]:
        """Tell which rows are labelled rightly; a row without an answer is not."""
        answers = request.answer(params.by.parent, rows, How(params.of))
        return [one.parsed == row.target for row, one in zip(rows, answers, strict=True)]

    return _kept(request, right, "labelled rightly")


def make_relevance_filtered(request: RecipeRequest) -> tuple[Part, ...]:
    """Keep the pairs that are worth learning. Raises UnitError for a judge that is not fit, and where one label alone is left."""
    params: RelevanceFilterParams = request.params
    labels = request.task(params.of).labels
    if params.by is None:
        cut = fitted_threshold(request.rows(params.of, "train", request.asked), labels[0])
        return _kept(
            request, lambda rows: [rule_label(row, cut, labels) != row.target for row in rows], "interesting by rule"
        )
    parent = params.by.parent
    require_fit(request, parent, params.of)

    def interesting(rows: Sequence[Example]) -> list[bool]:
        """Tell which rows the variant finds interesting."""
        answers = request.answer(parent, rows, How(params.asked_by))
        yes = request.task(params.asked_by).labels[0]
        return [one.parsed == yes for one in answers]

    return _kept(request, interesting, "interesting")


def _kept(request: RecipeRequest, keeps: Any, what: str) -> tuple[Part, ...]:
    """Keep rows of the draw, and further ones where places are refilled."""
    params: FilterParams = request.params
    kept: list[Example] = []
    left_out: Counter[str] = Counter()
    n_seen = 0
    for rows in _looks(request, params.refill):
        for row, keep in zip(rows, keeps(rows), strict=True):
            if len(kept) == request.asked:
                break
            n_seen += 1
            if keep:
                kept.append(row)
            else:
                left_out[row.target] += 1
        if len(kept) == request.asked:
            break
    counts = Counter(row.target for row in kept)
    said = f"{len(kept)} of {n_seen} pairs kept ({_by_label(counts)}), {what}; left out: {_by_label(left_out)}"
    request.tell({"filter": {"seen": n_seen, "kept": dict(counts), "left_out": dict(left_out), "said": [said]}})
    if len(counts) < min(len(request.task(params.of).labels), request.asked):
        raise UnitError(f"the filter leaves nothing to tell apart: {said}")
    return (Part(request.task(params.of).name, params.of, tuple(kept)),)


def _looks(request: RecipeRequest, refill: bool) -> Iterator[list[Example]]:
    """Yield the rows of the draw, then, where asked, further ones in blocks, so that a filter is asked no more than needed."""
    if not refill:
        yield drawn(request)
        return
    rows = ordered(request)
    yield rows[: request.asked]
    for start in range(request.asked, len(rows), AT_ONCE):
        yield rows[start : start + AT_ONCE]


def _by_label(counts: Counter[str]) -> str:
    return ", ".join(f"{counts[label]} {label}" for label in sorted(counts)) or "none"


def _relevance_parents(params: Any) -> tuple[Parent, ...]:
    return (params.by.parent,) if params.by else ()


ERROR_FILTER = Recipe(
    name="error_filter",
    reference=REFERENCE,
    description="the pairs that a variant labels rightly",
    params=ErrorFilterParams,
    makes="train",
    sources=lambda params: (params.of,),
    n_rows=lambda params, asked: asked,
    may_make_fewer=True,
    make=make_error_filtered,
    parents=lambda params: (params.by.parent,),
)
RELEVANCE_FILTER = Recipe(
    name="relevance_filter",
    reference=REFERENCE,
    description="the pairs that a variant finds worth learning, or a rule (a baseline)",
    params=RelevanceFilterParams,
    makes="train",
    sources=lambda params: (params.of, params.asked_by) if params.by else (params.of,),
    teaches=lambda params: (params.of,),
    n_rows=lambda params, asked: asked,
    may_make_fewer=True,
    make=make_relevance_filtered,
    parents=_relevance_parents,
)
