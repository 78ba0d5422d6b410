"""Confusion and slices on planted answers, where every count is known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from hanka.analysis.questions.confusion.ask import ask as confusion
from hanka.analysis.questions.contract import Answer, Measured
from hanka.analysis.questions.slices.ask import ask as slices
from hanka.analysis.questions.slices.ask import thirds
from hanka.analysis.shares import Share, share_of, share_of_count
from hanka.stats import wilson_interval
from hanka.store.folder import RunFolder, write_table
from planted_runs import N, Planted


def rows(answer: Answer | None, **wanted: Any) -> list[dict[str, Any]]:
    assert answer is not None
    found = [dict(zip([column.name for column in answer.columns], row, strict=True)) for row in answer.rows]
    return [row for row in found if all(row[name] == value for name, value in wanted.items())]


# ---- shares


def test_a_share_has_n_and_the_interval_of_its_independent_units() -> None:
    flags = [True] * 30 + [False] * 10
    assert share_of(flags) == Share(0.75, *wilson_interval(30, 40), 40)
    assert share_of_count(0.75, 40) == share_of(flags)
    grouped = share_of(flags, [f"g{place // 2}" for place in range(40)])
    assert grouped == Share(0.75, *wilson_interval(15, 20), 40)
    mixed = share_of(flags, ["g"] * 20 + [""] * 20)  # one group, twenty rows that stand alone
    assert (mixed.low, mixed.high) == wilson_interval(0.75 * 21, 21)
    assert share_of([True], ()) == Share(1.0, None, None, 1)
    with pytest.raises(ValueError, match="no rows"):
        share_of([])


# ---- confusion


def test_rows_of_a_label_are_a_row_of_the_confusion_matrix_with_recall_and_share_of_answers(tmp_path: Path) -> None:
    """Targets take turns, no and yes; the variant says yes to all but the first six: three of each."""
    run = Planted(tmp_path, tests=("home",))
    run.add("base", {"home": range(N)})
    run.add("sft", {"home": range(N)}, said=["no"] * 6 + ["yes"] * 34)
    answer = confusion(run.evidence())
    no, yes = rows(answer, method="sft", reference="no")[0], rows(answer, method="sft", reference="yes")[0]
    assert (no["n_rows"], no["answers"]) == (20, "yes 17, no 3")
    assert no["recall"] == Measured(0.15, *wilson_interval(3, 20), 20)
    assert no["answered"] == Measured(0.15, *wilson_interval(6, 40), 40)
    assert (yes["n_rows"], yes["answers"]) == (20, "yes 17, no 3")
    assert yes["recall"] == Measured(0.85, *wilson_interval(17, 20), 20)
    assert yes["answered"] == Measured(0.85, *wilson_interval(34, 40), 40)
    assert rows(answer, method="base", reference="no")[0]["answers"] == "no 20"
    assert answer is not None
    assert answer.sentence_en.startswith("home: the label recalled least is “no”, by sft (8 rows, seed 0): 0.150 [")
    assert answer.sentence_en.endswith("17 of its 20 rows are answered “yes”.")


def test_an_output_without_a_label_is_wrong_and_stands_as_a_dash(tmp_path: Path) -> None:
    run = Planted(tmp_path, tests=("home",))
    run.add("sft", {"home": range(N)}, said=["", "yes"] * 20)
    (no,) = rows(confusion(run.evidence()), reference="no")
    assert no["answers"] == "– 20"
    assert no["recall"].value == 0.0


def test_one_asking_stands_for_a_variant_and_other_tasks_are_left_out(tmp_path: Path) -> None:
    run = Planted(tmp_path)
    run.add("sft", {"home": range(10), "other": range(N)}, shots=4)
    run.add("sft", {"home": range(N), "story": range(N)}, shots=0)
    answer = confusion(run.evidence())
    assert {row["test_set"] for row in rows(answer)} == {"home"}
    assert [row["recall"].value for row in rows(answer)] == [1.0, 1.0]


def test_without_labels_there_is_no_confusion(tmp_path: Path) -> None:
    run = Planted(tmp_path)
    run.add("sft", {"story": range(N)}, said=["once upon"] * N)
    assert confusion(run.evidence()) is None


# ---- slices


def known(folder: Path, **values: list[str]) -> None:
    """Write what is known of the rows of `home`: a value per sample and slice."""
    found = [("home", f"s{place}", name, value) for name, each in values.items() for place, value in enumerate(each)]
    columns = zip(("test_dataset", "sample_id", "slice", "value"), zip(*found, strict=True), strict=True)
    write_table(RunFolder(folder).samples, pa.table({name: list(column) for name, column in columns}))


def test_a_part_has_the_metric_of_its_rows_for_the_variant_and_for_the_base(tmp_path: Path) -> None:
    run = Planted(tmp_path, tests=("home",))
    run.add("base", {"home": range(10)})
    run.add("sft", {"home": range(30)})  # right on the first thirty of forty
    known(tmp_path, language=["latin"] * 20 + ["ja"] * 20)
    answer = slices(run.evidence())
    latin, ja = (rows(answer, slice="language", slice_value=part)[0] for part in ("latin", "ja"))
    assert latin["slice_score"] == Measured(1.0, *wilson_interval(20, 20), 20)
    assert latin["slice_base"] == Measured(0.5, *wilson_interval(10, 20), 20)
    assert ja["slice_score"] == Measured(0.5, *wilson_interval(10, 20), 20)
    assert ja["slice_base"] == Measured(0.0, *wilson_interval(0, 20), 20)
    assert answer is not None
    assert "by language: Accuracy 0.500" in answer.sentence_en
    assert "on Japanese" in answer.sentence_en
    assert "do not overlap" in answer.sentence_en
    assert "言語別" in answer.sentence_ja


def test_parts_of_few_rows_are_left_out_and_so_is_a_slice_with_one_part(tmp_path: Path) -> None:
    run = Planted(tmp_path, tests=("home",))
    run.add("sft", {"home": range(30)})
    known(
        tmp_path,
        channel=["web"] * 16 + ["phone"] * 15 + ["fax"] * 9,
        language=["ja"] * 40,
        region=["x"] * 31 + ["y"] * 9,
    )
    answer = slices(run.evidence())
    assert {(row["slice"], row["slice_value"]) for row in rows(answer)} == {("channel", "web"), ("channel", "phone")}
    known(tmp_path, language=["ja"] * 40)
    alone = slices(run.evidence())
    assert alone is not None
    assert alone.rows == ()
    assert "No test set has two kinds of rows with at least 10 rows each" in alone.sentence_en


def test_a_sample_that_was_not_answered_counts_in_no_part(tmp_path: Path) -> None:
    run = Planted(tmp_path, tests=("home",))
    run.add("sft", {"home": range(40)}, missing=range(5))
    known(tmp_path, channel=["web"] * 20 + ["phone"] * 20)
    assert [row["slice_score"].n for row in rows(slices(run.evidence()))] == [20, 15]


def test_lengths_are_cut_into_thirds_and_equal_ones_stay_together() -> None:
    found = thirds({f"s{place}": str(place) for place in range(1, 31)})
    assert [found[f"s{place}"] for place in (1, 10, 11, 20, 21, 30)] == [
        "1–10",
        "1–10",
        "11–20",
        "11–20",
        "21–30",
        "21–30",
    ]
    assert set(thirds(dict.fromkeys(map(str, range(9)), "7")).values()) == {"7–7"}
    assert set(thirds({"a": "1200", "b": "1200", "c": "9000"}).values()) == {"1,200–1,200", "9,000–9,000"}


def test_without_what_is_known_of_rows_nothing_is_said(tmp_path: Path) -> None:
    run = Planted(tmp_path)
    run.add("sft", {"home": range(30)})
    assert slices(run.evidence()) is None
