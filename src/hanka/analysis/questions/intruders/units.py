"""The variants of a run on the scenes they can be weighed on: gain, forgetting, and what an edit changes from the variant it was made of.

Evidence → **units** → `predicted.py`, `ask.py`. A unit is one variant, whatever its seed: its weights are what was counted. Forgetting is the
change out of domain, or on other tasks, turned round: positive is worse. All differences of all scenes are one family.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from hanka.analysis.contrasts import Contrasts
from hanka.analysis.evidence import CellEvidence
from hanka.analysis.pooling import SystemCells
from hanka.analysis.questions.contract import Measured
from hanka.analysis.questions.intruders.counted import Counted, Counts, Edit
from hanka.analysis.questions.retention.ask import cells_of_base, scenes_of
from hanka.analysis.questions.retention.rivals import Cells, Compared, compared_on
from hanka.analysis.systems import Scene
from hanka.stats import Contributions, Family, Moments, ratio_interval


class Differences(NamedTuple):
    """One variant less another, or less the base, upwards."""

    inside: Compared
    "In domain."
    outside: Compared
    "Elsewhere."


@dataclass(frozen=True, slots=True, eq=False)
class Unit:
    """One variant on a scene."""

    variant: Mapping[str, Any]
    "Of plan.json."
    counts: Counts | None
    "What was counted in it; None where that failed or was not asked for."
    from_base: Differences
    "From the base model."


@dataclass(frozen=True, slots=True, eq=False)
class EditUnit:
    """An edited variant on a scene."""

    edit: Edit
    "What was edited."
    unit: Unit
    "As a variant of its own."
    parent: Unit
    "The variant that was edited."
    from_parent: Differences
    "From that variant."
    beyond: Compared | None
    "Elsewhere, from the control of equal scale; None without one."


@dataclass(frozen=True, slots=True, eq=False)
class Stage:
    """A scene with what stands on it."""

    scene: Scene
    "What variants are weighed on."
    units: tuple[Unit, ...]
    "Trained variants, in the order of the plan."
    edits: tuple[EditUnit, ...]
    "Edited ones."
    n_left_out: int
    "Variants without a value on every test set."


def stages_of(contrasts: Contrasts, counted: Counted, edits: Sequence[Edit]) -> list[Stage]:
    """Compare all variants of each scene with the base, and edited ones with what they were made of."""
    by_id = {str(one.variant["id"]): one for one in edits}
    found = []
    for scene, systems in scenes_of(contrasts.evidence, contrasts):
        tests = (*scene.inside.tests, *scene.outside.tests)
        base = {test: cells_of_base(contrasts.evidence, scene.base, test) for test in tests}
        if all(base.values()):
            found.append(_stage(contrasts, counted, (scene, base, by_id), systems))
    return found


def _stage(
    contrasts: Contrasts,
    counted: Counted,
    where: tuple[Scene, Cells, Mapping[str, Edit]],
    systems: Sequence[SystemCells],
) -> Stage:
    scene, base, edits = where
    cells = {str(variant["id"]): _cells(one, str(variant["id"])) for one in systems for variant in one.variants}
    variants = {str(variant["id"]): variant for one in systems for variant in one.variants}
    units: dict[str, Unit] = {}
    for name, its in cells.items():
        found = _differences(contrasts, scene, its, base)
        if found is not None:
            units[name] = Unit(variants[name], counted.by_variant.get(name), found)
    trained = tuple(unit for name, unit in units.items() if name not in edits)
    edited = [_edited(contrasts, scene, edit, units, cells) for name, edit in edits.items() if name in units]
    return Stage(scene, trained, _against_control(contrasts, scene, edited, cells), len(cells) - len(units))


def _cells(system: SystemCells, variant: str) -> dict[str, list[CellEvidence]]:
    return {test: [one for one in its if one.variant["id"] == variant] for test, its in system.cells.items()}


def _differences(contrasts: Contrasts, scene: Scene, ours: Cells, theirs: Cells) -> Differences | None:
    tests = (*scene.inside.tests, *scene.outside.tests)
    if not all(ours.get(test) and theirs.get(test) for test in tests):
        return None
    inside, outside = (compared_on(contrasts, side, ours, theirs) for side in (scene.inside, scene.outside))
    return None if inside is None or outside is None else Differences(inside, outside)


def _edited(
    contrasts: Contrasts, scene: Scene, edit: Edit, units: Mapping[str, Unit], cells: Mapping[str, Cells]
) -> EditUnit | None:
    name = str(edit.variant["id"])
    if edit.parent not in units:
        return None
    found = _differences(contrasts, scene, cells[name], cells[edit.parent])
    return None if found is None else EditUnit(edit, units[name], units[edit.parent], found, None)


def _against_control(
    contrasts: Contrasts, scene: Scene, edited: Sequence[EditUnit | None], cells: Mapping[str, Cells]
) -> tuple[EditUnit, ...]:
    """Compare every edit of intruders with the control of its parent, scale and kind."""
    known = [one for one in edited if one is not None]
    controls = {one.edit.like: str(one.edit.variant["id"]) for one in known if one.edit.kind == "neighbours"}
    found = []
    for one in known:
        control = controls.get(one.edit.like) if one.edit.kind == "intruders" else None
        beyond = (
            None if control is None
            else compared_on(contrasts, scene.outside, cells[str(one.edit.variant["id"])], cells[control])
        )  # fmt: skip
        found.append(EditUnit(one.edit, one.unit, one.parent, one.from_parent, beyond))
    return tuple(found)


def family_of(stages: Sequence[Stage]) -> list[Compared]:
    """Return every difference that is judged, in one family: each of a scene's units once."""
    found: list[Compared] = []
    for stage in stages:
        parts = [*(one.from_base for one in stage.units)]
        for edit in stage.edits:
            parts += [edit.unit.from_base, edit.from_parent]
            found += [edit.beyond] if edit.beyond is not None else []
        found += [difference for part in parts for difference in part]
    return found


def measured(one: Compared, together: Family, turned: bool = False) -> Measured:
    """Return a difference with its simultaneous interval; turned: so that positive is worse."""
    ends = one.interval(together)
    low, high = (None, None) if ends is None else ends
    if not turned:
        return Measured(one.value, low, high, one.contrast.n)
    return Measured(
        -one.value + 0.0, None if high is None else -high + 0.0, None if low is None else -low + 0.0, one.contrast.n
    )


def share_saved(one: EditUnit, together: Family) -> Measured | None:
    """Return which share of its parent's forgetting an edit undoes; None where forgetting is not shown to lie above 0.

    Fieller's interval at the level at which all differences hold together; what varies is the test rows.
    """
    saved, forgotten = one.from_parent.outside, one.parent.from_base.outside
    top, bottom = _by_unit(saved), {test: -values for test, values in _by_unit(forgotten).items()}
    if forgotten.value >= 0 or top.keys() != bottom.keys():
        return None
    covariance, n_units = np.zeros((2, 2)), 0
    for test, values in top.items():
        both = np.stack(
            [np.pad(one, (0, max(len(values), len(bottom[test])) - len(one))) for one in (values, bottom[test])]
        )
        n = both.shape[1]
        if n < 2:
            return None
        covariance += n * np.cov(both, ddof=1)
        n_units += n - 1
    moments = Moments(
        saved.value, -forgotten.value, float(covariance[0, 0]), float(covariance[1, 1]), float(covariance[0, 1]), n_units
    )  # fmt: skip
    ends = ratio_interval(moments, together.local_level)
    if ends is None or not math.isfinite(saved.value / forgotten.value):
        return None
    return Measured(-saved.value / forgotten.value, ends.low, ends.high, min(saved.contrast.n, forgotten.contrast.n))


def _by_unit(one: Compared) -> dict[str, Any]:
    """Return test set → (units,) what each unit adds to a difference, upwards."""
    parts: Sequence[Contributions] = one.contrast.contributions
    return {str(part.where): one.sign * part.values for part in parts}
