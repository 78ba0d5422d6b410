"""What recipes asked their parents, kept in the run: asked again, by the same recipe or by another one, nothing is answered twice.

asked/<id>.json, the id of all that an answer depends on: who is asked, what, how it is written. A run that was cut goes on behind the
last question that was answered whole, and two recipes that differ in what they do with answers ask once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from hanka.engines import ENGINES
from hanka.identity import content_id, fingerprint
from hanka.plan.records import STAGES
from hanka.records import Prediction
from hanka.store.folder import read_json_or_none, write_json
from hanka.work.answer import Question
from hanka.work.place import Workplace


def answered_before(place: Workplace, question: Question) -> list[Prediction]:
    """Return the answers to a question that are there; none where it was not asked."""
    found = read_json_or_none(_path(place, question))
    if not isinstance(found, dict) or len(found.get("answers", ())) != len(question.examples):
        return []
    kept: Iterator[dict[str, Any]] = (
        {name: tuple(value) if isinstance(value, list) else value for name, value in one.items()}
        for one in found["answers"]
    )
    return [Prediction(**one) for one in kept]


def keep_answers(place: Workplace, question: Question, answers: Sequence[Prediction]) -> Sequence[Prediction]:
    """Write answers down and return them."""
    write_json(_path(place, question), {"task": question.task, "answers": [asdict(one) for one in answers]})
    return answers


def _path(place: Workplace, question: Question) -> Path:
    study = place.plan.study
    task = study.tasks[question.task].task
    engine = ENGINES.get(place.plan.variants[question.parent.variant_id].engine)
    content = {
        "stage": STAGES["prepare"],
        "parent": [question.parent.variant_id, question.parent.step],
        "engine": [engine.name, engine.version],
        "rows": fingerprint(question.examples),
        "ids": [one.id for one in question.examples],
        "demonstrations": fingerprint(question.demonstrations),
        "task": [task.name, task.version, task.template(question.prompt), list(task.labels)],
        "answering": study.answering(task),
        "decoding": None if question.decoding is None else asdict(question.decoding),
        "tokens": study.policy.content(),
        "protocol": study.spec.protocol,
    }
    return place.folder.asked(content_id(content))
