"""Parameters of `restore`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from hanka.methods.contract import MethodParams, ParentRef


class RestoreParams(MethodParams):
    """Of which variant, and how much of it is put back."""

    of: ParentRef
    "Entry whose variants get weights of the base back."
    share: float = Field(default=0.2, ge=0, le=1)
    "Share of all weights of the model that are put back to the base's, those that changed most first; 1 is the base, bit for bit."
    by: Literal["absolute", "relative"] = "absolute"
    "What changed most: by the size of the change, or by that over the size of the base's weight. Which of the two is published we do not know."
