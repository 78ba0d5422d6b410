"""What is known of test rows: their script, their length and the study's own columns, once per run."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

from hanka.plan import Plan
from hanka.plan.written import digest_of, study_yaml
from hanka.store.folder import RunFolder, read_table
from hanka.study.resolve import resolve
from hanka.study.source import parse_source
from hanka.work.samples import write_samples
from planned_studies import planned, resolved

ROWS = [
    {"text": f"{place} 件の荷物が届きません" if place % 2 else f"{place} parcels are late", "label": "good" if place % 3 else "bad",
     "channel": "web" if place < 20 else "phone"}
    for place in range(60)
]  # fmt: skip


def mails(folder: Path, **more: Any) -> dict[str, Any]:
    """The changes of a study that make it one of own mails."""
    path = folder.parent / "mails.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(ROWS[0]))
        writer.writeheader()
        writer.writerows(ROWS)
    own = {"task": "tone", "domain": "mail", "test": "mails.csv", "fields": {"input": "text", "output": "label"}}
    task = {
        "kind": "classification",
        "labels": ["good", "bad"],
        "prompt": "{input}\nTone:",
        "train": None,
        "in_domain": ["mine"],
    }
    return {"datasets": {"mine": own | more}, "tasks": {"tone": task}, "methods": ["base"], "eval": {"shots": [0]}}


def plan_of(folder: Path, **more: Any) -> Plan:
    return planned(folder, **mails(folder, **more))


def test_every_test_row_has_its_script_its_length_and_the_columns_that_the_study_names(
    tiny_folder: Path, tmp_path: Path
) -> None:
    plan = plan_of(tiny_folder, slices=["channel"])
    write_samples(plan, RunFolder(tmp_path))
    found: dict[str, dict[str, str]] = {}
    for row in read_table(RunFolder(tmp_path).samples).to_pylist():
        assert row["test_dataset"] == "mine"
        found.setdefault(row["sample_id"], {})[row["slice"]] = row["value"]
    (cell,) = plan.cells.values()
    assert found.keys() == {example.id for example in cell.test.examples}
    for example in cell.test.examples:
        text = example.fields["input"]
        script = "ja" if "荷物" in text else "latin"
        said = found[example.id]
        assert said == {"language": script, "length": str(len(text)), "channel": example.slices["channel"]}
        assert said["channel"] in ("web", "phone")


def test_columns_change_what_is_shown_and_no_work(tiny_folder: Path) -> None:
    plain, sliced = plan_of(tiny_folder), plan_of(tiny_folder, slices=["channel"])
    assert list(plain.cells) == list(sliced.cells)
    assert digest_of(plain, []) != digest_of(sliced, [])


def test_the_resolved_study_names_the_columns(tiny_folder: Path) -> None:
    text = study_yaml(resolved(tiny_folder, **mails(tiny_folder, slices=["channel"])))
    again = resolve(parse_source(text, tiny_folder.parent / "study.yaml"))
    assert again.spec.datasets["mine"].slices == ("channel",)
    assert "slices" not in study_yaml(resolved(tiny_folder, **mails(tiny_folder)))
