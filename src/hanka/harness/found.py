"""The tasks of lm-evaluation-harness that a study names: documents as rows, metrics as measures. Light until one is named.

A task or a group is one test set; the rows of a group are those of its tasks in turn, so that the first n are of all of them. Which of a
harness' metrics can have intervals follows from what their aggregation does: means, shares of what is counted within a sample, perplexities
and bits are sums over samples; others (F1, BLEU, a median) are left out by name. Source: lm-eval 0.4.13, https://github.com/EleutherAI/lm-evaluation-harness.
"""

from __future__ import annotations

import contextlib
import hashlib
import inspect
import io
import json
import logging
import random
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import zip_longest
from pathlib import Path
from typing import Any

from hanka.datasets.base import Dataset
from hanka.errors import DataError, how_to_install, nearest
from hanka.harness.measures import Summed, measures_of
from hanka.identity import canonical, sha256_text
from hanka.metrics.measured import Measure
from hanka.records import Example, Split, TaskKind
from hanka.tasks.base import Task

SEED = 1234
"Of few-shot draws, as the harness' command line sets it."
ADDRESS = re.compile(r" at 0x[0-9a-f]+")
KNOWN = (
    "until",
    "max_gen_toks",
    "max_new_tokens",
    "max_tokens",
    "max_completion_tokens",
    "do_sample",
    "temperature",
    "top_p",
)
"Settings of writing that engines here know."
NEUTRAL: Mapping[str, Any] = {"num_beams": 1, "repetition_penalty": 1.0, "num_return_sequences": 1, "use_cache": True}
"Settings that change nothing at these values."
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
    "Key of a measure → how its samples become its value."
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
                most.append(int(next((given[key] for key in KNOWN[1:5] if given.get(key)), GENERATED)))
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
            _refuse_generation(one, task)
            if (
                shots is not None and task.config.num_fewshot != 0
            ):  # a task that says 0 is never shown any, as in the harness
                task.set_config("num_fewshot", shots)
            _fixed(task)
        kept, left_out = measures_of(tasks)
    if not kept:
        raise DataError(
            f"lm-eval {name!r} has no metric that is a sum over samples and common to all of its {len(tasks)} task(s) (left out: "
            f"{', '.join(left_out) or 'none'}): name single tasks of it"
        )
    content = {"lm_eval": _version(), "tasks": {one: _settings(task) for one, task in tasks.items()}}
    measures = tuple(measure for measure, _ in kept)
    return HarnessUse(name, tasks, measures, {one.key: how for one, how in kept}, tuple(left_out), content)


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
    """Return hashes of a task's settings with the code they call, and of the rows that demonstrations are drawn from."""
    values = task.config.to_dict(keep_callable=True)
    # Where files lie on this machine is no part of what is asked; what rows hold is in the ids by itself.
    values.pop("dataset_kwargs", None)
    values["metadata"] = {key: one for key, one in (values.get("metadata") or {}).items() if key != "config_source"}
    drawn_from = list(task.fewshot_docs()) if task.config.num_fewshot else []
    content = [_content(values), _code(type(task))]
    return [sha256_text(canonical(one))[:16] for one in (content, json.loads(json.dumps(drawn_from, default=_plain)))]


def _content(value: Any) -> Any:
    """Return a setting as JSON: what is called stands there as its name, its arguments and a hash of the file it is written in."""
    if isinstance(value, Mapping):
        return {str(key): _content(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_content(one) for one in value]
    if isinstance(value, partial):
        return [_content(value.func), _content(value.args), _content(value.keywords)]
    if callable(value):
        return _code(value if hasattr(value, "__qualname__") else type(value))
    return value if value is None or isinstance(value, (bool, int, str)) else _plain(value)


def _code(written: Any) -> list[str]:
    """Name a function or class, with a hash of its file: what it calls there counts, too."""
    try:
        source = Path(inspect.getsourcefile(written) or "").read_bytes()
    except (TypeError, OSError):
        source = b""
    return [str(getattr(written, "__qualname__", written)), hashlib.sha256(source).hexdigest()[:16]]


def _plain(value: Any) -> str:
    """Write what JSON does not know, without where it lies in memory."""
    return ADDRESS.sub("", str(value))


def _fixed(task: Any) -> Any:
    """Return a task whose documents are read once: some draw them anew at every look."""
    documents = list(task.eval_docs) if not hasattr(task.eval_docs, "features") else task.eval_docs
    kind = type(task)
    task.__class__ = type(
        kind.__name__, (kind,), {"eval_docs": property(lambda self: documents), "__module__": kind.__module__}
    )
    return task


def _refuse_generation(name: str, task: Any) -> None:
    """Raise DataError for a way to write that the engines here do not know."""
    given = dict(task.config.generation_kwargs or {}) if task.OUTPUT_TYPE == "generate_until" else {}
    for key, value in given.items():
        drawn = given.get("do_sample") and key in ("top_k", "min_p", "typical_p")
        if key in KNOWN or NEUTRAL.get(key) == value or (key in ("top_k", "min_p", "typical_p") and not drawn):
            continue
        raise DataError(
            f"lm-eval task {name!r} writes with {key}: {value}, which hanka's engines do not know: leave it out"
        )


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
