"""What is claimed and decided where the truth is planted: four outcomes, one rule, no choice on the test rows."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from hanka.analysis.claims import claims_of
from hanka.analysis.contrasts import Contrasts
from hanka.analysis.decision import decide, overall
from hanka.analysis.sentences import Unfit
from hanka.analysis.summary import summarise
from hanka.stats import rows_to_exclude
from planted_runs import MARGINS, Planted

N = 200
HALF = range(100)


def right(first: int, of: int = N) -> range:
    return range(first)


def decided(planted: Planted, unfit: Mapping[str, Unfit] | None = None) -> dict[str, Any]:
    evidence = planted.evidence()
    return decide(evidence, claims_of(Contrasts(evidence)), unfit)


def planted(path: Path, **changes: Any) -> Planted:
    run = Planted(path, **changes)
    run.add("base", {"home": right(100), "away": right(120)}, n=N)
    return run


def test_a_gain_without_harm_is_adapt(tmp_path: Path) -> None:
    run = planted(tmp_path)
    run.add("sft", {"home": right(150), "away": right(130)}, n=N)
    found = decided(run)
    (entry,) = found["per_task"]
    assert (found["outcome"], entry["outcome"], entry["recommend"]) == ("adapt", "adapt", "sft")
    benefit = entry["benefit"]
    assert (benefit["base_value"], benefit["value"], benefit["delta"]) == pytest.approx((0.5, 0.75, 0.25))
    assert benefit["sim_low"] > 0
    assert [one["tests"] for one in entry["harms"]] == [["home"], ["away"]]
    assert "0.500 → 0.750 (+0.250" in entry["sentence_en"]
    assert "about this checkpoint, not about the method" in entry["sentence_en"]
    assert entry["decide"] is None
    assert "away" in entry["flip_en"]


def shown(run: Planted, home: range, **changes: Any) -> None:
    """Add the base behind the rows that `sft` is trained on."""
    own = {"method": "icl", "changes_weights": False, "context": "own_rows", "train_size": 8, "shots": 8} | changes
    run.add("icl", {"home": home}, n=N, **own)


@pytest.mark.parametrize(
    ("home", "changes", "outcome", "rival"),
    [
        (right(190), {}, "keep", (8, "own_rows")),
        (right(190), {"shots": 7}, "keep", (8, "own_rows")),  # a row shown less: it is a test row
        (right(120), {}, "adapt", (8, "own_rows")),
        (right(190), {"train_size": 16, "shots": 16}, "adapt", (0, "drawn")),  # other rows
        (right(190), {"train_dataset": "far"}, "adapt", (0, "drawn")),
    ],
)
def test_what_its_own_rows_do_before_the_query_is_a_rival(
    tmp_path: Path, home: range, changes: dict[str, Any], outcome: str, rival: tuple[int, str]
) -> None:
    run = planted(tmp_path)
    run.add("sft", {"home": right(150), "away": right(130)}, n=N)
    shown(run, home, **changes)
    (entry,) = decided(run)["per_task"]
    assert (entry["outcome"], entry["benefit"]["rival_shots"], entry["benefit"]["rival_context"]) == (outcome, *rival)


def test_rows_that_are_shown_are_paired_by_seed(tmp_path: Path) -> None:
    run = planted(tmp_path)
    for seed, (tuned, home) in enumerate(((150, 140), (150, 130))):
        run.add("sft", {"home": right(tuned), "away": right(130)}, n=N, seed=seed)
        shown(run, right(home), seed=seed)
    (entry,) = decided(run)["per_task"]
    against = next(one for one in entry["systems"][0]["benefits"] if one["rival_context"] == "own_rows")
    assert against["delta"] == pytest.approx((10 + 20) / 2 / N)
    assert against["n_seeds"] == 2


def test_a_gain_with_a_shown_loss_is_a_trade_off(tmp_path: Path) -> None:
    run = planted(tmp_path)
    run.add("sft", {"home": right(150), "away": right(80)}, n=N)
    (entry,) = decided(run)["per_task"]
    assert (entry["outcome"], entry["recommend"]) == ("trade-off", "sft")
    assert "away" in entry["sentence_en"]
    assert "-0.200" in entry["sentence_en"]
    (loss,) = [one for one in entry["harms"] if one["tests"] == ["away"]]
    assert (loss["verdict"], loss["sim_high"] < 0) == ("worse", True)


def test_a_gain_with_a_loss_that_is_neither_shown_nor_excluded_is_undecided(tmp_path: Path) -> None:
    run = planted(tmp_path)
    lost_and_won = [*range(10, 120), *range(120, 125)]  # 10 lost, 5 won: -2.5 points, bound below -5
    run.add("sft", {"home": right(150), "away": lost_and_won}, n=N)
    (entry,) = decided(run)["per_task"]
    assert (entry["outcome"], entry["recommend"], entry["candidate"]) == ("undecided", "base", "sft")
    assert entry["decide"]["about"] == "harm"
    assert entry["decide"]["rows"] > entry["decide"]["rows_now"] == N
    assert f"{entry['decide']['rows']:,} test rows" in entry["sentence_en"]


def test_what_cannot_gain_anything_worthwhile_is_keep(tmp_path: Path) -> None:
    run = planted(tmp_path, stats={"worthwhile": 0.1})
    run.add("sft", {"home": right(100), "away": right(120)}, n=N)
    (entry,) = decided(run)["per_task"]
    assert (entry["outcome"], entry["recommend"]) == ("keep", "base")
    assert "0.1" in entry["sentence_en"]


def test_a_small_study_without_a_difference_is_undecided_and_says_how_many_rows_it_needs(tmp_path: Path) -> None:
    run = Planted(tmp_path)
    run.add("base", {"home": range(20)}, n=40)
    run.add("sft", {"home": [*range(3, 20), *range(30, 34)]}, n=40)  # 3 lost, 4 won
    (entry,) = decided(run)["per_task"]
    assert entry["outcome"] == "undecided"
    assert entry["decide"]["about"] == "benefit"
    assert entry["decide"]["rows"] > 500


def test_the_base_is_a_rival_at_every_asking(tmp_path: Path) -> None:
    """The variant beats the base without demonstrations; with two of them the base is as good."""
    run = planted(tmp_path)
    run.add("base", {"home": right(150)}, n=N, shots=2)
    run.add("sft", {"home": right(150), "away": right(130)}, n=N)
    (entry,) = decided(run)["per_task"]
    assert entry["outcome"] == "keep"
    assert entry["benefit"]["rival_shots"] == 2
    assert entry["benefit"]["delta"] == 0


def test_a_variant_is_judged_at_the_shots_it_was_trained_with(tmp_path: Path) -> None:
    run = planted(tmp_path)
    run.add("base", {"home": right(100), "away": right(120)}, n=N, shots=3)
    for shots, known in ((0, right(90)), (3, right(160))):
        run.add("fticl", {"home": known, "away": right(130)}, n=N, shots=shots, meant_shots=2)
    (entry,) = decided(run)["per_task"]
    assert entry["asked"] == {"shots": 3, "context": "drawn"}
    assert (entry["outcome"], entry["recommend"]) == ("adapt", "fticl")


def test_seeds_are_replicates_of_one_system(tmp_path: Path) -> None:
    """One lucky seed of three is no gain of the method, though alone it would be shown."""
    run = planted(tmp_path)
    for seed, known in enumerate((150, 100, 95)):
        run.add("sft", {"home": right(known), "away": right(120)}, n=N, seed=seed)
    (entry,) = decided(run)["per_task"]
    assert len(entry["systems"]) == 1
    assert (entry["outcome"], entry["n_seeds"]) == ("undecided", 3)
    assert set(entry["benefit"]["variance"]) == {"items", "seeds"}
    assert entry["decide"] == {"about": "benefit", "tests": ["home"], "rows": None, "rows_now": N, "seeds": 5}
    assert "More test rows alone would not decide it" in entry["sentence_en"]


@pytest.mark.parametrize(
    ("n_seeds", "said"), [(4, "4 training seeds: a claim about the method asks for five"), (5, "")]
)
def test_five_seeds_are_enough_to_speak_of_the_method(tmp_path: Path, n_seeds: int, said: str) -> None:
    run = planted(tmp_path)
    for seed in range(n_seeds):
        run.add("sft", {"home": right(150 + seed), "away": right(125)}, n=N, seed=seed)
    (entry,) = decided(run)["per_task"]
    assert entry["n_seeds"] == n_seeds
    assert said in entry["sentence_en"]
    assert ("training seed" in entry["sentence_en"]) == bool(said)
    assert ("学習シード" in entry["sentence_ja"]) == bool(said)


def test_prompts_are_averaged_and_draws_are_replicates(tmp_path: Path) -> None:
    run = Planted(tmp_path)
    for prompt, base, tuned in (("p1", 100, 150), ("p2", 140, 150)):
        for draw in (0, 1):
            run.add("base", {"home": right(base)}, n=N, prompt=prompt, draw=draw, shots=1)
            run.add("sft", {"home": right(tuned - 4 * draw)}, n=N, prompt=prompt, draw=draw, shots=1)
    (entry,) = decided(run)["per_task"]
    assert entry["benefit"]["delta"] == pytest.approx((0.25 + 0.05) / 2 - 0.01)
    assert set(entry["benefit"]["variance"]) == {"items", "draws"}
    assert entry["benefit"]["n"] == N


def test_more_secondary_metrics_draws_or_seeds_do_not_change_the_number_of_contrasts(tmp_path: Path) -> None:
    plain = planted(tmp_path / "plain")
    plain.add("sft", {"home": right(150), "away": right(130)}, n=N)
    more = planted(tmp_path / "more")
    for draw in (0, 1):
        more.add("base", {"home": right(100), "away": right(120)}, n=N, prompt="p2", draw=draw)
        for seed in (0, 1, 2):
            for prompt in ("p1", "p2"):
                more.add("sft", {"home": right(150), "away": right(130)}, n=N, seed=seed, draw=draw, prompt=prompt)
    assert decided(plain)["n_contrasts"] == decided(more)["n_contrasts"] == {"benefit": 1, "harm": 2}


def test_of_several_systems_the_one_with_the_largest_gain_is_recommended(tmp_path: Path) -> None:
    run = planted(tmp_path)
    run.add("small", {"home": right(140), "away": right(130)}, n=N)
    run.add("large", {"home": right(160), "away": right(130)}, n=N)
    run.add("harmful", {"home": right(180), "away": right(60)}, n=N)
    (entry,) = decided(run)["per_task"]
    assert (entry["outcome"], entry["recommend"]) == ("adapt", "large")
    assert {one["method"]: one["outcome"] for one in entry["systems"]} == {
        "small": "adapt", "large": "adapt", "harmful": "trade-off",
    }  # fmt: skip


def test_beside_the_candidate_each_open_system_says_what_would_decide_it(tmp_path: Path) -> None:
    run = planted(tmp_path)
    run.add("sft", {"home": right(150), "away": right(130)}, n=N)
    run.add("open", {"home": range(16, 122), "away": right(120)}, n=N)
    run.add("hopeless", {"home": right(20), "away": right(120)}, n=N)
    (entry,) = decided(run)["per_task"]
    assert entry["recommend"] == "sft"
    assert [one["method"] for one in entry["others"]] == ["open"]
    (said,) = entry["others"]
    system = next(one for one in entry["systems"] if one["method"] == "open")
    assert system["decide"]["rows"] > N
    assert f"About {system['decide']['rows']:,} test rows would decide it; there are {N}." in said["sentence_en"]
    assert f"約 {system['decide']['rows']:,} 件" in said["sentence_ja"]
    assert [one["decide"] is None for one in entry["systems"]] == [True, False, True]


def rows_that_decide(path: Path, groups: int) -> int:
    """Rows that would decide a gain of 3 points, with rows that come out alike in groups of a size."""
    run = Planted(path)
    run.add("base", {"home": range(100)}, n=400, groups=groups)
    run.add("sft", {"home": range(12, 124)}, n=400, groups=groups)
    (entry,) = decided(run)["per_task"]
    assert entry["outcome"] == "undecided"
    return int(entry["decide"]["rows"])


def test_rows_that_come_out_alike_in_fours_take_four_times_as_many_to_decide(tmp_path: Path) -> None:
    apart, together = rows_that_decide(tmp_path / "apart", 1), rows_that_decide(tmp_path / "together", 4)
    assert together == pytest.approx(4 * apart, rel=0.1)  # and a little more: how far groups go together is estimated


def test_where_nothing_differs_so_far_as_many_rows_are_named_as_would_exclude_the_harm(tmp_path: Path) -> None:
    run = Planted(tmp_path)
    for label, home in (("base", range(100)), ("sft", range(160))):
        run.add(label, {"home": home}, n=200)
        run.add(label, {"away": range(20)}, n=40)
    (entry,) = decided(run)["per_task"]
    assert (entry["outcome"], entry["decide"]["about"], entry["decide"]["tests"]) == ("undecided", "harm", ["away"])
    assert 40 < entry["decide"]["rows"] == rows_to_exclude(MARGINS["harm"], 0.1) == 52


def test_few_units_decide_nothing(tmp_path: Path) -> None:
    run = Planted(tmp_path)
    run.add("base", {"home": range(0)}, n=40, groups=8)
    run.add("sft", {"home": range(40)}, n=40, groups=8)  # five groups, all won
    (entry,) = decided(run)["per_task"]
    assert entry["outcome"] == "undecided"


UNFIT = Unfit("Its own rows are not fitted.", "自分の学習例を学習できていません。")


def test_a_variant_that_did_not_train_is_no_reason_to_keep_the_base(tmp_path: Path) -> None:
    run = planted(tmp_path, stats={"worthwhile": 0.1})
    variant = run.add("sft", {"home": right(100), "away": right(120)}, n=N)
    assert decided(run)["outcome"] == "keep"
    (entry,) = decided(run, {variant: UNFIT})["per_task"]
    assert (entry["outcome"], entry["decide"]["about"], entry["decide"]["rows"]) == ("undecided", "training", None)
    assert UNFIT.en in entry["sentence_en"]
    assert UNFIT.ja in entry["sentence_ja"]
    assert "test rows" not in entry["sentence_en"]
    assert (entry["flip_en"], entry["flip_ja"]) == ("", "")


def test_one_that_trained_goes_before_one_that_did_not(tmp_path: Path) -> None:
    run = planted(tmp_path)
    lazy = run.add("lazy", {"home": right(112), "away": right(120)}, n=N)
    run.add("keen", {"home": right(108), "away": right(120)}, n=N)
    (entry,) = decided(run, {lazy: UNFIT})["per_task"]
    assert entry["candidate"] == "keen"


def test_another_system_that_did_not_train_is_told_with_its_reason_not_with_rows(tmp_path: Path) -> None:
    run = planted(tmp_path)
    run.add("keen", {"home": right(150), "away": right(130)}, n=N)
    lazy = run.add("lazy", {"home": right(100), "away": right(120)}, n=N)
    (entry,) = decided(run, {lazy: UNFIT})["per_task"]
    assert entry["candidate"] == "keen"
    (other,) = entry["others"]
    assert other["sentence_en"].startswith("sentiment: lazy on 8 rows is undecided, Accuracy in domain 0.500 → 0.500")
    assert other["sentence_en"].endswith(UNFIT.en)
    assert other["sentence_ja"].endswith(UNFIT.ja)


def test_a_gain_with_a_collapse_is_said_with_it(tmp_path: Path) -> None:
    run = planted(tmp_path)
    variant = run.add("sft", {"home": right(150), "away": right(60)}, n=N)
    (entry,) = decided(run, {variant: UNFIT})["per_task"]
    assert entry["outcome"] == "trade-off"
    assert UNFIT.en in entry["sentence_en"]


def test_nothing_trained_is_nothing_to_decide(tmp_path: Path) -> None:
    run = planted(tmp_path, trained_tasks=())
    found = decided(run)
    assert (found["outcome"], found["per_task"]) == ("undecided", [])
    assert "nothing to decide" in found["sentence_en"]


@pytest.mark.parametrize(
    ("outcomes", "word"),
    [
        (["adapt", "adapt"], "adapt"),
        (["adapt", "trade-off"], "trade-off"),
        (["adapt", "keep"], "undecided"),
        (["keep", "keep"], "keep"),
        (["undecided"], "undecided"),
        ([], "undecided"),
    ],
)
def test_several_tasks_are_one_word(outcomes: list[str], word: str) -> None:
    assert overall(outcomes) == word


def test_rows_of_the_summary_follow_their_simultaneous_interval(tmp_path: Path) -> None:
    run = planted(tmp_path, stats={"equivalence": 0.05})
    for place, known in enumerate((100, 104, 108, 112, 118, 130, 160, 60)):
        run.add(f"m{place}", {"home": right(known), "away": right(120)}, n=N)
    evidence = run.evidence()
    rows = [row.values for row in summarise(evidence, Contrasts(evidence)) if row.values["verdict"]]
    assert len(rows) == 16
    for row in rows:
        beyond = row["sim_low"] > 0 or row["sim_high"] < 0
        assert (row["verdict"] in ("better", "worse")) == beyond == (row["p_adjusted"] < 0.05)
    words = {row["method"]: row["verdict"] for row in rows if row["test_dataset"] == "home"}
    assert (words["m6"], words["m7"], words["m0"]) == ("better", "worse", "equivalent")
    assert "leaning" in words.values()
