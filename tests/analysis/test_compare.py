"""Two variants, two systems with all their seeds, two runs: one rule."""

from __future__ import annotations

from pathlib import Path

import pytest

from hanka.analysis.across import compare_runs
from hanka.analysis.compare import POOLED, compare_variants
from hanka.errors import HankaError
from hanka.store.folder import RunFolder, read_json, write_json
from planted_runs import Planted

N = 200


def written(path: Path, *gains: int, **changes: int) -> RunFolder:
    """A run with one seed per gain; format and study make it one that may be read."""
    run = Planted(path)
    run.add("base", {"home": range(100), "away": range(100)}, n=N)
    for seed, gain in enumerate(gains):
        run.add("sft", {"home": range(100 + gain), "away": range(100)}, n=N, seed=seed, **changes)
    run.evidence()
    folder = RunFolder(path)
    write_json(folder.plan, read_json(folder.plan) | {"format": 3, "hanka": "x", "study": "s"})
    return folder


def test_a_label_is_all_seeds_pooled(tmp_path: Path) -> None:
    found = compare_variants(written(tmp_path, 40, 50, 60), "sft", "base")
    assert found["a"] == "sft/home/8 (3 seeds)"
    home = next(row for row in found["rows"] if row["test_dataset"] == "home")
    assert (home["delta"], home["n"], home["n_seeds"], home["verdict"]) == (pytest.approx(0.25), N, 3, "better")
    pooled = next(row for row in found["rows"] if row["test_dataset"] == POOLED)
    assert pooled["delta"] == pytest.approx(0.125)
    assert home["sim_low"] <= home["low"] < home["high"] <= home["sim_high"]


def test_an_id_is_one_seed(tmp_path: Path) -> None:
    folder = written(tmp_path, 40, 60)
    one = next(one for one in read_json(folder.plan)["variants"] if one["label"] == "sft" and one["seed"] == 1)
    home = next(row for row in compare_variants(folder, one["id"], "base")["rows"] if row["test_dataset"] == "home")
    assert (home["delta"], home["n_seeds"]) == (pytest.approx(0.3), 1)


def test_seeds_that_disagree_widen_the_interval(tmp_path: Path) -> None:
    def width(*gains: int) -> float:
        folder = written(tmp_path / "-".join(map(str, gains)), *gains)
        home = next(row for row in compare_variants(folder, "sft", "base")["rows"] if row["test_dataset"] == "home")
        return float(home["high"] - home["low"])

    assert width(10, 50, 90) > 3 * width(50, 50, 50)


def test_a_label_of_two_sizes_is_not_one_system(tmp_path: Path) -> None:
    folder = written(tmp_path, 40)
    plan = read_json(folder.plan)
    sft = next(one for one in plan["variants"] if one["label"] == "sft")
    write_json(folder.plan, plan | {"variants": [*plan["variants"], sft | {"id": "f" * 16, "train_size": 16}]})
    with pytest.raises(
        HankaError, match=r"'sft' names 2 variants; write the id of one: .*sft/home/8/seed0.*sft/home/16"
    ):
        compare_variants(folder, "sft", "base")


def test_all_seeds_of_one_of_two_sizes_are_named_without_a_seed(tmp_path: Path) -> None:
    folder = written(tmp_path, 40, 60)
    plan = read_json(folder.plan)
    own = [one for one in plan["variants"] if one["label"] == "sft"]
    others = [one | {"id": f"{place:f>16}", "train_size": 16} for place, one in enumerate(own)]
    write_json(folder.plan, plan | {"variants": [*plan["variants"], *others]})
    with pytest.raises(HankaError, match=r"or all seeds of one: sft/home/8, sft/home/16$"):
        compare_variants(folder, "sft", "base")
    assert compare_variants(folder, "sft/home/8", "base")["a"] == "sft/home/8 (2 seeds)"


def test_two_runs_are_compared_system_by_system_on_the_rows_that_agree(tmp_path: Path) -> None:
    first, second = written(tmp_path / "a", 60, 60), written(tmp_path / "b", 10, 10)
    found = compare_runs(first, second)
    rows = {(row["method"], row["test_dataset"]): row for row in found["rows"]}
    assert rows["sft", "home"]["delta"] == pytest.approx(0.25)
    assert (rows["sft", "home"]["verdict"], rows["sft", "home"]["n_seeds"]) == ("better", 2)
    assert rows["base", "home"]["delta"] == 0
    assert rows["sft", POOLED]["delta"] == pytest.approx(0.125)
    assert found["left_out"] == {}


def test_rows_whose_reference_changed_between_runs_are_left_out_and_counted(tmp_path: Path) -> None:
    from hanka.store.folder import read_predictions, write_predictions

    first, second = written(tmp_path / "a", 60), written(tmp_path / "b", 60)
    for cell in read_json(second.plan)["cells"]:
        if cell["test_dataset"] == "home":
            rows, groups = read_predictions(second.cell(cell["id"]))
            changed = [type(one)(**{name: getattr(one, name) for name in one.__slots__} | {"target": "other"})
                       for one in rows[:30]]  # fmt: skip
            write_predictions(second.cell(cell["id"]), [*changed, *rows[30:]], groups)
    found = compare_runs(first, second)
    home = next(row for row in found["rows"] if row["method"] == "sft" and row["test_dataset"] == "home")
    assert (home["n"], found["left_out"]) == (N - 30, {"home": 30})


def test_runs_that_share_nothing_are_one_line(tmp_path: Path) -> None:
    first, second = written(tmp_path / "a"), written(tmp_path / "b")
    plan = read_json(second.plan)
    write_json(second.plan, plan | {"cells": [cell | {"prompt": "p9"} for cell in plan["cells"]]})
    with pytest.raises(HankaError, match="share no finished cell"):
        compare_runs(first, second)
