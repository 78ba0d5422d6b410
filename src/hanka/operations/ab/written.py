"""An A/B result and a plan as JSON: for machines, with every number's n and interval beside it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from hanka.operations.ab.effects import Effect, Side
from hanka.operations.ab.judged import Judged, Result
from hanka.operations.ab.planning import Plan
from hanka.stats import Interval


def as_json(result: Result) -> dict[str, Any]:
    """Return a result as JSON-like values."""
    design, arms = result.design, result.arms
    return {
        "design": {
            "name": design.name, "hash": design.hash, "given": result.is_agreed, "content": design.model_dump(mode="json"),
        },
        "verdict": result.verdict,
        "exit_code": result.exit_code,
        "decides": "one look" if design.test == "fixed" else "every look",
        "paired": arms.is_paired,
        "items": {"n": arms.n_items, "n_both": arms.n_both},
        "units": {**arms.n_units},
        "results": [_judged(one, result) for one in result.judged],
        "guardrails": [
            {**_effect(one.effect, result), "harm": one.rail.harm, "interval": _ends(one.decides), "outcome": one.outcome,
             "reasons": list(one.reasons)}
            for one in result.kept
        ],
        "value": [{key: item for key, item in _judged(one, result).items() if key != "verdict"} for one in result.valued],
        "checks": [check._asdict() for check in result.checks],
        "rows": {
            "all": result.counted.rows, "compared": result.n_used, **result.counted.found, "left_out": {**arms.left_out},
            "places": result.counted.places,
        },
    }  # fmt: skip


def plan_as_json(plan: Plan) -> dict[str, Any]:
    """Return a plan as JSON-like values."""
    design = plan.design
    return {
        "design": {"name": design.name, "hash": design.hash},
        "kind": plan.kind,
        "test": design.test,
        "alpha_of_each_arm": plan.alpha,
        "supposed": design.wanted.model_dump(mode="json"),
        "arms": [{**one._asdict(), "often": one.often._asdict()} for one in plan.arms],
        "horizon": plan.horizon,
    }


def _judged(one: Judged, result: Result) -> dict[str, Any]:
    return {
        **_effect(one.effect, result),
        "once": {"interval": _ends(one.once), "interval_alone": _ends(one.alone), "p_value": one.p_once},
        "always": {"interval": _ends(one.always), "p_value": one.p_always},
        "verdict": one.verdict,
        "reasons": list(one.reasons),
    }


def _effect(effect: Effect, result: Result) -> dict[str, Any]:
    return {
        "arm": effect.arm,
        "control": result.design.control,
        "metric": effect.metric,
        "delta": effect.delta,
        "n_units": effect.n_units,
        "method": effect.method,
        "of_arm": _side(effect.a),
        "of_control": _side(effect.b),
    }


def _side(side: Side) -> dict[str, Any]:
    return asdict(side)


def _ends(interval: Interval | None) -> list[float] | None:
    return None if interval is None else [interval.low, interval.high]
