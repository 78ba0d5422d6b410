"""Parameters of `reduce_intruders`: of which variant, what is scaled, and by how much."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, ValidationInfo, field_validator

from hanka.methods.contract import MethodParams, ParentRef


class ReduceIntrudersParams(MethodParams):
    """What becomes of the directions of a tuned matrix that resemble none of the base's."""

    of: ParentRef
    "Entry whose variants are edited."
    edit: Literal["intruders", "neighbours", "peft"] = "intruders"
    "intruders: they are scaled; neighbours: as a control, as many other directions next to them; peft: PEFT's own function, which cuts the result back to the rank of the adapter (LoRA alone)."
    scale: float = Field(default=0.7, ge=0, le=1)
    "λ of the paper: what their singular values are multiplied by; 1 leaves them, 0 removes them (PEFT's help text says it the other way round, its formula does not)."
    which: Literal["top", "all"] | None = Field(default=None, validate_default=True)
    "top: the first intruder of every matrix (default, as published); all: every one (PEFT's)."
    k: int = Field(default=10, ge=1)
    "Leading directions of every matrix that are looked at."
    epsilon: float = Field(default=0.5, gt=0, le=1)
    "A direction whose largest |cosine| with any of the base's is below this is an intruder."

    @field_validator("which")
    @classmethod
    def _of_peft(cls, value: str | None, info: ValidationInfo) -> Any:
        """Fill in what is edited where nothing is said; PEFT edits all."""
        if info.data.get("edit") != "peft":
            return value or "top"
        if value == "top":
            raise ValueError("`edit: peft` scales every intruder; take `which` out, or choose edit intruders")
        return "all"
