"""The entries of `methods`: each becomes a method with its parameters, typed, for every training set it is made on.

The study's `train:`, an entry's own keys, its tuner's and its objective's are merged as they are written and
checked together, once. A value may be a map from task or task kind.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import Any

from hanka.datasets.base import Dataset
from hanka.engines import ENGINES
from hanka.errors import ModelError, nearest
from hanka.methods import METHODS
from hanka.methods.contract import Adaptation, Method, TrainParams
from hanka.models.catalogue import ModelRef
from hanka.prompting import TextPolicy
from hanka.records import TASK_KINDS, UNADAPTED
from hanka.registry import Registry, names
from hanka.study.entry_parameters import Values, checked, entry_model, part, parts, parts_of, refuse_foreign
from hanka.study.kept_steps import at_every_step
from hanka.study.recipe_declarations import RecipeUse
from hanka.study.schema import EntrySpec, StudySpec, for_task
from hanka.study.source import Key, StudySource
from hanka.tasks.base import Task
from hanka.training.objectives import OBJECTIVES
from hanka.tuners import TUNERS
from hanka.tuners.left_out import LEFT_OUT

MOST_LISTED = 12
"Allowed names that a line lists beside the nearest one."


@dataclass(frozen=True, slots=True, eq=False)
class TrainingUse:
    """Rows that variants train on: a data set, or what a recipe makes of several."""

    name: str
    "As the study names it."
    datasets: tuple[Dataset, ...]
    "Where the rows come from; relations follow from these, but for the rehearsed."
    tasks: tuple[Task, ...]
    "Their tasks, each once."
    recipe: RecipeUse | None = None
    "How its rows are made; None: as they stand in the data set."

    @property
    def rehearsed(self) -> tuple[str, ...]:
        """Name the data sets whose rows keep what is there rather than teach."""
        return () if self.recipe is None else self.recipe.use.entry.rehearses(self.recipe.use.params)


@dataclass(frozen=True, slots=True, eq=False)
class MethodUse:
    """One entry of `methods`, its parameters resolved for everything it is made on."""

    method: Method
    "The method."
    label: str
    "What tables call it."
    adaptations: Mapping[str, Adaptation]
    'Parameters by the name of the training set; by "" where it needs none of its own.'
    trains: tuple[TrainingUse, ...]
    "What it trains on by itself."
    models: tuple[ModelRef, ...]
    "Bases it is made from."
    key: Key = ("methods",)
    "Where it stands in the study file."
    skipped: tuple[str, ...] = ()
    "Bases and training sets it is not made on, each with why."

    @property
    def is_unadapted(self) -> bool:
        """Tell whether it is the base model as it is."""
        return self.method.name == UNADAPTED

    def adaptation(self, train: str) -> Adaptation:
        """Return its parameters for a training set."""
        return self.adaptations[train] if train in self.adaptations else self.adaptations[""]


@dataclass(frozen=True, slots=True, eq=False)
class Declared:
    """What entries of `methods` may refer to."""

    source: StudySource
    "The file."
    spec: StudySpec
    "Its values."
    models: tuple[ModelRef, ...]
    "Base models."
    tasks: Mapping[str, Task]
    "All tasks."
    defaults: tuple[TrainingUse, ...]
    "The training set of each task that has one."
    trainable: Mapping[str, TrainingUse]
    "Everything `on:` may name."
    policy: TextPolicy
    "How text becomes tokens."
    replaced: str = ""
    "What to add to an error about a base, where the command line replaced those of the file."


def resolve_methods(declared: Declared) -> tuple[MethodUse, ...]:
    """Return the entries, every one after those it is made from; the base model first. Raises StudyError."""
    uses: dict[str, MethodUse] = {}
    for index, use in _uses(declared):
        if use.label in uses or (use.label == UNADAPTED and not use.is_unadapted):
            raise declared.source.error(
                ("methods", index), f"two methods are called {use.label!r}; give one of them another `name:`"
            )
        uses[use.label] = use
    ordered = _in_order(declared.source, uses)
    return tuple(sorted(ordered, key=lambda use: not use.is_unadapted))


def _in_order(source: StudySource, uses: Mapping[str, MethodUse]) -> list[MethodUse]:
    """Sort entries so that each stands behind its parents; otherwise in the order of the file."""
    needs: dict[str, set[str]] = {}
    for label, use in uses.items():
        needs[label] = set()
        for adaptation in use.adaptations.values():
            for parent in use.method.parents(adaptation.own):
                if parent.label != UNADAPTED and parent.label not in uses:
                    raise source.error(use.key, f"no method is called {parent.label!r}: {nearest(parent.label, uses)}")
                needs[label] |= {parent.label} & set(uses)
    try:
        TopologicalSorter(needs).prepare()
    except CycleError as error:
        circle = list(reversed(error.args[1]))
        raise source.error(
            uses[circle[0]].key,
            f"is made from itself: {' → '.join(circle)}; begin the chain at `base` or another entry",
        ) from None
    done: dict[str, MethodUse] = {}
    while len(done) < len(uses):
        ready = next(label for label in uses if label not in done and needs[label] <= set(done))
        done[ready] = uses[ready]
    return list(done.values())


def _uses(declared: Declared) -> Iterator[tuple[int, MethodUse]]:
    """Yield the entries with their places in the file; one that is made from several kept steps is several."""
    source = declared.source
    for index, entry in enumerate(declared.spec.methods):
        if entry.entry not in METHODS:
            hint = nearest(entry.entry, METHODS.names())
            raise source.error(("methods", index), f"unknown method {entry.entry!r}: {hint}")
        key: Key = ("methods", index, entry.entry)
        for one in at_every_step(source, declared.spec, key, METHODS.get(entry.entry), entry):
            yield index, _method_use(declared, index, one)


def _method_use(declared: Declared, index: int, entry: EntrySpec) -> MethodUse:
    source = declared.source
    method = METHODS.get(entry.entry)
    key: Key = ("methods", index, entry.entry)
    label = entry.params.get("name") or entry.entry
    if not isinstance(label, str):
        raise source.error((*key, "name"), f"{label!r} is not text; give a label such as {entry.entry}-2")
    ignored = [name for name in ("asking", "bases", "seeds") if name in entry.params and method.name == UNADAPTED]
    if ignored:
        raise source.error(
            (*key, ignored[0]), f"a base as it is answers all that is compared with it, so `{ignored[0]}` has nothing to "
            f"say; take it out"
        )  # fmt: skip
    models, skipped = _models(declared, key, method, entry)
    if not method.train_keys:
        made = _adaptation(declared, key, method, entry.params)
        _require_seeds(source, key, method, made)
        return MethodUse(method, label, {"": made}, (), models, key, skipped)
    trains, left_out = _trains(declared, key, method, entry)
    adaptations = {train.name: _for_training(declared, key, method, entry, train) for train in trains}
    for one in adaptations.values():
        _require_seeds(source, key, method, one)
    return MethodUse(method, label, adaptations, trains, models, key, (*skipped, *left_out))


def _require_seeds(source: StudySource, key: Key, method: Method, one: Adaptation) -> None:
    """Raise StudyError where an entry names training seeds and no seed would change what it makes."""
    if one.own.seeds is None or (method.per == "training_set" and (method.is_seeded or method.follows_parents)):
        return
    if "sample" not in one.row_keys:
        raise source.error((*key, "seeds"), f"{method.name} makes one variant per base, whatever the seed; take it out")
    if one.train.sample == "first":
        raise source.error(
            (*key, "seeds"), f"{method.name} draws nothing but its rows, and `sample: first` draws none; say `sample: seeded` "
            f"or `balanced`, or take `seeds` out"
        )  # fmt: skip


def _named(source: StudySource, key: Key, wanted: Any) -> tuple[str, ...]:
    """Return the names that an entry lists under a key; none where it leaves the key out. Raises StudyError."""
    if wanted is None:
        return ()
    try:
        found: tuple[str, ...] = names(wanted)
    except ValueError as error:
        raise source.error(key, str(error)) from None
    if not found:
        raise source.error(key, "an empty list; name at least one, or leave the key out")
    return found


def _models(
    declared: Declared, key: Key, method: Method, entry: EntrySpec
) -> tuple[tuple[ModelRef, ...], tuple[str, ...]]:
    """Return the bases an entry is made from, and why it is not made from the others."""
    named = _named(declared.source, (*key, "bases"), entry.params.get("bases"))
    known = {name: model for model in declared.models for name in (model.written, model.name) if name}
    if named:
        for name in named:
            if name not in known:
                raise declared.source.error(
                    (*key, "bases"), f"{name!r} is no base of the study: {nearest(str(name), known)}{declared.replaced}"
                )
            if known[name].kind not in method.kinds:
                raise declared.source.error(
                    (*key, "bases"), f"{method.name} cannot adapt {name!r}, a base of kind {known[name].kind}: it adapts "
                    f"{', '.join(method.kinds)}"
                )  # fmt: skip
        return tuple(known[name] for name in named), ()
    fitting = tuple(model for model in declared.models if model.kind in method.kinds)
    if not fitting:
        raise declared.source.error(
            key,
            f"{method.name} adapts bases of kind {', '.join(method.kinds)}, and the study has none: add one to `base:`",
        )
    return fitting, tuple(
        f"{entry.entry} is not made from {model.name}: it adapts bases of kind {', '.join(method.kinds)}"
        for model in declared.models
        if model not in fitting and method.name != UNADAPTED
    )


def _trains(
    declared: Declared, key: Key, method: Method, entry: EntrySpec
) -> tuple[tuple[TrainingUse, ...], tuple[str, ...]]:
    """Return what an entry trains on, and why it is not trained on the rest."""
    named = _named(declared.source, (*key, "on"), entry.params.get("on"))
    engine = ENGINES.get(method.engine)

    def refusal(train: TrainingUse) -> str:
        """Say why the method's engine cannot answer what it would be trained on."""
        found = (engine.refusal(task.kind, task.name) for task in train.tasks)
        return next((why for why in found if why), "")

    if named:
        for name in named:
            if name not in declared.trainable:
                raise declared.source.error(
                    (*key, "on"),
                    f"{name!r} is no data set with training rows: {nearest(str(name), declared.trainable)}",
                )
            if why := refusal(declared.trainable[name]):
                raise declared.source.error((*key, "on"), why)
        return tuple(declared.trainable[name] for name in named), ()
    if not declared.defaults:
        raise declared.source.error(("tasks",), "no task has a training set, but methods that train are named")
    fitting = [train for train in declared.defaults if not refusal(train)]
    if not fitting:
        raise declared.source.error(key, refusal(declared.defaults[0]))
    return tuple(fitting), tuple(
        f"{entry.entry} is not trained on {train.name}: {refusal(train)}"
        for train in declared.defaults
        if train not in fitting
    )


def _for_training(declared: Declared, key: Key, method: Method, entry: EntrySpec, train: TrainingUse) -> Adaptation:
    """Return an entry's parameters for a training set; of several tasks, all must say the same."""
    found = [_adaptation(declared, key, method, _for_task(declared, key, entry, task)) for task in train.tasks]
    for task, one in zip(train.tasks, found, strict=True):
        if one != found[0]:
            raise declared.source.error(
                key, f"{train.name} mixes tasks, and the parameters for {train.tasks[0].name} and {task.name} differ; "
                f"give one value for all"
            )  # fmt: skip
        if one.train.prompt not in task.prompts:
            place: Key = (*key, "prompt") if "prompt" in entry.params else ("train", "prompt")
            raise declared.source.error(
                place, f"task {task.name} has no prompt {one.train.prompt!r}: {nearest(one.train.prompt, task.prompts)}"
            )
    return found[0]


def _for_task(declared: Declared, key: Key, entry: EntrySpec, task: Task) -> dict[str, Any]:
    """Return the parameters an entry has for a task; a map goes by task or task kind, unless the value is a map itself."""
    words = {*declared.tasks, *TASK_KINDS}
    values: dict[str, Any] = {}
    for param, value in entry.params.items():
        if not isinstance(value, dict) or (_is_map(entry, param) and not set(value) <= words):
            values[param] = value
            continue
        if not value:
            raise declared.source.error(
                (*key, param), "an empty map; give a value, or a map from task or task kind to a value"
            )
        for word in value:
            if word not in words:
                raise declared.source.error(
                    (*key, param, word),
                    f"{word!r} is no task of the study and no task kind: {nearest(str(word), words)}",
                )
        if task.name in value or task.kind in value:
            values[param] = for_task(value, task.name, task.kind, None)
    return values


def _is_map(entry: EntrySpec, param: str) -> bool:
    """Tell whether a parameter's own value is a map (a parent, options of an optimizer)."""
    method = METHODS.get(entry.entry)
    fields = {**method.params.model_fields, **(TrainParams.model_fields if method.course else {})}
    return param in fields and any(word in str(fields[param].annotation) for word in ("Params", "Mapping", "dict"))


def _adaptation(declared: Declared, key: Key, method: Method, values: Values) -> Adaptation:
    """Merge, check and split an entry's parameters."""
    source, policy = declared.source, declared.policy.trained
    if not method.course:
        known = declared.spec.train.model_dump(include=set(method.row_keys), exclude_unset=True)
        merged = checked(source, key, entry_model(method, None, None), {**known, **values})
        rows = {name: getattr(merged, name) for name in method.row_keys}
        train = TrainParams(dtype=declared.spec.train.dtype, **rows)  # it answers as the base does
        own = part(merged, method.params)
        try:
            own = method.located(own, source.path.resolve().parent)
        except ModelError as error:
            raise source.error((*key, "path"), str(error)) from None
        return Adaptation(own, policy, train, row_keys=method.row_keys, shown=method.shows(own))
    tuner = TUNERS.get(_chosen(source, key, "peft", values, TUNERS, method.tuners))
    objective_name = values.get("objective", (*method.objectives, declared.spec.train.objective)[0])
    allowed = method.objectives or tuple(one.name for one in OBJECTIVES if not one.needs_teacher)
    objective = OBJECTIVES.get(_chosen(source, key, "objective", {"objective": objective_name}, OBJECTIVES, allowed))
    kinds = (method.params, TrainParams, tuner.params, objective.params)
    refuse_foreign(source, key, kinds, values, tuner.name, objective.name)
    shared = declared.spec.train.model_dump(exclude_unset=True)
    if values.get("optimizer", declared.spec.train.optimizer) != declared.spec.train.optimizer:
        shared.pop("optimizer_options", None)  # they are those of the study's optimizer
    given = {**shared, **{name: value for name, value in values.items() if name != "peft"}}
    if method.objectives:
        given["objective"] = objective.name
    own, train, tuner_params, objective_params = parts(given, kinds) or parts_of(
        checked(source, key, entry_model(method, tuner.name, objective.name), given), kinds
    )
    return Adaptation(
        own=own,
        tokens=policy,
        train=train,
        tuner=tuner,
        tuner_params=tuner_params,
        objective=objective,
        objective_params=objective_params,
        row_keys=method.train_keys,
        shown=method.shows(own),
    )


def _chosen(
    source: StudySource, key: Key, what: str, values: Values, known: Registry[Any], allowed: tuple[str, ...] = ()
) -> str:
    """Return the tuner or objective an entry names; by default lora, or the first where only some are allowed."""
    name = values.get(what, "lora" if "lora" in allowed or not allowed else allowed[0])
    if what == "peft" and isinstance(name, str) and name.lower() in LEFT_OUT and name not in known:
        raise source.error(
            (*key, what), f"PEFT's {name} is no tuner of hanka: {LEFT_OUT[name.lower()]}; choose another"
        )
    if not isinstance(name, str) or name not in (allowed or known):
        names = allowed or tuple(known.names())
        hint = nearest(str(name), names)
        listed = (
            hint if hint.startswith("allowed") or len(names) > MOST_LISTED else f"{hint} (allowed: {', '.join(names)})"
        )
        raise source.error((*key, what), f"{name!r} is not allowed: {listed}")
    return name
