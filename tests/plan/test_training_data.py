"""What a planned variant trains on: its rows by task, each with demonstrations of its own data set."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hanka.methods.supervised.rows import encode_training
from hanka.models.loading import load_tokenizer
from hanka.plan import Plan, build_plan
from hanka.plan.written import study_yaml
from hanka.prompting import Prompter
from hanka.study.resolve import resolve
from hanka.study.source import parse_source
from own_studies import own_data, study_of
from planned_studies import planned, the

MIXES: dict[str, Any] = {
    "mix": {"recipe": {"concat": {"of": {"shop": 0.5, "news": 0.5}}}},
    "lopsided": {"recipe": {"concat": {"of": {"shop": 100, "news": 1}}}},
}


def test_the_rows_of_a_mix_are_shown_with_demonstrations_of_their_own_data_set(tiny_folder: Path) -> None:
    plan = planned(tiny_folder, datasets=MIXES, methods=["base", {"fticl": {"on": ["mix", "lopsided"]}}])
    for variant in plan.variants.values():
        for part in variant.data().parts:
            (dataset,) = (one.dataset for one in variant.training.parts if one.task is part.task)  # type: ignore[union-attr]
            own = plan.data.training_demonstrations(dataset, variant.variant.seed)
            assert part.demonstrations == own
            assert len(part.demonstrations) >= 2
    assert [len(one.data().parts) for one in plan.variants.values()] == [0, 2, 1]


def matched(folder: Path, **fticl: Any) -> Any:
    methods = ["base", "sft", {"fticl": fticl}]
    train = {"sizes": [8], "match": "supervised_tokens", "max_length": 310}
    return planned(folder, tasks={"sentiment": {}}, methods=methods, train=train)


def test_matched_methods_train_on_the_rows_that_fit_all_of_them(tiny_folder: Path) -> None:
    plan = matched(tiny_folder)
    prompter = Prompter(load_tokenizer(plan.study.models[0]), plan.study.policy)
    sft, fticl = (
        encode_training(prompter, one.data(), one.adaptation, 0) for one in (the(plan, "sft"), the(plan, "fticl"))
    )
    assert 0 < len(sft.rows) == len(fticl.rows) < 8
    assert sft.dropped_ids == fticl.dropped_ids


def test_of_a_matched_method_only_what_decides_which_rows_fit_is_in_the_id(tiny_folder: Path) -> None:
    before = the(matched(tiny_folder), "sft").variant.id
    assert the(matched(tiny_folder, r=4, learning_rate=1e-3), "sft").variant.id == before
    assert the(matched(tiny_folder, max_length=300), "sft").variant.id != before
    assert the(matched(tiny_folder, shots=1), "sft").variant.id != before
    assert the(matched(tiny_folder, draw="per_example"), "sft").variant.id != before


@pytest.mark.parametrize(("sample", "n_sets"), [("first", 1), ("seeded", 2)])
def test_rows_of_a_mix_are_drawn_by_the_training_seed_where_the_study_says_so(
    tiny_folder: Path, sample: str, n_sets: int
) -> None:
    train = {"sizes": [8], "sample": sample}
    plan = planned(tiny_folder, datasets=MIXES, methods=["base", {"sft": {"on": "mix"}}], train=train, seeds=[0, 1])
    made = [one.training.fingerprint for one in plan.variants.values() if one.training]
    assert len(made) == 2
    assert len(set(made)) == n_sets


def shares(plan: Plan) -> dict[str, tuple[float | None, int]]:
    """By label: the share that is set aside, and how many rows are validated on."""
    found = {}
    for one in plan.variants.values():
        if one.training is not None:
            aside = sum(len(part.validation) for part in one.training.parts)
            found[one.variant.label] = (one.adaptation.train.validation, aside)
    return found


CHOSEN: dict[str, Any] = {"sft": {"name": "chosen", "checkpoints": 2}}


@pytest.mark.parametrize(
    ("methods", "train", "said"),
    [
        (["sft", "fticl"], {}, {"sft": (0.0, 0), "fticl": (0.0, 0)}),
        (["sft", "fticl"], {"checkpoints": 2}, {"sft": (0.1, 2), "fticl": (0.1, 2)}),
        (["sft", CHOSEN], {}, {"sft": (0.0, 0), "chosen": (0.1, 2)}),
        (["sft", CHOSEN], {"match": "supervised_tokens"}, {"sft": (0.1, 2), "chosen": (0.1, 2)}),
        (
            [{"sft": {"validation": 0.5}}, CHOSEN],
            {"match": "supervised_tokens"},
            {"sft": (0.5, 12), "chosen": (0.1, 2)},
        ),
        (["sft"], {"checkpoints": 2, "validation": 0.5}, {"sft": (0.5, 12)}),
    ],
)
def test_rows_are_set_aside_where_checkpoints_are_to_be_chosen_and_the_study_names_none(
    tiny_folder: Path, methods: list[Any], train: dict[str, Any], said: dict[str, tuple[float, int]]
) -> None:
    train = {"sizes": [8]} | train
    plan = planned(tiny_folder, tasks={"sentiment": {}}, methods=["base", *methods], train=train)
    assert shares(plan) == said
    again = build_plan(resolve(parse_source(study_yaml(plan.study), tiny_folder.parent / "study.yaml")))
    assert list(again.variants) == list(plan.variants)
    assert shares(again) == said


def test_a_data_set_with_validation_rows_keeps_all_of_its_training_rows(tmp_path: Path, tiny_folder: Path) -> None:
    values = own_data(tmp_path, base=str(tiny_folder), train={"sizes": [16], "checkpoints": 2})
    (tmp_path / "rows/more.csv").write_text("text,tone\none more,good\nand another,bad\n")
    values["datasets"]["mails"]["validation"] = "rows/more.csv"
    assert shares(build_plan(study_of(values, tmp_path))) == {"sft": (0.0, 2)}
