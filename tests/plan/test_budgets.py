"""`match: trainable_parameters` through the plan: sizes in ids, notes with counts, and budgets that are none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hanka.errors import StudyError
from hanka.tuners import TUNERS
from planned_studies import planned, small, variants

ENTRIES = ["base", "sft", {"sft": {"name": "houlsby", "peft": "bottleneck"}}, {"sft": {"name": "ia3", "peft": "ia3"}}]


def plan_with(folder: Path, **train: Any) -> Any:
    return planned(folder, tasks={"sentiment": {}}, methods=ENTRIES, train={"sizes": [8]} | train)


def test_sizes_are_set_to_the_budget_of_another_entry_and_the_plan_says_how_near(tiny_folder: Path) -> None:
    plain, plan = plan_with(tiny_folder), plan_with(tiny_folder, match="trainable_parameters", budget="sft")
    (lora,), (before,) = variants(plan, "sft"), variants(plain, "sft")
    assert lora.variant.id == before.variant.id
    (houlsby,), (unmatched,) = variants(plan, "houlsby"), variants(plain, "houlsby")
    assert houlsby.variant.id != unmatched.variant.id
    size = houlsby.variant.params["adapter_size"]
    tuner = TUNERS.get("bottleneck")
    assert 2 * 2 * (2 * 32 * size + size + 32) == tuner.n_trained(
        _config(tiny_folder), tuner.own({"adapter_size": size})
    )
    notes = [note for note in plan.notes if "of the budget of 8,192" in note]
    assert any(f"houlsby on tiny: adapter_size {size}: " in note for note in notes)
    assert any(
        "ia3 on tiny: ia3 has no size and stays: 192 weights train, -97.7% of the budget" in note for note in notes
    )
    assert not any("budget" in note for note in plain.notes)


def test_every_base_has_sizes_of_its_own(tiny_folder: Path) -> None:
    bases = [{"model": str(tiny_folder), "name": "tiny"}, small(tiny_folder)]
    plan = planned(
        tiny_folder, base=bases, tasks={"sentiment": {}}, methods=ENTRIES,
        train={"sizes": [8], "match": "trainable_parameters", "budget": 2000},
    )  # fmt: skip
    made = [one.variant for one in plan.variants.values() if one.variant.label == "sft"]
    ranks = {one.base: one.params["r"] for one in made}
    per_rank = {"tiny": 2 * 512, "small": 2 * ((16 + 16) + 2 * (16 + 8) + (16 + 16) + 3 * (16 + 32))}
    assert ranks == {base: round(2000 / each) for base, each in per_rank.items()}


@pytest.mark.parametrize(
    ("train", "says"),
    [
        ({}, "trainable_parameters needs a budget"),
        ({"budget": 0}, "0 weights are no budget"),
        ({"budget": "stf"}, "'stf' is no entry that trains.*sft"),
        ({"budget": "base"}, "'base' is no entry that trains"),
    ],
    ids=str,
)
def test_a_budget_that_is_none_is_one_line(tiny_folder: Path, train: dict[str, Any], says: str) -> None:
    with pytest.raises(StudyError, match=says) as caught:
        plan_with(tiny_folder, match="trainable_parameters", **train)
    assert "\n" not in str(caught.value)


def _config(folder: Path) -> dict[str, Any]:
    import json

    return json.loads((folder / "config.json").read_text())  # type: ignore[no-any-return]
