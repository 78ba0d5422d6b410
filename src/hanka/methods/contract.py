"""The Method contract: how a base model is adapted, and what such an entry of a study says, typed.

A method has a light half (`<method>/__init__.py` and `params.py`: name, reference, parameters; no torch)
that plans and lists can load at once, and a heavy half (`<method>/adapt.py`) imported when it is called.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple

from pydantic import AfterValidator, BeforeValidator, Field

from hanka.datasets.splits import Sampling
from hanka.errors import UnitError
from hanka.models.catalogue import LANGUAGE_MODELS, ModelKind
from hanka.prompting import TextPolicy
from hanka.records import Example, Parent, Prediction
from hanka.registry import OneOrMore, Params, Seeds, Sizes
from hanka.tasks.base import Task
from hanka.training.objectives.contract import Objective, ObjectiveParams
from hanka.training.params import RUNTIME_KEYS, CourseParams
from hanka.tuners.contract import Made, Tuner, TunerParams

if TYPE_CHECKING:
    from hanka.models.loading import LoadedModel


class ParentParams(Params):
    """A parent as a study names it: an entry's label, or a map."""

    of: str = Field(min_length=1)
    "Label of the entry of `methods` that makes it."
    base: str = ""
    "Another base model of the study (default: the variant's own)."
    train: str = ""
    "Another training set (default: the variant's own)."
    size: int = Field(default=0, ge=0)
    "Another training size (default: the variant's own)."
    step: int | None = Field(default=None, ge=1)
    "A checkpoint that the entry keeps (`keep_steps`); default: the end of its training. A list of them, or `each` for all, makes an entry of every step, called NAME@STEP."

    @property
    def parent(self) -> Parent:
        """Return it as the plan resolves it."""
        return Parent(self.of, self.base, self.train, self.size, self.step)


def _label_or_map(value: Any) -> Any:
    return {"of": value} if isinstance(value, str) else value


def _each_once(several: tuple[ParentParams, ...]) -> tuple[ParentParams, ...]:
    twice = next((one for one in several if several.count(one) > 1), None)
    if twice is not None:
        raise ValueError(f"{twice.of!r} is named twice; name every entry once")
    return several


ParentRef = Annotated[ParentParams, BeforeValidator(_label_or_map)]
"A label, or a map with `of:`."
ParentRefs = Annotated[tuple[ParentRef, ...], Field(min_length=2), AfterValidator(_each_once)]
"Two or more of them, each once."


class AskingParams(Params):
    """How the variants of an entry are asked, where that differs from the study's `eval`."""

    shots: Seeds | None = None
    "Shot counts, of those in `eval.shots`."
    contexts: OneOrMore | None = None
    "Contexts by label, of those in `eval.contexts`."


class MethodParams(Params):
    """Parameters every method takes."""

    name: str | None = Field(default=None, min_length=1)
    "What tables call this entry (default: the method's name)."
    bases: OneOrMore | None = None
    "Base models it is made from (default: all that it can adapt)."
    seeds: Seeds | None = None
    "Training seeds of this entry, one variant each (default: those of the study; made from others: those of its first parent)."
    asking: AskingParams | None = None
    "The askings it is meant for (default: all of the study)."

    @property
    def left_out_of_ids(self) -> tuple[str, ...]:
        """Name the parameters that do not change the weights that are made."""
        return ()

    @property
    def found(self) -> Mapping[str, str]:
        """Return what was found out of files the study names, as its written form holds it."""
        return {}

    @property
    def folds_weights(self) -> bool:
        """Tell whether weights are folded into those of the base."""
        return False


class TrainedParams(MethodParams):
    """Parameters of every method that trains on rows; all keys of `train:` stand beside them."""

    on: OneOrMore | None = None
    "Data sets to train on, one variant each (default: the training set of each task)."


class CourseMethodParams(TrainedParams):
    """Parameters of every method that goes through the training loop."""

    start: ParentRef | None = None
    "Entry whose weights training starts from (default: the base model's)."


class TrainParams(CourseParams):
    """The study's `train:`; each entry of `methods` may say otherwise."""

    sizes: Sizes = (64,)
    "Training rows, one variant each."
    sample: Sampling = "first"
    "first: the first rows of the data set; seeded: drawn by the training seed, a smaller size inside a larger one; balanced: as seeded, labels in turn (a mix draws as its recipe says)."
    validation: float | None = Field(default=None, ge=0, lt=1)
    "Share of the data set's training rows that is set aside to validate on, unless it has a validation file; null: 0.1 where `checkpoints` choose, else none."
    match: Literal["none", "supervised_tokens", "trainable_parameters"] = "none"
    "supervised_tokens: every method of a task trains on the same rows, those that fit all of them; trainable_parameters: every tuner's size (a rank, a width, a number of vectors) is set so that about as many weights train as `budget` says."
    budget: int | str | None = None
    "With `match: trainable_parameters`: how many weights, or the name of the entry that has as many."


STEPS = "steps"
"Folder of a variant that holds its kept checkpoints, one folder each."
UNTRAINED_KEYS = ("sizes", "match", "budget")
"Keys of `train:` that choose which variants there are, not how one is trained."
LATER_KEYS = ("checkpoints", "early_stopping", "rate_factors", "steps", "total_tokens")
"Keys of `train:` that came after ids were made: at their default they are not in an id, so that it stays what it was."
LABELLING_KEYS = ("name", "bases", "seeds", "asking", "on")
"Keys of an entry that name it or choose of what it is made and how often, not how."


class ShownInTraining(NamedTuple):
    """Demonstrations that a method puts before training examples."""

    shots: int = 0
    "How many."
    per_example: bool = False
    "Whether they are drawn anew for each example."


@dataclass(frozen=True, slots=True)
class Adaptation:
    """What one entry of `methods` asks for one training set: every parameter, validated and typed."""

    own: MethodParams
    "The method's own."
    tokens: TextPolicy
    "How text becomes tokens."
    train: TrainParams = field(default_factory=TrainParams)
    "Rows and course; the defaults where the method does not train."
    tuner: Tuner | None = None
    "Which weights train; None where the method is no course."
    tuner_params: TunerParams | None = None
    "Its parameters."
    objective: Objective | None = None
    "The loss; None where the method is no course."
    objective_params: ObjectiveParams | None = None
    "Its parameters."
    row_keys: tuple[str, ...] = ()
    "Keys of `train:` that the method reads."
    shown: ShownInTraining = field(default_factory=ShownInTraining)
    "Demonstrations before each training example."

    def as_json(self) -> dict[str, Any]:
        """Return all parameters in one flat map, as files and tables show them."""
        flat: dict[str, Any] = self.train.model_dump(mode="json", include=set(self.row_keys) - set(UNTRAINED_KEYS))
        if self.tuner is not None and self.tuner_params is not None:
            flat |= {"peft": self.tuner.name} | self.tuner_params.model_dump(mode="json")
        if self.objective is not None and self.objective_params is not None:
            flat |= {"objective": self.objective.name} | self.objective_params.model_dump(mode="json")
        flat |= self.own.model_dump(mode="json", exclude=set(LABELLING_KEYS))
        if flat or self.row_keys:
            flat["tokens"] = self.tokens.content()
        return flat

    def content(self) -> dict[str, Any]:
        """Return what enters a variant's id: what changes its weights. Parents enter by their own ids, not by name."""
        versions = {one.name: one.version for one in (self.tuner, self.objective) if one is not None}
        named = {name for name in type(self.own).model_fields if _names_parents(getattr(self.own, name))}
        left_out = {*RUNTIME_KEYS, *self.own.left_out_of_ids, *named}
        left_out |= {name for name in LATER_KEYS if getattr(self.train, name) == TrainParams.model_fields[name].default}
        if self.tuner_params is not None:
            fields = type(self.tuner_params).model_fields
            later = self.tuner_params.later
            left_out |= {name for name in later if getattr(self.tuner_params, name) == fields[name].default}
        return {name: value for name, value in self.as_json().items() if name not in left_out} | {"versions": versions}

    def layout(self) -> list[Any]:
        """Return what decides how long a training row is, and which rows fit."""
        return [self.train.prompt, self.train.max_length, list(self.shown)]


def _names_parents(value: Any) -> bool:
    """Tell whether a parameter names one variant or several."""
    return isinstance(value, ParentParams) or (
        isinstance(value, tuple) and bool(value) and all(isinstance(one, ParentParams) for one in value)
    )


@dataclass(frozen=True, slots=True, eq=False)
class TrainingPart:
    """The rows of one task that a variant learns from."""

    task: Task
    "The task."
    examples: Sequence[Example]
    "Training rows in order."
    demonstrations: Sequence[Example] = ()
    "Pool of demonstrations, in order; disjoint from the training rows."
    validation: Sequence[Example] = ()
    "Rows to validate on; disjoint from training and test rows."

    def validated(self) -> TrainingPart:
        """Return the rows to validate on in the place of those that are trained on."""
        return TrainingPart(self.task, self.validation, self.demonstrations)


@dataclass(frozen=True, slots=True, eq=False)
class TrainingData:
    """What a variant learns from."""

    parts: tuple[TrainingPart, ...]
    "Rows by task."
    companions: tuple[Adaptation, ...] = ()
    "What the methods ask whose rows must also fit (train.match); empty when nothing is matched."

    @property
    def n_examples(self) -> int:
        """Count the training rows."""
        return sum(len(part.examples) for part in self.parts)


def nobody_answers(place: int, part: TrainingPart) -> Sequence[Prediction]:
    """Stand in for methods that ask no parents."""
    raise UnitError(f"parent {place} was not made to answer: only methods that choose among their parents ask them")


def nobody_is_lent(place: int) -> AbstractContextManager[LoadedModel]:
    """Stand in for methods that hear no parents."""
    raise UnitError(f"parent {place} was not made to be heard: only methods with a teacher hear one")


@dataclass(frozen=True, slots=True, eq=False)
class AdaptRequest:
    """One variant to be made."""

    base: Any
    "What it is made from, lent: a LoadedModel with what `start:` names already in it, or a LoadedEncoder."
    data: TrainingData
    "What it learns from."
    adaptation: Adaptation
    "Its parameters."
    seed: int
    "Training seed."
    folder: Path
    "Where the variant is saved: weights or adapter in the PEFT layout, checkpoints, train_log.jsonl."
    report: Callable[[str, float], None]
    "Called with what is being done and the share done, 0 to 1."
    parents: tuple[tuple[Made, ...], ...] = ()
    "Each parent as the layers on its base, in the order of `Method.parents`."
    ask: Callable[[int, TrainingPart], Sequence[Prediction]] = nobody_answers
    "(place among the parents, part) → that parent's answers to the part's validation rows, all of its demonstrations before each."
    lend: Callable[[int], AbstractContextManager[LoadedModel]] = nobody_is_lent
    "Place among the parents → that parent, ready to be heard while it is lent."

    @property
    def loaded(self) -> LoadedModel:
        """Return the language model it is made from."""
        loaded: LoadedModel = self.base
        return loaded


@dataclass(frozen=True, slots=True)
class Adapted:
    """What making a variant left behind; the weights are in its folder."""

    tuner: str
    "Which tuner loads what the folder holds; empty: no language model's weights were saved."
    n_trained_parameters: int
    "Parameters that were free to change."
    record: Mapping[str, Any]
    "Counts, losses, seconds and hashes for variant.json."
    label_bias: Mapping[str, float] = field(default_factory=dict)
    "Nats added to a label's score when an answer is chosen; stored scores stay raw."


def shows_none(params: Any) -> ShownInTraining:
    """Return that no demonstrations stand before training examples."""
    return ShownInTraining()


def no_parents(params: Any) -> tuple[Parent, ...]:
    """Return that a variant is made from its base alone."""
    return ()


def start_of(params: Any) -> tuple[Parent, ...]:
    """Return what a course starts from: `Method.parents` of methods with `start:`."""
    assert isinstance(params, CourseMethodParams)
    return (params.start.parent,) if params.start else ()


def as_given(params: Any, base_dir: Path) -> Any:
    """Return parameters as they are: nothing is to be found."""
    return params


def nothing_to_pin(params: Any, ask_hub: bool) -> Any:
    """Return parameters as they are: nothing of them is on the hub."""
    return params


def trained_here(params: Any) -> None:
    """Return that a method's training sets are those of the study."""


def no_engine_params(params: Any) -> None:
    """Return that the engine is told nothing."""


@dataclass(frozen=True, slots=True, eq=False)
class Method:
    """How a base model is adapted."""

    name: str
    "The name a study file uses."
    reference: str
    "Paper."
    description: str
    "One line for `hanka list methods`."
    params: type[MethodParams]
    "Its own parameters."
    per: Literal["base", "training_set"]
    "What it makes a variant of: each base model, or each training set, size and seed."
    adapt: Callable[[AdaptRequest], Adapted]
    "Make one variant and save it; imports torch when called."
    parents: Callable[[Any], tuple[Parent, ...]] = no_parents
    "Variants that one is made from, given its own parameters."
    shows: Callable[[Any], ShownInTraining] = shows_none
    "Demonstrations before each training example, given its own parameters."
    course: bool = False
    "Whether it goes through the training loop: takes the keys of `train:`, a tuner and an objective."
    row_keys: tuple[str, ...] = ()
    "Keys of `train:` that it reads where it trains on rows without the loop."
    tuners: tuple[str, ...] = ()
    "Tuners that it can train with, the default first; empty: all, lora by default."
    objectives: tuple[str, ...] = ()
    "Objectives that it can train with, the default first; empty: all that need no teacher, that of `train:` by default."
    kinds: tuple[ModelKind, ...] = LANGUAGE_MODELS
    "Kinds of base that it adapts."
    engine: str = "local"
    "Engine that answers for its variants."
    roles: tuple[str, ...] = ()
    "What its parents are to that engine, in their order."
    engine_params: Callable[[Any], Any] = no_engine_params
    "What that engine is told, in the engine's own type, given its own parameters."
    stands_on: Literal["base", "parent", "start", "beside", "together"] = "base"
    "What its weights are put on: the base, its first parent, that parent where `start:` names it, what that parent's are put on, or the base that all its parents have."
    chooses: bool = False
    "Whether it makes nothing and answers with one of its parents, which `adapt` records as `chosen`, their place."
    crosses_tasks: bool = True
    "Whether its variants can be asked other tasks than those they were trained on."
    located: Callable[[Any, Path], Any] = as_given
    "(its own parameters, folder of the study) → these with files found and hashed; ModelError in one line."
    pinned: Callable[[Any, bool], Any] = nothing_to_pin
    "(its own parameters, whether the hub may be asked) → these with hub revisions as commits; ModelError in one line."
    trained_on: Callable[[Any], tuple[str, ...] | None] = trained_here
    "Data sets its weights were tuned on elsewhere, given its own parameters; None: they are not declared."
    is_elsewhere: bool = False
    "Whether its weights were tuned elsewhere."
    changes_weights: bool = True
    "Whether its variants have weights, or a decision rule, of their own: others are the base, asked in another way."
    asked_with: str = ""
    "Entry of `contexts` that its variants are asked with, and with no other; empty: all contexts of the study."
    is_seeded: bool = True
    "Whether the training seed changes what it makes of given rows and parents."
    version: int = 1
    "Raised by hand when the same parameters give other numbers than before."

    @property
    def follows_parents(self) -> bool:
        """Tell whether its training sets, sizes and seeds are those of its first parent."""
        return self.per == "training_set" and not self.course and not self.row_keys

    @property
    def train_keys(self) -> tuple[str, ...]:
        """Return the keys of `train:` that it reads."""
        return tuple(TrainParams.model_fields) if self.course else self.row_keys
