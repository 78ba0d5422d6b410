"""docs/judge.md and docs/guardrails.md: their files are what they show, and their commands do what the pages say, on a judge that is told what to say."""

from __future__ import annotations

import csv
import re
import shlex
import shutil
import sys
from pathlib import Path

import pytest

from gate_runs import as_folder
from hanka.cli import main
from hanka.operations.gate.policy_file import read_policy
from hanka.operations.judging.spec import JudgeSpec
from model_server import serving, tiny_server
from planted_runs import Planted

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs/judge.md").read_text(encoding="utf-8")
GUARDRAILS = (ROOT / "docs/guardrails.md").read_text(encoding="utf-8")
COMMAND = re.compile(r"<!-- judge; (prints|makes) (.*?) -->\n```console\n\$ (.*?)\n```")


def says(turns: list[dict[str, str]]) -> str:
    """Call rude what is rude, and prefer what is not."""
    text = turns[-1]["content"]
    if "Answer A:" in text:
        first = text.partition("Answer A:")[2].partition("Answer B:")[0]
        return "B" if "rude" in first else "A" if "rude" in text else "C"
    return "rude" if "rude mail" in text else "kind"


@pytest.fixture
def mails(tmp_path: Path) -> Path:
    """A run of two systems of which the tuned one is rude in every third answer."""
    run = Planted(tmp_path / "runs/mails")
    run.add("base", {"story": ()}, relation="in_domain", said=[f"mail {at}" for at in range(60)])
    said = [f"rude mail {at}" if at % 3 == 0 else f"calm mail {at}" for at in range(60)]
    run.add("sft", {"story": ()}, relation="in_domain", said=said)
    return as_folder(run)


def leaves_with() -> int:
    """Run the command that is set."""
    try:
        main()
    except SystemExit as leaving:
        return int(leaving.code or 0)
    return 0


def people(folder: Path) -> None:
    """Fill the sheets."""
    rows = list(csv.DictReader((folder / "sheet.csv").open(encoding="utf-8")))
    for row in rows:
        row["label"] = "rude" if row["answer"].startswith("rude") else "kind"
    with (folder / "docs/judge/people.csv").open("w", encoding="utf-8", newline="") as handle:
        writer = csv.DictWriter(handle, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    lines = [f"story,s{at},{'base' if at % 3 == 0 else 'tie'}" for at in range(60)]
    (folder / "docs/judge/preferences.csv").write_text("test,sample_id,prefers\n" + "\n".join(lines), encoding="utf-8")


def test_the_commands_of_the_judges_page_do_what_it_says(
    mails: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(ROOT / "docs/judge", tmp_path / "docs/judge")
    monkeypatch.chdir(tmp_path)
    with serving(tiny_server(name="qwen3-8b", says=says)) as server:
        for path in (tmp_path / "docs/judge").glob("*.yaml"):
            text = path.read_text(encoding="utf-8")
            assert text in PAGE
            path.write_text(text.replace("http://127.0.0.1:8000/v1", server.url), encoding="utf-8")
        found = COMMAND.findall(PAGE)
        assert len(found) == 3
        for what, promised, words in found:
            monkeypatch.setattr(sys, "argv", shlex.split(words))
            assert leaves_with() == 0
            said = capsys.readouterr().out
            if what == "makes":
                people(tmp_path)
            assert (promised in said) if what == "prints" else (tmp_path / promised).is_file()
    assert (tmp_path / "judge.html").is_file()


def test_every_key_of_a_judge_stands_on_the_page() -> None:
    assert {key for key in JudgeSpec.model_fields if f"| `{key}` |" not in PAGE} == set()


def test_the_policy_of_the_guardrails_page_is_read_with_its_files(
    mails: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = ROOT / "docs/guardrails/policy.yaml"
    assert path.read_text(encoding="utf-8") in GUARDRAILS
    rails = read_policy(path).policy.guardrails
    assert [one.asks for one in rails] == ["unparsed", "refusals", "word_list", "classifier"]
    assert all(not getattr(one.rate and one.rate.params, "file", "") for one in rails)
    monkeypatch.setattr(sys, "argv", ["hanka", "gate", str(mails), "--policy", str(path)])
    with pytest.raises(SystemExit) as leaving:
        main()
    assert leaving.value.code == 3, "60 rows cannot show less than 2 in 100"
    assert "refusals 0.02" in capsys.readouterr().out
