"""Entries of `methods` × base models × training sets × sizes × seeds → variants with content ids.

A variant that is made from others names them by id, and its own id depends on theirs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from hanka.engines import ENGINES
from hanka.errors import DataMissingError, ModelError, nearest
from hanka.identity import content_id, fingerprint
from hanka.methods.contract import Adaptation
from hanka.methods.defaults import settled
from hanka.models.catalogue import ModelRef
from hanka.models.identity import model_identity
from hanka.models.vocabulary import require_common_vocabulary
from hanka.plan.budgets import matched
from hanka.plan.elsewhere import learnt_elsewhere, refuse_quantised, refuse_unsteerable
from hanka.plan.inherited import inherited
from hanka.plan.parents import Wanted, refuse_unfit
from hanka.plan.records import STAGES, Plan, PlannedData, PlannedParent, PlannedVariant
from hanka.plan.shown import shown_params
from hanka.recipes.contract import data_id
from hanka.records import SEVERAL, UNADAPTED, Example, Parent, Variant
from hanka.study.method_declarations import MethodUse, TrainingUse
from hanka.study.rows import RowsAsked, TrainingSet
from hanka.study.source import Key


class Choice(NamedTuple):
    """What an entry makes one variant of."""

    train: str
    "Training set; empty where the method makes one variant per base."
    size: int
    "Rows asked for; 0 there."
    seed: int
    "Training seed."


@dataclass(slots=True, eq=False)
class Variants:
    """Plans variants on demand, each once."""

    plan: Plan
    "The plan; its study is read, its `made` is added to."
    _identities: dict[str, dict[str, Any]] = field(default_factory=dict)
    _known: dict[tuple[str, str, Choice], PlannedVariant] = field(default_factory=dict)
    _unadapted: dict[str, PlannedVariant] = field(default_factory=dict)
    _compared: set[tuple[str, str]] = field(default_factory=set)
    _first: dict[str, str] = field(default_factory=dict)

    def unadapted(self, model: ModelRef) -> PlannedVariant:
        """Return a base model as it is."""
        if model.name not in self._unadapted:
            self._unadapted[model.name] = self._as_it_is(model)
        return self._unadapted[model.name]

    def all_of(self, model: ModelRef) -> Iterator[PlannedVariant]:
        """Yield what every entry makes of a base model: training set by training set, then entry by entry."""
        uses = [use for use in self.plan.study.methods if model in use.models and not use.is_unadapted]
        choices = [(use, choice) for use in uses for choice in self.choices(use, model)]
        trains = list(dict.fromkeys(train for train in self._order()))
        rank = {name: place for place, name in enumerate(trains)}
        for use, choice in sorted(choices, key=lambda one: rank.get(one[1].train, len(rank) if one[1].train else -1)):
            yield self.of(use, model, choice)

    def _order(self) -> Iterator[str]:
        yield from (use.train.name for use in self.plan.study.tasks.values() if use.train)
        yield from (train.name for use in self.plan.study.methods for train in use.trains)

    def choices(self, use: MethodUse, model: ModelRef) -> list[Choice]:
        """Return what an entry makes variants of on a base model."""
        seeds = self.plan.study.spec.seeds
        if use.method.per == "base":
            return [Choice("", 0, seeds[0])]
        if use.method.follows_parents:
            return self._choices_of_parents(use, model)
        return [
            Choice(train.name, size, seed)
            for train in use.trains
            for size in use.adaptations[train.name].train.sizes
            for seed in use.adaptations[train.name].own.seeds or seeds
        ]

    def _choices_of_parents(self, use: MethodUse, model: ModelRef) -> list[Choice]:
        """Return those of the first parent, with the seeds that the entry names. Raises StudyError for a seed no parent has."""
        own = use.adaptation("").own
        first, *others = use.method.parents(own)
        made = self._made_of(use, first, model)
        if self._entry(use, first) is not None:
            made = [
                one for one in made if first.train in ("", one.train) and (not first.size or first.size == one.size)
            ]
        if own.seeds is None:
            return made
        # Its parents' seeds are all that tells its variants apart: with any other it would be the same work again.
        there = [
            {one.seed for one in choices} for choices in (made, *(self._made_of(use, one, model) for one in others))
        ]
        allowed = sorted(set().union(*(seeds for seeds in there if len(seeds) > 1)) or there[0])
        wrong = next((seed for seed in own.seeds if seed not in allowed), None)
        if wrong is not None:
            raise self.plan.study.source.error(
                (*use.key, "seeds"), f"{use.label!r} has the seeds of what it is made from, and {wrong} is none of them; allowed: "
                f"{', '.join(map(str, allowed))}"
            )  # fmt: skip
        return list(dict.fromkeys(one._replace(seed=seed) for one in made for seed in own.seeds))

    def _made_of(self, use: MethodUse, parent: Parent, model: ModelRef) -> list[Choice]:
        """Return what the entry of a parent makes variants of; of a base as it is there is one."""
        entry, its_model = self._entry(use, parent), self._model(use, parent, model)
        return self.choices(entry, its_model) if entry else [Choice("", 0, self.plan.study.spec.seeds[0])]

    def of(self, use: MethodUse, model: ModelRef, choice: Choice) -> PlannedVariant:
        """Return one variant. Raises StudyError where a parent is not made."""
        key = (use.label, model.name, choice)
        if key not in self._known:
            made = self._known[key] = self._make(use, model, choice)
            first = self._first.setdefault(made.variant.id, made.variant.label)
            if first != made.variant.label:
                self.plan.note(f"{made.variant.label} is the same work as {first}, and stands in the tables as {first}")
        return self._known[key]

    # ---- parents

    def _entry(self, use: MethodUse, parent: Parent) -> MethodUse | None:
        """Return the entry that makes a parent; None for the base model as it is."""
        return next(
            (one for one in self.plan.study.methods if one.label == parent.label and not one.is_unadapted), None
        )

    def _model(self, use: MethodUse, parent: Parent, own: ModelRef) -> ModelRef:
        study = self.plan.study
        if not parent.base:
            return own
        found = next((model for model in study.models if model.is_called(parent.base)), None)
        if found is None:
            names = ", ".join(model.name for model in study.models)
            raise study.source.error(
                use.key, f"{parent.base!r} is no base of the study; allowed: {names}{study.replaced}"
            )
        return found

    def _parents(
        self, use: MethodUse, model: ModelRef, choice: Choice, own: Any
    ) -> list[tuple[PlannedVariant, Parent]]:
        found: list[tuple[PlannedVariant, Parent]] = []
        for at, parent in enumerate(use.method.parents(own)):
            entry, its_model = self._entry(use, parent), self._model(use, parent, model)
            refuse_unfit(self.plan.study, Wanted(use, model, at, parent, its_model, entry))
            if use.method.roles:
                self._require_common_vocabulary(use, model, its_model)
            made = self.unadapted(its_model) if entry is None else self._made_by(use, entry, its_model, parent, choice)
            if use.method.stands_on == "together" and (made.variant.id, parent.step) in {
                (one.variant.id, other.step) for one, other in found
            }:
                raise self.plan.study.source.error(
                    use.key, f"{parent.label!r} on {made.variant.train_dataset} would be put together with itself: say "
                    f"`train:` of every parent"
                )  # fmt: skip
            found.append((made, parent))
        return found

    def _require_common_vocabulary(self, use: MethodUse, ours: ModelRef, theirs: ModelRef) -> None:
        """Raise StudyError where models that are heard together spell differently, as far as that is known by now."""
        if (ours.name, theirs.name) in self._compared:
            return
        try:
            require_common_vocabulary(ours, theirs)
        except ModelError as error:
            raise self.plan.study.source.error(use.key, str(error)) from None
        self._compared.add((ours.name, theirs.name))

    def _made_by(
        self, use: MethodUse, entry: MethodUse, model: ModelRef, parent: Parent, choice: Choice
    ) -> PlannedVariant:
        source, made = self.plan.study.source, self.choices(entry, model) if model in entry.models else []
        if entry.method.per == "base" and made:
            return self.of(entry, model, made[0])
        wanted = Choice(parent.train or choice.train, parent.size or choice.size, choice.seed)
        fitting = [one for one in made if one[:2] == wanted[:2]]
        if len(fitting) == 1:
            wanted = fitting[0]
        elif fitting and wanted not in fitting:
            seeds = ", ".join(str(one.seed) for one in fitting)
            raise source.error(
                use.key, f"{use.label!r} has seed {choice.seed}, and its parent {parent.label!r} has {seeds}: give one of the "
                f"two entries `seeds:` that the other has, or the parent one seed alone"
            )  # fmt: skip
        if wanted not in made:
            there = ", ".join(sorted({f"{one.train} ({one.size} rows)" for one in made})) or "nothing"
            raise source.error(
                use.key, f"{parent.label!r} makes no variant of {model.name} on {wanted.train} with {wanted.size} rows; it "
                f"makes {there}"
            )  # fmt: skip
        kept = entry.adaptation(wanted.train).train.keep_steps if entry.method.course else ()
        if parent.step is not None and parent.step not in kept:
            listed = ", ".join(map(str, kept)) or "none; name some under keep_steps"
            raise source.error(
                use.key, f"{parent.label!r} keeps no checkpoint of step {parent.step}; it keeps {listed}"
            )
        return self.of(entry, model, wanted)

    # ---- variants

    def _as_it_is(self, model: ModelRef) -> PlannedVariant:
        from hanka.methods.unadapted import BASE

        study = self.plan.study
        use = next((one for one in study.methods if one.is_unadapted), None)
        use = use or MethodUse(BASE, BASE.name, {"": Adaptation(BASE.params(), study.policy)}, (), study.models)
        adaptation = Adaptation(BASE.params(), study.policy, study.spec.train)
        content = {
            "stage": STAGES["adapt"],
            "base": self._identity(model),
            "dtype": study.spec.train.dtype,
            "method": [BASE.name, BASE.version],
        }
        variant = Variant(
            content_id(content),
            model.name,
            UNADAPTED,
            use.label,
            {},
            "",
            "",
            0,
            study.spec.seeds[0],
            reference=model.name,
        )
        return PlannedVariant(variant, model, use, adaptation)

    def _make(self, use: MethodUse, model: ModelRef, choice: Choice) -> PlannedVariant:
        study, method, adaptation = self.plan.study, use.method, self._adaptation(use, model, choice)
        own = next((train for train in use.trains if train.name == choice.train), None)
        parents = self._parents(use, model, choice, adaptation.own)
        if method.chooses or method.stands_on in ("beside", "together"):  # in the arithmetic of what it is put on
            dtype = {"dtype": parents[0][0].dtype}
            adaptation = replace(adaptation, train=adaptation.train.model_copy(update=dtype))
        companions = self._companions(use, own, adaptation)
        training, blocked = self._rows(own, use, model, choice, adaptation)
        pools = self._pools(use, own, [adaptation, *companions], choice.seed) if own is not None else {}
        tasks = own.tasks if own is not None else ()
        content = {
            "stage": STAGES["adapt"],
            "base": self._identity(model),
            "method": [method.name, method.version],
            "params": adaptation.content(),
            "tasks": [
                [task.name, task.version, task.template(adaptation.train.prompt), list(task.labels)] for task in tasks
            ],
            "rows": _rows_content(own, choice, training),
            "demonstrations": _shown(adaptation, pools),
            "companions": [[one.layout(), _shown(one, pools)] for one in companions],
            "parents": [[one.variant.id, parent.step] for one, parent in parents],
            "protocol": study.spec.protocol,
            "seed": choice.seed if method.is_seeded else None,
        }
        before = inherited(method, [one.variant for one, _ in parents])
        learnt = learnt_elsewhere(study, use, adaptation)
        rehearsed = own.rehearsed if own else ()
        taught = [one for one in own.datasets if one.name not in rehearsed] if own else []
        own_names = [one.name for one in (*taught, *learnt)]
        own_tasks = [*(task.name for task in tasks), *(one.task for one in learnt)]
        own_name = own.name if own else SEVERAL.join(own_names)
        variant = Variant(
            id=content_id(content),
            base=model.name,
            method=method.name,
            label=use.label,
            params=shown_params(study, adaptation.as_json(), [*adaptation.own.found.values()]),
            train_task=SEVERAL.join(dict.fromkeys(own_tasks)) or before.task,
            train_dataset=own_name or before.dataset,
            train_size=(training.n_rows if training else choice.size) if own else before.size,
            seed=choice.seed,
            parents=tuple(one.variant.id for one, _ in parents),
            trained_on=tuple(
                dict.fromkeys(own_names + [name for one, _ in parents for name in one.variant.trained_on])
            ),
            reference=study.reference_of(model).name,
            rehearsed=tuple(
                dict.fromkeys([*rehearsed, *(name for one, _ in parents for name in one.variant.rehearsed)])
            ),
        )
        return PlannedVariant(
            variant, model, use, adaptation, training, pools,
            tuple(PlannedParent(one.variant.id, parent.step) for one, parent in parents), companions,
            choice.size, blocked, tuple(one for one, _ in parents if method.chooses),
        )  # fmt: skip

    def _adaptation(self, use: MethodUse, model: ModelRef, choice: Choice) -> Adaptation:
        """Return an entry's parameters for one variant, all settled. Raises StudyError where a base does not bear them."""
        study, asked = self.plan.study, use.adaptation(choice.train)
        refuse_quantised(study, use, model)
        steers = [self._model(use, parent, model) for parent in use.method.parents(asked.own)]
        refuse_unsteerable(study, use, model, steers)
        found = matched(self.plan, use, model, settled(asked, choice.size), choice.train)
        if found.tuner_params is not None and found.tuner_params.at_start:
            self.plan.note(f"{use.label}: untrained it is not its base: {found.tuner_params.at_start}")
        return found

    def _rows(
        self, own: TrainingUse | None, use: MethodUse, model: ModelRef, choice: Choice, adaptation: Adaptation
    ) -> tuple[TrainingSet | None, str]:
        """Return the rows of a variant that has its own, or why they are not there."""
        if own is None:
            return None, ""
        asked = RowsAsked(choice.size, adaptation.train.sample, adaptation.train.validation or 0.0, choice.seed)
        try:
            training = self._training(own, asked, use, model, choice)
        except DataMissingError as error:
            return None, str(error)
        self._require_validation(use, adaptation, training)
        return training, ""

    def _require_validation(self, use: MethodUse, adaptation: Adaptation, training: TrainingSet) -> None:
        """Raise StudyError where validation is to choose a checkpoint and there are no rows for it."""
        asked = adaptation.train.checkpoints if use.method.course else 0
        if asked and not training.validation_fingerprint:
            shared = asked == self.plan.study.spec.train.checkpoints
            key: Key = ("train", "checkpoints") if shared else (*use.key, "checkpoints")
            raise self.plan.study.source.error(
                key, f"{training.name} has no rows to validate on, and they choose the checkpoint: give a share of its rows "
                f"(train.validation: 0.2), or a file (datasets.{training.name}.validation)"
            )  # fmt: skip

    def _identity(self, model: ModelRef) -> dict[str, Any]:
        if model.name not in self._identities:
            self._identities[model.name] = model_identity(model)
        return self._identities[model.name]

    def _companions(self, use: MethodUse, own: TrainingUse | None, adaptation: Adaptation) -> tuple[Adaptation, ...]:
        """Return what the other courses on the same training set ask, where rows are matched."""
        if own is None or adaptation.train.match != "supervised_tokens":
            return ()
        return tuple(
            other.adaptations[own.name]
            for other in self.plan.study.methods
            if other is not use and other.method.course and own.name in other.adaptations
        )

    def _training(
        self, own: TrainingUse, asked: RowsAsked, use: MethodUse, model: ModelRef, choice: Choice
    ) -> TrainingSet:
        """Return the rows; those that a recipe makes out of variants are planned, with their id known."""
        data = self.plan.data
        if own.recipe is None:
            return data.training(own, asked)
        recipe, params = own.recipe.use.entry, own.recipe.use.params
        wanted = recipe.parents(params)
        if not wanted:
            return data.training(own, asked)
        names = {UNADAPTED, *(one.label for one in self.plan.study.methods)}
        for parent in wanted:
            if parent.label not in names:
                raise self.plan.study.source.error(
                    own.recipe.use.key, f"no method is called {parent.label!r}: {nearest(parent.label, names)}"
                )
        parents = [
            (self.unadapted(self._model(use, parent, model)), parent)
            if (entry := self._entry(use, parent)) is None
            else (self._made_by(use, entry, self._model(use, parent, model), parent, choice), parent)
            for parent in wanted
        ]
        engines = [ENGINES.get(one.engine) for one, _ in parents]
        read = dict.fromkeys((*own.recipe.sources, *own.recipe.teaches))
        asked_of = {self.plan.study.datasets[name].task: None for name in read}
        tasks = [self.plan.study.tasks[name].task for name in asked_of]
        content = {
            "stage": STAGES["prepare"],
            "rows": data_id(
                recipe, params, asked.size, data.sampling_seed(asked), data.sources_fingerprints(own.recipe, asked),
                [f"{one.variant.id}/{parent.step}" for one, parent in parents],
            ),
            "validation": data.validation_fingerprints(own.recipe, asked),
            "tasks": [[task.name, task.version, dict(task.prompts), list(task.labels)] for task in tasks],
            "answering": [self.plan.study.answering(task) for task in tasks],
            "engines": [[engine.name, engine.version] for engine in engines],
            "prompt": use.adaptation(choice.train).train.prompt,
        }  # fmt: skip
        planned = PlannedData(
            content_id(content), own.recipe, asked, recipe.n_rows(params, asked.size),
            tuple(PlannedParent(one.variant.id, parent.step) for one, parent in parents),
            use.adaptation(choice.train).train.prompt,
        )  # fmt: skip
        self.plan.made.setdefault(planned.id, planned)
        return data.to_be_made(own, asked, planned.id, planned.n_rows)

    def _pools(
        self, use: MethodUse, own: TrainingUse, adaptations: Sequence[Adaptation], seed: int
    ) -> dict[str, tuple[Example, ...]]:
        """Return the demonstrations that may be shown before the rows of each data set: none unless some are."""
        shots = max(one.shown.shots for one in adaptations)
        if not shots:
            return {}
        pools = {}
        for dataset in own.datasets:
            pool = self.plan.data.training_demonstrations(dataset, seed)
            if len(pool) < shots:
                raise self.plan.study.source.error(
                    (*use.key, "shots"),
                    f"{shots} demonstrations are asked before each example and dataset {dataset.name} has "
                    f"{len(pool)}: ask fewer, or give it more demonstrations",
                )
            pools[dataset.name] = pool
        return pools


def _rows_content(own: TrainingUse | None, choice: Choice, training: TrainingSet | None) -> Any:
    """Return what the rows of a variant are in its id; None where it has none of its own."""
    if own is None:
        return None
    return f"missing:{own.name}:{choice.size}" if training is None else training.fingerprints


def _shown(adaptation: Adaptation, pools: Mapping[str, tuple[Example, ...]]) -> list[str]:
    """Return the fingerprints of what an adaptation shows before training rows, or may draw from."""
    shown = adaptation.shown
    if not shown.shots:
        return []
    return [fingerprint(pool if shown.per_example else pool[: shown.shots]) for pool in pools.values()]
