"""A failure that needs the user now is on the console: a full disk ends the run, rows and cells without an answer are said."""

from __future__ import annotations

import errno
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from hanka.cli import main
from hanka.errors import StoreError
from hanka.store.cache import unwritable
from hanka.store.folder import read_json
from hanka.tuners import TUNERS
from own_studies import own_data
from small_studies import carry_out, plan_of
from tiny_models import save_tiny_model


def run(monkeypatch: pytest.MonkeyPatch, *words: str) -> int | str | None:
    """Run the command line in this process; return its exit code."""
    monkeypatch.setattr(sys, "argv", ["hanka", *words])
    with pytest.raises(SystemExit) as leaving:
        main()
    return leaving.value.code


def study_on(folder: Path, model: Path, **changes: Any) -> Path:
    values = own_data(folder, base={"model": str(model), "name": "tiny"}, stats={"resamples": 200}, methods=["base"])
    values["datasets"]["mails"]["demonstrations"] = "rows/shown.csv"
    (folder / "rows/shown.csv").write_text("text,tone\nnothing like it,good\nnor like this one,bad\n")
    path = folder / "study.yaml"
    path.write_text(yaml.safe_dump(values | changes), encoding="utf-8")
    return path


@pytest.mark.parametrize("quiet", [(), ("--quiet",)])
def test_rows_too_long_for_the_model_are_said_with_their_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], quiet: tuple[str, ...]
) -> None:
    study = study_on(tmp_path, save_tiny_model(tmp_path / "tiny", max_position_embeddings=200))
    with (tmp_path / "rows/test.csv").open("a") as file:
        file.write("".join(f"{'long ' * (300 + n)},good\n" for n in range(3)))
    assert run(monkeypatch, "run", str(study), "--out", str(tmp_path / "run"), *quiet) == 1
    out, err = capsys.readouterr()
    line = "3 of 13 rows got no answer (base on mails): "
    assert f"failed: {line}" in err
    assert f"warning: {line}" in out
    assert "do not fit the model's context of 200" in out
    assert "not complete: rows without an answer in other cells: 3; " in out
    assert run(monkeypatch, "run", str(study), "--out", str(tmp_path / "run")) == 1
    again = capsys.readouterr().out
    assert "Nothing to do" in again
    assert f"warning: {line}" in again


def test_a_base_that_gives_no_numbers_is_a_failed_run_with_the_reason_on_the_console(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    model = save_tiny_model(tmp_path / "tiny")
    tensors = load_file(model / "model.safetensors")
    tensors["model.norm.weight"][3] = float("nan")
    save_file(tensors, model / "model.safetensors", metadata={"format": "pt"})
    study = study_on(tmp_path, model)
    assert run(monkeypatch, "run", str(study), "--out", str(tmp_path / "run")) == 1
    out, err = capsys.readouterr()
    assert "failed: 1 cell failed (base on mails): " in err
    assert "weights are damaged" in out
    assert "not complete: cells that failed: 1 of 1; " in out
    (cell,) = (tmp_path / "run" / "cells").iterdir()
    assert (read_json(cell / "cell.json")["n"], read_json(cell / "cell.json")["n_failed"]) == (0, 10)


@pytest.mark.parametrize(
    ("methods", "changes", "said"),
    [
        ([{"sft": {"epochs": 1}}], {}, ""),
        ([{"sft": {"max_length": 9}}], {}, "variants that were not made: 1, cells that failed: 1 of 2; "),
        (
            [{"sft": {"max_length": 9}}],
            {"probes": ["weight_distance"]},
            "variants that were not made: 1, cells that failed: 1 of 2, probes that failed: 1 of 1; ",
        ),
    ],
    ids=["none", "variant", "probe"],
)
def test_whatever_fails_is_in_the_exit_code(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    methods: list[Any],
    changes: dict[str, Any],
    said: str,
) -> None:
    changes = {"methods": ["base", *methods], "train": {"sizes": [8], "batch_size": 8}} | changes
    study = study_on(tmp_path, save_tiny_model(tmp_path / "tiny"), **changes)
    for _ in range(2):
        assert run(monkeypatch, "run", str(study), "--out", str(tmp_path / "run"), "--quiet") == (1 if said else 0)
        out = capsys.readouterr().out
        assert f"not complete: {said}" in out if said else "not complete" not in out


FULL = [
    OSError(errno.ENOSPC, "No space left on device"),
    OSError(errno.EDQUOT, "Disk quota exceeded"),
    OSError(errno.EROFS, "Read-only file system"),
    SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)"),
    RuntimeError("while saving: [Errno 28] No space left on device"),
]


@pytest.mark.parametrize("error", FULL, ids=lambda error: type(error).__name__)
def test_a_full_disk_while_saving_ends_the_run_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(*_: Any) -> None:
        raise error

    lora = TUNERS.get("lora")
    plan = plan_of(save_tiny_model(tmp_path / "tiny"), [{"sft": {"epochs": 1}}, {"sft": {"name": "next", "epochs": 2}}])
    for planned in plan.variants.values():
        if planned.adaptation.tuner is lora:
            failing = type(lora)(**{name: getattr(lora, name) for name in lora.__dataclass_fields__} | {"save": fail})
            object.__setattr__(planned.adaptation, "tuner", failing)
    with pytest.raises(StoreError, match=r"(free some space|read-only).*; what is finished is kept"):
        carry_out(plan, tmp_path / "run", lambda kind: kind == "adapt")
    assert len(list((tmp_path / "run/variants").glob("*/variant.json"))) == 1  # the base; nothing after it was tried


def test_other_errors_do_not_end_a_run() -> None:
    assert unwritable(OSError(errno.ENOENT, "No such file")) == ""
    assert unwritable(ValueError("a model of disk space")) == ""
    wrapped = ValueError("wrapped")
    wrapped.__cause__ = FULL[0]
    assert "disk is full" in unwritable(wrapped)
