"""Who may sign for what: run, decision and gate have to allow it, and whoever signs nevertheless says why."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import pytest

from governed_runs import BASE, decided, governed_run, variant_of
from hanka.errors import HankaError, LedgerError, RefusedError
from hanka.operations.ledger import append, read, verify
from hanka.operations.ledger.approvals import OWN, Signing, add, approvals, approve, withdraw
from hanka.operations.ledger.systems import run_id
from hanka.store.folder import RunFolder, read_json, write_json

ADA = Signing("sft", "Ada", "lead")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return governed_run(tmp_path_factory.mktemp("made") / "run").path


@pytest.fixture
def run(made: Path, tmp_path: Path) -> RunFolder:
    shutil.copytree(made, tmp_path / "run")
    return RunFolder(tmp_path / "run")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "log"


def test_an_approval_holds_the_hash_of_every_file_that_is_loaded_and_what_it_rests_on(
    run: RunFolder, place: Path
) -> None:
    entry = approve(place, run, Signing("sft", "Ada", "lead", note="agreed in the meeting"))
    variant = variant_of(run)
    folder = f"variants/{variant['id']}"
    assert entry.body["files"] == {
        f"{folder}/{name}": hashlib.sha256((run.path / folder / name).read_bytes()).hexdigest()
        for name in ("adapter_config.json", "adapter_model.safetensors", "variant.json")
    }
    said = {
        name: entry.body[name] for name in ("variant", "role", "note", "although", "outcome", "folder", "gate", "rows")
    }
    assert said == {
        "variant": variant["id"], "role": "lead", "note": "agreed in the meeting", "although": "", "outcome": "adapt",
        "folder": "../run", "gate": None, "rows": "f" * 64,
    }  # fmt: skip
    assert entry.body["sentence"].startswith("sentiment: adapt with sft")
    assert entry.body["run"] == run_id(read_json(run.plan))
    assert (entry.by, verify(place).is_whole) == ("Ada", True)


def test_the_same_run_in_another_folder_has_the_same_id(run: RunFolder, place: Path, tmp_path: Path) -> None:
    shutil.copytree(run.path, tmp_path / "moved")
    first, second = approve(place, run, ADA), approve(place, RunFolder(tmp_path / "moved"), ADA)
    assert first.body["run"] == second.body["run"]
    assert first.body["files"] == second.body["files"]


@pytest.mark.parametrize(
    ("outcome", "words"),
    [("trade-off", "a trade-off"), ("keep", "to keep the base model"), ("undecided", "nothing is decided")],
)
def test_a_decision_that_does_not_say_adapt_needs_a_reason_and_the_reason_is_logged(
    run: RunFolder, place: Path, outcome: str, words: str
) -> None:
    decided(run, outcome)
    with pytest.raises(RefusedError, match=words):
        approve(place, run, ADA)
    assert read(place) == ()
    entry = approve(place, run, Signing("sft", "Ada", "lead", although="pilot with ten users"))
    assert entry.body["although"] == "pilot with ten users"
    (against,) = entry.body["objections"]
    assert words in against


def test_a_reason_that_was_not_needed_is_not_logged_as_one(run: RunFolder, place: Path) -> None:
    assert approve(place, run, Signing("sft", "Ada", "lead", although="just in case")).body["although"] == ""


def test_a_run_that_is_not_complete_is_refused_with_what_is_missing(run: RunFolder, place: Path) -> None:
    cell = read_json(run.plan)["cells"][0]["id"]
    (run.cell(cell) / "cell.json").unlink()
    with pytest.raises(RefusedError, match="1 of 6 cells have no answers"):
        approve(place, run, ADA)


def test_rows_without_an_answer_are_missing_too(run: RunFolder, place: Path) -> None:
    cell = run.cell(read_json(run.plan)["cells"][0]["id"]) / "cell.json"
    write_json(cell, read_json(cell) | {"n": 397, "n_failed": 3})
    with pytest.raises(RefusedError, match="3 of 2,400 rows got no answer"):
        approve(place, run, ADA)


def test_the_base_model_needs_no_decision_and_has_no_files(run: RunFolder, place: Path) -> None:
    decided(run, "keep")
    entry = approve(place, run, Signing("base", "Ada", "lead"))
    assert (entry.body["outcome"], entry.body["files"]) == ("as_is", {})
    assert entry.body["base"]["identity"] == {"hub": "acme/tiny", "revision": "a" * 40}


def test_weights_that_are_not_there_are_not_approved_whatever_the_reason(run: RunFolder, place: Path) -> None:
    for path in run.variant(variant_of(run)["id"]).glob("adapter*"):
        path.unlink()
    with pytest.raises(LedgerError, match="no weights"):
        approve(place, run, Signing("sft", "Ada", "lead", although="please"))


def test_of_several_seeds_one_is_named(tmp_path: Path, place: Path) -> None:
    run = governed_run(tmp_path / "run", seeds=(0, 1))
    with pytest.raises(HankaError, match="names 2 seeds"):
        approve(place, run, ADA)
    assert (
        approve(place, run, Signing(variant_of(run)["id"][:8], "Ada", "lead")).body["variant"] == variant_of(run)["id"]
    )


def test_a_variant_made_from_others_is_approved_with_their_files(run: RunFolder, place: Path) -> None:
    plan = read_json(run.plan)
    own = variant_of(run)
    child = own | {"id": "0123456789abcdef", "label": "merged", "parents": [own["id"]]}
    write_json(run.plan, plan | {"variants": [*plan["variants"], child]})
    write_json(run.variant(child["id"]) / "variant.json", child | {"status": "done"})
    entry = approve(place, run, Signing("merged", "Ada", "lead", although="nothing was compared"))
    assert {name.split("/")[1] for name in entry.body["files"]} == {own["id"], child["id"]}


# ---- gates


@pytest.mark.parametrize("outcome", ["fail", "inconclusive"])
def test_a_gate_that_did_not_pass_is_an_objection_until_it_does(run: RunFolder, place: Path, outcome: str) -> None:
    add(place, "gate", {"outcome": outcome, "anything": [1, 2]}, "ci", run)
    with pytest.raises(RefusedError, match=f"gate of entry 0 says {outcome}"):
        approve(place, run, ADA)
    add(place, "gate", {"outcome": "pass"}, "ci", run)
    assert approve(place, run, ADA).body["gate"] == {"entry": 1, "outcome": "pass"}


def test_a_gate_of_another_run_variant_or_decision_says_nothing(run: RunFolder, place: Path) -> None:
    here = run_id(read_json(run.plan))
    for body in ({"run": "0" * 16}, {"run": here, "variant": "0" * 16}, {"run": here, "decision": "0" * 64}):
        add(place, "gate", body | {"outcome": "fail"}, "ci")
    append(place, "gate", {"outcome": "fail"}, "ci")  # of no run at all
    assert approve(place, run, ADA).body["gate"] is None


def test_a_gate_without_an_outcome_or_a_run_is_not_logged(place: Path) -> None:
    with pytest.raises(LedgerError, match="outcome=pass"):
        add(place, "gate", {"result": "pass"}, "ci")
    with pytest.raises(LedgerError, match="--run"):
        add(place, "gate", {"outcome": "pass"}, "ci")
    assert read(place) == ()


@pytest.mark.parametrize("kind", OWN)
def test_kinds_that_mean_something_are_not_added_by_hand(place: Path, kind: str) -> None:
    with pytest.raises(LedgerError, match="command of its own"):
        add(place, kind, {}, "Eve")


# ---- withdrawing


def test_a_withdrawn_approval_no_longer_counts_and_says_who_and_why(run: RunFolder, place: Path) -> None:
    approve(place, run, ADA)
    withdraw(place, 0, "Bob", "the data were wrong")
    (one,) = approvals(read(place))
    assert not one.counts
    assert one.ended is not None
    assert (one.ended.by, one.ended.body["why"]) == ("Bob", "the data were wrong")
    with pytest.raises(LedgerError, match="those that count: none"):
        withdraw(place, 0, "Bob", "again")


def test_nobody_approves_without_a_role_or_withdraws_without_a_reason(run: RunFolder, place: Path) -> None:
    with pytest.raises(LedgerError, match="--role"):
        approve(place, run, Signing("sft", "Ada", " "))
    approve(place, run, ADA)
    with pytest.raises(LedgerError, match="--why"):
        withdraw(place, 0, "Bob", "")


def test_nothing_is_approved_into_a_log_that_is_not_whole(run: RunFolder, place: Path) -> None:
    add(place, "note", {"x": 1}, "Ada")
    path = place / "log.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"x":1', b'"x":2'))
    with pytest.raises(LedgerError, match="not whole"):
        approve(place, run, ADA)


def test_what_few_rows_leave_open_is_not_approved(tmp_path: Path, place: Path) -> None:
    half = {name: range(10) for name in BASE}
    run = governed_run(tmp_path / "run", tuned=half, n=20, base=half)
    with pytest.raises(RefusedError, match="nothing is decided"):
        approve(place, run, ADA)
