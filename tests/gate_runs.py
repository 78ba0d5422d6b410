"""Planted runs behind a gate: a policy as text, judged without a model; and run folders that the command reads."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from hanka.analysis.evidence import Evidence
from hanka.declared.source import parse_text
from hanka.operations.gate.judge import judge
from hanka.operations.gate.policy_file import POLICY, Asked, policy_of
from hanka.operations.gate.results import Check, Gate
from hanka.operations.gate.systems import sides_of
from hanka.store.folder import FORMAT, RunFolder, read_json, write_json, write_table
from planted_runs import Planted

NOT_WORSE = "{candidate: sft, rules: [{non_inferior: 0.07, test: home}]}"


def asked(text: str) -> Asked:
    """Read a policy."""
    return policy_of(parse_text(text, Path("policy.yaml"), POLICY))


def judged(run: Evidence | Planted, text: str, other: Evidence | None = None) -> Gate:
    """Judge a run by a policy."""
    evidence = run.evidence() if isinstance(run, Planted) else run
    policy = asked(text)
    return judge(policy, sides_of(policy, evidence, other or evidence))


def only(gate: Gate) -> Check:
    """The one check of a gate."""
    (check,) = gate.checks
    return check


def pair(path: Path, base: int = 40, tuned: int = 40, **changes: Any) -> Planted:
    """A base and a tuned model that have the first so many of 40 rows of `home` right."""
    run = Planted(path)
    run.add("base", {"home": range(base)}, **changes)
    run.add("sft", {"home": range(tuned)}, **changes)
    return run


def write_slices(folder: Path, rows: Sequence[tuple[str, str, str, str]]) -> None:
    """Write samples.parquet: test set, sample, column, value."""
    names = ("test_dataset", "sample_id", "slice", "value")
    columns = zip(*rows, strict=True)
    write_table(RunFolder(folder).samples, pa.table(dict(zip(names, map(list, columns), strict=True))))


def as_folder(run: Planted, recommend: str = "base") -> Path:
    """Make a planted run one that commands read: its plan has a format, its findings a decision."""
    run.evidence()
    folder = RunFolder(run.path)
    write_json(folder.plan, read_json(folder.plan) | {"format": FORMAT, "hanka": "0", "lang": "en", "study": "planted"})
    entry = {"task": "sentiment", "recommend": recommend, "base": "tiny", "train_dataset": "home", "train_size": 8}
    outcome = "adapt" if recommend != "base" else "keep"
    folder.findings.write_text(json.dumps({"decision": {"outcome": outcome, "per_task": [entry]}}), encoding="utf-8")
    return run.path
