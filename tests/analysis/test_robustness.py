"""What changed rows cost, on planted runs: losses, losses beyond base's and answers without the premise are known."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hanka.analysis.claims import claims_of
from hanka.analysis.contrasts import Contrasts
from hanka.analysis.evidence import Evidence
from hanka.analysis.pooling import Pooling
from hanka.analysis.questions.contract import Answer, Measured
from hanka.analysis.questions.robustness import ROBUSTNESS
from hanka.analysis.questions.robustness.pairs import loss_metric
from hanka.metrics import METRICS, Outputs, ScoringContext
from planted_runs import N, Planted, rows_of

COUNTS = {
    "version": 1,
    "params": {},
    "n_source": N,
    "n_rows": N,
    "left_out": {},
    "n_units": 400,
    "n_can": 200,
    "n_changed": 20,
}
SLIPS: Mapping[str, Any] = {"slips": {"of": "home", "recipe": "typos", "expects": "same", **COUNTS}}
ALONE: Mapping[str, Any] = {"alone": {"of": "home", "recipe": "hypothesis_only", "expects": "none", **COUNTS}}
Right = dict[str, Iterable[int] | None]


def run(
    path: Path, base: Right, tuned: Right | None = None, declared: Mapping[str, Any] = SLIPS, **changes: Any
) -> Evidence:
    """A base, and what was tuned, with the rows each has right."""
    planted = Planted(path, perturbed=declared)
    planted.add("base", base, **changes)
    if tuned is not None:
        planted.add("sft", tuned, **changes)
    return planted.evidence()


def answer(evidence: Evidence) -> Answer:
    found = ROBUSTNESS.ask(evidence)
    assert found is not None
    return found


def row(found: Answer, method: str, change: str = "slips") -> dict[str, Any]:
    (one,) = (one for one in rows_of(found) if (one["method"], one["robustness_change"]) == (method, change))
    return one


def test_a_loss_is_before_less_after_on_the_same_rows(tmp_path: Path) -> None:
    found = answer(run(tmp_path, {"home": range(30), "slips": range(10)}))
    one = row(found, "base")
    assert (one["robustness_before"].value, one["robustness_after"].value) == (0.75, 0.25)
    loss = one["robustness_loss"]
    assert (loss.value, loss.n) == (0.5, 40)
    assert 0 < loss.low < 0.5 < loss.high
    assert one["robustness_says"] == "loses"
    assert (one["robustness_beyond"], one["robustness_above"]) == (None, None)
    assert "slips: base loses 0.500" in found.sentence_en
    assert "slips：ベースの低下は" in found.sentence_ja


def test_the_loss_beyond_base_is_the_difference_of_both_losses_row_by_row(tmp_path: Path) -> None:
    base: Right = {"home": range(30), "slips": range(28)}  # loses 2 of 40
    tuned: Right = {"home": range(40), "slips": range(16)}  # loses 24 of 40
    one = row(answer(run(tmp_path, base, tuned)), "sft")
    assert one["robustness_loss"].value == pytest.approx(24 / 40)
    assert one["robustness_beyond"].value == pytest.approx(22 / 40)
    assert one["robustness_beyond"].n == 40
    assert one["robustness_beyond"].low > 0
    assert (one["robustness_says"], one["robustness_than_base"]) == ("loses", "more")


def test_a_system_that_loses_less_than_base_is_called_so(tmp_path: Path) -> None:
    base: Right = {"home": range(36), "slips": range(4)}
    tuned: Right = {"home": range(38), "slips": range(37)}
    found = answer(run(tmp_path, base, tuned))
    one = row(found, "sft")
    assert one["robustness_beyond"].value == pytest.approx((1 - 32) / 40)
    assert one["robustness_than_base"] == "less"
    assert "slips: sft (8 rows, 0-shot) is less brittle than base: it loses 0.775" in found.sentence_en
    assert "sft（8 件、0 ショット）はベースより頑健で" in found.sentence_ja


def test_an_equal_loss_on_other_rows_is_no_difference_but_varies(tmp_path: Path) -> None:
    base: Right = {"home": range(40), "slips": range(20)}
    tuned: Right = {"home": range(40), "slips": range(20, 40)}
    one = row(answer(run(tmp_path, base, tuned)), "sft")
    beyond = one["robustness_beyond"]
    assert beyond.value == 0
    assert beyond.low < -0.2 < 0.2 < beyond.high
    assert one["robustness_than_base"] == "open"


def test_rows_that_were_left_out_count_on_neither_side(tmp_path: Path) -> None:
    planted = Planted(tmp_path, perturbed=SLIPS)
    planted.add("base", {"home": range(20, 40)})  # wrong on the first twenty
    planted.add("base", {"slips": range(15, 30)}, n=30)  # the last ten cannot be changed
    one = row(answer(planted.evidence()), "base")
    assert one["robustness_before"].value == pytest.approx(10 / 30)
    assert one["robustness_after"].value == pytest.approx(15 / 30)
    assert one["robustness_loss"].value == pytest.approx(-5 / 30)
    assert {one[name].n for name in ("robustness_before", "robustness_after", "robustness_loss")} == {30}


def test_a_failed_row_counts_on_neither_side(tmp_path: Path) -> None:
    planted = Planted(tmp_path, perturbed=SLIPS)
    planted.add("base", {"home": range(30)})
    planted.add("base", {"slips": range(30)}, missing=range(10))
    one = row(answer(planted.evidence()), "base")
    assert (one["robustness_loss"].value, one["robustness_loss"].n) == (0.0, 30)


@pytest.mark.parametrize(
    ("right", "word", "above"), [(range(40), "above", 0.5), ((), "below", -0.5), (range(21), "open", 0.025)]
)
def test_without_the_premise_the_best_constant_answer_is_the_floor(
    right: Iterable[int], word: str, above: float, tmp_path: Path
) -> None:
    found = answer(run(tmp_path, {"home": range(40), "alone": right}, declared=ALONE))
    one = row(found, "base", "alone")
    assert one["robustness_above"].value == pytest.approx(above)  # half the targets are yes
    assert one["robustness_without"] == word
    assert ("answers without the premise" in found.sentence_en) == (word == "above")
    assert ("前提なしで答えています" in found.sentence_ja) == (word == "above")


def test_seeds_are_one_system_and_their_losses_are_averaged(tmp_path: Path) -> None:
    planted = Planted(tmp_path, perturbed=SLIPS)
    planted.add("base", {"home": range(30), "slips": range(30)})
    for seed, right in ((0, range(10)), (1, range(20)), (2, range(15))):
        planted.add("sft", {"home": range(30), "slips": right}, seed=seed)
    one = row(answer(planted.evidence()), "sft")
    assert one["robustness_loss"].value == pytest.approx((20 + 10 + 15) / 3 / 40)
    assert one["robustness_beyond"].value == pytest.approx(15 / 40)
    assert one["robustness_loss"].n == 40


def test_a_system_is_compared_at_the_asking_nearest_to_its_training_that_both_sides_have(tmp_path: Path) -> None:
    planted = Planted(tmp_path, perturbed=SLIPS)
    for shots in (0, 2):
        planted.add("base", {"home": range(30)}, shots=shots)
        planted.add("sft", {"home": range(30)}, shots=shots)
    planted.add("base", {"slips": range(10)}, shots=2)
    planted.add("sft", {"slips": range(10)}, shots=2)
    one = row(answer(planted.evidence()), "sft")
    assert (one["shots"], one["robustness_loss"].value) == (2, 0.5)


def test_all_differences_of_the_answer_widen_each_other(tmp_path: Path) -> None:
    alone = row(answer(run(tmp_path / "one", {"home": range(30), "slips": range(10)})), "base")["robustness_loss"]
    planted = Planted(tmp_path / "many", perturbed=SLIPS)
    planted.add("base", {"home": range(30), "slips": range(10)})
    for place in range(6):
        planted.add(f"sft-{place}", {"home": range(30), "slips": range(place, 10 + place)})
    among = row(answer(planted.evidence()), "base")["robustness_loss"]
    assert among.value == alone.value
    assert among.low < alone.low
    assert among.high > alone.high


def test_a_changed_test_set_has_no_part_in_claims(tmp_path: Path) -> None:
    right: Right = {"home": range(20), "away": range(20)}
    better: Right = {"home": range(38), "away": range(20)}
    plain = run(tmp_path / "plain", right, better, {})
    changed = run(tmp_path / "changed", {**right, "slips": range(20)}, {**better, "slips": ()})
    assert [set(one.cells) for one in Pooling(Contrasts(changed)).systems()] == [{"home", "away"}]
    for one, two in zip(claims_of(Contrasts(plain)).systems, claims_of(Contrasts(changed)).systems, strict=True):
        assert [claim.tests for claim in one.harms] == [claim.tests for claim in two.harms]
        assert one.toughest.wide == two.toughest.wide


def test_nothing_is_said_where_no_test_set_is_changed(tmp_path: Path) -> None:
    assert ROBUSTNESS.ask(run(tmp_path, {"home": range(30)}, declared={})) is None


def test_failed_cells_are_no_evidence_and_are_said(tmp_path: Path) -> None:
    found = answer(run(tmp_path, {"home": range(30), "slips": None}))
    assert found.rows == ()
    assert found.sentence_en.startswith("Nobody can be compared on slips: ")
    assert found.sentence_ja.startswith("slipsでは比較ができません。")


def test_what_was_left_out_is_told_with_its_reason_in_both_languages(tmp_path: Path) -> None:
    declared = {
        "slips": {**SLIPS["slips"], "n_rows": 37, "left_out": {"no word long enough": 2, "of another package": 1}}
    }
    notes = answer(run(tmp_path, {"home": range(30), "slips": range(10)}, declared=declared)).notes
    (told,) = (one for one in notes if one.message_en.startswith("slips: "))
    assert told.message_en == (
        "slips: 37 of 40 rows of home (typos), 20 of 400 words or parts changed, 200 could have been; left out on both sides: "
        "2 no word long enough; 1 of another package."
    )
    assert told.message_ja.endswith("前後とも除いた行：「十分な長さの語がない」2 行、「of another package」1 行。")


def test_the_loss_of_a_metric_that_is_no_mean_is_that_of_its_two_values() -> None:
    metric, context = METRICS.get("macro_f1"), ScoringContext(labels=("yes", "no"))
    targets = ["yes", "no", "no"] * 4
    before, after = (
        metric.statistics(Outputs(targets=targets, answers=answers), context)
        for answers in (["yes", "no", "yes"] * 4, ["no"] * 12)
    )
    k = before.shape[1]
    loss = loss_metric(metric)
    both = np.hstack([before, after])
    assert both.shape == (12, 2 * k)
    assert metric.value(before) == pytest.approx(2 / 3)  # F1 of yes 8/12, of no 8/12
    assert metric.value(after) == pytest.approx(0.4)  # of yes 0, of no 0.8
    assert loss.value(both) == pytest.approx(2 / 3 - 0.4)
    assert (loss.low, loss.high) == (-1.0, 1.0)


def test_every_number_has_n_and_an_interval(tmp_path: Path) -> None:
    found = answer(run(tmp_path, {"home": range(30), "slips": range(10)}, {"home": range(35), "slips": range(20)}))
    measured = [one for each in found.rows for one in each if isinstance(one, Measured)]
    assert len(measured) == 7
    assert all(one.n == 40 and one.low is not None and one.high is not None for one in measured)


def test_a_context_other_than_the_usual_one_is_named(tmp_path: Path) -> None:
    planted = Planted(tmp_path, perturbed=SLIPS)
    for context in ("drawn", "nearest"):
        planted.add("base", {"home": range(30), "slips": range(10)}, shots=2, context=context)
    assert [one["method"] for one in rows_of(answer(planted.evidence()))] == ["base", "base nearest"]
