"""Parameters of `distil`."""

from __future__ import annotations

from pydantic import Field, field_validator

from hanka.methods.contract import CourseMethodParams, ParentRef
from hanka.tasks.base import FIELD


class DistilParams(CourseMethodParams):
    """Who teaches, and what the teacher is shown."""

    teacher: ParentRef | None = None
    "Entry that teaches, with the same vocabulary (default: the model that training starts from, as it is then)."
    before: str = "{document}\n\n"
    "What the teacher alone reads before the question, with places for fields of the rows; rows without these fields are held to what the model said before training."
    teacher_length: int | None = Field(default=None, ge=8)
    "Tokens that the teacher reads of a row at most; a longer row is an error, never a cut (default: the teacher's context)."

    @field_validator("before")
    @classmethod
    def _has_a_place(cls, before: str) -> str:
        if not FIELD.findall(before):
            raise ValueError(f"{before!r} has no place for a field of the rows, such as {{document}}")
        return before
