"""Whole small studies in this process: toy rows, tiny models, the plan carried out by the worker; what came out, by label."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import yaml
from safetensors.torch import load_file

from hanka.plan import Plan, PlannedVariant, build_plan
from hanka.store.folder import RunFolder, read_json, read_predictions
from hanka.study.resolve import resolve
from hanka.study.source import parse_source
from hanka.work.worker import Worker

SMALL = {
    "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "num_key_value_heads": 1,
}  # fmt: skip
"Sizes of a fresh base that is smaller than the tiny model."


def small_base(tiny: Path, name: str = "small") -> dict[str, Any]:
    """Declare a fresh base with the tiny model's tokenizer."""
    return {"fresh": {"tokenizer": str(tiny), **SMALL}, "seed": 1, "name": name}


def plan_of(tiny: Path, methods: list[Any], **values: Any) -> Plan:
    """Plan a study on the tiny model: it is trained on sentiment, and asked for a summary, too."""
    study = {
        "name": "small",
        "base": {"model": str(tiny), "name": "tiny"},
        "data": {"source": "toy"},
        "tasks": {"sentiment": {}, "summary": {"train": None, "in_domain": ["news"], "out_of_domain": []}},
        "methods": ["base", *methods],
        "train": {"sizes": [16], "epochs": 3, "learning_rate": 2e-2, "batch_size": 8, "checkpoint_seconds": 1000},
        "eval": {"limit": 4, "max_new_tokens": 6},
    }
    for name, value in values.items():
        known = study.get(name)
        study[name] = {**known, **value} if isinstance(known, dict) and name not in ("base", "tasks") else value
    return build_plan(resolve(parse_source(yaml.safe_dump(study), tiny / "study.yaml")))


@dataclass(frozen=True)
class Carried:
    """A plan that was carried out."""

    plan: Plan
    folder: RunFolder
    worker: Worker

    def planned(self, label: str, base: str = "tiny") -> PlannedVariant:
        """The only variant of a label and base."""
        variants = self.plan.variants.values()
        (found,) = [one for one in variants if (one.variant.label, one.variant.base) == (label, base)]
        return found

    def place(self, label: str, base: str = "tiny") -> Path:
        return self.folder.variant(self.planned(label, base).variant.id)

    def made(self, label: str, base: str = "tiny") -> dict[str, Any]:
        found: dict[str, Any] = read_json(self.place(label, base) / "variant.json")
        return found

    def tensors(self, label: str, base: str = "tiny") -> dict[str, torch.Tensor]:
        return tensors_of(self.place(label, base))

    def answers(self, label: str, base: str = "tiny") -> dict[tuple[str, int], list[Any]]:
        """By test set and shots: every score of every label, and every text."""
        found = {}
        for cell in self.plan.cells_of(self.planned(label, base).variant.id):
            rows, _ = read_predictions(self.folder.cell(cell.cell.id))
            found[cell.cell.test_dataset, cell.cell.shots] = [(one.label_scores, one.output) for one in rows]
        assert found
        return found

    def weights(self, label: str, base: str = "tiny") -> dict[str, torch.Tensor]:
        """Its weights with everything merged, by the base's names."""
        planned, place = self.planned(label, base), self.worker.place
        with place.resident.lend(planned.model, planned.dtype, place.stack(planned.variant.id), train=True) as loaded:
            return {name: value.detach().clone() for name, value in loaded.model.named_parameters()}


def tensors_of(folder: Path) -> dict[str, torch.Tensor]:
    """Every tensor that a folder holds."""
    return {name: value for path in sorted(folder.glob("*.safetensors")) for name, value in load_file(path).items()}


def carry_out(plan: Plan, out: Path, wanted: Callable[[str], bool] = lambda _kind: True) -> Carried:
    """Carry out the units of the wanted kinds."""
    worker = Worker(plan, RunFolder(out), lambda _what, _share: None)
    for unit in plan.units():
        if wanted(unit.kind):
            worker.run(unit)
    return Carried(plan, RunFolder(out), worker)


def equal(one: Mapping[str, torch.Tensor], other: Mapping[str, torch.Tensor]) -> bool:
    """Tell whether two sets of tensors are the same bit for bit."""
    return one.keys() == other.keys() and all(torch.equal(value, other[name]) for name, value in one.items())


def scores_of(answers: Mapping[tuple[str, int], list[Any]]) -> list[float]:
    """All label scores, one after the other."""
    return [score for rows in answers.values() for scores, _ in rows if scores for score in scores]


def texts_of(answers: Mapping[tuple[str, int], list[Any]]) -> list[str]:
    """All that was chosen or written."""
    return [text for rows in answers.values() for _, text in rows]


def bytes_of(folder: Path, but: tuple[str, ...] = ("variant.json", "train_log.jsonl")) -> dict[str, bytes]:
    """The files below a folder, but for those that hold times."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in but
    }
