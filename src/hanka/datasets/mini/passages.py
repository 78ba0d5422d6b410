"""Yes/no questions about passages, used twice: as inference, and backwards as question generation.

Sources: BoolQ (Clark et al. 2019), PubMedQA expert labels (Jin et al. 2019), Consumer Contracts QA (Kolt
2022). BoolQ passages are split in two halves by hash, so that no passage serves both tasks; a training
row whose question or passage is (nearly) in the development set is left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from hanka.datasets.mini.parts import (
    Parts,
    cleaned,
    json_rows,
    parts_with_train,
    parts_without_train,
    source_groups,
    text_group,
    without_repeats,
)
from hanka.datasets.splits import hash_key
from hanka.records import Example

LABELS = {"yes": "entailment", "no": "contradiction", "maybe": "neutral"}
ANSWERS = {"true": "yes", "false": "no"}


class Asked(NamedTuple):
    """One question about one passage."""

    id: str
    "Position in the upstream file."
    passage: str
    "Source text."
    question: str
    "Question about it."
    answer: str
    "yes, no or maybe."


def prepare_boolq(files: Mapping[str, Path]) -> Mapping[str, Parts]:
    """Return boolq (inference) and boolq-questions (question generation), both trained."""
    development = [
        Asked(f"dev-{i:04d}", cleaned(row["passage"]), cleaned(row["question"]), ANSWERS[row["answer"].lower()])
        for i, row in enumerate(json_rows(files["BoolQ/dev.jsonl"]))
    ]
    combined = _labelled_rows(files["BoolQ/combined.jsonl"])
    group = source_groups(asked.passage for asked in (*development, *combined))
    questions = {text_group(asked.question) for asked in development}
    passages = {group[asked.passage] for asked in development}
    train = [
        asked
        for asked in combined
        if text_group(asked.question) not in questions and group[asked.passage] not in passages
    ]

    def of_half(rows: list[Asked], half: int) -> list[Asked]:
        return [asked for asked in rows if _half(group[asked.passage]) == half]

    return {
        "boolq": parts_with_train(
            "boolq",
            _inference("boolq", of_half(train, 0), group),
            _inference("boolq", of_half(development, 0), group),
        ),
        "boolq-questions": parts_with_train(
            "boolq-questions",
            _questions("boolq-questions", of_half(train, 1), group),
            _questions("boolq-questions", of_half(development, 1), group),
        ),
    }


def _labelled_rows(path: Path) -> list[Asked]:
    """Read the labelled rows of BoolQ's combined file, which writes "Title -- passage"."""
    return [
        Asked(
            f"train-{i:05d}",
            cleaned(row["passage"].partition(" -- ")[2] or row["passage"]),
            cleaned(row["question"]),
            ANSWERS[str(row["label"]).lower()],
        )
        for i, row in enumerate(json_rows(path))
        if "label" in row
    ]


def prepare_pubmedqa(files: Mapping[str, Path]) -> Mapping[str, Parts]:
    """Return pubmedqa and pubmed-questions, both tested only."""
    rows = json_rows(files["PubMedQA/pqal/test.jsonl"])
    asked = [
        Asked(f"{i:04d}", _without_markers(row["passage"]), cleaned(row["question"]), row["answer"].lower())
        for i, row in enumerate(rows)
    ]
    return _tested("pubmedqa", "pubmed-questions", asked)


def prepare_contracts(files: Mapping[str, Path]) -> Mapping[str, Parts]:
    """Return contracts and contract-questions, both tested only."""
    rows = json_rows(files["Consumer-Contracts/test.jsonl"])
    asked = [
        Asked(f"{i:04d}", cleaned(row["contract"]), cleaned(row["question"]), ANSWERS[row["answer"].lower()])
        for i, row in enumerate(rows)
    ]
    return _tested("contracts", "contract-questions", asked)


def _tested(inference: str, question: str, asked: Sequence[Asked]) -> Mapping[str, Parts]:
    group = source_groups(row.passage for row in asked)
    return {
        inference: parts_without_train(inference, _inference(inference, asked, group)),
        question: parts_without_train(question, _questions(question, asked, group)),
    }


def _half(group: str) -> int:
    return int(hash_key("mini/boolq/half", group)[:8], 16) % 2


def _without_markers(passage: str) -> str:
    """Return a PubMedQA abstract without its "Context (1):" line heads."""
    lines = cleaned(passage).split("\n")
    return "\n".join(line.partition("): ")[2] if line.startswith("Context (") else line for line in lines).strip()


def _inference(name: str, asked: Sequence[Asked], group: Mapping[str, str]) -> list[Example]:
    examples = [
        Example(
            id=f"{name}/{row.id}",
            fields={"input_1": row.passage, "input_2": row.question},
            target=LABELS[row.answer],
            group=group[row.passage],
        )
        for row in asked
    ]
    return without_repeats(examples, labelled=True)


def _questions(name: str, asked: Sequence[Asked], group: Mapping[str, str]) -> list[Example]:
    examples = [
        Example(
            id=f"{name}/{row.id}",
            fields={"input": row.passage, "answer": row.answer},
            target=row.question,
            group=group[row.passage],
        )
        for row in asked
    ]
    return without_repeats(examples, labelled=False)
