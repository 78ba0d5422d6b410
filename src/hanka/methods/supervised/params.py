"""Parameters of `fticl`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from hanka.methods.contract import CourseMethodParams


class FticlParams(CourseMethodParams):
    """sft's parameters, and which demonstrations stand before an example."""

    shots: int = Field(default=2, ge=1)
    "Demonstrations before each training example."
    draw: Literal["fixed", "per_example"] = "fixed"
    "fixed: the same demonstrations before every example; per_example: drawn anew for each."
