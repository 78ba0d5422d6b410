"""Runs with planted answers: which samples a variant has right is written down, so every difference is known."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hanka.analysis.evidence import Evidence, load_evidence
from hanka.analysis.questions.contract import Answer
from hanka.identity import content_id
from hanka.records import Prediction
from hanka.store.folder import RunFolder, write_json, write_predictions

N = 40
OF_CELLS = (
    "most",
    "relation",
    "shots",
    "context",
    "seconds",
    "missing",
    "backwards",
    "prompt",
    "draw",
    "n",
    "groups",
    "said",
    "said_groups",
    "nats",
)
"Changes that are about cells, not about the variant."
MARGINS = {"equivalence": 0.03, "harm": 0.05, "worthwhile": 0.02}
RELATIONS = {
    "home": "in_domain", "away": "out_of_domain", "far": "out_of_domain", "other": "cross_task", "story": "cross_task",
    "news": "cross_task", "quiz": "cross_task", "plain": "cross_task", "slips": "perturbed", "alone": "perturbed",
    "away-validation": "validation",
}  # fmt: skip
TASK_OF = {
    "home": "sentiment",
    "away": "sentiment",
    "far": "sentiment",
    "other": "topic",
    "story": "tale",
    "news": "summary",
    "quiz": "question",
    "plain": "text",
    "slips": "sentiment",
    "alone": "sentiment",
    "away-validation": "sentiment",
}
TASKS: dict[str, dict[str, Any]] = {
    name: {"kind": "classification", "labels": ["yes", "no"], "metrics": ["accuracy"]} for name in TASK_OF.values()
}
TASKS["topic"] = TASKS["topic"] | {"metrics": ["macro_f1"]}
for _written in ("tale", "summary", "question"):
    TASKS[_written] = {"kind": "generation", "labels": [], "metrics": ["rouge_l"]}
TASKS["text"] = {"kind": "likelihood", "labels": [], "metrics": ["bits_per_byte"]}


@dataclass
class Planted:
    """A run to be written."""

    path: Path
    tests: Sequence[str] = ("home", "away")
    resamples: int = 400
    stats: Mapping[str, float] = field(default_factory=dict)
    trained_tasks: Sequence[str] = ("sentiment",)
    variants: list[dict[str, Any]] = field(default_factory=list)
    cells: list[dict[str, Any]] = field(default_factory=list)
    probes: list[dict[str, str]] = field(default_factory=list)
    block: int | None = None
    parameters: Mapping[str, int] = field(default_factory=dict)
    perturbed: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    data: list[dict[str, Any]] = field(default_factory=list)
    more: Mapping[str, Any] = field(default_factory=dict)
    validation: Mapping[str, str] = field(default_factory=dict)
    training_rows: dict[str, dict[str, Any]] = field(default_factory=dict)

    def add(self, label: str, right: Mapping[str, Iterable[int] | None], **changes: Any) -> str:
        """Add a variant with the samples it has right on each test set; None: its cell failed. Returns its id."""
        base = label == "base"
        variant = {
            "base": "tiny", "method": "base" if base else "sft", "label": label, "params": {}, "seed": 0,
            "train_task": "" if base else "sentiment", "train_dataset": "" if base else "home",
            "train_size": 0 if base else 8, "meant_shots": 0,
        } | {key: value for key, value in changes.items() if key not in OF_CELLS}  # fmt: skip
        variant = {"id": content_id(variant)} | variant
        if all(one["id"] != variant["id"] for one in self.variants):
            self.variants.append(variant)
        for test, samples in right.items():
            self._cell(variant, test, samples, changes)
        return str(variant["id"])

    def trained(self, variant_id: str, log: Sequence[Mapping[str, Any]] = (), **record: Any) -> None:
        """Write what a training left behind."""
        folder = RunFolder(self.path).variant(variant_id)
        write_json(folder / "variant.json", {"id": variant_id, "status": "done", "record": record})
        (folder / "train_log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in log), encoding="utf-8")

    def _cell(
        self, variant: Mapping[str, Any], test: str, right: Iterable[int] | None, changes: Mapping[str, Any]
    ) -> None:
        cell = {
            "variant_id": variant["id"], "test_task": TASK_OF[test], "test_dataset": test,
            "relation": changes.get("relation", RELATIONS[test]),
            "shots": changes.get("shots", 0), "prompt": changes.get("prompt", "p1"), "draw": changes.get("draw", 0),
            "context": changes.get("context", "drawn"),
        }  # fmt: skip
        cell = {"id": content_id(cell)} | cell
        self.cells.append(cell)
        folder = RunFolder(self.path).cell(str(cell["id"]))
        said, n = changes.get("said"), int(changes.get("n", N))
        asked = 2 if test == "plain" else n if said is None else len(said)
        missing = set(changes.get("missing", ()))
        cell["n_rows"] = changes.get("most", asked)
        counts = {"n": asked - len(missing), "n_failed": len(missing), "seconds": changes.get("seconds", 1.0)}
        write_json(folder / "cell.json", cell | counts | {"status": "failed" if right is None else "done"})
        if right is None:
            return
        if "nats" in changes and test == "plain":  # two texts of four tokens, each as likely as said
            scores = (-float(changes["nats"]),) * 4
            write_predictions(folder, [_text(place, scores) for place in range(2)], [""] * 2)
        elif said is not None:  # the texts that came out, whatever is right
            groups = changes.get("said_groups", [""] * len(said))
            write_predictions(folder, [_said(place, text) for place, text in enumerate(said)], groups)
        else:
            kept = set(right)
            rows = [_prediction(place, place in kept, place in missing) for place in range(n)]
            rows = rows[::-1] if changes.get("backwards") else rows
            write_predictions(
                folder, rows, [f"g{place // changes['groups']}" if "groups" in changes else "" for place in range(n)]
            )

    def evidence(self) -> Evidence:
        """Write the plan and read the run back."""
        plan = {
            "variants": self.variants, "cells": self.cells, "tasks": TASKS, "seed": 1,
            "trained_tasks": list(self.trained_tasks), "max_new_tokens": 8, "probes": self.probes, "contexts": ["drawn", "own_rows"],
            "contexts_of_own_rows": ["own_rows"],
            "frozen": None, "block": self.block, "parameters": dict(self.parameters), "perturbed": dict(self.perturbed),
            "training_rows": self.training_rows,
            "data": self.data,
            "validation": dict(self.validation),
            "stats": {"level": 0.95, "resamples": self.resamples, **MARGINS, **self.stats}, **self.more,
        }  # fmt: skip
        write_json(RunFolder(self.path).plan, plan)
        return load_evidence(RunFolder(self.path))


def right(home: int, away: int) -> dict[str, range]:
    """The first so many samples of two test sets."""
    return {"home": range(home), "away": range(away)}


def rows_of(answer: Answer | None) -> list[dict[str, Any]]:
    """The rows of an answer's table, by column."""
    assert answer is not None
    return [dict(zip((column.name for column in answer.columns), row, strict=True)) for row in answer.rows]


def _said(place: int, text: str) -> Prediction:
    target = "yes" if place % 2 else "no"
    return Prediction(f"s{place}", "q", "0" * 64, target, text, text, None, "ok", "", 3, 0)


def _text(place: int, scores: tuple[float, ...]) -> Prediction:
    return Prediction(f"t{place}", "", "0" * 64, "a text", "", None, None, "ok", "", 3, 0, token_scores=scores)


def _prediction(place: int, is_right: bool, is_missing: bool) -> Prediction:
    target = "yes" if place % 2 else "no"
    answer = target if is_right else "no" if place % 2 else "yes"
    status = "failed" if is_missing else "ok"
    said = None if is_missing else answer
    return Prediction(f"s{place}", "q", "0" * 64, target, said, said, None, status, "", 3, 0)  # type: ignore[arg-type]
