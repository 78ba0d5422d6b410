"""`replay`: how many rows it adds, that the rows learnt stay as they are, and that no relation follows from what is rehearsed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from hanka.errors import StudyError
from hanka.plan import Plan, build_plan
from hanka.study.resolve import resolve
from hanka.study.source import parse_source

REPLAY = {"of": "shop", "rehearse": ["prose", "history"], "share": 0.5}


def planned(folder: Path, base: Path, replay: dict[str, Any], **train: Any) -> Plan:
    (folder / "prose.csv").write_text("text\n" + "".join(f"A sentence of no task number {n}.\n" for n in range(9)))
    (folder / "unseen.csv").write_text("text\n" + "".join(f"Another sentence number {n}.\n" for n in range(4)))
    values = {
        "name": "replay",
        "base": str(base),
        "data": {"source": "toy"},
        "datasets": {
            "prose": {"task": "text", "domain": "prose", "train": "prose.csv", "fields": {"output": "text"}},
            "unseen": {"task": "text", "domain": "prose", "test": "unseen.csv", "fields": {"output": "text"}},
            "mix": {"recipe": {"replay": replay}},
        },
        "tasks": {"sentiment": {}, "detection": {"train": None}, "text": {"in_domain": ["unseen"]}},
        "methods": [
            "sft",
            {"sft": {"name": "replayed", "on": "mix"}},
            {"interpolate": {"name": "half", "of": "replayed"}},
        ],
        "train": {"sizes": [8], "epochs": 1} | train,
        "eval": {"shots": [0], "limit": 2},
    }
    return build_plan(resolve(parse_source(yaml.safe_dump(values), folder / "study.yaml")))


def by_label(plan: Plan, label: str) -> Any:
    (found,) = [one for one in plan.variants.values() if one.variant.label == label]
    return found


def test_the_rows_that_are_learnt_are_those_of_a_training_without_replay(tiny_folder: Path, tmp_path: Path) -> None:
    plan = planned(tmp_path, tiny_folder, REPLAY)
    plain, replayed = by_label(plan, "sft"), by_label(plan, "replayed")
    parts = {part.dataset.name: part.examples for part in replayed.training.parts}
    assert {name: len(rows) for name, rows in parts.items()} == {"shop": 8, "prose": 2, "history": 2}
    assert [row.target for row in parts["shop"]] == [row.target for row in plain.training.parts[0].examples]
    assert [row.fields for row in parts["shop"]] == [row.fields for row in plain.training.parts[0].examples]
    assert (plain.variant.train_size, replayed.variant.train_size) == (8, 12)


def test_what_is_rehearsed_is_in_no_domain_and_is_asked_what_a_training_without_is(
    tiny_folder: Path, tmp_path: Path
) -> None:
    """`unseen` has the domain of the rehearsed prose, and `history` is rehearsed and tested, too."""
    plan = planned(tmp_path, tiny_folder, REPLAY)

    def relations(label: str) -> dict[str, str]:
        cells = plan.cells_of(by_label(plan, label).variant.id)
        return {one.cell.test_dataset: one.cell.relation for one in cells}

    assert relations("sft") == relations("replayed") == relations("half")
    assert relations("replayed")["unseen"] == relations("replayed")["history"] == "cross_task"
    assert relations("replayed")["shop"] == "in_domain"
    for label in ("replayed", "half"):
        variant = by_label(plan, label).variant
        assert (variant.trained_on, variant.rehearsed) == (("shop",), ("prose", "history"))
    assert any("replayed rehearses history" in note for note in plan.notes)
    assert by_label(plan, "replayed").variant.id != by_label(plan, "sft").variant.id


def test_a_share_is_rows_per_row_learnt_and_never_none(tiny_folder: Path, tmp_path: Path) -> None:
    plan = planned(tmp_path, tiny_folder, {"of": "shop", "rehearse": "prose", "share": 0.01})
    assert by_label(plan, "replayed").variant.train_size == 9
    with pytest.raises(StudyError, match="80 train rows of dataset prose are asked and it has 8"):
        planned(tmp_path, tiny_folder, {"of": "shop", "rehearse": "prose", "share": 10})
    with pytest.raises(StudyError, match="shop is learnt and cannot be rehearsed, too"):
        planned(tmp_path, tiny_folder, {"of": "shop", "rehearse": ["prose", "shop"]})
    with pytest.raises(StudyError, match="unknown data set 'verse'"):
        planned(tmp_path, tiny_folder, {"of": "shop", "rehearse": "verse"})
