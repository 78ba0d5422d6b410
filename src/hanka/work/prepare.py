"""Training rows that a recipe makes out of variants → data/<id>/rows.jsonl.

A recipe asks its parents; what they answer is stored, and training reads the stored rows, so that an interrupted and an
undisturbed run train on the same ones.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from hanka.engines.contract import Decoding
from hanka.errors import HankaError, UnitError
from hanka.plan import PlannedData
from hanka.recipes.contract import AS_SOURCE, How, make_rows
from hanka.records import Example, Parent, Prediction
from hanka.store.folder import read_json_or_none, write_json
from hanka.store.rows import has_rows, read_rows, write_rows
from hanka.study.rows import RowsOfTask, TrainingSet, training_set
from hanka.tasks.base import Task
from hanka.work.answer import Question, answer_question
from hanka.work.asked_before import answered_before, keep_answers
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

    def answer(parent: Parent, examples: Sequence[Example], how: How = AS_SOURCE) -> Sequence[Prediction]:
        """Ask one of the recipe's parents, zero-shot, with the prompt set that is trained with."""
        wanted = planned.recipe.use.entry.parents(planned.recipe.use.params)
        asked = planned.parents[wanted.index(parent)]
        task = place.plan.study.tasks[_task_of(place, planned, how)].task
        question = Question(asked, tuple(examples), task.name, planned.prompt, decoding=decoding_of(place, task, how))
        return answered_before(place, question) or keep_answers(place, question, answer_question(place, question))

    told: dict[str, Any] = {}

    def tell(said: Mapping[str, Any]) -> None:
        """Keep what a recipe tells of its making, and say its lines at once: before anything is trained on the rows."""
        told.update(said)
        for one in said.values():
            if isinstance(one, Mapping) and one.get("said"):
                place.report(" ".join(map(str, one["said"])), 0.5)

    request = replace(place.plan.data.recipe_request(planned.recipe, planned.asked), answer=answer, tell=tell)
    try:
        parts = make_rows(planned.recipe.use.entry, request)
        record = {"name": planned.recipe.name, "recipe": planned.recipe.use.content}
        write_rows(folder, parts, record | ({"told": told} if told else {}))
    except HankaError:
        raise
    except Exception as error:
        write_json(folder / FAILED, {"reason": reason(error, place, folder)})


def _task_of(place: Workplace, planned: PlannedData, how: How) -> str:
    """Return the task that a recipe's parent is asked: that of the data set it names, or of its first source."""
    return place.plan.study.datasets[how.dataset or planned.recipe.sources[0]].task


def decoding_of(place: Workplace, task: Task, how: How) -> Decoding:
    """Return how answers are written that a recipe or a probe asks for."""
    most = how.max_new_tokens or place.plan.study.spec.eval.max_new_tokens
    return Decoding(most, task.stop, how.temperature, how.top_p, how.seed)


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
