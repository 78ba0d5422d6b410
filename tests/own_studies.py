"""Small studies written on the spot: the smallest one, and those of a user's own files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from hanka.plan import Plan, build_plan
from hanka.plan.written import written_study
from hanka.study.places import write_study
from hanka.study.resolve import load_study, resolve
from hanka.study.resolved import Study
from hanka.study.source import parse_source

ROOT = Path(__file__).parents[1]
MAILS = [(f"mail {i} says a thing", "good" if i % 2 else "bad") for i in range(40)]
SMALLEST = {
    "name": "smallest",
    "base": "smollm2-135m-instruct",
    "data": {"source": "toy"},
    "tasks": {"sentiment": {}},
    "methods": ["base", "sft"],
}


def study_of(values: dict[str, Any], folder: Path = ROOT, **overrides: Any) -> Study:
    """A study of these values, resolved as if its file stood in `folder`."""
    return resolve(parse_source(yaml.safe_dump(values, sort_keys=False), folder / "study.yaml"), **overrides)


def smallest(**changes: Any) -> Study:
    """The smallest study with top-level keys changed."""
    return study_of(SMALLEST | changes)


def rewritten(study: Study, folder: Path) -> Study:
    """A study written into a folder as a run does, and read again from there."""
    folder.mkdir(parents=True, exist_ok=True)
    write_study(folder / "study.yaml", *written_study(study))
    return load_study(folder / "study.yaml")


def ids(study: Study) -> tuple[list[str], list[str]]:
    """The ids of a study's variants and of its cells."""
    plan: Plan = build_plan(study)
    return list(plan.variants), list(plan.cells)


def own_data(folder: Path, **changes: Any) -> dict[str, Any]:
    """A study of its own task, with rows written into `folder`."""
    (folder / "rows").mkdir(exist_ok=True)
    for name, part in (("train", MAILS[:30]), ("test", MAILS[30:])):
        lines = ["text,tone", *(",".join(row) for row in part)]
        (folder / f"rows/{name}.csv").write_text("\n".join(lines) + "\n")
    mails = {
        "task": "mailtone",
        "domain": "support",
        "train": "rows/train.csv",
        "test": "rows/test.csv",
        "fields": {"input": "text", "output": "tone"},
    }
    task = {
        "kind": "classification",
        "labels": ["good", "bad"],
        "prompt": "Mail: {input}\nTone:",
        "train": "mails",
        "in_domain": ["mails"],
    }
    return {
        "name": "own",
        "base": "smollm2-135m-instruct",
        "datasets": {"mails": mails},
        "tasks": {"mailtone": task},
        "methods": ["base", {"sft": {"r": 4}}],
        "train": {"sizes": [16]},
    } | changes
