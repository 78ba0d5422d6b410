"""`error_driven`: the N pairs a variant was trained on, and N more that are near its errors on rows to validate on.

With E errors among the validation pairs, each gives the floor((N - E) / E) nearest pairs of the pool that are not taken yet; the rest up to N are
drawn at random. The pool is the training pairs outside the N; a validation pair is never among them. What is trained next goes on from
the variant itself: `start: {of: …}` with a kept step (`keep_steps`), the course of the original being 5 epochs at 1e-4, cosine. A round is one
such recipe and one such entry; the next round names the last one.
Source: Steiner, Peeters & Bizer (2024), arXiv 2409.08185 (continue_fine-tuning), whose labels of added pairs are 0 and 1 while those of the first are
Yes and No; here all are the task's. Where there are more errors than N / 2, none has a nearest pair by that formula: the first N
errors in a seeded order then give one each. Limits: nearness is by spelling (`nearness`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from hanka.errors import DataError
from hanka.identity import stream
from hanka.methods.contract import ParentRef
from hanka.recipes.contract import How, Recipe, RecipeRequest
from hanka.recipes.matching import REFERENCE, PairsParams, ordered
from hanka.recipes.matching.nearness import cosines
from hanka.records import Example, Part

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class ErrorDrivenParams(PairsParams):
    """Whose errors."""

    by: ParentRef
    "Entry of `methods` whose errors are looked at: one that was trained on the same rows, at its end or at a kept step."
    added: Literal["near", "random"] = "near"
    "What is added: pairs near its errors, or as many drawn at random, the control that tells nearness from more rows and more training."


def make_error_driven(request: RecipeRequest) -> tuple[Part, ...]:
    """Return exactly twice as many rows as asked. Raises DataError where there are no rows to validate on, or the pool is too small."""
    params: ErrorDrivenParams = request.params
    rows, n = ordered(request), request.asked
    validated = list(request.rows(params.of, "validation", None))
    if not validated:
        raise DataError(
            f"data set {params.of} has no rows to validate on, and their errors choose what is added: give it some "
            f"(`validation: FILE`, or `train.validation` as a share)"
        )
    own, taken = rows[:n], {_pair(row) for row in validated}
    pool = [row for row in rows[n:] if _pair(row) not in taken]
    if len(pool) < n:
        raise DataError(
            f"{n} pairs are to be added and the pool of {params.of} holds {len(pool)}: ask for a smaller size"
        )
    answers = request.answer(params.by.parent, validated, How(params.of))
    errors = [row for row, one in zip(validated, answers, strict=True) if one.parsed != row.target]
    added = chosen(errors if params.added == "near" else [], pool, n, request.seed)
    n_near = min(n, len(errors) * each(n, len(errors))) if params.added == "near" else 0
    said = f"{len(errors)} errors on {len(validated)} rows to validate on: {n_near} pairs near them and {n - n_near} at random, beside {n}"
    request.tell(
        {"errors": {"n": len(validated), "errors": len(errors), "near": n_near, "random": n - n_near, "said": [said]}}
    )
    return (Part(request.task(params.of).name, params.of, (*own, *added)),)


def _pair(row: Example) -> tuple[str, str]:
    return row.fields["left"], row.fields["right"]


def each(n: int, n_errors: int) -> int:
    """Return how many nearest pairs each error gives."""
    return max(1, (n - n_errors) // n_errors) if n_errors else 0


def chosen(errors: Sequence[Example], pool: Sequence[Example], n: int, seed: int) -> list[Example]:
    """Return n rows of a pool: those nearest to errors, the rest at random."""
    order = stream(seed, "error_driven").permutation(len(pool)).tolist()
    asked = [errors[place] for place in stream(seed, "errors").permutation(len(errors)).tolist()[:n]]
    near = nearest_places(cosines(asked, pool), each(n, len(errors))) if asked else []
    taken = set(near[:n])
    places = [*near[:n], *(place for place in order if place not in taken)][:n]
    return [pool[place] for place in places]


def nearest_places(likeness: NDArray[np.float64], k: int) -> list[int]:
    """Return for each row of (errors, pool) its k most alike columns that no earlier row took, in order; of equals the first."""
    import numpy as np

    found: dict[int, None] = {}
    for row in likeness:
        n_before = len(found)
        for place in np.argsort(-row, kind="stable").tolist():
            if len(found) - n_before == k:
                break
            found.setdefault(place)
    return list(found)


ERROR_DRIVEN = Recipe(
    name="error_driven",
    reference=REFERENCE,
    description="the pairs a variant was trained on, and as many that are near its errors on rows to validate on",
    params=ErrorDrivenParams,
    makes="train",
    sources=lambda params: (params.of,),
    n_rows=lambda params, asked: 2 * asked,
    make=make_error_driven,
    parents=lambda params: (params.by.parent,),
)
