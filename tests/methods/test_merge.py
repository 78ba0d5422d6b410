"""`merge` through a study: equal to arithmetic on whole weights, what it was trained on, what it refuses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from safetensors.torch import load_file

from hanka.errors import StudyError
from hanka.plan import Plan, build_plan
from hanka.store.folder import RunFolder, read_json
from hanka.study.resolve import resolve
from hanka.study.source import parse_source
from hanka.work.worker import Worker

FULL = {"name": "full", "peft": "none", "learning_rate": 1e-3}
LORA = {"name": "lora", "r": 2}
BIASES = {"name": "biases", "peft": "bitfit", "biases": "added"}


def planned(folder: Path, base: Path, *entries: dict[str, Any], **changes: Any) -> Plan:
    values: dict[str, Any] = {
        "name": "merging",
        "base": str(base),
        "data": {"source": "toy"},
        "tasks": {"sentiment": {}, "question": {}},
        "methods": [{name: dict(params)} for one in entries for name, params in one.items()],
        "train": {"sizes": [8], "epochs": 2, "learning_rate": 2e-2},
        "eval": {"shots": [0], "limit": 2, "max_new_tokens": 4},
    }
    return build_plan(resolve(parse_source(yaml.safe_dump(values | changes), folder / "study.yaml")))


def weights(plan: Plan, folder: Path, label: str, train: str = "shop") -> dict[str, torch.Tensor]:
    """The weights that a variant answers with, whole."""
    from hanka.tuners import TUNERS
    from hanka.work.place import Workplace

    (one,) = [
        one for one in plan.variants.values() if one.variant.label == label and train in one.variant.train_dataset
    ]
    place = Workplace(plan, RunFolder(folder), lambda _what, _share: None)
    stack = place.stack(one.variant.id)
    with place.resident.lend(one.model, "float32") as base:
        for made in stack:
            tuner = TUNERS.get(made.tuner)
            base = tuner.merge(tuner.load(base, made.folder))
        return {name: value.detach().clone() for name, value in base.model.named_parameters()}


@pytest.fixture(scope="module")
def made(tiny_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Plan, Path]:
    """A run of two parents, one an adapter and one whole, merged in every way."""
    folder = tmp_path_factory.mktemp("merging")
    of = ["lora", "full"]
    ways: list[dict[str, Any]] = [
        {"merge": {"name": "mean", "of": of, "how": "mean", "weights": [3, 1]}},
        {"merge": {"name": "sum", "of": of, "how": "task_arithmetic", "scale": 0.5}},
        {"merge": {"name": "ties", "of": of, "how": "ties", "density": 0.3}},
        {"merge": {"name": "ties by tensor", "of": of, "how": "ties", "density": 0.3, "trim": "tensor"}},
        {"merge": {"name": "dare", "of": of, "how": "dare", "density": 0.5, "scale": 1}},
        {"merge": {"name": "dare again", "of": of, "how": "dare", "density": 0.5, "scale": 1, "draw": 1}},
        {"merge": {"name": "all kept", "of": of, "how": "dare", "density": 1, "scale": 0.5}},
        {"merge": {"name": "dare ties", "of": of, "how": "dare_ties", "density": 0.5}},
    ]
    plan = planned(folder, tiny_folder, {"sft": LORA}, {"sft": FULL}, *ways, tasks={"sentiment": {}})
    worker = Worker(plan, RunFolder(folder), lambda _what, _share: None)
    for unit in plan.units():
        if unit.kind == "adapt":
            worker.run(unit)
    reasons = [read_json(RunFolder(folder).variant(name) / "variant.json")["reason"] for name in plan.variants]
    assert set(reasons) == {""}
    return plan, folder


def changes(made: tuple[Plan, Path], label: str) -> dict[str, torch.Tensor]:
    base = weights(*made, "base", "")
    return {name: value - base[name] for name, value in weights(*made, label).items()}


def test_a_mean_of_an_adapter_and_a_whole_model_is_the_mean_of_their_weights(made: tuple[Plan, Path]) -> None:
    lora, full, found = (weights(*made, label) for label in ("lora", "full", "mean"))
    assert set(found) == set(lora)
    for name, value in found.items():
        # base + (3 (l - base) + (f - base)) / 4 rounds otherwise than (3 l + f) / 4 does
        assert torch.allclose(value, (3 * lora[name] + full[name]) / 4, atol=1e-6), name


def test_task_arithmetic_adds_scaled_changes_and_dare_that_keeps_all_is_the_same(made: tuple[Plan, Path]) -> None:
    lora, full, found = (changes(made, label) for label in ("lora", "full", "sum"))
    assert any(value.any() for value in found.values())
    for name, value in found.items():
        assert torch.allclose(value, 0.5 * (lora[name] + full[name]), atol=1e-6), name
    one, other = weights(*made, "sum"), weights(*made, "all kept")
    assert all(torch.equal(value, other[name]) for name, value in one.items())


def test_ties_trims_over_the_whole_model_unless_it_is_told_to_trim_every_tensor(made: tuple[Plan, Path]) -> None:
    parents = [changes(made, label) for label in ("lora", "full")]
    n = sum(value.numel() for value in parents[0].values())
    for label, whole in (("ties", True), ("ties by tensor", False)):
        expected: dict[str, list[torch.Tensor]] = {}
        for parent in parents:
            together = torch.cat([value.abs().flatten() for value in parent.values()]).sort(descending=True).values
            for name, value in parent.items():
                sizes = together if whole else value.abs().flatten().sort(descending=True).values
                least = sizes[round(0.3 * (n if whole else value.numel())) - 1]
                expected.setdefault(name, []).append(value.where(value.abs() >= least, 0.0))
        found = changes(made, label)
        for name, (first, second) in expected.items():
            same = first.sign() == second.sign()
            larger = first.where(first.abs() > second.abs(), second)
            by_hand = ((first + second) / 2).where(same, larger)
            # entries at the threshold may fall on either side, because the change was read back from rounded weights
            assert (found[name] - by_hand).abs().gt(1e-6).float().mean() < 0.01, (label, name)


def test_dare_draws_by_draw_and_its_record_says_what_was_kept(made: tuple[Plan, Path]) -> None:
    plan, folder = made
    one, other = weights(*made, "dare"), weights(*made, "dare again")
    assert any(not torch.equal(value, other[name]) for name, value in one.items())
    by_label = {planned.variant.label: name for name, planned in plan.variants.items()}
    kept = {
        label: read_json(RunFolder(folder).variant(by_label[label]) / "variant.json")["record"]["kept"]
        for label in ("sum", "dare", "ties")
    }
    for of_sum, of_dare in zip(kept["sum"], kept["dare"], strict=True):
        assert of_dare == pytest.approx(of_sum / 2, abs=0.02)
    assert kept["ties"][1] == pytest.approx(0.3, abs=0.001)


def test_what_lay_on_disk_meanwhile_is_gone_and_the_result_is_a_whole_model(made: tuple[Plan, Path]) -> None:
    plan, folder = made
    for planned_variant in plan.variants.values():
        place = RunFolder(folder).variant(planned_variant.variant.id)
        assert not list(place.glob(".*"))
        if planned_variant.use.method.name == "merge":
            assert load_file(place / "model.safetensors")


def test_a_merge_over_training_sets_was_trained_on_all_of_them(tiny_folder: Path, tmp_path: Path) -> None:
    both = {"name": "both", "of": [{"of": "lora", "train": "shop"}, {"of": "lora", "train": "stories"}], "how": "mean"}
    plan = planned(tmp_path, tiny_folder, {"sft": LORA}, {"merge": both})
    (one,) = [one for one in plan.variants.values() if one.variant.label == "both"]
    assert one.variant.trained_on == ("shop", "stories")
    assert (one.variant.train_task, one.variant.train_dataset) == ("sentiment+question", "shop+stories")
    assert one.variant.train_size == 16
    relations = {cell.cell.test_dataset: cell.cell.relation for cell in plan.cells_of(one.variant.id)}
    assert (relations["shop"], relations["stories"]) == ("in_domain", "in_domain")
    assert "out_of_domain" in relations.values()


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"of": ["lora"]}, "of"),
        ({"of": ["lora", "lora"]}, "named twice"),
        ({"of": ["lora", "base"]}, "'base' is not adapted"),
        ({"of": ["lora", "full"], "weights": [1]}, "1 weights for 2 variants"),
        ({"of": ["lora", "full"], "weights": [1, -1]}, "a weight of -1"),
        ({"of": ["lora", "full"], "how": "mean", "scale": 0.5}, "`how: mean` does not read scale"),
        ({"of": ["lora", "full"], "how": "dare", "trim": "tensor"}, "does not read trim"),
        ({"of": ["lora", "full"], "density": 0}, "density"),
        ({"of": ["lora", "full"], "how": "tie"}, "how"),
        ({"of": ["lora", {"of": "full", "base": "elsewhere"}]}, "no base of the study"),
        ({"of": ["lora", {"of": "lora", "train": "shop"}]}, "'lora' on shop would be put together with itself"),
    ],
    ids=str,
)
def test_what_cannot_be_merged_is_one_line_of_the_study(
    params: dict[str, Any], said: str, tiny_folder: Path, tmp_path: Path
) -> None:
    with pytest.raises(StudyError) as found:
        planned(tmp_path, tiny_folder, {"sft": LORA}, {"sft": FULL}, {"merge": params})
    assert said in str(found.value)
    assert "\n" not in str(found.value)


def test_added_biases_have_no_place_in_a_merged_model(tiny_folder: Path, tmp_path: Path) -> None:
    merge = {"name": "it", "of": ["lora", "biases"]}
    plan = planned(tmp_path, tiny_folder, {"sft": LORA}, {"sft": BIASES}, {"merge": merge}, tasks={"sentiment": {}})
    worker = Worker(plan, RunFolder(tmp_path), lambda _what, _share: None)
    for unit in plan.units():
        worker.run(unit)
    (one,) = [one for one in plan.variants.values() if one.variant.label == "it"]
    record = read_json(RunFolder(tmp_path).variant(one.variant.id) / "variant.json")
    assert record["status"] == "failed"
    assert record["reason"].startswith("biases added biases, for which the model's layout has no place")


def test_adapters_from_elsewhere_are_merged_and_count_as_trained_on_what_is_declared(
    made: tuple[Plan, Path], tiny_folder: Path, tmp_path: Path
) -> None:
    plan, folder = made
    (lora,) = [name for name, one in plan.variants.items() if one.variant.label == "lora"]
    path = str(RunFolder(folder).variant(lora))
    there = planned(
        tmp_path,
        tiny_folder,
        {"existing": {"name": "there", "path": path, "trained_on": ["shop"]}},
        {"sft": LORA},
        {"merge": {"name": "it", "of": ["lora", "there"], "how": "mean"}},
        tasks={"sentiment": {}},
    )
    (one,) = [one for one in there.variants.values() if one.variant.label == "it"]
    assert one.variant.trained_on == ("shop",)
    assert {cell.cell.relation for cell in there.cells_of(one.variant.id)} == {"in_domain", "out_of_domain"}
