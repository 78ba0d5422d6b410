"""The task that live traffic is asked: what an output says, whether it is right, and what input a prompt was made from.

Between a run and the rows of a log. A prompt is compared with the run's by its input alone, since a log may hold whole prompts or bare
inputs: where one of the task's templates fits (behind whatever demonstrations), its fields are the input; else the whole text is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from hanka.errors import HankaError, MonitorError
from hanka.store.folder import RunFolder
from hanka.tasks import TASKS
from hanka.tasks.base import FIELD, Task
from hanka.tasks.verifiers import VERIFIERS, Output


class Read(NamedTuple):
    """What an output says."""

    answer: str | None
    "In canonical form; None where none could be read."
    is_right: bool | None
    "Whether it is what a label says; None without one."


def stored_study(folder: RunFolder) -> dict[str, Any]:
    """Read the study of a run as plain values. Raises MonitorError where it is missing or damaged."""
    import yaml

    try:
        found = yaml.safe_load(folder.study.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        said = " ".join(str(error).split())[:200]
        raise MonitorError(
            f"{folder.study}: the study of the run cannot be read ({said}); name a whole run folder"
        ) from None
    if not isinstance(found, dict):
        raise MonitorError(f"{folder.study}: damaged; run the study again")
    return found


def task_of(study: Mapping[str, Any], name: str, planned: Mapping[str, Any]) -> Task:
    """Return a task of a run: a built-in one, or as its study declares it. planned: its entry in plan.json."""
    if name in TASKS:
        return TASKS.get(name)
    spec = study.get("tasks", {}).get(name) or {}
    prompts = dict(spec.get("prompts") or {})
    if spec.get("prompt"):
        prompts = {"p1": spec["prompt"], **prompts}
    verifier = spec.get("verifier") or ""
    params: Mapping[str, Any] = {}
    if isinstance(verifier, dict):
        ((verifier, params),) = verifier.items()
    stop = spec.get("stop", ("\n\n",))
    try:
        return Task(
            name=name,
            kind=planned["kind"],
            prompts=prompts,
            metrics=tuple(planned["metrics"]),
            labels=tuple(planned["labels"]),
            stop=(stop,) if isinstance(stop, str) else tuple(stop),
            verifier=verifier,
            verifier_params=VERIFIERS.get(verifier).params.model_validate(params or {}) if verifier else None,
        )
    except (HankaError, ValueError) as error:
        raise MonitorError(
            f"task {name} of the run cannot be asked of a log ({' '.join(str(error).split())[:200]})"
        ) from None


class TaskReader:
    """Reads outputs and prompts of one task; the same text is read once."""

    def __init__(self, task: Task) -> None:
        if not task.is_prompted:
            raise MonitorError(f"task {task.name} is a {task.kind}: nothing is asked, so no traffic can be watched")
        self.task = task
        self._patterns = tuple(_pattern(template) for template in task.prompts.values())
        self._read = lru_cache(maxsize=4096)(self._judge)

    @property
    def is_classification(self) -> bool:
        """Whether answers are labels."""
        return self.task.kind == "classification"

    def read(self, output: str, label: str | None = None) -> Read:
        """Return what an output says, and whether it is right."""
        return self._read(output, label)

    def _judge(self, output: str, label: str | None) -> Read:
        target = output if label is None else label
        try:
            found = VERIFIERS.get(self.task.verifier).verify(
                Output(output, target, self.task.labels, self.task.stop), self.task.verifier_params
            )
        except ValueError:
            # The target is no answer: with a label that is the label's fault, without one the output's.
            return Read(None, None)
        return Read(found.answer, None if label is None else found.reward == 1.0)

    def is_label(self, label: str) -> bool:
        """Tell whether a label is a right answer of the task at all."""
        if self.is_classification:
            return label in self.task.labels
        return self.read(label, label).is_right is True

    def fields(self, prompt: str) -> dict[str, str] | None:
        """Return the fields that a prompt was made from; None where no template fits and the task has several."""
        begun = prompt.rstrip()
        for pattern, last in self._patterns:
            # Said first, since a pattern that does not fit tries every way in which a long text could.
            if begun.endswith(last) and (found := pattern.match(prompt)):
                return {name: value.strip() for name, value in found.groupdict().items()}
        return {self.task.inputs[0]: prompt} if len(self.task.inputs) == 1 else None

    def text(self, prompt: str) -> str:
        """Return the input of a prompt as one text."""
        return self.joined(prompt, self.fields(prompt))

    def joined(self, prompt: str, fields: Mapping[str, str] | None) -> str:
        """Return the fields of a prompt as one text, and the prompt where it has none."""
        return prompt if fields is None else "\n".join(fields.values())


def _pattern(template: str) -> tuple[re.Pattern[str], str]:
    """Return what a filled template looks like, and how it ends; text before it are demonstrations, where it begins with fixed text."""
    seen: set[str] = set()
    parts = []
    for at, part in enumerate(FIELD.split(template.rstrip())):
        if at % 2 == 0:
            parts.append(re.escape(part))
        elif part in seen:
            parts.append(f"(?P={part})")
        else:
            seen.add(part)
            parts.append(f"(?P<{part}>.*?)")
    before = "(?:.*\n)?" if parts and parts[0] else ""
    last = FIELD.split(template.rstrip())[-1]
    return re.compile(before + "".join(parts) + r"\s*\Z", re.DOTALL), last
