"""Learning curves of planted runs: what more rows bring, what too few sizes are told, and that a falling curve is called one."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hanka.analysis.learning import learning_curves
from hanka.analysis.questions import QUESTIONS
from hanka.analysis.questions.contract import Answer
from hanka.analysis.questions.how_much.sentences import proposed
from hanka.identity import stream
from hanka.report.answers import drawing
from hanka.report.figures import Sketchbook
from hanka.report.words import Words
from planted_runs import Planted, rows_of

ROWS = 200
"Test rows."
SIZES = (16, 32, 64, 128, 256)


def rises(size: int) -> float:
    """0.9 - 0.4·(size / 16)^-0.5: half of the distance is gone with four times the rows; 0.8 at 256."""
    return 0.9 - 0.4 / math.sqrt(size / 16)


def planted(folder: Path, curve: Callable[[int], float], sizes: tuple[int, ...] = SIZES, seeds: int = 3) -> Planted:
    """Trainings that have as many rows right as the curve says, the easy ones first, each with some luck of its own."""
    run = Planted(folder / "run", tests=("home",))
    run.add("base", {"home": range(80)}, n=ROWS)
    for seed in range(seeds):
        for size in sizes:
            luck = stream("planted", size, seed).permutation(np.arange(-4, 5))[0]
            hard = stream("rows", size, seed).random(ROWS) * 0.4 + np.linspace(0, 0.6, ROWS)
            right = np.argsort(hard)[: round(curve(size) * ROWS) + int(luck)]
            run.add("sft", {"home": right.tolist()}, train_size=size, seed=seed, n=ROWS, rows=f"{size}/{seed}")
    return run


def ask(run: Planted) -> Answer | None:
    return QUESTIONS.get("how_much").ask(run.evidence())


def row_of(run: Planted) -> tuple[Answer, dict[str, Any]]:
    answer = ask(run)
    assert answer is not None
    (row,) = rows_of(answer)
    return answer, row


@pytest.fixture(scope="module")
def risen(tmp_path_factory: pytest.TempPathFactory) -> Planted:
    """The run that rises, for those that only read it."""
    return planted(tmp_path_factory.mktemp("risen"), rises)


@pytest.fixture(scope="module")
def told(risen: Planted) -> tuple[Answer, dict[str, Any]]:
    """What is said of it, with its one row."""
    return row_of(risen)


def test_a_curve_is_continued_to_four_times_the_rows_with_intervals(told: tuple[Answer, dict[str, Any]]) -> None:
    answer, row = told
    assert row["how_much_sizes"] == "16, 32, 64, 128, 256"
    assert row["n_seeds"] == 3
    assert row["how_much_largest"].value == pytest.approx(0.8, abs=0.02)
    for name, size in (("how_much_double", 512), ("how_much_four", 1024)):
        assert row[name].low < rises(size) < row[name].high
        assert row[name].n == ROWS
    gain = row["how_much_doubling"]
    assert 0 < gain.low < rises(512) - rises(256) < gain.high
    assert "512 rows, twice the most so far, would give" in answer.sentence_en
    assert "これまでの最大の 2 倍の 512 件では" in answer.sentence_ja
    assert "(n = 200 test rows, 15 trainings)" in answer.sentence_en


def test_rows_for_the_margin_lie_where_the_curve_has_it(told: tuple[Answer, dict[str, Any]]) -> None:
    """Two points beyond 0.8 are there at 16·(0.4 / 0.08)² = 400 rows."""
    _, row = told
    needed = row["how_much_rows"]
    assert needed.low < 400 < (needed.high or 1025)
    assert 256 < needed.value < 1024
    assert needed.n == 15
    assert row["how_much_within"].value > 0.9


def test_a_flat_curve_is_enough_and_a_steep_one_is_not(tmp_path: Path) -> None:
    flat, row = row_of(planted(tmp_path / "flat", lambda size: 0.7))
    assert row["how_much_small"].value > 0.8
    assert "Enough: the last doubling gained less than a point" in flat.sentence_en
    assert "件数は十分です" in flat.sentence_ja
    steep, row = row_of(planted(tmp_path / "steep", lambda size: 0.05 + 0.09 * np.log2(size)))
    assert row["how_much_small"].value < 0.2
    assert "Not enough yet" in steep.sentence_en
    assert "件数はまだ足りません" in steep.sentence_ja


def test_a_curve_that_falls_reaches_no_margin(tmp_path: Path) -> None:
    answer, row = row_of(planted(tmp_path, lambda size: 0.5 + 0.3 * (size / 16) ** -0.5))
    assert row["how_much_rows"] is None
    assert row["how_much_doubling"].value < 0
    assert "lies beyond what these points can say" in answer.sentence_en


@pytest.mark.parametrize(
    ("sizes", "said"),
    [((64, 128), "[16, 32, 64, 128]"), ((8, 16, 32), "[8, 16, 32, 64]"), ((10, 1000), "[10, 1000, 2000, 4000]")],
)
def test_fewer_than_four_sizes_are_told_which_to_run(tmp_path: Path, sizes: tuple[int, ...], said: str) -> None:
    answer, row = row_of(planted(tmp_path, lambda size: 0.7, sizes=sizes))
    assert f"{len(sizes)} sizes carry no law" in answer.sentence_en
    assert f"`train: {{sizes: {said}}}`" in answer.sentence_en
    assert f"`train: {{sizes: {said}}}`" in answer.sentence_ja
    assert row["how_much_double"] is None
    assert answer.curves[0].band == ()
    assert str(list(proposed(sizes))) == said


def test_too_few_rows_for_the_metric_carry_no_law(tmp_path: Path) -> None:
    """Macro-F1 of 18 rows: nine of each class, where ten are asked for an interval."""
    run = Planted(tmp_path / "run", tests=("other",), trained_tasks=("topic",))
    for size in SIZES:
        run.add(
            "sft",
            {"other": range(size // 16)},
            train_task="topic",
            train_size=size,
            n=18,
            relation="in_domain",
            rows=str(size),
        )
    answer = ask(run)
    assert answer is not None
    assert (
        "18 test rows are shared by all sizes, too few for a law, or for the metric in some class" in answer.sentence_en
    )


def test_one_size_asks_nothing(tmp_path: Path) -> None:
    assert ask(planted(tmp_path, rises, sizes=(64,))) is None


def test_a_training_without_all_test_sets_is_left_out_and_counted(tmp_path: Path) -> None:
    run = planted(tmp_path, rises)
    run.add("sft", {"home": range(100)}, train_size=512, seed=0, n=ROWS, prompt="p2")
    for size in SIZES:
        for seed in range(3):
            run.add("sft", {"home": range(100)}, train_size=size, seed=seed, n=ROWS, prompt="p2", rows=f"{size}/{seed}")
    (curve,) = learning_curves(run.evidence())
    assert curve.n_left_out == 1
    assert curve.sizes == SIZES


def test_one_seed_and_shared_rows_are_said(tmp_path: Path) -> None:
    alone = ask(planted(tmp_path / "one", rises, seeds=1))
    assert alone is not None
    assert any("Some size has one seed" in note.message_en for note in alone.notes)
    run = Planted(tmp_path / "run", tests=("home",))
    for seed in range(2):
        for size in SIZES:
            right = range(round(rises(size) * ROWS) + seed)
            run.add("sft", {"home": right}, train_size=size, seed=seed, n=ROWS, rows=str(size))
    answer = ask(run)
    assert answer is not None
    assert any("trained on the very same rows" in note.message_en for note in answer.notes)


def test_the_errors_of_all_sizes_on_the_same_rows_go_together(risen: Planted) -> None:
    """Easy rows are right with all trainings, so what the rows do to two trainings is alike."""
    (curve,) = learning_curves(risen.evidence())
    assert curve.points is not None
    spread = np.sqrt(np.diag(curve.points.covariance))
    together = curve.points.covariance / np.outer(spread, spread)
    assert together[np.triu_indices(15, 1)].min() > 0.2
    assert spread == pytest.approx(np.sqrt(0.2 / ROWS), rel=0.3), "of about p(1 - p) / n"


def test_the_figure_has_a_band_that_reaches_four_times_the_largest_size(told: tuple[Answer, dict[str, Any]]) -> None:
    answer, _ = told
    (curve,) = answer.curves
    assert [point.x.value for point in curve.points] == list(map(float, SIZES))
    assert curve.band[0].x.value == 16
    assert curve.band[-1].x.value == 1024
    assert all(point.y.low <= point.y.value <= point.y.high for point in curve.band)  # type: ignore[operator]
    drawn = drawing(answer.as_json()["curves"], Words("ja"))
    assert sum(row.get("behind", 0) for row in drawn.rows) == len(curve.band)
    svg = str(Sketchbook().draw(drawn).svg)
    assert "学習件数" in svg
    assert svg.count("fill-opacity") or svg.count("opacity=")


def test_the_same_run_gives_the_same_numbers(risen: Planted, told: tuple[Answer, dict[str, Any]]) -> None:
    again = ask(risen)
    assert again is not None
    assert again.as_json() == told[0].as_json()
