"""The Task contract: how one kind of example is asked, judged and scored.

A task knows text only. Tokens, and where prompt and answer meet, belong to `prompting`. What an output says
is read by the task's verifier.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from hanka.errors import HankaError, nearest
from hanka.records import Example, Judgement, TaskKind
from hanka.tasks.verifiers import VERIFIERS, Output, VerifierParams

FIELD = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")

DEFAULT_VERIFIERS: Mapping[TaskKind, str] = MappingProxyType(
    {"classification": "label", "generation": "text", "regression": "number", "likelihood": "text", "harness": "text"}
)


@dataclass(frozen=True, slots=True)
class Task:
    """How one kind of example is asked, judged and scored."""

    name: str
    "The name a study file uses."
    kind: TaskKind
    "classification scores labels; generation and regression decode text; likelihood scores the text itself; a harness asks its own way."
    prompts: Mapping[str, str]
    "Prompt set name → template with {field} places; one empty template where nothing is asked."
    metrics: tuple[str, ...]
    "Metric names; the first is the primary one."
    labels: tuple[str, ...] = ()
    "Label words, in the order of `label_scores`; a classification has them."
    stop: tuple[str, ...] = ("\n\n",)
    "A written answer ends before the first of these."
    description: str = ""
    "One line for `hanka list tasks`."
    reference: str = ""
    "Paper and section."
    verifier: str = ""
    "Which verifier judges outputs; empty: that of the kind."
    verifier_params: VerifierParams | None = None
    "Its parameters; None: its defaults."
    version: int = 1
    "Changes whenever a question or a judgement could change."
    inputs: tuple[str, ...] = field(init=False)
    "Field names that the prompts use, in order of first use."

    def __post_init__(self) -> None:
        used = (name for template in self.prompts.values() for name in FIELD.findall(template))
        object.__setattr__(self, "inputs", tuple(dict.fromkeys(used)))
        if (self.kind == "classification") != bool(self.labels):
            raise ValueError(f"task {self.name}: a classification needs labels, a {self.kind} has none")
        if self.is_prompted == (not self.inputs):
            raise ValueError(
                f"task {self.name}: a likelihood asks nothing, and a harness its own way; a {self.kind} needs fields in its prompts"
            )
        judge = VERIFIERS.get(self.verifier or DEFAULT_VERIFIERS[self.kind])
        object.__setattr__(self, "verifier", judge.name)
        object.__setattr__(self, "verifier_params", self.verifier_params or judge.params())

    @property
    def is_prompted(self) -> bool:
        """Whether examples are put into its prompts; not where text is scored by itself, or a harness asks."""
        return self.kind not in ("likelihood", "harness")

    @property
    def is_written(self) -> bool:
        """Whether the model writes its answer, rather than text or labels being scored."""
        return self.kind in ("generation", "regression")

    @property
    def judging(self) -> dict[str, Any]:
        """What a stored judgement depends on, for content ids."""
        params = self.verifier_params.model_dump(mode="json") if self.verifier_params else {}
        return {"verifier": self.verifier, "version": VERIFIERS.get(self.verifier).version, "params": params}

    def template(self, prompt: str) -> str:
        """Return the template of a prompt set, empty where nothing is asked; raise HankaError with the nearest name."""
        if not self.is_prompted:
            return ""
        if prompt not in self.prompts:
            raise HankaError(f"task {self.name} has no prompt {prompt!r}: {nearest(prompt, self.prompts)}")
        return self.prompts[prompt]

    def render(self, example: Example, prompt: str) -> str:
        """Fill the example's fields into the template; braces inside the data stay as they are."""
        return FIELD.sub(lambda match: example.fields[match[1]], self.template(prompt))

    def verify(self, example: Example, text: str) -> Judgement:
        """Read the answer from an output and judge it. Raises ValueError where the target is no answer itself."""
        output = Output(text, example.target, self.labels, self.stop, example.fields)
        return VERIFIERS.get(self.verifier).verify(output, self.verifier_params)

    def refusal(self, example: Example) -> str:
        """Say why an example's own target is no right answer of this task; empty where it is."""
        try:
            found = self.verify(example, example.target)
        except ValueError as error:
            return str(error)
        return "" if found.reward == 1.0 else f"target {example.target[:60]!r} is not right by itself: {found.message}"
