"""Tasks of lm-evaluation-harness in a folder, one of each kind of output, over a few invented rows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

N = 12
ROWS = [
    {"text": f"A {('short', 'long')[n % 2]} text about a dog and item {n}.", "label": n % 2, "word": f"number {n % 3}"}
    for n in range(N)
]
SETTINGS: dict[str, dict[str, Any]] = {
    "tiny-choice": {
        "output_type": "multiple_choice", "num_fewshot": 2, "fewshot_split": "train", "doc_to_text": "{{text}}\nSentiment:",
        "doc_to_target": "label", "doc_to_choice": ["negative", "positive indeed"],
        "metric_list": [{"metric": "acc"}, {"metric": "acc_norm"}, {"metric": "f1"}],
    },
    "tiny-own-choices": {
        "output_type": "multiple_choice", "doc_to_text": "{{text}}", "doc_to_target": "{{word}}",
        "doc_to_choice": "{{[word, text.split(' ')[1], 'a dog']}}", "metric_list": [{"metric": "acc"}, {"metric": "exact_match"}],
    },
    "tiny-writing": {
        "output_type": "generate_until", "doc_to_text": "{{text}} Summary:", "doc_to_target": "{{word}}",
        "generation_kwargs": {"until": ["\n", "."], "max_gen_toks": 8, "do_sample": False},
        "metric_list": [{"metric": "exact_match", "aggregation": "mean", "higher_is_better": True}],
        "filter_list": [
            {"name": "whole", "filter": [{"function": "take_first"}]},
            {"name": "letters", "filter": [{"function": "regex", "regex_pattern": "([a-z]+)"}, {"function": "take_first"}]},
        ],
    },
    "tiny-last": {
        "output_type": "loglikelihood", "doc_to_text": "{{text.split(' ')[:-1]|join(' ')}}", "doc_to_target": " {{text.split(' ')[-1]}}",
        "metric_list": [{"metric": "acc"}, {"metric": "perplexity"}],
    },
    "tiny-text": {
        "output_type": "loglikelihood_rolling", "doc_to_text": "", "doc_to_target": "text",
        "metric_list": [{"metric": "word_perplexity"}, {"metric": "byte_perplexity"}, {"metric": "bits_per_byte"}],
    },
    "tiny-share": {  # an `acc` that is no right or wrong, judged by code of its own, as truthfulqa's mc2
        "output_type": "multiple_choice", "doc_to_text": "{{text}}", "doc_to_target": 0, "doc_to_choice": ["one", "two"],
        "process_results": "!function judges.share", "metric_list": [{"metric": "acc", "aggregation": "mean", "higher_is_better": True}],
    },
    "tiny-contexts": {  # every choice stands in a context of its own, as in winogrande
        "output_type": "multiple_choice", "doc_to_text": "label", "doc_to_choice": "{{[text ~ ' A', text ~ ' B']}}",
        "doc_to_target": "{{' is ' ~ word}}", "metric_list": [{"metric": "acc"}],
    },
    "tiny-bare": {  # nothing before a choice, and two choices alike
        "output_type": "multiple_choice", "doc_to_text": "", "doc_to_target": "label", "doc_to_choice": "{{[text, text, word]}}",
        "metric_list": [{"metric": "acc"}],
    },
}  # fmt: skip
JUDGES = """
import math


def share(doc, results):
    weights = [math.exp(one[0]) for one in results]
    return {"acc": weights[0] / sum(weights)}
"""
GROUP = {
    "group": "tiny-group",
    "task": ["tiny-choice", "tiny-own-choices"],
    "aggregate_metric_list": [{"metric": "acc"}],
}


def write_tasks(folder: Path, **changes: dict[str, Any]) -> Path:
    """Write the tasks and their group; changes: task → settings that are added to its own."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS), encoding="utf-8")
    shown = [row | {"text": f"Shown: {row['text']}"} for row in ROWS[:4]]
    (folder / "shown.jsonl").write_text("".join(json.dumps(row) + "\n" for row in shown), encoding="utf-8")
    files = {"test": str(folder / "rows.jsonl"), "train": str(folder / "shown.jsonl")}
    for name, given in (SETTINGS | {name: {} for name in changes if name not in SETTINGS}).items():
        values = {"task": name, "dataset_path": "json", "dataset_kwargs": {"data_files": files}, "test_split": "test"}
        values |= given | changes.get(name, {})
        lines = (f"{key}: {_as_yaml(value)}\n" for key, value in values.items())
        (folder / f"{name}.yaml").write_text("".join(lines), encoding="utf-8")
    (folder / "judges.py").write_text(JUDGES, encoding="utf-8")
    (folder / "tiny-group.yaml").write_text(json.dumps(GROUP), encoding="utf-8")
    return folder


def _as_yaml(value: Any) -> str:
    return value if isinstance(value, str) and value.startswith("!function ") else json.dumps(value)
