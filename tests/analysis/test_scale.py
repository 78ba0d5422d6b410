"""Sizes of a base in planted runs: shapes that are there are named, and what chance may do is not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from hanka.analysis.questions import QUESTIONS
from hanka.analysis.questions.contract import Answer, Measured
from hanka.analysis.questions.scale.judged import Step, shape_of
from hanka.analysis.questions.scale.ladder import Base
from planted_runs import Planted, rows_of

ROWS = 200
SIZES = {"m-1b": 10**9, "m-3b": 3 * 10**9, "m-7b": 7 * 10**9}


def planted(
    folder: Path, counts: Mapping[str, Sequence[int]], parameters: Mapping[str, int] = SIZES, shots: int = 0
) -> Planted:
    """Bases in the order of their sizes, with so many of the first rows right on each test set."""
    run = Planted(folder / "run", parameters=parameters)
    for place, name in enumerate(parameters):
        run.add("base", {test: range(found[place]) for test, found in counts.items()}, base=name, n=ROWS, shots=shots)
    return run


def ask(run: Planted) -> Answer | None:
    return QUESTIONS.get("scale").ask(run.evidence())


def shape(answer: Answer | None) -> str:
    (found,) = {str(row["scale_shape"]) for row in rows_of(answer)}
    return found


@pytest.mark.parametrize(
    ("counts", "named"),
    [
        ((140, 90, 140), "u"),
        ((90, 140, 90), "inverted_u"),
        ((140, 138, 90), "drops"),
        ((90, 120, 150), "rises"),
        ((90, 90, 150), "rises"),
        ((100, 102, 99), "open"),
        ((100, 100, 100), "equal"),
    ],
)
def test_planted_shapes_are_named(tmp_path: Path, counts: tuple[int, ...], named: str) -> None:
    assert shape(ask(planted(tmp_path, {"home": counts}))) == named


def test_a_u_is_told_with_its_two_steps_and_their_intervals(tmp_path: Path) -> None:
    answer = ask(planted(tmp_path, {"home": (140, 90, 140), "away": (90, 120, 150)}))
    assert answer is not None
    assert "of 2 curves (a system on a test set): 1 U-shaped, 1 rise, monotone within error." in answer.sentence_en
    assert "U-shaped: worse from m-1b to m-3b -0.250 [-0." in answer.sentence_en
    assert ", then from m-3b to m-7b +0.250 [+0." in answer.sentence_en
    assert "U 字型です。m-1b から m-3b で -0.250" in answer.sentence_ja
    assert "「U 字型」1 本、「誤差の範囲で単調に上がる」1 本" in answer.sentence_ja
    rows = [row for row in rows_of(answer) if row["test_sets"] == "home"]
    assert [(row["scale_from"], row["scale_to"], row["scale_verdict"]) for row in rows] == [
        ("m-1b", "m-3b", "worse"), ("m-3b", "m-7b", "better"), ("m-1b", "m-7b", "undecided"),
    ]  # fmt: skip
    assert rows[0]["scale_smaller"].value == pytest.approx(0.7)
    assert rows[0]["scale_less"].high < 0


def test_a_gradual_drop_shows_over_all_sizes_where_no_step_does(tmp_path: Path) -> None:
    sizes = {f"m-{one}b": one * 10**9 for one in (1, 2, 4, 8)}
    answer = ask(planted(tmp_path, {"home": (120, 117, 113, 110)}, sizes))
    assert answer is not None
    verdicts = {(row["scale_from"], row["scale_to"]): row["scale_verdict"] for row in rows_of(answer)}
    assert verdicts["m-1b", "m-8b"] == "worse"
    assert "drops from m-1b to m-8b -0.050" in answer.sentence_en
    assert "worse" not in {verdicts["m-1b", "m-2b"], verdicts["m-2b", "m-4b"], verdicts["m-4b", "m-8b"]}


def test_every_way_has_a_curve_of_its_own(tmp_path: Path) -> None:
    """Two demonstrations help, tuning helps more, and seeds of tuned ones are paired with each other."""
    run = planted(tmp_path, {"home": (90, 100, 110)})
    for place, name in enumerate(SIZES):
        run.add("base", {"home": range(100 + 20 * place)}, base=name, n=ROWS, shots=2)
        for seed in range(2):
            run.add("sft", {"home": range(150 - 30 * place + seed)}, base=name, n=ROWS, seed=seed, train_size=64)
    found = {str(row["scale_way"]): row["scale_shape"] for row in rows_of(ask(run))}
    assert found == {"base, 0-shot": "rises", "base, 2-shot": "rises", "sft (home, 64), 0-shot": "drops"}


def test_fewer_than_three_sizes_ask_nothing(tmp_path: Path) -> None:
    assert ask(planted(tmp_path / "two", {"home": (90, 150)}, {"m-1b": 1, "m-3b": 3})) is None
    assert ask(planted(tmp_path / "none", {"home": (90, 90, 90)}, {"a": 0, "b": 0, "c": 0})) is None
    assert ask(planted(tmp_path / "same", {"home": (90, 90, 90)}, {"a-1b": 5, "b-1b": 5, "c-1b": 5})) is None


def test_families_are_kept_apart_and_mixed_ones_are_said(tmp_path: Path) -> None:
    apart = SIZES | {"other-2b": 2 * 10**9}
    answer = ask(planted(tmp_path / "apart", {"home": (90, 120, 150, 10)}, apart))
    assert shape(answer) == "rises", "the other family's model would make it turn"
    mixed = {"a-1b": 1, "b-2b": 2, "c": 3}
    answer = ask(planted(tmp_path / "mixed", {"home": (90, 120, 150)}, mixed))
    assert answer is not None
    assert any("they differ in more than size" in note.message_en for note in answer.notes)


def test_a_second_base_of_a_size_is_left_out_and_said(tmp_path: Path) -> None:
    same = SIZES | {"m-1.0b": 10**9}
    answer = ask(planted(tmp_path, {"home": (90, 120, 150, 10)}, same))
    assert shape(answer) == "rises"
    assert answer is not None
    assert any(
        "Left out, for a base of the same size comes before: m-1.0b." in note.message_en for note in answer.notes
    )


def test_a_way_that_two_bases_were_not_asked_alike_is_left_out_and_said(tmp_path: Path) -> None:
    """Tuned with seed 0 on two bases, with seed 2 on the third: nothing to pair."""
    run = planted(tmp_path, {"home": (90, 120, 150)})
    for place, name in enumerate(SIZES):
        run.add("sft", {"home": range(100)}, base=name, n=ROWS, seed=place // 2 * 2, train_size=64)
    answer = ask(run)
    assert {row["scale_way"] for row in rows_of(answer)} == {"base, 0-shot"}
    assert answer is not None
    assert any("1 curve(s) are left out" in note.message_en for note in answer.notes)


def test_shapes_follow_from_verdicts_alone() -> None:
    a, b, c = (Base(size, f"m-{size}b") for size in (1, 3, 7))

    def named(*verdicts: str) -> str:
        pairs = ((a, b), (b, c), (a, c))
        found = (Step(*pair, Measured(0.1), verdict) for pair, verdict in zip(pairs, verdicts, strict=True))  # type: ignore[arg-type]
        return shape_of(list(found))[0]

    assert named("worse", "better", "undecided") == "u"
    assert named("better", "worse", "undecided") == "inverted_u"
    assert named("worse", "undecided", "leaning") == "drops"
    assert named("undecided", "undecided", "better") == "rises"
    assert named("leaning", "leaning", "leaning") == "open", "what would count alone shows nothing here"
    assert named("equivalent", "equivalent", "equivalent") == "equal"
    assert named("equivalent", "undecided", "equivalent") == "open"
