"""Parameters of `merge`: which variants, by which rule, how much of each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field, ValidationInfo, field_validator

from hanka.methods.contract import MethodParams, ParentRefs

How = Literal["mean", "task_arithmetic", "ties", "dare", "dare_ties"]

SCALES: Mapping[str, float] = {"task_arithmetic": 0.4, "ties": 1.0, "dare": 0.4, "dare_ties": 1.0}
"""What the merged vector is multiplied by where nothing is said: Yadav et al. (2023), section 5, take 0.4 for task arithmetic and 1
for TIES where there are no validation rows. Dropping and rescaling keeps the expectation, so DARE takes that of the rule it goes before."""
DENSITIES: Mapping[str, float] = {"ties": 0.2, "dare": 0.1, "dare_ties": 0.1}
"Share of each vector that is kept where nothing is said: Yadav et al. (2023), k = 20; Yu et al. (2024), a drop rate of 0.9."
READ: Mapping[str, tuple[str, ...]] = {
    "mean": (),
    "task_arithmetic": ("scale",),
    "ties": ("scale", "density", "trim", "majority"),
    "dare": ("scale", "density", "draw"),
    "dare_ties": ("scale", "density", "majority", "draw"),
}
"Which of the parameters below a rule reads, beside `weights`."


class MergeParams(MethodParams):
    """Which variants become one, and how."""

    of: ParentRefs
    "Entries whose variants are merged, two or more, all of one base; `{of: NAME, train: DATASET}` for another training set."
    how: How = "ties"
    "mean: of the weights; task_arithmetic: sum of the changes; ties: trim, elect signs, mean of those that agree; dare: drop at random, rescale, sum; dare_ties: drop at random, then as ties."
    weights: tuple[float, ...] | None = None
    "One for each of `of` (default: equal); above 0, and for sums (task_arithmetic, dare) below it, too, which takes a change away."
    scale: float | None = Field(default=None, validate_default=True)
    "Factor of the merged change (default: 0.4 for task_arithmetic and dare, 1 for ties and dare_ties); mean has none."
    density: float | None = Field(default=None, gt=0, le=1, validate_default=True)
    "Share of every change that is kept: the largest (ties, default 0.2) or a random one (dare, dare_ties, default 0.1)."
    trim: Literal["model", "tensor"] | None = Field(default=None, validate_default=True)
    "Whether the largest are those of the whole model (default, as published) or of every tensor by itself."
    majority: Literal["mass", "count"] | None = Field(default=None, validate_default=True)
    "What elects a sign: the sum of the changes (default, as published), or how many there are of each."
    draw: int | None = Field(default=None, ge=0, validate_default=True)
    "Which random share is kept (default 0); the training seed changes it, too."

    @field_validator("weights")
    @classmethod
    def _one_for_each(cls, weights: tuple[float, ...] | None, info: ValidationInfo) -> tuple[float, ...] | None:
        if weights is None or not {"of", "how"} <= set(info.data):
            return weights
        of, how = info.data["of"], info.data["how"]
        if len(weights) != len(of):
            raise ValueError(f"{len(weights)} weights for {len(of)} variants: give one for each of `of`")
        sums = how in ("task_arithmetic", "dare")
        wrong = next((one for one in weights if one == 0 or (one < 0 and not sums)), None)
        if wrong is not None:
            allowed = "any but 0" if sums else f"above 0 (a mean of {how} has no other)"
            raise ValueError(f"a weight of {wrong:g}: allowed is {allowed}; leave out what does not count")
        return weights

    @field_validator("scale", "density", "trim", "majority", "draw")
    @classmethod
    def _read_or_refused(cls, value: Any, info: ValidationInfo) -> Any:
        """Fill in what a rule takes where nothing is said, and refuse what it does not read."""
        how, name = info.data.get("how"), str(info.field_name)
        if how is None:
            return value
        if name not in READ[how]:
            if value is not None:
                readers = ", ".join(rule for rule, read in READ.items() if name in read)
                raise ValueError(f"`how: {how}` does not read {name}; take it out, or choose {readers}")
            return None
        usual = {"scale": SCALES, "density": DENSITIES}.get(name, {}).get(how)
        return value if value is not None else {"trim": "model", "majority": "mass", "draw": 0}.get(name, usual)
