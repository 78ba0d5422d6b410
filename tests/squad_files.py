"""Small files in the layout of SQuAD: towns with a river, a colour and a year, and questions about them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

COLOURS = ("red", "blue", "green", "white", "black", "brown")


def paragraph(town: str, at: int) -> dict[str, Any]:
    """One document and two questions about it; every fact is a function of its number."""
    colour, year = COLOURS[at % len(COLOURS)], 1900 + at
    return {
        "context": f"The flag of {town} is {colour}. The town was founded in {year}.",
        "qas": [
            {
                "id": f"{town}-colour",
                "question": f"What colour is the flag of {town}?",
                "answers": [{"text": colour, "answer_start": 0}],
            },
            {
                "id": f"{town}-year",
                "question": f"When was {town} founded?",
                "answers": [{"text": str(year), "answer_start": 0}, {"text": str(year), "answer_start": 0}],
            },
        ],
    }


def squad(n_articles: int = 10, per_article: int = 2) -> dict[str, Any]:
    """A whole file's value."""
    return {
        "version": "1.1",
        "data": [
            {
                "title": f"County {article}",
                "paragraphs": [
                    paragraph(f"Town{article}{'abcdefgh'[number]}", article * per_article + number)
                    for number in range(per_article)
                ],
            }
            for article in range(n_articles)
        ],
    }


def write_squad(folder: Path, name: str = "towns", **changes: Any) -> Path:
    """Write a file into a folder and return it."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.json"
    path.write_text(json.dumps(squad(**changes)), encoding="utf-8")
    return path
