"""What a study file comes to: names that are tasks, data sets, methods and models, and how each test set is asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hanka.datasets.base import Dataset
from hanka.models.catalogue import ModelRef
from hanka.prompting import TextPolicy
from hanka.records import Relation
from hanka.study.context_declarations import ContextUse
from hanka.study.guardrail_declarations import GuardrailUse
from hanka.study.harness_declarations import HarnessSpec
from hanka.study.method_declarations import MethodUse
from hanka.study.probe_declarations import ProbeUse
from hanka.study.recipe_declarations import RecipeUse
from hanka.study.schema import StudySpec, for_task
from hanka.study.source import StudySource
from hanka.tasks.base import Task

if TYPE_CHECKING:
    from hanka.harness.found import HarnessUse


WRITTEN = "written"
"`eval.scoring` where labels are written."


@dataclass(frozen=True, slots=True, eq=False)
class TaskUse:
    """A task with the datasets that play its roles."""

    task: Task
    "The task."
    train: Dataset | None
    "What its variants train on; None when it is only tested."
    in_domain: tuple[Dataset, ...]
    "Test sets of the training domain; the first one serves cross-task tests."
    out_of_domain: tuple[Dataset, ...]
    "Test sets of other domains."

    @property
    def tests(self) -> tuple[Dataset, ...]:
        """All test sets of the task."""
        return self.in_domain + self.out_of_domain


@dataclass(frozen=True, slots=True, eq=False)
class Study:
    """The resolved study."""

    spec: StudySpec
    "The study file with every default."
    base_dir: Path
    "Folder that relative paths start from."
    models: tuple[ModelRef, ...]
    "Base models."
    tasks: Mapping[str, TaskUse]
    "Tasks by name, in the order of the file."
    datasets: Mapping[str, Dataset]
    "Data sets by name, those of the source among them."
    recipes: Mapping[str, RecipeUse]
    "Data sets that are made out of others."
    contexts: tuple[ContextUse, ...]
    "What may stand before a query; the first one is the default."
    probes: tuple[ProbeUse, ...]
    "Diagnostics of every adapted variant."
    methods: tuple[MethodUse, ...]
    "Methods, each after those it is made from; base first."
    source: StudySource
    "The file, so that later checks can name its lines."
    replaced: str = ""
    "What to add to an error about a base, where the command line replaced those of the file."
    harness_spec: HarnessSpec | None = None
    "What it says of lm-evaluation-harness."
    harness: Mapping[str, HarnessUse] = field(default_factory=dict)
    "Tasks of the harness by name; they stand among `tasks`, too."

    is_part: bool = False
    "Whether the command line trains some of its tasks alone."
    guardrails: tuple[GuardrailUse, ...] | None = None
    "What must not come out; None: what a report shows by itself."
    perturbed: Mapping[str, tuple[Dataset, ...]] = field(default_factory=dict)
    "Test set → its changed copies, which are asked wherever it is; they stand among `datasets`, too."
    validated: Mapping[str, Dataset] = field(default_factory=dict)
    "Test set → its rows to validate on, where the study asks them, too."

    @property
    def scoring(self) -> str:
        """How labels are chosen: full, normalised or first_token."""
        return scoring_of(self.spec)

    @property
    def demonstrations(self) -> str:
        """How demonstrations are ordered where a context does not choose for each query: drawn or first."""
        return self.spec.eval.demonstrations or ("first" if self.spec.protocol == "paper" else "drawn")

    @property
    def policy(self) -> TextPolicy:
        """How text becomes tokens."""
        return policy_of(self.spec)

    def reference_of(self, model: ModelRef) -> ModelRef:
        """Return the base that what is made of a model is weighed against: the one the study names, else itself.

        An encoder cannot be asked unadapted; the first base that can stands in.
        """
        if model.reference:
            return next(one for one in self.models if one.is_called(model.reference))
        return model if model.is_language_model else next(one for one in self.models if one.is_language_model)

    def spelling_of(self, model: ModelRef) -> ModelRef | None:
        """Return whose tokenizer a base reads with: its own, or for a served one what the study says; None where it does not."""
        if model.served is None:
            return model
        return model.spells or next((one for one in self.models if one.name == model.served.same_as), None)

    def answering(self, task: Task, model: ModelRef | None = None) -> dict[str, Any]:
        """How a task's answers come out: label scoring, writing with cap and stops, or the text's own likelihood.

        model: who answers; a served one may have to write its labels.
        """
        if task.kind == "likelihood":
            return {"scoring": "text"}
        if task.kind == "harness":
            return {"harness": self.harness[task.name].content}
        if self.writes(task, model):
            return {
                "scoring": WRITTEN,
                "max_new_tokens": self.spec.eval.max_new_tokens,
                "stop": list(task.stop),
                "judging": task.judging,
            }
        if task.kind == "classification" and model is not None and model.served and model.served.labels != "logprobs":
            return {"scoring": model.served.labels, "judging": task.judging}
        if task.kind == "classification":
            return {"scoring": self.scores_by, "ends": self.policy.scores_ends, "judging": task.judging}
        return {
            "max_new_tokens": self.spec.eval.max_new_tokens,
            "stop": list(task.stop),
            "judging": task.judging,
        }

    def writes(self, task: Task, model: ModelRef | None = None) -> bool:
        """Tell whether labels of a task are written and read instead of being scored. model: who answers; an encoder cannot write."""
        return task.kind == "classification" and self.scoring == WRITTEN and (model is None or model.kind != "encoder")

    @property
    def scores_by(self) -> str:
        """How labels are scored by who cannot write them."""
        return "full" if self.scoring == WRITTEN else self.scoring

    def shots(self, task: Task) -> tuple[int, ...]:
        """Shot counts a test set of this task is asked with; none where nothing is asked, or by a harness."""
        if not task.is_prompted:
            return (0,)
        found: tuple[int, ...] = for_task(self.spec.eval.shots, task.name, task.kind, (0,))
        return found

    def limit(self, task: Task) -> int | None:
        """Rows of a test set of this task that are asked at most; None: all of them."""
        found: int | None = for_task(self.spec.eval.limit, task.name, task.kind, None)
        return found

    def prompts(self, task: Task, asked: Relation) -> tuple[str, ...]:
        """Prompt sets a test set of this task is asked with at this relation; the empty one where none is."""
        if not task.is_prompted:
            return ("p1",)
        value = self.spec.eval.prompts
        if isinstance(value, dict) and asked in value:
            return tuple(value[asked])
        found: tuple[str, ...] = for_task(value, task.name, task.kind, ("p1",))
        return found


def scoring_of(spec: StudySpec) -> str:
    """Return how labels are chosen."""
    return spec.eval.scoring or ("first_token" if spec.protocol == "paper" else "full")


def policy_of(spec: StudySpec) -> TextPolicy:
    """Return how text becomes tokens."""
    return TextPolicy(**spec.tokens.model_dump(), protocol=spec.protocol, ends=scoring_of(spec) != "first_token")
