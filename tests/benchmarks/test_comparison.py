from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks.comparison import Agreement, Comparison, DisagreementError
from benchmarks.scoring import agreement
from benchmarks.training import largest_difference

from benchmarks import run, table


def comparison(*agreements: Agreement) -> Comparison:
    return Comparison("scoring, 4 shots", "peer", [1.0, 2.0, 1.5], [6.0, 4.0, 3.0], agreements, 3.5)


def test_the_ratio_is_that_of_medians_and_its_range_that_of_pairs() -> None:
    found = comparison(Agreement("equal choices", 1.0, 0.995, True)).as_json()
    assert found["ratio"] == pytest.approx(4.0 / 1.5)
    assert found["ratio_range"] == [2.0, 6.0]


@pytest.mark.parametrize(
    "agreements",
    [
        (),
        (Agreement("equal choices", 0.99, 0.995, True),),
        (Agreement("loss difference", 2e-3, 1e-3, False),),
        (Agreement("loss difference", float("nan"), 1e-3, False),),
        (Agreement("equal choices", 1.0, 0.995, True), Agreement("loss difference", float("inf"), 1e-3, False)),
    ],
)
def test_there_is_no_ratio_where_outputs_differ_or_were_not_compared(agreements: tuple[Agreement, ...]) -> None:
    asked = comparison(*agreements)
    with pytest.raises(DisagreementError, match="no ratio"):
        asked.ratio()
    stored = asked.as_json()
    assert stored["ratio"] is None
    assert "×**" not in table.row(stored)


def test_a_row_shows_median_range_ratio_floor_and_agreement() -> None:
    text = table.row(comparison(Agreement("equal | choices", 1.0, 0.995, True)).as_json() | {"target": 2.0})
    for part in ("1.5 s (1.0–2.0)", "4.0 s (3.0–6.0), peer", "**2.67×** (2.00–6.00)", "3.50×", "≥ 0.995", "≥ 2×"):
        assert part in text
    assert text.count("|") - text.count("\\|") == table.HEADER.splitlines()[0].count("|")


@pytest.mark.parametrize(("mib", "met"), [(100.0, True), (100.1, False)])
def test_memory_has_a_target_where_one_is_set(mib: float, met: bool) -> None:
    one = Comparison("FTICL x", "peer", [1.0], [4.0], (Agreement("loss", 0.0, 1e-3, False),), 3.5, mib, 200.0)
    targets = {
        "target": run.target_of("FTICL sentiment", run.TARGETS),
        "memory_target": run.target_of("FTICL x", run.MEMORY_TARGETS),
    }
    assert targets == {"target": 3.0, "memory_target": 0.5}
    stored = one.as_json() | targets
    assert run._good({"comparisons": [stored]}) is met
    assert "/ 200 = 0.50" in table.row(stored)
    assert "≥ 3×, memory ≤ 0.5" in table.row(stored)
    assert run.target_of("FT sentiment, plain Trainer", run.TARGETS) is None


def test_the_page_holds_every_stored_file() -> None:
    stored = comparison(Agreement("equal choices", 1.0, 0.995, True)).as_json()
    machine = {"processor": "X", "cores": 2, "memory_gib": 8, "torch_threads": 2, "versions": {"torch": "1"}}
    scale = {"found": {"plan": {"seconds": 2.0, "target": {"seconds": 3.0}, "met": True}, "machine": {"cores": 2}}}
    costs = {"found": {"one more size": {"predicted_seconds": 2.5, "measured_seconds": 2.0, "met": True}}}
    text = table.page({"scoring": {"machine": machine, "comparisons": [stored]}, "scale": scale, "costs": costs})
    assert "## scoring" in text
    assert "X, 2 cores" in text
    assert "| plan | seconds 2 | seconds 3 | yes |" in text
    assert "| one more size | predicted_seconds 2.5, measured_seconds 2 | – | yes |" in text


def test_a_missed_target_or_a_disagreement_fails_the_run() -> None:
    stored = comparison(Agreement("equal choices", 1.0, 0.995, True)).as_json()
    assert run._good({"comparisons": [stored | {"target": 2.0}]})
    assert not run._good({"comparisons": [stored | {"target": 3.0}]})
    assert not run._good({"comparisons": [comparison().as_json() | {"target": None}]})
    assert not run._good({"found": {"plan": {"met": False}}})


def test_choices_are_compared_item_by_item() -> None:
    share, gap = agreement([[-1.0, -2.0], [-3.0, -1.0]], [[-1.5, -2.0], [-1.0, -3.0]])
    assert share == 0.5
    assert gap == 2.0
    with pytest.raises(ValueError, match="cannot be compared"):
        agreement([[-1.0]], [])


def test_losses_of_unequal_step_counts_never_agree() -> None:
    assert largest_difference([1.0, 2.0], [1.0, 2.002]) == pytest.approx(1e-3, rel=0.01)
    assert largest_difference([1.0], [1.0, 2.0]) == float("inf")
    assert largest_difference([], []) == float("inf")
