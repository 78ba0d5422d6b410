"""The advice as one record: what is known, the path, the verdict, what the run shows beside it, and what follows.

Where the parts of `advise` meet: a run or a study, a file of answers, live traffic and questions on the terminal come together here once, and
pages, tables and JSON only print it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import hanka
from hanka.advise.answers import NOBODY_ASKED, Answered, ask_for
from hanka.advise.conflict import Measurement, measurement_of, nothing_measured
from hanka.advise.flips import Flip, flips
from hanka.advise.flow import Path as Way
from hanka.advise.flow import Side, walk
from hanka.advise.focus import Focus, focus_on
from hanka.advise.inputs import SPECS, Given
from hanka.advise.measured import measure
from hanka.advise.remarks import Remark, remarks
from hanka.advise.studied import Studied, study_inputs
from hanka.advise.thresholds import Thresholds
from hanka.advise.traffic import Live, live_traffic
from hanka.advise.usable import Needs, Usable, usable_models
from hanka.report.words import Words
from hanka.store.folder import RunFolder, read_table

UNDECIDED = 3
"Exit code without a verdict."


@dataclass(frozen=True, slots=True)
class Material:
    """What there is to advise on, before anybody was asked."""

    about: str
    "Name of the run or study."
    kind: Literal["run", "study"]
    "Which of the two."
    tasks: tuple[str, ...]
    "Tasks to be solved."
    inputs: Mapping[str, Given]
    "What was measured or stands in the study file."
    needs: Needs
    "What is known of prompts."
    lang: Literal["en", "ja"]
    "Language of the study."
    focus: Focus | None
    "The run; None of a study."
    notes: tuple[str, ...]
    "What was left out, in one line each."


@dataclass(frozen=True, slots=True)
class Advice:
    """Everything that is printed."""

    material: Material
    "What it is about."
    inputs: Mapping[str, Given]
    "What is known, answers before measurements."
    overridden: Mapping[str, Given]
    "Measured inputs that an answer replaced."
    thresholds: Thresholds
    "The lines."
    path: Way
    "The way through the flow."
    flips: tuple[Flip, ...]
    "Single changes that would change the flow's advice."
    remarks: tuple[Remark, ...]
    "The eight remarks."
    measurement: Measurement
    "What the run shows beside it."
    needs: Needs
    "What a model has to allow."
    models: tuple[Usable, ...]
    "The catalogue, judged."

    @property
    def side(self) -> Side:
        """Return what is advised in the end, the flow held against the measurement."""
        return self.measurement.weighed.side

    @property
    def exit_code(self) -> int:
        """Return 0 with a verdict, 3 without."""
        return UNDECIDED if self.side == "undecided" else 0

    @property
    def missing(self) -> tuple[str, ...]:
        """Names of the inputs that are not known, those that a question on the path reads first."""
        unknown = [name for name in SPECS if name not in self.inputs]
        return tuple(sorted(unknown, key=lambda name: name not in self.on_path))

    @property
    def on_path(self) -> frozenset[str]:
        """Names of the inputs of questions on the path that have no answer."""
        return frozenset(name for step in self.path.unsettled for name in step.question.inputs)


def material_of(path: Path, task: str = "", live: Path | None = None) -> Material:
    """Read a run's folder or a study file, and live traffic beside it. Raises HankaError in one line."""
    return _of_run(RunFolder(path), task, live) if path.is_dir() else _of_study(path, task, live)


def _of_run(folder: RunFolder, task: str, live: Path | None) -> Material:
    focus = focus_on(folder, task)
    found: dict[str, Given] = measure(focus)
    notes: tuple[str, ...] = ()
    if live is not None:
        read = _live(live, focus)
        found, notes = found | dict(read.inputs), read.notes
    plan = focus.evidence.plan
    lang: Literal["en", "ja"] = "ja" if plan["lang"] == "ja" else "en"
    needs = Needs() if len(focus.tasks) > 1 else _longest(focus)
    return Material(str(plan["study"]), "run", focus.tasks, found, needs, lang, focus, notes)


def _live(path: Path, focus: Focus) -> Live:
    cells = focus.first_prompted() if len(focus.tasks) == 1 else []
    texts = [text for one in cells for text in _column(focus, str(one.cell["id"]), "prompt")]
    return live_traffic(path, texts, int(focus.evidence.plan["seed"]), focus.level)


def _longest(focus: Focus) -> Needs:
    """Count the longest prompt that the rival was asked, with room for its answer."""
    lengths = [n for one in focus.prompted() for n in _column(focus, str(one.cell["id"]), "n_prompt_tokens") if n]
    if not lengths:
        return Needs()
    answer = int(focus.evidence.plan["max_new_tokens"]) if focus.kind != "classification" else 0
    return Needs(longest_prompt_tokens=max(lengths) + answer, counted_by=focus.rival)


def _column(focus: Focus, cell: str, name: str) -> list[Any]:
    table = read_table(focus.evidence.folder.cell(cell) / "predictions.parquet", (name,))
    found: list[Any] = table.column(name).to_pylist()
    return found


def _of_study(path: Path, task: str, live: Path | None) -> Material:
    read: Studied = study_inputs(path, task)
    found, notes, spec = dict(read.inputs), read.notes, read.study.spec
    if live is not None:
        traffic = live_traffic(live, read.texts, spec.seeds[0], spec.stats.level)
        found, notes = found | dict(traffic.inputs), (*notes, *traffic.notes)
    return Material(spec.name, "study", read.tasks, found, read.needs, spec.lang, None, notes)


def advise(material: Material, answered: Answered = NOBODY_ASKED, read: Callable[[str], str] | None = None) -> Advice:
    """Put what is measured, declared and asked together and walk the flow.

    read: asks on a terminal what the flow still needs; None: nobody is asked.
    """
    inputs = {**material.inputs, **answered.inputs}
    if read is not None:
        inputs |= ask_for(inputs, answered.thresholds, read, Words("en"))
    inputs = {name: inputs[name] for name in SPECS if name in inputs}
    path = walk(inputs, answered.thresholds)
    measurement = nothing_measured(path) if material.focus is None else measurement_of(material.focus, path)
    needs = _needs(material.needs, answered.needs)
    found = Advice(
        material,
        inputs,
        {name: one for name, one in material.inputs.items() if inputs[name] is not one},
        answered.thresholds,
        path,
        flips(inputs, answered.thresholds),
        remarks(inputs, path, answered.thresholds),
        measurement,
        needs,
        (),
    )
    return replace(found, models=usable_models(needs, found.side, answered.thresholds))


def _needs(known: Needs, said: Needs) -> Needs:
    """Return what was declared of the needs, the longest prompt as it was counted where nobody says it."""
    if said.longest_prompt_tokens is not None:
        return said
    return replace(said, longest_prompt_tokens=known.longest_prompt_tokens, counted_by=known.counted_by)


def as_json(advice: Advice) -> dict[str, Any]:
    """Return the advice as programs read it."""
    measurement = advice.measurement
    return {
        "hanka": hanka.__version__,
        "about": advice.material.about,
        "of": advice.material.kind,
        "tasks": list(advice.material.tasks),
        "verdict": advice.side,
        "exit_code": advice.exit_code,
        "flow": {
            "verdict": advice.path.side,
            "exits": [asdict(one) for one in advice.path.exits],
            "questions": [
                {
                    "number": one.question.number,
                    "answer": one.state,
                    "reached": one.is_reached,
                    "signs": dict(one.signs),
                    "disagrees": one.disagrees,
                }
                for one in advice.path.steps
            ],
        },
        "measurement": {
            "outcome": measurement.outcome,
            "shown": measurement.shown,
            "verdict": measurement.side,
            "stands": measurement.weighed.stands,
            "reason": measurement.weighed.reason,
            "rival": measurement.rival,
            "deltas": [asdict(one) for one in measurement.deltas],
        },
        "inputs": {name: asdict(one) for name, one in advice.inputs.items()},
        "overridden": {name: asdict(one) for name, one in advice.overridden.items()},
        "missing": {"on_path": [one for one in advice.missing if one in advice.on_path], "all": list(advice.missing)},
        "flips": [asdict(one) for one in advice.flips],
        "remarks": [asdict(one) for one in advice.remarks],
        "thresholds": advice.thresholds.model_dump(),
        "needs": asdict(advice.needs),
        "models": [asdict(one) for one in advice.models],
        "notes": list(advice.material.notes),
    }
