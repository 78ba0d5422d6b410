"""Rows that are on both sides are found wherever they could be met: in mixes, other seeds, validation, passages, demonstrations."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from hanka.audits import audit_contexts, audit_rows
from hanka.audits.contexts import _holds
from hanka.plan import build_plan
from hanka.records import AuditWarning
from hanka.study.resolve import resolve
from hanka.study.source import parse_source
from planned_studies import written

TEXTS = [
    f"the {colour} kettle number {n} arrived on a rainy morning and sang all day"
    for n, colour in enumerate("abcdefghijkl")
]


def rows(texts: list[str]) -> str:
    return "".join(
        json.dumps({"input": text, "output": ["positive", "negative"][n % 2]}) + "\n" for n, text in enumerate(texts)
    )


def found(folder: Path, test: list[str], **changes: Any) -> list[AuditWarning]:
    """What the audits of rows find in a study on own files."""
    own = folder / "own"
    own.mkdir()
    (own / "train.jsonl").write_text(rows(TEXTS), encoding="utf-8")
    (own / "test.jsonl").write_text(rows(test), encoding="utf-8")
    (own / "facts.jsonl").write_text(
        json.dumps({"text": f"Fact: {test[0].upper()}, says  the note."}) + "\n", encoding="utf-8"
    )
    (own / "near.jsonl").write_text(rows([f"{text} long" for text in test]), encoding="utf-8")
    mine = {
        "task": "sentiment",
        "domain": "mail",
        "train": "own/train.jsonl",
        "test": "own/test.jsonl",
        "demonstrations": "own/near.jsonl",
    }
    values = {"datasets": {"mine": mine, "facts": {"passages": "own/facts.jsonl"}}}
    values |= {"tasks": {"sentiment": {"train": "mine", "in_domain": ["mine"]}}, "data": None} | changes
    text = written(folder / "tiny", **values)
    (folder / "tiny").mkdir()
    (folder / "tiny" / "model.safetensors").touch()
    plan = build_plan(resolve(parse_source(text, folder / "study.yaml")))
    audits = audit_rows(plan)
    audit_contexts(plan, audits)
    return audits.warnings


def test_rows_of_every_seed_that_draws_are_looked_at(tmp_path: Path) -> None:
    train = {"sizes": [2], "sample": "seeded"}
    seeds = list(range(12))
    warnings = found(tmp_path, TEXTS[:4], train=train, seeds=seeds)
    ids = {name for one in warnings if one.audit == "exact overlap" and "test" in one.where for name in one.examples}
    assert len(ids) == 4


def test_validation_rows_that_are_test_rows_are_found(tmp_path: Path) -> None:
    warnings = found(tmp_path, TEXTS, train={"sizes": [6], "validation": 0.5})
    where = {one.where: one.count for one in warnings if one.audit == "exact overlap"}
    assert where == {"mine train × mine test": 3, "mine train, validation × mine test": 3}


def test_a_passage_with_the_row_and_a_demonstration_almost_like_it_are_found(tmp_path: Path) -> None:
    contexts = [{"retrieve": {"passages": "facts", "k": 1}}, "nearest"]
    test = [
        f"{one} with twenty more words " + " ".join(f"w{n}x{at}" for n in range(20)) for at, one in enumerate(TEXTS[:3])
    ]
    warnings = found(tmp_path, test, eval={"shots": [0, 1], "contexts": contexts})
    told = {one.message: (one.where, one.count, one.total) for one in warnings if one.audit == "context"}
    assert told["what is inserted holds the row's own text"] == ("mine test × retrieve", 1, 3)
    assert told["a demonstration before the row is almost the row"] == ("mine test × nearest", 3, 3)


@pytest.mark.parametrize(
    ("text", "value", "holds"),
    [("the cat sat", "Cat", True), ("concatenate", "cat", False), ("東京は首都です", "首都", True), ("a 12 b", "12", True),
     ("a 123 b", "12", False), ("anything", "", False), ("is it (so)?", "(so)?", True)],
)  # fmt: skip
def test_a_value_is_held_as_a_word_where_words_are_written_apart(text: str, value: str, holds: bool) -> None:
    assert _holds(text, value) is holds


def test_rows_that_a_recipe_leaves_out_are_not_missing(tmp_path: Path) -> None:
    own = {"task": "sentiment", "domain": "mail", "train": "own/train.jsonl", "test": "own/test.jsonl"}
    declared = {"mine": own, "half": {"recipe": {"subset": {"of": "mine", "share": 0.5}}}}
    methods = ["base", {"sft": {"on": "half"}}]
    warnings = found(tmp_path, ["a clean test row"], train={"sizes": [8]}, datasets=declared, methods=methods)
    assert {one.audit for one in warnings} == {"classes"}  # one row has one label
