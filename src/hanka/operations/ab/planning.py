"""How many units an A/B test needs: the design's metric, weights, level and test, with what is supposed of the data.

`hanka ab power`. The statistics are those of `stats.planning`; what is supposed (a rate, a spread, correlation within units) is
repeated with the answer, because a plan is no better than it.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from hanka.errors import DesignError
from hanka.operations.ab.design import Design
from hanka.stats.planning import (
    Often,
    Signal,
    clustered,
    means_signal,
    often_to_show,
    paired_means_signal,
    paired_shares_signal,
    power_of_looks,
    power_of_one_look,
    shares_signal,
    units_to_show,
)


class ArmPlan(NamedTuple):
    """What one arm against the control needs."""

    arm: str
    once: int
    "Units of both arms (or pairs) for one look."
    often: Often
    "For as many looks as one likes."
    per_arm: tuple[int, int]
    "Units of the arm and of the control for the design's test; of pairs, the pairs."
    n_rows: int
    "Rows of both for the design's test."
    horizon_power: float | None
    "With which the design's horizon finds the difference; None where it has none."


class Plan(NamedTuple):
    """What an A/B test needs."""

    design: Design
    kind: Literal["unpaired", "paired"]
    alpha: float
    "Of each arm, all arms sharing what may be wrong equally."
    arms: tuple[ArmPlan, ...]
    horizon: int
    "Units of all arms together (or pairs) that the design's test needs: what `horizon` should say."


def plan_test(design: Design, is_paired: bool) -> Plan:
    """Plan a test. Raises DesignError where what planning supposes is missing or does not fit."""
    alpha = (1 - design.level) / len(design.treatments)
    arms = tuple(_plan_arm(design, arm, is_paired, alpha) for arm in design.treatments)
    # Every comparison needs its own units; the largest demand decides what all arms get together.
    whole = max(
        _needed(design, one)
        if is_paired
        else -(-_needed(design, one) * sum(design.arms.values()) // _weight(design, one.arm))
        for one in arms
    )
    return Plan(design, "paired" if is_paired else "unpaired", alpha, arms, whole)


def _plan_arm(design: Design, arm: str, is_paired: bool, alpha: float) -> ArmPlan:
    wanted, both = design.wanted, _weight(design, arm)
    share = design.arms[arm] / both
    try:
        row = _signal(design, share, is_paired)
        signal = clustered(row, wanted.rows_per_unit, wanted.icc)
        once, often = (
            units_to_show(signal, alpha, wanted.power),
            often_to_show(signal, alpha, wanted.power, wanted.looks),
        )
    except ValueError as error:
        raise DesignError(f"wanted: {error}") from None
    needed = once if design.test == "fixed" else often.units
    mine = round(needed * share)
    power = None
    if design.horizon is not None:
        units = design.horizon if is_paired else max(2, round(design.horizon * both / sum(design.arms.values())))
        fixed = design.test == "fixed"
        power = (
            power_of_one_look(signal, units, alpha)
            if fixed
            else power_of_looks(signal, units, alpha, wanted.looks).power
        )
    per_arm = (needed, needed) if is_paired else (mine, needed - mine)
    return ArmPlan(arm, once, often, per_arm, round(sum(per_arm) * wanted.rows_per_unit), power)


def _signal(design: Design, share: float, is_paired: bool) -> Signal:
    wanted, is_share = design.wanted, design.metric.kind == "share"
    difference = _given(wanted.difference, "difference", "how large a difference is to be found")
    if is_paired and is_share:
        return paired_shares_signal(
            difference, _given(wanted.discordant, "discordant", "share of items one arm alone has right")
        )
    if is_paired:
        return paired_means_signal(
            difference, _given(wanted.sd, "sd", "standard deviation of the differences within pairs")
        )
    if is_share:
        return shares_signal(_given(wanted.rate, "rate", "share right in the control arm"), difference, share)
    return means_signal(difference, _given(wanted.sd, "sd", "standard deviation of a row"), share)


def _given(value: float | None, name: str, what: str) -> float:
    if value is None:
        raise DesignError(f"wanted.{name} is missing: give --{name}, the {what}, or write it into the design")
    return value


def _weight(design: Design, arm: str) -> int:
    return design.arms[arm] + design.arms[design.control]


def _needed(design: Design, plan: ArmPlan) -> int:
    return plan.once if design.test == "fixed" else plan.often.units
