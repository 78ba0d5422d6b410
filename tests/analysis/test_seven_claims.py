"""The main paper's claims in planted runs: each comes out as planted, and nothing is said of what a run does not hold."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

from hanka.analysis.questions import QUESTIONS
from hanka.analysis.questions.contract import Answer
from hanka.analysis.questions.seven_claims.ask import overall
from hanka.analysis.questions.seven_claims.statements import AGREES, DISAGREES, Statement
from planted_runs import N, Planted, rows_of

FEW, HALF, MOST = range(2), range(20), range(38)


def ask(planted: Planted) -> Answer | None:
    return QUESTIONS.get("seven_claims").ask(planted.evidence())


def told(answer: Answer | None, claim: int) -> dict[tuple[str, str], tuple[str, str]]:
    """What a claim came to: (compared, test sets) → (expected, outcome)."""
    return {
        (row["compared"], row["test_sets"]): (row["expected"], row["outcome"]) for row in rows_of(answer) if row["claim"] == claim
    }  # fmt: skip


def add(run: Planted, label: str, right: Mapping[int, Mapping[str, Iterable[int]]], **changes: Any) -> str:
    """Add a variant asked with several numbers of demonstrations."""
    (found,) = {run.add(label, one, shots=shots, **changes) for shots, one in right.items()}
    return found


def reviews(folder: Path) -> Planted:
    """A model trained on sentiment as the paper describes it, except that more rows do not help."""
    run = Planted(folder / "run")
    writing = {"news": HALF, "quiz": HALF}
    add(run, "base", {0: {"home": HALF, "away": HALF, "news": FEW}, 1: writing, 2: {"home": MOST, "away": HALF}})
    run.add("base", writing, prompt="p2", shots=1)
    spoilt = {"news": FEW, "quiz": FEW}
    add(run, "sft", {0: {"home": HALF, "away": HALF, **spoilt}, 1: spoilt, 2: {"home": HALF, "away": HALF}})
    run.add("sft", {"news": HALF, "quiz": FEW}, prompt="p2", shots=1)
    for size in (16, 24):
        add(run, "sft", {0: {"home": HALF, "away": HALF}}, train_size=size)
    shown = {"home": FEW, "away": FEW}
    first = add(run, "fc1", {0: shown, 1: writing, 2: shown}, method="fticl", meant_shots=2)
    add(run, "chosen", {0: {**shown, **writing}}, method="select", parents=[first], meant_shots=2)
    return run


def test_every_claim_comes_out_as_planted(tmp_path: Path) -> None:
    answer = ask(reviews(tmp_path))
    assert told(answer, 1) == {("sft (0) – base (2)", "home"): ("not_higher", "held")}
    assert told(answer, 2) == {
        ("sft (2) – sft (0)", "home"): (
            "not_higher",
            "undecided",
        ),  # no row differs, and 40 rows do not bound that to 0.03
        ("base (2) – base (0)", "home"): ("higher", "held"),
    }
    assert told(answer, 3) == {
        ("sft 16 – 8", "home"): ("higher", "undecided"),
        ("sft 24 – 8", "home"): ("higher", "undecided"),
        ("sft 24 – 16", "home"): ("not_higher", "undecided"),
    }
    assert told(answer, 4) == {("sft (0, 2) – base (0, 2)", "away"): ("equal", "undecided")}
    assert told(answer, 5) == {("sft (1) – base (1)", "news + quiz"): ("lower", "held")}
    assert told(answer, 6) == {
        ("sft p2 – p1", "news"): ("higher", "held"),
        ("sft p2 – p1", "quiz"): ("not_higher", "undecided"),
    }
    by_arm = {
        (f"{name} – {other}", test): (expected, outcome)
        for name, counts, writing in (("fc1", "0, 2", "1"), ("chosen", "0", "0"))
        for (name, other, test, expected, outcome) in (
            (f"{name} ({counts})", f"sft ({counts})", "home", "lower", "held"),
            (f"{name} ({counts})", f"base ({counts})", "away", "higher", "contradicted"),
            (f"{name} ({counts})", f"sft ({counts})", "away", "lower", "held"),
            (f"{name} ({writing})", f"sft ({writing})", "news + quiz", "higher", "held"),
        )
    }
    assert told(answer, 7) == by_arm
    assert answer is not None
    assert "1. Held here (1 held): fine-tuned and asked without" in answer.sentence_en
    assert "7. Held here (6 held, 2 contradicted): " in answer.sentence_en
    assert "7. 支持（支持 6 件、反対の結果 2 件）：" in answer.sentence_ja


def test_differences_are_those_of_the_cells(tmp_path: Path) -> None:
    rows = {(row["claim"], row["compared"]): row for row in rows_of(ask(reviews(tmp_path)))}
    first = rows[1, "sft (0) – base (2)"]["difference"]
    assert (first.value, first.n) == (pytest.approx((20 - 38) / N), N)
    assert first.low < first.value < first.high < 0
    averaged = rows[7, "fc1 (0, 2) – sft (0, 2)"]["difference"]
    assert averaged.value == pytest.approx((2 - 20) / N)
    assert rows[5, "sft (1) – base (1)"]["difference"].n == 2 * N  # two test sets


def writer(folder: Path, tuned: Mapping[int, Iterable[int]], base: Mapping[int, Iterable[int]]) -> Planted:
    """A model trained on summaries: what it has right in another domain, by number of demonstrations, and what its base has."""
    run = Planted(folder / "run", trained_tasks=("summary",))
    for shots, right in base.items():
        run.add("base", {"news": HALF}, relation="in_domain", shots=shots)
        run.add("base", {"quiz": right}, shots=shots)
        run.add("base", {"story": right}, relation="out_of_domain", shots=shots)
    for shots, right in tuned.items():
        own = {"train_task": "summary", "train_dataset": "news", "shots": shots}
        run.add("sft", {"news": MOST}, relation="in_domain", **own)
        run.add("sft", {"quiz": right}, **own)
        run.add("sft", {"story": right}, relation="out_of_domain", **own)
    return run


def test_a_statement_about_every_number_of_demonstrations_needs_each(tmp_path: Path) -> None:
    below = ask(writer(tmp_path / "a", {0: FEW, 1: FEW}, {0: HALF, 1: MOST}))
    assert told(below, 4) == {("sft (0, 1) – base (0, 1)", "story"): ("lower", "held")}
    once = ask(writer(tmp_path / "b", {0: FEW, 1: MOST}, {0: HALF, 1: HALF}))
    assert told(once, 4) == {("sft (0, 1) – base (0, 1)", "story"): ("lower", "contradicted")}
    (row,) = (row for row in rows_of(once) if row["claim"] == 4)
    assert row["difference"].value == pytest.approx((38 - 20) / N)  # the one that agrees least
    assert told(below, 5) == {("sft (1) – base (1)", "quiz"): ("not_lower", "contradicted")}
    assert told(below, 1) == {("sft (0) – base (1)", "news"): ("higher", "held")}


def test_every_test_set_is_asked_with_its_own_numbers_of_demonstrations(tmp_path: Path) -> None:
    run = Planted(tmp_path / "run", trained_tasks=("summary",))
    own = {"train_task": "summary", "train_dataset": "news"}
    for label, changes in (("base", {}), ("sft", own)):
        for test, counts in (("home", (0, 2)), ("away", (0, 3))):
            for shots in counts:
                run.add(label, {test: HALF}, relation="cross_task", shots=shots, **changes)
    answer = ask(run)
    assert set(told(answer, 5)) == {("sft (0, 2, 3) – base (0, 2, 3)", "home + away")}


@pytest.mark.parametrize("theirs", [{"draw": 1}, {"seed": 1}])
def test_all_seeds_and_draws_of_either_side_count(tmp_path: Path, theirs: dict[str, int]) -> None:
    """Only the base's demonstrations are drawn, and only what was fine-tuned without them has two seeds."""
    run = Planted(tmp_path / "run")
    for changes, right in (({}, FEW), (theirs, MOST)):
        if "draw" in theirs:
            run.add("base", {"home": right}, shots=2, **changes)
        else:
            run.add("sft", {"home": right}, **changes)
    run.add("base", {"home": HALF})
    if "draw" in theirs:
        run.add("sft", {"home": HALF})
    else:
        run.add("fc1", {"home": HALF}, method="fticl", meant_shots=2)
    claim, compared = (1, "sft (0) – base (2)") if "draw" in theirs else (7, "fc1 (0) – sft (0)")
    (row,) = (one for one in rows_of(ask(run)) if (one["claim"], one["compared"]) == (claim, compared))
    assert row["difference"].value == pytest.approx(0)
    assert row["outcome"] == "undecided"
    assert row["difference"].high - row["difference"].low > 2  # two of them, far apart, say nothing of others


def test_numbers_of_demonstrations_count_equally_however_often_they_were_drawn(tmp_path: Path) -> None:
    run = Planted(tmp_path / "run")
    for draw in range(3):
        run.add("base", {"away": HALF}, shots=2, draw=draw)
        run.add("sft", {"away": MOST}, shots=2, draw=draw)
    run.add("base", {"away": HALF})
    run.add("sft", {"away": HALF})
    (row,) = (one for one in rows_of(ask(run)) if one["claim"] == 4)
    difference = row["difference"]
    assert difference.value == pytest.approx((38 - 20) / N / 2)
    assert difference.high - difference.low < 0.3  # draws that agree add nothing, though zero shots differ from two


def test_bases_with_one_reference_are_not_taken_for_each_other(tmp_path: Path) -> None:
    run = Planted(tmp_path / "run")
    for shots in (0, 2):
        run.add("base", {"home": HALF}, shots=shots)
    run.add("sft", {"home": MOST})
    run.add("sft", {"home": FEW}, base="small", reference="tiny")
    found = {one["base"]: one["difference"].value for one in rows_of(ask(run)) if one["claim"] == 1}
    assert found == {"tiny": pytest.approx((38 - 20) / N), "small": pytest.approx((2 - 20) / N)}


def test_nothing_is_said_where_none_of_the_papers_tasks_is_trained(tmp_path: Path) -> None:
    run = Planted(tmp_path / "run")
    run.add("base", {"other": HALF})
    run.add("sft", {"other": MOST}, relation="in_domain", train_task="topic", train_dataset="other")
    assert ask(run) is None


def test_a_claim_without_its_cells_is_counted_and_not_stated(tmp_path: Path) -> None:
    run = Planted(tmp_path / "run")
    add(run, "base", {0: {"home": HALF}, 2: {"home": MOST}})
    add(run, "sft", {0: {"home": MOST}})
    answer = ask(run)
    assert {row["claim"] for row in rows_of(answer)} == {1, 2}
    assert answer is not None
    assert "5 claim(s) could not be stated" in answer.notes[-1].message_en


@pytest.mark.parametrize(
    ("expected", "verdicts", "outcome"),
    [
        ("higher", ["better", "better"], "held"),
        ("higher", ["better", "leaning"], "undecided"),
        ("higher", ["better", "equivalent"], "contradicted"),
        ("not_higher", ["better", "worse"], "held"),
        ("not_higher", ["better", "better"], "contradicted"),
        ("not_higher", ["better", "undecided"], "undecided"),
        ("equal", ["equivalent"], "held"),
        ("equal", ["leaning"], "undecided"),
        ("lower", ["equivalent"], "contradicted"),
        ("not_higher", ["no_better"], "held"),
        ("not_higher", ["no_worse"], "undecided"),
        ("not_lower", ["no_worse"], "held"),
        ("higher", ["better", "no_better"], "contradicted"),
        ("lower", ["no_worse"], "contradicted"),
    ],
)
def test_outcomes_follow_from_verdicts(expected: Any, verdicts: Any, outcome: str) -> None:
    one = Statement(1, None, "", "", (), None, expected, ())  # type: ignore[arg-type]
    assert one.outcome(verdicts) == outcome
    assert not set(AGREES[expected]) & set(DISAGREES[expected])


def test_not_higher_needs_no_more_than_a_bound_from_above(tmp_path: Path) -> None:
    """A fall by a tenth that is not shown to be one, of rows that show that it is no rise by as much as the margin."""
    run = Planted(tmp_path / "run", stats={"equivalence": 0.15})
    run.add("sft", {"home": range(20)})
    run.add("sft", {"home": range(16)}, shots=2)
    (row,) = (one for one in rows_of(ask(run)) if one["claim"] == 2)
    assert row["difference"].low < -0.15
    assert 0 < row["difference"].high < 0.15
    assert (row["expected"], row["outcome"]) == ("not_higher", "held")


def test_the_row_shows_the_difference_that_its_outcome_rests_on(tmp_path: Path) -> None:
    run = Planted(tmp_path / "run")
    run.add("sft", {"home": HALF})
    for shots, right in {2: FEW, 4: MOST}.items():
        run.add("base", {"home": right}, shots=shots)
    (row,) = (one for one in rows_of(ask(run)) if one["claim"] == 1)
    assert (row["expected"], row["outcome"]) == ("not_higher", "held")
    assert row["difference"].value == pytest.approx((20 - 38) / N)  # with four; with two the fine-tuned one is better


def test_cells_without_answers_are_counted_beside_what_they_leave_out(tmp_path: Path) -> None:
    run = Planted(tmp_path / "run")
    add(run, "base", {0: {"home": HALF}, 2: {"home": None}})
    add(run, "sft", {0: {"home": MOST}, 2: {"home": HALF}})
    answer = ask(run)
    assert {row["claim"] for row in rows_of(answer)} == {2}
    assert answer is not None
    assert "1 cell(s) that these claims could rest on have no answers" in answer.notes[-1].message_en
    assert "1 個のセル" in answer.notes[-1].message_ja


def test_a_seed_that_lacks_a_cell_is_left_out_there_not_replaced(tmp_path: Path) -> None:
    run = Planted(tmp_path / "run")
    for seed, right in enumerate((HALF, HALF, MOST)):
        run.add("sft", {"home": right}, seed=seed)
        run.add("sft", {"home": right if seed < 2 else None}, shots=2, seed=seed)
    (row,) = (row for row in rows_of(ask(run)) if row["claim"] == 2)
    assert row["difference"].value == 0


def test_a_model_is_asked_in_the_words_of_its_training(tmp_path: Path) -> None:
    run = Planted(tmp_path / "run")
    for prompt, right in {"p1": FEW, "p2": MOST}.items():
        for shots in (0, 2):
            run.add("base", {"home": HALF}, shots=shots, prompt=prompt)
            run.add("sft", {"home": right}, shots=shots, prompt=prompt, params={"prompt": "p2"})
    assert told(ask(run), 1) == {("sft (0) – base (2)", "home"): ("not_higher", "contradicted")}


def test_another_wording_is_one_of_the_test_set_that_the_claim_is_about(tmp_path: Path) -> None:
    run = Planted(tmp_path / "run")
    for label, right in {"base": HALF, "sft": FEW}.items():
        run.add(label, {"home": HALF, "news": right}, shots=1)
        run.add(label, {"news": MOST}, shots=1, prompt="p2")
        run.add(label, {"home": HALF}, shots=1, prompt="p3")
    assert told(ask(run), 6) == {("sft p2 – p1", "news"): ("higher", "held")}


def test_a_base_that_was_not_asked_leaves_the_rest(tmp_path: Path) -> None:
    run = Planted(tmp_path / "run")
    add(run, "base", {0: {"home": None, "away": None}})
    add(run, "sft", {0: {"home": MOST, "away": HALF}, 2: {"home": FEW}})
    assert told(ask(run), 2) == {("sft (2) – sft (0)", "home"): ("not_higher", "held")}


def test_entries_that_are_not_compared_are_named(tmp_path: Path) -> None:
    run = Planted(tmp_path / "run")
    add(run, "base", {0: {"home": HALF}, 2: {"home": MOST}})
    for label in ("lora", "full"):
        run.add(label, {"home": MOST})
    run.add("fc1", {"home": MOST}, method="fticl")
    run.add("fc2", {"home": MOST}, method="fticl", train_size=16)
    answer = ask(run)
    assert answer is not None
    assert "Not compared here: full, fc2." in answer.notes[-1].message_en
    assert "full、fc2" in answer.notes[-1].message_ja


def test_a_claim_is_what_more_than_half_of_its_statements_are() -> None:
    assert overall(["held", "held", "contradicted"]) == "held"
    assert overall(["held", "contradicted"]) == "undecided"
    assert overall(["contradicted"]) == "contradicted"
