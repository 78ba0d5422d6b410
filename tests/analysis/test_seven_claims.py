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
    add(run, "base", {0: {"home": HALF, "away": HALF, **writing}, 2: {"home": MOST, "away": HALF}})
    run.add("base", writing, prompt="p2")
    add(run, "sft", {0: {"home": HALF, "away": HALF, "news": FEW, "quiz": FEW}, 2: {"home": HALF, "away": HALF}})
    run.add("sft", {"news": HALF, "quiz": FEW}, prompt="p2")
    for size in (16, 24):
        add(run, "sft", {0: {"home": HALF, "away": HALF}}, train_size=size)
    shown = {"home": FEW, "away": FEW, "news": HALF, "quiz": HALF}
    first = add(run, "fc1", {0: shown, 2: {"home": FEW, "away": FEW}}, method="fticl", meant_shots=2)
    add(run, "chosen", {0: shown}, method="select", parents=[first], meant_shots=2)
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
    assert told(answer, 5) == {("sft (0) – base (0)", "news + quiz"): ("lower", "held")}
    assert told(answer, 6) == {
        ("sft p2 – p1", "news"): ("higher", "held"),
        ("sft p2 – p1", "quiz"): ("not_higher", "undecided"),
    }
    by_arm = {
        (f"{name} – {other}", test): (expected, outcome)
        for name, counts in (("fc1", "0, 2"), ("chosen", "0"))
        for (name, other, test, expected, outcome) in (
            (f"{name} ({counts})", f"sft ({counts})", "home", "lower", "held"),
            (f"{name} ({counts})", f"base ({counts})", "away", "higher", "contradicted"),
            (f"{name} ({counts})", f"sft ({counts})", "away", "lower", "held"),
            (f"{name} (0)", "sft (0)", "news + quiz", "higher", "held"),
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
    assert rows[5, "sft (0) – base (0)"]["difference"].n == 2 * N  # two test sets


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
    assert told(below, 5) == {("sft (0) – base (0)", "quiz"): ("not_lower", "contradicted")}
    assert told(below, 1) == {("sft (0) – base (1)", "news"): ("higher", "held")}


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
    ],
)
def test_outcomes_follow_from_verdicts(expected: Any, verdicts: Any, outcome: str) -> None:
    one = Statement(1, None, "", "", (), None, expected, ())  # type: ignore[arg-type]
    assert one.outcome(verdicts) == outcome
    assert not set(AGREES[expected]) & set(DISAGREES[expected])


def test_a_claim_is_what_more_than_half_of_its_statements_are() -> None:
    assert overall(["held", "held", "contradicted"]) == "held"
    assert overall(["held", "contradicted"]) == "undecided"
    assert overall(["contradicted"]) == "contradicted"
