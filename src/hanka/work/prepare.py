"""Training rows that a recipe makes out of variants → data/<id>/rows.jsonl.

A recipe asks its parents; what they answer is stored, and training reads the stored rows, so that an interrupted and an
undisturbed run train on the same ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from hanka.errors import HankaError, UnitError
from hanka.plan import PlannedData
from hanka.recipes.contract import make_rows
from hanka.records import Example, Parent, Prediction
from hanka.store.folder import read_json_or_none, write_json
from hanka.store.rows import has_rows, read_rows, write_rows
from hanka.study.rows import RowsOfTask, TrainingSet, training_set
from hanka.work.answer import Question, answer_question
from hanka.work.place import Workplace, begin, reason

FAILED = "failed.json"
"Why rows were not made."


def prepare_rows(place: Workplace, planned: PlannedData) -> None:
    """Make rows unless they are there; a failure is kept with its reason, and what needs the rows fails by it."""
    folder = place.folder.data(planned.id)
    if has_rows(folder):
        return
    begin(folder)
    (folder / FAILED).unlink(missing_ok=True)

    def answer(parent: Parent, examples: Sequence[Example]) -> Sequence[Prediction]:
        """Ask one of the recipe's parents, zero-shot, with the prompt set that is trained with."""
        wanted = planned.recipe.use.entry.parents(planned.recipe.use.params)
        asked = planned.parents[wanted.index(parent)]
        return answer_question(place, Question(asked, tuple(examples), _task_of(place, planned), planned.prompt))

    request = replace(place.plan.data.recipe_request(planned.recipe, planned.asked), answer=answer)
    try:
        parts = make_rows(planned.recipe.use.entry, request)
        write_rows(folder, parts, {"name": planned.recipe.name, "recipe": planned.recipe.use.content})
    except HankaError:
        raise
    except Exception as error:
        write_json(folder / FAILED, {"reason": reason(error, place, folder)})


def _task_of(place: Workplace, planned: PlannedData) -> str:
    """Return the task of the rows a recipe asks about: that of its first source."""
    return place.plan.study.datasets[planned.recipe.sources[0]].task


def rows_of(place: Workplace, training: TrainingSet) -> TrainingSet:
    """Return a training set with its rows, read where a recipe made them. Raises UnitError where that failed."""
    if not training.data_id:
        return training
    folder = place.folder.data(training.data_id)
    if not has_rows(folder):
        failed = read_json_or_none(folder / FAILED) or {}
        raise UnitError(f"the rows of {training.name} were not made: {failed.get('reason') or 'they are missing'}")
    made: dict[str, tuple[Example, ...]] = {}
    for part in read_rows(folder):
        made[part.dataset] = made.get(part.dataset, ()) + part.examples
    parts = [
        RowsOfTask(part.task, part.dataset, made.get(part.dataset.name, ()), part.validation) for part in training.parts
    ]
    return replace(training_set(training.name, parts, training.asked), data_id=training.data_id)
