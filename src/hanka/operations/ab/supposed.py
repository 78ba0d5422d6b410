"""The design of a log that comes without one: arms and the kind of metric are read from the rows, the rest are defaults.

`hanka ab test LOGS --control ARM`. Nothing here is chosen by what came out better: only names, and whether outcomes are right or wrong.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from hanka.errors import DataError, DesignError, nearest
from hanka.operations.ab.design import Design, Fields, bare_design
from hanka.operations.ab.logs import arms_of, kind_of, log_rows

MOST_ARMS = 10
"More values in the column of arms are no arms."
USUAL = ("control", "baseline", "a")
"Names of a control arm that need not be said."


def supposed_design(
    paths: Sequence[Path], control: str, weights: Mapping[str, str], fields: Mapping[str, str]
) -> tuple[Design, bool]:
    """Return a design by defaults, and whether its weights were given. Raises DataError or DesignError for what does not fit."""
    unknown = next((name for name in fields if name not in Fields.model_fields), None)
    if unknown is not None:
        raise DesignError(f"--fields names {unknown!r}: {nearest(unknown, Fields.model_fields)}")
    rows, columns = log_rows(paths), Fields(**dict(fields))
    names = {name for row in rows for name in row.values}
    for role in ("arm", "outcome"):
        if getattr(columns, role) not in names:
            column = getattr(columns, role)
            raise DataError(
                f"{paths[0]} has no column {column!r}: {nearest(column, names)}; or say --fields {role}=COLUMN"
            )
    arms = tuple(weights) or arms_of(rows, columns)
    if not 2 <= len(arms) <= MOST_ARMS:
        raise DataError(
            f"{paths[0]}: column {columns.arm!r} holds {len(arms)} arms, such as {list(arms)[:3]}: need 2 to {MOST_ARMS}"
        )
    usual = [arm for arm in arms if arm.casefold() in USUAL]
    if not control and len(usual) != 1:
        raise DesignError(f"which arm is the control? Say --control ARM, one of {', '.join(arms)}")
    kind = kind_of(rows, columns.outcome)
    design = bare_design({arm: _weight(weights.get(arm, "1")) for arm in arms}, control or usual[0], fields, kind)
    return design, bool(weights)


def _weight(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise DesignError(f"--weights {text!r} is not a whole number: write now=90,new=10") from None
