"""Every wrong study under `wrong/` ends in exit code 2 and exactly the line that its first line expects.

The line is given after `# expect: `, from the end of the study's path on; folders of data files are left out.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from hanka.cli import main

WRONG = Path(__file__).with_name("wrong")
STUDIES = sorted(WRONG.glob("*.yaml"), key=lambda study: int(study.name.split("-")[0]))


def expected(study: Path) -> str:
    first = study.read_text(encoding="utf-8").splitlines()[0]
    assert first.startswith("# expect: ")
    return f"hanka: {study.name}{first.removeprefix('# expect: ')}"


def without_folders(line: str) -> str:
    return line.replace(f"{WRONG}/", "")


def run_main(monkeypatch: pytest.MonkeyPatch, *words: str) -> int | str | None:
    """Run the command line in this process; return its exit code."""
    monkeypatch.setattr(sys, "argv", ["hanka", *words])
    with pytest.raises(SystemExit) as leaving:
        main()
    return leaving.value.code


def test_there_is_a_wrong_study_for_every_kind_of_mistake() -> None:
    numbers = [int(study.name.split("-")[0]) for study in STUDIES]
    assert numbers == list(range(1, len(numbers) + 1))
    assert len(numbers) >= 30


@pytest.mark.parametrize("study", STUDIES, ids=lambda study: study.stem)
def test_a_wrong_study_ends_in_one_line_that_names_what_to_mend(
    study: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code = run_main(monkeypatch, "validate", str(study))
    out, err = capsys.readouterr()
    assert without_folders(err) == expected(study) + "\n"
    assert out == ""
    assert code == 2


@pytest.mark.parametrize("study", STUDIES, ids=lambda study: study.stem)
def test_an_expected_line_names_line_and_key_and_knows_no_library(study: Path) -> None:
    line = expected(study).removeprefix(f"hanka: {study.name}")
    _, number, *rest = line.split(":")
    assert 1 <= int(number) <= len(study.read_text(encoding="utf-8").splitlines())
    assert len(rest) >= 2 or "empty" in line
    for word in ("Input should", "pydantic", "validation error", "Traceback", "type=", "NoneType"):
        assert word not in line


@pytest.mark.parametrize("command", ["validate", "plan", "run"])
def test_every_command_that_reads_a_study_says_the_same(command: str, tmp_path: Path) -> None:
    study = WRONG / "01-unknown-top-level-key.yaml"
    done = subprocess.run(
        [sys.executable, "-m", "hanka.cli", command, str(study)], capture_output=True, text=True, cwd=tmp_path
    )
    assert (done.returncode, done.stdout, without_folders(done.stderr)) == (2, "", expected(study) + "\n")
    assert list(tmp_path.iterdir()) == []


def test_a_study_that_is_not_there_or_no_text_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "latin.yaml").write_bytes("name: x\nbase: caf\xe9\n".encode("latin-1"))
    (tmp_path / "bell.yaml").write_bytes(b"name: x\nbase: a\x07\n")
    for name, said in (
        ("nowhere.yaml", ": no such study file; `hanka init` writes one"),
        (".", ": a folder, not a study file; name the YAML file in it"),
        ("latin.yaml", ":2: byte 17 is not UTF-8 text; save the file as UTF-8"),
        ("bell.yaml", r":2: not valid YAML: the character '\x07' is not allowed; take it out"),
    ):
        assert run_main(monkeypatch, "validate", str(tmp_path / name)) == 2
        assert capsys.readouterr().err == f"hanka: {tmp_path / name}{said}\n"


def test_a_wrong_base_on_the_command_line_blames_no_line_of_the_file(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    study = tmp_path / "right.yaml"
    study.write_text(
        "name: right\nbase: smollm2-135m-instruct\ndata: {source: toy}\ntasks: [sentiment]\nmethods: [base]\n"
    )
    assert run_main(monkeypatch, "validate", str(study), "--base", "smolm2-135m-instruct") == 2
    err = capsys.readouterr().err
    assert err.startswith("hanka: --base: base model 'smolm2-135m-instruct' is no catalogue alias")
    assert err.endswith("did you mean 'smollm2-135m-instruct'?\n")
