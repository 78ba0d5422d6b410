"""Estimates: what is shared counts once, parts add up, and the probe leaves the model as it was."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from hanka.costs import speed
from hanka.costs.estimate import Estimator
from hanka.costs.speed import Speed, Training, guessed_speed, known_speed, measure_speed, remember_speed, speed_file
from hanka.engines.contract import LabelAnswer
from hanka.engines.local import LocalEngine
from hanka.plan import Plan, build_plan
from hanka.prompting import Query
from hanka.store.folder import RunFolder, write_json
from hanka.study.resolve import resolve
from hanka.study.source import parse_source
from hanka.terminal import plan_table
from hanka.terminal.plan_table import describe_plan
from hanka.tuners.resident import Resident
from hanka.work import measured
from hanka.work.worker import Worker

SPEED = Speed("made up", 1e-3, 1000.0, 0.1, 0.01, 1.0, training={k: Training(3e-3, 0.5, 1e6) for k in ("none", "lora")})


def plan_of(tiny_folder: Path, **changes: Any) -> Plan:
    study = {
        "name": "estimate",
        "base": str(tiny_folder),
        "data": {"source": "toy"},
        "tasks": {"sentiment": {}, "question": {"train": None}},
        "methods": ["base", "sft", {"fticl": {"shots": 2}}],
        "train": {"sizes": [16], "batch_size": 8},
        "eval": {"shots": [0, 2, 4]},
    }
    return build_plan(resolve(parse_source(yaml.safe_dump(study | changes), tiny_folder / "study.yaml")))


@pytest.fixture
def plan(tiny_folder: Path) -> Plan:
    return plan_of(tiny_folder)


def test_demonstrations_count_once_per_cell_and_nested_ones_once(plan: Plan) -> None:
    costs = Estimator(plan)
    base = next(iter(plan.variants))
    cells = {one.cell.shots: one for one in plan.cells_of(base) if one.cell.test_dataset == "shop"}
    tokens = {shots: costs.cell(one).n_tokens for shots, one in cells.items()}
    per_shot = (tokens[2] - tokens[0]) / 2
    assert per_shot > 5
    assert tokens[4] - tokens[0] == pytest.approx(2 * per_shot, abs=2)
    assert tokens[2] - tokens[0] < 3 * per_shot


def test_shared_demonstrations_cost_one_pass_per_step_and_drawn_ones_one_per_row(tiny_folder: Path) -> None:
    def tokens(method: Any) -> int:
        plan = plan_of(tiny_folder, methods=[method])
        (trained,) = (one for one in plan.variants.values() if one.training)
        return Estimator(plan).variant(trained).n_tokens

    plain, fixed = tokens("sft"), tokens({"fticl": {"shots": 2}})
    drawn = tokens({"fticl": {"shots": 2, "draw": "per_example"}})
    assert (drawn - plain) / (fixed - plain) == pytest.approx(16 / 2, rel=0.02)
    assert tokens({"fticl": {"shots": 2, "dropout": 0.1}}) == drawn


def test_looking_at_rows_takes_a_third_of_learning_from_them(tiny_folder: Path) -> None:
    def seconds(**train: Any) -> float:
        plan = plan_of(tiny_folder, methods=["sft"], train={"sizes": [16], "batch_size": 8} | train)
        (trained,) = (one for one in plan.variants.values() if one.training)
        remember_speed(trained.model, SPEED)
        return Estimator(plan).variant(trained).seconds

    one, two = seconds(epochs=1), seconds(epochs=2)
    # A pass is 16 rows learnt from; the looks before and after read the same 16 rows.
    a_pass = two - one
    assert one - 0.6 == pytest.approx(a_pass + (a_pass - 2 * 0.5) * 2 / 3, rel=0.01)
    aside = seconds(epochs=1, validation=0.2)
    assert seconds(epochs=1, validation=0.2, validate_every=1) > aside > one
    two_points, four = (seconds(epochs=2, validation=0.2, checkpoints=n) for n in (2, 4))
    assert four > two_points > seconds(epochs=2, validation=0.2)


def test_parts_add_up_to_the_whole(plan: Plan, tmp_path: Path) -> None:
    described = describe_plan(plan, RunFolder(tmp_path))
    parts = {}
    for one in described["parts"]:
        parts[one["part"]] = parts.get(one["part"], 0.0) + one["seconds"]
    cells = sum(one["seconds"] for one in described["cells"])
    assert parts["test set"] == pytest.approx(cells, abs=0.5)
    assert parts["shots"] == pytest.approx(cells, abs=0.5)
    trained = {one["id"] for one in described["variants"] if one["train_task"]}
    own = sum(one["seconds"] for one in described["cells"] if one["variant_id"] in trained)
    made = sum(one["seconds"] for one in described["variants"])
    assert parts["size"] == parts["method"] == pytest.approx(own + made, abs=0.5)
    assert described["memory"]["training"] > 0 < described["memory"]["answering"]


def test_bases_and_contexts_are_parts_where_there_are_several(tiny_folder: Path, tmp_path: Path) -> None:
    def parts_of(**changes: Any) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        for one in describe_plan(plan_of(tiny_folder, **changes), RunFolder(tmp_path))["parts"]:
            found.setdefault(one["part"], set()).add(str(one["value"]))
        return found

    assert not {"base", "context"} & set(parts_of())
    other = {
        "name": "b",
        "fresh": {
            "tokenizer": str(tiny_folder),
            "hidden_size": 32,
            "intermediate_size": 64,
            "num_hidden_layers": 1,
            "num_attention_heads": 4,
        },
    }
    several = parts_of(
        base=[{"name": "a", "model": str(tiny_folder)}, other], eval={"shots": [2], "contexts": ["drawn", "nearest"]}
    )
    assert several["base"] == {"a", "b"}
    assert several["context"] == {"drawn", "nearest"}


def test_a_remembered_speed_is_used_and_an_older_file_is_not(plan: Plan) -> None:
    (model,) = plan.study.models
    write_json(speed_file(model), {"score": 100.0, "train": 10.0})
    assert known_speed(model) is None
    remember_speed(model, SPEED)
    costs = Estimator(plan)
    assert costs.speed(model).token_seconds == SPEED.token_seconds
    assert costs.basis == "measured on this machine"
    speed_file(model).unlink()


def test_speeds_of_two_arithmetics_are_kept_apart(plan: Plan) -> None:
    (model,) = plan.study.models
    remember_speed(model, SPEED, "bfloat16")
    assert known_speed(model, "bfloat16") is not None
    assert known_speed(model) is None
    speed_file(model, "bfloat16").unlink()


def test_a_plan_says_what_bfloat16_would_save_where_the_processor_multiplies_it(
    plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (model,) = plan.study.models
    monkeypatch.setattr(plan_table, "GPU_FILE", tmp_path / "none")
    for multiplies in (True, False):
        monkeypatch.setattr(plan_table, "multiplies_bfloat16", lambda multiplies=multiplies: multiplies)
        remember_speed(model, SPEED)
        found = describe_plan(plan, RunFolder(tmp_path / "run"))
        speed_file(model).unlink()
        less, whole = found["bfloat16_seconds_left"], found["estimate"]["seconds_left"]
        if not multiplies:
            assert less is None
            continue
        training = sum(one["seconds"] for one in found["variants"])
        answering = sum(one["seconds"] for one in found["cells"])
        gains = speed.BFLOAT16_GAINS
        saved = training * (1 - 1 / gains["training"]) + answering * (1 - 1 / gains["answering"])
        assert less == pytest.approx(whole - saved, abs=0.2)


@pytest.mark.parametrize(("flags", "expected"), [("fpu avx512_bf16 x", True), ("fpu avx512f bf16", False), ("", False)])
def test_a_processor_says_whether_it_multiplies_bfloat16(flags: str, expected: bool, tmp_path: Path) -> None:
    path = tmp_path / "cpuinfo"
    path.write_text(f"processor : 0\nflags : {flags}\n", encoding="utf-8")
    assert speed.multiplies_bfloat16(path) == expected
    assert not speed.multiplies_bfloat16(tmp_path / "none")


def test_a_speed_is_scaled_part_by_part() -> None:
    doubled = SPEED.scaled(2.0, 3.0, {"lora": 4.0})
    assert doubled.reading(100, 0) == pytest.approx(2 * SPEED.reading(100, 0))
    assert doubled.writing(8, 5, 4, 100) == pytest.approx(3 * SPEED.writing(8, 5, 4, 100))
    assert doubled.training["lora"].token_seconds == 4 * SPEED.training["lora"].token_seconds
    assert doubled.training["none"] == SPEED.training["none"]


def test_the_probe_measures_everything_and_leaves_the_base_as_it_was(plan: Plan) -> None:
    (model,) = plan.study.models
    held = Resident()

    def scores() -> list[Any]:
        asked = [Query("", [3, 4, 5], ((6,), (7, 8)))]
        answers = LocalEngine(held.base(model, "float32"), 256).score_labels(asked)
        return [one.log_likelihoods for one in answers if isinstance(one, LabelAnswer)]

    before = scores()
    speed = measure_speed(held, model, "float32", ("none", "lora"))
    assert scores() == before
    assert held.n_loads == 1
    assert min(speed.token_seconds, speed.row_seconds, speed.attend, speed.load_seconds) > 0
    for one in speed.training.values():
        assert one.token_seconds > 0 < one.step_seconds
        assert one.token_bytes > 2 * 32 * 4  # at least the hidden states of two layers


def test_only_a_guessed_model_with_long_work_is_probed(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    (model,) = plan.study.models
    probed: list[str] = []
    worker = Worker(plan, RunFolder(Path()), lambda _what, _share: None)
    monkeypatch.setattr(Worker, "measure", lambda _self, one: probed.append(one.name))
    measured.probe(plan, {model.name: 10.0}, worker)
    assert probed == []
    measured.probe(plan, {model.name: 1000.0}, worker)
    assert probed == [model.name]
    remember_speed(model, guessed_speed(model))
    measured.probe(plan, {model.name: 1000.0}, worker)
    assert probed == [model.name]
    speed_file(model).unlink()
