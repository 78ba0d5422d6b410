"""What must come out exactly, through whole studies: plan, worker, cells; scores of labels and greedy text.

Ends of interpolation, proxies that cancel, children that learn nothing, kept checkpoints, SPIDER at both ends of its mask.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from hanka.errors import StudyError
from hanka.methods.spider import adapt as spider
from hanka.methods.spider.hook import SpiderHook
from hanka.models.loading import load_model
from small_studies import (
    Carried,
    bytes_of,
    carry_out,
    equal,
    plan_of,
    scores_of,
    small_base,
    texts_of,
)

TUNERS: dict[str, dict[str, Any]] = {
    "lora": {},
    "none": {"keep_steps": [2]},
    "bitfit": {"biases": "added"},
    "ia3": {"learning_rate": 1.0},
}
STILL = 1e-30
"A learning rate that moves no weight, but those that begin at zero by so much."
MERGING = 1e-4
"Nats by which merging an adapter in float32 may move a label's score."
COURSE = {"schedule": "constant", "epochs": 2, "sizes": [8], "batch_size": 4}


def tuned() -> list[dict[str, Any]]:
    return [{"sft": {"name": name, "peft": name, **params}} for name, params in TUNERS.items()]


def between(of: Any, weight: float, name: str) -> dict[str, Any]:
    return {"interpolate": {"name": name, "of": of, "weight": weight, "bases": ["tiny"]}}


def proxy(name: str, **params: Any) -> dict[str, Any]:
    return {"proxy": {"name": name, "bases": ["tiny"], **params}}


SMALL = {"of": "small-lora", "base": "small"}
METHODS = [
    *({"sft": {**one["sft"], "bases": ["tiny"]}} for one in tuned()),
    *(between(name, weight, f"{name} at {weight:g}") for name in TUNERS for weight in (0, 0.25, 1)),
    {"sft": {"name": "small-lora", "bases": ["small"]}},
    proxy("expert is anti", expert=SMALL, anti=SMALL, alpha=0.7),
    proxy("alpha 0", expert=SMALL, alpha=0.0),
    proxy("base is anti", expert="lora"),
    proxy("steered", expert=SMALL),
    {"sft": {"name": "on lora", "start": "lora", "learning_rate": STILL, "bases": ["tiny"]}},
    {"sft": {"name": "on none", "start": "none", "peft": "none", "learning_rate": STILL, "bases": ["tiny"]}},
    {"sft": {"name": "second", "start": "lora", "bases": ["tiny"]}},
    {"sft": {"name": "second full", "start": "lora", "peft": "none", "bases": ["tiny"]}},
    *(between(name, weight, f"{name} at {weight:g}") for name in ("second", "second full") for weight in (0, 1)),
    {"sft": {"name": "one epoch", "peft": "none", "epochs": 1, "bases": ["tiny"]}},
    between({"of": "none", "step": 2}, 1, "none after 2 steps"),
    {"sft": {"name": "held", "objective": "kl_base", "beta": 5.0, "bases": ["tiny"]}},
]  # fmt: skip


@pytest.fixture(scope="module")
def carried(tiny_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Carried:
    base = [{"model": str(tiny_folder), "name": "tiny"}, small_base(tiny_folder)]
    tasks = {"sentiment": {"out_of_domain": []}, "summary": {"train": None, "out_of_domain": []}}
    plan = plan_of(tiny_folder, METHODS, base=base, train=COURSE, tasks=tasks, eval={"limit": 2})
    return carry_out(plan, tmp_path_factory.mktemp("run"))


def close(one: Any, other: Any, within: float) -> bool:
    return scores_of(one) == pytest.approx(scores_of(other), abs=within)


def test_all_entries_are_made_and_say_different_things(carried: Carried) -> None:
    made = [carried.made(one.variant.label, one.variant.base) for one in carried.plan.variants.values()]
    assert {(one["status"], one["reason"]) for one in made} == {("done", "")}
    base = carried.answers("base")
    for name in ("lora", "none", "bitfit", "ia3", "steered", "second", "second full", "held"):
        assert not close(carried.answers(name), base, 1e-3), name
    assert texts_of(carried.answers("none")) != texts_of(base)


# ---- between a variant and what it was made on


@pytest.mark.parametrize("name", TUNERS)
def test_the_ends_of_a_line_are_the_base_and_the_variant(carried: Carried, name: str) -> None:
    assert carried.answers(f"{name} at 0") == carried.answers("base")
    assert carried.answers(f"{name} at 1") == carried.answers(name)
    assert equal(carried.tensors(f"{name} at 1"), carried.tensors(name))


@pytest.mark.parametrize("name", TUNERS)
def test_a_quarter_of_the_way_is_a_quarter_of_every_change(carried: Carried, name: str) -> None:
    start = dict(load_model(carried.planned("base").model, "float32").model.named_parameters())
    end, quarter = carried.weights(name), carried.weights(f"{name} at 0.25")
    assert quarter.keys() == end.keys()
    for key, value in end.items():
        before = start.get(key, torch.zeros_like(value)).detach()
        torch.testing.assert_close(quarter[key], 0.75 * before + 0.25 * value, atol=1e-6, rtol=0)
    assert not close(carried.answers(f"{name} at 0.25"), carried.answers(name), 1e-3)


@pytest.mark.parametrize("name", ["second", "second full"])
def test_what_started_elsewhere_is_pulled_back_to_there(carried: Carried, name: str) -> None:
    """Its parent's adapter is merged below, which rounds; the base it all began with is further away."""
    found = carried.answers(f"{name} at 0")
    assert close(found, carried.answers("lora"), MERGING)
    assert not close(found, carried.answers("base"), 10 * MERGING)
    assert carried.answers(f"{name} at 1") == carried.answers(name)
    start, end = carried.weights("lora"), carried.weights(f"{name} at 0")
    for key, value in start.items():
        torch.testing.assert_close(end[key], value, atol=1e-7, rtol=1e-6)


# ---- made on another variant


def test_a_child_that_learns_nothing_is_its_parent(carried: Carried) -> None:
    """Exactly where the parent is whole; to the rounding of merging where it is an adapter."""
    assert carried.answers("on none") == carried.answers("none")
    assert equal(carried.tensors("on none"), carried.tensors("none"))
    assert close(carried.answers("on lora"), carried.answers("lora"), MERGING)
    assert texts_of(carried.answers("on lora")) == texts_of(carried.answers("lora"))


def test_a_child_learns_from_where_its_parent_ended(carried: Carried) -> None:
    ended = log(carried, "lora")[-1]
    assert log(carried, "lora")[0] > log(carried, "second")[0]
    assert log(carried, "second")[0] < ended + 0.1


def log(carried: Carried, label: str) -> list[float]:
    lines = (carried.place(label) / "train_log.jsonl").read_text().splitlines()
    return [json.loads(line)["loss"] for line in lines]


def test_a_kept_checkpoint_is_a_training_of_so_many_steps(carried: Carried) -> None:
    """At a constant rate nothing knows how long a training will be: two steps of four are one epoch of two."""
    kept = bytes_of(carried.place("none") / "steps" / "2")
    assert kept == bytes_of(carried.place("one epoch"))
    assert carried.made("none")["record"]["steps"] == 2 * carried.made("one epoch")["record"]["steps"] == 4
    assert carried.answers("none after 2 steps") == carried.answers("one epoch")
    assert carried.answers("none after 2 steps") != carried.answers("none")


def test_before_the_first_step_nothing_diverges_from_the_base(carried: Carried) -> None:
    """KL(base || untrained) is 0 and least: the first loss and the first step are those of the cross-entropy alone.

    So the second loss is of equal weights, and larger by the divergence that one step made.
    """
    plain, held = log(carried, "lora"), log(carried, "held")
    assert held[0] == pytest.approx(plain[0], abs=1e-6)
    assert held[1] > plain[1] + 1e-3


# ---- proxies


@pytest.mark.parametrize(("name", "like"), [("expert is anti", "base"), ("alpha 0", "base"), ("base is anti", "lora")])
def test_a_proxy_that_cancels_is_one_model_bit_for_bit(carried: Carried, name: str, like: str) -> None:
    assert carried.answers(name) == carried.answers(like)


def test_a_proxy_keeps_nothing(carried: Carried) -> None:
    made = carried.made("steered")
    assert (made["tuner"], made["n_trained_parameters"]) == ("", 0)
    assert [path.name for path in carried.place("steered").iterdir()] == ["variant.json"]


@pytest.mark.parametrize(
    "child",
    [
        {"sft": {"name": "child", "start": "steered"}},
        {"interpolate": {"name": "child", "of": "steered"}},
        {"proxy": {"name": "child", "expert": "steered"}},
        {"proxy": {"name": "child", "expert": "sft", "anti": "steered"}},
    ],
    ids=str,
)
def test_what_has_no_weights_is_no_parent(tiny_folder: Path, child: dict[str, Any]) -> None:
    with pytest.raises(StudyError, match=r"'steered' .*leaves no weights that another variant could be made from"):
        plan_of(tiny_folder, ["sft", {"proxy": {"name": "steered", "expert": "sft"}}, child])


# ---- what names and numbers of a study mean for children


def test_a_parents_label_is_not_in_the_id_of_what_is_made_from_it(tiny_folder: Path) -> None:
    def ids(label: str) -> set[str]:
        children = [between(label, 0.5, "a"), proxy("b", expert=label), {"sft": {"name": "c", "start": label}}]
        return set(plan_of(tiny_folder, [{"sft": {"name": label}}, *children]).variants)

    assert ids("one") == ids("another")


@pytest.mark.parametrize("said", ["study", "entry"])
def test_children_answer_in_the_arithmetic_of_their_parent(tiny_folder: Path, tmp_path: Path, said: str) -> None:
    coarse = {"dtype": "bfloat16"}
    own, train = ({}, coarse) if said == "study" else (coarse, {})
    plan = plan_of(
        tiny_folder,
        [
            *({"sft": {**one["sft"], **own}} for one in tuned() if one["sft"]["name"] in ("none", "bitfit")),
            *(between(name, weight, f"{name} at {weight}") for name in ("none", "bitfit") for weight in (0, 1)),
            proxy("alpha 0", expert="none", alpha=0.0),
        ],
        train={**COURSE, **train},
        eval={"limit": 2},
    )
    found = carry_out(plan, tmp_path)
    for name in ("none", "bitfit"):
        assert found.planned(f"{name} at 1").dtype == "bfloat16"
        assert equal(found.tensors(f"{name} at 1"), found.tensors(name))
        assert found.answers(f"{name} at 1") == found.answers(name)
        assert (found.answers(f"{name} at 0") == found.answers("base")) == (said == "study")
    assert found.planned("alpha 0").dtype == found.planned("base").dtype
    assert found.answers("alpha 0") == found.answers("base")


# ---- spider


@pytest.mark.parametrize(("mask", "like"), [(torch.ones_like, "sft"), (torch.zeros_like, "base")], ids=["one", "zero"])
def test_spider_follows_every_step_or_none(
    tiny_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mask: Any, like: str
) -> None:
    monkeypatch.setattr(spider, "SpiderHook", lambda: SpiderHook(lambda found, _: mask(found)))
    plan = plan_of(tiny_folder, ["spider", {"sft": {"peft": "none"}}], train=COURSE, eval={"limit": 2})
    found = carry_out(plan, tmp_path)
    assert found.answers("spider") == found.answers(like)
    assert found.answers("sft") != found.answers("base")
    start = dict(load_model(found.planned("base").model, "float32").model.named_parameters())
    wanted = found.tensors("sft") if like == "sft" else {name: start[name].detach() for name in found.tensors("sft")}
    assert equal(found.tensors("spider"), wanted)
