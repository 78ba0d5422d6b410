"""Small folders of facts in the published layouts, with invented subjects."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

PLACES = ("Oslo", "Lima", "Rome", "Cairo", "Paris")
PATTERNS = {
    "P19": ("[X] was born in [Y].", "[X] is native to [Y]", "[X] was born in [Y]", "[Y] is where [X] was born."),
    "P20": ("[X] died in [Y].", "[X] passed away in [Y] ."),
    "P106": ("[X] works as [Y].", "[X] is a [Y] by profession."),
}


def write_lines(path: Path, rows: Iterable[Mapping[str, object]]) -> Path:
    """Write JSON lines."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def facts(relation: str, n: int, objects: Sequence[str] = PLACES) -> list[dict[str, object]]:
    """So many facts of a relation, each with a subject of its own."""
    return [
        {"sub_label": f"Nobody {relation} {at}", "obj_label": objects[at % len(objects)], "uuid": f"u{at}"}
        for at in range(n)
    ]


def write_pararel(folder: Path, n: int = 40, patterns: Mapping[str, Sequence[str]] = PATTERNS) -> Path:
    """Write facts and patterns in the layout of ParaRel."""
    for relation, lines in patterns.items():
        objects = ("painter", "judge") if relation == "P106" else PLACES
        write_lines(folder / "trex" / f"{relation}.jsonl", facts(relation, n, objects))
        write_lines(folder / "patterns" / f"{relation}.jsonl", [{"pattern": line} for line in lines])
    return folder


def write_entity_questions(folder: Path, n: int = 6) -> Path:
    """Write questions with answers in the layout of EntityQuestions."""
    for split in ("train", "dev", "test"):
        rows = [
            {
                "question": f"Where was {split} person {at} born?",
                "answers": [PLACES[at % 5], f"City of {PLACES[at % 5]}"],
            }
            for at in range(n)
        ]
        (folder / split).mkdir(parents=True, exist_ok=True)
        (folder / split / f"P19.{split}.json").write_text(json.dumps(rows), encoding="utf-8")
    (folder / "relation_query_templates.json").write_text(json.dumps({"P19": "Where was [X] born?"}), encoding="utf-8")
    return folder
