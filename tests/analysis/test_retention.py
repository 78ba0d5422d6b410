"""Who is shown to be beaten on both scales, who by none, who is left open; and a ratio only where its denominator is not 0."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hanka.analysis.questions import QUESTIONS
from hanka.analysis.questions.contract import Answer, Measured
from hanka.analysis.questions.retention.ask import per_gain
from planted_runs import N, Planted, right


def ask(planted: Planted) -> Answer | None:
    return QUESTIONS.get("retention").ask(planted.evidence())


def rows_of(answer: Answer | None) -> dict[str, dict[str, Any]]:
    assert answer is not None
    usual = {"unbeaten": "", "beaten_by": "", "change_per_gain": None}
    rows = [usual | dict(zip((one.name for one in answer.columns), row, strict=True)) for row in answer.rows]
    return {row["method"]: row for row in rows}


@pytest.fixture
def planted(tmp_path: Path) -> Planted:
    run = Planted(tmp_path / "run")
    run.add("base", right(20, 20))
    return run


@pytest.mark.parametrize("order", [("good", "bad"), ("bad", "good")])
def test_what_is_worse_on_both_scales_is_beaten_and_what_is_ahead_of_all_is_not(
    planted: Planted, order: tuple[str, str]
) -> None:
    systems = {"good": (38, 20), "bad": (20, 2)}
    for name in order:
        planted.add(name, right(*systems[name]))
    found = rows_of(ask(planted))
    assert (found["bad"]["beaten_by"], found["bad"]["unbeaten"]) == ("good", "")
    assert (found["good"]["beaten_by"], found["good"]["unbeaten"]) == ("", "✓")
    # The base is ahead of `bad`, not of `good`; whether `good` harms by more than 0.03 no 40 rows can say.
    assert (found["base"]["beaten_by"], found["base"]["unbeaten"]) == ("", "")
    assert {name for name, row in found.items() if row["on_front"]} == {"good"}


def test_a_declared_margin_decides_how_much_worse_on_the_other_scale_is_no_objection(planted: Planted) -> None:
    planted.add("good", right(38, 20))
    planted.add("other", right(38, 19))
    assert rows_of(ask(planted))["base"]["beaten_by"] == ""
    planted.stats = {"equivalence": 0.4}
    assert rows_of(ask(planted))["base"]["beaten_by"] == "good, other"


def test_a_gain_that_is_paid_for_leaves_both_ends_unbeaten(planted: Planted) -> None:
    planted.add("all in", right(40, 0))
    planted.add("half", right(30, 10))
    found = rows_of(ask(planted))
    # Each is ahead of the others on one scale by ten rows at least, base and `all in` by twenty.
    assert {name for name, row in found.items() if row["unbeaten"]} == {"base", "all in", "half"}
    assert all(row["beaten_by"] == "" for row in found.values())


def test_few_rows_leave_close_systems_open_though_one_is_on_the_measured_front_alone(planted: Planted) -> None:
    planted.add("one", right(22, 21))
    planted.add("two", right(21, 20))
    answer = ask(planted)
    found = rows_of(answer)
    assert {name for name, row in found.items() if row["on_front"]} == {"one"}
    assert all(row["beaten_by"] == "" and row["unbeaten"] == "" for row in found.values())
    assert answer is not None
    assert "0 are shown to be beaten, 0 to be beaten by none, and 3 are undecided" in answer.sentence_en
    assert "no ratio of change to gain is formed" in answer.sentence_en
    assert all(row["change_per_gain"] is None for row in found.values())


def test_gain_and_change_are_those_from_the_base_in_simultaneous_intervals(planted: Planted) -> None:
    planted.add("good", right(38, 16))
    planted.add("other", {"home": range(30), "away": range(10, 36)})
    few = rows_of(ask(planted))["good"]
    assert few["gain"].value == pytest.approx(18 / N)
    assert few["change"].value == pytest.approx(-4 / N)
    alone = QUESTIONS.get("tradeoff").ask(planted.evidence())
    assert alone is not None
    (single,) = [row for row in alone.rows if "good" in row]
    gain = next(one for one in single if isinstance(one, Measured) and one.value == pytest.approx(18 / N))
    assert gain.high - gain.low < few["gain"].high - few["gain"].low  # type: ignore[operator]
    for place in range(6):
        planted.add(f"more {place}", {"home": range(place, 30 + place), "away": range(3 * place, 20 + place)})
    many = rows_of(ask(planted))["good"]
    assert many["gain"].low < few["gain"].low
    assert many["gain"].value == few["gain"].value


def test_change_per_gain_covers_all_ratios_and_is_left_out_where_the_gain_may_be_nothing() -> None:
    # -0.1 / 0.2; the worst -0.2 / 0.1, the best 0 / anything.
    found = per_gain(Measured(0.2, 0.1, 0.3, 40), Measured(-0.1, -0.2, 0.0, 20))
    assert found is not None
    assert (found.value, found.low, found.high, found.n) == pytest.approx((-0.5, -2.0, 0.0, 20))
    rise = per_gain(Measured(0.2, 0.1, 0.4, 40), Measured(0.1, 0.04, 0.2, 20))
    assert rise is not None
    assert (rise.value, rise.low, rise.high) == pytest.approx((0.5, 0.1, 2.0))
    for gain in (Measured(0.2, 0.0, 0.4, 40), Measured(-0.2, -0.4, -0.1, 40), Measured(0.2, None, None, 40)):
        assert per_gain(gain, Measured(0.1, 0.0, 0.2, 40)) is None


def test_seeds_are_pooled_and_a_system_that_failed_somewhere_is_left_out_and_counted(planted: Planted) -> None:
    planted.add("good", right(36, 20), seed=0)
    planted.add("good", right(34, 22), seed=1)
    planted.add("bad", right(20, 4))
    planted.add("broken", {"home": range(30), "away": None})
    answer = ask(planted)
    found = rows_of(answer)
    assert set(found) == {"base", "good", "bad"}
    assert found["good"]["gain"].value == pytest.approx(15 / N)
    assert answer is not None
    assert any("1 system(s) without a value" in note.message_en for note in answer.notes)


def test_the_luck_of_training_is_in_the_interval_whichever_side_has_more_seeds(planted: Planted) -> None:
    planted.add("steady", right(30, 20), seed=0)
    planted.add("steady", right(30, 20), seed=1)
    planted.add("moody", right(38, 20), seed=0)
    planted.add("moody", right(22, 20), seed=1)
    found = rows_of(ask(planted))
    assert found["steady"]["gain"].value == found["moody"]["gain"].value == pytest.approx(10 / N)
    widths = {name: found[name]["gain"].high - found[name]["gain"].low for name in ("steady", "moody")}
    assert widths["moody"] > 2 * widths["steady"]
    assert found["moody"]["change_per_gain"] is None


def test_a_metric_in_which_less_is_better_is_turned(planted: Planted, monkeypatch: pytest.MonkeyPatch) -> None:
    from hanka.metrics import METRICS

    planted.add("good", right(38, 20))
    planted.add("bad", right(20, 2))
    turned = replace(METRICS.get("accuracy"), higher_is_better=False)
    monkeypatch.setitem(METRICS._entries, "accuracy", turned)
    found = rows_of(ask(planted))
    assert found["good"]["gain"].value == pytest.approx(-18 / N)
    assert found["bad"]["change"].value == pytest.approx(18 / N)
    assert found["bad"]["change"].low > 0
    assert found["good"]["beaten_by"] == "bad"


def test_one_adapted_system_has_no_rival_and_is_no_question(planted: Planted) -> None:
    assert ask(planted) is None
    planted.add("good", right(38, 20))
    assert ask(planted) is None
