"""`restore` through a study: the most changed weights are the base's again, all of them bit for bit, the others the variant's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from hanka.errors import StudyError
from hanka.methods.restore.adapt import _size
from hanka.methods.restore.params import RestoreParams
from hanka.plan import Plan, build_plan
from hanka.store.folder import RunFolder, read_json
from hanka.study.resolve import resolve
from hanka.study.source import parse_source
from hanka.tuners import TUNERS
from hanka.work.place import Workplace
from hanka.work.worker import Worker

SHARES = {"none": 0.0, "third": 0.3, "all": 1.0}


def planned(folder: Path, base: Path, *entries: dict[str, Any]) -> Plan:
    values: dict[str, Any] = {
        "name": "restoring",
        "base": str(base),
        "data": {"source": "toy"},
        "tasks": {"sentiment": {}},
        "methods": ["base", {"sft": {"name": "full", "peft": "none"}}, {"sft": {"name": "lora"}}, *entries],
        "train": {"sizes": [8], "epochs": 1, "learning_rate": 2e-3},
        "eval": {"shots": [0], "limit": 2},
    }
    return build_plan(resolve(parse_source(yaml.safe_dump(values), folder / "study.yaml")))


def weights(plan: Plan, folder: Path, label: str) -> dict[str, torch.Tensor]:
    """The weights that a variant answers with, whole."""
    (one,) = [one for one in plan.variants.values() if one.variant.label == label]
    place = Workplace(plan, RunFolder(folder), lambda _what, _share: None)
    stack = place.stack(one.variant.id)
    with place.resident.lend(one.model, "float32") as base:
        for made in stack:
            tuner = TUNERS.get(made.tuner)
            base = tuner.merge(tuner.load(base, made.folder))
        return {name: value.detach().clone() for name, value in base.model.named_parameters()}


@pytest.fixture(scope="module")
def made(tiny_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Plan, Path]:
    folder = tmp_path_factory.mktemp("restoring")
    entries = [{"restore": {"name": name, "of": "full", "share": share}} for name, share in SHARES.items()]
    entries.append({"restore": {"name": "lora third", "of": "lora", "share": 0.3}})
    entries.append({"restore": {"name": "relative", "of": "full", "share": 0.3, "by": "relative"}})
    plan = planned(folder, tiny_folder, *entries)
    worker = Worker(plan, RunFolder(folder), lambda _what, _share: None)
    for unit in plan.units():
        if unit.kind == "adapt":
            worker.run(unit)
    return plan, folder


def test_all_put_back_is_the_base_bit_for_bit(made: tuple[Plan, Path]) -> None:
    base, found, full = (weights(*made, label) for label in ("base", "all", "full"))
    assert all(torch.equal(found[name], value) for name, value in base.items())
    assert not all(torch.equal(full[name], value) for name, value in base.items())


def test_nothing_put_back_is_the_variant_to_rounding(made: tuple[Plan, Path]) -> None:
    full, found = weights(*made, "full"), weights(*made, "none")
    for name, value in full.items():
        assert torch.allclose(found[name], value, rtol=0, atol=1e-8), name  # base + (tuned - base) in float32


def test_a_share_is_of_all_weights_the_most_changed_first(made: tuple[Plan, Path]) -> None:
    base, full, found = (weights(*made, label) for label in ("base", "full", "third"))
    before, after, now = (torch.cat([one[name].flatten() for name in base]) for one in (base, full, found))
    sizes = (after - before).abs()
    n_back = round(0.3 * len(sizes))
    order = sizes.sort(descending=True, stable=True).indices  # of equal changes the first
    is_back = torch.zeros(len(sizes), dtype=torch.bool)
    is_back[order[:n_back]] = True
    assert torch.equal(now[is_back], before[is_back])
    assert torch.allclose(now[~is_back], after[~is_back], rtol=0, atol=1e-8)
    assert int((sizes == sizes[order[n_back - 1]]).sum()) > 1  # the share ends among equal changes


def test_an_adapter_is_put_back_as_what_it_changes_of_the_base(made: tuple[Plan, Path]) -> None:
    base, lora, found = (weights(*made, label) for label in ("base", "lora", "lora third"))
    back = kept = 0
    for name, value in base.items():
        changed = lora[name] != value
        back += int((changed & (found[name] == value)).sum())
        kept += int((changed & torch.isclose(found[name], lora[name], rtol=0, atol=1e-7)).sum())
    assert back > 0
    assert kept > 0


def test_by_relative_size_other_weights_come_back(made: tuple[Plan, Path]) -> None:
    base, third, relative = (weights(*made, label) for label in ("base", "third", "relative"))
    assert any(not torch.equal(third[name], relative[name]) for name in base)


def test_a_weight_that_was_zero_changed_most_of_all_relatively() -> None:
    params = RestoreParams(of="full", by="relative")  # type: ignore[arg-type]
    found = _size(params, torch.tensor([0.1, -0.1, 0.0, 0.0]), torch.tensor([0.2, 0.0, 0.0, 3.0]))
    assert found.tolist() == [pytest.approx(0.5), torch.finfo(torch.float32).max, 0.0, 0.0]


def test_the_record_says_how_much_had_changed_and_how_much_of_that_is_back(made: tuple[Plan, Path]) -> None:
    plan, folder = made
    (one,) = [one for one in plan.variants.values() if one.variant.label == "third"]
    record = read_json(RunFolder(folder).variant(one.variant.id) / "variant.json")["record"]
    assert record["share"] == 0.3
    assert record["restored_of_changed"] == pytest.approx(0.3 / record["changed"], rel=1e-4)


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"of": "base"}, "reads what adapting changed, and 'base' is not adapted"),
        ({"of": "full", "share": 1.5}, "share"),
        ({"of": "full", "share": -0.1}, "share"),
    ],
)
def test_what_cannot_be_put_back_is_refused_in_one_line(
    tiny_folder: Path, tmp_path: Path, entry: dict[str, Any], message: str
) -> None:
    with pytest.raises(StudyError, match=message) as told:
        planned(tmp_path, tiny_folder, {"restore": entry})
    assert "\n" not in str(told.value)
