"""A run with known answers, and logs of live traffic of which it is known what changed, and when."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from fake_runs import fake_run
from hanka.analysis.evidence import load_evidence
from hanka.operations.monitor.reference import Reference, load_reference
from hanka.operations.monitor.settings import MonitorSettings
from hanka.store.folder import RunFolder

LABELS = ("good", "bad")
WORDS = {
    "good": ["thanks", "quick", "helpful", "solved", "friendly", "again", "glad", "perfect", "works", "lovely"],
    "bad": ["late", "broken", "refund", "waited", "rude", "lost", "again", "never", "wrong", "angry"],
}
OTHERS = ["invoice", "tariff", "cable", "router", "signal", "meter", "contract", "billing", "outage", "technician"]
NOW = 1_800_000_000.0
BEGIN = 1_700_000_000.0


def mail(rng: np.random.Generator, label: str, words: Sequence[str] = ()) -> str:
    """A mail of a tone; words: what other mails are made of."""
    chosen = rng.choice(list(words) or WORDS[label], int(rng.integers(6, 14)))
    return " ".join(map(str, chosen)) + f" {rng.integers(10_000)}"


def write_run(folder: Path, n_test: int = 300, seed: int = 5) -> RunFolder:
    """A run of an own classification whose tuned variant is right on nine of ten test rows; nothing is trained."""
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    for name, n in (("train", 40), ("test", n_test)):
        rows = [{"text": mail(rng, LABELS[at % 2]), "tone": LABELS[at % 2]} for at in range(n)]
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    values = {
        "name": "mails",
        "base": "smollm2-135m-instruct",
        "datasets": {"mails": {"task": "mailtone", "domain": "support", "train": "train.jsonl", "test": "test.jsonl", "fields": {"input": "text", "output": "tone"}}},
        "tasks": {"mailtone": {"kind": "classification", "labels": list(LABELS), "prompt": "Mail: {input}\nTone:", "train": "mails", "in_domain": ["mails"]}},
        "methods": ["base", "sft"],
        "train": {"sizes": [16]},
        "stats": {"resamples": 200},
    }  # fmt: skip
    (folder / "mails.yaml").write_text(yaml.safe_dump(values, sort_keys=False), encoding="utf-8")
    return fake_run(folder / "mails.yaml", folder / "run")


def reference_of(run: RunFolder, settings: MonitorSettings | None = None) -> Reference:
    """The reference of a run's only tuned variant."""
    return load_reference(run, settings or MonitorSettings())


@cache
def known_reference(run: RunFolder, domain_texts: int) -> Reference:
    """The same, read once."""
    return reference_of(run, MonitorSettings(domain_texts=domain_texts))


def tuned(run: RunFolder) -> str:
    """Id of the tuned variant."""
    return next(str(one["id"]) for one in load_evidence(run).plan["variants"] if one["label"] == "sft")


def request(rng: np.random.Generator, at: int, right: float = 0.9, **changes: Any) -> dict[str, Any]:
    """A request like those of the run, right as often as said, with everything a log may hold."""
    label = LABELS[int(rng.integers(2))]
    answer = label if rng.random() < right else LABELS[1 - LABELS.index(label)]
    row = {
        "time": BEGIN + 60.0 * at,
        "id": f"r{at}",
        "prompt": f"Mail: {mail(rng, label)}\nTone:",
        "output": answer,
        "label": label,
        "confidence": round(float(rng.beta(9, 1)), 4),
        "latency": round(float(rng.lognormal(-1, 0.4)), 4),
    }
    return {name: value for name, value in (row | changes).items() if value is not None}


def traffic(
    n: int, seed: int = 0, right: Callable[[int], float] = lambda at: 0.9, **changes: Any
) -> list[dict[str, Any]]:
    """Requests one after the other; right: how often the answer is right at a place."""
    rng = np.random.default_rng(seed)
    return [request(rng, at, right(at), **changes) for at in range(n)]


def write_log(path: Path, rows: Sequence[Mapping[str, Any] | str]) -> Path:
    """Write rows as JSON lines; text is written as it is."""
    lines = (row if isinstance(row, str) else json.dumps(row) for row in rows)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8", errors="surrogatepass")
    return path
