"""What passes, what fails, what is inconclusive: bounds by hand, evidence that is missing, systems that are addressed."""

from __future__ import annotations

from pathlib import Path

import pytest

from gate_runs import NOT_WORSE, as_folder, asked, judged, only, pair, write_slices
from hanka.errors import HankaError, PolicyError
from hanka.metrics import METRICS
from hanka.operations.gate.systems import find_sides
from hanka.store.folder import RunFolder, read_table, write_table
from planted_runs import Planted, right

Z2 = 1.6448536269514722**2
"Square of the one-sided normal quantile at 0.05."


def test_equal_answers_are_not_worse_by_what_so_many_rows_could_hide(tmp_path: Path) -> None:
    evidence = pair(tmp_path).evidence()
    check = only(judged(evidence, NOT_WORSE))
    assert check.low == pytest.approx(-Z2 / (40 + Z2))  # Tango's interval without a discordant row: 0.0634
    assert (check.outcome, check.limit, check.n, check.estimate) == ("pass", -0.07, 40, 0.0)
    assert only(judged(evidence, NOT_WORSE.replace("0.07", "0.06"))).outcome == "inconclusive"


def test_a_shown_loss_fails_and_a_small_one_is_inconclusive(tmp_path: Path) -> None:
    worse = judged(pair(tmp_path / "a", tuned=20), NOT_WORSE)
    assert (worse.outcome, only(worse).estimate) == ("fail", -0.5)
    high = only(worse).high
    assert high is not None
    assert high < -0.07
    unclear = only(judged(pair(tmp_path / "b", tuned=37), NOT_WORSE))
    assert unclear.outcome == "inconclusive"
    assert unclear.estimate == pytest.approx(-0.075)
    assert unclear.rows_to_decide is not None
    assert unclear.rows_to_decide > 40


def test_a_gain_has_to_be_larger_than_asked_and_excluded_gains_fail(tmp_path: Path) -> None:
    policy = "{candidate: sft, rules: [{gain: 0.1}]}"
    assert judged(pair(tmp_path / "a", base=10, tuned=36), policy).outcome == "pass"
    assert judged(pair(tmp_path / "b", base=36, tuned=38), policy).outcome == "inconclusive"
    assert judged(pair(tmp_path / "c", base=36, tuned=30), policy).outcome == "fail"


def test_floors_and_ceilings_of_shares_are_exact(tmp_path: Path) -> None:
    run = pair(tmp_path).evidence()
    check = only(judged(run, "{candidate: sft, rules: [{floor: 0.92}]}"))
    assert check.low == pytest.approx(0.05 ** (1 / 40))  # 0.9278, all 40 right
    assert check.outcome == "pass"
    assert judged(run, "{candidate: sft, rules: [{floor: 0.93}]}").outcome == "inconclusive"
    assert judged(run, "{candidate: sft, rules: [{ceiling: 0.9}]}").outcome == "fail"


def test_failing_shares_alpha_and_passing_does_not(tmp_path: Path) -> None:
    run = pair(tmp_path).evidence()
    gate = judged(run, "{candidate: sft, rules: [{floor: 0.92}, {ceiling: 0.5}]}")
    floor, ceiling = gate.checks
    assert floor.low == pytest.approx(0.05 ** (1 / 40))
    assert ceiling.low == pytest.approx(0.025 ** (1 / 40))
    assert [one.outcome for one in gate.rules] == ["pass", "fail"]
    assert gate.outcome == "fail"


def test_one_rule_without_evidence_is_no_pass(tmp_path: Path) -> None:
    run = Planted(tmp_path)
    run.add("base", right(30, 30))
    run.add("sft", {"home": range(40), "away": None})
    gate = judged(run, "{candidate: sft, rules: [{floor: 0.5, test: home}, {floor: 0.5, test: away}]}")
    assert [one.outcome for one in gate.rules] == ["pass", "inconclusive"]
    assert gate.outcome == "inconclusive"
    reason = gate.checks[1].reason
    assert reason is not None
    assert reason.key == "not_done"


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("{floor: 0.1, relation: cross_task}", "no_test"),
        ("{floor: 0.1, least_rows: 41, test: home}", "few_rows"),
        ("{floor: 0.1, test: away}", "no_cell"),
        ("{non_inferior: 0.5, test: lone}", "no_cell"),
    ],
)
def test_missing_evidence_has_its_reason(tmp_path: Path, text: str, key: str) -> None:
    run = pair(tmp_path)
    run.add("base", {"away": range(40)})
    run.add("sft", {"far": range(40)})
    text = text.replace("lone", "far")
    check = only(judged(run, f"{{candidate: sft, rules: [{text}]}}"))
    assert check.outcome == "inconclusive"
    assert check.reason is not None
    assert check.reason.key == key


def test_few_groups_decide_nothing_however_many_rows_there_are(tmp_path: Path) -> None:
    check = only(judged(pair(tmp_path, groups=8), "{candidate: sft, rules: [{non_inferior: 0.9}]}"))
    assert check.reason is not None
    assert (check.reason.key, check.reason.names["n"]) == ("few_units", 5)


def test_rows_in_groups_are_bounded_by_what_their_groups_are_worth(tmp_path: Path) -> None:
    whole = only(judged(pair(tmp_path / "a", groups=4), NOT_WORSE))
    assert (whole.n, whole.n_units) == (40, 10)
    worth = 10 * Z2 / 1.8331129**2  # a row for each group, less for ten groups: t quantile with 9 degrees of freedom
    assert whole.low == pytest.approx(-Z2 / (worth + Z2))
    run = Planted(tmp_path / "b")
    run.add("base", right(40, 40), groups=4)
    run.add("sft", right(40, 40), groups=4)
    mean = only(judged(run, "{candidate: sft, rules: [{non_inferior: 0.2, over: mean}]}"))
    assert whole.low is not None
    assert mean.low == pytest.approx(whole.low / 2**0.5)  # distances of two test sets add as standard errors do
    assert mean.outcome == "pass"


def test_rows_without_an_answer_are_not_left_out_in_silence(tmp_path: Path) -> None:
    run = pair(tmp_path, missing=range(37, 40)).evidence()
    check = only(judged(run, NOT_WORSE))
    assert check.reason is not None
    assert (check.reason.key, check.reason.names["n"]) == ("missing_answers", 3)
    allowed = NOT_WORSE.replace("{candidate", "{most_missing: 0.1, candidate").replace("0.07", "0.1")
    assert only(judged(run, allowed)).outcome == "pass"


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
@pytest.mark.parametrize("rule", ["{floor: 0.1}", "{non_inferior: 0.9}"])
def test_a_value_that_is_no_number_is_inconclusive(tmp_path: Path, number: float, rule: str) -> None:
    evidence = pair(tmp_path).evidence()
    cell = next(one for one in evidence.cells.values() if one.variant["label"] == "sft")
    evidence.rows(cell, METRICS.get("accuracy")).statistics[3, 0] = number
    check = only(judged(evidence, f"{{candidate: sft, rules: [{rule}]}}"))
    assert check.outcome == "inconclusive"
    assert check.reason is not None
    assert check.reason.key == "no_number"


def test_answers_that_cannot_be_read_are_no_evidence(tmp_path: Path) -> None:
    run = pair(tmp_path)
    path = RunFolder(tmp_path).cell(str(run.cells[1]["id"])) / "predictions.parquet"
    write_table(path, read_table(path).drop_columns(["parsed"]))
    check = only(judged(run, "{candidate: sft, rules: [{floor: 0.1}]}"))
    assert check.reason is not None
    assert check.reason.key == "unreadable"


def test_slices_are_judged_on_their_own_rows(tmp_path: Path) -> None:
    run = Planted(tmp_path)
    run.add("base", {"home": range(40)})
    run.add("sft", {"home": range(20)})  # right on the first half alone
    rows = [("home", f"s{at}", "channel", "mail" if at < 20 else "phone") for at in range(40)]
    write_slices(tmp_path, rows + [("home", f"s{at}", "length", str(at)) for at in range(40)])
    evidence = run.evidence()
    for slices, outcome, n in (
        ("{channel: mail}", "pass", 20), ("{channel: phone}", "fail", 20), ("{length: -19}", "pass", 20),
        ("{length: 20-39}", "fail", 20), ("{length: 30–}", "fail", 10), ("{length: 35-}", "inconclusive", 0),
    ):  # fmt: skip
        rule = f"{{candidate: sft, least_rows: 10, rules: [{{non_inferior: 0.2, slice: {slices}}}]}}"
        check = only(judged(evidence, rule))
        assert (check.outcome, check.n) == (outcome, n), slices


def test_a_test_set_without_rows_of_the_slice_is_said(tmp_path: Path) -> None:
    run = Planted(tmp_path)
    run.add("base", right(40, 40))
    run.add("sft", right(40, 40))
    write_slices(
        tmp_path,
        [(test, f"s{at}", "language", lang) for test, lang in (("home", "ja"), ("away", "en")) for at in range(40)],
    )
    rule = judged(run, "{candidate: sft, rules: [{non_inferior: 0.1, slice: {language: ja}}]}").rules[0]
    assert [check.tests for check in rule.checks] == [("home",)]
    assert rule.notes[0].names["tests"] == "away"


def test_a_mean_over_test_sets_is_one_check_and_each_is_several(tmp_path: Path) -> None:
    run = Planted(tmp_path)
    run.add("base", right(30, 30))
    run.add("sft", right(40, 22))
    evidence = run.evidence()
    each = judged(evidence, "{candidate: sft, rules: [{non_inferior: 0.05}]}")
    assert [one.outcome for one in each.checks] == ["pass", "fail"]
    mean = only(judged(evidence, "{candidate: sft, rules: [{non_inferior: 0.1, over: mean}]}"))
    assert mean.estimate == pytest.approx(0.025)
    assert (mean.tests, mean.n) == (("home", "away"), 80)


def test_the_base_with_demonstrations_may_be_what_is_replaced(tmp_path: Path) -> None:
    run = pair(tmp_path, base=10, tuned=30)
    run.add("base", {"home": range(40)}, shots=4)
    evidence = run.evidence()
    assert judged(evidence, "{candidate: sft, rules: [{gain: 0.1}]}").outcome == "pass"
    shown = "{candidate: sft, against: {variant: base, shots: 4}, rules: [{gain: 0.1}]}"
    check = only(judged(evidence, shown))
    assert (check.outcome, check.other_asked[0].shots) == ("fail", 4)
    itself = judged(
        evidence, "{candidate: {variant: base, shots: 4}, against: {variant: base, shots: 0}, rules: [{gain: 0.1}]}"
    )
    assert itself.outcome == "pass"
    with pytest.raises(PolicyError, match="is the candidate itself"):
        judged(evidence, "{candidate: base, rules: [{gain: 0.1}]}")


def test_a_tuned_model_is_judged_as_it_is_meant_to_be_asked(tmp_path: Path) -> None:
    run = Planted(tmp_path)
    for shots, base, tuned in ((0, 40, 10), (2, 10, 40)):
        run.add("base", {"home": range(base)}, shots=shots)
        run.add("fticl", {"home": range(tuned)}, shots=shots, meant_shots=2)
    gate = judged(run, "{candidate: fticl, rules: [{gain: 0.1}]}")
    assert (gate.outcome, only(gate).asked[0].shots, only(gate).other_asked[0].shots) == ("pass", 2, 2)
    assert gate.notes[0].names["n"] == 1


def test_another_run_is_compared_on_the_rows_that_agree(tmp_path: Path) -> None:
    run, released = pair(tmp_path / "new"), Planted(tmp_path / "old")
    released.add("released", {"home": range(40)}, n=38)
    policy = "{candidate: sft, against: {run: ../old, variant: released}, rules: [{non_inferior: 0.1}]}"
    check = only(judged(run, policy, released.evidence()))
    assert (check.outcome, check.n, check.notes[0].key, check.notes[0].names["n"]) == ("pass", 38, "left_out", 2)


def test_another_run_is_found_from_the_folder_of_the_policy(tmp_path: Path) -> None:
    run, released = as_folder(pair(tmp_path / "new")), as_folder(pair(tmp_path / "old"))
    path = tmp_path / "policy.yaml"
    path.write_text(
        "{candidate: sft, against: {run: old, variant: sft}, rules: [{non_inferior: 0.1}]}", encoding="utf-8"
    )
    from hanka.operations.gate.policy import read_policy

    sides = find_sides(read_policy(path), RunFolder(run))
    assert sides.against.evidence.folder.path == released
    path.write_text(
        "{candidate: sft, against: {run: odl, variant: sft}, rules: [{non_inferior: 0.1}]}", encoding="utf-8"
    )
    with pytest.raises(PolicyError, match=r"policy.yaml:1: against.run: 'odl' is not the folder of a run"):
        find_sides(read_policy(path), RunFolder(run))


def test_the_decision_names_the_candidate_and_a_run_that_recommends_nothing_ships_nothing(tmp_path: Path) -> None:
    policy = asked("{rules: [{non_inferior: 0.1}]}")
    sides = find_sides(policy, RunFolder(as_folder(pair(tmp_path / "a"), recommend="sft")))
    assert sides.candidate.variant["label"] == "sft"
    with pytest.raises(HankaError, match="recommends the base model, so nothing is to ship"):
        find_sides(policy, RunFolder(as_folder(pair(tmp_path / "b"))))


def test_of_several_seeds_one_has_to_be_named(tmp_path: Path) -> None:
    run = pair(tmp_path)
    second = run.add("sft", {"home": range(40)}, seed=1)
    with pytest.raises(PolicyError, match=f"'sft' has 2 seeds, and one of them ships.*{second} \\(seed 1"):
        judged(run, NOT_WORSE)
    assert judged(run, NOT_WORSE.replace("sft", second)).outcome == "pass"


def test_a_study_that_grows_is_judged_by_intervals_that_hold_at_every_look(tmp_path: Path) -> None:
    at_once, growing = pair(tmp_path / "a"), pair(tmp_path / "b", most=160)
    growing.block = 40
    ends = [only(judged(run, NOT_WORSE)).low for run in (at_once, growing)]
    assert ends[1] is not None
    assert ends[0] is not None
    assert ends[1] < ends[0]
    low = only(judged(growing, "{candidate: sft, rules: [{floor: 0.5}]}")).low
    assert low == pytest.approx((0.05 / 4) ** (1 / 40))  # four looks share alpha


def test_a_metric_without_a_better_end_is_bounded_and_not_compared(tmp_path: Path) -> None:
    run = Planted(tmp_path)
    run.add("base", {"story": []}, said=["a b c"] * 40)
    run.add("sft", {"story": []}, said=["a b c"] * 40)
    evidence = run.evidence()
    evidence.plan["tasks"]["tale"]["metrics"].append("length_ratio")
    try:
        check = only(judged(evidence, "{candidate: sft, rules: [{non_inferior: 0.1, metric: length_ratio}]}"))
    finally:
        evidence.plan["tasks"]["tale"]["metrics"].remove("length_ratio")
    assert check.reason is not None
    assert check.reason.key == "no_better_end"


def test_a_run_may_be_judged_twice_with_one_answer(tmp_path: Path) -> None:
    run = pair(tmp_path, tuned=35).evidence()
    assert judged(run, NOT_WORSE) == judged(run, NOT_WORSE)
