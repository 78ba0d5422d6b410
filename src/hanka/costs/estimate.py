"""What a plan will cost: tokens, seconds, memory and disk, before anything runs.

Tokens are those that will pass the model: what rows share counts once. They are counted on a sample of rows, with
the model's own tokenizer.json where it is on this machine, else at 4 characters a token. Seconds come from what
the model does on this machine (`speed.py`): measured, else guessed. All of it is an estimate and is printed as one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from hanka.costs.served import Requests, requests_of, steered_requests
from hanka.costs.sizes import cached_bytes, spread, token_counter
from hanka.costs.speed import DEFAULT_PARAMETERS, Speed, guessed_speed, known_speed, matrix_rate
from hanka.engines.contract import MAX_SLOTS
from hanka.methods.contract import start_of
from hanka.methods.fit import OWN_ROWS, VALIDATION_ROWS
from hanka.models.catalogue import ModelRef
from hanka.models.identity import n_parameters
from hanka.models.memory import pass_tokens
from hanka.models.vocabulary import model_folder
from hanka.plan import Plan, PlannedCell, PlannedData, PlannedProbe, PlannedVariant
from hanka.recipes.contract import Asks
from hanka.records import Example
from hanka.store.folder import read_json_or_none
from hanka.tasks.base import Task
from hanka.training.optimizers import n_moments
from hanka.tuners.contract import Tuner

UNIT_SECONDS = 0.6
"Per variant made: rows encoded, files written."
CELL_SECONDS = 0.05
"Per cell: questions asked, files written."
DISK_BYTES = 4e8
"Written a second."
ROW_SECONDS = 0.0004
"Per row of a cell: encoded, parsed, stored."


@dataclass(frozen=True, slots=True)
class Cost:
    """What a variant or a cell will take."""

    n_tokens: int
    "Tokens that pass the model for the work itself; looks at rows before, during and after training are in the seconds."
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
    _payers: dict[tuple[str, ...], str] = field(default_factory=dict)

    def variant(self, planned: PlannedVariant) -> Cost:
        """Estimate making a variant; free for a base as it is. What it is made from is counted by itself."""
        if not planned.use.method.changes_weights:
            return Cost(0, 0.0, 0)
        tuner, train = planned.adaptation.tuner, planned.adaptation.train
        if planned.training is None or tuner is None:
            return self._untrained(planned)
        n_rows, n_own, n_before = planned.training.n_rows, 0.0, 0.0
        passes = self._passes(planned)
        n_steps = train.steps or math.ceil(-(-n_rows // train.batch_size) * passes)
        params = planned.adaptation.tuner_params
        is_random = params is not None and params.is_random
        speed = self.speed(planned.model)
        training, attended = speed.training[kind_of(tuner)], 0.0
        for part, share in self._parts(planned):
            own, before = self._row(planned, part)
            rows = n_rows * share
            shared = not planned.adaptation.shown.per_example and not is_random
            part_before = before * (n_steps if shared else rows * passes)
            part_own = own * rows * passes
            attended += part_own * (1 + (before + own / 2) / speed.attend)
            attended += part_before * (1 + before / 2 / speed.attend)
            n_own, n_before = n_own + part_own, n_before + part_before
        reference = 1 / 3 if planned.adaptation.objective and planned.adaptation.objective.needs_reference else 0.0
        attended *= 1 + reference / passes  # rows are read once by the model before it changes
        attended *= 1 + self._looked_at(planned, n_steps) / 3 / (n_rows * passes)  # read, not learnt from
        seconds = training.token_seconds * attended + n_steps * training.step_seconds + UNIT_SECONDS
        return Cost(int(n_own + n_before), seconds, self._bytes(planned) * (1 + len(train.keep_steps)))

    def _passes(self, planned: PlannedVariant) -> float:
        """Return how often a course goes over its rows."""
        train, training = planned.adaptation.train, planned.training
        assert training is not None
        if train.steps is not None:
            return train.steps / -(-training.n_rows // train.batch_size)
        if train.total_tokens is None:
            return train.pace.epochs
        lengths = ((share, self._row(planned, part)) for part, share in self._parts(planned))
        return train.total_tokens / (training.n_rows * sum(share * sum(row) for share, row in lengths))

    def _looked_at(self, planned: PlannedVariant, n_steps: int) -> int:
        """Count the rows that are read to see how well they are fitted: before and after, and on the way."""
        assert planned.training is not None
        n_aside = sum(len(part.validation) for part in planned.training.parts)
        sample, train = min(VALIDATION_ROWS, n_aside), planned.adaptation.train
        n_looks = max(1, n_steps // train.validate_every if train.validate_every else 0, train.checkpoints)
        on_the_way = n_aside * n_looks + sample * train.checkpoints
        return 2 * (min(OWN_ROWS, planned.training.n_rows) + sample) + on_the_way

    def _untrained(self, planned: PlannedVariant) -> Cost:
        """Estimate a variant that no loop trains: its base is read, and what it saves is written."""
        if planned.training is not None:
            rows = planned.training.n_rows
            return Cost(0, UNIT_SECONDS + rows * self._feature_seconds(planned), 400_000)
        if planned.use.method.chooses:
            return self._chosen(planned)
        writes = planned.engine == "local"
        n_bytes = max((self._bytes(self.plan.variants[one.variant_id]) for one in planned.parents), default=0)
        return Cost(0, UNIT_SECONDS + 2 * n_bytes / DISK_BYTES if writes else 0.0, n_bytes if writes else 0)

    def _feature_seconds(self, planned: PlannedVariant) -> float:
        size = n_parameters(planned.model) or 0
        return ROW_SECONDS + 100 * 2 * size / (0.3 * matrix_rate()) if size else ROW_SECONDS

    def made(self, planned: PlannedData) -> Cost:
        """Estimate rows that a recipe makes out of variants: every source row asked once of every parent."""
        name, n_rows = planned.recipe.sources[0], planned.n_rows
        task = self.plan.study.tasks[self.plan.study.datasets[name].task].task
        rows = self.plan.data.rows_of_source(name, planned.asked.size)
        models = [self.plan.variants[parent.variant_id].model for parent in planned.parents]
        if planned.recipe.use.entry.asks is not None:
            asks = planned.recipe.use.entry.asks(planned.recipe.use.params)
            return self._sampled(planned.id, asks, models, (task, planned.prompt), ("train", name, rows))
        n_tokens, seconds = self._asked(models, task, planned.prompt, (name, rows), n_rows)
        return Cost(n_tokens, UNIT_SECONDS + seconds, 300 * n_rows)

    def _sampled(
        self,
        unit: str,
        asks: Asks,
        models: Sequence[ModelRef],
        how: tuple[Task, str],
        of: tuple[str, str, Sequence[Example]],
    ) -> Cost:
        """Estimate rows that are sampled in several prompts; the first unit that asks something pays for all that ask the same.

        how: the task and its prompt set; of: split, data set and rows.
        """
        n_rows = min(len(of[2]), asks.n_rows or len(of[2]))
        n_prompts = n_rows * asks.prompts
        n_bytes = 300 * n_prompts * asks.samples
        if self._payers.setdefault((asks.what, *(model.name for model in models)), unit) != unit:
            return Cost(0, UNIT_SECONDS, 0)
        n_tokens = seconds = 0.0
        for model in models:
            speed, own = self.speed(model), self._mean(model, how[0], how[1], of[:2], of[2], False)
            seconds += speed.reading(n_prompts * own, own / 2)
            seconds += speed.writing(n_prompts * asks.samples, asks.max_new_tokens - 1.0, MAX_SLOTS, own)
            n_tokens += n_prompts * (own + asks.samples * (asks.max_new_tokens - 1.0))
        return Cost(int(n_tokens), UNIT_SECONDS + seconds, n_bytes)

    def _chosen(self, planned: PlannedVariant) -> Cost:
        """Estimate a choice: the rows to validate on, asked of every candidate and of all that it hears."""
        learner = self.plan.learner(planned)
        if learner.training is None:
            return Cost(0, 0.0, 0)
        part, heard = learner.training.parts[0], [self.plan.variants[one.variant_id] for one in planned.parents]
        heard += [self.plan.variants[voice.variant_id] for one in heard for _, voice in one.voices]
        n_rows, models = min(VALIDATION_ROWS, len(part.validation)), [one.model for one in heard]
        rows = (part.dataset.name, part.validation)
        n_tokens, seconds = self._asked(models, part.task, learner.adaptation.train.prompt, rows, n_rows)
        return Cost(n_tokens, UNIT_SECONDS + seconds, 2_000)

    def _asked(
        self, models: Sequence[ModelRef], task: Task, prompt: str, rows: tuple[str, Sequence[Example]], n_rows: int
    ) -> tuple[int, float]:
        """Estimate tokens and seconds of asking models so many training rows, zero-shot; rows: data set, and some of them."""
        n_new = float(self.plan.study.spec.eval.max_new_tokens) if not task.labels else 1.0
        n_tokens = seconds = 0.0
        for model in models:
            speed = self.speed(model)
            own = self._mean(model, task, prompt, ("train", rows[0]), rows[1], False)
            seconds += speed.reading(n_rows * own, own / 2) + speed.writing(n_rows, n_new, MAX_SLOTS, own)
            n_tokens += n_rows * (own + n_new)
        return int(n_tokens), seconds

    def probe(self, planned: PlannedProbe) -> Cost:
        """Estimate a probe: of weights, both models are walked once; of answers, rows are asked as often as it says."""
        variant, use = self.plan.variants[planned.variant_id], planned.use
        if use.entry.needs == "weights":
            size = n_parameters(variant.model) or DEFAULT_PARAMETERS
            return Cost(0, UNIT_SECONDS + 20 * size / 1e9, 20_000)
        found = [self._asking_probe(planned, variant, name) for name in use.entry.sources(use.params)]
        return Cost(
            sum(one.n_tokens for one in found), sum(one.seconds for one in found), sum(one.n_bytes for one in found)
        )

    def _asking_probe(self, planned: PlannedProbe, variant: PlannedVariant, name: str) -> Cost:
        """Estimate a probe's questions on the test rows of one data set; without any, the next tokens of variant and base."""
        study, entry = self.plan.study, planned.use.entry
        dataset, prompt = study.datasets[name], study.spec.train.prompt
        task, rows = study.tasks[dataset.task].task, self.plan.data.test(dataset).examples
        if entry.asks is not None:
            asks = entry.asks(planned.use.params, name)
            whose = asks._replace(what=f"{planned.variant_id} {asks.what}")
            return self._sampled(planned.id, whose, [variant.model], (task, prompt), ("test", name, rows))
        own = self._mean(variant.model, task, prompt, ("test", name), rows, False)
        n_tokens = 2 * len(rows) * own
        return Cost(int(n_tokens), UNIT_SECONDS + self.speed(variant.model).reading(n_tokens, own / 2), 100 * len(rows))

    def loading(self, planned: PlannedVariant) -> float:
        """Estimate the seconds of loading what answers: the base once, full weights for every variant, else an adapter."""
        tuner = planned.adaptation.tuner
        whole = planned.variant.is_unadapted or (tuner is not None and tuner.is_whole)
        if planned.model.served is not None:
            return 0.0
        return self.speed(planned.model).load_seconds if whole else 0.5

    def _parts(self, planned: PlannedVariant) -> list[tuple[int, float]]:
        """Return the parts of a training set with the share of rows each has; equal ones where they are yet to be made."""
        assert planned.training is not None
        sizes = [len(part.examples) for part in planned.training.parts]
        total = sum(sizes)
        return [(at, size / total if total else 1 / len(sizes)) for at, size in enumerate(sizes)]

    def _row(self, planned: PlannedVariant, at: int) -> tuple[float, float]:
        """Return the mean tokens of a training row of a part and of the demonstrations before it."""
        assert planned.training is not None
        part, train, shown = planned.training.parts[at], planned.adaptation.train, planned.adaptation.shown
        model, name, limit = planned.model, part.dataset.name, float(train.max_length)
        rows = part.examples or tuple(self.plan.data.rows_of_source(name, planned.training.asked))
        own = min(self._mean(model, part.task, train.prompt, ("train", name), rows, True), limit)
        if not shown.shots:
            return own, 0.0
        pool = planned.demonstrations[name]
        shot = self._mean(model, part.task, train.prompt, ("demonstrations", name), pool, True)
        return own, min(shown.shots * shot, limit - own)

    def cell(self, planned: PlannedCell) -> Cost:
        """Estimate answering a cell: new demonstrations once, every query, and what is generated."""
        cell = planned.cell
        owner = self.plan.variants[cell.variant_id]
        if owner.engine != "local":
            return self._elsewhere(planned, owner)
        return self._read(planned, owner.model)

    def _read(self, planned: PlannedCell, model: ModelRef) -> Cost:
        """Estimate one model answering a cell."""
        cell, study = planned.cell, self.plan.study
        task = study.tasks[cell.test_task].task
        if task.kind == "harness":
            return self._of_harness(planned, model)
        name, n_rows = planned.test.dataset.name, len(planned.test.examples)
        is_scored = task.kind == "likelihood"  # what is read is the text itself
        query = self._mean(model, task, cell.prompt, ("test", name), planned.test.examples, is_scored)
        writes = task.is_written or study.writes(task, model)
        n_new = self._written(planned, task, query) if writes else 0.0
        if study.policy.reasons and not is_scored:
            n_new += study.policy.thinking_tokens
        shot, n_read = 0.0, 0
        if planned.context.entry.per_query:
            query += self._before(planned, model, task)
        if planned.demonstrations:
            shot = self._mean(model, task, cell.prompt, (f"shots:{cell.context}", name), planned.demonstrations, True)
            fewer = [n for n in study.shots(task) if n < cell.shots]
            n_read = cell.shots - max(fewer, default=0)
        speed, before = self.speed(model), cell.shots * shot
        own = query + (0.0 if writes else self._branches(model, task))
        seconds = speed.reading(n_rows * own, before + own / 2) + speed.reading(n_read * shot, before / 2)
        if n_new:
            limit = 4 * study.spec.eval.batch_tokens // int(query + max(n_new, study.spec.eval.max_new_tokens) + 1)
            slots = float(min(n_rows, MAX_SLOTS, max(1, limit)))
            seconds += speed.writing(n_rows, n_new, slots, before + query + n_new / 2)
        seconds += CELL_SECONDS + ROW_SECONDS * n_rows
        return Cost(int(n_rows * (own + n_new) + n_read * shot), seconds, 12_000 + 400 * n_rows)

    def _of_harness(self, planned: PlannedCell, model: ModelRef) -> Cost:
        """Estimate a task of a harness from its documents as they are stored: nothing is rendered before it is asked."""
        use, rows = self.plan.study.harness[planned.cell.test_task], planned.test.examples
        key = (model.name, "harness", planned.test.dataset.name)
        if key not in self._lengths:
            measure, sample = self._counter(model), list(spread(rows))
            self._lengths[key] = sum(measure(row.fields["doc"]) for row in sample) / max(1, len(sample))
        own, n_new = self._lengths[key] * (1 + use.shots), use.n_new / 2
        speed = self.speed(model)
        seconds = speed.reading(len(rows) * own, own / 2) + CELL_SECONDS + ROW_SECONDS * len(rows)
        if n_new:
            seconds += speed.writing(len(rows), n_new, float(min(len(rows), MAX_SLOTS)), own + n_new / 2)
        return Cost(int(len(rows) * (own + n_new)), seconds, 12_000 + 400 * len(rows))

    def _before(self, planned: PlannedCell, model: ModelRef, task: Task) -> float:
        """Return the mean tokens that a context puts before a query of its own, on a sample of the rows."""
        cell = planned.cell
        key = (model.name, f"context:{cell.context}:{planned.test.dataset.name}:{cell.shots}", cell.prompt)
        if key not in self._lengths:
            built = self.plan.data.built(planned.test.dataset, cell.draw, cell.shots, planned.context)
            measure = self._counter(model)
            texts = [
                "".join(one.fields.values())
                + "".join(task.render(shown, cell.prompt) + shown.target for shown in one.demonstrations)
                for one in list(spread(built))
            ]
            self._lengths[key] = sum(map(measure, texts)) / max(1, len(texts))
        return self._lengths[key]

    def _elsewhere(self, planned: PlannedCell, owner: PlannedVariant) -> Cost:
        """Estimate a cell that is answered by an encoder, a server, or several models at once."""
        n_rows = len(planned.test.examples)
        if owner.model.kind == "encoder":
            seconds = CELL_SECONDS + n_rows * self._feature_seconds(owner)
            return Cost(0, seconds, 12_000 + 400 * n_rows)
        if owner.model.served is not None:
            asked = self.requests(planned)
            seconds = CELL_SECONDS + ROW_SECONDS * n_rows + asked.seconds(owner.model.served)
            beside = [self._read(planned, model) for model in self._heard_beside(owner)]
            n_tokens = asked.n_read + asked.n_written + sum(one.n_tokens for one in beside)
            seconds += sum(one.seconds for one in beside)
            return Cost(n_tokens, seconds, 12_000 + 700 * n_rows + 1_000 * asked.n)
        each = [self._read(planned, model) for model in (owner.model, *self._heard_beside(owner))]
        return Cost(sum(one.n_tokens for one in each), sum(one.seconds for one in each), each[0].n_bytes)

    def _heard_beside(self, owner: PlannedVariant) -> list[ModelRef]:
        """Return the models that answer together with a variant's own."""
        return [self.plan.variants[one.variant_id].model for _, one in owner.voices]

    def requests(self, planned: PlannedCell) -> Requests:
        """Estimate what a cell of a served model asks of its server."""
        cell, study, owner = planned.cell, self.plan.study, self.plan.variants[planned.cell.variant_id]
        model, steering = owner.model, self._heard_beside(owner)
        assert model.served is not None
        task, name = study.tasks[cell.test_task].task, planned.test.dataset.name
        is_scored = task.kind == "likelihood"
        before = self._mean(model, task, cell.prompt, ("test", name), planned.test.examples, is_scored)
        if planned.context.entry.per_query:
            before += self._before(planned, model, task)
        if planned.demonstrations:
            before += cell.shots * self._mean(model, task, cell.prompt, ("shots", name), planned.demonstrations, True)
        n_new = float(study.spec.eval.max_new_tokens) if task.is_written or study.writes(task, model) else 0.0
        n_rows, ends = len(planned.test.examples), study.policy.scores_ends
        if steering:
            n_label = self._branches(steering[0], task) if task.labels else 0.0
            return steered_requests(n_rows, before, n_label, n_new)
        return requests_of(model.served, n_rows, before, len(task.labels), n_new, ends)

    def _branches(self, model: ModelRef, task: Task) -> float:
        """Return the tokens of all labels that are forwarded: each label's, without its last where its end is not scored."""
        key = (model.name, "labels", task.name)
        if key not in self._lengths:
            measure = self._counter(model)
            unread = not self.plan.study.policy.scores_ends
            self._lengths[key] = sum(max(0.0, measure(label) - unread) for label in task.labels)
        return self._lengths[key]

    def _counter(self, model: ModelRef) -> Callable[[str], float]:
        if model.name not in self._measure:
            self._measure[model.name] = token_counter(self.plan.study.spelling_of(model) or model)
        return self._measure[model.name]

    def _written(self, planned: PlannedCell, task: Task, query: float) -> float:
        """Guess the tokens generated per row: what was trained on the task ends as its targets do, the rest goes on."""
        cell, variant = planned.cell, self.plan.variants[planned.cell.variant_id]
        model, cap = variant.model, float(self.plan.study.spec.eval.max_new_tokens)
        if cell.test_task not in {self.plan.study.datasets[name].task for name in variant.variant.trained_on}:
            return cap
        name = planned.test.dataset.name
        whole = self._mean(model, task, cell.prompt, ("answer", name), planned.test.examples, True)
        return min(cap, 1.5 * (whole - query) + 1)

    def _bytes(self, planned: PlannedVariant) -> int:
        size, adaptation = n_parameters(planned.model) or DEFAULT_PARAMETERS, planned.adaptation
        if adaptation.tuner is None or adaptation.tuner.is_whole:
            return 4 * size
        folder = model_folder(planned.model)
        config = (read_json_or_none(folder / "config.json") if folder else None) or {}
        known = adaptation.tuner.n_trained(config, adaptation.tuner_params) if config else None
        return 4 * known if known is not None else int(4 * 0.018 * size)

    def memory(self) -> dict[str, int]:
        """Estimate the most bytes that training and answering take, weights included."""
        spec, most = self.plan.study.spec, {"training": 0, "answering": 0}
        study = self.plan.study
        writes = any(use.task.is_written or study.writes(use.task) for use in study.tasks.values())
        for planned in self.plan.variants.values():
            if not planned.model.is_loaded:
                continue
            size, train = n_parameters(planned.model) or DEFAULT_PARAMETERS, planned.adaptation.train
            most["answering"] = max(most["answering"], self._answering_together(planned, writes))
            weights = size * (2 if spec.train.dtype == "bfloat16" else 4)
            tuner = planned.adaptation.tuner
            if planned.training is None or tuner is None:
                continue
            training = self.speed(planned.model).training[kind_of(tuner)]
            rows = [self._row(planned, at) for at, _ in self._parts(planned)]
            own, before = max(one[0] for one in rows), max(one[1] for one in rows)
            allowed = pass_tokens(train.micro_batch_tokens, self.speed(planned.model).device, "training")
            n_tokens = min(allowed, 1.5 * own * train.batch_size) + before
            # All weights: themselves, a copy to restore them from, gradients and the optimizer's moments.
            held = int((3 + n_moments(train.optimizer, train.optimizer_options)) * 4 * size)
            most["training"] = max(
                most["training"], (held if tuner.changes_weights else weights) + int(n_tokens * training.token_bytes)
            )
        return most

    def _answering_together(self, planned: PlannedVariant, writes: bool) -> int:
        """Estimate the bytes of all models that a variant's engine hears; weights that several of them hear count once."""
        total, known = 0, set()
        for one in [planned, *(self.plan.variants[parent.variant_id] for _, parent in planned.voices)]:
            tuner, is_stacked = one.adaptation.tuner, _has_layers_below(one)
            own = one.variant.id if is_stacked or (tuner is not None and tuner.is_whole) else ""
            shared = (one.model.name, one.dtype, own)
            total += self._answering(one, writes, weighs=shared not in known)
            known.add(shared)
        return total

    def _answering(self, planned: PlannedVariant, writes: bool, weighs: bool) -> int:
        """Estimate the bytes that one model takes while it answers; an encoder's are not worth counting."""
        if planned.model.kind == "encoder":
            return 4 * (n_parameters(planned.model) or 0)
        weights = (n_parameters(planned.model) or DEFAULT_PARAMETERS) * (2 if planned.dtype == "bfloat16" else 4)
        held = self._cached_tokens() * cached_bytes(planned.model, weights) if writes else 0
        return int(1.1 * weights * weighs) + held

    def _cached_tokens(self) -> int:
        spec = self.plan.study.spec.eval
        return min(4 * spec.batch_tokens, MAX_SLOTS * (spec.max_new_tokens + 200))

    @property
    def _dtype(self) -> str:
        return str(self.plan.study.spec.train.dtype)

    def speed(self, model: ModelRef) -> Speed:
        """Return what the model does on this machine."""
        if model.name not in self._speeds:
            self._speeds[model.name] = known_speed(model, self._dtype) or guessed_speed(model, self._dtype)
            self.basis = self._speeds[model.name].basis
        return self._speeds[model.name]

    def _mean(
        self, model: ModelRef, task: Task, prompt: str, what: tuple[str, str], rows: Sequence[Example], whole: bool
    ) -> float:
        """Return the mean tokens of a row's prompt, with its target if `whole`."""
        key = (model.name, f"{what[0]}:{what[1]}", prompt)
        if key not in self._lengths:
            measure = self._counter(model)
            texts = [task.render(row, prompt) + (row.target if whole else "") for row in spread(rows)]
            self._lengths[key] = sum(map(measure, texts)) / max(1, len(texts))
        return self._lengths[key]


def kind_of(tuner: Tuner) -> str:
    """Return which measured speed of training is a tuner's: that of all weights, or of adapters."""
    return "none" if tuner.changes_weights else "lora"


def _has_layers_below(one: PlannedVariant) -> bool:
    """Tell whether a variant's weights are put on those of a parent."""
    stands_on = one.use.method.stands_on
    return bool(one.parents) and (
        stands_on == "parent" or (stands_on == "start" and bool(start_of(one.adaptation.own)))
    )
