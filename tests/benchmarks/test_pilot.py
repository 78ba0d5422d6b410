"""The pilot behind the defaults of training: what it would run, and how it weighs what it found."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks.pilot import CORPORA, RATES, carry_out, study, summarised, trials

from hanka.plan import build_plan
from hanka.study.resolve import resolve
from hanka.study.source import parse_source
from hanka.tuners import TUNERS


def run(dataset: str, tuner: str, rate: float, *losses: float, status: str = "done") -> dict[str, Any]:
    fit = [
        {"rows": "validation", "when": "before", "metric": "loss", "n": 50, "value": 4.0},
        {"rows": "train", "when": "after", "metric": "accuracy", "n": 40, "value": 0.9},
    ]
    looks = [{"step": 5 * place, "loss": loss, "accuracy": 0.8} for place, loss in enumerate(losses, start=1)]
    return {"dataset": dataset, "tuner": tuner, "rate": rate, "n_rows": 40, "status": status, "fit": fit, "checkpoints": looks}  # fmt: skip


def test_a_score_is_the_lowest_validation_loss_over_that_before_training_averaged_over_data_sets() -> None:
    runs = [run("a", "lora", 1e-3, 2.0, 1.0, 3.0), run("b", "lora", 1e-3, 3.0, 2.0, 2.0), run("a", "lora", 1e-2, 8.0)]
    best, other = summarised(runs)
    assert (best["rate"], best["datasets"]) == (1e-3, ["a", "b"])
    assert best["score"] == pytest.approx((1.0 / 4 + 2.0 / 4) / 2)
    assert best["last_score"] == pytest.approx((3.0 / 4 + 2.0 / 4) / 2)
    assert other["score"] == 2.0


def test_a_training_that_diverged_has_no_score() -> None:
    assert summarised([run("a", "lora", 1.0, status="failed")]) == []


def test_every_tuner_is_tried_at_its_middle_rate_before_any_neighbour() -> None:
    found = list(trials())
    assert set(RATES) <= set(TUNERS.names())
    assert [(one.tuner, one.rate) for one in found[:4]] == [(tuner, rates[0]) for tuner, rates in RATES.items()]
    assert len(set(found)) == len(found)
    assert {one.dataset for one in found} == set(CORPORA)


def test_a_trial_is_a_study_that_is_looked_at_half_way_and_at_the_end(
    tiny_folder: Path, tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.setattr("benchmarks.pilot.BASE", str(tiny_folder))
    one = next(trial for trial in trials() if trial.tuner == "bitfit")
    toy = study(one) | {"data": {"source": "toy"}, "tasks": {"sentiment": {}}}
    toy["train"] |= {"sizes": [8], "validation": 0.3}
    monkeypatch.setattr("benchmarks.pilot.study", lambda _trial: toy)
    assert build_plan(resolve(parse_source(str(toy), tmp_path / "study.yaml"))).units()
    found = carry_out(one, tmp_path)
    assert found["status"] == "done", found["reason"]
    assert [look["step"] for look in found["checkpoints"]] == [2, 4]
    assert summarised([found])[0]["tuner"] == "bitfit"
