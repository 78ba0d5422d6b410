"""What a plan will cost: tokens, seconds, memory and disk, before anything runs.

Tokens are those that will pass the model: what rows share counts once. They are counted on a sample of rows, with
the model's own tokenizer.json where it is on this machine, else at 4 characters a token. Seconds come from what
the model does on this machine (`speed.py`): measured, else guessed. All of it is an estimate and is printed as one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hanka.costs.speed import DEFAULT_PARAMETERS, Speed, guessed_speed, known_speed
from hanka.engines.contract import MAX_SLOTS
from hanka.models.catalogue import ModelRef
from hanka.models.identity import n_parameters
from hanka.models.memory import pass_tokens
from hanka.models.wheel import converted_folder
from hanka.plan import Plan, PlannedCell, PlannedVariant
from hanka.records import Example
from hanka.store.folder import read_json_or_none
from hanka.tasks.base import Task

CHARACTERS_PER_TOKEN = 4.0
SAMPLE = 40
"Rows measured per dataset."
UNIT_SECONDS = 0.6
"Per variant made: rows encoded, files written."
CELL_SECONDS = 0.05
"Per cell: questions asked, files written."
ROW_SECONDS = 0.0004
"Per row of a cell: encoded, parsed, stored."


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
    _speeds: dict[str, Speed] = field(default_factory=dict)

    def variant(self, planned: PlannedVariant) -> Cost:
        """Estimate making a variant; free for base."""
        use, params = planned.use, planned.variant.params
        if use is None or planned.training is None:
            return Cost(0, 0.0, 0)
        model, n_rows = planned.model, len(planned.training.examples)
        own, before = self._row(planned)
        n_steps = -(-n_rows // params["batch_size"]) * params["epochs"]
        shared = params.get("draw", "fixed") == "fixed" and not params.get("dropout")
        n_before = before * (n_steps if shared else n_rows * params["epochs"])
        n_own = own * n_rows * params["epochs"]
        speed = self.speed(model)
        training = speed.training["none" if params["peft"] == "none" else "lora"]
        attended = n_own * (1 + (before + own / 2) / speed.attend) + n_before * (1 + before / 2 / speed.attend)
        seconds = training.token_seconds * attended + n_steps * training.step_seconds + UNIT_SECONDS
        return Cost(int(n_own + n_before), seconds, self._bytes(planned))

    def loading(self, planned: PlannedVariant) -> float:
        """Estimate the seconds of loading what answers: the base once, full weights for every variant, else an adapter."""
        whole = planned.use is None or planned.variant.params["peft"] == "none"
        return self.speed(planned.model).load_seconds if whole else 0.5

    def _row(self, planned: PlannedVariant) -> tuple[float, float]:
        """Return the mean tokens of a training row and of the demonstrations before it."""
        use, params, training = planned.use, planned.variant.params, planned.training
        assert use is not None
        assert training is not None
        model, name, limit = planned.model, training.dataset.name, params["max_length"]
        own = min(self._mean(model, use.task, params["prompt"], ("train", name), training.examples, True), float(limit))
        if not params.get("shots"):
            return own, 0.0
        shot = self._mean(model, use.task, params["prompt"], ("demonstrations", name), planned.demonstrations, True)
        return own, min(params["shots"] * shot, limit - own)

    def cell(self, planned: PlannedCell) -> Cost:
        """Estimate answering a cell: new demonstrations once, every query, and what is generated."""
        cell, study = planned.cell, self.plan.study
        task = study.tasks[cell.test_task].task
        model = self.plan.variants[cell.variant_id].model
        name, n_rows = planned.test.dataset.name, len(planned.test.examples)
        query = self._mean(model, task, cell.prompt, ("test", name), planned.test.examples, False)
        shot, n_read = 0.0, 0
        if planned.demonstrations:
            shot = self._mean(model, task, cell.prompt, ("shots", name), planned.demonstrations, True)
            fewer = [n for n in study.shots(task) if n < cell.shots]
            n_read = cell.shots - max(fewer, default=0)
        speed, before = self.speed(model), cell.shots * shot
        own = query + self._branches(model, task)
        seconds = speed.reading(n_rows * own, before + own / 2) + speed.reading(n_read * shot, before / 2)
        n_new = 0.0 if task.labels else self._written(planned, task, query)
        if n_new:
            limit = 4 * study.spec.eval.batch_tokens // int(query + study.spec.eval.max_new_tokens + 1)
            slots = float(min(n_rows, MAX_SLOTS, max(1, limit)))
            seconds += speed.writing(n_rows, n_new, slots, before + query + n_new / 2)
        seconds += CELL_SECONDS + ROW_SECONDS * n_rows
        return Cost(int(n_rows * (own + n_new) + n_read * shot), seconds, 12_000 + 400 * n_rows)

    def _branches(self, model: ModelRef, task: Task) -> float:
        """Return the tokens of all labels that are forwarded: each label's without its last."""
        key = (model.name, "labels", task.name)
        if key not in self._lengths:
            measure = self._counter(model)
            self._lengths[key] = sum(max(0.0, measure(label) - 1) for label in task.labels)
        return self._lengths[key]

    def _counter(self, model: ModelRef) -> Callable[[str], float]:
        if model.name not in self._measure:
            self._measure[model.name] = token_counter(model)
        return self._measure[model.name]

    def _written(self, planned: PlannedCell, task: Task, query: float) -> float:
        """Guess the tokens generated per row: what was trained on the task ends as its targets do, the rest goes on."""
        cell, variant = planned.cell, self.plan.variants[planned.cell.variant_id]
        model, cap = variant.model, float(self.plan.study.spec.eval.max_new_tokens)
        if variant.variant.train_task != cell.test_task:
            return cap
        name = planned.test.dataset.name
        whole = self._mean(model, task, cell.prompt, ("answer", name), planned.test.examples, True)
        return min(cap, 1.5 * (whole - query) + 1)

    def _bytes(self, planned: PlannedVariant) -> int:
        params, size = planned.variant.params, n_parameters(planned.model) or DEFAULT_PARAMETERS
        return 4 * size if params["peft"] == "none" else int(4 * 0.0045 * size * params["r"] / 2)

    def memory(self) -> dict[str, int]:
        """Estimate the most bytes that training and answering take, weights included."""
        spec, most = self.plan.study.spec, {"training": 0, "answering": 0}
        writes = any(not use.task.labels for use in self.plan.study.tasks.values())
        for planned in self.plan.variants.values():
            size, params = n_parameters(planned.model) or DEFAULT_PARAMETERS, planned.variant.params
            weights = size * (2 if spec.train.dtype == "bfloat16" else 4)
            held = self._cached_tokens() * cached_bytes(planned.model, weights) if writes else 0
            most["answering"] = max(most["answering"], int(1.1 * weights) + held)
            if planned.training is None:
                continue
            full = params["peft"] == "none"
            training = self.speed(planned.model).training["none" if full else "lora"]
            own, before = self._row(planned)
            allowed = pass_tokens(params["micro_batch_tokens"], self.speed(planned.model).device, "training")
            n_tokens = min(allowed, 1.5 * own * params["batch_size"]) + before
            # All weights: themselves, a copy to restore them from, gradients and two moments.
            most["training"] = max(
                most["training"], (5 * 4 * size if full else weights) + int(n_tokens * training.token_bytes)
            )
        return most

    def _cached_tokens(self) -> int:
        spec = self.plan.study.spec.eval
        return min(4 * spec.batch_tokens, MAX_SLOTS * (spec.max_new_tokens + 200))

    def speed(self, model: ModelRef) -> Speed:
        """Return what the model does on this machine."""
        if model.name not in self._speeds:
            self._speeds[model.name] = known_speed(model) or guessed_speed(model)
            self.basis = self._speeds[model.name].basis
        return self._speeds[model.name]

    def _mean(
        self, model: ModelRef, task: Task, prompt: str, what: tuple[str, str], rows: Sequence[Example], whole: bool
    ) -> float:
        """Return the mean tokens of a row's prompt, with its target if `whole`."""
        key = (model.name, f"{what[0]}:{what[1]}", prompt)
        if key not in self._lengths:
            measure = self._counter(model)
            texts = [task.render(row, prompt) + (row.target if whole else "") for row in _spread(rows)]
            self._lengths[key] = sum(map(measure, texts)) / max(1, len(texts))
        return self._lengths[key]


def _spread(rows: Sequence[Example]) -> Iterable[Example]:
    step = max(1, len(rows) // SAMPLE)
    return rows[::step]


def cached_bytes(model: ModelRef, weights: int) -> int:
    """Return the bytes of a token's keys and values: from the model's configuration if it is here, else a guess."""
    folder = model_folder(model)
    config = (read_json_or_none(folder / "config.json") if folder else None) or {}
    heads = config.get("num_attention_heads")
    if not (heads and config.get("hidden_size") and config.get("num_hidden_layers")):
        return weights // 5000
    width = config.get("head_dim") or config["hidden_size"] // heads
    return int(2 * config["num_hidden_layers"] * (config.get("num_key_value_heads") or heads) * width * 4)


def model_folder(model: ModelRef) -> Path | None:
    """Return the folder of a model that is on this machine."""
    if model.kind == "wheel" and model.entry is not None:
        return converted_folder(model.entry)
    return model.folder


def token_counter(model: ModelRef) -> Callable[[str], float]:
    """Return a function that counts tokens: the model's tokenizer if it is here, else characters / 4."""
    folder = model_folder(model)
    path = folder / "tokenizer.json" if folder else None
    if path is None or not path.is_file():
        return lambda text: len(text) / CHARACTERS_PER_TOKEN
    try:
        from tokenizers import Tokenizer
    except ImportError:
        return lambda text: len(text) / CHARACTERS_PER_TOKEN
    tokenizer = Tokenizer.from_file(str(path))
    return lambda text: float(len(tokenizer.encode(text, add_special_tokens=False).ids))
