"""The Task contract: how one kind of example is asked, parsed and scored.

A task knows text only. Tokens, and where prompt and answer meet, belong to `prompting.py`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from hanka.errors import HankaError, nearest
from hanka.records import Example, TaskKind

FIELD = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")


@dataclass(frozen=True, slots=True)
class Task:
    """How one kind of example is asked, parsed and scored."""

    name: str
    "The name a study file uses."
    kind: TaskKind
    "classification scores labels; generation decodes text."
    prompts: Mapping[str, str]
    "Prompt set name → template with {field} places."
    metrics: tuple[str, ...]
    "Metric names; the first is the primary one."
    labels: tuple[str, ...] = ()
    "Label words, in the order of `label_scores`; empty for generation."
    stop: tuple[str, ...] = ("\n\n",)
    "A generated answer ends before the first of these."
    description: str = ""
    "One line for `hanka list tasks`."
    reference: str = ""
    "Paper and section."
    inputs: tuple[str, ...] = field(init=False)
    "Field names that the prompts use, in order of first use."

    def __post_init__(self) -> None:
        used = (name for template in self.prompts.values() for name in FIELD.findall(template))
        object.__setattr__(self, "inputs", tuple(dict.fromkeys(used)))
        if (self.kind == "classification") != bool(self.labels):
            raise ValueError(f"task {self.name}: a classification needs labels, a generation has none")

    def template(self, prompt: str) -> str:
        """Return the template of a prompt set; raise HankaError with the nearest name."""
        if prompt not in self.prompts:
            raise HankaError(f"task {self.name} has no prompt {prompt!r}: {nearest(prompt, self.prompts)}")
        return self.prompts[prompt]

    def render(self, example: Example, prompt: str) -> str:
        """Fill the example's fields into the template; braces inside the data stay as they are."""
        return FIELD.sub(lambda match: example.fields[match[1]], self.template(prompt))

    def parse(self, text: str) -> str | None:
        """Read the answer from an output: the text before the first stop, or the label it is.

        Returns None where a classification output is not one of the labels.
        """
        answer = text.strip()
        for stop in self.stop:
            answer = answer.split(stop, 1)[0]
        answer = answer.strip()
        if self.kind == "generation":
            return answer
        return answer if answer in self.labels else None
