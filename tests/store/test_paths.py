"""Any text that becomes a path is one line, wherever it stands: names of models, files, folders, on the command line and around."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from hanka.cli import main
from hanka.errors import PathError
from hanka.store.paths import as_file_name, as_path
from own_studies import own_data

NO_PATHS = ["a" * 300, "a/" * 3000, "o/" + "b" * 300, "a\0b", "~nobody-of-this-name/x", "é" * 200]


@pytest.mark.parametrize("text", [text for text in NO_PATHS if not text.startswith("o/")])
def test_a_text_that_can_be_no_path_is_one_line(tmp_path: Path, text: str) -> None:
    with pytest.raises(PathError) as caught:
        as_path(text, tmp_path)
    assert len(str(caught.value)) < 160
    assert "\n" not in str(caught.value)


def test_a_circle_of_links_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(PathError, match="'a' leads in a circle of links"):
        as_path("a", tmp_path)


def test_a_path_is_seen_from_its_start_and_need_not_exist(tmp_path: Path) -> None:
    assert as_path("x/y.csv", tmp_path) == tmp_path / "x/y.csv"
    assert as_path("/x", tmp_path) == Path("/x")


def test_a_text_becomes_a_file_name_that_fits_and_stays_itself_where_it_can(tmp_path: Path) -> None:
    assert as_file_name("sentiment_shop-p1.v2") == "sentiment_shop-p1.v2"
    made = {as_file_name(text) for text in [*NO_PATHS, "a/b", "a b", "..", "日本" * 100]}
    assert len(made) == len(NO_PATHS) + 4
    for name in made:
        (tmp_path / f"samples_{'0' * 16}_{name}.jsonl").touch()


PLACES = [
    ("base",), ("datasets", "mails", "train"), ("datasets", "mails", "test"), ("datasets", "mails", "validation"),
    ("datasets", "mails", "demonstrations"), ("datasets", "facts", "passages"), ("data", "path"), ("base", "model"),
    ("base", "encoder"), ("base", "fresh", "tokenizer"),
]  # fmt: skip


@pytest.mark.parametrize("key", PLACES, ids=".".join)
@pytest.mark.parametrize("text", NO_PATHS)
def test_a_study_that_names_one_is_one_line_with_file_and_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], key: tuple[str, ...], text: str
) -> None:
    values: dict[str, Any] = own_data(tmp_path)
    if key[0] == "data":
        values["data"] = {"source": "paper"}
    at = values
    for part in key[:-1]:
        at[part] = at[part] if isinstance(at.get(part), dict) else {}
        at = at[part]
    at[key[-1]] = text
    study = tmp_path / "study.yaml"
    study.write_text(yaml.safe_dump(values), encoding="utf-8")
    assert run(monkeypatch, "validate", str(study)) == 2
    line = capsys.readouterr().err
    assert line.count("\n") == 1
    assert line.startswith(f"hanka: {study}:")


@pytest.mark.parametrize("text", ["a" * 300, "a/" * 3000, "~nobody-of-this-name/x"])
def test_so_is_the_command_line_and_what_is_around(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    monkeypatch.chdir(tmp_path)
    study = tmp_path / "study.yaml"
    study.write_text(yaml.safe_dump(own_data(tmp_path)), encoding="utf-8")
    paper = tmp_path / "paper.yaml"
    paper.write_text(yaml.safe_dump({"name": "p", "base": "smollm2-135m-instruct", "data": {"source": "paper"},
                                     "tasks": {"sentiment": {}}, "methods": ["base"]}))  # fmt: skip
    (tmp_path / "file").touch()
    for words in (
        ("validate", str(study), "--base", text), ("validate", str(paper), "--data", text), ("validate", text),
        ("report", text), ("compare", text, "a", "b"), ("export", text, "--to", "csv"),
        ("init", "--to", f"file/{text}"), ("run", str(study), "--out", f"file/{text}"),
    ):  # fmt: skip
        assert (words, run(monkeypatch, *words)) == (words, 2)
        assert capsys.readouterr().err.count("\n") == 1
    monkeypatch.setenv("HANKA_DATA", text)
    assert run(monkeypatch, "validate", str(paper)) == 2
    assert capsys.readouterr().err.startswith("hanka: HANKA_DATA: ")


def run(monkeypatch: pytest.MonkeyPatch, *words: str) -> int | str | None:
    """Run the command line in this process; return its exit code."""
    monkeypatch.setattr(sys, "argv", ["hanka", *words])
    with pytest.raises(SystemExit) as leaving:
        main()
    return leaving.value.code
