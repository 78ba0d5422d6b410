"""`hanka sample` from the command line: files, exit codes, what a learning curve asks for, one line for every mistake."""

from __future__ import annotations

import csv
import json
import math
import sys
from pathlib import Path

import pytest
from pools import USUAL, mails, write_pool

from fake_runs import fake_run, write_study
from hanka.analysis.evidence import Evidence
from hanka.cli import main
from hanka.errors import HankaError
from hanka.operations.sampling.amount import find_curve, next_rows
from hanka.store.folder import FORMAT, RunFolder, read_json, write_json
from hanka.work.labelled import labelled_texts
from planted_runs import Planted

ROWS = 200


def run(monkeypatch: pytest.MonkeyPatch, *words: object) -> int:
    monkeypatch.setattr(sys, "argv", ["hanka", "sample", *map(str, words)])
    try:
        main()
    except SystemExit as leave:
        return int(leave.code or 0)
    return 0


def planted(folder: Path, values: dict[int, float], seeds: int = 3) -> Evidence:
    made = Planted(folder, tests=("home",))
    for seed in range(seeds):
        for size, value in values.items():
            right = range(seed, round(value * ROWS) + seed)
            made.add("sft", {"home": right}, train_size=size, seed=seed, n=ROWS, rows=f"{size}/{seed}")
    evidence, place = made.evidence(), RunFolder(folder).plan
    write_json(place, read_json(place) | {"format": FORMAT})
    return evidence


STEEP = {16: 0.40, 32: 0.50, 64: 0.60, 128: 0.70}
FLAT = {16: 0.60, 32: 0.70, 64: 0.705, 128: 0.705, 256: 0.705}


def test_rows_are_written_with_weights_and_a_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pool, out = write_pool(tmp_path / "pool.csv", mails(USUAL)), tmp_path / "label.csv"
    assert run(monkeypatch, pool, "--n", 20, "--by", "source", "--out", out, "--seed", 3) == 0
    said = capsys.readouterr().out
    assert "20 of 120 texts" in said
    assert f"written: {out}" in said
    rows = list(csv.DictReader(out.open(encoding="utf-8")))
    assert len(rows) == 20
    assert sum(float(row["sample_weight"]) for row in rows) == pytest.approx(120)
    assert {row["sample_source"] for row in rows} == {"web", "app"}
    record = json.loads((tmp_path / "label.record.json").read_text(encoding="utf-8"))
    assert (record["drawn"], record["seed"], record["pool"]["rows"]) == (20, 3, 120)
    assert sum(cell["n_drawn"] for cell in record["cells"]) == 20
    assert sum(cell["n_rows"] for cell in record["cells"]) == 120


def test_json_lines_keep_what_the_rows_hold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pool, out = tmp_path / "pool.jsonl", tmp_path / "label.jsonl"
    pool.write_text("".join(json.dumps({"text": f"mail {n}", "tags": [n]}) + "\n" for n in range(9)), encoding="utf-8")
    assert run(monkeypatch, pool, "--n", 3, "--clusters", 0, "--out", out, "--json") == 0
    assert json.loads(capsys.readouterr().out)["drawn"] == 3
    rows = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    assert all(row["tags"] == [int(row["text"].split()[1])] and row["sample_weight"] == 3 for row in rows)


def test_what_is_labelled_is_not_drawn_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = mails(USUAL)
    pool, done = write_pool(tmp_path / "pool.csv", rows), write_pool(tmp_path / "done.csv", rows[:100])
    out = tmp_path / "label.csv"
    assert run(monkeypatch, pool, "--n", 20, "--out", out, "--exclude", done) == 0
    assert {row["id"] for row in csv.DictReader(out.open(encoding="utf-8"))} == {row["id"] for row in rows[100:]}


def test_rows_of_a_run_are_labelled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = fake_run(write_study(tmp_path), tmp_path / "run")
    known = labelled_texts(folder)
    assert len(known) > 20
    pool = write_pool(tmp_path / "pool.csv", [{"text": text} for text in (*known[:10], "never seen before by anybody")])
    out = tmp_path / "label.csv"
    assert run(monkeypatch, pool, "--n", 1, "--out", out, "--exclude", folder.path) == 0
    assert [row["text"] for row in csv.DictReader(out.open(encoding="utf-8"))] == ["never seen before by anybody"]


def test_clusters_by_an_encoder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pool, out = write_pool(tmp_path / "pool.csv", mails(USUAL)), tmp_path / "label.csv"
    assert run(monkeypatch, pool, "--n", 12, "--clusters", 3, "--encoder", "tfidf", "--out", out) == 0
    assert {row["sample_cluster"] for row in csv.DictReader(out.open(encoding="utf-8"))} == {"0", "1", "2"}


def test_a_margin_alone_says_how_many(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Connor (1987): (1.95996·√0.2 + 0.84162·√(0.2 - 0.0009))² / 0.0009 = 1,741.8."""
    assert run(monkeypatch, "--margin", 0.03) == 0
    assert capsys.readouterr().out.startswith("1,742 rows find a difference of 0.03 with power 0.8 at level 0.95")
    assert run(monkeypatch, "--margin", 0.03, "--discordant", 0.1, "--json") == 0
    assert json.loads(capsys.readouterr().out)["rows"] < 900


def test_a_steep_curve_asks_for_one_more_doubling_and_a_flat_one_for_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    planted(tmp_path / "steep", STEEP)
    planted(tmp_path / "flat", FLAT)
    pool, out = (
        write_pool(tmp_path / "pool.csv", mails({("web", kind): 80 for kind in ("delivery", "refund")})),
        tmp_path / "l.csv",
    )
    assert run(monkeypatch, "--from", tmp_path / "steep") == 0
    assert "label 128 more: one more doubling, then look again: doubling 128 rows gains +0." in capsys.readouterr().out
    assert run(monkeypatch, pool, "--from", tmp_path / "flat", "--out", out) == 0
    assert "label 0 more: no more rows: doubling 256 rows gains" in capsys.readouterr().out
    assert not out.exists()


def test_too_few_sizes_are_inconclusive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    planted(tmp_path / "run", {64: 0.5, 128: 0.6})
    assert run(monkeypatch, "--from", tmp_path / "run") == 3
    assert "does not say: 2 sizes carry no law; run `train: {sizes: [16, 32, 64, 128]}`" in capsys.readouterr().out


def test_rows_for_a_wanted_value(tmp_path: Path) -> None:
    """A tenth for each doubling: 0.75 within the next one, 0.999 nowhere near."""
    curve = find_curve(planted(tmp_path / "run", STEEP))
    found = next_rows(curve, reach=0.75)
    assert found.rows is not None
    assert 30 < found.rows < 128
    assert found.needed is not None
    assert found.needed.low is not None
    assert found.needed.low <= 128 + found.rows
    there = next_rows(curve, reach=0.65)
    assert there.rows == 0
    assert "it takes [128, " in there.why, "what there is, with its interval"
    beyond = next_rows(curve, reach=0.999)
    assert beyond.rows is None
    assert "0.999 lies beyond what the curve can say: 512 rows" in beyond.why
    for wrong in (math.nan, 75.0, -0.1):
        with pytest.raises(HankaError, match=r"--reach \S+: accuracy lies from 0 to 1"):
            next_rows(curve, reach=wrong)
    with pytest.raises(HankaError, match=r"--gain 1: below 1, such as 0.01 for a point"):
        next_rows(curve, gain=1.0)


def test_of_several_curves_one_has_to_be_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made = Planted(tmp_path / "run", tests=("home",))
    for base, slope in (("small", 1), ("large", 6)):
        for place, size in enumerate(STEEP):
            for seed in range(2):
                made.add(
                    "sft", {"home": range(80 + seed + 4 * place * slope)}, base=base, train_size=size, seed=seed, n=ROWS
                )
    made.evidence()
    write_json(tmp_path / "run/plan.json", read_json(tmp_path / "run/plan.json") | {"format": FORMAT})
    assert run(monkeypatch, "--from", tmp_path / "run") == 2
    assert (
        "2 learning curves (sft on home from small; sft on home from large): say which with" in capsys.readouterr().err
    )
    assert run(monkeypatch, "--from", tmp_path / "run", "--base", "large") == 0
    assert "sft on home (large)" in capsys.readouterr().out
    assert run(monkeypatch, "--from", tmp_path / "run", "--base", "larg") == 2
    assert "--base 'larg': no learning curve of it: did you mean 'large'?" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "how many rows? Give one of --n, --margin, --from, not none"),
        (["--n", "3", "--margin", "0.1"], "not --n and --margin"),
        (["--n", "3"], "--n without a pool draws nothing"),
        (["--margin", "1.5"], "--margin 1.5: between 0 and 1"),
        (["--margin", "0.3"], "--discordant 0.2: at least the margin, 0.3"),
        (["--margin", "0.03", "--power", "0.01"], "--level 0.95, --power 0.01: both between 0 and 1"),
        (["--margin", "0.03", "--level", "nan"], "--level nan"),
        (["--n", "3", "--power", "0.9"], "--power 0.9: is of --margin, which is not given"),
        (["--n", "3", "--reach", "0.9"], "--reach 0.9: is of --from, which is not given"),
        (["--margin", "0.03", "--out", "x.csv"], "there is nothing to write without a pool"),
        (["POOL", "--n", "3"], "where do the rows go? Give --out FILE"),
        (["POOL", "--n", "3", "--out", "x.xlsx"], "--out x.xlsx: samples are written as .jsonl or .csv; name it x.csv"),
        (["POOL", "--n", "3", "--out", "POOL"], "is the pool itself"),
        (["POOL", "--n", "3", "--out", "x.csv", "--allocation", "equel"], "--allocation 'equel': did you mean 'equal'? (allowed:"),
        (["POOL", "--n", "3", "--out", "x.csv", "--spread", "web"], "--spread 'web': write SOURCE=SD"),
        (["POOL", "--n", "3", "--out", "x.csv", "--exclude", "none.csv"], "none.csv does not exist"),
        (["--from", "none"], "none"),
    ],
)  # fmt: skip
def test_every_mistake_is_one_line(
    words: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    pool = write_pool(tmp_path / "pool.csv", mails(USUAL))
    assert run(monkeypatch, *(str(pool) if word == "POOL" else word for word in words)) == 2
    error = capsys.readouterr().err
    assert said in error
    assert len(error.strip().splitlines()) == 1
    assert not (tmp_path / "x.csv").exists()


def test_columns_of_a_sample_are_not_overwritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pool = write_pool(tmp_path / "pool.csv", [{"text": f"mail {n}", "sample_weight": "1"} for n in range(5)])
    assert run(monkeypatch, pool, "--n", 2, "--out", tmp_path / "x.csv") == 2
    assert "has a column 'sample_weight' already" in capsys.readouterr().err
