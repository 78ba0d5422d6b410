"""What is served is an approved system with the very files that were approved; a rollback goes back to one, or says there is none."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from governed_runs import governed_run, variant_of
from hanka.errors import LedgerError, RefusedError
from hanka.operations.ledger import append, read, verify
from hanka.operations.ledger.approvals import RELEASE, ROLLBACK, Signing, approvals, approve, withdraw
from hanka.operations.ledger.serving import POINTER, carry_out, live, plan_release, plan_rollback, pointer_says
from hanka.store.folder import RunFolder, read_json, write_json


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return governed_run(tmp_path_factory.mktemp("made") / "run", seeds=(0, 1, 2)).path


@pytest.fixture
def run(made: Path, tmp_path: Path) -> RunFolder:
    shutil.copytree(made, tmp_path / "run")
    return RunFolder(tmp_path / "run")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "log"


def ids(run: RunFolder) -> list[str]:
    return [one["id"] for one in read_json(run.plan)["variants"] if one["label"] == "sft"]


def sign(place: Path, run: RunFolder, variant: str) -> int:
    return approve(place, run, Signing(variant, "Ada", "lead")).index


def serve(place: Path, which: str) -> None:
    carry_out(place, RELEASE, plan_release(place, which), "Ada")


def back(place: Path, which: str = "") -> str:
    carry_out(place, ROLLBACK, plan_rollback(place, which), "Bob", "errors rise")
    return str(read_json(place / POINTER)["variant"])


def served(place: Path) -> Any:
    now = live(read(place))
    return now and now.approval.system[1]


def test_a_release_tells_a_server_which_folder_and_which_files(run: RunFolder, place: Path) -> None:
    sign(place, run, ids(run)[0])
    serve(place, "")
    found = read_json(place / POINTER)
    assert (found["variant"], found["shots"], found["format"]) == (ids(run)[0], 0, 1)
    assert (place / found["folder"]).resolve() == run.variant(ids(run)[0]).resolve()
    assert all((place / name).is_file() for name in found["files"])
    assert found["head"] == verify(place).head
    assert pointer_says(place) == ""


def test_a_dry_run_changes_nothing(run: RunFolder, place: Path) -> None:
    sign(place, run, ids(run)[0])
    before = (place / "log.jsonl").read_bytes()
    assert plan_release(place).to.system[1] == ids(run)[0]
    assert plan_rollback(place).to.system[1] == ids(run)[0]
    assert (place / "log.jsonl").read_bytes() == before
    assert not (place / POINTER).exists()


def test_a_rollback_goes_to_what_was_served_before_and_ends_the_approval_of_what_it_leaves(
    run: RunFolder, place: Path
) -> None:
    a, b, c = ids(run)
    for one in (a, b, c):
        sign(place, run, one)
    serve(place, a)
    serve(place, c)
    assert back(place) == a  # b was approved later, and never served
    assert served(place) == a
    assert [one.counts for one in approvals(read(place))] == [True, True, False]
    last = read(place)[-1]
    assert (last.by, last.body["why"], last.body["from"]["variant"]) == ("Bob", "errors rise", c)


def test_where_nothing_else_was_served_it_goes_to_what_was_approved_last_before(run: RunFolder, place: Path) -> None:
    a, b, c = ids(run)
    for one in (a, b, c):
        sign(place, run, one)
    serve(place, c)
    assert back(place) == b
    assert back(place) == a


def test_a_rollback_never_returns_to_what_was_rolled_back_from(run: RunFolder, place: Path) -> None:
    a, b, _ = ids(run)
    sign(place, run, a)
    sign(place, run, b)
    serve(place, a)
    serve(place, b)
    assert back(place) == a
    with pytest.raises(RefusedError, match="no approved system is left"):
        plan_rollback(place)
    with pytest.raises(LedgerError, match="names no approval that counts"):
        plan_rollback(place, b)
    assert served(place) == a


def test_what_was_approved_later_is_offered_by_name_and_not_taken(run: RunFolder, place: Path) -> None:
    a, b, _ = ids(run)
    sign(place, run, a)
    serve(place, a)
    sign(place, run, b)
    with pytest.raises(RefusedError, match=r"approved later: entry 2 = .*--to"):
        plan_rollback(place)
    assert back(place, "2") == b


def test_a_withdrawn_approval_is_no_target(run: RunFolder, place: Path) -> None:
    a, b, _ = ids(run)
    first = sign(place, run, a)
    sign(place, run, b)
    serve(place, b)
    withdraw(place, first, "Ada", "a mistake")
    with pytest.raises(RefusedError, match="no approved system is left"):
        plan_rollback(place)


@pytest.mark.parametrize("harm", ["changed", "missing"])
def test_files_that_are_not_those_approved_are_never_served(run: RunFolder, place: Path, harm: str) -> None:
    a, b, _ = ids(run)
    sign(place, run, a)
    sign(place, run, b)
    serve(place, b)
    weights = run.variant(a) / "adapter_model.safetensors"
    if harm == "changed":
        weights.write_bytes(b"other")
    else:
        weights.unlink()
    before = (place / POINTER).read_bytes()
    with pytest.raises(RefusedError, match=f"adapter_model.safetensors (was|is) {harm}"):
        plan_rollback(place)
    assert ((place / POINTER).read_bytes(), served(place)) == (before, b)


def test_a_log_that_is_moved_with_its_runs_still_serves(run: RunFolder, place: Path, tmp_path: Path) -> None:
    first = ids(run)[0]
    sign(place, run, first)
    (tmp_path / "there").mkdir()
    shutil.move(run.path, tmp_path / "there/run")
    shutil.move(place, tmp_path / "there/log")
    serve(tmp_path / "there/log", "")
    assert served(tmp_path / "there/log") == first


def test_a_pointer_that_was_lost_or_changed_is_told_and_written_anew_without_an_entry(
    run: RunFolder, place: Path
) -> None:
    sign(place, run, ids(run)[0])
    serve(place, "")
    n = len(read(place))
    write_json(place / POINTER, read_json(place / POINTER) | {"variant": "0" * 16})
    assert "does not say what the log says" in pointer_says(place)
    serve(place, "")
    assert (pointer_says(place), len(read(place))) == ("", n)
    (place / POINTER).unlink()
    assert pointer_says(place) != ""


def test_a_move_that_was_planned_before_another_one_is_not_carried_out(run: RunFolder, place: Path) -> None:
    a, b, _ = ids(run)
    sign(place, run, a)
    sign(place, run, b)
    planned = plan_release(place, a)
    serve(place, b)
    with pytest.raises(LedgerError, match="meanwhile"):
        carry_out(place, RELEASE, planned, "Ada")


def test_without_any_approval_nothing_is_served(place: Path) -> None:
    with pytest.raises(LedgerError, match="no such log"):
        plan_release(place)
    append(place, "note", {}, "Ada")
    with pytest.raises(RefusedError, match="hanka log approve"):
        plan_release(place)
    with pytest.raises(RefusedError, match="no approved system is left"):
        plan_rollback(place)


@pytest.mark.parametrize("which", ["zzzz", "99", "a"])
def test_a_name_that_means_no_approval_lists_those_there_are(run: RunFolder, place: Path, which: str) -> None:
    sign(place, run, ids(run)[0])
    with pytest.raises(LedgerError, match=f"entry 0 = sft.*{ids(run)[0][:8]}"):
        plan_release(place, which)


def test_the_base_model_is_served_by_its_identity(run: RunFolder, place: Path) -> None:
    approve(place, run, Signing("base", "Ada", "lead"))
    sign(place, run, ids(run)[0])
    serve(place, ids(run)[0])
    assert back(place) == variant_of(run, "base")["id"]
    found = read_json(place / POINTER)
    assert (found["folder"], found["files"]) == (None, {})
    assert found["base"]["identity"]["hub"] == "acme/tiny"


def test_what_was_served_is_gone_back_to_on_any_approval_of_it_that_counts(run: RunFolder, place: Path) -> None:
    a, b, c = ids(run)
    for one in (a, a, c, b):
        sign(place, run, one)
    serve(place, "1")
    serve(place, "3")
    withdraw(place, 1, "Ada", "signed twice")
    assert plan_rollback(place).to.entry.index == 0  # not c, which was never served


def test_what_is_withdrawn_between_plan_and_move_is_not_served(run: RunFolder, place: Path) -> None:
    index = sign(place, run, ids(run)[0])
    move = plan_release(place)
    withdraw(place, index, "Bob", "wait")
    with pytest.raises(LedgerError, match="withdrawn meanwhile"):
        carry_out(place, RELEASE, move, "Ada")
    assert not (place / POINTER).exists()


def test_the_log_is_held_until_the_pointer_stands(run: RunFolder, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from hanka.operations.ledger import entries, serving

    sign(place, run, ids(run)[0])
    monkeypatch.setattr(entries, "PATIENCE_SECONDS", 0.0)

    def meanwhile(path: Path, value: Any) -> None:
        with pytest.raises(LedgerError, match="another process has held the log"):
            append(place, "note", {}, "Eve")
        write_json(path, value)

    monkeypatch.setattr(serving, "write_json", meanwhile)
    serve(place, "")
    assert pointer_says(place) == ""


def test_a_pointer_is_mended_to_what_is_served_not_to_what_was_approved_since(run: RunFolder, place: Path) -> None:
    a, b, _ = ids(run)
    index = sign(place, run, a)
    serve(place, "")
    sign(place, run, b)
    write_json(place / POINTER, read_json(place / POINTER) | {"head": "0" * 64})
    assert f"--to {index} --confirm" in pointer_says(place)
