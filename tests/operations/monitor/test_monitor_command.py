"""The command: exit codes, what is printed and written, and a hook that only a person starts."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from hanka.cli import main
from hanka.errors import MonitorError
from hanka.operations.monitor.memory import Labelled
from hanka.operations.monitor.retrain import usable, write_retraining
from hanka.store.folder import RunFolder
from live_traffic import reference_of, traffic, write_log

FAST = "window: 100\nleast_rows: 50\nbaseline: 100\nsignals: [wrong, errors, unparsed, answers]\nperiod: 20\ntolerate: {wrong: 0}\n"
"Settings with few signals, so that little traffic suffices."


def hanka(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    """Run a command and return its exit code."""
    monkeypatch.setattr(sys, "argv", ["hanka", *words])
    with pytest.raises(SystemExit) as leaving:
        main()
    return int(leaving.value.code or 0)


@pytest.fixture
def given(tmp_path: Path, traffic_written: Path) -> Path:
    """A folder of its own with settings and a log that is well, one that falls, and one without labels."""
    for path in traffic_written.iterdir():
        shutil.copy(path, tmp_path / path.name)
    return tmp_path


@pytest.fixture(scope="module")
def traffic_written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, written once."""
    tmp_path = Path(tmp_path_factory.mktemp("traffic"))
    (tmp_path / "monitor.yaml").write_text(FAST)
    write_log(tmp_path / "well.jsonl", traffic(2000))
    write_log(tmp_path / "falls.jsonl", traffic(700, right=lambda at: 0.9 if at < 400 else 0.4))
    write_log(tmp_path / "unlabelled.jsonl", traffic(300, label=None))
    return tmp_path


def monitor(monkeypatch: pytest.MonkeyPatch, shipped: RunFolder, given: Path, log: str, *more: str) -> int:
    """Monitor a log of the folder."""
    words = (
        "monitor",
        str(given / log),
        "--against",
        str(shipped.path),
        "--settings",
        str(given / "monitor.yaml"),
        *more,
    )
    return hanka(monkeypatch, *words)


@pytest.mark.parametrize(
    ("log", "code", "said"),
    [("well.jsonl", 0, "quiet: "), ("falls.jsonl", 1, "alarm: "), ("unlabelled.jsonl", 3, "inconclusive: ")],
)
def test_it_leaves_with_what_it_found(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    shipped: RunFolder,
    given: Path,
    log: str,
    code: int,
    said: str,
) -> None:
    assert monitor(monkeypatch, shipped, given, log) == code
    out = capsys.readouterr().out
    assert out.splitlines()[-1].startswith(said) or said in out
    assert "Where nothing changed, any of all signals alarms in at most 5.0 % of periods of 20 windows" in out


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--lang", "de"), "--lang 'de': allowed: en, ja"),
        (("--confirm",), "name both --hook COMMAND and --state DIR"),
        (("--confirm", "--state", "s", "--hook", " "), "name both --hook COMMAND and --state DIR"),
        (("--hook", "echo 'a"), "close every quote"),
        (("--fields", "tme=ts"), "did you mean 'time'"),
        (("--variant", "stf"), "did you mean 'sft'"),
    ],
)
def test_wrong_input_is_one_line(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    shipped: RunFolder,
    given: Path,
    more: tuple[str, ...],
    said: str,
) -> None:
    assert monitor(monkeypatch, shipped, given, "well.jsonl", *more) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


def test_what_is_no_run_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], given: Path
) -> None:
    assert hanka(monkeypatch, "monitor", str(given / "well.jsonl"), "--against", str(given)) == 2
    assert "is this the folder of a run?" in capsys.readouterr().err


def test_json_holds_no_number_that_is_none(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], shipped: RunFolder, given: Path
) -> None:
    def refuse(word: str) -> Any:
        raise AssertionError(word)

    assert monitor(monkeypatch, shipped, given, "falls.jsonl", "--json") == 1
    found = json.loads(capsys.readouterr().out, parse_constant=refuse)
    assert (found["verdict"], found["exit_code"], found["promise"]["false_alarm_rate"]) == ("alarm", 1, 0.05)
    assert found["alarms"][0]["signal"] == "wrong"
    assert {"low", "high", "n"} <= found["alarms"][0].keys()
    assert found["notes"] == ["retraining is asked for: name --state DIR or --retrain DIR to get a study for it"]


@pytest.mark.parametrize("lang", ["en", "ja"])
def test_a_page_is_written_in_the_language_asked(
    monkeypatch: pytest.MonkeyPatch, shipped: RunFolder, given: Path, lang: str
) -> None:
    assert monitor(monkeypatch, shipped, given, "falls.jsonl", "--html", str(given / "page.html"), "--lang", lang) == 1
    page = (given / "page.html").read_text(encoding="utf-8")
    assert f'<html lang="{lang}">' in page
    assert ("wrong answers" in page) is (lang == "en")
    assert ("誤答" in page) is (lang == "ja")
    assert page.count("<svg") >= 1


def test_an_alarm_leaves_a_study_that_validates_and_a_hook_that_is_only_printed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], shipped: RunFolder, given: Path
) -> None:
    hook = f"{shlex.quote(sys.executable)} -c \"open(r'{given}/ran', 'a').write('x')\" {{study}}"
    asked = ("--state", str(given / "state"), "--hook", hook)
    assert monitor(monkeypatch, shipped, given, "falls.jsonl", *asked) == 1
    out = capsys.readouterr().out
    study = next((given / "state").glob("retrain-*/study.yaml"))
    assert "would run: " in out
    assert str(study) in out
    assert not (given / "ran").exists()
    for _ in range(2):  # once, however often it is confirmed
        assert monitor(monkeypatch, shipped, given, "falls.jsonl", *asked, "--confirm") == 1
        assert (given / "ran").read_text() == "x"
    assert "the hook left with 0" in capsys.readouterr().out
    monkeypatch.setattr(sys, "argv", ["hanka", "validate", str(study)])
    main_code = hanka(monkeypatch, "validate", str(study))
    assert main_code == 0
    assert "right. 3 variants" in capsys.readouterr().out


@pytest.mark.parametrize("hook", ["no-such-program", f"{shlex.quote(sys.executable)} -c 'raise SystemExit(4)'"])
def test_a_hook_that_fails_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], shipped: RunFolder, given: Path, hook: str
) -> None:
    assert (
        monitor(monkeypatch, shipped, given, "falls.jsonl", "--state", str(given / "s"), "--hook", hook, "--confirm")
        == 1
    )
    said = capsys.readouterr()
    assert "cannot be run" in said.err or "the hook left with 4" in said.out


def test_a_hook_is_not_used_up_by_a_call_that_could_not_write_its_page(
    monkeypatch: pytest.MonkeyPatch, shipped: RunFolder, given: Path
) -> None:
    hook = f"{shlex.quote(sys.executable)} -c \"open(r'{given}/ran', 'a').write('x')\""
    asked = ("--state", str(given / "state"), "--hook", hook, "--confirm")
    (given / "file").write_text("")
    assert monitor(monkeypatch, shipped, given, "falls.jsonl", *asked, "--html", str(given / "file/page.html")) == 2
    assert not (given / "ran").exists()
    assert monitor(monkeypatch, shipped, given, "falls.jsonl", *asked) == 1
    assert (given / "ran").read_text() == "x"


def test_a_study_that_was_asked_for_is_not_written_anew_under_whoever_runs_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], shipped: RunFolder, given: Path
) -> None:
    log, asked = given / "falls.jsonl", ("--state", str(given / "state"))
    assert monitor(monkeypatch, shipped, given, log.name, *asked) == 1
    rows = next((given / "state").glob("retrain-*/live.jsonl"))
    before = rows.read_bytes()
    write_log(log, traffic(760, right=lambda at: 0.9 if at < 400 else 0.4))
    assert monitor(monkeypatch, shipped, given, log.name, *asked) == 1
    assert rows.read_bytes() == before
    said = capsys.readouterr().out
    assert "as it was written when it was asked for" in said
    assert re.search(r"wrong answers \d+\.\d % \[\d+\.\d, \d+\.\d\], limit", said), "no value without its interval"
    assert "n = 300" in said


# ---- the study for retraining


def labelled(n: int) -> list[Labelled]:
    return [Labelled({"input": f"mail {at} says thanks"}, ("good", "bad")[at % 2]) for at in range(n)]


def test_rows_to_train_on_are_whole_and_once() -> None:
    rows = [*labelled(3), *labelled(3), Labelled({"input": " "}, "good"), Labelled({"input": "x"}, "")]
    assert usable(rows) == labelled(3)


def test_too_few_labelled_rows_make_no_study(shipped: RunFolder, tmp_path: Path) -> None:
    with pytest.raises(
        MonitorError, match="49 labelled rows can be trained on, and a study for retraining takes at least 50"
    ):
        write_retraining(shipped, reference_of(shipped), labelled(49), 50, tmp_path / "re")
    assert not (tmp_path / "re").exists()


@pytest.mark.parametrize("name", ["study.yaml", "live.jsonl"])
def test_what_somebody_else_wrote_is_not_written_over(shipped: RunFolder, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("name: mine\n")
    with pytest.raises(MonitorError, match="is there and no study for retraining"):
        write_retraining(shipped, reference_of(shipped), labelled(60), 50, tmp_path)
    assert (tmp_path / name).read_text() == "name: mine\n"
    for n in (60, 70):
        assert write_retraining(shipped, reference_of(shipped), labelled(n), 50, tmp_path / "own").n_rows == n


def test_the_study_mixes_live_rows_with_those_it_was_trained_on(shipped: RunFolder, tmp_path: Path) -> None:
    import yaml

    written = write_retraining(shipped, reference_of(shipped), labelled(60), 50, tmp_path / "re")
    values = yaml.safe_load(written.study.read_text())
    assert (written.n_rows, written.share) == (60, 0.5)
    assert values["datasets"]["live-mix"] == {"recipe": {"concat": {"of": {"mails": 0.5, "live": 0.5}}}}
    assert values["tasks"]["mailtone"]["in_domain"] == ["mails"]
    assert values["tasks"]["mailtone"]["out_of_domain"] == ["live"]
    (entry,) = values["methods"][-1].items()
    assert (entry[0], entry[1]["name"], entry[1]["on"]) == ("sft", "retrained", ["live-mix"])
    assert len(written.rows.read_text().splitlines()) == 60


def test_few_live_rows_are_a_smaller_share_of_the_mix(shipped: RunFolder, tmp_path: Path) -> None:
    # sizes: [16]; of 12 rows 70 % are trained on, and nine tenths of those asked for: 7.56 of 16
    assert write_retraining(shipped, reference_of(shipped), labelled(12), 10, tmp_path / "re").share == 0.47
