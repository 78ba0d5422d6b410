"""What a model card says of approvals is what the log says, on the numbers as they are."""

from __future__ import annotations

from pathlib import Path

import pytest

from governed_runs import governed_run, variant_of
from hanka.errors import LedgerError
from hanka.operations.ledger import verify
from hanka.operations.ledger.approvals import Signing, approve, withdraw
from hanka.operations.ledger.told import governed_variants
from hanka.store.folder import read_json, write_json


def test_approvals_that_count_and_the_way_back_are_told(tmp_path: Path) -> None:
    run, place = governed_run(tmp_path / "run"), tmp_path / "log"
    tuned, base = variant_of(run)["id"], variant_of(run, "base")["id"]
    assert governed_variants(place, run) == {}
    approve(place, run, Signing("base", "Ada", "lead"))
    approve(place, run, Signing("sft", "Ada", "lead"))
    approve(place, run, Signing("sft", "Bob", "security"))
    found = governed_variants(place, run)
    assert [(one.name, one.role, one.entry, one.although) for one in found[tuned].approvals] == [
        ("Ada", "lead", 1, ""), ("Bob", "security", 2, ""),
    ]  # fmt: skip
    assert found[tuned].rollback == f"base/tiny of mails ({base[:8]})"
    assert (found[base].rollback, found[tuned].head) == ("", verify(place).head)
    withdraw(place, 1, "Ada", "a mistake")
    assert [one.name for one in governed_variants(place, run)[tuned].approvals] == ["Bob"]


def test_an_approval_of_other_numbers_is_not_told(tmp_path: Path) -> None:
    run, place = governed_run(tmp_path / "run"), tmp_path / "log"
    approve(place, run, Signing("sft", "Ada", "lead"))
    found = read_json(run.findings)
    found["decision"]["sentence_en"] += " Anew."
    write_json(run.findings, found)
    assert governed_variants(place, run)[variant_of(run)["id"]].approvals == ()


def test_a_log_that_is_not_whole_is_told_in_no_card(tmp_path: Path) -> None:
    run, place = governed_run(tmp_path / "run"), tmp_path / "log"
    approve(place, run, Signing("sft", "Ada", "lead"))
    log = place / "log.jsonl"
    log.write_bytes(log.read_bytes().replace(b'"Ada"', b'"Eve"'))
    with pytest.raises(LedgerError, match="not whole"):
        governed_variants(place, run)
