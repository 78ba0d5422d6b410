from __future__ import annotations

import pytest

from hanka.errors import UnitError
from hanka.methods.contract import (
    Adaptation,
    CourseMethodParams,
    ShownInTraining,
    TrainingData,
    TrainingPart,
    TrainParams,
)
from hanka.methods.supervised.rows import demonstrations_before, encode_training, encode_validation
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
NO_SHOTS, TWO_SHOTS = ShownInTraining(), ShownInTraining(2)


def asked(shown: ShownInTraining, protocol: str = "corrected") -> Adaptation:
    policy = TextPolicy(protocol=protocol)  # type: ignore[arg-type]
    return Adaptation(CourseMethodParams(), policy, TrainParams(max_length=300), shown=shown)


SFT, FTICL = asked(NO_SHOTS), asked(TWO_SHOTS)
PART = TrainingPart(TASK, EXAMPLES, POOL)


def data(*companions: Adaptation) -> TrainingData:
    return TrainingData((PART,), companions)


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


def test_a_row_knows_the_example_it_was_made_of_and_what_stands_before_its_answer() -> None:
    tokenizer = tiny_tokenizer()
    found = encode_training(prompter(), data(FTICL), SFT, 0)
    assert found.n_dropped > 0
    for one, source in zip(found.rows, found.sources, strict=True):
        assert tokenizer.decode(one.ids) == source.text + source.example.target + "</s>"
        assert source.example in EXAMPLES


def test_matched_methods_train_on_the_same_rows_and_as_many_supervised_tokens() -> None:
    """train.match: without it fticl sees fewer targets than sft, which alone could change what is forgotten."""
    sft = encode_training(prompter(), data(FTICL), SFT, 0)
    fticl = encode_training(prompter(), data(SFT), FTICL, 0)
    unmatched = encode_training(prompter(), data(), SFT, 0)
    assert sum(map(supervised, sft.rows)) == sum(map(supervised, fticl.rows)) > 0
    assert sum(map(supervised, unmatched.rows)) > sum(map(supervised, fticl.rows))


def test_the_paper_protocol_cuts_on_the_right_and_counts_lost_targets() -> None:
    found = encode_training(prompter("paper"), data(), asked(TWO_SHOTS, "paper"), 0)
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
    fixed = demonstrations_before(TWO_SHOTS, PART, 0)
    assert len({tuple(one.id for one in before) for before in fixed}) == 1
    drawn = ShownInTraining(2, per_example=True)
    first, again, other = (demonstrations_before(drawn, PART, seed) for seed in (0, 0, 1))
    assert first == again != other
    assert len({tuple(one.id for one in before) for before in first}) > 1


def test_more_demonstrations_than_the_pool_holds_are_refused() -> None:
    with pytest.raises(UnitError, match="5 demonstrations are asked"):
        demonstrations_before(ShownInTraining(5), PART, 0)


def test_parts_are_rows_of_their_own_tasks_one_after_the_other() -> None:
    other = TrainingPart(TASKS.get("sentiment"), [Example("s", {"input": "Lovely."}, "positive")])
    both = encode_training(prompter(), TrainingData((PART, other)), SFT, 0)
    first, second = (encode_training(prompter(), TrainingData((part,)), SFT, 0) for part in (PART, other))
    assert both.rows == first.rows + second.rows
    assert both.n_dropped == first.n_dropped + second.n_dropped > 0
    assert both.dropped_ids == first.dropped_ids


def test_validation_rows_are_encoded_as_training_would_and_left_out_where_they_do_not_fit() -> None:
    part = TrainingPart(TASK, EXAMPLES[:2], POOL, EXAMPLES)
    found = encode_validation(prompter(), TrainingData((part,)), FTICL, 0)
    training = encode_training(prompter(), data(), FTICL, 0)
    assert (found.rows, found.sources) == (training.rows, training.sources)
    assert encode_validation(prompter(), data(), FTICL, 0).rows == []
