"""What a run says of the inputs: everything that its stored answers, its plan and its servers' times can measure.

run → focus → **inputs**. Each part measures what it can and leaves out what it cannot; an estimate below ten independent units has no
interval, so it decides nothing. Of several tasks only their number is measured.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from hanka.advise.bases import bases
from hanka.advise.books import books
from hanka.advise.drops import drops
from hanka.advise.focus import Focus, names
from hanka.advise.inputs import Given, counted, measured
from hanka.advise.serving import serving
from hanka.advise.texts import entropy
from hanka.analysis.answers import Scored, read_answers
from hanka.analysis.contrasts import Contrast, PairResult, judging_interval
from hanka.analysis.evidence import CellEvidence
from hanka.analysis.learning import Topic, learning_curves
from hanka.analysis.pooling import Asked, System, SystemCells, asked_of
from hanka.metrics import Outputs
from hanka.metrics.baselines import majority_label, median_target
from hanka.records import Example
from hanka.stats import normal_quantile
from hanka.stats.extrapolation import last_gains, predicted
from hanka.store.folder import read_csv

CONSTANT_FAMILY = "advise: constant answers"
"Family of the base's askings against a constant answer."
LEAST_GROWTH = 1.5
"Ratio of two sizes from which the difference between them says what a doubling would bring."


def measure(focus: Focus) -> dict[str, Given]:
    """Measure every input that the run can measure."""
    found = task_formats(_forms(focus))
    if len(focus.tasks) > 1:
        return found
    found |= kinds(focus.kind, focus.task)
    found |= _rows_per_class(focus)
    if focus.is_in_points:
        found |= _gain_over_constant(focus) | _curve_slope(focus) | _reference_delta(focus)
    return found | drops(focus) | books(focus) | bases(focus) | serving(focus) | _entropy(focus)


# ---- what is asked for


def _forms(focus: Focus) -> dict[str, str]:
    """Return by task to be solved the form of its answers."""
    tasks = focus.evidence.plan["tasks"]
    return {name: form_of(str(tasks[name]["kind"]), tasks[name]["labels"]) for name in focus.tasks}


def form_of(kind: str, labels: Sequence[str]) -> str:
    """Return what kind of answer a task asks for."""
    return "/".join(sorted(labels)) if labels else kind


def task_formats(forms: Mapping[str, str], source: Any = "plan") -> dict[str, Given]:
    """Count the distinct pairs of a task and the form of its answers; another wording of a prompt is no other form."""
    about = ", ".join(f"{name} ({form})" for name, form in list(forms.items())[:4])
    return {"n_task_formats": counted(float(len(set(forms.items()))), source, about=about)}


def kinds(kind: str, task: str, source: Any = "plan") -> dict[str, Given]:
    """Say what follows from the kind of a task: whether its answers are numbers or free text; labels and numbers are no chat."""
    found = {
        "numeric_target": counted(kind == "regression", source, about=task),
        "free_form": counted(kind == "generation", source, about=task),
    }
    return found if kind == "generation" else found | {"mimics_human": counted(False, source, about=task)}


def _rows_per_class(focus: Focus) -> dict[str, Given]:
    """Count the labelled rows at hand, by class on average: those of an own training file, else of the largest training."""
    plan = focus.evidence.plan
    trained = [one for one in plan["variants"] if one["train_task"] == focus.task and one["train_size"]]
    if not trained:
        return {}
    most = max(trained, key=lambda one: int(one["train_size"]))
    own = [one for one in plan.get("files") or () if (one["dataset"], one["split"]) == (most["train_dataset"], "train")]
    n_rows = sum(int(one["n_rows"]) - sum(one["left_out"].values()) for one in own) or int(most["train_size"])
    split = (plan.get("splits") or {}).get(most["train_dataset"])
    n_rows = int(split["n_rows"]["train"]) if split else n_rows
    n_classes = max(1, len(focus.evidence.task(focus.task)["labels"]))
    return {"rows_per_class": counted(n_rows / n_classes, "plan", n_rows, most["train_dataset"])}


def _entropy(focus: Focus) -> dict[str, Given]:
    """Measure how much the references of a written task say."""
    if focus.kind != "generation":
        return {}
    targets: dict[str, str] = {}
    tests = []
    for cell in focus.first_prompted():
        answers = read_answers(focus.evidence.folder.cell(cell.cell["id"]), {}, {"targets"})
        ids = [answers.samples.ids[place] for place in answers.places]
        targets |= {
            f"{cell.cell['test_dataset']}/{one}": text for one, text in zip(ids, answers.outputs.targets, strict=True)
        }
        tests.append(str(cell.cell["test_dataset"]))
    return entropy(list(targets.values()), focus.level, names(tests))


# ---- differences


def _gain_over_constant(focus: Focus) -> dict[str, Given]:
    """Measure by how much the prompted base beats the best constant answer, at the asking where it gains most.

    One contrast per asking, all judged together, so that the largest has an interval that its choice does not spoil.
    """
    by_asking: dict[Asked, list[PairResult]] = defaultdict(list)
    for cell in focus.prompted():
        pair = _against_constant(focus, cell)
        if pair is not None:
            by_asking[asked_of(cell)].append(pair)
    pooled = [focus.contrasts.pooled(found, focus.metric) for found in by_asking.values()]
    if not pooled:
        return {}
    together = focus.contrasts.judge(pooled, CONSTANT_FAMILY)
    about = names(sorted({str(one.cell.cell["test_dataset"]) for found in by_asking.values() for one in found}))
    intervals = [judging_interval(one, together) for one in pooled]
    largest = max(focus.sign * one.delta for one in pooled)
    n = max(one.n for one in pooled)
    ends = [_upwards(one, focus.sign) for one in intervals if one is not None]
    whole = (max(low for low, _ in ends), max(high for _, high in ends)) if len(ends) == len(intervals) else None
    return {"gain_over_constant": measured(largest, whole, n, about=f"{focus.rival}, {about}")}


def _against_constant(focus: Focus, cell: CellEvidence) -> PairResult | None:
    metric, context = focus.metric, focus.evidence.context(cell)
    if focus.kind == "generation" or not set(metric.reads) <= {"targets", "answers"}:
        return None
    ours = focus.evidence.rows(cell, metric)
    targets = read_answers(focus.evidence.folder.cell(cell.cell["id"]), {}, {"targets"}).outputs.targets
    if len(ours) < 2:
        return None
    answer = _constant(focus, str(cell.cell["test_dataset"]), targets)
    rows = metric.statistics(Outputs(targets=targets, answers=[answer] * len(targets)), context)
    return focus.contrasts.compared(cell, cell, metric, (ours, Scored(ours.samples, ours.places, rows)))


def _constant(focus: Focus, test: str, targets: Sequence[str]) -> str:
    """Return the constant answer: the majority label of training, told by its share in baselines.csv, else that of these rows."""
    examples = [Example("", {}, target) for target in targets]
    if focus.kind == "regression":
        return median_target(examples)
    labels = focus.evidence.task(focus.task)["labels"]
    for row in _baselines(focus):
        if (row["test_dataset"], row["baseline"], row["metric"]) == (test, "majority_training_label", "accuracy"):
            share, n = float(row["value"]), int(row["n"])
            alike = [label for label in labels if targets.count(label) == round(share * n)]
            if n == len(targets) and len(alike) == 1:
                return str(alike[0])
    return majority_label(examples)


def _baselines(focus: Focus) -> list[dict[str, str]]:
    path = focus.evidence.folder.baselines
    return read_csv(path) if path.is_file() else []


def _curve_slope(focus: Focus) -> dict[str, Given]:
    """Measure what the last doubling of rows brought in domain: by the law where four sizes carry one, else from the two largest.

    Those are paired seed by seed, their difference is taken per doubling.
    """
    by_law = _law_slope(focus)
    if by_law:
        return by_law
    for cells in _by_growth(focus):
        larger, smaller = cells
        tests = [one for one in focus.tests(larger, "in_domain") if one in smaller.cells]
        pairs = [pair for test in tests for pair in _same_seed(focus, larger, smaller, test)]
        if not pairs:
            continue
        contrast = focus.contrasts.pooled(pairs, focus.metric)
        doublings = math.log2(larger.system.size / smaller.system.size)
        value, interval = _alone(focus, contrast)
        about = f"{larger.system.label}, {smaller.system.size} → {larger.system.size}, {names(tests)}"
        ends = None if interval is None else (interval[0] / doublings, interval[1] / doublings)
        return {"curve_slope": measured(value / doublings, ends, contrast.n, about=about)}
    return {}


def _law_slope(focus: Focus) -> dict[str, Given]:
    """Read the last doubling off the learning curve of the candidate's entry, or of the first that has one."""
    candidate = focus.candidate
    own = candidate.cells.system[:3] if candidate is not None else ()
    found = [one for one in learning_curves(focus.evidence) if _is_ours(focus, one.topic)]
    for one in sorted(found, key=lambda curve: curve.topic[:3] != own):
        if one.posterior is not None:
            slope = predicted(last_gains(one.posterior, focus.sign), focus.level)
            sizes = f"{one.posterior.n_sizes} sizes, {one.sizes[0]} → {one.sizes[-1]}"
            about = f"{one.topic.label}, {sizes}, {names(list(one.tests))}"
            return {"curve_slope": measured(slope.value, (slope.low, slope.high), one.n, about=about)}
    return {}


def _is_ours(focus: Focus, topic: Topic) -> bool:
    return topic.task == focus.task and topic.relation == "in_domain"


def _by_growth(focus: Focus) -> Iterable[tuple[SystemCells, SystemCells]]:
    """Yield the two largest sizes of each entry that was trained with several, the candidate's first."""
    candidate = focus.candidate
    by_entry: dict[tuple[str, ...], list[SystemCells]] = defaultdict(list)
    for one in focus.systems:
        system: System = one.cells.system
        if system.size:
            by_entry[system.base, system.label, system.dataset].append(one.cells)
    first = candidate.cells.system[:3] if candidate is not None else ()
    for entry in sorted(by_entry, key=lambda one: one != first):
        sizes = sorted(by_entry[entry], key=lambda one: one.system.size)
        if len(sizes) > 1 and sizes[-1].system.size >= LEAST_GROWTH * sizes[-2].system.size:
            yield sizes[-1], sizes[-2]


def _same_seed(focus: Focus, larger: SystemCells, smaller: SystemCells, test: str) -> Iterable[PairResult]:
    asked = ("prompt", "draw", "shots", "context")
    for one in larger.cells[test]:
        for other in smaller.cells[test]:
            same = all(one.cell[name] == other.cell[name] for name in asked)
            if same and one.variant["seed"] == other.variant["seed"]:
                pair = focus.contrasts.pair(one, other, focus.metric)
                if pair is not None:
                    yield pair


def _reference_delta(focus: Focus) -> dict[str, Given]:
    """Take the candidate's gain in domain over the base at its toughest asking, with its simultaneous interval."""
    if focus.candidate is None:
        return {}
    toughest = focus.candidate.toughest
    ends = (toughest.wide.low, toughest.wide.high) if toughest.wide else None
    system = focus.candidate.cells.system
    about = f"{system.label}, {system.size} – {focus.rival}, {names(toughest.tests)}"
    return {"reference_delta": measured(toughest.gain, ends, toughest.contrast.n, about=about)}


def _alone(focus: Focus, contrast: Contrast) -> tuple[float, tuple[float, float] | None]:
    """Return a difference upwards with its own interval; None below the units that decide anything."""
    from hanka.stats import LEAST_UNITS

    found = contrast.interval(normal_quantile(focus.level)) if contrast.n_units >= LEAST_UNITS else None
    return focus.sign * contrast.delta, None if found is None else _upwards(found, focus.sign)


def _upwards(interval: Any, sign: float) -> tuple[float, float]:
    low, high = sorted((sign * interval.low, sign * interval.high))
    return low, high
