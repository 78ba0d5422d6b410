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
    """Judge a written answer by the task's verifier and its primary metric, under the harness' name of that."""
    text = str(results[0][0] if isinstance(results[0], (list, tuple)) else results[0])
    judging = json.loads(doc["verifier"])
    verifier = VERIFIERS.get(judging["verifier"])
    output = Output(text, doc["target"], (), tuple(doc["stop"]))
    judgement = verifier.verify(output, verifier.params.model_validate(judging["params"]))
    outputs = Outputs(targets=[doc["target"]], answers=[judgement.answer], rewards=[judgement.reward], texts=[text])
    return {doc["called"]: float(METRICS.get(doc["metric"]).statistics(outputs, ScoringContext())[0, 0])}


def _log_sum(values: Sequence[float]) -> float:
    most = max(values)
    return most + math.log(math.fsum(math.exp(one - most) for one in values))
