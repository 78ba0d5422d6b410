"""Probes: diagnostics that need the model. One line per entry; this version ships none."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from hanka.records import Example, Score
from hanka.registry import Registry


@dataclass(frozen=True, slots=True)
class Probe:
    """A diagnostic of an adapted model against its base."""

    name: str
    "The name a study file uses."
    reference: str
    "Paper."
    measure: Callable[[Any, Any, Sequence[Example]], list[Score]]
    "(base, adapted, examples) → scores."


PROBES: Registry[Probe] = Registry("probe", [])

__all__ = ["PROBES", "Probe"]
