from __future__ import annotations

import pytest

from hanka.metrics.base import Outputs, ScoringContext
from hanka.metrics.output_space import CAP_HITS, DISTINCT_SHARE, LABEL_SHARE, LENGTH_RATIO
from hanka.records import Prediction

CONTEXT = ScoringContext(training_labels=("positive", "negative"), max_new_tokens=4)


def outputs(targets: list[str], texts: list[str]) -> Outputs:
    return Outputs(targets=targets, answers=texts, texts=texts)


@pytest.mark.parametrize(
    ("output", "is_label"),
    [
        ("positive", True),
        (" Positive.\n", True),
        ("NEGATIVE!", True),
        ("negative", True),
        ("positive review of a film", False),
        ("it is positive", False),
        ("positives", False),
        ("positive\nnegative", False),
        ("", False),
    ],
)
def test_label_share_counts_outputs_that_are_a_label_and_nothing_else(output: str, is_label: bool) -> None:
    assert LABEL_SHARE.statistics(outputs(["a summary"], [output]), CONTEXT)[0, 0] == is_label


def test_a_label_that_ends_in_punctuation_is_found() -> None:
    assert LABEL_SHARE.statistics(outputs(["x"], ["Yes!"]), ScoringContext(training_labels=("yes!",)))[0, 0] == 1


def test_label_share_without_training_labels_has_no_value_and_says_why() -> None:
    assert "training labels" in LABEL_SHARE.missing(ScoringContext(labels=("a",)))
    with pytest.raises(ValueError, match="training"):
        LABEL_SHARE.statistics(outputs(["x"], ["y"]), ScoringContext())


def test_distinct_share_sums_to_the_number_of_distinct_outputs() -> None:
    answers = ["positive", "Positive ", "negative", "a b", "a  b", "c"]
    statistics = DISTINCT_SHARE.statistics(outputs(["x"] * 6, answers), CONTEXT)
    assert statistics.sum() == pytest.approx(4)
    assert DISTINCT_SHARE.value(statistics) == pytest.approx(4 / 6)


def test_collapse_to_one_output_gives_the_smallest_distinct_share() -> None:
    assert DISTINCT_SHARE.value(DISTINCT_SHARE.statistics(outputs(["x"] * 50, ["yes"] * 50), CONTEXT)) == pytest.approx(
        1 / 50
    )


@pytest.mark.parametrize(
    ("target", "answer", "ratio"),
    [
        ("one two three four", "one two", 0.5),
        ("one", "", 0.0),
        ("", "one two", 2.0),
        ("東京へ行く", "東京 へ 行く 東京へ行く", 2.0),
        ("cats", "猫", 1 / 4),
    ],
)
def test_length_ratio_counts_words_or_characters(target: str, answer: str, ratio: float) -> None:
    assert LENGTH_RATIO.statistics(outputs([target], [answer]), CONTEXT)[0, 0] == pytest.approx(ratio)


def test_cap_hits_reads_the_token_counts_of_the_predictions() -> None:
    predictions = [
        Prediction(str(i), "", "", "t", "o", "o", None, status, "", 1, n_tokens)
        for i, (status, n_tokens) in enumerate([("ok", 4), ("failed", 0), ("ok", 3), ("ok", 5)])
    ]
    rows = CAP_HITS.rows(predictions, CONTEXT)
    assert rows.sample_ids == ("0", "2", "3")
    assert rows.statistics[:, 0].tolist() == [1.0, 0.0, 1.0]


def test_cap_hits_needs_the_cap_and_a_token_count() -> None:
    with pytest.raises(ValueError, match="no samples"):
        CAP_HITS.statistics(Outputs(), CONTEXT)
    with pytest.raises(ValueError, match="cap"):
        CAP_HITS.statistics(Outputs(n_tokens=[1]), ScoringContext())


def test_what_could_not_be_read_is_described_by_its_raw_text() -> None:
    found = Outputs(targets=["x", "x"], answers=[None, "positive"], texts=["negative", "positive, I think"])
    assert LABEL_SHARE.statistics(found, CONTEXT)[:, 0].tolist() == [1.0, 1.0]
    assert LENGTH_RATIO.statistics(found, CONTEXT)[:, 0].tolist() == [1.0, 1.0]
    nothing = Outputs(targets=["x"], answers=[None], texts=[None])
    assert LENGTH_RATIO.statistics(nothing, CONTEXT)[:, 0].tolist() == [0.0]
