"""What a planned variant trains on: its rows by task, each with demonstrations of its own data set."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from planned_studies import planned

MIXES: dict[str, Any] = {
    "mix": {"recipe": {"concat": {"of": {"shop": 0.5, "news": 0.5}}}},
    "lopsided": {"recipe": {"concat": {"of": {"shop": 100, "news": 1}}}},
}


def test_the_rows_of_a_mix_are_shown_with_demonstrations_of_their_own_data_set(tiny_folder: Path) -> None:
    plan = planned(tiny_folder, datasets=MIXES, methods=["base", {"fticl": {"on": ["mix", "lopsided"]}}])
    for variant in plan.variants.values():
        for part in variant.data().parts:
            (dataset,) = (one.dataset for one in variant.training.parts if one.task is part.task)  # type: ignore[union-attr]
            own = plan.data.training_demonstrations(dataset, variant.variant.seed)
            assert part.demonstrations == own
            assert len(part.demonstrations) >= 2
    assert [len(one.data().parts) for one in plan.variants.values()] == [0, 2, 1]
