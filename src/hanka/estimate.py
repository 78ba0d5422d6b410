"""What a plan will cost: tokens, seconds and disk, before anything runs.

Tokens are counted on a sample of rows: with the model's own tokenizer.json where it is on this machine, else
at 4 characters a token. Seconds come from the rate this machine reached with this model before, else
from a short matrix product: about 2 × parameters operations per token forward, three times that in
training. All of it is an estimate and is printed as one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from hanka.models.catalogue import ModelRef
from hanka.models.identity import n_parameters
from hanka.models.wheel import converted_folder
from hanka.plan import Plan, PlannedCell, PlannedVariant
from hanka.records import Example
from hanka.store.cache import cache_root
from hanka.store.folder import read_json_or_none, write_json
from hanka.tasks.base import Task

CHARACTERS_PER_TOKEN = 4.0
SAMPLE = 40
"Rows measured per dataset."
DEFAULT_PARAMETERS = 1_000_000_000
"Assumed where a model's size is unknown."


@dataclass(frozen=True, slots=True)
class Cost:
    """What a variant or a cell will take."""

    n_tokens: int
    "Tokens that pass the model."
    seconds: float
    "On this machine."
    n_bytes: int
    "On disk."


@dataclass(slots=True)
class Estimator:
    """Estimates the costs of a plan's variants and cells."""

    plan: Plan
    "The plan."
    basis: str = field(init=False, default="")
    "How seconds were estimated, in words."
    _lengths: dict[tuple[str, str, str], float] = field(default_factory=dict)
    _measure: dict[str, Callable[[str], float]] = field(default_factory=dict)
    _speed: dict[str, tuple[float, float]] = field(default_factory=dict)

    def variant(self, planned: PlannedVariant) -> Cost:
        """Estimate making a variant; free for base."""
        use, params = planned.use, planned.variant.params
        if use is None or planned.training is None:
            return Cost(0, 0.0, 0)
        name = planned.training.dataset.name
        row = self._mean(planned.model, use.task, params["prompt"], ("train", name), planned.training.examples, True)
        if params.get("shots"):
            row += params["shots"] * self._mean(
                planned.model, use.task, params["prompt"], ("demonstrations", name), planned.demonstrations, True
            )
        n_tokens = int(min(row, params["max_length"]) * len(planned.training.examples) * params["epochs"])
        size = n_parameters(planned.model) or DEFAULT_PARAMETERS
        n_bytes = 4 * size if params["peft"] == "none" else int(4 * 0.0045 * size * params["r"] / 2)
        return Cost(n_tokens, n_tokens / self._rates(planned.model)[1], n_bytes)

    def cell(self, planned: PlannedCell) -> Cost:
        """Estimate answering a cell: the demonstrations once, every query, and what is generated."""
        cell, study = planned.cell, self.plan.study
        task = study.tasks[cell.test_task].task
        model = self.plan.variants[cell.variant_id].model
        name = planned.test.dataset.name
        query = self._mean(model, task, cell.prompt, ("test", name), planned.test.examples, False)
        answer = self._mean(model, task, cell.prompt, ("answer", name), planned.test.examples, True) - query
        n_rows = len(planned.test.examples)
        prefix = 0.0
        if planned.demonstrations:
            prefix = cell.shots * self._mean(model, task, cell.prompt, ("shots", name), planned.demonstrations, True)
        forward = prefix + n_rows * (query + (len(task.labels) if task.labels else 0))
        n_new = 0.0 if task.labels else n_rows * min(2.0 * answer, study.spec.eval.max_new_tokens)
        slow = 3.0  # decoding token by token is slower than reading; refined by measured rates
        seconds = (forward + slow * n_new) / self._rates(model)[0]
        return Cost(int(forward + n_new), seconds, 12_000 + 400 * n_rows)

    def rate(self, model: ModelRef) -> float:
        """Return the scoring rate the estimates use, tokens per second."""
        return self._rates(model)[0]

    def _mean(
        self, model: ModelRef, task: Task, prompt: str, what: tuple[str, str], rows: Sequence[Example], whole: bool
    ) -> float:
        """Return the mean tokens of a row's prompt, with its target if `whole`."""
        key = (model.name, f"{what[0]}:{what[1]}", prompt)
        if key not in self._lengths:
            measure = self._measure.setdefault(model.name, token_counter(model))
            texts = [task.render(row, prompt) + (row.target if whole else "") for row in _spread(rows)]
            self._lengths[key] = sum(map(measure, texts)) / max(1, len(texts))
        return self._lengths[key]

    def _rates(self, model: ModelRef) -> tuple[float, float]:
        """Return tokens per second in scoring and in training."""
        if model.name not in self._speed:
            known = read_json_or_none(rates_file(model))
            if isinstance(known, dict) and known.get("score") and known.get("train"):
                self._speed[model.name] = (known["score"], known["train"])
                self.basis = "rates measured on this machine before"
            else:
                size = n_parameters(model) or DEFAULT_PARAMETERS
                forward = 0.6 * matrix_rate() / (2 * size)
                self._speed[model.name] = (forward, forward / 3)
                self.basis = "a short matrix product on this machine's processor and the model's size"
        return self._speed[model.name]


def _spread(rows: Sequence[Example]) -> Iterable[Example]:
    step = max(1, len(rows) // SAMPLE)
    return rows[::step]


def token_counter(model: ModelRef) -> Callable[[str], float]:
    """Return a function that counts tokens: the model's tokenizer if it is here, else characters / 4."""
    folder = model.folder
    if model.kind == "wheel" and model.entry is not None:
        folder = converted_folder(model.entry)
    path = folder / "tokenizer.json" if folder else None
    if path is None or not path.is_file():
        return lambda text: len(text) / CHARACTERS_PER_TOKEN
    try:
        from tokenizers import Tokenizer
    except ImportError:
        return lambda text: len(text) / CHARACTERS_PER_TOKEN
    tokenizer = Tokenizer.from_file(str(path))
    return lambda text: float(len(tokenizer.encode(text, add_special_tokens=False).ids))


@lru_cache(maxsize=1)
def matrix_rate() -> float:
    """Measure this machine's float32 matrix products: operations per second, in about 0.2 s, the best of many."""
    import numpy as np

    left = np.ones((768, 768), dtype=np.float32)
    left @ left
    best = float("inf")
    for _ in range(20):
        started = time.perf_counter()
        left @ left
        best = min(best, time.perf_counter() - started)
    return 2 * 768**3 / best


def rates_file(model: ModelRef) -> Path:
    """Return where this machine's measured rates for a model are kept."""
    name = "".join(letter if letter.isalnum() else "-" for letter in model.name)
    return cache_root() / "rates" / f"{name}.json"


def remember_rates(model: ModelRef, score: float | None, train: float | None) -> None:
    """Keep measured tokens per second for later estimates; None leaves what was known."""
    path = rates_file(model)
    known = read_json_or_none(path) or {}
    known |= {name: value for name, value in (("score", score), ("train", train)) if value}
    if known:
        write_json(path, known)
