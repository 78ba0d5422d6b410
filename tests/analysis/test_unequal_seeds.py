"""One method with three training seeds beside one with a single seed: each is judged with its own, and words say which is a checkpoint."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hanka.analysis import analyse
from hanka.analysis.claims import claims_of
from hanka.analysis.compare import compare_variants
from hanka.analysis.contrasts import Contrasts
from hanka.analysis.decision import decide
from hanka.plan.written import plan_json
from hanka.store.folder import RunFolder, read_json, write_json
from planted_runs import Planted
from small_studies import carry_out, plan_of

N = 200


def planted(path: Path, method: tuple[int, ...] = (140, 150, 160), single: int = 150) -> Planted:
    """The base has 100 of 200 right; `many` so many with each seed, `once` with its only one."""
    run = Planted(path)
    run.add("base", {"home": range(100), "away": range(100)}, n=N)
    for seed, known in enumerate(method):
        run.add("many", {"home": range(known), "away": range(100)}, n=N, seed=seed)
    run.add("once", {"home": range(single), "away": range(100)}, n=N)
    return run


def decided(run: Planted) -> dict[str, Any]:
    found = run.evidence()
    (entry,) = decide(found, claims_of(Contrasts(found)))["per_task"]
    return dict(entry)


def compared(path: Path, a: str, b: str, **run: Any) -> dict[str, Any]:
    planted(path, **run).evidence()
    folder = RunFolder(path)
    write_json(folder.plan, read_json(folder.plan) | {"format": 3, "hanka": "x", "study": "s"})
    found = compare_variants(folder, a, b)
    (home,) = [row for row in found["rows"] if row["test_dataset"] == "home"]
    return found | {"home": home}


def test_each_system_has_the_seeds_it_was_trained_with(tmp_path: Path) -> None:
    entry = decided(planted(tmp_path))
    by_method = {one["method"]: one["benefits"][0] for one in entry["systems"]}
    assert {name: one["n_seeds"] for name, one in by_method.items()} == {"many": 3, "once": 1}
    assert set(by_method["many"]["variance"]) == {"items", "seeds"}
    assert by_method["once"]["variance"] == {}
    width = {name: one["sim_high"] - one["sim_low"] for name, one in by_method.items()}
    assert by_method["many"]["delta"] == by_method["once"]["delta"] == 0.25
    assert width["many"] > width["once"]


@pytest.mark.parametrize(
    ("single", "candidate", "said"),
    [(130, "many", "3 training seeds: a claim about the method asks for five"), (170, "once", "about this checkpoint")],
)
def test_the_candidate_says_how_often_it_was_trained(tmp_path: Path, single: int, candidate: str, said: str) -> None:
    entry = decided(planted(tmp_path, single=single))
    assert entry["candidate"] == candidate
    assert said in entry["sentence_en"]


def test_another_system_says_its_seeds_where_the_candidate_has_more(tmp_path: Path) -> None:
    entry = decided(planted(tmp_path, method=(160, 160, 160), single=104))
    (other,) = entry["others"]
    assert (entry["candidate"], other["method"]) == ("many", "once")
    assert "One training seed: this is about this checkpoint" in other["sentence_en"]
    assert "学習シードは 1 つ" in other["sentence_ja"]
    alike = decided(planted(tmp_path / "alike", method=(160,), single=104))
    assert "training seed" not in alike["others"][0]["sentence_en"]


def test_three_seeds_against_one_is_the_same_either_way_round(tmp_path: Path) -> None:
    ours, theirs = compared(tmp_path / "a", "many", "once"), compared(tmp_path / "b", "once", "many")
    assert (ours["a"], theirs["b"]) == ("many/home/8 (3 seeds)", "many/home/8 (3 seeds)")
    ours_home, theirs_home = ours["home"], theirs["home"]
    assert (ours_home["n_seeds"], theirs_home["n_seeds"]) == (3, 3)
    assert (theirs_home["low"], theirs_home["high"]) == (
        pytest.approx(-ours_home["high"]),
        pytest.approx(-ours_home["low"]),
    )
    assert ours_home["low"] < ours_home["high"]
    assert (ours_home["value_a"], theirs_home["value_b"]) == (pytest.approx(0.75), pytest.approx(0.75))
    said = "one training seed behind once/home/8/seed0: this is about that checkpoint, not about the method"
    assert (ours["note"], theirs["note"]) == (said, said)


def test_the_luck_of_training_of_either_side_is_in_the_interval(tmp_path: Path) -> None:
    def width(name: str, *orders: str, **run: Any) -> float:
        home = compared(tmp_path / name, *orders, **run)["home"]
        return float(home["high"] - home["low"])

    steady, lucky = {"method": (150, 150, 150)}, {"method": (110, 150, 190)}
    assert width("a", "many", "once", **lucky) > 2 * width("b", "many", "once", **steady)
    assert width("c", "once", "many", **lucky) > 2 * width("d", "once", "many", **steady)


def test_all_seeds_count_against_the_base_whichever_is_named_first(tmp_path: Path) -> None:
    ours, theirs = compared(tmp_path / "a", "many", "base"), compared(tmp_path / "b", "base", "many")
    assert (ours["home"]["delta"], theirs["home"]["delta"]) == (pytest.approx(0.25), pytest.approx(-0.25))
    assert ours["home"]["n_seeds"] == theirs["home"]["n_seeds"] == 3
    assert "note" not in ours  # a base was not trained here


@pytest.fixture(scope="module")
def findings(tiny_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A tiny run: three seeds of one entry, one of another, and weights half way back from two of the three."""
    methods = [
        {"sft": {"name": "many", "seeds": [0, 1, 2]}}, {"sft": {"name": "once", "peft": "bitfit", "biases": "added"}},
        {"interpolate": {"name": "back", "of": "many", "seeds": [1, 2]}},
    ]  # fmt: skip
    changes = {"tasks": {"sentiment": {"out_of_domain": []}}, "train": {"epochs": 1}, "stats": {"resamples": 200}}
    plan = plan_of(tiny_folder, methods, eval={"shots": [0], "limit": 12}, **changes)
    out = tmp_path_factory.mktemp("unequal")
    folder = carry_out(plan, out).folder
    write_json(folder.plan, plan_json(plan, "hanka run"))
    analyse(folder)
    return read_json(folder.findings)  # type: ignore[no-any-return]


def test_a_run_pools_what_each_method_has(findings: dict[str, Any]) -> None:
    seeds = {one["method"]: one["n_seeds"] for one in findings["settings"] if one["relation"] == "in_domain"}
    assert seeds == {"many": 3, "once": 1, "back": 2}
    assert all(
        one["benefits"][0]["n_seeds"] == seeds[one["method"]] for one in findings["decision"]["per_task"][0]["systems"]
    )


def test_a_run_names_what_was_trained_once(findings: dict[str, Any]) -> None:
    (note,) = [one for one in findings["notes"] if one["kind"] == "seeds"]
    assert note["message_en"].startswith("One training seed behind once: intervals cover the sampling of test rows")
    assert note["message_ja"].startswith("once の学習シードは 1 つです。")
