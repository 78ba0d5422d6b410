"""Models that answer together: those that cannot are said so before any training, or fail alone and are asked again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from hanka.audits import require_common_vocabularies
from hanka.errors import ModelError
from hanka.plan import Plan
from hanka.store.folder import RunFolder
from hanka.work.answer import answer_cells
from hanka.work.place import Workplace
from hanka.work.worker import Worker
from planned_studies import planned, small, the


class Spelt:
    """A tokenizer."""

    def __init__(self, *tokens: str) -> None:
        self.tokens = tokens

    def get_vocab(self) -> dict[str, int]:
        return {token: index for index, token in enumerate(self.tokens)}


def proxies(folder: Path) -> Plan:
    entries: list[Any] = ["base", {"sft": {"on": "shop", "peft": "bitfit", "biases": "added"}}]
    entries.append({"proxy": {"expert": {"of": "sft", "base": "small"}, "bases": ["tiny"]}})
    return planned(folder, base=[{"model": str(folder), "name": "tiny"}, small(folder)], methods=entries)


def test_tokenizers_that_differ_are_said_before_any_training(tiny_folder: Path) -> None:
    plan = proxies(tiny_folder)
    require_common_vocabularies(plan, {"tiny": Spelt("a", "b"), "small": Spelt("a", "b", "c")})
    with pytest.raises(ModelError, match="'tiny' and 'small' differ in vocabulary"):
        require_common_vocabularies(plan, {"tiny": Spelt("a", "b"), "small": Spelt("b", "a")})


def test_models_that_do_not_fit_together_fail_alone_and_are_asked_again(tiny_folder: Path, tmp_path: Path) -> None:
    plan, folder = proxies(tiny_folder), RunFolder(tmp_path / "run")
    worker = Worker(plan, folder, lambda _what, _share: None)
    for unit in plan.units():
        if unit.kind == "adapt":
            worker.run(unit)
    proxy = the(plan, "proxy")
    cells = plan.cells_of(proxy.variant.id)
    place = Workplace(plan, folder, lambda _what, _share: None)
    place.resident.budget_bytes = 1
    answer_cells(place, proxy)
    records = [json.loads((folder.cell(one.cell.id) / "cell.json").read_text()) for one in cells]
    assert {one["status"] for one in records} == {"failed"}
    assert all("base tiny" in one["reason"] and "expert small" in one["reason"] for one in records)
    assert not any(
        "anti small" in one["reason"] for one in records
    )  # the expert's weights are its own, and counted once
    place.resident.budget_bytes = None
    answer_cells(place, proxy)
    records = [json.loads((folder.cell(one.cell.id) / "cell.json").read_text()) for one in cells]
    assert {one["status"] for one in records} == {"done"}


def test_a_proxy_on_the_base_of_its_expert_loads_it_once(tiny_folder: Path, tmp_path: Path) -> None:
    entries: list[Any] = ["base", {"sft": {"on": "shop"}}, {"proxy": {"expert": "sft", "alpha": 0.5}}]
    plan, folder = planned(tiny_folder, methods=entries), RunFolder(tmp_path / "run")
    worker = Worker(plan, folder, lambda _what, _share: None)
    for unit in plan.units():
        worker.run(unit)
    records = [json.loads((folder.cell(one) / "cell.json").read_text()) for one in plan.cells]
    assert {one["status"] for one in records} == {"done"}
    assert worker.place.resident.n_loads == 1
