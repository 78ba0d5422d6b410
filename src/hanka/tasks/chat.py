"""Conversations that are answered: the next turn of an assistant, written."""

from __future__ import annotations

from hanka.metrics import DEFAULT_METRICS
from hanka.tasks.base import Task
from hanka.tasks.messages import MESSAGES

CHAT = Task(
    name="chat",
    kind="generation",
    prompts={"p1": f"{{{MESSAGES}}}"},
    metrics=DEFAULT_METRICS["generation"],
    stop=(),
    description="the next turn of a conversation; needs tokens.template: chat and own data with messages",
    reference="turns as chat templates of transformers take them",
)
