"""What a run measures of the inputs, on planted answers where every number is known by hand."""

from __future__ import annotations

from pathlib import Path

import pytest
from known_inputs import NO_TO_ALL, common, exact

from hanka.advise.conflict import measurement_of, weigh
from hanka.advise.drops import drops
from hanka.advise.flow import walk
from hanka.advise.focus import Focus, focus_on
from hanka.advise.inputs import Given
from hanka.advise.measured import measure
from hanka.advise.remarks import remarks
from hanka.advise.thresholds import Thresholds
from hanka.errors import HankaError
from hanka.store.folder import LATENCY_FILE, RunFolder, write_json
from planted_runs import N, Planted, right

LINES = Thresholds()


def focus(run: Planted) -> Focus:
    return Focus(run.evidence(), ("sentiment",), {})


def ends(known: Given) -> tuple[float, float]:
    assert known.ends is not None
    return known.ends


@pytest.fixture
def run(tmp_path: Path) -> Planted:
    """Base: 20 of 40 at home and 10 away; tuned on 8 rows: 36 and 12, on 32 rows: 40 and 14."""
    planted = Planted(tmp_path)
    planted.add("base", right(20, 10))
    planted.add("sft", right(36, 12), train_size=8)
    planted.add("sft", right(40, 14), train_size=32)
    return planted


def test_kinds_counts_and_rows_are_read_off_exactly(run: Planted) -> None:
    found = measure(focus(run))
    assert found["n_task_formats"].value == 1.0
    assert found["numeric_target"].value is False
    assert found["free_form"].value is False
    assert found["mimics_human"].value is False
    assert found["rows_per_class"].value == 16.0, "32 rows of two labels"
    assert all(found[name].is_exact for name in ("n_task_formats", "rows_per_class", "free_form"))


def test_the_gain_over_a_constant_answer_is_paired_with_the_majority_label(run: Planted) -> None:
    found = measure(focus(run))["gain_over_constant"]
    assert found.value == pytest.approx(0.0), "20 of 40 against the 20 rows of either label"
    assert found.n == N
    low, high = ends(found)
    assert low < 0 < high


def test_a_base_below_a_constant_answer_at_every_asking_is_far_from_language(tmp_path: Path) -> None:
    planted = Planted(tmp_path)
    planted.add("base", {"home": range(2)})
    planted.add("base", {"home": range(3)}, shots=2)
    found = measure(focus(planted))
    assert found["gain_over_constant"].value == pytest.approx(3 / N - 0.5)
    assert walk(found, LINES).state(4) == "yes"


def test_one_good_asking_is_enough_to_be_near_language(tmp_path: Path) -> None:
    planted = Planted(tmp_path)
    planted.add("base", {"home": range(2)})
    planted.add("base", {"home": range(38)}, shots=2)
    found = measure(focus(planted))
    assert found["gain_over_constant"].value == pytest.approx(0.45)
    assert walk(found, LINES).state(4) == "no"


def test_the_slope_is_the_gain_of_the_last_step_per_doubling(run: Planted) -> None:
    found = measure(focus(run))["curve_slope"]
    assert found.value == pytest.approx((40 - 36) / N / 2), "from 8 to 32 rows are two doublings"
    low, high = ends(found)
    assert low < found.value < high
    assert "8 → 32" in found.about


def test_four_sizes_give_the_slope_by_their_law(tmp_path: Path) -> None:
    """Five points each doubling, flat at last: one step alone would say 0."""
    planted = Planted(tmp_path)
    planted.add("base", right(10, 10))
    for size, n_right in ((8, 22), (16, 26), (32, 30), (64, 34), (128, 34)):
        for seed in range(2):
            planted.add("sft", right(n_right, 12), train_size=size, seed=seed)
    found = measure(focus(planted))["curve_slope"]
    low, high = ends(found)
    assert 0 < found.value < 0.1
    assert low < found.value < high
    assert "5 sizes, 8 → 128" in found.about


def test_one_size_has_no_slope(tmp_path: Path) -> None:
    planted = Planted(tmp_path)
    planted.add("base", right(20, 10))
    planted.add("sft", right(36, 12))
    assert "curve_slope" not in measure(focus(planted))


def test_the_drop_is_in_domain_less_out_of_domain_of_the_tuned_system(tmp_path: Path) -> None:
    planted = Planted(tmp_path)
    planted.add("base", right(24, 20))
    planted.add("sft", right(36, 12))
    found = drops(focus(planted))
    assert found["ood_drop"].value == pytest.approx((36 - 12) / N)
    assert found["ood_drop"].n == 2 * N
    assert found["drop_gap"].value == pytest.approx((36 - 12) / N - (24 - 20) / N)
    low, high = ends(found["ood_drop"])
    # Agresti & Caffo: 37 of 42 and 13 of 42 have variances 0.10487 / 42 and 0.21372 / 42 with ddof 0; with ddof 1 over 41 and n + 2 rows.
    error = ((37 / 42 * 5 / 42 + 13 / 42 * 29 / 42) / 41) ** 0.5
    assert (high - low) / 2 == pytest.approx(2.0 * error, rel=0.02), (
        "a t quantile of about 2 at some 80 degrees of freedom"
    )


def test_a_system_that_is_always_right_inside_still_has_an_interval_of_some_width(tmp_path: Path) -> None:
    planted = Planted(tmp_path)
    planted.add("base", right(20, 20))
    planted.add("sft", right(40, 40))
    found = drops(focus(planted))["ood_drop"]
    low, high = ends(found)
    assert found.value == 0.0
    assert low < -0.02
    assert high > 0.02


def test_few_rows_measure_a_drop_that_decides_nothing(tmp_path: Path) -> None:
    planted = Planted(tmp_path)
    for label, size in (("base", 0), ("sft", 8)):
        planted.add(label, {"home": range(8), "away": range(1)}, n=9, train_size=size)
    found = drops(focus(planted))["ood_drop"]
    assert found.ends is None
    assert walk(common(ood_drop=None) | {"ood_drop": found}, LINES).state(6) == "open"


def test_several_tasks_measure_their_number_alone(run: Planted) -> None:
    several = Focus(run.evidence(), ("sentiment", "topic"), {})
    found = measure(several)
    assert measurement_of(several, walk(found, LINES)).weighed.reason == "several_tasks"
    assert {name: one.value for name, one in found.items()} == {"n_task_formats": 2.0}


def timed(run: Planted, n: int) -> Focus:
    """The run with the seconds of n requests of the base at home: 0.01, 0.02, …"""
    evidence = run.evidence()
    cell = next(
        one for one in run.cells if one["test_dataset"] == "home" and one["variant_id"] == run.variants[0]["id"]
    )
    seconds = [at / 100 for at in range(1, n + 1)]
    write_json(evidence.folder.cell(cell["id"]) / LATENCY_FILE, {"unit": "request", "at_once": 4, "seconds": seconds})
    return Focus(evidence, ("sentiment",), {})


def test_the_seconds_of_single_requests_give_their_95th_percentile(run: Planted) -> None:
    found = measure(timed(run, 200))["p95_latency_seconds"]
    assert found.value == pytest.approx(1.9, abs=0.01)
    assert (found.n, found.source) == (200, "requests")
    low, high = ends(found)
    assert 1.8 < low < 1.9 < high <= 2.0


def test_a_percentile_that_too_few_requests_bound_decides_nothing(run: Planted) -> None:
    found = measure(timed(run, 20))
    assert found["p95_latency_seconds"].ends is None
    inputs = found | exact(latency_limit_seconds=0.01, cost_per_1000=1, cost_limit_per_1000=2)
    assert next(one for one in remarks(inputs, walk(inputs, LINES), LINES) if one.id == "8a").fires == "open"


def test_sizes_that_grow_and_fall_are_found(tmp_path: Path) -> None:
    planted = Planted(tmp_path)
    for base, n in (("pythia-410m", 10), ("tinyllama-1.1b", 36), ("llama-2-7b", 16)):
        planted.add("base", {"home": range(n)}, base=base)
    found = measure(focus(planted))
    assert found["n_model_sizes"].value == 3.0
    assert found["scale_jump"].value == pytest.approx(26 / N)
    assert found["largest_inversion"].value == pytest.approx(-20 / N)
    assert ends(found["scale_jump"])[0] > 0.2
    assert ends(found["largest_inversion"])[1] < 0
    assert walk(found, LINES).state(2) == "yes"


def test_a_run_folder_is_read_with_the_task_that_is_named(run: Planted) -> None:
    evidence = run.evidence()
    write_json(evidence.folder.plan, {**evidence.plan, "format": 3, "study": "s", "lang": "en"})
    assert focus_on(RunFolder(run.path)).tasks == ("sentiment",)
    with pytest.raises(HankaError, match=r"--task 'sentimant'.*did you mean 'sentiment'"):
        focus_on(RunFolder(run.path), "sentimant")


# ---- what the run shows beside the flow


@pytest.fixture
def holds_up(tmp_path: Path) -> Planted:
    """Tuning gains 16 rows of 40 in domain and 14 out of it, and still loses 12 rows from in domain to out of domain."""
    planted = Planted(tmp_path)
    planted.add("base", right(20, 10))
    planted.add("sft", right(36, 24))
    return planted


def test_a_conflict_at_question_6_is_told_and_the_measurement_wins(holds_up: Planted) -> None:
    on = focus(holds_up)
    inputs = {**exact(**{name: NO_TO_ALL[name] for name in ("hard_reasoning", "rows_per_class")}), **drops(on)}
    inputs = common(ood_drop=None) | inputs
    path = walk(inputs, LINES)
    assert [(one.number, one.exit) for one in path.exits] == [(6, "LLM")]
    found = measurement_of(on, path)
    assert (found.outcome, found.shown) == ("adapt", "FT")
    assert found.weighed == ("FT", "measurement", "holds_out_of_domain")
    elsewhere = next(one for one in found.deltas if one.relation == "out_of_domain")
    assert elsewhere.delta == pytest.approx(14 / N)
    assert elsewhere.low is not None
    assert elsewhere.low > 0
    assert elsewhere.verdict == "better"


def test_an_undecided_measurement_does_not_win(tmp_path: Path) -> None:
    planted = Planted(tmp_path)
    planted.add("base", right(20, 20))
    planted.add("sft", right(22, 19))
    found = measurement_of(focus(planted), walk(common(ood_drop=0.2), LINES))
    assert found.outcome == "undecided"
    assert found.weighed == ("LLM", "flow", "measured_open")


def test_a_gain_out_of_domain_alone_wins_at_question_6_and_nowhere_else(tmp_path: Path) -> None:
    planted = Planted(tmp_path)
    planted.add("base", right(20, 10))
    planted.add("sft", right(20, 36))
    on = focus(planted)
    at_6 = measurement_of(on, walk(common(ood_drop=0.2), LINES))
    assert (at_6.outcome, at_6.shown, at_6.side) == ("undecided", "outside", "undecided")
    assert at_6.weighed == ("FT", "measurement", "holds_out_of_domain")
    assert measurement_of(on, walk(common(rows_per_class=3), LINES)).weighed == ("LLM", "flow", "measured_open")
    assert measurement_of(on, walk(common(), LINES)).weighed == ("FT", "flow", "measured_open")
    open_at_2 = measurement_of(on, walk(common(hard_reasoning=None), LINES))
    assert open_at_2.weighed == ("undecided", "none", "flow_open_open")


def test_a_gain_with_a_loss_out_of_domain_does_not_overrule_question_6(tmp_path: Path) -> None:
    planted = Planted(tmp_path)
    planted.add("base", right(20, 38))
    planted.add("sft", right(38, 10))
    found = measurement_of(focus(planted), walk(common(ood_drop=0.5), LINES))
    assert (found.outcome, found.shown) == ("trade-off", "price")
    assert found.weighed == ("LLM", "flow", "price_against")


def test_no_worthwhile_gain_overrules_a_flow_that_says_to_tune(tmp_path: Path) -> None:
    planted = Planted(tmp_path, stats={"worthwhile": 0.3})
    planted.add("base", right(39, 39))
    planted.add("sft", right(38, 39))
    found = measurement_of(focus(planted), walk(common(), LINES))
    assert found.outcome == "keep"
    assert found.weighed == ("LLM", "measurement", "no_gain")


def test_one_task_says_nothing_of_a_chatbot_or_of_several_tasks(holds_up: Planted) -> None:
    on = focus(holds_up)
    for inputs in (common(mimics_human=True), common(n_task_formats=4)):
        assert measurement_of(on, walk(inputs, LINES)).weighed == ("LLM", "flow", "beyond_the_run")


def test_flow_and_measurement_that_agree_say_so(holds_up: Planted) -> None:
    assert measurement_of(focus(holds_up), walk(common(), LINES)).weighed == ("FT", "agree", "same")


def test_evidence_decides_what_the_flow_leaves_open_wherever_it_would_win(holds_up: Planted) -> None:
    on = focus(holds_up)
    open_at_2 = walk(common(hard_reasoning=None), LINES)
    assert open_at_2.side == "undecided"
    assert measurement_of(on, open_at_2).weighed == ("FT", "measurement", "open_FT")
    open_at_1 = walk(common(mimics_human=None), LINES)
    assert measurement_of(on, open_at_1).weighed == ("undecided", "none", "flow_open_FT")


def test_a_loss_that_is_not_excluded_out_of_domain_leaves_question_6_to_the_flow() -> None:
    path = walk(common(ood_drop=0.5), LINES)
    assert weigh(path, "FT", None) == ("LLM", "flow", "not_shown_out_of_domain")


def test_nothing_tuned_leaves_the_flow_alone(tmp_path: Path) -> None:
    planted = Planted(tmp_path)
    planted.add("base", right(20, 20))
    found = measurement_of(focus(planted), walk(common(), LINES))
    assert (found.deltas, found.weighed) == ((), ("FT", "none", "nothing_tuned"))
