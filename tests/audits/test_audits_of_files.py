"""What own files hold is said before any training, with counts out of the rows they are counted in."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from hanka.audits import audit_rows
from hanka.cli import main
from hanka.errors import AuditError
from hanka.plan import build_plan
from own_studies import own_data, study_of

COLOURS = ["red", "green", "blue", "white", "black", "grey", "pink", "brown"]


def rows(n: int, begin: int = 0, labels: tuple[str, ...] = ("good", "bad")) -> list[tuple[str, ...]]:
    """Rows of which no two are alike."""
    return [
        (f"{COLOURS[at % 8]} {at} " + " ".join(f"w{at}x{place}" for place in range(9)), labels[at % len(labels)])
        for at in range(begin, begin + n)
    ]


def found(
    folder: Path, train: list[tuple[str, ...]], test: list[tuple[str, ...]], **own: Any
) -> dict[tuple[str, str, str], tuple[int, int]]:
    """The findings of a study on these rows: (audit, where, message) → count and total."""
    study = study_of(values_of(folder, train, test, **own), folder)
    warnings = audit_rows(build_plan(study)).warnings
    return {(one.audit, one.where, one.message): (one.count, one.total) for one in warnings}


def values_of(folder: Path, train: list[tuple[str, ...]], test: list[tuple[str, ...]], **own: Any) -> dict[str, Any]:
    values = own_data(folder, unknown=own.pop("unknown_of_study", 0.0))
    for name, part in (("train", train), ("test", test)):
        header = ("text", "tone", "thread")[: len(part[0])]
        lines = [",".join(one) for one in (header, *part)]
        (folder / f"rows/{name}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / "rows/shown.csv").write_text("text,tone,thread\nnothing like it,good,d1\nnor like this one,bad,d2\n")
    values["datasets"]["mails"] |= {"demonstrations": "rows/shown.csv"} | own
    values["train"] = {"sizes": [8]}  # files are looked at whole, whatever a variant trains on
    return values


def test_clean_files_raise_nothing(tmp_path: Path) -> None:
    assert found(tmp_path, rows(20), rows(10, 20)) == {}


def test_rows_that_are_not_used_are_counted_out_of_the_file(tmp_path: Path) -> None:
    test = [*rows(10, 20), ("odd one here", "goood"), ("another odd one", "goood"), ("", "bad"), ("x", "skip")]
    told = found(tmp_path, rows(20), test, unknown=0.2, broken=0.1, labels={"skip": None})
    assert told == {
        ("rows left out", "mails test", "rows are left out, as `labels` says ('skip' 1)"): (1, 14),
        ("rows left out", "mails test", "rows have a label that is none, and are left out ('goood' 2)"): (2, 14),
        ("rows left out", "mails test", "rows are blank where a value is needed, and are left out"): (1, 14),
    }


def test_equal_texts_with_another_label_are_counted_on_every_side(tmp_path: Path) -> None:
    train, test = rows(20), rows(10, 20)
    train[1] = (train[0][0].upper(), "bad")
    test[3] = (train[5][0], "good")
    told = found(tmp_path, train, test)
    counts = {where: counts for (audit, where, _), counts in told.items() if audit == "contradictions"}
    assert counts == {"mails train": (2, 20), "mails train × mails test": (1, 10)}


def test_rows_one_noun_apart_are_found_between_training_and_test(tmp_path: Path) -> None:
    train, test = rows(20), rows(10, 20)
    for at in (2, 5, 7):
        test[at] = (train[at][0].replace(COLOURS[at], "yellow"), test[at][1])
    told = found(tmp_path, train, test)
    near = {where: counts for (audit, where, _), counts in told.items() if audit == "near overlap"}
    assert near == {"mails train × mails test": (3, 10)}


def test_rows_of_one_group_on_both_sides_are_found(tmp_path: Path) -> None:
    train = [(*row, f"t{at // 2}") for at, row in enumerate(rows(20))]
    test = [(*row, f"t{9 + at}") for at, row in enumerate(rows(10, 20))]
    fields = {"input": "text", "output": "tone", "group": "thread"}
    told = found(tmp_path, train, test, fields=fields)
    key = ("groups", "mails train × mails test", "rows of their group stand on the other side")
    assert told == {key: (1, 10)}


@pytest.mark.parametrize("where", ["train", "test"])
def test_a_label_without_a_row_and_rows_of_one_label_are_said(tmp_path: Path, where: str) -> None:
    train = rows(20, 0, ("good",) if where == "train" else ("good", "bad"))
    test = rows(10, 20, ("good",) if where == "test" else ("good", "bad"))
    told = found(tmp_path, train, test)
    n = 8 if where == "train" else 10
    assert told == {
        ("classes", f"mails {where}", "labels that no row has"): (1, 2),
        ("classes", f"mails {where}", "all rows have one label, so nothing can be told from another"): (n, n),
    }


def test_a_prompt_that_ends_in_a_space_is_said(tmp_path: Path) -> None:
    values = values_of(tmp_path, rows(20), rows(10, 20))
    values["tasks"]["mailtone"] |= {"prompts": {"p2": "{input} Tone?\n"}, "prompt": "Mail: {input}\nTone: "}
    (warning,) = audit_rows(build_plan(study_of(values, tmp_path))).warnings
    assert (warning.audit, warning.where, warning.count, warning.total) == ("prompts", "mailtone", 1, 2)
    assert warning.examples == ("p1",)


def test_demonstrations_of_a_group_that_is_tested_are_found(tmp_path: Path) -> None:
    train = [(*row, f"t{at}") for at, row in enumerate(rows(20))]
    test = [(*row, "d1" if at < 3 else f"u{at}") for at, row in enumerate(rows(10, 20))]
    fields = {"input": "text", "output": "tone", "group": "thread"}
    values = values_of(tmp_path, train, test, fields=fields) | {"eval": {"shots": [0, 2]}}
    told = {
        (one.audit, one.where): (one.count, one.total)
        for one in audit_rows(build_plan(study_of(values, tmp_path))).warnings
    }
    assert told == {("groups", "mails demonstrations × mails test"): (3, 10)}


def test_of_a_large_file_what_is_trained_on_is_always_compared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hanka.audits.rows.MOST_OFFERED", 3)
    test = [(text, label) for text, label in rows(20)]
    key = ("exact overlap", "mails train × mails test", "the same input stands on both sides")
    assert found(tmp_path, rows(20), test)[key] == (8, 20)


def test_repeated_rows_are_counted_once_each(tmp_path: Path) -> None:
    test = [*rows(8, 20), rows(1, 20)[0], rows(1, 20)[0]]
    told = found(tmp_path, rows(20), test)
    assert told == {("repeated rows", "mails test", "rows stand twice"): (2, 10)}


def run_validate(study: Path, monkeypatch: pytest.MonkeyPatch) -> int | str | None:
    monkeypatch.setattr(sys, "argv", ["hanka", "validate", str(study)])
    try:
        main()
    except SystemExit as leaving:
        return leaving.code
    return 0


@pytest.mark.parametrize("strict", [False, True])
def test_validate_says_what_the_files_hold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], strict: bool
) -> None:
    values = values_of(tmp_path, rows(20), [*rows(10, 20), ("odd one here", "goood")], unknown=0.2)
    study = tmp_path / "study.yaml"
    study.write_text(yaml.safe_dump(values | {"strict": strict}))
    assert run_validate(study, monkeypatch) == (2 if strict else 0)
    out, err = capsys.readouterr()
    line = (
        "audit: rows left out, mails test: 1 of 11: rows have a label that is none, and are left out ('goood' 1) "
        "(test.csv:12)"
    )
    assert err.splitlines()[0] == line
    assert ("right. " in out) is not strict
    assert ("strict: 1 audit findings" in err) is strict
    assert AuditError.exit_code == 2
