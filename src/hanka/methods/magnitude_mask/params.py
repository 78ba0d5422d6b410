"""Parameters of `magnitude_mask`."""

from __future__ import annotations

from pydantic import Field

from hanka.methods.contract import CourseMethodParams


class MagnitudeMaskParams(CourseMethodParams):
    """sft's parameters, and how much stays."""

    frozen: float = Field(default=0.5, ge=0, lt=1)
    "Share of every tensor's weights that stay, the largest by size; 0.5 is the published value."
