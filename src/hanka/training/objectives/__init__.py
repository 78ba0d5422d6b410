"""What training minimises: the list of objectives. Light: torch is imported when a loss is computed."""

from __future__ import annotations

from hanka.registry import Registry
from hanka.training.objectives.contract import Objective, ObjectiveParams, Targets
from hanka.training.objectives.cross_entropy import CROSS_ENTROPY
from hanka.training.objectives.kl_base import KL_BASE

__all__ = ["OBJECTIVES", "Objective", "ObjectiveParams", "Targets"]

OBJECTIVES: Registry[Objective] = Registry("objective", [CROSS_ENTROPY, KL_BASE])
