from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest
from ab_logs import design, right, rows, write
from scipy import stats

from hanka.errors import DesignError
from hanka.operations.ab.assignment import assigned_arm
from hanka.operations.ab.design import Design
from hanka.operations.ab.judged import BROKEN, DONE, INCONCLUSIVE, Result, judge_log
from hanka.stats import rows_to_show
from hanka.stats.mixture import MixtureSpread
from hanka.stats.sequential import BettingSpread
from hanka.stats.unpaired import TwoSharesSpread

Z = stats.norm.ppf(0.975)


def judged(folder: Path, found: Iterable[Mapping[str, Any]], agreed: Design | None = None) -> Result:
    return judge_log((write(folder / "log.jsonl", found),), agreed or design())


def test_two_arms_by_hand(tmp_path: Path) -> None:
    result = judged(tmp_path, rows(right(600, 1000), right(700, 1000)))
    (one,) = result.judged
    assert one.effect.delta == pytest.approx(0.1)
    assert one.once == pytest.approx(TwoSharesSpread(700, 1000, 600, 1000).interval(Z))
    # ρ² tuned at 2,000 units, which is how many there are: r = 7.936, √{(1 + 1/r)(log(1 + r) + 2 log 20)} = 3.035.
    wide = TwoSharesSpread(700, 1000, 600, 1000).interval(3.03524)
    assert one.always == pytest.approx(wide, abs=1e-5)
    assert (result.verdict, result.exit_code) == ("better", DONE)
    assert one.effect.a.n == 1000
    # Wilson's interval of 700 of 1,000.
    assert [one.effect.a.low, one.effect.a.high] == pytest.approx([0.67088, 0.72760], abs=1e-5)


@pytest.mark.parametrize(
    ("now", "new", "changed", "word", "code"),
    [
        (right(700, 1000), right(600, 1000), {}, "worse", DONE),
        (right(700, 1000), right(600, 1000), {"metric": {"better": "lower"}}, "better", DONE),
        (right(600, 1000), right(600, 1000), {}, "undecided", INCONCLUSIVE),
        (right(600, 1000), right(600, 1000), {"metric": {"equivalence": 0.1}}, "equivalent", DONE),
        (right(600, 1000), right(650, 1000), {}, "leaning", INCONCLUSIVE),
        (right(600, 1000), right(650, 1000), {"test": "fixed", "horizon": 2000}, "better", DONE),
    ],
)
def test_words_follow_the_interval_that_decides(
    tmp_path: Path, now: list[int], new: list[int], changed: dict[str, Any], word: str, code: int
) -> None:
    result = judged(tmp_path, rows(now, new), design(**changed))
    assert (result.verdict, result.exit_code) == (word, code)


def test_a_test_that_is_read_once_says_when(tmp_path: Path) -> None:
    with pytest.raises(DesignError, match=r"read once.*horizon: N.*always-valid"):
        judged(tmp_path, rows(right(600, 1000), right(650, 1000)), design(test="fixed"))


@pytest.mark.parametrize(
    ("found", "changed", "reason"),
    [
        (rows(right(600, 1000), right(560, 800)), {}, "sample_ratio"),
        (rows(right(600, 1000), right(560, 800)), {"test": "fixed", "horizon": 1800}, "sample_ratio"),
        (rows(right(60, 100), right(90, 100)), {"test": "fixed", "horizon": 300}, "before_horizon"),
        (rows(right(10, 40), right(40, 40)), {}, "before_first_look"),
        (rows([None] * 50, right(40, 50)), {"limits": {"first_look": 10}}, "no_evidence"),
        (rows([*right(600, 1000), *[None] * 100], right(780, 1100)), {}, "missing"),
        (
            rows(right(600, 1000), right(900, 1000))
            + [{"unit": f"now-{at}", "arm": "new", "outcome": 1} for at in range(40)],
            {},
            "contaminated",
        ),
    ],
)
def test_there_is_no_verdict_where_the_log_cannot_carry_one(
    tmp_path: Path, found: list[dict[str, Any]], changed: dict[str, Any], reason: str
) -> None:
    result = judged(tmp_path, found, design(**changed))
    assert reason in result.judged[0].reasons
    assert (result.verdict, result.exit_code) == ("undecided", INCONCLUSIVE)


def test_the_same_log_carries_one_where_its_weights_were_agreed(tmp_path: Path) -> None:
    found = rows(right(600, 1000), right(560, 800))
    assert judged(tmp_path, found, design(arms={"now": 10, "new": 8})).verdict == "better"


def test_units_in_another_arm_than_their_hash_are_found(tmp_path: Path) -> None:
    agreed = design(salt="s")
    units = [f"u{at}" for at in range(2000)]
    kept = [{"unit": unit, "arm": assigned_arm(agreed, unit), "outcome": at % 2} for at, unit in enumerate(units)]
    checks = {check.name: check for check in judged(tmp_path, kept, agreed).checks}
    assert (checks["assignment"].outcome, checks["assignment"].n_wrong) == ("holds", 0)
    moved = [{**row, "arm": "new" if row["arm"] == "now" else "now"} if at < 30 else row for at, row in enumerate(kept)]
    result = judged(tmp_path, moved, agreed)
    assert result.judged[0].reasons == ("assignment",)
    assert {check.name: check.n_wrong for check in result.checks}["assignment"] == 30


def test_several_rows_of_one_unit_are_one_unit(tmp_path: Path) -> None:
    found = [
        {"unit": f"{arm}{unit}", "arm": arm, "outcome": int(row < (2 if arm == "now" else 3) + unit % 2)}
        for arm in ("now", "new")
        for unit in range(30)
        for row in range(4)
    ]
    (one,) = judged(tmp_path, found).judged
    assert (one.effect.a.n, one.effect.a.n_rows, one.effect.n_units) == (30, 120, 60)
    assert one.effect.method == "welch"
    reference = stats.ttest_ind([0.75, 1.0] * 15, [0.5, 0.75] * 15, equal_var=False)
    assert one.p_once == pytest.approx(reference.pvalue)


def test_rows_may_count_equally(tmp_path: Path) -> None:
    found = [
        {"unit": f"{arm}{unit}", "arm": arm, "outcome": int(unit > 4)}
        for arm in ("now", "new")
        for unit in range(12)
        for _ in range(1 + unit)
    ]
    by_units, by_rows = (
        judged(tmp_path, found, design(weigh=weigh)).judged[0].effect.a.value for weigh in ("units", "rows")
    )
    assert by_units == pytest.approx(7 / 12)
    assert by_rows == pytest.approx((6 + 7 + 8 + 9 + 10 + 11 + 12) / 78)


def both_answer(n: int, only_now: int, only_new: int, users: int = 0) -> list[dict[str, Any]]:
    """Items that both arms answer: right with both but for the first ones."""
    found = []
    for item in range(n):
        for arm in ("now", "new"):
            is_right = not (item < only_now and arm == "new") and not (
                only_now <= item < only_now + only_new and arm == "now"
            )
            found.append(
                {"item": f"q{item}", "arm": arm, "outcome": is_right} | ({"unit": f"u{item % users}"} if users else {})
            )
    return found


def test_answers_to_the_same_items_are_paired_and_bet_on(tmp_path: Path) -> None:
    result = judged(tmp_path, both_answer(400, 10, 50))
    (one,) = result.judged
    assert result.arms.is_paired
    assert (result.arms.n_both, result.arms.n_items) == (400, 400)
    assert one.always == pytest.approx(BettingSpread(50, 10, 400).interval(Z))
    assert one.effect.delta == pytest.approx(0.1)
    assert result.verdict == "better"
    unpaired = judged(tmp_path, both_answer(400, 10, 50), design(pairing="none"))
    assert not unpaired.arms.is_paired
    assert unpaired.arms.n_contaminated == 400, "without pairs an item in both arms is contaminated"
    assert unpaired.verdict == "undecided"


def test_pairs_of_one_user_are_one_unit(tmp_path: Path) -> None:
    result = judged(tmp_path, both_answer(400, 10, 50, users=40))
    assert result.arms.is_paired
    assert result.judged[0].effect.n_units == 40
    assert result.judged[0].effect.method == "paired_t"
    by_rows = judged(tmp_path, both_answer(400, 10, 50, users=40), design(weigh="rows")).judged[0].effect
    assert (by_rows.n_units, by_rows.a.n) == (40, 400)
    assert by_rows.delta == pytest.approx(0.1)


def test_few_users_with_many_pairs_are_few_users(tmp_path: Path) -> None:
    result = judged(tmp_path, both_answer(400, 0, 200, users=40), design(weigh="rows"))
    assert result.judged[0].reasons == ("before_first_look",)


def test_pairs_are_sharpest_at_the_horizon_however_many_arms_there_are(tmp_path: Path) -> None:
    found = [
        {"item": f"q{at}", "arm": arm, "outcome": at + 0.5 * len(arm)} for at in range(60) for arm in ("a", "bb", "ccc")
    ]
    agreed = design(arms={"a": 1, "bb": 1, "ccc": 1}, control="a", metric={"kind": "mean"}, horizon=3000)
    every = judged(tmp_path, found, agreed).judged[0].effect.every
    assert isinstance(every, MixtureSpread)
    assert every.tuned_at == 3000


def test_items_that_users_share_do_not_pair_users(tmp_path: Path) -> None:
    found = [
        {"unit": f"{arm}{at}", "item": f"q{at % 7}", "arm": arm, "outcome": at % 2}
        for arm in ("now", "new")
        for at in range(70)
    ]
    assert not judged(tmp_path, found).arms.is_paired


def test_items_that_one_arm_leaves_out_forbid_a_verdict(tmp_path: Path) -> None:
    found = [row for at, row in enumerate(both_answer(400, 10, 80)) if not (row["arm"] == "new" and at > 740)]
    result = judged(tmp_path, found)
    assert result.judged[0].reasons == ("missing",)
    assert result.arms.left_out["one_arm_only"] == 30
    assert result.n_used == 2 * 370


def with_seconds(now: float, new: float, n: int = 300) -> list[dict[str, Any]]:
    return [
        {**row, "seconds": (now if row["arm"] == "now" else new) + 0.2 * math.sin(at)}
        for at, row in enumerate(rows(right(n // 2, n), right(n - n // 5, n)))
    ]


@pytest.mark.parametrize(
    ("new", "outcome", "code"), [(2.0, "holds", DONE), (2.7, "broken", BROKEN), (2.49, "open", INCONCLUSIVE)]
)
def test_a_guardrail_holds_is_broken_or_open(tmp_path: Path, new: float, outcome: str, code: int) -> None:
    agreed = design(guardrails={"seconds": {"field": "seconds", "better": "lower", "harm": 0.5}})
    result = judged(tmp_path, with_seconds(2.0, new), agreed)
    assert result.verdict == "better"
    assert (result.kept[0].outcome, result.exit_code) == (outcome, code)


def test_a_guardrail_without_evidence_is_open(tmp_path: Path) -> None:
    found = [{**row, "seconds": None} for row in with_seconds(2.0, 2.0)]
    result = judged(
        tmp_path, found, design(guardrails={"seconds": {"field": "seconds", "better": "lower", "harm": 0.5}})
    )
    assert (result.kept[0].outcome, result.exit_code) == ("open", INCONCLUSIVE)


def test_a_guardrail_whose_values_one_arm_loses_is_open(tmp_path: Path) -> None:
    # Slow answers of the new arm time out and leave no seconds: those that are left look fast.
    found = [
        {**row, "seconds": None if row["arm"] == "new" and at % 4 == 0 else row["seconds"]}
        for at, row in enumerate(with_seconds(2.0, 2.0))
    ]
    result = judged(
        tmp_path, found, design(guardrails={"seconds": {"field": "seconds", "better": "lower", "harm": 0.5}})
    )
    assert result.verdict == "better", "the metric's own outcomes are all there"
    assert (result.kept[0].outcome, result.exit_code) == ("open", INCONCLUSIVE)
    missing = {check.metric: check.outcome for check in result.checks if check.name == "missing"}
    assert missing == {"outcome": "holds", "seconds": "fails"}


@pytest.mark.parametrize("test", ["fixed", "always-valid"])
def test_rows_that_one_arm_loses_within_its_units_forbid_a_verdict(tmp_path: Path, test: str) -> None:
    found = [
        {"unit": f"{arm}{unit}", "arm": arm, "outcome": None if arm == "new" and row % 2 else (unit + row) % 3 > 0}
        for arm in ("now", "new")
        for unit in range(200)
        for row in range(4)
    ]
    assert judged(tmp_path, found, design(test=test, horizon=400)).judged[0].reasons == ("missing",)


def test_a_rare_harm_that_never_came_holds_with_several_rows_a_unit(tmp_path: Path) -> None:
    found = [
        {"unit": f"{arm}{unit}", "arm": arm, "outcome": (unit + row) % (2 if arm == "now" else 8) > 0, "harmful": 0}
        for arm in ("now", "new")
        for unit in range(600)
        for row in range(3)
    ]
    agreed = design(guardrails={"harm": {"field": "harmful", "kind": "share", "better": "lower", "harm": 0.05}})
    result = judged(tmp_path, found, agreed)
    assert result.kept[0].decides is not None
    assert (result.kept[0].outcome, result.kept[0].effect.method) == ("holds", "two_shares")


def test_a_guardrail_of_an_arm_that_is_worse_is_not_asked(tmp_path: Path) -> None:
    agreed = design(
        metric={"better": "lower"}, guardrails={"seconds": {"field": "seconds", "better": "lower", "harm": 0.5}}
    )
    result = judged(tmp_path, with_seconds(2.0, 2.7), agreed)
    assert (result.verdict, result.kept[0].outcome, result.exit_code) == ("worse", "broken", DONE)


def test_a_value_of_ones_own_is_shown_and_not_judged(tmp_path: Path) -> None:
    found = [
        {**row, "value": 5.0 * row["outcome"] + at % 3} for at, row in enumerate(rows(right(50, 100), right(90, 100)))
    ]
    (one,) = judged(tmp_path, found).valued
    assert one.verdict == ""
    assert one.effect.delta == pytest.approx(5 * 0.4, abs=0.05)
    assert one.once is not None


def test_several_arms_share_what_may_be_wrong(tmp_path: Path) -> None:
    found = rows(right(500, 1000), right(600, 1000)) + [
        {"unit": f"third-{at}", "arm": "third", "outcome": at % 2} for at in range(1000)
    ]
    result = judged(tmp_path, found, design(arms={"now": 1, "new": 1, "third": 1}))
    assert [one.verdict for one in result.judged] == ["better", "undecided"]
    assert result.verdict == "undecided"
    found = [{**row, "outcome": 0} if row["arm"] == "third" else row for row in found]
    decided = judged(tmp_path, found, design(arms={"now": 1, "new": 1, "third": 1}))
    assert (decided.verdict, decided.exit_code) == ("mixed", DONE)
    assert result.judged[0].once == pytest.approx(
        TwoSharesSpread(600, 1000, 500, 1000).interval(stats.norm.ppf(1 - 0.0125))
    )


def test_a_plan_for_pairs_is_that_of_a_study(tmp_path: Path) -> None:
    from hanka.operations.ab.planning import plan_test

    plan = plan_test(design(test="fixed", wanted={"difference": 0.05, "discordant": 0.1}), is_paired=True)
    assert plan.horizon == rows_to_show(0.05, 0.1, 0.05)
