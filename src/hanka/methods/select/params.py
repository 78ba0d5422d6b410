"""Parameters of `select`."""

from __future__ import annotations

from pydantic import Field, field_validator

from hanka.methods.contract import MethodParams, ParentRef
from hanka.methods.fit import VALIDATION_ROWS


class SelectParams(MethodParams):
    """Among whom is chosen, and how."""

    of: tuple[ParentRef, ...] = Field(min_length=2)
    "Entries among whose variants one is chosen, two or more, all of one base and answered by one engine; of equals the first named."
    shots: int = Field(default=0, ge=0)
    "Demonstrations before every validation row, the first of the training set's own."
    rows: int = Field(default=VALIDATION_ROWS, ge=1)
    "Validation rows that are asked at most."

    @field_validator("of")
    @classmethod
    def _distinct(cls, of: tuple[ParentRef, ...]) -> tuple[ParentRef, ...]:
        twice = next((one for one in of if of.count(one) > 1), None)
        if twice is not None:
            raise ValueError(f"{twice.of!r} is named twice; name every entry once")
        return of
