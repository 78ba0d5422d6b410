"""The question `intruders` on planted runs: counts that order forgetting, edits that save a known share, and where it says nothing."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from scipy import stats

from hanka.analysis.questions import QUESTIONS
from hanka.analysis.questions.contract import Answer
from hanka.records import ProbeRow
from hanka.report.words import LANGUAGES
from hanka.store.folder import RunFolder
from hanka.store.probes import ProbeRecord, write_probe
from planted_runs import N, Planted, right, rows_of

PARAMS = {"k": 10, "epsilon": 0.5, "draws": 2, "seed": 0}
FILLED: dict[str, Any] = {
    "edit": "intruders",
    "scale": 0.5,
    "which": "top",
    "intruders_before": 9,
    "intruders_after": 4,
    "directions": 5,
}


@pytest.fixture
def planted(tmp_path: Path) -> Planted:
    run = Planted(tmp_path / "run")
    run.add("base", right(20, 40))
    return run


def ask(planted: Planted) -> Answer | None:
    return QUESTIONS.get("intruders").ask(planted.evidence())


def count(
    planted: Planted, variant: str, intruders: float, size: float = 0.1, excess: Sequence[float] = (1, 0), **fields: Any
) -> None:
    """Write what the probe finds: over all matrices, and the excess of each."""
    record = ProbeRecord(f"p{variant[:8]}", variant, "intruders", 1, dtype="float32", params=PARAMS)
    record = ProbeRecord(**{name: getattr(record, name) for name in record.__slots__} | fields)
    whole = {"intruders": intruders, "null_intruders": 2.0, "excess": intruders - 2, "relative_change": size}
    rows = [ProbeRow(None, "", name, value, len(excess)) for name, value in whole.items()]
    rows += [ProbeRow(0, f"layers.0.w{at}", "excess", value, 10) for at, value in enumerate(excess)]
    rows.append(ProbeRow(0, "", "excess", 99.0, 2))
    write_probe(RunFolder(planted.path), record, rows if record.status == "done" else [])
    planted.probes.append({"id": record.id, "variant_id": variant, "probe": "intruders", "label": record.probe})


def ladder(planted: Planted, sizes: Sequence[float], counts: Sequence[float] = range(8)) -> list[str]:
    """Variants of which each forgets two rows more than the one before."""
    made = []
    for step, (size, intruders) in enumerate(zip(sizes, counts, strict=True)):
        made.append(planted.add(f"sft {step}", right(30, 38 - 2 * step)))
        count(planted, made[-1], intruders, size)
    return made


def test_a_count_that_orders_forgetting_predicts_it_better_than_a_size_that_does_not(planted: Planted) -> None:
    ladder(planted, sizes=range(8, 0, -1))
    answer = ask(planted)
    assert answer is not None
    assert "tweet" not in answer.sentence_en
    assert "home (Accuracy) / out of domain (Accuracy): more intruders go with more forgetting" in answer.sentence_en
    assert "Spearman +1.00 [+1.00, +1.00] over 8 variants" in answer.sentence_en
    assert "the size of the change alone -1.00 [-1.00, -1.00]" in answer.sentence_en
    assert "The count predicts better than the size: +2.00 [+2.00, +2.00] (n = 8)." in answer.sentence_en
    assert "侵入次元が多いほど忘却が大きくなっています" in answer.sentence_ja


def test_a_size_that_orders_forgetting_as_the_count_does_leaves_it_open_which_predicts_better(planted: Planted) -> None:
    ladder(planted, sizes=range(8))
    answer = ask(planted)
    assert answer is not None
    assert "Whether the count predicts better than the size is open: +0.00 [+0.00, +0.00]" in answer.sentence_en


def test_a_count_that_runs_against_forgetting_is_said_to(planted: Planted) -> None:
    ladder(planted, sizes=range(8), counts=range(8, 0, -1))
    answer = ask(planted)
    assert answer is not None
    assert "more intruders go with less forgetting" in answer.sentence_en
    assert "The size predicts better than the count: -2.00" in answer.sentence_en


def test_a_count_in_no_order_is_open(planted: Planted) -> None:
    ladder(planted, sizes=[3, 1, 4, 1.5, 9, 2.6, 5, 3.5], counts=[5, 2, 7, 1, 6, 3, 0, 4])
    answer = ask(planted)
    assert answer is not None
    assert "whether intruders go with forgetting is open" in answer.sentence_en
    assert "侵入次元と忘却の関係は未確定です" in answer.sentence_ja


@pytest.mark.parametrize(
    ("counts", "said"),
    [
        (range(4), "4 variant(s) have a count and a value; a rank correlation needs at least 5"),
        ([7] * 6, "do not differ"),
    ],
)
def test_too_few_variants_or_equal_counts_have_no_correlation_and_a_sentence(
    planted: Planted, counts: Sequence[float], said: str
) -> None:
    ladder(planted, sizes=[0.1] * len(counts), counts=counts)
    answer = ask(planted)
    assert answer is not None
    assert said in answer.sentence_en
    assert "Spearman" not in answer.sentence_en + answer.sentence_ja


def test_a_run_without_the_probe_is_not_asked_and_one_whose_probes_failed_says_so(planted: Planted) -> None:
    made = planted.add("sft", right(30, 38))
    assert ask(planted) is None
    count(planted, made, 3, status="failed", reason="out of memory")
    answer = ask(planted)
    assert answer is not None
    assert "they were counted in no variant (1 failed or were not reached)" in answer.sentence_en
    assert answer.rows == ()


def test_the_excess_is_a_mean_over_matrices_with_an_interval_that_holds_for_all_variants_together(
    planted: Planted,
) -> None:
    values = {"a": [1.0, 0.0, 1.0, 2.0], "b": [-1.0, -1.5, -1.0, -1.5], "c": [0.0, 1.0, -1.0, 0.0]}
    for name, excess in values.items():
        count(planted, planted.add(name, right(30, 38)), 5, excess=excess)
    answer = ask(planted)
    rows = {row["method"]: row["excess_intruders"] for row in rows_of(answer)}
    for name, excess in values.items():
        low, high = stats.t.interval(1 - 0.05 / 3, 3, loc=sum(excess) / 4, scale=stats.sem(excess))
        assert (rows[name].value, rows[name].low, rows[name].high) == pytest.approx((sum(excess) / 4, low, high))
        assert rows[name].n == 4
    assert answer is not None
    assert "0 of 3 variants have more than random changes of equal norm (2 draws), 1 have fewer" in answer.sentence_en


def test_one_changed_matrix_has_no_interval(planted: Planted) -> None:
    count(planted, planted.add("one", right(30, 38)), 1, excess=[1])
    (row,) = rows_of(ask(planted))
    assert row["excess_intruders"] is None


def edited(planted: Planted, name: str, parent: str, rights: dict[str, range], **record: Any) -> str:
    made = planted.add(name, rights, method="reduce_intruders", parents=[parent])
    planted.trained(made, **FILLED | record)
    count(planted, made, float(record.get("intruders_after", 4)))
    return made


def test_an_edit_saves_a_known_share_of_what_its_parent_forgot(planted: Planted) -> None:
    parent = planted.add("lora", right(36, 16))
    count(planted, parent, 9)
    edited(planted, "half", parent, right(35, 28))
    edited(planted, "control", parent, right(36, 20), edit="neighbours")
    answer = ask(planted)
    rows = {row["method"]: row for row in rows_of(answer)}
    half = rows["half"]
    assert half["edited_from"] == "lora"
    assert half["intruders_saved"].value == pytest.approx(12 / N)  # rows 16 to 27
    assert half["intruders_given_up"].value == pytest.approx(1 / N)
    assert half["share_saved"].value == pytest.approx(12 / 24)  # 24 of 40 rows were forgotten
    assert 0 < half["share_saved"].low < 0.5 < half["share_saved"].high < 1
    assert half["beyond_control"].value == pytest.approx(8 / N)
    assert half["beyond_control"].low > 0
    assert rows["control"]["beyond_control"] is None
    assert rows["control"]["share_saved"].value == pytest.approx(4 / 24)
    assert rows["lora"]["share_saved"] is None
    assert rows["lora"]["forgotten"].value == pytest.approx(24 / N)
    assert answer is not None
    assert (
        "lora, the first intruder of every matrix × 0.5: 9 → 4 intruders (5 directions scaled); gain given up +0.025 ["
        in answer.sentence_en
    )
    assert "; forgetting saved out of domain (Accuracy) +0.300 [" in answer.sentence_en
    assert "lora, control: as many other directions × 0.5" in answer.sentence_en


def test_the_share_has_fiellers_interval_of_paired_rows_by_hand(planted: Planted) -> None:
    import numpy as np

    from hanka.stats import Moments, ratio_interval

    parent = planted.add("lora", right(36, 16))
    count(planted, parent, 9)
    edited(planted, "half", parent, right(36, 28))
    found = next(row["share_saved"] for row in rows_of(ask(planted)) if row["method"] == "half")
    saved = np.array([16 <= row < 28 for row in range(N)], dtype=float)
    lost = np.array([row >= 16 for row in range(N)], dtype=float)
    cov = np.cov(saved, lost, ddof=1) / N
    moments = Moments(saved.mean(), lost.mean(), cov[0, 0], cov[1, 1], cov[0, 1], N - 1)
    alone = ratio_interval(moments, 0.95)
    assert alone is not None
    # At the level of the family the interval is wider, and nearly as wide as for that many unrelated differences.
    widest = ratio_interval(moments, 1 - 0.05 / 6)
    assert widest is not None
    assert widest.low - 1e-9 <= found.low <= alone.low
    assert alone.high <= found.high <= widest.high + 1e-9


def test_an_edit_of_what_is_not_shown_to_have_forgotten_has_no_share(planted: Planted) -> None:
    parent = planted.add("lora", right(36, 39))
    count(planted, parent, 9)
    edited(planted, "half", parent, right(36, 40))
    answer = ask(planted)
    rows = {row["method"]: row for row in rows_of(answer)}
    assert rows["half"].get("share_saved") is None
    assert answer is not None
    assert ", of forgetting that is not shown." in answer.sentence_en


def test_edits_are_rows_and_no_units_of_the_correlation(planted: Planted) -> None:
    made = ladder(planted, sizes=range(8))
    before = ask(planted)
    edited(planted, "edit", made[7], right(30, 2), intruders_after=0)  # few intruders, most forgotten
    after = ask(planted)
    assert before is not None
    assert after is not None
    (line,) = [one for one in before.sentence_en.splitlines() if "Spearman" in one]
    assert line in after.sentence_en.splitlines()
    assert {row["method"] for row in rows_of(after)} - {row["method"] for row in rows_of(before)} == {"edit"}


def test_pefts_function_and_all_intruders_are_named(planted: Planted) -> None:
    parent = planted.add("lora", right(36, 16))
    count(planted, parent, 9)
    edited(planted, "theirs", parent, right(36, 20), edit="peft", which="all", intruders_after=12)
    edited(planted, "every", parent, right(36, 20), which="all", scale=0.0)
    answer = ask(planted)
    assert answer is not None
    assert "lora, PEFT's function, all × 0.5: 9 → 12 intruders" in answer.sentence_en
    assert "lora, all intruders × 0: 9 → 4 intruders" in answer.sentence_en
    assert "lora、PEFT の関数（すべてを 0.5 倍）：侵入次元 9 → 12" in answer.sentence_ja


def test_stages_are_told_in_their_order_with_count_and_forgetting(planted: Planted) -> None:
    planted.add("base", {"plain": range(2)}, nats=1.0)
    first = planted.add("one", {"home": range(30)})
    planted.add("one", {"plain": range(2)}, nats=1.5)
    start: dict[str, Any] = {"params": {"start": {"of": "one"}}, "parents": [first]}
    second = planted.add("two", {"home": range(30)}, **start)
    planted.add("two", {"plain": range(2)}, nats=2.0, **start)
    count(planted, first, 3)
    count(planted, second, 8)
    answer = ask(planted)
    assert answer is not None
    (line,) = [one for one in answer.sentence_en.splitlines() if one.startswith("One training after another")]
    assert "(one → two): 3 → 8 intruders, 2.0 → 2.0 by random changes; forgetting (Bits per byte) +" in line
    losses = [float(one) for one in re.findall(r"[+-][0-9.]+(?= \[| \()", line.partition("forgetting")[2])]
    assert len(losses) == 2
    assert losses[1] == pytest.approx(2 * losses[0], rel=1e-2)  # half a nat more a token, then a whole one


def test_seeds_are_units_and_other_arithmetic_and_failures_are_counted_in_notes(planted: Planted) -> None:
    for seed in range(6):
        count(planted, planted.add("sft", right(30, 38 - 2 * seed), seed=seed), seed, 0.1 * seed)
    count(planted, planted.add("half", right(30, 10)), 50, dtype="bfloat16")
    count(planted, planted.add("broken", right(30, 12)), 0, status="failed", reason="no")
    made = planted.add("twice", right(30, 14))
    count(planted, made, 6, 0.7)
    count(planted, made, 60, 0.7, probe="strict", id="p2")
    answer = ask(planted)
    assert answer is not None
    assert "over 7 variants" in answer.sentence_en
    said = " ".join(note.message_en for note in answer.notes)
    assert "1 variant(s) in another arithmetic are left out" in said
    assert "Of 1 variant(s) nothing was counted" in said
    assert "Further probes of this kind are in probes/ and not here: strict." in said


def test_forgetting_in_bits_per_byte_is_positive_where_text_became_less_likely(planted: Planted) -> None:
    planted.add("base", {"plain": range(2)}, nats=1.0)
    made = planted.add("sft", {"home": range(30)})
    planted.add("sft", {"plain": range(2)}, nats=2.0)
    count(planted, made, 4)
    (row,) = rows_of(ask(planted))
    assert row["relation"] == "cross_task"
    assert row["forgotten"].value > 0


def test_a_variant_without_a_value_somewhere_is_left_out_and_counted(planted: Planted) -> None:
    ladder(planted, sizes=range(8))
    count(planted, planted.add("broken", {"home": range(30), "away": None}), 9)
    answer = ask(planted)
    assert answer is not None
    assert "over 8 variants" in answer.sentence_en
    assert any("1 variant(s) without a value" in note.message_en for note in answer.notes)


def test_every_column_axis_and_the_title_have_words_and_no_english_is_left_in_the_japanese(planted: Planted) -> None:
    made = ladder(planted, sizes=range(8))
    edited(planted, "x1", made[7], right(30, 40))
    edited(planted, "x2", made[7], right(30, 40), edit="neighbours")
    edited(planted, "x3", made[7], right(30, 40), edit="peft", which="all")
    stage = planted.add("x4", right(30, 20), params={"start": {"of": "sft 7"}}, parents=[made[7]])
    count(planted, stage, 9)
    answer = ask(planted)
    assert answer is not None
    for words in LANGUAGES.values():
        assert "question_intruders" in words
        assert {one.name for one in answer.columns if f"column_{one.name}" not in words} == set()
        axes = {axis for curve in answer.curves for axis in (curve.x_label, curve.y_label)}
        assert {axis for axis in axes if f"axis_{axis}" not in words} == set()
    japanese = answer.sentence_ja + " ".join(note.message_ja for note in answer.notes)
    left = set(re.findall(r"[A-Za-z]{2,}", japanese)) - {"home", "sft", "Accuracy", "Spearman", "PEFT"}
    assert left <= {"x1", "x2", "x3", "x4"}
    assert answer.as_json()
