"""A study that grows until it is decided: which cells want more rows after a look, and what is said of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from hanka.analysis import look
from hanka.analysis.claims import claims_of
from hanka.analysis.contrasts import Contrasts
from hanka.analysis.decision import decide
from hanka.analysis.growth import growth_of, growth_said
from hanka.stats import BettingSpread
from hanka.stats.sequential import SpendingSpread
from hanka.store.folder import RunFolder, read_json
from hanka.store.looks import rows_of_last_look, stored_looks
from planted_runs import Planted

MOST, BLOCK = 400, 50


def grown(path: Path, base: Mapping[str, Iterable[int]], sft: Mapping[str, Iterable[int]], **changes: Any) -> Planted:
    """A study that has been asked one block, or as many rows as `changes` says."""
    run = Planted(path, block=BLOCK)
    changes = {"n": BLOCK, "most": MOST} | changes
    run.add("base", base, **changes)
    run.add("sft", sft, **changes)
    return run


def cell_of(run: Planted, label: str, test: str) -> str:
    variant = next(one["id"] for one in run.variants if one["label"] == label)
    return str(next(one["id"] for one in run.cells if one["variant_id"] == variant and one["test_dataset"] == test))


def looked_at(run: Planted) -> dict[str, int]:
    run.evidence()
    return look(RunFolder(run.path))


def test_an_open_gain_grows_where_it_is_claimed_and_nowhere_else(tmp_path: Path) -> None:
    run = grown(tmp_path, {"home": range(20), "away": range(20)}, {"home": range(25), "away": range(20)})
    wanted = {cell_of(run, label, "home"): 2 * BLOCK for label in ("base", "sft")}
    assert looked_at(run) == wanted
    assert rows_of_last_look(RunFolder(run.path)) == wanted


def test_rows_that_failed_were_asked(tmp_path: Path) -> None:
    run = grown(tmp_path, {"home": range(20)}, {"home": range(25)}, missing=(40, 41, 42))
    assert looked_at(run) == {cell_of(run, label, "home"): 2 * BLOCK for label in ("base", "sft")}


def test_rows_that_are_shown_grow_with_what_they_are_compared_with(tmp_path: Path) -> None:
    run = grown(tmp_path, {"home": range(20), "away": range(20)}, {"home": range(25), "away": range(20)})
    shown = {"method": "icl", "changes_weights": False, "shots": 8, "context": "own_rows", "n": BLOCK, "most": MOST}
    run.add("icl", {"home": range(20), "away": range(20)}, **shown)
    assert looked_at(run) == {cell_of(run, label, "home"): 2 * BLOCK for label in ("base", "sft", "icl")}


def test_a_shown_gain_grows_where_harm_is_neither_shown_nor_excluded(tmp_path: Path) -> None:
    run = grown(tmp_path, {"home": range(20), "away": range(30)}, {"home": range(48), "away": range(30)})
    assert looked_at(run) == {cell_of(run, label, "away"): 2 * BLOCK for label in ("base", "sft")}


def test_a_decision_that_stands_asks_no_more(tmp_path: Path) -> None:
    run = grown(tmp_path, {"home": range(10), "away": range(48)}, {"home": range(48), "away": range(5)})
    assert looked_at(run) == {}
    (only,) = stored_looks(RunFolder(run.path))[-1]["systems"]
    assert only["outcome"] == "trade-off"
    assert only["harms"][-1]["verdict"] == "worse"
    assert only["benefits"][0]["e_value"] > 20


def test_what_cannot_pay_is_kept_without_asking_about_harm(tmp_path: Path) -> None:
    run = grown(tmp_path, {"home": range(48), "away": range(30)}, {"home": range(20), "away": range(30)})
    assert looked_at(run) == {}
    assert stored_looks(RunFolder(run.path))[0]["systems"][0]["outcome"] == "keep"


def test_the_last_rows_are_the_last(tmp_path: Path) -> None:
    run = grown(tmp_path, {"home": range(20)}, {"home": range(22)}, n=60, most=60)
    assert looked_at(run) == {}
    run = grown(tmp_path / "next", {"home": range(20)}, {"home": range(22)}, n=50, most=60)
    assert set(looked_at(run).values()) == {60}


def test_the_base_grows_with_whoever_is_open(tmp_path: Path) -> None:
    run = grown(tmp_path, {"home": range(10)}, {"home": range(11)})
    run.add("other", {"home": range(49)}, n=BLOCK, most=MOST)
    run.evidence()
    grow = look(RunFolder(run.path))
    assert set(grow) == {cell_of(run, "base", "home"), cell_of(run, "sft", "home")}  # of the other all is known


def test_rows_that_no_claim_reads_are_asked_to_the_last(tmp_path: Path) -> None:
    run = Planted(tmp_path, block=BLOCK)
    run.add("base", {"home": range(9), "far": range(9)}, n=BLOCK, most=MOST)
    run.add("sft", {"home": range(9)}, n=BLOCK, most=MOST)
    grow = looked_at(run)
    assert grow[cell_of(run, "base", "far")] == MOST


def test_looking_again_at_the_same_rows_is_one_look(tmp_path: Path) -> None:
    run = grown(tmp_path, {"home": range(20)}, {"home": range(25)})
    first = looked_at(run)
    assert looked_at(run) == first
    assert [one["look"] for one in stored_looks(RunFolder(run.path))] == [1]


def test_intervals_hold_at_every_look_and_their_number_is_planned(tmp_path: Path) -> None:
    tests = {"home": range(20), "away": range(30), "other": range(30)}
    run = grown(tmp_path, tests, {"home": range(49), "away": range(30), "other": range(28)})
    evidence = run.evidence()
    contrasts = Contrasts(evidence)
    claims = claims_of(contrasts)
    (system,) = claims.systems
    assert isinstance(system.benefits[0].contrast.spread, BettingSpread)
    spreads = {one.tests[0]: one.contrast.spread for one in system.harms}
    assert isinstance(spreads["other"], SpendingSpread)  # macro-F1 is no mean of right and wrong
    assert spreads["other"].looks.at == 0
    assert len(spreads["other"].looks.shares) == MOST // BLOCK
    assert claims.harm.n_equal == 3
    assert claims.benefit.n_equal == 1
    fixed = Planted(tmp_path / "fixed")
    fixed.add("base", tests, n=BLOCK)
    fixed.add("sft", {"home": range(49), "away": range(30), "other": range(28)}, n=BLOCK)
    once = claims_of(Contrasts(fixed.evidence())).systems[0].benefits[0]
    often = system.benefits[0]
    assert once.wide is not None
    assert often.wide is not None
    assert often.wide.low < once.wide.low < once.wide.high < often.wide.high
    assert decide(evidence, claims)["outcome"] == "undecided"


def test_the_report_is_told_what_was_saved(tmp_path: Path) -> None:
    run = grown(tmp_path, {"home": range(10), "away": range(48)}, {"home": range(48), "away": range(5)})
    looked_at(run)
    growth = growth_of(run.evidence())
    assert growth is not None
    assert growth["n_looks"] == 1
    assert (growth["rows_asked"], growth["rows_most"]) == (4 * BLOCK, 4 * MOST)
    assert growth["saved"] == 1 - BLOCK / MOST
    assert [(one["method"], one["outcome"], one["look"]) for one in growth["stopped"]] == [("sft", "trade-off", 1)]
    said = growth_said(growth)
    assert "200 of 1,600 answers were needed (88% saved)" in said["message_en"]
    assert "1,600 件中 200 件" in said["message_ja"]
    assert "still open" not in said["message_en"]
    assert read_json(RunFolder(tmp_path).looks)["block"] == BLOCK


def test_a_study_asked_at_once_says_nothing_of_looks(tmp_path: Path) -> None:
    run = Planted(tmp_path)
    run.add("base", {"home": range(10)})
    run.add("sft", {"home": range(30)})
    assert growth_of(run.evidence()) is None
