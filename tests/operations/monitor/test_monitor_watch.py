"""A monitor over traffic of which it is known what changed: what is counted, what alarms, and what is said where nothing can be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from hanka.errors import MonitorError
from hanka.operations.monitor import memory
from hanka.operations.monitor.alarms import Alarm, proposals, standing
from hanka.operations.monitor.asked import TaskReader
from hanka.operations.monitor.reference import Reference, bins_of, confidence_of, script_in
from hanka.operations.monitor.results import Report, Status, as_json, report_of
from hanka.operations.monitor.settings import MonitorSettings
from hanka.operations.monitor.watch import Watch, begin
from hanka.operations.monitor.windows import percentile
from hanka.records import Prediction
from hanka.store.folder import RunFolder
from hanka.tasks import TASKS
from live_traffic import BEGIN, NOW, OTHERS, known_reference, mail, reference_of, request, traffic, tuned

SMALL = MonitorSettings(
    window=100, least_rows=50, baseline=100, cooldown=5, period=20, domain_every=12, domain_texts=60
)


def watched(
    shipped: RunFolder, rows: Sequence[Any], settings: MonitorSettings = SMALL, **shares: tuple[int, int]
) -> Watch:
    """A monitor that took the rows in; shares: what the reference's are taken for."""
    reference = known_reference(shipped, settings.domain_texts)
    watch = begin(replace(reference, shares={**reference.shares, **shares}), settings, NOW)
    watch.take(rows)
    return watch


def status(report: Report, signal: str) -> Status:
    return next(one for one in report.statuses if one.signal == signal)


# ---- the reference


def test_the_reference_is_what_the_run_saw(shipped: RunFolder) -> None:
    found = reference_of(shipped)
    wrong, n = found.shares["wrong"]
    assert (n, found.shares["errors"], found.shares["unparsed"]) == (300, (0, 300), (0, 300))
    assert 0.05 < wrong / n < 0.15
    assert sum(found.counts["answers"].values()) == 300
    assert found.counts["labels"] == {"good": 150, "bad": 150}
    assert found.counts["script"] == {"latin": 300}
    assert all(not text.startswith("Mail:") for text in found.texts), "inputs, not whole prompts"
    assert (found.tests, found.title.split("/")[0]) == (("mails",), "sft")


def test_a_reference_has_to_be_one_variant(shipped: RunFolder) -> None:
    from hanka.operations.monitor.reference import load_reference

    assert load_reference(shipped, MonitorSettings(), tuned(shipped)[:8]).variant["label"] == "sft"
    assert load_reference(shipped, MonitorSettings(), "base").variant["label"] == "base"
    for wrong, said in (("sfd", "did you mean 'sft'"),):
        with pytest.raises(Exception, match=said):
            load_reference(shipped, MonitorSettings(), wrong)
    with pytest.raises(MonitorError, match="--test 'mail': did you mean 'mails'"):
        load_reference(shipped, MonitorSettings(), "", "", ["mail"])
    with pytest.raises(MonitorError, match="--task 'tone': did you mean 'mailtone'"):
        load_reference(shipped, MonitorSettings(), "", "tone")


def test_a_confidence_is_the_probability_of_the_chosen_label() -> None:
    scored = Prediction("s", "p", "0", "a", "a", "a", (-1.0, -1.0 - np.log(3)), "ok", "", 1, 0)
    assert confidence_of(scored) == pytest.approx(0.75)
    assert confidence_of(replace(scored, label_scores=None)) is None
    assert confidence_of(replace(scored, label_scores=(0.0, float("nan")))) is None


def test_bins_hold_their_upper_edge_and_enough_rows() -> None:
    bins = bins_of(list(range(1, 101)))
    assert len(bins.names) == 5  # a hundred rows, twenty a bin
    assert [bins.holding(one) for one in (1, 20, 21, 999)] == ["≤ 20", "≤ 20", "20–40", "> 80"]


@pytest.mark.parametrize("text", ["plain words", "配送が遅れました。", "1234 !?", "Привет", ""])
def test_the_fast_script_is_the_slow_one(text: str) -> None:
    from hanka.datasets.scripts import script_of

    assert script_in(text) == script_of(text)


def test_a_prompt_is_read_back_to_its_fields() -> None:
    reader = TaskReader(TASKS.get("inference"))
    rendered = "### Input_1:\nA cat.\nSits.\n### Input_2:\nAn animal.\n### Inference:"
    assert reader.fields(rendered) == {"input_1": "A cat.\nSits.", "input_2": "An animal."}
    behind = "### Input_1:\nx\n### Input_2:\ny\n### Inference: neutral\n\n" + rendered
    assert reader.fields(behind) == {"input_1": "A cat.\nSits.", "input_2": "An animal."}
    assert reader.fields("a bare text") is None
    assert reader.text("a bare text") == "a bare text"
    assert TaskReader(TASKS.get("sentiment")).fields("a bare text") == {"input": "a bare text"}
    import time

    begin = time.process_time()
    assert reader.fields(f"{behind} neutral\n\n" * 400) is None
    assert time.process_time() - begin < 1, "a text that does not fit is not tried in every way"


# ---- rows


def test_every_row_is_counted_as_what_it_is(shipped: RunFolder) -> None:
    rows: list[Any] = traffic(10)
    rows += [
        None,
        {"no": "row"},
        rows[3],
        request(np.random.default_rng(1), 50, time=BEGIN),
        request(np.random.default_rng(2), 51, time=NOW + 10_000),
    ]
    rows += [
        {"id": "r7", "label": "good"},
        {"id": "never", "label": "good"},
        request(np.random.default_rng(3), 52, label="great"),
    ]
    tally = watched(shipped, rows).memory.tally
    assert (tally.rows, tally.requests, tally.malformed, tally.repeated) == (18, 13, 2, 1)
    assert (tally.out_of_order, tally.ahead, tally.unknown_labels) == (1, 1, 1)
    assert (tally.labelled, tally.labels_alone) == (12, 1)


def test_a_label_joins_its_request_whichever_comes_first_and_counts_once(shipped: RunFolder) -> None:
    rng = np.random.default_rng(0)
    first, second = request(rng, 0, label=None, output="good"), request(rng, 1, label=None, output="good")
    late, early = {"id": "r0", "label": "bad"}, {"id": "r1", "correct": True}
    watch = watched(shipped, [early, first, late, second, late])
    assert watch.memory.tally.labelled == 2
    assert watch.window.shares["wrong"] == [1, 2]
    assert watch.memory.tally.labels_alone == 1
    again = watched(shipped, [first, first | {"label": "bad"}])
    assert (again.memory.tally.labelled, again.memory.tally.repeated) == (1, 0)


def test_what_waits_is_bounded_and_given_up_is_counted(shipped: RunFolder) -> None:
    settings = SMALL.model_copy(update={"wait": 5})
    watch = watched(shipped, traffic(20, label=None), settings)
    assert len(watch.memory.waiting) == 5
    assert watch.memory.tally.given_up == 15
    watch.take([{"id": "r0", "label": "good"}, {"id": "r19", "label": "good"}])
    assert (watch.memory.tally.labelled, watch.memory.tally.labels_alone) == (1, 1)


def test_what_waits_is_bounded_by_its_length_too(shipped: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "MOST_CHARACTERS", 1000)
    rows = [request(np.random.default_rng(at), at, label=None, prompt="x" * 296) for at in range(5)]
    watch = watched(shipped, [{**row, "output": "good"} for row in rows])
    assert (len(watch.memory.waiting), watch.memory.tally.given_up, watch.memory.characters) == (3, 2, 900)
    watch.take([{"id": "r4", "label": "good"}])
    assert (watch.memory.tally.labelled, watch.memory.characters) == (1, 600)


@pytest.mark.parametrize("nothing", ["", " ", None, float("nan"), "great"])
def test_a_label_that_says_nothing_leaves_its_request_waiting(shipped: RunFolder, nothing: object) -> None:
    asked = request(np.random.default_rng(0), 0, label=None, output="good") | {"label": nothing}
    watch = watched(shipped, [asked, {"id": "r0", "label": "great"}, {"id": "r0", "label": "bad"}])
    assert watch.window.shares["wrong"] == [1, 1]
    assert watch.memory.tally.labels_alone == 0


def test_an_input_behind_many_demonstrations_is_compared_like_one_behind_none(shipped: RunFolder) -> None:
    shown = "".join(f"Mail: {'late and broken ' * 20}{at}\nTone: bad\n\n" for at in range(40))
    plain = traffic(300, label=None)
    rows = [row | {"prompt": shown + row["prompt"]} for row in plain]
    many, few = watched(shipped, rows), watched(shipped, plain)
    assert len(shown) > 10_000
    assert [one.counts for one in many.windows] == [one.counts for one in few.windows]
    many.take([{"id": "r299", "label": "good"}])
    assert many.memory.labelled[-1].fields["input"] == plain[-1]["prompt"].removeprefix("Mail: ").removesuffix(
        "\nTone:"
    )


def test_errors_and_unreadable_answers_are_no_wrong_answers(shipped: RunFolder) -> None:
    rng = np.random.default_rng(0)
    rows = [
        request(rng, 0, output=None),
        request(rng, 1, output=" "),
        request(rng, 2, error="timeout"),
        request(rng, 3, output="who knows", label="good"),
        request(rng, 4),
    ]
    shares = watched(shipped, rows).window.shares
    assert shares["errors"] == [3, 5]
    assert shares["unparsed"] == [1, 2]
    assert shares["wrong"][1] == 2, "what could not be read counts as wrong where it has a label"


def test_the_first_latencies_set_the_limit_of_the_others(shipped: RunFolder) -> None:
    rows = [request(np.random.default_rng(at), at, latency=float(at + 1)) for at in range(100)]
    watch = watched(shipped, [*rows, *(request(np.random.default_rng(at), at, latency=95.5) for at in range(100, 110))])
    assert watch.baselines["slow"].limit == 95
    assert watch.judge.shares["slow"] == (5, 100)
    assert watch.window.shares["slow"] == [10, 10]


def test_windows_of_time_close_when_the_next_begins_and_hold_enough_rows(shipped: RunFolder) -> None:
    settings = MonitorSettings.model_validate({"window": "1h", "least_rows": 50})
    hourly = [request(np.random.default_rng(at), at, time=1_700_002_800 + 40.0 * at) for at in range(400)]
    assert [one.rows for one in watched(shipped, hourly, settings).windows] == [90, 90, 90, 90]
    rare = [request(np.random.default_rng(at), at, time=1_700_002_800 + 400.0 * at) for at in range(200)]
    assert all(one.rows >= 50 for one in watched(shipped, rare, settings).windows)


def test_a_percentile_has_the_interval_of_order_statistics() -> None:
    found = percentile([float(at) for at in range(1, 1001)])
    assert found is not None
    assert (found.value, found.n) == (950, 1000)
    assert found.low < 940 < 960 < found.high
    assert percentile([1.0] * 20) is None, "too few for an upper end"


# ---- alarms


def test_traffic_like_the_test_sets_is_quiet(shipped: RunFolder) -> None:
    report = report_of(watched(shipped, traffic(2000), SMALL, unsure=(90, 300)))
    assert [one.signal for one in report.alarms] == []
    assert report.verdict == "quiet"
    assert report.exit_code == 0
    assert status(report, "wrong").now is not None
    assert report.labelled_share == 1


def test_a_drop_of_accuracy_is_found_within_the_stated_rows_and_only_after_it(shipped: RunFolder) -> None:
    steady = report_of(watched(shipped, traffic(1000), SMALL, unsure=(90, 300), wrong=(40, 400)))
    stated = status(steady, "wrong").to_find
    assert stated is not None
    rows = traffic(1000 + stated, right=lambda at: 0.9 if at < 1000 else 0.8)
    report = report_of(watched(shipped, rows, SMALL, unsure=(90, 300), wrong=(40, 400)))
    found = [one for one in report.alarms if one.signal == "wrong"]
    assert found
    assert 10 < found[0].window <= 10 + -(-stated // 100)
    assert found[0].low > found[0].reference
    at_once = report_of(watched(shipped, rows[: 100 * found[0].window], SMALL, unsure=(90, 300), wrong=(40, 400)))
    assert (at_once.verdict, at_once.exit_code) == ("alarm", 1)
    until = 100 * found[0].window
    well_again = [request(np.random.default_rng(at), at, right=0.95) for at in range(until, until + 500)]
    later = report_of(watched(shipped, [*rows[:until], *well_again], SMALL, unsure=(90, 300), wrong=(40, 400)))
    assert (later.verdict, status(later, "wrong").missing) == ("inconclusive", "few"), (
        "an alarm that is over is no pass"
    )


CHANGES: dict[str, Callable[[np.random.Generator], dict[str, Any]]] = {
    "errors": lambda rng: {"output": "" if rng.random() < 0.3 else "good"},
    "unparsed": lambda rng: {"output": "I cannot say" if rng.random() < 0.3 else "good"},
    "unsure": lambda rng: {"confidence": 0.51},
    "slow": lambda rng: {"latency": 5.0},
    "answers": lambda rng: {"output": "good", "label": None},
    "labels": lambda rng: {"label": "bad", "output": "bad"},
    "length": lambda rng: {"prompt": f"Mail: {mail(rng, 'good') * 4}\nTone:"},
    "script": lambda rng: {"prompt": "Mail: 配送がとても遅れました。返金してください。\nTone:"},
    "domain": lambda rng: {"prompt": f"Mail: {mail(rng, 'good', OTHERS)}\nTone:"},
}


@pytest.mark.parametrize("signal", CHANGES)
def test_each_change_alarms_with_its_own_signal(shipped: RunFolder, signal: str) -> None:
    rng = np.random.default_rng(8)
    changed = [request(rng, 1000 + at, **CHANGES[signal](rng)) for at in range(800)]
    settings = SMALL.model_copy(update={"domain_every": 8 if signal == "domain" else 100})
    report = report_of(watched(shipped, [*traffic(1000), *changed], settings, unsure=(90, 300)))
    found = [one for one in report.alarms if one.signal == signal]
    assert found
    assert found[0].window > 10
    assert as_json(report)["verdict"] == "alarm"


def test_refusals_are_watched_where_they_are_named(shipped: RunFolder) -> None:
    rng = np.random.default_rng(8)
    refusing = [
        request(rng, 1000 + at, output="I'm sorry, I cannot help with that." if rng.random() < 0.3 else "good")
        for at in range(800)
    ]
    rows = [*traffic(1000), *refusing]
    named = SMALL.model_copy(update={"signals": ("wrong", "refusals"), "domain_every": 100})
    found = [one for one in report_of(watched(shipped, rows, named)).alarms if one.signal == "refusals"]
    assert found
    assert found[0].window > 10
    assert "refusals" not in SMALL.signals


def test_an_alarm_names_what_moved_and_what_was_beyond_beside_it(shipped: RunFolder) -> None:
    rows = [
        *traffic(1000),
        *(request(np.random.default_rng(at), 1000 + at, output="good", label="bad") for at in range(200)),
    ]
    report = report_of(watched(shipped, rows, SMALL, unsure=(90, 300)))
    first = {one.signal: one for one in reversed(report.alarms)}
    moved = first["answers"].moved[0]
    assert (moved.name, moved.live) in (("good", 1.0), ("bad", 0.0))
    assert moved.reference == pytest.approx(0.5, abs=0.1)
    assert "labels" in first["answers"].beside


def test_a_signal_is_silent_after_its_alarm_and_alarms_again_where_the_change_stays(shipped: RunFolder) -> None:
    rows = traffic(1700, right=lambda at: 0.5)
    windows = [one.window for one in watched(shipped, rows, SMALL, unsure=(90, 300)).alarms if one.signal == "wrong"]
    assert len(windows) > 2
    assert all(after - before >= SMALL.cooldown for before, after in pairwise(windows))


def alarm(window: int, signal: str) -> Alarm:
    return Alarm(signal, "interval", window, None, 1, 0.5, 2, 100, 0, 0.1)


def test_one_retraining_a_period_and_earlier_ones_only_for_guardrails() -> None:
    found = proposals(
        [alarm(1, "length"), alarm(8, "length"), alarm(9, "errors"), alarm(11, "errors"), alarm(40, "script")], SMALL
    )
    assert [(one.window, one.signals, one.early) for one in found] == [
        (1, ("length",), False),
        (9, ("errors",), True),
        (40, ("script",), False),
    ]
    assert [one.window for one in standing([alarm(1, "length"), alarm(8, "length")], 10, SMALL)] == [8]


# ---- what cannot be said


def test_without_a_complete_window_nothing_is_said(shipped: RunFolder) -> None:
    report = report_of(watched(shipped, traffic(99)))
    assert (report.verdict, report.exit_code) == ("inconclusive", 3)
    assert {one.missing for one in report.statuses} == {"window"}


def test_no_labels_is_no_pass_unless_that_is_said(shipped: RunFolder) -> None:
    rows = traffic(1000, label=None)
    report = report_of(watched(shipped, rows, SMALL, unsure=(90, 300)))
    assert report.verdict == "inconclusive"
    assert [(one.signal, one.missing) for one in report.lacking] == [("wrong", "rows")]
    relaxed = SMALL.model_copy(update={"require": ()})
    assert report_of(watched(shipped, rows, relaxed, unsure=(90, 300))).verdict == "quiet"


def test_fewer_labels_than_a_drop_needs_to_be_found_are_no_pass(shipped: RunFolder) -> None:
    rows = [row if at % 20 == 0 else {**row, "label": None} for at, row in enumerate(traffic(1200))]
    report = report_of(watched(shipped, rows, SMALL, unsure=(90, 300)))
    assert status(report, "wrong").rows == 60
    assert status(report, "wrong").missing == "few"
    assert report.verdict == "inconclusive"


def test_a_drift_that_so_few_rows_could_not_show_is_no_pass(shipped: RunFolder) -> None:
    settings = SMALL.model_copy(update={"require": ("answers",), "signals": ("wrong", "answers"), "window": 500})
    whole = known_reference(shipped, settings.domain_texts)
    few = replace(
        whole, counts={name: Counter({key: n // 15 for key, n in one.items()}) for name, one in whole.counts.items()}
    )
    found = []
    for reference in (whole, few):
        watch = begin(reference, settings, NOW)
        watch.take(traffic(1500))
        found.append(report_of(watch))
    assert [one.verdict for one in found] == ["quiet", "inconclusive"]
    assert status(found[1], "answers").missing == "few"


def test_rows_to_train_on_are_those_that_a_study_would_get(shipped: RunFolder) -> None:
    same = [row | {"prompt": traffic(1)[0]["prompt"], "label": "good"} for row in traffic(50)]
    assert report_of(watched(shipped, same)).n_to_train_on == 1


def test_labels_that_stop_coming_are_no_pass(shipped: RunFolder) -> None:
    settings = SMALL.model_copy(update={"signals": ("wrong", "labels"), "period": 30})
    watch = watched(shipped, traffic(3000), settings)
    assert report_of(watch).verdict == "quiet"
    rng, verdicts = np.random.default_rng(1), []
    for windows in (4, 26):
        watch.take([request(rng, 10_000 + len(watch.windows) * 100 + at, label=None) for at in range(100 * windows)])
        verdicts.append(report_of(watch).verdict)
    assert verdicts == ["quiet", "inconclusive"], "a few windows without labels are no reason, a period is"
    found = report_of(watch)
    assert {(one.signal, one.missing) for one in found.statuses} == {("wrong", "stale"), ("labels", "stale")}
    assert (found.verdict, found.exit_code) == ("inconclusive", 3)
    assert as_json(found)["newest"] == watch.latest


def test_a_reference_that_is_too_small_is_said(shipped: RunFolder) -> None:
    report = report_of(watched(shipped, traffic(1000), SMALL, wrong=(2, 8)))
    assert status(report, "wrong").missing == "reference_small"
    assert status(report, "wrong").to_find is None
    assert report.verdict in ("inconclusive", "alarm")


def test_signals_of_columns_that_are_not_there_are_open(shipped: RunFolder) -> None:
    report = report_of(watched(shipped, traffic(1000, confidence=None, latency=None)))
    assert (status(report, "slow").missing, status(report, "unsure").missing) == ("rows", "rows")
    assert status(report, "slow").state == "open"


def test_odd_rows_above_the_stated_share_are_said(shipped: RunFolder) -> None:
    assert report_of(watched(shipped, [*traffic(95), *[None] * 5])).odd == ()
    assert report_of(watched(shipped, [*traffic(94), *[None] * 6])).odd == ("malformed",)


def test_the_same_rows_in_other_portions_give_the_same_answer(shipped: RunFolder) -> None:
    rows = traffic(700, right=lambda at: 0.9 if at < 400 else 0.5)
    whole, parts = watched(shipped, rows), watched(shipped, [])
    for at in range(0, 700, 37):
        parts.take(rows[at : at + 37])
    assert as_json(report_of(whole)) == as_json(report_of(parts))


def test_a_reference_of_rows_in_groups_counts_groups(shipped: RunFolder) -> None:
    from hanka.operations.monitor.reference import _shrunk, _worth

    assert _worth(["a", "a", "b", ""]) == 0.75
    assert _shrunk(10, 100, 0.5) == (5, 50)
    assert _shrunk(1, 100, 0.5) == (1, 50), "never fewer bad ones than there are"


def test_the_reference_is_the_runs(shipped: RunFolder) -> None:
    one, other = reference_of(shipped), reference_of(shipped, MonitorSettings(domain_texts=50))
    assert isinstance(one, Reference)
    assert one.id == other.id


def test_the_limit_of_a_share_is_the_references_exact_upper_end_and_what_is_tolerated(shipped: RunFolder) -> None:
    # none of 200 rows: 1 - (level/2)^(1/200), with half of the signal's part for this bound, and 0.02
    rise = watched(shipped, [], SMALL, errors=(0, 200)).judge.rise("errors")
    assert rise is not None
    assert rise.bound == pytest.approx(1 - (SMALL.level("errors") / 2) ** (1 / 200) + 0.02)
    assert rise.alpha == SMALL.level("errors") / 2
