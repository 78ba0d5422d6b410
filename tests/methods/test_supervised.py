from __future__ import annotations

from typing import Any

import pytest

from hanka.errors import UnitError
from hanka.methods.contract import TrainingData
from hanka.methods.supervised.adapt import demonstrations_before, encode_training
from hanka.prompting import Prompter, TextPolicy
from hanka.records import Example
from hanka.tasks import TASKS
from hanka.training.batching import supervised
from tiny_models import tiny_tokenizer

TASK = TASKS.get("summary")


def row(name: str, n_words: int) -> Example:
    return Example(name, {"input": "word " * n_words}, "A short summary.")


EXAMPLES = [row(f"r{index}", 5 + 12 * index) for index in range(8)]
POOL = [row(f"d{index}", 10) for index in range(4)]
SFT = {"max_length": 300}
FTICL = {"max_length": 300, "shots": 2, "draw": "fixed"}


def data(protocol: str = "corrected", companions: tuple[dict[str, Any], ...] = ()) -> TrainingData:
    return TrainingData(TASK, "p1", EXAMPLES, POOL, protocol, companions)  # type: ignore[arg-type]


def prompter(protocol: str = "corrected") -> Prompter:
    return Prompter(tiny_tokenizer(), TextPolicy(protocol=protocol))  # type: ignore[arg-type]


def test_rows_that_do_not_fit_are_left_out_whole_and_counted() -> None:
    plain, longer = (encode_training(prompter(), data(), params, 0) for params in (SFT, FTICL))
    assert plain.n_dropped < longer.n_dropped < len(EXAMPLES)
    for found in (plain, longer):
        assert len(found.rows) + found.n_dropped == len(EXAMPLES)
        assert found.n_unsupervised == found.n_cut == 0
        assert all(len(one.ids) <= 300 for one in found.rows)
        assert all(supervised(one) for one in found.rows)


def test_matched_methods_train_on_the_same_rows_and_as_many_supervised_tokens() -> None:
    """train.match: without it fticl sees fewer targets than sft, which alone could change what is forgotten."""
    sft = encode_training(prompter(), data(companions=(FTICL,)), SFT, 0)
    fticl = encode_training(prompter(), data(companions=(SFT,)), FTICL, 0)
    unmatched = encode_training(prompter(), data(), SFT, 0)
    assert sum(map(supervised, sft.rows)) == sum(map(supervised, fticl.rows)) > 0
    assert sum(map(supervised, unmatched.rows)) > sum(map(supervised, fticl.rows))


def test_the_paper_protocol_cuts_on_the_right_and_counts_lost_targets() -> None:
    found = encode_training(prompter("paper"), data("paper"), FTICL, 0)
    assert len(found.rows) == len(EXAMPLES)
    assert found.n_cut > 0
    assert 0 < found.n_unsupervised <= found.n_cut
    assert all(len(one.ids) <= 300 for one in found.rows)


def test_fticl_masks_every_demonstration() -> None:
    tokenizer = tiny_tokenizer()
    (one, *_) = encode_training(prompter(), data(), FTICL, 0).rows
    assert tokenizer.decode(one.ids[one.start :]) == "A short summary.</s>"
    assert tokenizer.decode(one.ids[: one.start]).count("A short summary.") == 2


def test_fixed_demonstrations_are_the_same_and_drawn_ones_differ_and_repeat_by_seed() -> None:
    fixed = demonstrations_before(FTICL, data(), 0)
    assert len({tuple(one.id for one in before) for before in fixed}) == 1
    drawn = {**FTICL, "draw": "per_example"}
    first, again, other = (demonstrations_before(drawn, data(), seed) for seed in (0, 0, 1))
    assert first == again != other
    assert len({tuple(one.id for one in before) for before in first}) > 1


def test_more_demonstrations_than_the_pool_holds_are_refused() -> None:
    with pytest.raises(UnitError, match="5 demonstrations are asked"):
        demonstrations_before({**FTICL, "shots": 5}, data(), 0)
