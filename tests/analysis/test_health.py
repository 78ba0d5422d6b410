"""Did it train? Statuses on planted trainings and planted cells, where what is wrong is known."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import pytest

from hanka.analysis.collapse import collapses
from hanka.analysis.curve import POINTS, curve_of
from hanka.analysis.health import Health, cautions, health_of
from hanka.analysis.signs import Reason, Trained, fall_at_the_end, fitted, judge
from hanka.guardrails.repeated import repetition
from planted_runs import N, Planted

FLAT = [1.0, 0.6, 0.4, 0.3, 0.25, 0.24, 0.24, 0.25, 0.24, 0.24, 0.25, 0.24]
FALLING = [9.44, 9.3, 8.9, 8.4, 7.9, 7.4, 7.1, 6.84]
JAPANESE = re.compile(r"[\u3040-\u30ff]")


def labelled(accuracy: float, nats: float, rows: str = "train", n: int = 48, majority: float = 0.5) -> dict[Any, Any]:
    one = {"n": n, "value": accuracy, "majority": majority, "nats_per_row": nats, "guessing_nats": math.log(2)}
    return {(rows, "after", "accuracy"): one}


def losses(before: float, after: float, rows: str = "train") -> dict[Any, Any]:
    return {(rows, when, "loss"): {"n": 48, "value": value} for when, value in (("before", before), ("after", after))}


MOVED = {"n_tensors": 4, "n_moved": 4, "largest_nats": 2.5}
GOOD = Trained(losses=FLAT, fit=labelled(0.98, 0.1) | losses(4.0, 0.05), change=MOVED)


def statuses(trained: Trained) -> list[str]:
    return [one.status for one in judge(trained)]


def test_a_training_that_fits_its_rows_has_no_sign_against_it() -> None:
    assert judge(GOOD) == []
    assert "98% of 48" in fitted(GOOD).en


def test_the_study_of_a_newcomer_that_stopped_too_early_is_undertrained() -> None:
    """Loss 9.44 → 6.84 in 8 steps: two thirds right by chance of the prompt, and the advice was not to adapt."""
    fit = labelled(0.65, 2 * 6.84) | losses(9.44, 6.84)
    (found,) = judge(Trained(losses=FALLING, fit=fit, change=MOVED))
    assert found.status == "undertrained"
    assert "13.68 nats" in found.en
    assert "0.69" in found.en
    assert JAPANESE.search(found.ja)


@pytest.mark.parametrize(
    ("accuracy", "majority", "n", "is_undertrained"),
    [(0.6, 0.5, 48, True), (0.75, 0.5, 48, False), (0.92, 0.9, 48, True), (1.0, 0.98, 48, False), (1.0, 0.5, 8, False)],
)
def test_label_rows_have_to_be_right_clearly_more_often_than_the_commonest_label(
    accuracy: float, majority: float, n: int, is_undertrained: bool
) -> None:
    trained = Trained(losses=FLAT, fit=labelled(accuracy, 0.4, n=n, majority=majority), change=MOVED)
    assert statuses(trained) == (["undertrained"] if is_undertrained else [])


def test_text_rows_must_be_predicted_better_than_before_and_not_better_by_the_step() -> None:
    assert statuses(Trained(losses=FLAT, fit=losses(2.0, 1.97), change=MOVED)) == ["undertrained"]
    assert statuses(Trained(losses=FLAT, fit=losses(2.0, 1.7), change=MOVED)) == []
    assert statuses(Trained(losses=FALLING, fit=losses(9.4, 6.8), change=MOVED)) == ["undertrained"]


def test_a_loss_that_still_falls_does_not_matter_where_own_rows_are_fitted() -> None:
    assert statuses(Trained(losses=FALLING, fit=labelled(0.95, 0.3), change=MOVED)) == []
    assert statuses(Trained(losses=FALLING, fit=labelled(0.85, 0.3), change=MOVED)) == ["undertrained"]


def test_a_fall_at_the_end_is_large_sure_and_of_enough_steps() -> None:
    assert fall_at_the_end(FALLING) == pytest.approx(1 - 6.97 / 7.65)
    assert fall_at_the_end(FALLING[:7]) is None
    assert fall_at_the_end(FLAT) is None
    noisy = [3.0, 2.0, 3.0, 2.0, 3.4, 2.0, 3.2, 1.8]
    assert fall_at_the_end(noisy) is None  # 7 %, within what batches differ by
    assert fall_at_the_end([2.0, 1.99, 1.98, 1.97, 1.96, 1.95, 1.94, 1.93]) is None  # sure, and little


def test_an_adapter_that_changes_nothing_is_silent_before_all_else() -> None:
    still = Trained(losses=FALLING, fit=labelled(0.5, 9.0), change=MOVED | {"n_moved": 0, "largest_nats": 0.0})
    assert statuses(still) == ["silent"]
    dead = Trained(losses=FLAT, fit=labelled(0.98, 0.1), change=MOVED | {"largest_nats": 0.0})
    assert statuses(dead) == ["silent"]
    assert "weights moved" in judge(dead)[0].en


def test_overtraining_is_a_validation_loss_that_rose_from_its_lowest() -> None:
    fit = labelled(1.0, 0.01) | losses(3.0, 0.01)
    rising = Trained(losses=FLAT, validation=[(4, 0.50), (8, 0.45), (12, 0.60)], fit=fit, change=MOVED)
    (found,) = judge(rising)
    assert found.status == "overtrained"
    assert "0.600" in found.en
    assert "0.450 after step 8" in found.en
    little = Trained(losses=FLAT, validation=[(4, 0.50), (12, 0.52)], fit=fit, change=MOVED)
    assert judge(little) == []
    kept = Trained(losses=FLAT, validation=rising.validation, kept=8, fit=fit, change=MOVED)
    assert judge(kept) == []  # validation chose the lowest


def test_worse_on_validation_than_before_training_is_overtrained_unless_more_answers_are_right() -> None:
    fit = labelled(1.0, 0.01) | losses(0.5, 0.9, "validation")
    assert statuses(Trained(losses=FLAT, fit=fit, change=MOVED)) == ["overtrained"]
    won = {("validation", "before", "accuracy"): {"value": 0.5}, ("validation", "after", "accuracy"): {"value": 0.8}}
    assert statuses(Trained(losses=FLAT, fit=fit | won, change=MOVED)) == []


def test_what_an_older_run_left_is_no_sign_of_anything() -> None:
    assert judge(Trained()) == []
    assert judge(Trained(losses=FLAT)) == []


# ---- collapse


def planted(tmp_path: Path, said: list[str], test: str = "home", base: list[str] | None = None, **more: Any) -> Any:
    run = Planted(tmp_path)
    everything = {test: range(N)}
    run.add("base", everything, **({"said": base} if base is not None else {}))
    run.add("sft", everything, said=said, **more)
    evidence = run.evidence()
    (cell,) = [one for one in evidence.cells.values() if not one.is_unadapted]
    return collapses(evidence, cell)


def test_one_label_for_all_rows_is_a_collapse_and_a_slip_does_not_hide_it(tmp_path: Path) -> None:
    for n_slips in (0, 2):
        (found,) = planted(tmp_path / str(n_slips), ["yes"] * (N - n_slips) + ["no"] * n_slips)
        assert (found.kind, found.answer, found.usual) == ("one_answer", "yes", 0.5)
        assert found.share.value == 1 - n_slips / N
        assert found.is_inside
        assert f"on {N - n_slips} of {N} rows" in found.as_json()["message_en"]
    assert planted(tmp_path / "3", ["yes"] * (N - 3) + ["no"] * 3) == []


def test_outside_the_domain_only_what_the_base_does_not_do_itself_is_a_collapse(tmp_path: Path) -> None:
    same = ["yes"] * N
    assert planted(tmp_path / "a", same, "away", base=same) == []
    assert [one.kind for one in planted(tmp_path / "b", same, "away")] == ["one_answer"]
    assert [one.kind for one in planted(tmp_path / "c", same, "home", base=same)] == ["one_answer"]


def test_one_answer_that_the_base_gave_already_is_undertraining_where_own_rows_are_not_fitted(tmp_path: Path) -> None:
    found = planted(tmp_path / "a", ["yes"] * N, "home", base=["yes"] * N)
    assert not found[0].is_new
    unfitted = Trained(losses=FLAT, fit=labelled(0.5, 9.0), change=MOVED)
    assert [one.status for one in judge(unfitted, found)] == ["undertrained"]
    assert [one.status for one in judge(GOOD, found)] == ["collapsed"]
    new = planted(tmp_path / "b", ["yes"] * N, "home")
    assert [one.status for one in judge(unfitted, new)] == ["collapsed", "undertrained"]


def test_label_words_where_text_is_asked(tmp_path: Path) -> None:
    texts = [f"a story of {place} things" for place in range(N)]
    (found,) = planted(tmp_path / "a", ["Yes."] * 30 + texts[30:], "story", base=texts)
    assert (found.kind, found.answer, found.share.value, found.base) == ("label_words", "yes.", 0.75, 0.0)
    assert found.as_json()["message_ja"].startswith("story（0-shot）：文章を求めた 40 件中 30 件で")
    assert planted(tmp_path / "b", ["yes"] * 15 + texts[15:], "story", base=texts) == []


def test_text_that_repeats_itself(tmp_path: Path) -> None:
    texts = [f"a story of {place} things that were never told before in any of the books we own" for place in range(N)]
    loops = [f"the {place} cat sat on the mat " * 6 for place in range(N)]
    (found,) = planted(tmp_path, loops, "story", base=texts)
    assert (found.kind, found.share.value, found.base) == ("repeated_text", 1.0, 0.0)


def test_repetition_is_the_share_of_four_grams_that_were_there() -> None:
    assert repetition("one two three four five six seven eight nine ten eleven") == 0.0
    assert repetition("a b c d " * 4) == 1 - 4 / 13
    assert repetition("a a a a a a") == 0.0  # too short to say
    assert repetition("とても良い" * 6) == 1 - 5 / 27


def test_rows_of_one_text_count_once(tmp_path: Path) -> None:
    """Forty rows of three texts are three trials: too few to say that a label is all that ever comes."""
    groups = [f"g{place % 3}" for place in range(N)]
    assert planted(tmp_path, ["yes"] * N, said_groups=groups) == []


# ---- the whole


def test_every_trained_variant_has_one_entry_with_status_reason_numbers_and_curve(tmp_path: Path) -> None:
    run = Planted(tmp_path, tests=("home",))
    run.add("base", {"home": range(20)})
    good = run.add("good", {"home": range(N)})
    bad = run.add("bad", {"home": range(N)}, said=["yes"] * N)
    run.add("unmade", {"home": range(N)})
    said = [
        {"rows": rows, "when": when, "metric": metric} | one
        for (rows, when, metric), one in (labelled(0.98, 0.1) | losses(4.0, 0.05)).items()
    ]
    log = [{"step": step, "loss": loss} for step, loss in enumerate(FLAT, start=1)]
    log[-1]["validation_loss"] = 0.3
    run.trained(good, log, fit=said, change=MOVED, validation=[[12, 0.3]])
    run.trained(bad, log)
    found = {one.variant["id"]: one for one in health_of(run.evidence())}
    assert list(found) == [good, bad]
    one = found[good].as_json()
    assert (one["status"], one["signs"], one["kept_step"]) == ("fitted", [], 12)
    (accuracy,) = [number for number in one["numbers"] if number["name"] == "own_accuracy_after"]
    assert accuracy["low"] < accuracy["value"] == 0.98 < accuracy["high"]
    assert one["curve"][-1] == {"step": 12, "loss": 0.24, "validation_loss": 0.3, "validation_accuracy": None}
    other = found[bad].as_json()
    assert (other["status"], other["collapses"][0]["kind"]) == ("collapsed", "one_answer")
    (note,) = cautions(list(found.values()))
    assert note["message_en"].startswith("Collapsed in its own domain: bad (8 rows, seed 0). home, 0-shot: gives one")
    assert JAPANESE.search(note["message_ja"])


def test_a_collapse_elsewhere_is_a_caution_and_leaves_the_status_to_the_training(tmp_path: Path) -> None:
    run = Planted(tmp_path)
    run.add("base", {"home": range(20), "away": range(20)})
    run.trained(run.add("sft", {"home": range(N)}))
    run.add("sft", {"away": range(N)}, said=["yes"] * N)
    (one,) = health_of(run.evidence())
    assert one.status == "fitted"
    (note,) = cautions([one])
    assert note["message_en"].startswith(
        "sft (8 rows, seed 0), outside its domain. away, 0-shot: gives one and the same"
    )


def test_a_curve_is_thinned_and_keeps_every_look_at_validation_rows() -> None:
    log: list[dict[str, Any]] = [{"step": step, "loss": float(step)} for step in range(1, 1001)]
    log[4]["validation_loss"] = 7.0
    points = curve_of(log)
    assert len(points) <= POINTS + 1
    assert points[0] == {"step": 5, "loss": 3.0, "validation_loss": 7.0, "validation_accuracy": None}
    assert points[-1]["step"] == 1000
    assert curve_of([]) == []


@pytest.mark.parametrize(
    ("status", "tells_nothing"),
    [("silent", True), ("collapsed", True), ("undertrained", True), ("overtrained", False), (None, False)],
)
def test_which_signs_say_that_nothing_follows_from_a_training(status: Any, tells_nothing: bool) -> None:
    reasons = () if status is None else (Reason(status, "why", "理由"),)
    health = Health({}, GOOD, reasons, (), 0.95)
    assert health.status == (status or "fitted")
    assert (health.unfit is not None) == tells_nothing
    assert health.unfit is None or (health.unfit.en, health.unfit.ja) == ("why", "理由")
