"""Parameters of `select`."""

from __future__ import annotations

from pydantic import Field

from hanka.methods.contract import MethodParams, ParentRefs
from hanka.methods.fit import VALIDATION_ROWS


class SelectParams(MethodParams):
    """Among whom is chosen, and how."""

    of: ParentRefs
    "Entries among whose variants one is chosen, two or more, all of one base and answered by one engine; of equals the first named."
    shots: int = Field(default=0, ge=0)
    "Demonstrations before every validation row, the first of the training set's own."
    rows: int = Field(default=VALIDATION_ROWS, ge=1)
    "Validation rows that are asked at most."
