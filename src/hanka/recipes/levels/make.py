"""Facts → how well each is known → those of one level, drawn by seed, relations in turns.

All levels, sizes and draws of a study ask the same questions, which a run asks once and keeps; what differs is which rows are taken.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from hanka.datasets.splits import in_hash_order, interleaved
from hanka.errors import DataError, UnitError
from hanka.recipes.contract import How, RecipeRequest
from hanka.recipes.levels.params import LevelsParams
from hanka.recipes.levels.sampling import known_facts, told
from hanka.records import Example, Part, Prediction


def make_level(request: RecipeRequest) -> tuple[Part, ...]:
    """Take the facts of one level.

    Raises DataError for a task whose answers are not written, UnitError, which a run survives, where the level turns out to have no facts,
    or fewer than are asked and none fewer will do.
    """
    params: LevelsParams = request.params
    task = request.task(params.of)
    if not task.is_written:
        raise DataError(
            f"{params.of} belongs to task {task.name} ({task.kind}), whose answers are not written: only what is sampled has levels"
        )
    facts = request.rows(params.of, "train", None)[: params.pool]
    known = known_facts(partial(_answer, request), params.of, facts, params.sampling)
    said = told(known, params.sampling)
    own = [one.example for one in known if one.n and one.level == params.level]
    counts = ", ".join(f"{level}: {n:,}" for level, n in enumerate(said["n_by_level"]))
    line = f"{params.of}: facts by level {counts}; {said['n_failed_samples']:,} samples failed"
    request.tell({"levels": {**said, "level": params.level, "said": [line]}})
    if not own or (params.rows == "asked" and len(own) < request.asked):
        raise UnitError(
            f"{request.asked:,} facts of level {params.level} are asked and {params.of} has {len(own):,} of it (level: facts: {counts}): "
            f"choose a smaller size, a larger `pool`, or `rows: there`"
        )
    drawn = in_hash_order(own, f"levels/{request.seed}/{params.of}")
    chosen = interleaved(drawn, lambda one: one.slices.get(params.by, ""))[: request.asked]
    return (Part(request.task(params.of).name, params.of, tuple(chosen)),)


def _answer(request: RecipeRequest, examples: Sequence[Example], how: How) -> Sequence[Prediction]:
    params: LevelsParams = request.params
    return request.answer(params.knower.parent, examples, how)
