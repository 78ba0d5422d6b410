"""DIR/study.yaml names models of the hub with the commit that was found, so that a rerun asks the same weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from hanka.plan import build_plan
from hanka.plan.written import study_yaml
from hanka.study.resolve import resolve
from hanka.study.source import parse_source
from own_studies import ROOT, ids, smallest

OLD, NEW = "a" * 40, "b" * 40


@pytest.fixture
def branch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The note of the local hub cache that says which commit `main` of me/model is."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    note = tmp_path / "models--me--model" / "refs" / "main"
    note.parent.mkdir(parents=True)
    note.write_text(OLD)
    return note


@pytest.mark.parametrize(
    ("base", "written"),
    [
        ("me/model", {"model": f"me/model@{OLD}", "name": "me/model"}),
        ("me/model@main", {"model": f"me/model@{OLD}", "name": "me/model@main"}),
        ({"model": "me/model", "name": "mine"}, {"model": f"me/model@{OLD}", "name": "mine"}),
        (f"me/model@{OLD}", f"me/model@{OLD}"),
    ],
)
def test_a_branch_is_written_as_its_commit_and_keeps_its_name(branch: Path, base: Any, written: Any) -> None:
    study = smallest(base=base, methods=["base"], train={"sizes": [8]})
    plan = build_plan(study)
    text = study_yaml(plan.study)
    assert yaml.safe_load(text)["base"] == written
    branch.write_text(NEW)
    moved = ids(study)[1] != list(plan.cells)  # the study as it was asks other weights now
    assert moved == (OLD not in str(base))
    again = build_plan(resolve(parse_source(text, ROOT / "elsewhere/study.yaml")))
    assert list(again.cells) == list(plan.cells)
    assert [one.variant.base for one in again.variants.values()] == [one.variant.base for one in plan.variants.values()]
    assert study_yaml(again.study) == text


def test_the_tokenizer_of_random_weights_is_pinned_too(branch: Path) -> None:
    sizes = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    study = smallest(base={"fresh": {"tokenizer": "me/model", **sizes}}, methods=["base"], train={"sizes": [8]})
    assert yaml.safe_load(study_yaml(build_plan(study).study))["base"]["fresh"]["tokenizer"] == f"me/model@{OLD}"


def test_a_branch_whose_commit_is_not_known_stays_as_it_is(branch: Path) -> None:
    branch.unlink()
    assert (
        yaml.safe_load(study_yaml(build_plan(smallest(base="me/model", methods=["base"])).study))["base"] == "me/model"
    )
