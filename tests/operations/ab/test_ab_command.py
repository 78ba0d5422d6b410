from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
import yaml
from ab_logs import right, rows, write

from hanka.cli import main


def run(monkeypatch: pytest.MonkeyPatch, *words: object) -> int:
    monkeypatch.setattr(sys, "argv", ["hanka", "ab", *map(str, words)])
    try:
        main()
    except SystemExit as leaving:
        return int(leaving.code or 0)
    return 0


@pytest.fixture
def agreed(tmp_path: Path) -> Path:
    path = tmp_path / "ab.yaml"
    values = {
        "name": "trial",
        "arms": {"now": 1, "new": 1},
        "control": "now",
        "wanted": {"difference": 0.1, "rate": 0.5},
    }
    path.write_text(yaml.safe_dump(values, sort_keys=False), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("n_right", "code", "word"), [(700, 0, "better"), (500, 0, "worse"), (650, 3, "leaning"), (600, 3, "undecided")]
)
def test_a_test_leaves_with_what_it_found(
    n_right: int,
    code: int,
    word: str,
    tmp_path: Path,
    agreed: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    log = write(tmp_path / "log.jsonl", rows(right(600, 1000), right(n_right, 1000)))
    assert run(monkeypatch, "test", log, "--design", agreed, "--json") == code
    assert json.loads(capsys.readouterr().out)["verdict"] == word
    assert run(monkeypatch, "test", log, "--design", agreed) == code
    said = capsys.readouterr().out
    assert word in said
    assert "Units per arm" in said


def test_a_broken_guardrail_leaves_with_1(tmp_path: Path, agreed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    agreed.write_text(
        agreed.read_text() + "guardrails: {speed: {field: seconds, better: lower, harm: 0.1}}\n", encoding="utf-8"
    )
    found = [
        {**row, "seconds": (row["arm"] == "new") + at % 3}
        for at, row in enumerate(rows(right(600, 1000), right(700, 1000)))
    ]
    assert run(monkeypatch, "test", write(tmp_path / "log.jsonl", found), "--design", agreed) == 1


def test_page_and_summary_are_written_in_the_language_asked(
    tmp_path: Path, agreed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = write(tmp_path / "log.jsonl", rows(right(600, 1000), right(700, 1000)))
    page, summary = tmp_path / "p.html", tmp_path / "s.md"
    assert run(monkeypatch, "test", log, "--design", agreed, "--html", page, "--markdown", summary, "--lang", "ja") == 0
    assert 'lang="ja"' in page.read_text(encoding="utf-8")
    assert summary.read_text(encoding="utf-8").startswith("# A/B テスト: new のほうが良い")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["test", "LOG"], "which arm is the control? Say --control ARM, one of new, now"),
        (["test", "LOG", "--control", "nwo"], "did you mean 'now'?"),
        (["test", "LOG", "--control", "now", "--fields", "outcom=x"], "did you mean 'outcome'?"),
        (["test", "LOG", "--control", "now", "--fields", "outcome"], "write name=value"),
        (["test", "LOG", "--control", "now", "--weights", "now=a,new=1"], "'a' is not a whole number"),
        (["test", "LOG", "--design", "DESIGN", "--control", "now"], "stand in the design"),
        (["test", "LOG", "--control", "now", "--lang", "fr"], "allowed: en, ja"),
        (["test", "none.csv", "--control", "now"], "none.csv: there is no such log"),
        (["assign", "LOG", "--design", "SALTED", "--out", "x.csv"], "name it x.jsonl"),
        (["test", "ODD", "--control", "now"], "'new (2)' is no name of an arm"),
        (["assign", "LOG"], "assign needs --design FILE"),
        (["assign", "LOG", "--design", "DESIGN"], "has no salt"),
        (["assign", "--design", "DESIGN"], "a file of units"),
        (["power"], "wanted.difference is missing: give --difference"),
        (["power", "--difference", "0.6", "--rate", "0.5"], "between 0 and 1"),
        (["power", "--difference", "0.1", "--rate", "1.5"], "--rate 1.5"),
        (["power", "--difference", "0", "--rate", "0.5"], "not equal"),
    ],
)
def test_wrong_input_is_one_line_and_2(
    words: list[str],
    said: str,
    tmp_path: Path,
    agreed: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    log = write(tmp_path / "log.jsonl", rows(right(60, 100), right(70, 100)))
    odd = write(
        tmp_path / "odd.jsonl", [{"unit": 1, "arm": "now", "outcome": 1}, {"unit": 2, "arm": "new (2)", "outcome": 0}]
    )
    salted = tmp_path / "salted.yaml"
    salted.write_text(agreed.read_text() + "salt: s\n", encoding="utf-8")
    known = {"LOG": str(log), "DESIGN": str(agreed), "ODD": str(odd), "SALTED": str(salted)}
    assert run(monkeypatch, *(known.get(word, word) for word in words)) == 2
    found = capsys.readouterr().err
    assert said in found
    assert found.count("\n") == 1


def test_the_printed_design_assigns_plans_and_tests(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "design") == 0
    path = tmp_path / "ab.yaml"
    path.write_text(capsys.readouterr().out, encoding="utf-8")
    users = write(tmp_path / "users.jsonl", ({"user": f"u{at}"} for at in range(1200)))
    assert run(monkeypatch, "assign", users, "--design", path, "--out", tmp_path / "assigned.jsonl") == 0
    assert "not in the experiment 0" in capsys.readouterr().err
    assert run(monkeypatch, "power", "--design", path, "--json") == 0
    plan = json.loads(capsys.readouterr().out)
    assigned = [json.loads(line) for line in (tmp_path / "assigned.jsonl").read_text(encoding="utf-8").splitlines()]
    log = write(
        tmp_path / "log.jsonl",
        (
            {**row, "at": at, "solved": at % 10 < (5 if row["arm"] == "now" else 9), "seconds": at % 4}
            for at, row in enumerate(assigned)
        ),
    )
    assert run(monkeypatch, "test", log, "--design", path, "--json") == 0
    result = json.loads(capsys.readouterr().out)
    assert result["design"]["hash"] == plan["design"]["hash"]
    assert {check["name"]: check["outcome"] for check in result["checks"]}["assignment"] == "holds"


def test_a_unit_alone_and_rows_without_one(
    tmp_path: Path, agreed: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    agreed.write_text(agreed.read_text() + "salt: s\nlayer: {salt: l, first: 0, last: 0}\n", encoding="utf-8")
    assert run(monkeypatch, "assign", "--unit-id", "somebody", "--design", agreed) == 0
    assert capsys.readouterr().out == "\n", "outside the layer's slots there is no arm"
    users = write(tmp_path / "users.jsonl", [{"unit": "a"}, {"unit": None}])
    assert run(monkeypatch, "assign", users, "--design", agreed) == 1
    assert f"1 rows without a unit have no arm: {users}:2" in capsys.readouterr().err
    other = tmp_path / "other.yaml"
    other.write_text(agreed.read_text(), encoding="utf-8")
    assert run(monkeypatch, "assign", users, "--design", agreed, "--beside", other) == 2


def test_a_plan_says_what_it_supposes(
    agreed: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "power", "--design", agreed, "--rows-per-unit", "4", "--icc", "0.3") == 0
    said = capsys.readouterr().out
    assert "Supposed: difference 0.1, power 0.8, level 0.95, rate 0.5, 4 rows a unit, ICC 0.3; unpaired." in said
    assert "looked at 100 times" in said
    assert run(monkeypatch, "power", "--difference", "2", "--sd", "9", "--paired") == 0
    assert "161 items answered by both arms" in capsys.readouterr().out
