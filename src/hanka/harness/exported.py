"""What the task files of `hanka export --to lm-eval` call: rows, labels chosen with what ends them, texts judged by hanka's metrics."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hanka.metrics import METRICS, ScoringContext
from hanka.metrics.base import Outputs
from hanka.tasks.verifiers import VERIFIERS, Output

NAMES = {"rougeL": "rouge_l", "rouge1": "rouge_1", "rouge2": "rouge_2"}
"The harness' name of a metric → hanka's, where they differ."


def rows_of(path: Path) -> dict[str, Any]:
    """Return the rows of an exported task as the harness' data set."""
    from datasets import Dataset

    return {
        "test": Dataset.from_list([json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line])
    }


def choose(doc: Mapping[str, Any], results: Sequence[tuple[float, bool]]) -> dict[str, float]:
    """Judge the label whose log-likelihood with any of its ends behind it is highest, the first of equals."""
    scores, labels = [float(score) for score, *_ in results], list(doc["labels"])
    n_ends = len(scores) // len(labels)
    summed = [_log_sum(scores[at * n_ends : (at + 1) * n_ends]) for at in range(len(labels))]
    chosen = labels[max(range(len(labels)), key=summed.__getitem__)]
    return {"acc": float(chosen == doc["target"])}


def weigh(doc: Mapping[str, Any], results: Sequence[tuple[float, bool]]) -> dict[str, tuple[float, int]]:
    """Return a text's log-likelihood with its UTF-8 bytes, of which the harness makes bits per byte."""
    return {"bits_per_byte": (float(results[0][0]), len(doc["target"].encode("utf-8", "surrogatepass")))}


def judge(doc: Mapping[str, Any], results: Sequence[Any]) -> dict[str, float]:
    """Judge a written answer by the task's verifier and every metric of hanka that is a mean over rows."""
    text = str(results[0][0] if isinstance(results[0], (list, tuple)) else results[0])
    judging = json.loads(doc["verifier"])
    verifier = VERIFIERS.get(judging.get("verifier", "text"))
    output = Output(text, doc["target"], (), tuple(doc["stop"]))
    judgement = verifier.verify(output, verifier.params.model_validate(judging.get("params") or {}))
    outputs = Outputs(targets=[doc["target"]], answers=[judgement.answer], rewards=[judgement.reward], texts=[text])
    found: dict[str, float] = {}
    for name in ("rouge_l", "rouge_1", "rouge_2", "exact_match", "character_f1", "solved", "reward", "mae"):
        metric = METRICS.get(name)
        if name not in ("solved", "reward") or judgement.reward is not None:
            key = next((theirs for theirs, own in NAMES.items() if own == name), name)
            if name != "mae" or judging.get("verifier") == "number":
                found[key] = float(metric.statistics(outputs, ScoringContext())[0, 0])
    return found


def _log_sum(values: Sequence[float]) -> float:
    most = max(values)
    return most + math.log(math.fsum(math.exp(one - most) for one in values))
