from collections import Counter

import pytest

from hanka.datasets import SOURCES, handwritten
from hanka.datasets.release import LABELS

TOY = SOURCES.get("toy").catalogue(None)
SIZES = {True: {"train": 24, "test": 12, "demonstrations": 4}, False: {"test": 34, "demonstrations": 6}}


@pytest.mark.parametrize("name", TOY)
def test_split_sizes_are_exact(name: str) -> None:
    dataset = TOY[name]
    assert {split: len(dataset.load(split)) for split in dataset.splits} == SIZES["train" in dataset.splits]


@pytest.mark.parametrize("name", [name for name, dataset in TOY.items() if dataset.task in LABELS])
def test_labels_are_about_even_in_every_split(name: str) -> None:
    for split in TOY[name].splits:
        counts = Counter(example.target for example in TOY[name].load(split))
        assert set(counts) == set(LABELS[TOY[name].task])
        assert max(counts.values()) - min(counts.values()) <= 2


def test_the_split_is_the_same_everywhere() -> None:
    ids = [example.id.removeprefix("toy-sentiment-shop-") for example in TOY["shop"].load("demonstrations")]
    assert ids == ["14", "18", "10", "13"]


@pytest.mark.parametrize("name", handwritten.datasets("mini"))
def test_hand_written_sets_hold_150_balanced_rows_without_training(name: str) -> None:
    dataset = handwritten.datasets("mini")[name]
    test, demonstrations = dataset.load("test"), dataset.load("demonstrations")
    assert (len(test), len(demonstrations)) == (138, 12)
    assert not {example.group for example in test} & {example.group for example in demonstrations}
    for examples in (test, demonstrations):
        assert len(set(Counter(example.target for example in examples).values())) == 1
