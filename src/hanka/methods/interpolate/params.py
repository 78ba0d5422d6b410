"""Parameters of `interpolate`."""

from __future__ import annotations

from pydantic import Field

from hanka.methods.contract import MethodParams, ParentRef


class InterpolateParams(MethodParams):
    """Between which weights, and where."""

    of: ParentRef
    "Entry whose variants are pulled back towards what they were made on: the base, or what `start:` names."
    weight: float = Field(default=0.5, ge=0, le=1)
    "0: what it was made on; 1: the variant."
