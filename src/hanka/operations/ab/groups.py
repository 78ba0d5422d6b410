"""Answers → what is compared: the units of each arm, or pairs where both arms answered the same item.

Third step of `hanka ab test`. Several rows of one unit are one unit. A unit that was in more than one arm saw both and is of neither:
it is left out and counted. Arms are paired where at least half of the items have an answer of both, the same unit having asked
where the log has units; an item that one arm alone answered is left out and counted.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from hanka.errors import DataError
from hanka.operations.ab.assignment import assigned_arm
from hanka.operations.ab.design import Design
from hanka.operations.ab.logs import Answer, Log
from hanka.stats.resampling import FloatArray

PAIRED_FROM = 0.5
"Share of items with an answer of both arms from which they are paired, where the design leaves it open."

Key = tuple[str, str]


class Units(NamedTuple):
    """The units of one arm that have a value of one metric."""

    sums: FloatArray
    "(units,) of each unit's rows."
    sizes: FloatArray
    "(units,) rows of each unit."
    n_missing: int
    "Units of the arm without any value."
    missing: FloatArray = np.zeros(0)
    "(units of the arm,) share of each one's rows without a value; empty where nobody asks."

    @property
    def n(self) -> int:
        """Units with a value."""
        return len(self.sums)

    @property
    def n_rows(self) -> int:
        """Rows with a value."""
        return int(self.sizes.sum())


class Pairs(NamedTuple):
    """Values of two arms on the same items."""

    a: FloatArray
    "(pairs,) of the arm."
    b: FloatArray
    "(pairs,) of the control arm."
    units: tuple[str, ...]
    "(pairs,) who asked; empty where each pair stands alone."
    only_a: int
    "Items that the arm alone answered."
    only_b: int
    "Items that the control arm alone answered."


class Arms(NamedTuple):
    """A log, sorted by who was in which arm."""

    is_paired: bool
    n_items: int
    "Items of the log; 0: it has none."
    n_both: int
    "Items with an answer of the control arm and of another."
    n_units: Mapping[str, int]
    "Arm → units, contaminated ones left out."
    n_contaminated: int
    "Units that were in more than one arm; 0 where arms are paired."
    n_misassigned: int
    "Units in another arm than the design's hash gives them; 0 where it is not checked."
    left_out: Mapping[str, int]
    "Why answers stand in no comparison of the metric → how many."
    answers: Mapping[str, tuple[Answer, ...]]
    "Arm → answers that are compared."

    def units(self, arm: str, column: int) -> Units:
        """Return the units of an arm by a column of the log's values."""
        sums: dict[str, float] = defaultdict(float)
        sizes: dict[str, int] = defaultdict(int)
        everyone: dict[str, int] = defaultdict(int)
        for answer in self.answers[arm]:
            everyone[answer.unit] += 1
            value = answer.values[column]
            if value is not None:
                sums[answer.unit] += value
                sizes[answer.unit] += 1
        rows = np.array([sizes[unit] for unit in sums], dtype=np.float64)
        missing = np.array([1 - sizes.get(unit, 0) / n for unit, n in everyone.items()], dtype=np.float64)
        return Units(np.array(list(sums.values()), dtype=np.float64), rows, len(everyone) - len(sums), missing)

    def pairs(self, arm: str, control: str, column: int, has_units: bool) -> Pairs:
        """Return an arm's and the control arm's values on the items that both answered; several answers of an arm are averaged."""
        a, b = (_by_item(self.answers[one], column, has_units) for one in (arm, control))
        both = [key for key in a if key in b]
        units = tuple(key[0] for key in both) if has_units else ()
        values = [np.array([side[key] for key in both], dtype=np.float64) for side in (a, b)]
        return Pairs(values[0], values[1], units, len(a) - len(both), len(b) - len(both))


def sort_arms(log: Log, design: Design) -> Arms:
    """Decide whether arms are paired, and leave out who was in more than one where they are not.

    Raises DataError where the design says `pairing: items` and the log has no items.
    """
    if design.pairing == "items" and "item" not in log.has:
        raise DataError(
            f"`pairing: items`, but the log has no column {design.fields.item!r}; map it with `fields: item`"
        )
    has_units, by_unit = "unit" in log.has, _arms_by_unit(log)
    keyed = _arms_by_item(log, has_units) if "item" in log.has else {}
    n_both = sum(1 for arms in keyed.values() if design.control in arms and len(arms) > 1)
    is_paired = design.pairing == "items" or (
        design.pairing == "auto" and bool(keyed) and n_both >= PAIRED_FROM * len(keyed)
    )
    mixed = {unit for unit, arms in by_unit.items() if len(arms) > 1} if not is_paired else set()
    wrong = 0
    if design.salt and not is_paired:
        wrong = sum(1 for unit, arms in by_unit.items() if unit not in mixed and assigned_arm(design, unit) not in arms)
    kept = {arm: tuple(one for one in log.answers if one.arm == arm and one.unit not in mixed) for arm in design.arms}
    n_units = {arm: len({answer.unit for answer in answers}) for arm, answers in kept.items()}
    left_out = _unpaired_rest(log, kept) if not is_paired else _paired_rest(log, design.control, has_units)
    return Arms(is_paired, len(keyed), n_both, n_units, len(mixed), wrong, left_out, kept)


def _arms_by_unit(log: Log) -> dict[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for answer in log.answers:
        found[answer.unit].add(answer.arm)
    return found


def _arms_by_item(log: Log, has_units: bool) -> dict[Key, set[str]]:
    found: dict[Key, set[str]] = defaultdict(set)
    for answer in log.answers:
        if answer.item:
            found[answer.unit if has_units else "", answer.item].add(answer.arm)
    return found


def _unpaired_rest(log: Log, kept: Mapping[str, tuple[Answer, ...]]) -> dict[str, int]:
    without = sum(1 for answers in kept.values() for answer in answers if answer.values[0] is None)
    return {
        "contaminated": len(log.answers) - sum(map(len, kept.values())),
        "without_outcome": without,
    }


def _paired_rest(log: Log, control: str, has_units: bool) -> dict[str, int]:
    valued = [answer for answer in log.answers if answer.item and answer.values[0] is not None]
    arms = _arms_by_item(log._replace(answers=tuple(valued)), has_units)
    whole = {key for key, found in arms.items() if control in found and len(found) > 1}
    without_item = sum(1 for answer in log.answers if not answer.item)
    return {
        "without_item": without_item,
        "without_outcome": len(log.answers) - without_item - len(valued),
        "one_arm_only": sum(1 for one in valued if (one.unit if has_units else "", one.item) not in whole),
    }


def _by_item(answers: tuple[Answer, ...], column: int, has_units: bool) -> dict[Key, float]:
    found: dict[Key, list[float]] = defaultdict(list)
    for answer in answers:
        value = answer.values[column]
        if value is not None and answer.item:
            found[answer.unit if has_units else "", answer.item].append(value)
    return {key: sum(values) / len(values) for key, values in found.items()}
