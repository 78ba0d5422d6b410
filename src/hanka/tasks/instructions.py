"""Instructions of all kinds that are answered in writing: what general instruction sets, and rows made from templates, are examples of."""

from __future__ import annotations

from hanka.metrics import DEFAULT_METRICS
from hanka.tasks.base import Task

INSTRUCTIONS = Task(
    name="instructions",
    kind="generation",
    prompts={"p1": "### Instruction:\n{input}\n### Response:", "p2": "{input}\n\n"},
    metrics=DEFAULT_METRICS["generation"],
    stop=("\n###",),
    description="do what an instruction says, in writing",
    reference="Taori et al. 2023, Stanford Alpaca (headers)",
)
