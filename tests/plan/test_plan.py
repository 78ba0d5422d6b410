"""The plan: ids are hashes of what changes a number, equal work is done once, relations follow from domains."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from hanka.datasets import toy
from hanka.plan import Plan, build_plan
from hanka.records import Example
from hanka.study import data, load_study, rows
from hanka.study.resolve import resolve
from hanka.study.source import parse_source

ROOT = Path(__file__).parents[2]
BASE: dict[str, Any] = {
    "name": "plan",
    "base": "smollm2-135m-instruct",
    "data": {"source": "toy"},
    "tasks": {"sentiment": {}, "summary": {"train": None}},
    "methods": ["base", {"sft": {"r": 8}}, {"fticl": {"shots": 2}}],
    "train": {"sizes": [8, 16]},
    "eval": {"shots": [0, 2], "prompts": ["p1"]},
    "seeds": [0],
}


def plan_of(*paths: tuple[str, Any], folder: Path = ROOT) -> Plan:
    """The plan of BASE with values changed, each named by its dotted path."""
    values = yaml.safe_load(yaml.safe_dump(BASE))
    for path, value in paths:
        *above, last = path.split(".")
        target = values
        for part in above:
            target = target[int(part)] if isinstance(target, list) else target.setdefault(part, {})
        target[last] = value
    return build_plan(resolve(parse_source(yaml.safe_dump(values, sort_keys=False), folder / "study.yaml")))


def ids(plan: Plan, method: str = "") -> set[str]:
    return {name for name, one in plan.variants.items() if method in ("", one.variant.method)}


def cells(plan: Plan) -> set[str]:
    return set(plan.cells)


# ---- ids


def test_the_same_study_has_the_same_ids_in_the_same_order() -> None:
    one, other = plan_of(), plan_of()
    assert list(one.variants) == list(other.variants)
    assert list(one.cells) == list(other.cells)
    assert all(len(name) == 16 for name in (*one.variants, *one.cells))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("name", "another name"),
        ("lang", "ja"),
        ("author", "A. Person"),
        ("strict", True),
        ("stats", {"level": 0.9, "resamples": 300}),
        ("eval.batch_tokens", 64),
        ("train.micro_batch_tokens", 64),
        ("train.gradient_checkpointing", True),
        ("train.checkpoint_seconds", 1.0),
        ("methods.1.sft.name", "another label"),
        ("methods", ["base", {"fticl": {"shots": 2}}, {"sft": {"r": 8}}]),
        ("tasks", {"summary": {"train": None}, "sentiment": {}}),
        ("train.warmup_ratio", 0.0),
        ("eval.scoring", "full"),
    ],
)
def test_what_changes_no_number_changes_no_id(path: str, value: Any) -> None:
    changed = plan_of((path, value))
    assert ids(changed) == ids(plan_of())
    assert cells(changed) == cells(plan_of())


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("train.epochs", 2),
        ("train.learning_rate", 2e-3),
        ("train.schedule", "cosine"),
        ("train.warmup_ratio", 0.1),
        ("train.weight_decay", 0.1),
        ("train.max_grad_norm", 0.5),
        ("train.batch_size", 4),
        ("train.max_length", 512),
        ("train.prompt", "p2"),
        ("train.match", "supervised_tokens"),
        ("train.sizes", [9, 17]),
        ("seeds", [1]),
        ("tokens.eos", False),
    ],
)
def test_what_changes_training_changes_every_trained_variant_and_not_the_base(path: str, value: Any) -> None:
    before, after = plan_of(), plan_of((path, value))
    for method in ("sft", "fticl"):
        assert not ids(before, method) & ids(after, method)
    assert ids(before, "base") == ids(after, "base")
    trained = {name for name, one in before.cells.items() if one.cell.variant_id not in ids(before, "base")}
    assert not trained & cells(after)


@pytest.mark.parametrize(
    ("path", "value"),
    [("base", "qwen3-0.6b-base"), ("train.dtype", "bfloat16")],
)
def test_what_changes_the_model_changes_everything(path: str, value: Any) -> None:
    before, after = plan_of(), plan_of((path, value))
    assert not ids(before) & ids(after)
    assert not cells(before) & cells(after)


@pytest.mark.parametrize(
    ("path", "value", "kind"),
    [
        ("eval.scoring", "normalised", "classification"),
        ("eval.max_new_tokens", 30, "generation"),
        ("eval.limit", 5, ""),
        ("eval.prompts", ["p2"], ""),
        ("tokens.bos", "always", ""),
        ("tokens.template", "chat", ""),
    ],
)
def test_what_changes_the_answers_changes_the_cells_it_concerns(path: str, value: Any, kind: str) -> None:
    before, after = plan_of(), plan_of((path, value))
    of = {name: before.study.tasks[one.cell.test_task].task.kind for name, one in before.cells.items()}
    base = ids(before, "base")
    for name, one in before.cells.items():
        if one.cell.variant_id in base:
            assert (name in cells(after)) == bool(kind and kind != of[name])
    if not path.startswith("tokens"):
        assert ids(before) == ids(after)


def test_drawn_demonstrations_change_the_few_shot_cells_only() -> None:
    # Seed 0 happens to draw the order of the file.
    before, after = plan_of(("seeds", [1])), plan_of(("seeds", [1]), ("eval.demonstrations", "first"))
    base = ids(before, "base")
    for name, one in before.cells.items():
        if one.cell.variant_id in base:
            assert (name in cells(after)) == (one.cell.shots == 0)
    assert ids(before, "sft") == ids(after, "sft")
    assert not ids(before, "fticl") & ids(after, "fticl")


@pytest.mark.parametrize(
    "param", [{"r": 4}, {"alpha": 4}, {"dropout": 0.1}, {"peft": "none"}, {"target_modules": ["q_proj"]}]
)
def test_a_method_parameter_changes_that_method_only(param: dict[str, Any]) -> None:
    before, after = plan_of(), plan_of(("methods.1.sft", param))
    assert not ids(before, "sft") & ids(after, "sft")
    assert ids(before, "fticl") == ids(after, "fticl")


def test_the_rows_themselves_are_inside_and_their_place_is_not(tmp_path: Path) -> None:
    def of(folder: str, rows: str) -> Plan:
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.csv").write_text("input,output\n" + rows)
        (tmp_path / folder / "b.csv").write_text("input,output\none,positive\ntwo,negative\n")
        (tmp_path / folder / "d.csv").write_text("input,output\nthree,positive\n")
        mine = {"task": "sentiment", "domain": "mine", "train": "a.csv", "test": "b.csv", "demonstrations": "d.csv"}
        task = {"train": "mine", "in_domain": ["mine"]}
        settings = [
            ("datasets", {"mine": mine}),
            ("tasks", {"sentiment": task}),
            ("train.sizes", [3]),
            ("eval.shots", [0]),
        ]
        return plan_of(*settings, ("methods", ["base", "sft"]), folder=tmp_path / folder)

    rows = "a,positive\nb,negative\nc,positive\nd,negative\n"
    first, moved, edited = of("x", rows), of("y", rows), of("z", rows.replace("b,neg", "B,neg"))
    assert list(first.cells) == list(moved.cells)
    assert ids(first, "sft") == ids(moved, "sft")
    assert not ids(first, "sft") & ids(edited, "sft")
    assert ids(first, "base") == ids(edited, "base")


def test_a_variant_of_more_demonstrations_is_another_one_and_zero_shot_cells_are_not(tmp_path: Path) -> None:
    before, after = plan_of(), plan_of(("eval.shots", [0, 1]))
    zero = {name for name, one in before.cells.items() if one.cell.shots == 0}
    assert zero <= cells(after)
    assert ids(before) == ids(after)
    assert not ids(before, "fticl") & ids(plan_of(("methods.2.fticl.shots", 1)), "fticl")


# ---- equal work once


def test_the_base_answers_each_question_once_whatever_is_compared_with_it() -> None:
    plan = plan_of(("tasks", ["sentiment", "detection"]), ("seeds", [0, 1]))
    asked = Counter(
        (one.cell.test_dataset, one.cell.shots, one.cell.prompt, one.cell.draw)
        for one in plan.cells.values()
        if one.cell.variant_id in ids(plan, "base")
    )
    assert set(asked.values()) == {1}
    others = {(c.test_dataset, c.shots, c.prompt, c.draw) for c in (one.cell for one in plan.cells.values())}
    assert set(asked) == others


def test_two_entries_with_equal_content_are_one_variant() -> None:
    twice = plan_of(("methods", ["base", {"sft": {"r": 8}}, {"sft": {"name": "again", "r": 8}}]))
    assert ids(twice) == ids(plan_of(("methods", ["base", {"sft": {"r": 8}}])))


def test_zero_shots_are_drawn_once() -> None:
    plan = plan_of(("eval.draws", 3))
    draws = {(one.cell.shots, one.cell.draw) for one in plan.cells.values()}
    assert draws == {(0, 0), (2, 0), (2, 1), (2, 2)}


def test_units_name_what_they_need_and_come_after_it() -> None:
    plan = plan_of()
    done: set[str] = set()
    for unit in plan.units():
        assert set(unit.needs) <= done
        done.add(unit.id)
    assert len(done) == 2 * len(plan.variants)
    assert sum(len(plan.cells_of(name)) for name in plan.variants) == len(plan.cells)


# ---- relations


def test_relations_follow_from_tasks_and_domains() -> None:
    plan = plan_of(("tasks", ["sentiment", "detection"]), ("methods", ["base", "sft"]))
    found = {
        (plan.variants[one.cell.variant_id].variant.train_dataset, one.cell.test_dataset): one.cell.relation
        for one in plan.cells.values()
    }
    assert found == {
        ("shop", "shop"): "in_domain",
        ("shop", "film"): "out_of_domain",
        ("shop", "history"): "cross_task",
        ("history", "history"): "in_domain",
        ("history", "software"): "out_of_domain",
        ("history", "shop"): "cross_task",
        ("", "shop"): "in_domain",
        ("", "film"): "out_of_domain",
        ("", "history"): "in_domain",
        ("", "software"): "out_of_domain",
    }


def test_a_declared_domain_changes_the_relation() -> None:
    same = plan_of(
        ("datasets", {"film": {"domain": "shop"}}),
        ("tasks", {"sentiment": {"in_domain": ["shop", "film"], "out_of_domain": []}}),
    )
    assert {one.cell.relation for one in same.cells.values()} == {"in_domain"}


def test_a_task_that_is_only_tested_is_cross_task_for_the_base_too() -> None:
    plan = plan_of()
    assert {one.cell.relation for one in plan.cells.values() if one.cell.test_task == "summary"} == {"cross_task"}
    assert {one.cell.test_dataset for one in plan.cells.values()} == {"shop", "film", "news"}


def test_without_training_the_base_is_asked_everything() -> None:
    plan = plan_of(("methods", ["base"]))
    assert {one.cell.test_dataset for one in plan.cells.values()} == {"shop", "film", "news", "notes"}
    assert {one.variant.method for one in plan.variants.values()} == {"base"}


def test_cross_task_can_be_left_out_or_limited_to_sizes() -> None:
    without = plan_of(("eval.cross_task", False))
    assert "cross_task" not in {one.cell.relation for one in without.cells.values()}
    some = plan_of(("eval.cross_task_sizes", [8]))
    sizes = {
        some.variants[one.cell.variant_id].variant.train_size
        for one in some.cells.values()
        if one.cell.relation == "cross_task" and one.cell.variant_id not in ids(some, "base")
    }
    assert sizes == {8}


# ---- the paper


def test_the_paper_has_26_variants_and_932_cells(paper_data: Path) -> None:
    """Counted from the rules of the paper (sections 4 and 5), not from the plan's code."""
    plan = build_plan(load_study(ROOT / "studies/paper.yaml", data=str(paper_data)))
    test_sets = {"summary": 4, "question": 3, "sentiment": 4, "detection": 3, "inference": 4}
    n_shots = 4
    sft, fticl = 3, 2
    variants = 1 + len(test_sets) * (sft + fticl)
    own = sum(n * n_shots for n in test_sets.values()) * (sft + fticl)
    trained_on_2000 = 1 + fticl
    cross = len(test_sets) * trained_on_2000 * (len(test_sets) - 1) * n_shots * 2
    base = sum(test_sets.values()) * n_shots + len(test_sets) * n_shots
    assert (variants, own + cross + base) == (26, 932)
    assert (len(plan.variants), len(plan.cells)) == (26, 932)

    methods = Counter((one.variant.label, one.variant.train_size > 3000) for one in plan.variants.values())
    assert methods == {("base", False): 1, ("sft", False): 5, ("sft", True): 10, ("fc1", False): 5, ("fc2", False): 5}
    by_base = Counter(plan.variants[one.cell.variant_id].variant.method == "base" for one in plan.cells.values())
    assert by_base == {False: own + cross, True: base}
    relations = Counter(
        one.cell.relation for one in plan.cells.values() if plan.variants[one.cell.variant_id].variant.method != "base"
    )
    assert relations["cross_task"] == cross
    assert {one.cell.prompt for one in plan.cells.values() if one.cell.relation == "in_domain"} >= {"p1"}
    trained_tests = Counter(
        (one.cell.test_task, one.cell.prompt)
        for one in plan.cells.values()
        if one.cell.relation in ("in_domain", "out_of_domain") and one.cell.variant_id not in ids(plan, "base")
    )
    assert trained_tests == {(task, "p1"): n * n_shots * (sft + fticl) for task, n in test_sets.items()}


# ---- size

LARGE = (
    ("tasks", ["sentiment", "detection", "inference", "summary", "question"]),
    ("methods", ["base", {"sft": {"r": 8}}, {"fticl": {"shots": 2}}]),
    ("train.sizes", [2, 4, 8, 16]),
    ("eval", {"shots": [0, 2, 3, 4], "prompts": ["p1", "p2"], "draws": 2}),
    ("seeds", [0, 1, 2, 3, 4]),
)
"More than ten thousand cells."


def test_ten_thousand_cells_read_and_hash_no_more_than_one_variant(monkeypatch: pytest.MonkeyPatch) -> None:
    work: Counter[str] = Counter()
    read, hashed = toy.read_examples, data.fingerprint

    def count_read(path: Path, inputs: Sequence[str]) -> list[Example]:
        work["read"] += 1
        return read(path, inputs)

    def count_hashed(examples: Iterable[Example]) -> str:
        work["hashed"] += 1
        return hashed(examples)

    monkeypatch.setattr(toy, "read_examples", count_read)
    for module in (data, rows):
        monkeypatch.setattr(module, "fingerprint", count_hashed)
    plan = plan_of(*LARGE)
    assert len(plan.cells) > 10_000
    assert work["read"] == 5 * 3 + 5 * 2  # splits of the trained and of the tested toy sets
    # test sets, and their demonstrations by draw and shots; training rows by size; nothing by seed, variant or cell
    assert work["hashed"] == 10 + 10 * (1 + 2 * 3) + 5 * 4


def test_the_cells_of_a_variant_are_found_without_looking_at_the_others() -> None:
    plan = plan_of(("seeds", [0, 1]))
    wanted = {
        name: [one for one in plan.cells.values() if one.cell.variant_id == name] for name in (*plan.variants, "none")
    }
    plan.cells.clear()
    assert {name: list(plan.cells_of(name)) for name in wanted} == wanted


def test_equal_work_is_added_once() -> None:
    plan = plan_of()
    before = dict(plan.cells)
    for one in before.values():
        plan.add(one)
    assert plan.cells == before
    assert sum(len(plan.cells_of(name)) for name in plan.variants) == len(before)
