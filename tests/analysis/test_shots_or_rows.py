"""The same rows shown, trained on, or both, in planted runs: differences, crossings, costs; what does not belong together."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from hanka.analysis.questions import QUESTIONS
from hanka.analysis.questions.contract import Answer
from hanka.analysis.questions.shots_or_rows.crossing import crossing_of
from hanka.analysis.values import pooled_value
from hanka.metrics import METRICS
from hanka.store.folder import RunFolder, write_json
from planted_runs import N, Planted

CROSSED = {4: (34, 16, 34), 8: (34, 18, 34), 16: (30, 30, 30), 32: (20, 38, 38)}
"By k: samples right with the rows shown, trained on, both."


def ask(planted: Planted) -> Answer | None:
    return QUESTIONS.get("shots_or_rows").ask(planted.evidence())


def told(answer: Answer | None) -> dict[int, dict[str, Any]]:
    assert answer is not None
    rows = [dict(zip((column.name for column in answer.columns), row, strict=True)) for row in answer.rows]
    return {row["k_rows"]: row for row in rows if row["asked_relation"] == "in_domain"}


def add(planted: Planted, size: int, right: Mapping[str, Iterable[int]], seed: int = 0, **shown: Any) -> str:
    """Add the ways `shots`, `rows` and `both` of some rows, as far as they are given, on `home`; returns what was trained."""
    rows = {"train_size": size, "seed": seed, "rows": f"{size} rows of seed {seed}"} | shown.pop("variant", {})
    own = {"shots": size, "context": "own_rows"} | shown
    if "shots" in right:
        planted.add("icl", {"home": right["shots"]}, method="icl", changes_weights=False, seconds=80.0, **rows | own)
    trained = planted.add("sft", {"home": right["rows"]}, seconds=8.0, **rows)
    if "both" in right:
        planted.add("sft", {"home": right["both"]}, seconds=88.0, **rows | own)
    return trained


def planted_at(folder: Path, counts: Mapping[int, tuple[int, int, int]]) -> Planted:
    run = Planted(folder / "run")
    run.add("base", {"home": range(10)})
    for size, found in counts.items():
        add(run, size, dict(zip(("shots", "rows", "both"), map(range, found), strict=True)))
    return run


def test_values_and_paired_differences_are_those_of_the_cells(tmp_path: Path) -> None:
    found = told(ask(planted_at(tmp_path, CROSSED)))
    assert sorted(found) == [4, 8, 16, 32]
    for size, (shots, rows, both) in CROSSED.items():
        row = found[size]
        values = [row[name].value for name in ("base_zero_shot", "as_shots", "as_rows", "as_both")]
        assert values == pytest.approx([10 / N, shots / N, rows / N, both / N])
        assert all(row[name].low < row[name].value < row[name].high for name in ("as_shots", "as_rows"))
        assert row["rows_less_shots"].value == pytest.approx((rows - shots) / N)
        assert row["both_less_shots"].value == pytest.approx((both - shots) / N)
        assert row["rows_less_shots"].n == N
    assert [found[size]["rows_verdict"] for size in (4, 8, 32)] == ["worse", "worse", "better"]
    assert found[32]["both_verdict"] == "better"
    assert found[4]["rows_less_shots"].high < 0 < found[32]["rows_less_shots"].low


def test_a_planted_crossing_is_found_between_the_shown_ends(tmp_path: Path) -> None:
    answer = ask(planted_at(tmp_path, CROSSED | {64: (20, 38, 38)}))
    assert answer is not None
    assert "the curves cross: shown rows are better up to k = 8, trained rows from k = 32 on (open at k = 16)" in (
        answer.sentence_en
    )
    assert "k = 8 までは例示が、k = 32 からは学習が上回ります（k = 16 は未確定）" in answer.sentence_ja
    (curve,) = answer.curves
    assert curve.doubling
    assert {(point.x.value, point.group) for point in curve.points if point.stands_out} == {
        (4.0, "icl"), (8.0, "icl"), (32.0, "sft"), (32.0, "sft + icl"), (64.0, "sft"), (64.0, "sft + icl"),
    }  # fmt: skip


def test_an_end_of_the_curve_is_no_from_there_on(tmp_path: Path) -> None:
    answer = ask(planted_at(tmp_path, {16: (30, 30, 30), 32: (20, 38, 38)}))
    assert answer is not None
    assert "trained rows are better at k = 32, the most that was asked; below, neither is shown" in answer.sentence_en
    assert "最大の k = 32 では学習が上回ります" in answer.sentence_ja


def test_flat_curves_show_no_crossing(tmp_path: Path) -> None:
    run = Planted(tmp_path / "run")
    run.add("base", {"home": range(10)})
    for size in (4, 8, 16):
        add(run, size, {"shots": range(20), "rows": range(1, 21)})
    answer = ask(run)
    assert answer is not None
    assert "no crossing shown: neither way is better from any k on, nor up to any (open at k = 4, 8, 16)" in (
        answer.sentence_en
    )
    assert {row["rows_verdict"] for row in told(answer).values()} == {"undecided"}


def test_intervals_hold_over_all_numbers_of_rows_together(tmp_path: Path) -> None:
    """A difference that stands alone needs less than one of eight."""
    wide = told(ask(planted_at(tmp_path / "all", CROSSED)))[32]["rows_less_shots"]
    alone = told(ask(planted_at(tmp_path / "one", {32: CROSSED[32]})))[32]["rows_less_shots"]
    assert wide.value == alone.value
    assert wide.low < alone.low
    assert alone.high < wide.high


def test_seeds_are_replicates(tmp_path: Path) -> None:
    run = Planted(tmp_path / "run")
    run.add("base", {"home": range(10)})
    for seed, (shots, rows) in enumerate([(20, 30), (22, 38), (18, 22)]):
        add(run, 8, {"shots": range(shots), "rows": range(rows)}, seed)
    found = told(ask(run))[8]
    assert found["n_seeds"] == 3
    assert found["rows_less_shots"].value == pytest.approx((10 + 16 + 4) / 3 / N)
    assert found["as_shots"].value == pytest.approx(20 / N)
    one = told(ask(planted_at(tmp_path / "one", {8: (20, 30, 30)})))[8]["rows_less_shots"]
    assert found["rows_less_shots"].high - found["rows_less_shots"].low > one.high - one.low


def test_a_draw_without_all_of_its_test_sets_is_left_out_and_said(tmp_path: Path) -> None:
    """Seed 1 was asked one of two test sets out of domain: its mean would be over other sets."""
    run = Planted(tmp_path / "run")
    run.add("base", {"away": range(10), "far": range(10)})
    for seed, tests in enumerate([("away", "far"), ("away",)]):
        rows = {"train_size": 8, "seed": seed, "rows": f"seed {seed}"}
        shown = {"method": "icl", "changes_weights": False, "shots": 8, "context": "own_rows"}
        run.add("icl", {test: range(20) for test in tests}, **rows | shown)
        run.add("sft", {test: range(20 + 10 * (1 + seed)) for test in tests}, **rows)
    answer = ask(run)
    assert answer is not None
    (row,) = (dict(zip((column.name for column in answer.columns), one, strict=True)) for one in answer.rows)
    assert (row["n_seeds"], row["rows_less_shots"].value) == (1, pytest.approx(10 / N))
    assert any("1 draw(s) of rows are left out" in note.message_en for note in answer.notes)


def test_first_rows_are_the_same_for_every_training_seed(tmp_path: Path) -> None:
    run = Planted(tmp_path / "run")
    run.add("base", {"home": range(10)})
    first = {"rows": "the first 8"}
    add(run, 8, {"shots": range(20), "rows": range(30)}, variant=first)
    add(run, 8, {"rows": range(34)}, seed=1, variant=first)
    found = told(ask(run))[8]
    assert found["n_seeds"] == 2
    assert found["rows_less_shots"].value == pytest.approx((10 + 14) / 2 / N)


@pytest.mark.parametrize(
    "other", [{"rows": "another 8"}, {"train_size": 9}, {"train_dataset": "away"}, {"base": "large"}]
)
def test_other_rows_or_another_base_are_not_compared(tmp_path: Path, other: dict[str, Any]) -> None:
    run = Planted(tmp_path / "run")
    run.add("base", {"home": range(10)})
    shown = {
        "method": "icl",
        "changes_weights": False,
        "shots": 8,
        "context": "own_rows",
        "train_size": 8,
        "rows": "8 rows of seed 0",
    }
    run.add("icl", {"home": range(30)}, **shown | other)
    add(run, 8, {"rows": range(20)})
    assert ask(run) is None


def test_a_run_without_shown_rows_says_nothing(tmp_path: Path) -> None:
    run = Planted(tmp_path / "run")
    run.add("base", {"home": range(10)})
    run.add("sft", {"home": range(20)})
    assert ask(run) is None


def test_fewer_shown_than_trained_on_is_left_out_and_said(tmp_path: Path) -> None:
    run = planted_at(tmp_path, {8: (20, 30, 30)})
    add(run, 16, {"shots": range(20), "rows": range(30)}, shots=15)
    answer = ask(run)
    assert answer is not None
    assert list(told(answer)) == [8]
    assert any("1 cell(s) are left out because they show fewer rows" in note.message_en for note in answer.notes)


def test_training_pays_from_the_answers_that_save_its_seconds(tmp_path: Path) -> None:
    run = Planted(tmp_path / "run")
    run.add("base", {"home": range(10)})
    trained = add(run, 8, {"shots": range(20), "rows": range(30), "both": range(30)})
    assert told(ask(run))[8]["training_seconds"] is None
    write_json(RunFolder(run.path).variant(trained) / "variant.json", {"status": "done", "seconds": 90.0})
    found = told(ask(run))[8]
    # 40 rows in 80, 8 and 88 seconds: 2, 0.2 and 2.2 a row; 90 / (2 - 0.2) = 50 answers
    assert [found[f"{way}_seconds"].value for way in ("shots", "rows", "both")] == pytest.approx([2000, 200, 2200])
    assert (found["training_seconds"].value, found["pays_from"]) == (90.0, 50)
    answer = ask(run)
    assert answer is not None
    assert "training takes 90.0 s once and pays from 50 answers on" in answer.sentence_en
    assert "50 件の回答から元が取れます" in answer.sentence_ja


def test_rows_that_are_shown_are_no_system_of_the_decision(tmp_path: Path) -> None:
    from hanka.analysis.contrasts import Contrasts
    from hanka.analysis.pooling import Pooling

    systems = Pooling(Contrasts(planted_at(tmp_path, CROSSED).evidence())).systems()
    assert {one.system.label for one in systems} == {"sft"}


def test_the_interval_of_a_value_is_that_of_its_rows_with_two_hits_and_two_misses(tmp_path: Path) -> None:
    evidence = planted_at(tmp_path, {8: (30, 40, 30)}).evidence()
    cells = {str(one.variant["label"]): [one] for one in evidence.cells.values()}
    found = pooled_value(evidence, cells["icl"], METRICS.get("accuracy"))
    scores = np.array([1.0] * 32 + [0.0] * 12)
    half = stats.t.ppf(0.975, 43) * math.sqrt(scores.var(ddof=1) / 44)
    assert found is not None
    assert (found.value, found.n) == (30 / N, N)
    assert (found.low, found.high) == pytest.approx((30 / N - half, 30 / N + half))
    everything = pooled_value(evidence, [one for one in evidence.cells.values() if one.cell["context"] == "drawn" and not one.is_unadapted], METRICS.get("accuracy"))  # fmt: skip
    assert everything is not None
    assert everything.value == everything.high == 1.0
    assert everything.low is not None
    assert everything.low < 1.0


@pytest.mark.parametrize(
    ("verdicts", "shots_to", "rows_from", "left"),
    [
        ("wwub", 8, 32, (16,)),
        ("bbbb", None, 4, ()),
        ("wwww", 32, None, ()),
        ("ubub", None, 32, (4, 8, 16)),
        ("wuwu", 4, None, (8, 16, 32)),
        ("buuw", None, None, (4, 8, 16, 32)),
        ("wwbb", 8, 16, ()),
    ],
)
def test_a_crossing_needs_evidence_on_both_sides_and_at_every_step_outward(
    verdicts: str, shots_to: int | None, rows_from: int | None, left: tuple[int, ...]
) -> None:
    words: dict[str, Any] = {"w": "worse", "b": "better", "u": "leaning"}
    found = crossing_of({size: words[mark] for size, mark in zip((4, 8, 16, 32), verdicts, strict=True)})
    assert (found.shots_to, found.rows_from, found.open) == (shots_to, rows_from, left)
    assert found.is_shown == (shots_to is not None and rows_from is not None)
