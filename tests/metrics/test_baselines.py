from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from hanka.metrics.base import Outputs, ScoringContext
from hanka.metrics.baselines import (
    BASELINES,
    BaselineInputs,
    first_sentence,
    first_words,
    majority_label,
    trivial_answers,
)
from hanka.metrics.classification import ACCURACY
from hanka.metrics.rouge import ROUGE_L
from hanka.records import Example

REPOSITORY = Path(__file__).resolve().parents[2]
PAPER = Path(os.environ.get("HANKA_PAPER_DATA", REPOSITORY.parent / "shared" / "data" / "paper"))

# Mean ROUGE-L F over the first 250 rows, measured once with rouge-score 0.1.2 on the released files of
# Yang et al. (2024): first sentence, first 45 words, first demonstration.
PUBLISHED = {
    "summary/xsum": (0.115, 0.124, 0.097),
    "summary/xlsum": (0.120, 0.127, 0.106),
    "summary/pdfs": (0.184, 0.129, 0.071),
    "summary/cnn": (0.210, 0.241, 0.076),
    "question/socialqa": (0.119, 0.115, 0.238),
    "question/tweetqa": (0.162, 0.177, 0.058),
    "question/sciqa": (0.383, 0.312, 0.017),
}


def examples(path: Path) -> tuple[Example, ...]:
    rows = json.loads(path.read_text(encoding="utf-8"))[:250]
    return tuple(Example(str(i), {"input": row["input"]}, row["output"]) for i, row in enumerate(rows))


@pytest.mark.skipif(not PAPER.is_dir(), reason="the released data is not here; set HANKA_PAPER_DATA to its folder")
@pytest.mark.parametrize("name", PUBLISHED)
def test_trivial_rouge_l_on_the_released_data(name: str) -> None:
    task, dataset = name.split("/")
    test = examples(PAPER / task / f"{dataset}_test_500.json")
    demonstrations = examples(PAPER / task / "few_shot" / f"{dataset}_few_shot.json")
    answers = trivial_answers("generation", BaselineInputs(test, demonstrations=demonstrations))
    targets = [example.target for example in test]
    for baseline, expected in zip(
        ("first_sentence", "first_words", "first_demonstration"), PUBLISHED[name], strict=True
    ):
        value = ROUGE_L.value(ROUGE_L.statistics(Outputs(targets, answers[baseline]), ScoringContext()))
        assert value == pytest.approx(expected, abs=0.001), baseline


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("It rained. We left.", "It rained."),
        ("Version 3.5 is out! Get it", "Version 3.5 is out!"),
        ("no end", "no end"),
        ("  One?\nTwo. ", "One?"),
        ("雨だ。帰ろう。", "雨だ。"),
        ("本当\uff01\uff1f帰ろう。", "本当\uff01\uff1f"),
        ("「行く。」と言った。終わり。", "「行く。」と言った。"),
        ("", ""),
    ],
)
def test_first_sentence(text: str, sentence: str) -> None:
    assert first_sentence(text) == sentence


def test_first_words_counts_characters_where_there_are_no_spaces() -> None:
    assert first_words("a b  c\nd", 3) == "a b c"
    assert first_words("猫" * 100, 3) == "猫" * 6
    assert first_words("Tanaka (田中) went home early", 3) == "Tanaka (田中) went"


def test_majority_label_breaks_ties_the_same_way_in_any_order() -> None:
    rows = [Example(str(i), {}, target) for i, target in enumerate(["yes", "no", "yes", "no", "maybe"])]
    assert majority_label(rows) == majority_label(rows[::-1]) == "no"
    with pytest.raises(ValueError, match="no examples"):
        majority_label([])


def test_the_majority_of_the_test_set_scores_its_share_and_the_training_majority_may_not() -> None:
    test = tuple(Example(str(i), {"input": "x"}, target) for i, target in enumerate(["yes"] * 3 + ["no"] * 2))
    training = tuple(Example(str(i), {"input": "x"}, "no") for i in range(2))
    answers = trivial_answers("classification", BaselineInputs(test, training))
    targets = [example.target for example in test]
    values = {
        name: ACCURACY.value(ACCURACY.statistics(Outputs(targets, given), ScoringContext()))
        for name, given in answers.items()
    }
    assert values == {"majority_training_label": 0.4, "majority_test_label": 0.6}


def test_a_baseline_whose_inputs_are_absent_is_left_out() -> None:
    test = (Example("1", {"input_1": "Hello there. Bye."}, "hi"),)
    assert set(trivial_answers("classification", BaselineInputs(test))) == {"majority_test_label"}
    answers = trivial_answers("generation", BaselineInputs(test))
    assert answers == {"first_sentence": ("Hello there.",), "first_words": ("Hello there. Bye.",)}


def test_no_test_examples_raise() -> None:
    with pytest.raises(ValueError, match="no test examples"):
        trivial_answers("generation", BaselineInputs(()))


def test_baseline_names_are_unique() -> None:
    assert len({baseline.name for baseline in BASELINES}) == len(BASELINES)
