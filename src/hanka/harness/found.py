"""The tasks of lm-evaluation-harness that a study names: documents as rows, metrics as measures. Light until one is named.

A task or a group is one test set; the rows of a group are those of its tasks in turn, so that the first n are of all of them. Which of a
harness' metrics can have intervals follows from what their aggregation does: means, shares of what is counted within a sample, perplexities
and bits are sums over samples; others (F1, BLEU, a median) are left out by name. Source: lm-eval 0.4.13, https://github.com/EleutherAI/lm-evaluation-harness.
"""

from __future__ import annotations

import contextlib
import io
import json
import logging
import math
import random
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import zip_longest
from pathlib import Path
from typing import Any, Literal, TypeAlias

from hanka.datasets.base import Dataset
from hanka.errors import DataError, how_to_install, nearest
from hanka.identity import canonical, sha256_text
from hanka.metrics.measured import Measure
from hanka.records import Example, Split, TaskKind
from hanka.tasks.base import Task

SEED = 1234
"Of few-shot draws, as the harness' command line sets it."
Summed: TypeAlias = Literal["mean", "pooled", "perplexity", "weighted_perplexity", "bits_per_byte"]
"How a metric's samples become its value: each is a ratio of sums, or the exponential of one."
Judge: TypeAlias = Callable[[Sequence[Any]], Any]
RIGHT_OR_WRONG: Mapping[str, tuple[str, ...]] = {
    "multiple_choice": ("acc", "acc_norm", "acc_bytes", "acc_mutual_info", "exact_match"),
    "loglikelihood": ("acc",),
    "generate_until": ("exact_match",),
}
"By kind of output, the harness' own metrics that say right or wrong of every sample."
ADDRESS = re.compile(r" at 0x[0-9a-f]+")
GENERATED = 256
"Tokens that are written at most where a task does not say, as in the harness."


@dataclass(frozen=True, slots=True, eq=False)
class HarnessUse:
    """A task or a group of the harness, as a study names it."""

    name: str
    "Its name there."
    tasks: Mapping[str, Any]
    "The harness' task objects by name; several of a group."
    measures: tuple[Measure, ...]
    "What is measured of every sample, the primary one first."
    summed: Mapping[str, Summed]
    "Measure → how its samples become its value."
    left_out: tuple[str, ...]
    "Metrics without intervals here, which are not measured."
    content: Mapping[str, Any]
    "What enters content ids: the harness' version and every task's settings."

    @property
    def shots(self) -> int:
        """Return the demonstrations that the harness puts before a question; of a group the most of any task."""
        return max(int(task.config.num_fewshot or 0) for task in self.tasks.values())

    @property
    def test_set(self) -> str:
        """Return what its test set is called."""
        return f"{self.name} {self.shots}-shot" if self.shots else self.name

    @property
    def kinds(self) -> tuple[TaskKind, ...]:
        """Return the kinds of task that ask an engine for the same as its tasks do: text, or the likelihood of one."""
        written = {task.OUTPUT_TYPE == "generate_until" for task in self.tasks.values()}
        return tuple("generation" if one else "likelihood" for one in sorted(written))

    @property
    def n_new(self) -> int:
        """Return the tokens that are written at most; 0 where nothing is."""
        most = [0]
        for task in self.tasks.values():
            if task.OUTPUT_TYPE == "generate_until":
                given = dict(task.config.generation_kwargs or {})
                most.append(int(given.get("max_gen_toks") or given.get("max_tokens") or GENERATED))
        return max(most)

    def task(self) -> Task:
        """Return it as a task of a study."""
        metrics = tuple(one.name for one in self.measures)
        return Task(
            self.name,
            "harness",
            {"p1": ""},
            metrics,
            stop=(),
            description="a task of lm-evaluation-harness",
            reference="https://github.com/EleutherAI/lm-evaluation-harness",
        )

    def dataset(self) -> Dataset:
        """Return its documents as a data set."""
        return Dataset(
            name=self.test_set,
            task=self.name,
            domain=f"lm-eval {self.name}",
            source="lm-eval",
            licence="as the harness' data set states",
            splits=("test",),
            read=self._read,
        )

    def _read(self, split: Split, size: int | None) -> list[Example]:
        """Return every document as a row, one of each task in turn."""
        by_task = [
            [
                Example(
                    f"{name}/{doc_id}",
                    {"doc": json.dumps(doc, ensure_ascii=False, sort_keys=True, default=_plain)},
                    "",
                    slices={"subtask": name} if len(self.tasks) > 1 else {},
                )
                for doc_id, doc in enumerate(task.eval_docs)
            ]
            for name, task in self.tasks.items()
        ]
        return [row for together in zip_longest(*by_task) for row in together if row is not None]


def harness_task(name: str, shots: int | None = None, include: Path | None = None) -> HarnessUse:
    """Find a task or a group by name, with its documents. include: folder of further task files.

    shots: demonstrations before a question; None: as the task says. Raises DataError in one line.
    """
    return _found(name, shots, include)


@lru_cache(maxsize=64)
def _found(name: str, shots: int | None, include: Path | None) -> HarnessUse:
    from lm_eval.api.task import ConfigurableTask

    manager = _manager(include, with_own=False) if include else None
    if manager is None or name not in manager.all_tasks:
        manager = _manager(include, with_own=True)
    if name not in manager.all_tasks:
        known = nearest(name, manager.all_tasks)
        raise DataError(f"lm-eval has no task {name!r}: {known}; `lm-eval ls tasks` lists them")
    with quiet(), seeded():
        tasks = _loaded(manager, name)
        for one, task in tasks.items():
            _refuse(one, task, isinstance(task, ConfigurableTask))
            if shots is not None:
                task.set_config("num_fewshot", shots)
        kept, left_out = _measures(tasks)
    if not kept:
        raise DataError(
            f"lm-eval {name!r} has no metric that is a sum over samples and common to all of its {len(tasks)} task(s) (left out: "
            f"{', '.join(left_out) or 'none'}): name single tasks of it"
        )
    content = {"lm_eval": _version(), "tasks": {one: _settings(task) for one, task in tasks.items()}}
    measures = tuple(measure for measure, _ in kept)
    return HarnessUse(name, tasks, measures, {one.name: how for one, how in kept}, tuple(left_out), content)


@lru_cache(maxsize=4)
def _manager(include: Path | None, with_own: bool) -> Any:
    """Return the harness' index of tasks: those of a folder, and where asked (it takes seconds) its own."""
    try:
        from lm_eval.tasks import TaskManager
    except ImportError:
        raise DataError(f"tasks of lm-eval need it, and it is not installed: {how_to_install('lm-eval')}") from None
    with quiet():
        return TaskManager(include_path=None if include is None else str(include), include_defaults=with_own)


def _loaded(manager: Any, name: str) -> dict[str, Any]:
    try:
        return dict(manager.load([name])["tasks"])
    except Exception as error:  # a task's code, a missing data set, or a hub that is out of reach
        why = " ".join(str(error).split())[:200] or type(error).__name__
        raise DataError(f"lm-eval task {name!r} cannot be loaded: {why}") from error


def _version() -> str:
    from importlib.metadata import version

    return version("lm_eval")


def _refuse(name: str, task: Any, is_declared: bool) -> None:
    if getattr(task, "UNSAFE_CODE", False):
        raise DataError(f"lm-eval task {name!r} runs code that a model wrote, which hanka does not do: leave it out")
    if getattr(task, "MULTIMODAL", False):
        raise DataError(
            f"lm-eval task {name!r} asks about pictures or sound, and hanka's models read text: leave it out"
        )
    if not is_declared:
        raise DataError(
            f"lm-eval task {name!r} is made by code of its own, without settings that an id could hold: leave it out"
        )


def _settings(task: Any) -> list[str]:
    """Return hashes of a task's settings, functions as their source, and of the rows that demonstrations are drawn from."""
    values = task.config.to_dict(keep_callable=False)
    # Where files lie on this machine is no part of what is asked; what rows hold is in the ids by itself.
    values.pop("dataset_kwargs", None)
    values["metadata"] = {key: one for key, one in (values.get("metadata") or {}).items() if key != "config_source"}
    drawn_from = list(task.fewshot_docs()) if task.config.num_fewshot else []
    return [sha256_text(canonical(json.loads(json.dumps(one, default=_plain))))[:16] for one in (values, drawn_from)]


def _plain(value: Any) -> str:
    """Write what JSON does not know, without where it lies in memory."""
    return ADDRESS.sub("", str(value))


# ---- metrics


def _measures(tasks: Mapping[str, Any]) -> tuple[list[tuple[Measure, Summed]], list[str]]:
    """Return the measures that all tasks have, each with how it is summed, and the names of metrics that are left out."""
    found = [dict(_of_task(task)) for task in tasks.values()]
    first = found[0]
    names = [name for name in first if all(one.get(name) == first[name] for one in found)]
    kept = [(measure, how) for measure, how in (first[name] for name in names) if how is not None]
    left_out = [name.removesuffix(",none") for one in found for name in one if name not in {m.name for m, _ in kept}]
    kept.sort(key=lambda pair: pair[0].higher_is_better is None)
    return kept, list(dict.fromkeys(left_out))


def _of_task(task: Any) -> Iterator[tuple[str, tuple[Measure, Summed | None]]]:
    filters = [one.name for one in getattr(task, "_filters", ())] or ["none"]
    plain = not callable(task.config.process_results)
    for filtered in filters:
        for metric, aggregate in task.aggregation().items():
            name = f"{metric},{filtered}"
            how = summed_by(aggregate)
            binary = how == "mean" and plain and metric in RIGHT_OR_WRONG.get(str(task.OUTPUT_TYPE), ())
            better = task.higher_is_better().get(metric)
            exponential = how in ("perplexity", "weighted_perplexity")
            yield name, (Measure(name, None if better is None else bool(better), binary, exponential), how)


def summed_by(aggregate: Judge) -> Summed | None:
    """Return how an aggregation comes out of sums over samples, by what it makes of a few numbers; None where it does not."""
    scalars, weighted, listed = [0.2, 0.9, 0.1], [(-3.0, 2), (-5.0, 8)], [[1, 0, 1, 1], [0]]
    cases: tuple[tuple[Summed, Sequence[Any], float], ...] = (
        ("mean", scalars, 0.4),
        ("perplexity", scalars, math.exp(-0.4)),
        ("weighted_perplexity", weighted, math.exp(0.8)),
        ("bits_per_byte", weighted, 0.8 / math.log(2)),
        ("pooled", listed, 0.6),
    )
    for how, values, expected in cases:
        with contextlib.suppress(Exception):  # a function of another package, tried on what it may not be meant for
            if math.isclose(float(aggregate(list(values))), expected, rel_tol=1e-9):
                return how
    return None


def amount_and_units(value: Any, how: Summed) -> tuple[float, float]:
    """Return a sample's value as amount and units. Raises ValueError for what is no number."""
    if how in ("weighted_perplexity", "bits_per_byte"):
        nats, units = -float(value[0]), float(value[1])
        amount = nats / math.log(2) if how == "bits_per_byte" else nats
    elif how == "pooled":
        amount, units = float(sum(value)), float(len(value))
    else:
        amount, units = -float(value) if how == "perplexity" else float(value), 1.0
    if not (math.isfinite(amount) and math.isfinite(units) and units > 0):
        raise ValueError(f"{value!r} is no number")
    return amount, units


# ---- calm


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep the harness' bars and log lines off the terminal."""
    log = logging.getLogger("lm_eval")
    before = log.level
    log.setLevel(logging.CRITICAL + 1)
    try:
        with contextlib.redirect_stderr(io.StringIO()), contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        log.setLevel(before)


@contextlib.contextmanager
def seeded() -> Iterator[None]:
    """Draw as the harness' command line does, and leave what others draw as it was."""
    import numpy as np

    python, numpy = random.getstate(), np.random.get_state()
    random.seed(0)
    np.random.seed(SEED)
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)
