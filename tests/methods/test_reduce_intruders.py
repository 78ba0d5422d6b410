"""Edits of intruder dimensions: by hand on a planted one, at both ends of the scale, the control, PEFT's function, stages, what it refuses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from hanka.errors import StudyError
from hanka.plan import build_plan
from hanka.study.resolve import resolve
from hanka.study.source import parse_source
from hanka.tuners.intruders import basis, leading, matrices, places
from small_studies import Carried, carry_out, equal, plan_of

LORA = {"name": "lora", "r": 2, "learning_rate": 0.3, "epochs": 4}
# Names with dashes: published code reads what it was given out of file names that it splits there.
EDITS: dict[str, dict[str, Any]] = {
    "kept": {"scale": 1},
    "top": {"scale": 0.25},
    "gone": {"scale": 0, "which": "all"},
    "control": {"scale": 0.25, "edit": "neighbours"},
    "peft": {"scale": 0.25, "edit": "peft"},
    "of-full-0.25": {"scale": 0.25, "of": "full"},
    "of stages": {"scale": 0.25, "of": "second"},
    "peft of full": {"edit": "peft", "of": "full"},
    "peft of stages": {"edit": "peft", "of": "second"},
    "of nothing": {"of": "silent"},
}


@pytest.fixture(scope="module")
def run(tiny_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Carried:
    """A LoRA trained hard, all weights, two stages, an adapter that did not train, and edits of them."""
    entries: list[Any] = [
        {"sft": LORA},
        {"sft": {"name": "full", "peft": "none", "learning_rate": 5e-2, "epochs": 1}},
        {"sft": {"name": "second", "start": "lora", "r": 2, "learning_rate": 0.1, "epochs": 1}},
        {"sft": {"name": "silent", "r": 2, "learning_rate": 1e-30, "epochs": 1}},
    ]
    entries += [{"reduce_intruders": {"name": name, "of": "lora"} | params} for name, params in EDITS.items()]
    plan = plan_of(tiny_folder, entries, train={"sizes": [8]}, probes=[{"intruders": {"draws": 1}}])
    return carry_out(plan, tmp_path_factory.mktemp("intruders"), lambda kind: kind in ("adapt", "probe"))


def intruders_of(before: dict[str, torch.Tensor], after: dict[str, torch.Tensor]) -> dict[str, list[int]]:
    """By matrix, without those that did not change."""
    found = {}
    for name, weight in before.items():
        for (part, old), (_, new) in zip(matrices(name, weight), matrices(name, after[name]), strict=True):
            if not torch.equal(old, new):
                found[part] = places(basis(old, part), leading(new, 10, part).left, 0.5)
    return found


def test_the_record_counts_before_and_after_the_edit_what_a_count_of_the_weights_gives(run: Carried) -> None:
    base, parent = run.weights("base"), run.weights("lora")
    before = intruders_of(base, parent)
    assert sum(map(len, before.values())) > 3, "a case in which something is edited"
    for name, n_directions in (
        ("top", sum(bool(one) for one in before.values())),
        ("gone", sum(map(len, before.values()))),
        ("control", sum(bool(one) for one in before.values())),
    ):
        record, after = run.made(name)["record"], intruders_of(base, run.weights(name))
        assert record["intruders_before"] == sum(map(len, before.values()))
        assert record["intruders_after"] == sum(map(len, after.values()))
        assert record["matrices_with_more"] == sum(len(after[one]) > len(before[one]) for one in before)
        assert (record["directions"], record["matrices_changed"]) == (n_directions, len(before))
        assert record["matrices_edited"] == sum(bool(one) for one in before.values())


@pytest.mark.parametrize(("name", "which"), [("top", 1), ("gone", 99)])
def test_an_edit_takes_its_share_of_the_intruders_away_and_touches_nothing_else(
    run: Carried, name: str, which: int
) -> None:
    base, parent, edited = run.weights("base"), run.weights("lora"), run.weights(name)
    scale = EDITS[name]["scale"]
    for part, at in intruders_of(base, parent).items():
        left, values, right = torch.linalg.svd(parent[part], full_matrices=False)
        share = torch.ones(len(values))
        share[at[:which]] = scale
        assert torch.allclose(edited[part], left @ torch.diag(values * share) @ right, atol=2e-5), part
    untouched = [name for name, weight in base.items() if torch.equal(weight, parent[name])]
    assert untouched
    assert all(torch.equal(edited[name], base[name]) for name in untouched)


def test_the_control_scales_as_many_directions_and_none_of_them_is_an_intruder(run: Carried) -> None:
    base, parent, edited = run.weights("base"), run.weights("lora"), run.weights("control")
    for part, at in intruders_of(base, parent).items():
        left, values, right = torch.linalg.svd(parent[part], full_matrices=False)
        kept = torch.einsum("mk,mn,kn->k", left, edited[part], right) / values
        touched = [place for place, share in enumerate(kept.tolist()) if abs(share - 0.25) < 0.05]
        assert len(touched) == bool(at)
        assert not set(touched) & set(at)


def test_a_scale_of_one_is_the_parent(run: Carried) -> None:
    parent, kept = run.weights("lora"), run.weights("kept")
    assert all(torch.allclose(kept[name], weight, atol=1e-6) for name, weight in parent.items())  # W + 0 · part


def test_pefts_arm_is_what_its_function_makes_of_the_adapter_and_keeps_its_share(run: Carried) -> None:
    """PEFT's help text calls its lambda what is subtracted; its formula keeps that share, and so must our scale."""
    from peft.tuners.lora.intruders import reduce_intruder_dimension

    from hanka.tuners import TUNERS

    planned, place = run.planned("lora"), run.worker.place
    with place.resident.lend(planned.model, "float32", place.stack(planned.variant.id)) as loaded:
        reduce_intruder_dimension(loaded.model, mitigation_lambda=0.25, logging_sink=None)
        expected = {name: value.clone() for name, value in TUNERS.get("lora").merge(loaded).model.named_parameters()}
        place.resident.drop()
    found = run.weights("peft")
    assert all(torch.allclose(found[name], value, atol=1e-6) for name, value in expected.items())
    record = run.made("peft")["record"]
    assert (record["which"], record["directions"]) == ("all", record["intruders_before"])
    assert record["intruders_before"] == run.made("gone")["record"]["intruders_before"]


def test_edits_count_from_the_base_whatever_made_the_parent(run: Carried) -> None:
    base = run.weights("base")
    for name, parent in (("of-full-0.25", "full"), ("of stages", "second")):
        before = intruders_of(base, run.weights(parent))
        assert run.made(name)["record"]["intruders_before"] == sum(map(len, before.values()))
        assert run.made(name)["status"] == "done"


def test_the_probe_of_an_edited_variant_finds_what_its_record_counted_again(run: Carried) -> None:
    from hanka.store.probes import read_probe

    found = {}
    for planned in run.plan.probes.values():
        record = read_probe(run.folder.probe(planned.id))
        assert record is not None
        label = run.plan.variants[planned.variant_id].variant.label
        if record.status == "done":
            found[label] = record.values["intruders"]
    for name in ("top", "gone", "control", "peft", "of-full-0.25", "of stages"):
        assert found[name] == run.made(name)["record"]["intruders_after"]
    assert found["silent"] == 0.0


def test_a_second_stage_folds_the_first_adapter_in_and_begins_a_new_one_on_top(run: Carried) -> None:
    """What sequential training over tasks asks for: merge, re-initialise, train on."""
    first, second = (run.worker.place.stack(run.planned(one).variant.id) for one in ("lora", "second"))
    assert [made.variant_id for made in second] == [first[0].variant_id, run.planned("second").variant.id]
    own = run.tensors("second")
    assert {tuple(value.shape) for name, value in own.items() if "lora_A" in name} == {(2, 32), (2, 64)}
    parent, child = run.weights("lora"), run.weights("second")
    for name in ("model.layers.0.self_attn.q_proj", "model.layers.1.mlp.up_proj"):
        a, b = (own[f"base_model.model.{name}.lora_{side}.weight"] for side in "AB")
        assert torch.allclose(child[f"{name}.weight"], parent[f"{name}.weight"] + 2 * b @ a, atol=1e-5)


def test_a_parent_that_peft_does_not_take_fails_in_one_line_and_one_without_intruders_says_so(run: Carried) -> None:
    for name, made in (("peft of full", "full is none"), ("peft of stages", "second is lora on lora")):
        found = run.made(name)
        assert found["status"] == "failed"
        assert found["reason"].endswith(f"one LoRA adapter on its base, and {made}; use `edit: intruders`")
    assert run.made("of nothing")["record"]["notes"] == ["silent has no intruders: nothing was scaled"]
    assert equal(run.weights("of nothing"), run.weights("silent"))


def test_the_base_is_given_back_as_it_was(run: Carried) -> None:
    planned, place = run.planned("base"), run.worker.place
    kept = {
        name: value.clone() for name, value in place.resident.base(planned.model, "float32").model.named_parameters()
    }
    place.resident.drop()
    fresh = place.resident.base(planned.model, "float32").model
    assert equal(kept, {name: value.detach() for name, value in fresh.named_parameters()})


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"edit": "peft", "which": "top"}, "`edit: peft` scales every intruder"),
        ({"scale": 1.5}, "scale"),
        ({"epsilon": 0}, "epsilon"),
        ({"of": "nowhere"}, "nowhere"),
        ({"of": "base"}, "not adapted"),
    ],
)
def test_what_cannot_be_is_one_line_of_the_study(params: dict[str, Any], said: str, tiny_folder: Path) -> None:
    values = {
        "name": "wrong", "base": str(tiny_folder), "data": {"source": "toy"}, "tasks": {"sentiment": {}},
        "methods": ["base", {"sft": {"name": "lora"}}, {"reduce_intruders": {"of": "lora"} | params}],
    }  # fmt: skip
    with pytest.raises(StudyError) as found:
        build_plan(resolve(parse_source(yaml.safe_dump(values), tiny_folder / "study.yaml")))
    assert said in str(found.value)
    assert "\n" not in str(found.value)
