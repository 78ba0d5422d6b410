"""What an A/B test agreed on beforehand: arms, metric, margins, horizon; strict, in one YAML file.

First step of `hanka ab`: assignment, planning and testing read the same file, and `Design.hash` is printed with every result, so that
a criterion that was changed on the way is seen. Comments, the order of keys and what planning supposes do not count, the order of arms does; a default counts as if written.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from hanka.declared.messages import first_mistake
from hanka.declared.source import FileKind, read_file
from hanka.errors import DesignError, nearest
from hanka.identity import content_id

SLOTS = 1_000
"Slots of a layer that experiments share."
NAMING = "a letter or digit first, then letters, digits, spaces and _ . : / -, 60 characters at most"
Name = Annotated[str, Field(pattern=r"^\w[\w .:/-]{0,59}$")]
KIND = FileKind(
    "design",
    DesignError,
    "`name:`, `arms:` and `control:`",
    "`hanka ab design` prints one to begin with",
    "`hanka ab design` prints one to begin with",
)


class Strict(BaseModel):
    """A part of the file."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Metric(Strict):
    """What is measured on every row, and when it counts as better or as equal."""

    name: Name = "outcome"
    "What it is called in results."
    kind: Literal["share", "mean"] = "share"
    "share: right or wrong (true, false, 1, 0); mean: a number."
    better: Literal["higher", "lower"] = "higher"
    "Which way is better."
    equivalence: float = Field(default=0.0, ge=0)
    "Half-width of what counts as equal, in the metric's units; 0: nothing does."


class Guardrail(Strict):
    """A further metric that must not get worse by more than a margin."""

    field: str = Field(min_length=1)
    "Column of the log."
    harm: float = Field(gt=0)
    "By how much it may get worse, in the metric's units."
    kind: Literal["share", "mean"] = "mean"
    "share: true, false, 1, 0; mean: a number."
    better: Literal["higher", "lower"] = "higher"
    "Which way is better."


class Fields(Strict):
    """Which column of the log holds what; a column with the default name is found by itself."""

    unit: str = Field(default="unit", min_length=1)
    "Who was assigned: a user, a device, a session."
    arm: str = Field(default="arm", min_length=1)
    "The arm it was in."
    outcome: str = Field(default="outcome", min_length=1)
    "The metric's value of this row; empty where it is not known."
    item: str = Field(default="item", min_length=1)
    "What was asked or answered: rows of one item in both arms are pairs."
    id: str = Field(default="id", min_length=1)
    "Names a row: a row that comes twice is counted once."
    time: str = Field(default="time", min_length=1)
    "When; used to tell a repeated row from a new one."
    value: str = Field(default="value", min_length=1)
    "What the row was worth to you, a number."


class Layer(Strict):
    """A share of all units that this experiment has for itself."""

    salt: str = Field(min_length=1)
    "Shared by all experiments of the layer."
    first: int = Field(ge=0, lt=SLOTS)
    "First of its slots, 0 to 999."
    last: int = Field(ge=0, lt=SLOTS)
    "Last of its slots."

    @model_validator(mode="after")
    def _ordered(self) -> Layer:
        if self.last < self.first:
            raise ValueError(f"slots {self.first} to {self.last}: the last must not come before the first")
        return self


class Limits(Strict):
    """When a log cannot carry a verdict."""

    mismatch_level: float = Field(default=0.001, gt=0, lt=0.5)
    "p-value of the sample ratio, or of missing outcomes that differ between arms, below which there is none."
    contaminated: float = Field(default=0.01, ge=0, le=1)
    "Largest share of units that were in more than one arm, or in another one than they were assigned to."
    first_look: int = Field(default=50, ge=10)
    "Units in each arm before which there is none at a test that may be looked at every hour."


class Wanted(Strict):
    """What planning supposes."""

    difference: float | None = None
    "Difference that is to be found, in the metric's units."
    rate: float | None = Field(default=None, gt=0, lt=1)
    "Share right in the control arm."
    sd: float | None = Field(default=None, gt=0)
    "Standard deviation of a row; of the differences within pairs where arms are paired."
    discordant: float | None = Field(default=None, gt=0, le=1)
    "Share of pairs that one arm alone has right."
    rows_per_unit: float = Field(default=1.0, ge=1)
    "Rows of a unit on average."
    icc: float = Field(default=0.0, ge=0, le=1)
    "Correlation of the rows of a unit."
    power: float = Field(default=0.8, gt=0.5, lt=1)
    "With which the difference is to be found."
    looks: int = Field(default=100, ge=1, le=1000)
    "Looks until the horizon, at a test that may be looked at every hour."


class Design(Strict):
    """An A/B test as agreed."""

    name: Name
    "What it is called."
    arms: dict[Name, int] = Field(min_length=2)
    "Arm → weight, a whole number: {now: 90, new: 10}."
    control: str
    "The arm that the others are compared with."
    salt: str = ""
    "What units are hashed with; empty: assigned elsewhere, and not checked."
    layer: Layer | None = None
    "Experiments of one layer with other slots never share a unit; none: all units take part."
    metric: Metric = Metric()
    guardrails: dict[Name, Guardrail] = {}
    "Name → what must not get worse."
    test: Literal["always-valid", "fixed"] = "always-valid"
    "always-valid: may be looked at every hour; fixed: read once, at the horizon."
    horizon: int | None = Field(default=None, ge=20)
    "Units of all arms together (or pairs) at which a fixed test is read, and an always-valid one is sharpest."
    level: float = Field(default=0.95, gt=0.5, lt=1)
    "Of the intervals, all comparisons with the control arm together."
    pairing: Literal["auto", "items", "none"] = "auto"
    "auto: paired where both arms answered at least half of the items; items, none: as said."
    weigh: Literal["units", "rows"] = "units"
    "Of units with several rows: each unit counts equally, or each row."
    fields: Fields = Fields()
    limits: Limits = Limits()
    wanted: Wanted = Wanted()

    @model_validator(mode="after")
    def _fits(self) -> Design:
        wrong = next((arm for arm, weight in self.arms.items() if weight < 1), None)
        if wrong is not None:
            raise ValueError(f"arm {wrong!r} has weight {self.arms[wrong]}: give a whole number of at least 1")
        if self.control not in self.arms:
            raise ValueError(f"control {self.control!r} is none of the arms: {nearest(self.control, self.arms)}")
        if self.metric.name in self.guardrails:
            raise ValueError(f"guardrail {self.metric.name!r} has the name of the metric; give it another")
        return self

    @property
    def hash(self) -> str:
        """The content id of what was agreed, 16 digits of a SHA-256."""
        # The order of the arms decides who is in which, and canonical JSON would sort it away.
        return content_id(
            {**self.model_dump(mode="json", exclude={"wanted"}), "arms": [list(pair) for pair in self.arms.items()]}
        )

    @property
    def treatments(self) -> tuple[str, ...]:
        """The arms beside the control, in the order of the file."""
        return tuple(arm for arm in self.arms if arm != self.control)


def read_design(path: Path) -> Design:
    """Read a design. Raises DesignError with file, line, key and what is allowed."""
    source = read_file(path, KIND)
    try:
        return Design.model_validate(source.values)
    except ValidationError as error:
        raise first_mistake(source, error, Design) from None


def bare_design(
    arms: Mapping[str, int], control: str, fields: Mapping[str, str], kind: Literal["share", "mean"]
) -> Design:
    """Return the design of a test that was never written down: defaults, and no margin within which arms are equal."""
    try:
        return Design(
            name="ab", arms=dict(arms), control=control, fields=Fields(**dict(fields)), metric=Metric(kind=kind)
        )
    except ValidationError as error:
        detail = error.errors(include_url=False)[0]
        said = detail.get("ctx", {}).get("error", detail["msg"])
        if detail["type"] == "string_pattern_mismatch":
            raise DesignError(f"{detail['input']!r} is no name of an arm: {NAMING}; rename it in the log") from None
        raise DesignError(f"{'.'.join(map(str, detail['loc'])) or 'the arms'}: {said}") from None


def with_wanted(design: Design, given: Mapping[str, float]) -> Design:
    """Return a design with other suppositions for planning. Raises DesignError for one that is out of range."""
    try:
        wanted = Wanted.model_validate({**design.wanted.model_dump(), **given})
    except ValidationError as error:
        detail = error.errors(include_url=False)[0]
        raise DesignError(f"--{str(detail['loc'][0]).replace('_', '-')} {detail['input']}: {detail['msg']}") from None
    return design.model_copy(update={"wanted": wanted})


def require_apart(designs: Mapping[str, Design]) -> None:
    """Raise DesignError where two experiments of one layer have a slot in common. designs: file → design."""
    placed = [(name, design.layer) for name, design in designs.items() if design.layer is not None]
    for at, (name, one) in enumerate(placed):
        for other_name, other in placed[:at]:
            if one.salt == other.salt and one.first <= other.last and other.first <= one.last:
                raise DesignError(
                    f"{name} and {other_name} share slots {max(one.first, other.first)} to {min(one.last, other.last)} of the "
                    f"layer {one.salt!r}: give one of them others"
                )


EXAMPLE = """\
# An A/B test as agreed before its first unit. `hanka ab assign|power|test … --design FILE` all read it.
name: new-answers
arms: {now: 50, new: 50}        # arm: weight, whole numbers
control: now
salt: new-answers-1             # hashed with the unit's id; a new experiment needs a new one
# layer: {salt: answers, first: 0, last: 499}   # half of all units; other slots are for other experiments
metric: {name: solved, kind: share, better: higher, equivalence: 0.02}
guardrails:
  seconds: {field: seconds, kind: mean, better: lower, harm: 0.5}
test: always-valid              # may be looked at every hour; or: fixed, read once at the horizon
horizon: 5000                   # units of all arms together; `hanka ab power` says how many are needed
level: 0.95
fields: {unit: user, arm: arm, outcome: solved, time: at}
wanted: {difference: 0.05, rate: 0.60, power: 0.8}
"""
"What `hanka ab design` prints."
