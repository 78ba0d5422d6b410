"""Ask a made variant and store what came out: the cells of a plan, or what a recipe wants to know.

predict → store. What answers is opened in `voice.py`.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hanka.datasets.repeats import clusters
from hanka.engines.contract import Decoding
from hanka.errors import HankaError, UnitError
from hanka.models.memory import is_out_of_memory, release_memory
from hanka.plan import PlannedCell, PlannedParent, PlannedVariant
from hanka.prompting import Asked, Prompter, require_distinct_first_tokens
from hanka.records import Built, Example, Prediction
from hanka.store.folder import read_json_or_none, read_predictions, write_json, write_predictions
from hanka.tasks.base import Task
from hanka.work.answers import Asking, n_empty, n_tied, predict
from hanka.work.cells import cell_done, cell_record, rows_wanted
from hanka.work.harness import ask_of_harness
from hanka.work.meter import Meter, with_earlier
from hanka.work.place import Workplace, begin, moment, reason, versions
from hanka.work.reasoning import doubts as cut_off
from hanka.work.reasoning import with_reasoning
from hanka.work.told import Times, doubts, failures_of, keep_times, together
from hanka.work.voice import Voice, has_tokens, open_voice, policy_of

if TYPE_CHECKING:
    import torch

AGREEMENT = "agreement.json"
"File of a served variant that says how far it agreed with the same weights in memory."


def answer_cells(place: Workplace, planned: PlannedVariant) -> None:
    """Answer the cells of a variant that are not there; without the variant they become failed rows."""
    todo = [cell for cell in place.plan.cells_of(planned.variant.id) if not cell_done(place.folder, cell)]
    if not todo:
        return
    made = place.made(planned.variant.id)
    if made.get("status") != "done":
        for cell in todo:
            _store_failed(place, cell, made.get("reason") or "the variant was not made")
        return
    begin(place.folder.variant(planned.variant.id))
    try:
        with open_voice(place, planned) as voice:
            _answer_each(place, sorted(todo, key=_shared_text), voice)
    except HankaError:
        raise
    except Exception as error:
        why = reason(error, place, place.folder.variant(planned.variant.id))
        for cell in todo:
            if not cell_done(place.folder, cell):
                _store_failed(place, cell, why)


# ---- cells


def _answer_each(place: Workplace, cells: Sequence[PlannedCell], voice: Voice) -> None:
    """Answer cells; one that fails is failed rows, and the next one follows."""
    for index, cell in enumerate(cells):
        one = cell.cell
        place.report(f"asking {one.test_dataset}, {one.shots} shots, {one.prompt}", index / len(cells))
        try:
            _answer_cell(place, cell, voice)
        except HankaError:
            raise
        except Exception as error:
            _store_failed(place, cell, reason(error, place, place.folder.cell(one.id)))


def first_answers(place: Workplace, cell: PlannedCell, voice: Voice, n: int) -> list[Prediction]:
    """Answer the first rows of a cell; nothing is stored."""
    asked = _ask_cell(place, cell, voice).part(0, n)
    return _predict(place, _asking(place, cell.cell.test_task, cell.test.examples[:n], asked, voice), voice)[1]


def time_alone(place: Workplace, cell: PlannedCell, voice: Voice, n: int) -> Times:
    """Answer the first rows of a cell one at a time and time each; no answer is stored.

    The first row is asked once more before: what is loaded or made ready for it is not its own. Rows that fail are not counted.
    """
    found: list[float] = []
    for turn, at in enumerate((0, *range(min(n, len(cell.test.examples))))):
        asked = _ask_cell(place, cell, voice).part(at, at + 1)
        asking = _asking(place, cell.cell.test_task, cell.test.examples[at : at + 1], asked, voice)
        started = time.monotonic()
        try:
            answers = _predict(place, asking, voice)[1]
        except UnitError:  # a row without a number
            continue
        if turn and all(one.status != "failed" for one in answers):
            found.append(time.monotonic() - started)
    return Times("row", 1, tuple(found))


def _answer_cell(place: Workplace, cell: PlannedCell, voice: Voice) -> None:
    started, meter, folder = time.monotonic(), Meter(place.alone), place.folder.cell(cell.cell.id)
    known = cell_record(place.folder, cell)
    stop = rows_wanted(cell, known)
    before = _answered(folder, known)
    begin(folder)
    budget = voice.engine.batch_tokens
    voice.engine.account()  # what failed before, or was asked for another purpose, is not this cell's
    if (use := place.plan.study.harness.get(cell.cell.test_task)) is not None:
        judged, said = ask_of_harness(use, cell, voice.engine, voice.tokenizer, policy_of(place, voice))
        took = {"seconds": time.monotonic() - started, "used": meter.read()}
        _store(place, cell, voice, judged, took | {"batch_tokens": budget} | said)
        return
    asked = _ask_cell(place, cell, voice).part(len(before), stop)
    _require_as_trained(place, cell, asked)
    asking = _asking(place, cell.cell.test_task, cell.test.examples[len(before) : stop], asked, voice)
    asking, new = _predict(place, asking, voice)
    predictions = [*before, *new]
    said = {
        "prefix": asked.prefix,
        "template_hash": asked.template_hash,
        **(_spelt(asked, asking.task, voice.tokenizer) if has_tokens(voice) else {}),
        "n_tied": n_tied(asking, predictions),
        "n_empty": n_empty(asking, predictions),
        "seconds": time.monotonic() - started + (known["seconds"] if before else 0.0),
        "used": with_earlier(meter.read(), known.get("used", {})) if before else meter.read(),
        "batch_tokens": budget,
        "asked": known.get("asked", {}) if before else {},
        "notes": [
            *doubts(cell.cell.test_dataset, asking, predictions),
            *cut_off(cell.cell.test_dataset, asking.reasoned),
        ],
    }
    _store(place, cell, voice, predictions, said)


def _spelt(asked: Asked, task: Task, tokenizer: Any) -> dict[str, Any]:
    """Spell what is scored beside a row's own text: what ends a label, what stands before a text that is scored by itself."""
    if not asked.encoded:
        return {}
    first = asked.encoded[0]
    begins = {"begins_spelt": tokenizer.decode(first.ids)} if task.kind == "likelihood" else {}
    return begins | {"ends_spelt": [tokenizer.decode([end]) for end in first.ends]}


def _store(
    place: Workplace, cell: PlannedCell, voice: Voice, predictions: Sequence[Prediction], said: Mapping[str, Any]
) -> None:
    """Store a cell's answers and its record; said: what only who asked knows."""
    folder = place.folder.cell(cell.cell.id)
    write_predictions(folder, predictions, clusters(cell.test.examples)[: len(predictions)])
    counts = {status: sum(1 for one in predictions if one.status == status) for status in ("unparsed", "failed")}
    record = _cell_record(place, cell) | {
        "status": "done",
        "n_wanted": len(predictions),
        "reason": "",
        "prefix": "",
        "n": len(predictions) - counts["failed"],
        "n_failed": counts["failed"],
        "n_unparsed": counts["unparsed"],
        "n_tied": 0,
        "n_empty": 0,
        "failures": failures_of(predictions),
        "n_prompt_tokens": sum(one.n_prompt_tokens for one in predictions),
        "n_output_tokens": sum(one.n_output_tokens for one in predictions),
        "device": voice.device,
        "versions": versions(),
    }
    taken = dict(voice.engine.account())
    timed, at_once = taken.pop("timed", ()), int(taken.get("concurrency", 1))
    if timed:
        keep_times(folder, Times("request", at_once, tuple(timed)), goes_on=bool(said.get("asked")))
    taken = together(taken, said.get("asked", {}))
    record |= {
        **said,
        "seconds": round(said["seconds"], 3),
        "batch_tokens": [said["batch_tokens"], voice.engine.batch_tokens],
        "notes": [*voice.engine.notes, *_agreed(place, voice.planned), *said["notes"]],
        "asked": taken,
    }
    write_json(
        folder / "cell.json", record if taken else {name: one for name, one in record.items() if name != "asked"}
    )


def _agreed(place: Workplace, planned: PlannedVariant) -> list[str]:
    """Say how far a server agreed with the same weights in memory, where that was asked."""
    found = read_json_or_none(place.folder.variant(planned.variant.id) / AGREEMENT)
    return [str(found["line"])] if isinstance(found, dict) else []


def _require_as_trained(place: Workplace, cell: PlannedCell, asked: Asked) -> None:
    """Raise UnitError where a variant's own task would be asked in another way than it was trained, as files changed between."""
    planned = place.plan.variants[cell.cell.variant_id]
    stored = str((place.made(planned.variant.id).get("record") or {}).get("template_hash", ""))
    hashes = stored.split("+") if stored else []
    tasks = [part.task.name for part in planned.training.parts] if planned.training is not None else []
    if (
        cell.cell.prompt != planned.adaptation.train.prompt
        or len(hashes) != len(tasks)
        or place.plan.study.policy.reasons
    ):
        return
    trained = dict(zip(tasks, hashes, strict=True)).get(cell.cell.test_task, asked.template_hash)
    if trained != asked.template_hash:
        raise UnitError(
            f"{planned.variant.label} was trained on task {cell.cell.test_task} rendered as {trained}, and it is rendered as "
            f"{asked.template_hash} now: the tokenizer or its chat template changed; run into another folder"
        )


def _answered(folder: Path, record: Mapping[str, Any]) -> list[Prediction]:
    """Return the predictions of a cell that was asked some of its rows already; none of another one."""
    if record.get("status") != "done" or not (folder / "predictions.parquet").is_file():
        return []
    found = read_predictions(folder)[0]
    return found[: record["n"] + record["n_failed"]]


def _ask_cell(place: Workplace, cell: PlannedCell, voice: Voice) -> Asked:
    """Return a cell's questions; variants of one base are asked the same ones, but for their own rows."""
    one, plan = cell.cell, place.plan
    if cell.context.entry.shows_own:  # long, and of few variants: not kept
        task = plan.study.tasks[one.test_task].task
        return _ask(place, task, one.prompt, cell.demonstrations, cell.test.examples, voice)
    key = (
        voice.planned.model.name,
        voice.planned.engine,
        one.test_dataset,
        one.shots,
        one.prompt,
        one.draw,
        one.context,
    )
    if key not in place.asked:
        built: Sequence[Built] = ()
        if cell.context.entry.per_query or cell.context.entry.inserts:
            built = plan.data.built(cell.test.dataset, one.draw, one.shots, cell.context)
        task = plan.study.tasks[one.test_task].task
        place.asked[key] = _ask(
            place, task, one.prompt, cell.demonstrations if not built else (), cell.test.examples, voice, built
        )
    return place.asked[key]


def _ask(
    place: Workplace,
    task: Task,
    prompt: str,
    demonstrations: Sequence[Example],
    examples: Sequence[Example],
    voice: Voice,
    built: Sequence[Built] = (),
) -> Asked:
    study = place.plan.study
    prompter = Prompter(voice.tokenizer, policy_of(place, voice))
    asked = prompter.ask(task, prompt, demonstrations, examples, built)
    if task.kind == "classification" and study.scoring == "first_token" and voice.planned.engine != "served":
        require_distinct_first_tokens(asked.encoded, task.labels, f"task {task.name}, prompt {prompt}")
    return asked


def _asking(place: Workplace, task: str, examples: Sequence[Example], asked: Asked, voice: Voice) -> Asking:
    study = place.plan.study
    found = study.tasks[task].task
    decoding = Decoding(study.spec.eval.max_new_tokens, found.stop)
    return Asking(found, examples, asked, study.scoring, decoding, voice.label_bias)


def _predict(place: Workplace, asking: Asking, voice: Voice) -> tuple[Asking, list[Prediction]]:
    """Ask, behind reasoning where the study wants some; after running out of memory, again with half the token budget.

    Returns what was asked in the end, and the answers.
    """
    policy = policy_of(place, voice)
    reasons = policy.reasons and asking.task.kind != "likelihood"
    while True:
        try:
            if reasons and not asking.reasoned:
                asking = with_reasoning(asking, Prompter(voice.tokenizer, policy), voice.engine)
            return asking, predict(asking, voice.engine)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error) or not voice.engine.halve():
                raise
            release_memory()
            place.report(f"out of memory: token budget now {voice.engine.batch_tokens}", 0.0)


def _cell_record(place: Workplace, cell: PlannedCell) -> dict[str, Any]:
    study = place.plan.study
    task = study.tasks[cell.cell.test_task].task
    return (
        asdict(cell.cell)
        | {
            "labels": list(task.labels),
            "demonstrations": [one.id for one in cell.demonstrations],
            "rows_sha256": cell.test.fingerprint,
            "finished": moment(),
        }
        | study.answering(task, place.plan.variants[cell.cell.variant_id].model)
    )


def _store_failed(place: Workplace, cell: PlannedCell, why: str) -> None:
    record = _cell_record(place, cell) | {
        "status": "failed",
        "n_wanted": rows_wanted(cell, cell_record(place.folder, cell)),
        "reason": why,
        "prefix": "",
        "n": 0,
        "n_failed": len(cell.test.examples),
        "n_unparsed": 0,
        "n_prompt_tokens": 0,
        "n_output_tokens": 0,
        "seconds": 0.0,
        "device": "",
        "versions": versions(),
    }
    write_json(place.folder.cell(cell.cell.id) / "cell.json", record)


def _shared_text(planned: PlannedCell) -> tuple[str, str, str, int, int]:
    """Order cells so that those which begin with the same demonstrations follow each other, fewer shots first."""
    cell = planned.cell
    return cell.test_dataset, cell.prompt, cell.context, cell.draw, cell.shots


# ---- what a recipe wants to know


@dataclass(frozen=True, slots=True)
class Question:
    """Examples that a variant is asked outside of any cell."""

    parent: PlannedParent
    "The variant."
    examples: tuple[Example, ...]
    "What is asked."
    task: str
    "Its task."
    prompt: str
    "Prompt set."
    demonstrations: tuple[Example, ...] = ()
    "What stands before every example."
    decoding: Decoding | None = None
    "How answers are written; None: as the study's `eval` has it, and nothing is drawn."


def next_tokens(place: Workplace, question: Question) -> torch.Tensor:
    """Return what a made variant may say next behind each example's prompt, (examples, vocabulary), log-probabilities in nats.

    Raises UnitError where it was not made, or where no model in memory answers for it.
    """
    from hanka.engines.local import VoicesEngine

    planned = place.plan.variants[question.parent.variant_id]
    place.require_made(planned.variant.id)
    task = place.plan.study.tasks[question.task].task
    with open_voice(place, planned, question.parent.step) as voice:
        if not isinstance(voice.engine, VoicesEngine):
            raise UnitError(f"engine {planned.engine} does not say what may come next: only models in memory do")
        asked = _ask(place, task, question.prompt, question.demonstrations, question.examples, voice)
        return voice.engine.next_tokens(asked.encoded)


def answer_question(place: Workplace, question: Question) -> list[Prediction]:
    """Ask a made variant. Raises UnitError where it was not made."""
    planned = place.plan.variants[question.parent.variant_id]
    place.require_made(planned.variant.id)
    task = place.plan.study.tasks[question.task].task
    with open_voice(place, planned, question.parent.step) as voice:
        asked = _ask(place, task, question.prompt, question.demonstrations, question.examples, voice)
        asking = _asking(place, question.task, question.examples, asked, voice)
        if question.decoding is not None:
            asking = replace(asking, decoding=question.decoding)
        return _predict(place, asking, voice)[1]
