"""What a study leaves open is settled by the plan, stands in its files, and what it states stays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from hanka.methods import defaults
from hanka.methods.defaults import pace_of
from hanka.plan import build_plan
from hanka.plan.written import study_yaml
from hanka.study.resolve import resolve
from hanka.study.source import parse_source
from hanka.training.pace import USUAL, Pace
from hanka.tuners import TUNERS
from planned_studies import planned, resolved, the, variants

STATED = {"epochs": 3, "learning_rate": 5e-4, "warmup_ratio": 0.1}


def by_size(tuner: str, n_rows: int) -> Pace:
    """A table whose every value can be told from another."""
    return Pace(1000 // n_rows, 1e-3 if tuner == "lora" else 1e-5, 0.25)


@pytest.fixture
def told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(defaults, "pace_of", by_size)


@pytest.mark.parametrize("tuner", [*TUNERS.names(), "one of another package"])
@pytest.mark.parametrize("n_rows", [1, 40, 64, 400, 6000])
def test_every_tuner_has_a_pace_that_can_be_trained_with(tuner: str, n_rows: int) -> None:
    pace = pace_of(tuner, n_rows)
    assert pace.epochs >= 1
    assert 0 < pace.learning_rate < 0.1
    assert 0 <= pace.warmup_ratio < 1


def test_the_smallest_study_is_read_often_enough_to_be_fitted() -> None:
    assert [pace_of("lora", n_rows).epochs for n_rows in (2, 16, 40, 64, 96, 160, 6000)] == [10, 10, 4, 3, 2, 1, 1]


def test_more_rows_are_never_read_more_often() -> None:
    for tuner in TUNERS.names():
        epochs = [pace_of(tuner, n_rows).epochs for n_rows in (10, 40, 100, 400, 1000, 6000)]
        assert epochs == sorted(epochs, reverse=True)


@pytest.mark.usefixtures("told_apart")
def test_what_is_left_open_is_settled_by_tuner_and_rows_and_stands_in_the_plan(tiny_folder: Path) -> None:
    full = {"sft": {"name": "full", "peft": "none"}}
    plan = planned(tiny_folder, tasks={"sentiment": {}}, methods=["base", "sft", full], train={"sizes": [8, 16]})
    for label, rate in (("sft", 1e-3), ("full", 1e-5)):
        for one, size in zip(variants(plan, label), (8, 16), strict=True):
            assert one.adaptation.train.pace == Pace(1000 // size, rate, 0.25)
            said = {name: one.variant.params[name] for name in Pace._fields}
            assert said == one.adaptation.train.pace._asdict()
    written = plan.as_json()["variants"]
    assert {one["params"]["learning_rate"] for one in written if one["label"] == "full"} == {1e-5}


@pytest.mark.usefixtures("told_apart")
def test_a_stated_value_always_wins_and_ids_do_not_depend_on_the_table(
    tiny_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ids() -> list[str]:
        return list(planned(tiny_folder, train={"sizes": [8]} | STATED).variants)

    one = the(planned(tiny_folder, tasks={"sentiment": {}}, train={"sizes": [8]} | STATED), "sft")
    assert one.adaptation.train.pace._asdict() == STATED
    before = ids()
    monkeypatch.setattr(defaults, "pace_of", lambda _tuner, _rows: USUAL)
    assert ids() == before


@pytest.mark.usefixtures("told_apart")
def test_a_stated_rate_comes_without_warm_up_unless_that_is_stated_too(tiny_folder: Path) -> None:
    stated = {"sizes": [8], "epochs": 1, "learning_rate": 1e-4}
    found = the(planned(tiny_folder, tasks={"sentiment": {}}, train=stated), "sft")
    assert found.adaptation.train.pace == Pace(1, 1e-4, 0.0)


@pytest.mark.usefixtures("told_apart")
def test_the_resolved_study_says_what_was_settled_and_gives_the_same_ids_whatever_the_table(
    tiny_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entries: list[Any] = ["base", "sft", {"sft": {"name": "own", "epochs": 2}}]
    study = resolved(tiny_folder, tasks={"sentiment": {}}, methods=entries, train={"sizes": [8]})
    text = study_yaml(study)
    read = yaml.safe_load(text)["methods"]
    assert {name: read[1]["sft"][name] for name in Pace._fields} == {
        "epochs": 125, "learning_rate": 1e-3, "warmup_ratio": 0.25
    }  # fmt: skip
    assert read[2]["sft"]["epochs"] == 2
    before = list(build_plan(study).variants)
    monkeypatch.setattr(defaults, "pace_of", lambda _tuner, _rows: USUAL)
    again = resolve(parse_source(text, tiny_folder.parent / "study.yaml"))
    assert list(build_plan(again).variants) == before


@pytest.mark.usefixtures("told_apart")
def test_what_differs_by_size_is_a_comment_of_the_resolved_study(tiny_folder: Path) -> None:
    study = resolved(tiny_folder, tasks={"sentiment": {}}, methods=["base", "sft"], train={"sizes": [8, 16]})
    text = study_yaml(study)
    assert text.endswith("# sft: epochs by default 125 (shop, 8 rows), 62 (shop, 16 rows)\n")
    written = yaml.safe_load(text)["methods"][1]["sft"]
    assert {name: written[name] for name in Pace._fields if name in written} == {
        "learning_rate": 1e-3, "warmup_ratio": 0.25
    }  # fmt: skip
    assert yaml.safe_load(text)["train"]["epochs"] is None
