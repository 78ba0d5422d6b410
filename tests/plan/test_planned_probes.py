"""Which probes are planned: of what has weights in the place of its base's, and the others are named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from planned_studies import planned

ENTRIES: list[Any] = [
    "base",
    {"sft": {"name": "lora", "on": "shop"}},
    {"sft": {"name": "prompts", "peft": "prompt_tuning", "on": "shop"}},
    {"sft": {"name": "networks", "peft": "bottleneck", "on": "shop"}},
    {"select": {"name": "either", "of": ["lora", "networks"]}},
    {"select": {"name": "one of two", "of": ["lora", "full"]}},
    {"sft": {"name": "full", "peft": "none", "on": "shop"}},
]


def test_weights_are_measured_where_they_change_and_the_plan_names_the_rest(tiny_folder: Path) -> None:
    train = {"sizes": [8], "validation": 0.2}
    plan = planned(tiny_folder, methods=ENTRIES, probes=["weight_distance"], train=train)
    assert {plan.variants[one.variant_id].variant.label for one in plan.probes.values()} == {
        "lora",
        "full",
        "one of two",
    }
    notes = [one for one in plan.notes if "is not measured by weight_distance" in one]
    assert [one.split(" is not")[0] for one in notes] == ["prompts", "networks", "either"]
    assert "prompt_tuning changes no weights of the base, because it puts vectors before a row" in notes[0]
