"""Every dataset that ships with the package keeps the Dataset contract; toy and the hand-written sets."""

from __future__ import annotations

from itertools import combinations

import pytest

from hanka.datasets import SOURCES, handwritten
from hanka.datasets.base import Dataset, Source, relation
from hanka.datasets.overlap import exact_overlap
from hanka.datasets.splits import group_of
from hanka.errors import DataError
from hanka.tasks import TASKS

SHIPPED: dict[str, Dataset] = {**SOURCES.get("toy").catalogue(None), **handwritten.datasets("mini")}
EVERY = pytest.mark.parametrize("dataset", SHIPPED.values(), ids=SHIPPED)


@EVERY
def test_declares_itself(dataset: Dataset) -> None:
    assert SHIPPED[dataset.name] is dataset
    assert dataset.task in TASKS
    assert dataset.domain
    assert dataset.source
    assert dataset.licence
    assert dataset.note, "small and hand-written: it says so"
    assert "test" in dataset.splits


@EVERY
def test_splits_share_no_group_no_id_and_no_text(dataset: Dataset) -> None:
    parts = {split: dataset.load(split) for split in dataset.splits}
    assert all(parts.values())
    for one, other in combinations(parts.values(), 2):
        assert {group_of(example) for example in one}.isdisjoint(group_of(example) for example in other)
        assert exact_overlap(one, other) == []
    ids = [example.id for part in parts.values() for example in part]
    assert len(set(ids)) == len(ids)


@EVERY
def test_every_example_fits_its_task(dataset: Dataset) -> None:
    task = TASKS.get(dataset.task)
    for split in dataset.splits:
        for example in dataset.load(split):
            assert set(example.fields) == set(task.inputs)
            assert all(text.strip() for text in example.fields.values())
            assert example.target == example.target.strip() != ""
            assert not task.labels or example.target in task.labels
            for prompt in task.prompts:
                assert task.render(example, prompt)


@EVERY
def test_loading_is_deterministic_and_a_size_never_cuts(dataset: Dataset) -> None:
    for split in dataset.splits:
        assert dataset.load(split) == dataset.load(split) == dataset.load(split, 1)


@EVERY
def test_a_split_it_does_not_have_is_explained(dataset: Dataset) -> None:
    if "train" not in dataset.splits:
        with pytest.raises(DataError, match=f"dataset {dataset.name} has no train split"):
            dataset.load("train")


@pytest.mark.parametrize("source", list(SOURCES), ids=SOURCES.names())
def test_default_roles_name_datasets_of_the_task_and_follow_the_domains(source: Source) -> None:
    if source.needs_path:
        pytest.skip("covered where its folder is: tests/datasets")
    datasets = source.catalogue(None)
    for task, roles in source.roles.items():
        anchor = datasets[roles.train or roles.in_domain[0]]
        assert task in TASKS
        assert [datasets[name].task for name in (*roles.in_domain, *roles.out_of_domain)] == [task] * (
            len(roles.in_domain) + len(roles.out_of_domain)
        )
        assert {relation(anchor, datasets[name]) for name in roles.in_domain} <= {"in_domain"}
        assert {relation(anchor, datasets[name]) for name in roles.out_of_domain} <= {"out_of_domain"}
        assert roles.train is None or "train" in datasets[roles.train].splits
