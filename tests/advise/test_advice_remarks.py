"""The eight remarks: each fires, does not, is open or lacks its input, by hand-made inputs."""

from __future__ import annotations

import pytest
from known_inputs import between, common, exact

from hanka.advise.flow import walk
from hanka.advise.inputs import Given
from hanka.advise.remarks import Remark, remarks
from hanka.advise.thresholds import Thresholds

LINES = Thresholds()


def judged(inputs: dict[str, Given]) -> dict[str, Remark]:
    return {one.id: one for one in remarks(inputs, walk(inputs, LINES), LINES)}


CASES = [
    ("1a", common(ood_drop=0.2) | between("drop_gap", 0.1, 0.02, 0.18), "fires"),
    ("1a", common(ood_drop=0.2) | between("drop_gap", -0.1, -0.18, -0.02), "does_not"),
    ("1a", common(ood_drop=0.2) | between("drop_gap", 0.1, -0.02, 0.18), "open"),
    ("1a", common(ood_drop=0.2), "lacks"),
    ("1a", common(adversarial=True, drop_gap=0.1), "fires"),
    ("1b", common(rows_per_class=9), "fires"),
    ("1b", common(), "does_not"),
    ("1b", common(rows_per_class=None), "lacks"),
    ("1c", common(closest_base_gap=0.2), "fires"),
    ("1c", common() | between("closest_base_gap", 0.2, -0.1, 0.5), "open"),
    ("2", common(free_form=False, strong_generalization=False), "fires"),
    ("2", common(free_form=False, strong_generalization=True), "does_not"),
    ("2", common(free_form=True), "does_not"),
    ("2", common(free_form=False), "lacks"),
    ("3", common(free_form=True), "fires"),
    ("3", common(free_form=True) | between("reference_delta", 0.1, 0.05, 0.15), "does_not"),
    ("3", common(free_form=True) | between("reference_delta", 0.1, -0.05, 0.25), "fires"),
    ("4a", common(knowledge_intensive=True, closed_book_accuracy=0.85), "fires"),
    ("4a", common(knowledge_intensive=True, closed_book_accuracy=0.5), "does_not"),
    ("4a", common(knowledge_intensive=True), "lacks"),
    ("4b", common(knowledge_intensive=True, answer_in_context=0.95), "fires"),
    ("4b", common(knowledge_intensive=True, knowledge_conflict=True), "fires"),
    ("4b", common(knowledge_intensive=True), "does_not"),
    ("5ab", common(hard_reasoning=True), "fires"),
    ("5ab", common(hard_reasoning=None) | exact(scale_jump=0.1), "does_not"),
    ("5c", common(n_model_sizes=3) | between("largest_inversion", -0.1, -0.15, -0.05), "fires"),
    ("5c", common(n_model_sizes=3) | between("largest_inversion", -0.1, -0.25, 0.05), "open"),
    ("5c", common(n_model_sizes=3, largest_inversion=0.02), "does_not"),
    ("5c", common(n_model_sizes=2) | between("largest_inversion", -0.1, -0.15, -0.05), "lacks"),
    ("6a", common(numeric_target=True), "fires"),
    ("6a", common(), "does_not"),
    ("6b", common(uses_judge=True) | between("judge_kappa", 0.5, 0.4, 0.55), "fires"),
    ("6b", common(uses_judge=True) | between("judge_kappa", 0.7, 0.5, 0.8), "open"),
    ("6b", common(uses_judge=True) | between("judge_kappa", 0.7, 0.62, 0.8), "does_not"),
    ("6b", common(uses_judge=False), "does_not"),
    ("6b", common(uses_judge=True), "lacks"),
    ("7a", common(messy_input=True), "fires"),
    ("7b", common(n_live_labelled=99), "fires"),
    ("7b", common(n_live_labelled=100), "does_not"),
    ("8a", common(p95_latency_seconds=3.0, latency_limit_seconds=2.0), "fires"),
    ("8a", common(latency_limit_seconds=2.0, cost_per_1000=1.0, cost_limit_per_1000=5.0)
     | between("p95_latency_seconds", 2.0, 1.0, 3.0), "open"),
    ("8a", common(p95_latency_seconds=1.0, latency_limit_seconds=2.0), "lacks"),
    ("8a", common(p95_latency_seconds=1.0, latency_limit_seconds=2.0, cost_per_1000=1.0, cost_limit_per_1000=5.0), "does_not"),
    ("8b", common(shortcuts_tested=False), "fires"),
    ("8b", common(shortcuts_tested=True), "does_not"),
    ("8c", common() | between("harm_rate", 0.002, 0.0, 0.009), "does_not"),
    ("8c", common() | between("harm_rate", 0.005, 0.0, 0.02), "open"),
    ("8c", common(harm_rate=0.02), "fires"),
    ("8c", common(), "lacks"),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "inputs", "wanted"), CASES)
def test_a_rule_is_judged_by_its_inputs(rule: str, inputs: dict[str, Given], wanted: str) -> None:
    assert judged(inputs)[rule].fires == wanted


def test_every_rule_has_a_case_in_which_it_fires() -> None:
    assert {rule for rule, _, wanted in CASES if wanted == "fires"} == {
        one.id for one in remarks({}, walk({}, LINES), LINES)
    }


def test_all_eight_remarks_are_there() -> None:
    assert {one.id[0] for one in remarks({}, walk({}, LINES), LINES)} == set("12345678")


def test_a_rule_that_lacks_something_says_what() -> None:
    found = judged(common(uses_judge=True))
    assert found["6b"].lacks == ("judge_kappa",)
    assert found["8a"].lacks == ("p95_latency_seconds", "latency_limit_seconds", "cost_per_1000", "cost_limit_per_1000")
    assert all(one.lacks for one in found.values() if one.fires == "lacks")
    assert found["5c"].lacks == ("n_model_sizes",)


def test_generation_by_default_says_that_it_was_not_checked() -> None:
    assert judged(common(free_form=True))["3"].lacks == ("reference_delta",)


def test_remarks_do_not_change_the_path() -> None:
    plain = common()
    assert (
        walk(plain | exact(messy_input=True, harm_rate=0.5, n_model_sizes=3), LINES).exits == walk(plain, LINES).exits
    )
