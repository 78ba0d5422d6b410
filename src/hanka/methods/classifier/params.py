"""Parameters of `classifier`, and what it cannot be trained on. Light."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from hanka.engines import ENGINES
from hanka.methods.contract import Params
from hanka.models.catalogue import ModelRef


class ClassifierParams(Params):
    """Parameters of logistic regression; nothing of `train:` but the sizes concerns it."""

    sizes: tuple[Annotated[int, Field(ge=1)], ...] | None = Field(default=None, min_length=1)
    "Training rows, one variant each."
    C: float = Field(default=1.0, gt=0)
    "Inverse strength of the L2 penalty on weights (scikit-learn's C); the sum of losses is multiplied by it."


def classifier_refusal(base: ModelRef, task_kind: str, task: str) -> str:
    """Say in one line why a classifier cannot be trained, before any work; empty if it can."""
    if base.kind != "encoder":
        return f"classifier: base {base.name!r} is a language model; give an encoder, such as base: {{encoder: tfidf}}"
    return ENGINES.get("encoder").refusal(task_kind, task)
