"""The gap that steering closes, on planted runs: shares by hand, none where the direct gain may be nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hanka.analysis.questions import QUESTIONS
from hanka.analysis.questions.contract import Answer
from planted_runs import N, Planted, right, rows_of


def ask(planted: Planted) -> Answer | None:
    return QUESTIONS.get("gap_closed").ask(planted.evidence())


@pytest.fixture
def planted(tmp_path: Path) -> Planted:
    run = Planted(tmp_path / "run")
    run.add("base", right(10, 20))
    return run


def test_the_share_is_steered_over_direct_with_fiellers_interval(planted: Planted) -> None:
    planted.add("sft", right(34, 20))
    planted.add("proxy", right(28, 20), method="proxy")
    home, away = rows_of(ask(planted))
    assert (home["where"], home["method"], home["direct"]) == ("in_domain", "proxy", "sft")
    assert home["steered_gain"].value == pytest.approx(18 / N)
    assert home["direct_gain"].value == pytest.approx(24 / N)
    found = home["gap_closed"]
    assert found.value == pytest.approx(18 / 24)
    # By hand: rows 10-27 are won by both, 28-33 by the direct one alone.
    one = np.array([1.0] * 18 + [0.0] * 22)
    other = np.array([1.0] * 24 + [0.0] * 16)
    spread = np.cov(one, other) / N
    residual = (spread[0, 0] - 2 * 0.75 * spread[0, 1] + 0.75**2 * spread[1, 1]) ** 0.5
    assert found.high - found.low == pytest.approx(2 * 2.02 * residual / (24 / N), rel=0.25)  # to first order
    assert away["gap_closed"] is None  # nothing changed elsewhere
    assert (home["gap_closed"].n, away["direct_gain"].value) == (N, 0.0)


def test_a_direct_gain_that_may_be_nothing_gives_no_share_and_says_so(planted: Planted) -> None:
    planted.add("sft", {"home": [*range(11), *range(30, 32)], "away": range(20)})
    planted.add("proxy", right(20, 20), method="proxy")
    answer = ask(planted)
    assert all(row["gap_closed"] is None for row in rows_of(answer))
    assert answer is not None
    assert "not shown to differ from zero" in answer.sentence_en
    assert "0 と区別できない" in answer.sentence_ja
    assert not answer.notes


def test_what_was_tuned_on_other_rows_or_asked_otherwise_is_no_pair(planted: Planted) -> None:
    planted.add("proxy", right(28, 20), method="proxy")
    planted.add("other rows", right(34, 20), train_dataset="far")
    planted.add("more rows", right(34, 20), train_size=16)
    planted.add("shown", right(34, 20), shots=1)
    planted.add("second stage", right(34, 20), parents=["some"])
    answer = ask(planted)
    assert answer is not None
    assert not answer.rows
    assert "Nothing was tuned directly" in answer.sentence_en


def test_a_choice_among_steered_models_is_steered_and_intervals_hold_together(planted: Planted) -> None:
    planted.add("sft", right(34, 20))
    weak = planted.add("weak", right(16, 20), method="proxy")
    alone = rows_of(ask(planted))[0]["gap_closed"]
    strong = planted.add("strong", right(28, 20), method="proxy")
    planted.add("best", right(28, 20), method="select", parents=[weak, strong])
    planted.add("best tuned", right(30, 20), method="select", parents=[planted.variants[1]["id"]])
    answer = ask(planted)
    found = {row["method"]: row for row in rows_of(answer) if row["where"] == "in_domain"}
    assert set(found) == {"weak", "strong", "best"}
    assert found["best"]["gap_closed"] == found["strong"]["gap_closed"]
    together = found["weak"]["gap_closed"]
    assert together.high - together.low > alone.high - alone.low
    assert answer is not None
    assert "3 shares" in answer.notes[0].message_en


def test_without_steering_the_question_does_not_apply(planted: Planted) -> None:
    planted.add("sft", right(34, 20))
    assert ask(planted) is None
