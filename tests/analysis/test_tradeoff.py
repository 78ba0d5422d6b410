"""Gains, losses and fronts of planted runs; what cannot be compared is left out and said."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hanka.analysis.questions import QUESTIONS
from hanka.analysis.questions.contract import Answer
from hanka.analysis.questions.tradeoff.ask import membership
from hanka.analysis.systems import trade_offs
from hanka.analysis.together import Difference, mean_difference
from hanka.records import ProbeRow
from hanka.store.folder import RunFolder
from hanka.store.probes import ProbeRecord, read_probe, write_probe
from planted_runs import N, Planted, right, rows_of


def ask(planted: Planted) -> Answer | None:
    return QUESTIONS.get("tradeoff").ask(planted.evidence())


@pytest.fixture
def planted(tmp_path: Path) -> Planted:
    run = Planted(tmp_path / "run")
    run.add("base", right(20, 20))
    return run


def test_gain_and_change_are_differences_from_the_base(planted: Planted) -> None:
    planted.add("sft", right(30, 16))
    base, tuned = rows_of(ask(planted))
    assert (base["gain"].value, base["change"].value) == (0.0, 0.0)
    assert tuned["gain"].value == pytest.approx(10 / N)
    assert tuned["change"].value == pytest.approx(-4 / N)
    assert (tuned["gain"].n, tuned["change"].n) == (N, N)
    assert tuned["gain"].low < 10 / N < tuned["gain"].high


def test_a_planted_front_is_found(planted: Planted) -> None:
    #        name: (home, away); the base has (20, 20)
    systems = {"all": (36, 8), "some": (30, 18), "little": (24, 22), "beaten": (28, 12), "worse": (10, 10)}
    for name, values in systems.items():
        planted.add(name, right(*values))
    found = {row["method"]: row["on_front"] for row in rows_of(ask(planted))}
    assert {name for name, mark in found.items() if mark} == {"all", "some", "little"}
    assert found["base"] == ""


def test_systems_that_tie_are_on_the_front_together(planted: Planted) -> None:
    planted.add("one", right(30, 10))
    planted.add("two", {"home": range(5, 35), "away": range(10, 20)})  # other samples, the same counts
    planted.add("same", right(20, 20))
    found = {row["method"]: row for row in rows_of(ask(planted))}
    assert all(row["on_front"] == "✓" for row in found.values())
    assert found["same"]["change"].value == 0.0
    assert (found["same"]["gain"].low, found["same"]["gain"].high) == (0.0, 0.0)


def test_membership_is_sure_where_one_dominates_and_unsure_between_equals(planted: Planted) -> None:
    planted.add("best", right(40, 40))
    found = {row["method"]: row["front_share"] for row in rows_of(ask(planted))}
    assert (found["best"], found["base"]) == (1.0, 0.0)
    planted.add("rival", {"home": range(40), "away": range(39)})
    shares = {row["method"]: row["front_share"] for row in rows_of(ask(planted))}
    # The rival ties where sample 39 of "away" is not drawn: (1 - 1/40)^40 = 0.363 of resamples.
    assert shares["rival"] == pytest.approx((1 - 1 / N) ** N, abs=0.08)
    assert shares["best"] == 1.0


def test_systems_are_resampled_together(planted: Planted) -> None:
    """Two variants that answer alike are tied in every resample, so neither pushes the other off the front."""
    planted.add("one", right(30, 25), seed=1)
    planted.add("two", right(30, 25), seed=2, backwards=True)
    shares = {row["method"]: row["front_share"] for row in rows_of(ask(planted))}
    assert shares["one"] == shares["two"] > 0.8


def test_test_sets_count_equally_and_n_adds_up(planted: Planted) -> None:
    planted.tests = ("home", "away", "far")
    planted.add("base", {"far": range(10)})
    planted.add("sft", right(30, 16) | {"far": range(30)})
    tuned = rows_of(ask(planted))[-1]
    assert tuned["change"].value == pytest.approx((-4 / N + 20 / N) / 2)
    assert (tuned["gain"].n, tuned["change"].n) == (N, 2 * N)


def test_other_tasks_and_other_metrics_are_trade_offs_of_their_own(planted: Planted) -> None:
    planted.add("base", {"other": range(20)})
    planted.add("sft", right(30, 16) | {"other": range(12)})
    found = rows_of(ask(planted))
    assert [(row["relation"], row["metric_outside"]) for row in found] == [
        ("out_of_domain", "accuracy"), ("out_of_domain", "accuracy"),
        ("cross_task", "macro_f1"), ("cross_task", "macro_f1"),
    ]  # fmt: skip


def test_a_metric_in_which_lower_is_better_is_turned(planted: Planted, monkeypatch: pytest.MonkeyPatch) -> None:
    from hanka.metrics import METRICS

    planted.add("sft", right(30, 16))
    turned = replace(METRICS.get("accuracy"), higher_is_better=False)
    monkeypatch.setitem(METRICS._entries, "accuracy", turned)
    tuned = rows_of(ask(planted))[-1]
    assert tuned["gain"].value == pytest.approx(-10 / N)
    assert tuned["change"].value == pytest.approx(4 / N)
    assert tuned["change"].low < 4 / N < tuned["change"].high


def test_samples_that_one_side_lacks_count_for_neither(planted: Planted) -> None:
    # Without samples 0 to 9 the variant has 20 of 30 right and the base 10 of 30.
    planted.add("sft", right(30, 20), missing=range(10))
    tuned = rows_of(ask(planted))[-1]
    assert tuned["gain"].value == pytest.approx(10 / 30)
    assert tuned["gain"].n == 30
    assert tuned["gain"].low < 10 / 30 < tuned["gain"].high


def test_a_failed_cell_leaves_its_system_out_and_says_so(planted: Planted) -> None:
    planted.add("sft", right(30, 16))
    planted.add("broken", {"home": range(40), "away": None})
    answer = ask(planted)
    assert [row["method"] for row in rows_of(answer)] == ["base", "sft"]
    assert answer is not None
    assert any(note.message_en.startswith("1 system(s) without a value") for note in answer.notes)


def test_demonstrations_alone_are_a_system_and_differences_share_one_reference(planted: Planted) -> None:
    planted.add("base", right(26, 26), shots=4)
    planted.add("sft", right(30, 16))
    planted.add("sft", right(31, 17), shots=4)
    found = {(row["method"], row["shots"]): row for row in rows_of(ask(planted))}
    assert found["base", "4"]["gain"].value == pytest.approx(6 / N)
    assert found["sft", "4"]["gain"].value == pytest.approx(11 / N)
    assert [key for key, row in found.items() if row["on_front"]] == [("base", "4"), ("sft", "4")]


def test_each_base_has_a_trade_off_of_its_own_and_each_seed_is_a_system(planted: Planted) -> None:
    planted.add("base", right(10, 10), base="small")
    for seed in (0, 1):
        planted.add("sft", right(30 + seed, 16), seed=seed)
        planted.add("sft", right(30 + seed, 16), seed=seed, base="small")
    found = rows_of(ask(planted))
    gains = [(row["base"], row["seed"], round(row["gain"].value * N)) for row in found if row["method"] == "sft"]
    assert gains == [("tiny", "0", 10), ("tiny", "1", 11), ("small", "0", 20), ("small", "1", 21)]


def test_variants_with_other_test_sets_are_not_compared(planted: Planted) -> None:
    planted.add("base", {"far": range(20)})
    planted.add("near", right(30, 16))
    planted.add("wide", right(30, 16) | {"far": range(20)})
    scenes = [one.scene.outside.tests for one in trade_offs(planted.evidence())]
    assert scenes == [("away",), ("away", "far")]


def test_the_base_alone_has_no_answer(planted: Planted) -> None:
    assert ask(planted) is None


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        ({"home": range(30)}, "no test set outside the training domain was asked"),
        ({"away": range(30)}, "no in-domain test set was asked"),
        ({"home": None, "away": None}, "no adapted variant has a value on every test set"),
    ],
)
def test_what_cannot_be_weighed_is_said(planted: Planted, answers: dict[str, Any], said: str) -> None:
    planted.add("sft", answers)
    answer = ask(planted)
    assert answer is not None
    assert said in answer.sentence_en
    assert answer.sentence_ja
    assert answer.rows == ()


def test_the_sentence_gives_the_largest_gain_with_interval_and_n(planted: Planted) -> None:
    planted.add("sft", right(36, 8))
    planted.add("mild", right(30, 18))
    answer = ask(planted)
    assert answer is not None
    assert "3 of 3 systems on the front" in answer.sentence_en
    assert "sft · 8 rows · seed 0 · 0-shot gains most in domain: +0.400 [+0." in answer.sentence_en
    assert "-0.300 [-0." in answer.sentence_en
    assert "(n = 40)" in answer.sentence_en
    assert any("not simultaneous" in note.message_en for note in answer.notes)


def probe(planted: Planted, variant: str, value: float, dtype: str = "float32", floor: float = 1.0) -> None:
    record = ProbeRecord(f"p{variant[:8]}", variant, "weight_distance", 1, dtype=dtype)
    rows = [ProbeRow(None, "", "mean_difference", value, 9), ProbeRow(None, "", "rounding_floor", floor, 9)]
    rows.append(ProbeRow(0, "", "mean_difference", 99.0, 9))
    write_probe(RunFolder(planted.path), record, rows)
    planted.probes.append({"id": record.id, "variant_id": variant, "probe": record.probe})


def test_a_distance_that_orders_the_losses_correlates_perfectly(planted: Planted) -> None:
    for step in range(6):
        probe(planted, planted.add("sft", right(30, 19 - step), seed=step), 1e-5 * (step + 1))
    answer = ask(planted)
    assert answer is not None
    (said,) = [note.message_en for note in answer.notes if "Spearman" in note.message_en]
    assert "weight_distance, mean_difference (float32)" in said
    assert "Spearman +1.00 [+1.00, +1.00], n = 6, p = 0.0" in said
    curve = answer.curves[-1]
    assert (curve.x_label, curve.y_label) == ("weight_distance_mean_difference", "loss")
    assert [round(point.y.value * N) for point in curve.points] == [1, 2, 3, 4, 5, 6]
    assert all(point.y.low <= point.y.value <= point.y.high for point in curve.points)


def test_below_five_variants_there_is_a_sentence_and_no_correlation(planted: Planted) -> None:
    for step in range(4):
        probe(planted, planted.add("sft", right(30, 19 - step), seed=step), 1e-5 * (step + 1))
    answer = ask(planted)
    assert answer is not None
    said = [note.message_en for note in answer.notes if "weight_distance" in note.message_en]
    assert len(said) == 1
    assert "4 variant(s) have both; a rank correlation needs at least 5" in said[0]


def test_distances_of_different_dtypes_are_not_ranked_together(planted: Planted) -> None:
    for step in range(6):
        dtype = "bfloat16" if step % 2 else "float32"
        probe(planted, planted.add("sft", right(30, 19 - step), seed=step), 1e-5 * (step + 1), dtype)
    answer = ask(planted)
    assert answer is not None
    assert not any("Spearman" in note.message_en for note in answer.notes)


def test_a_probe_that_the_plan_does_not_list_is_not_read(planted: Planted) -> None:
    for step in range(6):
        probe(planted, planted.add("sft", right(30, 19 - step), seed=step), 1e-5 * (step + 1))
    planted.probes.clear()
    answer = ask(planted)
    assert answer is not None
    assert not any("weight_distance" in note.message_en for note in answer.notes)


def test_a_failed_probe_is_not_read_and_five_variants_are_enough(planted: Planted) -> None:
    for step in range(6):
        variant = planted.add("sft", right(30, 19 - step), seed=step)
        planted.add("sft", right(31, 25), seed=step, shots=4)  # another asking of the same variants
        probe(planted, variant, 1e-5 * (step + 1))
    planted.add("base", right(20, 20), shots=4)
    record = read_probe(RunFolder(planted.path).probe(planted.probes[0]["id"]))
    assert record is not None
    rows = [ProbeRow(None, "", "mean_difference", 1.0, 9)]
    write_probe(RunFolder(planted.path), replace(record, status="failed", reason="made up"), rows)
    answer = ask(planted)
    assert answer is not None
    (said,) = [note.message_en for note in answer.notes if "Spearman" in note.message_en]
    assert "Spearman +1.00 [+1.00, +1.00], n = 5" in said


def test_resamples_of_an_incomplete_cell_scatter_around_its_difference(planted: Planted) -> None:
    planted.add("sft", right(30, 20), missing=range(10))
    (found,) = trade_offs(planted.evidence())
    assert found.systems[1].gain.replicates.mean() == pytest.approx(10 / 30, abs=0.02)
    assert found.systems[1].gain.n_units == 30


def test_a_system_with_one_sample_in_common_is_left_out(planted: Planted) -> None:
    planted.add("sft", right(30, 20), missing=range(1, N))
    (found,) = trade_offs(planted.evidence())
    assert [system.variant["label"] for system in found.systems] == ["base"]
    assert found.n_incomplete == 1


def difference(value: float, replicates: list[float], n_units: int = 40) -> Difference:
    return Difference(value, np.array(replicates), 10, n_units)


def test_a_mean_over_test_sets_rests_on_the_smallest() -> None:
    found = mean_difference([difference(0.2, [0.1, 0.3], 40), difference(0.4, [0.3, 0.7], 7)])
    assert found.value == pytest.approx(0.3)
    assert found.replicates.tolist() == pytest.approx([0.2, 0.5])
    assert (found.n, found.n_units) == (20, 7)
    with pytest.raises(ValueError, match="no differences"):
        mean_difference([])


def test_resamples_without_a_value_are_left_out_of_shares_and_intervals() -> None:
    nan = float("nan")
    gains = [difference(0, [0, 0, nan, 0]), difference(0, [1, 1, 1, -1])]
    changes = [difference(0, [0, 0, 0, 0]), difference(0, [nan, 0, 0, -1])]
    assert membership(gains, changes) == [0.5, 0.5]
    low, high = gains[0].interval(0.95)
    assert (low, high) == (0.0, 0.0)
    assert membership([difference(0, [nan])], [difference(0, [0])]) == [0.0]
