"""A run corrects the next estimate where it worked long enough to say something of the machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from fake_runs import write_study
from hanka.costs import speed
from hanka.costs.estimate import Estimator
from hanka.plan import Plan, build_plan
from hanka.store.folder import RunFolder, write_json
from hanka.study.resolve import load_study
from hanka.work.measured import correct


@pytest.fixture
def plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Plan:
    monkeypatch.setenv("HANKA_CACHE", str(tmp_path / "cache"))
    return build_plan(load_study(write_study(tmp_path)))


def answered(plan: Plan, folder: RunFolder, seconds: float) -> float:
    """Write cells that took so many seconds together; return what was estimated for them."""
    costs = Estimator(plan)
    for cell in plan.cells.values():
        write_json(folder.cell(cell.cell.id) / "cell.json", {"status": "done", "seconds": seconds / len(plan.cells)})
    return sum(costs.cell(cell).seconds for cell in plan.cells.values())


def test_a_long_run_scales_the_speed_by_measured_over_estimated(plan: Plan, tmp_path: Path) -> None:
    estimated = answered(plan, RunFolder(tmp_path / "run"), 60.0)
    correct(plan, RunFolder(tmp_path / "run"))
    assert speed.known_speed(plan.study.models[0]) is not None
    corrected = sum(Estimator(plan).cell(cell).seconds for cell in plan.cells.values())
    assert corrected == pytest.approx(60.0, rel=0.05)  # what does not scale with the speed stays
    assert estimated != pytest.approx(60.0, rel=0.1)


@pytest.mark.parametrize(("seconds", "is_corrected"), [(4.9, False), (5.1, True)])
def test_a_short_run_says_more_of_the_moment_than_of_the_machine(
    plan: Plan, tmp_path: Path, seconds: float, is_corrected: bool
) -> None:
    answered(plan, RunFolder(tmp_path / "run"), seconds)
    correct(plan, RunFolder(tmp_path / "run"))
    assert (speed.known_speed(plan.study.models[0]) is not None) == is_corrected
