"""What lm-evaluation-harness left behind (results_*.json with samples_*.jsonl) as a run that others are compared with.

Every logged document becomes a row with its measures. How a metric sums is found by what gives the logged value: a mean, a share within
documents, a perplexity, bits; a metric that is none of these is left out by name. Needs `--log_samples`; nothing of the harness is imported.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from hanka.errors import StoreError
from hanka.identity import content_id, sha256_text
from hanka.metrics import METRICS
from hanka.metrics.measured import USUAL, Measure, measure_name, stored
from hanka.records import UNADAPTED, Prediction
from hanka.store.folder import FORMAT, RunFolder, write_json, write_predictions

STATS = {"level": 0.95, "resamples": 2000, "equivalence": 0.03, "harm": 0.05, "worthwhile": 0.02}
"How evidence is weighed where no study says: the defaults of one."
Pair = tuple[float, float]


def is_logged(path: Path) -> bool:
    """Tell whether a place is results of the harness, or a folder with some that is no run of hanka."""
    if path.is_file():
        return path.name.startswith("results_") and path.suffix == ".json"
    return path.is_dir() and not (path / "plan.json").is_file() and any(path.rglob("results_*.json"))


def as_run(path: Path, scratch: Path) -> RunFolder:
    """Write what the harness left in a folder, or beside a results file, as a run. Raises StoreError in one line."""
    results = [path] if path.is_file() else sorted(path.rglob("results_*.json"))
    if len(results) != 1:
        listed = ", ".join(str(one.relative_to(path)) for one in results[:4])
        raise StoreError(f"{path} holds {len(results)} results of lm-eval ({listed}): name one of these files")
    (file,) = results
    found = _results(file)
    name = str(found.get("model_name") or _mapping(found.get("config")).get("model") or file.parent.name)
    variant = {
        "id": content_id({"logged": str(file)}), "base": name, "method": UNADAPTED, "label": name, "params": {}, "train_task": "",
        "train_dataset": "", "train_size": 0, "seed": 0, "parents": [], "trained_on": [], "reference": name, "blocked": "",
        "meant_shots": 0,
    }  # fmt: skip
    folder, cells, left_out = RunFolder(scratch), [], []
    tasks: dict[str, dict[str, Any]] = {}
    measures: dict[str, Measure] = {}
    for task, values in _mapping(found.get("results")).items():
        samples = _samples(file, task)
        if samples is None:
            left_out.append(f"{task} (no samples)")
            continue
        directions = _mapping(_mapping(found.get("higher_is_better")).get(task))
        rows, own, without = _rows(task, samples, _mapping(values), directions)
        left_out += [f"{key} of {task} (no sum over documents)" for key in without]
        if not own:
            continue
        cell = {
            "variant_id": variant["id"], "test_task": task, "test_dataset": task, "relation": "cross_task", "shots": 0,
            "prompt": "p1", "draw": 0, "context": "drawn", "n_rows": len(rows),
        }  # fmt: skip
        cell_id = content_id({"cell": task, "of": variant["id"]})
        cell = {"id": cell_id} | cell
        cells.append(cell)
        tasks[task] = {
            "kind": "harness",
            "labels": [],
            "metrics": [one.name for one in own],
            "keys": {one.key: one.name for one in own},
        }
        measures |= {one.name: one for one in own}
        write_json(folder.cell(cell_id) / "cell.json", cell | {"status": "done", "n": len(rows), "n_failed": 0})
        write_predictions(folder.cell(cell_id), rows, [""] * len(rows))
    if not cells:
        why = ", ".join(left_out[:4]) or "it names no task"
        raise StoreError(f"{file} holds nothing to compare: {why}; samples are there with --log_samples")
    plan = {
        "format": FORMAT, "study": name, "variants": [variant], "cells": cells, "tasks": tasks, "stats": STATS, "seed": 0,
        "trained_tasks": [], "contexts": ["drawn"], "probes": [], "frozen": None, "block": None, "max_new_tokens": 0,
        "measures": stored(measures.values()), "left_out": left_out,
    }  # fmt: skip
    write_json(folder.plan, plan)
    return folder


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise StoreError(f"{path} is not UTF-8 (byte {error.start}): it is no file of lm-eval, or damaged") from None
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {error.strerror or error}") from None


def _results(path: Path) -> Mapping[str, Any]:
    try:
        found = json.loads(_text(path))
    except ValueError as error:
        raise StoreError(f"{path} is not JSON ({error}): it is no file of lm-eval, or damaged") from None
    if not isinstance(found, dict) or not isinstance(found.get("results"), dict):
        raise StoreError(f"{path} holds no results by task: it is no file of lm-eval")
    return found


def _samples(results: Path, task: str) -> list[dict[str, Any]] | None:
    """Return a task's logged documents; None where they were not logged."""
    date = results.stem.removeprefix("results_")
    path = results.with_name(f"samples_{task}_{date}.jsonl")
    if not path.is_file():
        return None
    found = []
    for number, line in enumerate(_text(path).split("\n"), start=1):
        if not line.strip():
            continue
        try:
            one = json.loads(line)
        except ValueError as error:
            raise StoreError(f"{path}:{number} is not JSON ({error}): it is damaged") from None
        if (
            not isinstance(one, dict)
            or not isinstance(one.get("metrics"), list)
            or not isinstance(one.get("doc_id"), (int, str))
        ):
            raise StoreError(f"{path}:{number} is no sample of lm-eval: it lacks doc_id or metrics")
        found.append(one)
    return found


def _rows(
    task: str, samples: Sequence[Mapping[str, Any]], values: Mapping[str, Any], directions: Mapping[str, Any]
) -> tuple[list[Prediction], list[Measure], list[str]]:
    """Return a task's rows with their measures, what these are, and the keys of metrics that are none."""
    by_doc: dict[Any, dict[str, Any]] = {}
    firsts: dict[Any, Mapping[str, Any]] = {}
    for one in samples:
        firsts.setdefault(one["doc_id"], one)
        named = by_doc.setdefault(one["doc_id"], {})
        named |= {f"{metric},{one.get('filter', 'none')}": one.get(metric) for metric in one["metrics"]}
    own: list[Measure] = []
    without: list[str] = []
    pairs: dict[str, dict[Any, Pair]] = {}
    for key, value in values.items():
        if "," not in key or "_stderr," in key:
            continue
        logged = float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else math.nan
        found = (
            _summed({doc: named.get(key) for doc, named in by_doc.items()}, logged) if math.isfinite(logged) else None
        )
        if found is None:
            without.append(key)
            continue
        of, exponential = found
        better, metric = directions.get(key.partition(",")[0]), key.partition(",")[0]
        right_or_wrong = all(units == 1 and amount in (0, 1) for amount, units in of.values())
        binary = metric in USUAL and not exponential and right_or_wrong
        name = measure_name(key, task, binary)
        if name in METRICS:
            better = METRICS.get(name).higher_is_better  # logs need not say it
        own.append(Measure(name, key, None if better is None else bool(better), binary, exponential))
        pairs[name] = of
    rows = [_row(task, doc, first, {name: of[doc] for name, of in pairs.items()}) for doc, first in firsts.items()]
    return rows, own, without


def _summed(values: Mapping[Any, Any], logged: float) -> tuple[dict[Any, Pair], bool] | None:
    """Return every document's amount and units, whose sums give the logged value, and whether its exponential does; else None."""
    for reading, exponential in READINGS:
        try:
            pairs = {doc: reading(value) for doc, value in values.items()}
            ratio = math.fsum(pair[0] for pair in pairs.values()) / math.fsum(pair[1] for pair in pairs.values())
            said = math.exp(ratio) if exponential else ratio
        except (TypeError, ValueError, IndexError, KeyError, ZeroDivisionError, OverflowError):
            continue
        finite = all(math.isfinite(amount) and math.isfinite(units) and units > 0 for amount, units in pairs.values())
        if finite and math.isclose(said, logged, rel_tol=1e-6, abs_tol=1e-9):
            return pairs, exponential
    return None


READINGS: tuple[tuple[Callable[[Any], Pair], bool], ...] = (
    (lambda value: (float(value), 1.0), False),
    (lambda value: (-float(value), 1.0), True),
    (lambda value: (-float(value[0]), float(value[1])), True),
    (lambda value: (-float(value[0]) / math.log(2), float(value[1])), False),
    (lambda value: (float(sum(value)), float(len(value))), False),
)
"How a logged value may be amount and units, and whether the exponential of their ratio is meant."


def _row(task: str, doc: Any, sample: Mapping[str, Any], measures: dict[str, Pair]) -> Prediction:
    """Return a document as a row: its target as logged, and in `parsed` as the choice that a number of one stands for."""
    own = sample.get("doc")
    named = own.get("id") if isinstance(own, dict) and {"hanka", "id"} <= own.keys() else None
    asked = list(_arguments(sample.get("arguments")))
    prompt, target = str(asked[0][0]) if asked and asked[0] else "", str(sample.get("target"))
    choice = target
    if len(asked) > 1 and re.fullmatch(r"\d+", target) and int(target) < len(asked) and len(asked[int(target)]) > 1:
        choice = str(asked[int(target)][1]).strip()
    if len(asked) == 1 and len(asked[0]) == 1:  # a text that was scored by itself
        prompt, target, choice = "", prompt, prompt
    said = sample.get("filtered_resps")
    output = str(said[0]) if isinstance(said, list) and said else ""
    return Prediction(
        str(named) if named is not None else f"{task}/{doc}", prompt, sha256_text(prompt), target, output, choice, None, "ok",
        "", 0, 0, measures=measures,
    )  # fmt: skip


def _arguments(logged: Any) -> Iterator[list[Any]]:
    """Yield the arguments of every request of a document, in order."""
    requests: Iterable[Any] = (
        logged.values() if isinstance(logged, dict) else logged if isinstance(logged, list) else ()
    )
    for one in requests:
        yield list(one.values()) if isinstance(one, dict) else list(one) if isinstance(one, list) else [one]
