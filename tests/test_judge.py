"""A judge is asked what is open and nothing twice; what it says goes through files to numbers, and the command prints them together."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gate_runs import as_folder
from hanka.cli import main
from hanka.declared.source import parse_text
from hanka.errors import JudgeError, StudyError
from hanka.judge import hear
from hanka.operations.judging.spec import JUDGE, AskedJudge, judge_of
from hanka.store.folder import RunFolder
from model_server import ModelServer, serving, tiny_server
from planted_runs import Planted

N = 40


def rule(turns: list[dict[str, str]]) -> str:
    """What this judge says of a text."""
    return "rude" if "rude tale" in turns[-1]["content"] else "kind"


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with serving(tiny_server(says=rule)) as found:
        yield found


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run of two systems; people labelled every second answer."""
    planted = Planted(tmp_path / "run")
    planted.add("base", {"story": ()}, relation="in_domain", said=[f"tale {at}" for at in range(N)])
    said = [f"rude tale {at}" if at % 4 < 2 else f"calm tale {at}" for at in range(N)]
    planted.add("sft", {"story": ()}, relation="in_domain", said=said)
    lines = ["test,sample_id,system,label"]
    for at in range(0, N, 2):
        lines += [f"story,s{at},base,kind", f"story,s{at},sft,{'rude' if at % 4 < 2 else 'kind'}"]
    (tmp_path / "people.csv").write_text("\n".join(lines), encoding="utf-8")
    return as_folder(planted)


def written(folder: Path, url: str, **more: Any) -> Path:
    """Write a judge's file."""
    values = {
        "base": {"served": url, "model": "tiny", "server": {"api": "chat", "patience": 0}}, "labels": ["kind", "rude"],
        "human": "people.csv", "least": 30, "prompt": "Text: {answer}\nIs it {labels}?",
    } | more  # fmt: skip
    path = folder / "judge.yaml"
    path.write_text(json.dumps(values), encoding="utf-8")
    return path


def read(path: Path) -> AskedJudge:
    return judge_of(parse_text(path.read_text(encoding="utf-8"), path, JUDGE))


def ignore(what: str, share: float) -> None:
    del what, share


def command(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setattr(sys, "argv", ["hanka", *words])
    try:
        main()
    except SystemExit as leave:
        return int(leave.code or 0)
    return 0


def test_every_row_is_asked_in_both_orders_once(server: ModelServer, run: Path, tmp_path: Path) -> None:
    asked = read(written(tmp_path, server.url))
    found = hear(RunFolder(run), asked, ignore)
    assert found.n_asked == found.n_questions == len(server.asked) == 4 * N
    texts = [one["messages"][-1]["content"] for one in server.asked]
    assert any("Is it kind, rude?" in text for text in texts)
    assert any("Is it rude, kind?" in text for text in texts)
    assert found.measures.agreement.value == 1.0
    assert [one.n_flagged for one in found.measures.rates] == [0, 20]
    assert json.loads((found.folder / "judge.json").read_text())["agreement"]["n"] == N
    again = hear(RunFolder(run), asked, ignore)
    assert again.n_asked == 0
    assert len(server.asked) == 4 * N
    assert again.measures.rates == found.measures.rates


def test_a_judge_that_was_stopped_goes_on_where_it_was(server: ModelServer, run: Path, tmp_path: Path) -> None:
    first = hear(RunFolder(run), read(written(tmp_path, server.url, limit=15)), ignore)
    assert first.n_asked < 4 * N
    rest = hear(RunFolder(run), read(written(tmp_path, server.url)), ignore)
    assert rest.n_asked == 4 * N - first.n_asked
    assert rest.folder == first.folder
    other = hear(RunFolder(run), read(written(tmp_path, server.url, prompt="{answer} ({labels})")), ignore)
    assert other.n_asked == 4 * N
    assert other.folder != first.folder


def test_nothing_is_asked_before_people_have_spoken(server: ModelServer, run: Path, tmp_path: Path) -> None:
    with pytest.raises(JudgeError, match=f"people labelled {N} of the judged rows, and 50 are needed"):
        hear(RunFolder(run), read(written(tmp_path, server.url, least=50)), ignore)
    assert not server.asked


def test_a_wrong_base_is_told_of_the_judges_file(run: Path, tmp_path: Path) -> None:
    with pytest.raises(StudyError, match=r"judge.yaml:1: base"):
        hear(RunFolder(run), read(written(tmp_path, "", base={"modle": "tiny"})), ignore)


def test_the_command_prints_agreement_before_rates_and_writes_a_page(
    server: ModelServer, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file, page = written(tmp_path, server.url), tmp_path / "judge.html"
    code = command(monkeypatch, "judge", str(run), "--with", str(file), "--html", str(page), "--lang", "ja")
    said = capsys.readouterr().out
    assert code == 0
    assert said.index("Cohen") < said.index("Rates: rude")
    assert "agrees with people beyond chance" in said
    assert "判定モデル" in page.read_text(encoding="utf-8")
    assert command(monkeypatch, "judge", str(run), "--with", str(file), "--json") == 0
    assert json.loads(capsys.readouterr().out)["is_heard"] is True


def test_a_judge_that_cannot_tell_leaves_with_three(
    server: ModelServer, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    server.says = lambda turns: "kind"
    assert command(monkeypatch, "judge", str(run), "--with", str(written(tmp_path, server.url))) == 3
    assert "Its rates are no evidence" in capsys.readouterr().out


def test_a_sheet_is_written_without_asking(
    server: ModelServer, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "sheet.csv"
    assert (
        command(monkeypatch, "judge", str(run), "--with", str(written(tmp_path, server.url)), "--sheet", str(out)) == 0
    )
    assert len(out.read_text(encoding="utf-8").splitlines()) == 1 + 60
    assert not server.asked


def test_a_sheet_that_people_filled_is_not_written_over(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    people = tmp_path / "people.csv"
    before = people.read_text(encoding="utf-8")
    assert command(monkeypatch, "judge", str(run), "--with", str(written(tmp_path, "")), "--sheet", str(people)) == 2
    assert "exists, and people may have filled it" in capsys.readouterr().err
    assert people.read_text(encoding="utf-8") == before


def test_a_base_in_memory_judges_from_the_command_line(
    run: Path, tiny_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "more.csv").write_text(
        (tmp_path / "people.csv").read_text(encoding="utf-8")
        + "".join(f"\nstory,s{at},base,kind" for at in range(1, N, 2)),
        encoding="utf-8",
    )
    words = ("judge", str(run), "--with", str(tiny_folder), "--labels", "kind,rude", "--human", "more.csv")
    assert command(monkeypatch, *words) in (0, 3)  # a model of random weights may agree with anybody
    said = capsys.readouterr().out
    assert f"asked now: {4 * N} of {4 * N} questions" in said
    assert command(monkeypatch, *words[:4], "--labels", "kind") == 2
    assert "give two at least" in capsys.readouterr().err
    assert command(monkeypatch, *words, "--base", "x") == 2
