"""What training minimises: the list of objectives. Light: torch is imported when a loss is computed."""

from __future__ import annotations

from hanka.registry import Registry
from hanka.training.objectives.contract import Objective, ObjectiveParams, Targets

__all__ = ["OBJECTIVES", "Objective", "ObjectiveParams", "Targets"]

OBJECTIVES: Registry[Objective] = Registry(
    "objective",
    {
        "cross_entropy": "hanka.training.objectives.cross_entropy:CROSS_ENTROPY",
        "kl_base": "hanka.training.objectives.kl_base:KL_BASE",
        "kl_teacher": "hanka.training.objectives.kl_teacher:KL_TEACHER",
        "l2_base": "hanka.training.objectives.l2_base:L2_BASE",
    },
)
