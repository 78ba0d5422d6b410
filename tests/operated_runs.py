"""A finished run of an own classification on two test sets, as the guide of the whole loop has it: no model, everything else real."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import yaml

from fake_runs import fake_run
from governed_runs import FIT
from hanka.analysis import analyse
from hanka.store.folder import RunFolder, read_json, write_json
from live_traffic import LABELS, mail, write_log

SHOP = {
    "good": ["sturdy", "bargain", "bright", "soft", "recommend", "gift"],
    "bad": ["flimsy", "overpriced", "dull", "rough", "returned", "scratch"],
}
"Words of reviews, which no mail has."


def _rows(seed: int, n: int, words: dict[str, Sequence[str]] | None = None) -> list[dict[str, str]]:
    rng = np.random.default_rng(seed)
    labels = [LABELS[at % 2] for at in range(n)]
    return [{"text": mail(rng, label, words[label] if words else ()), "tone": label} for label in labels]


def operated_run(folder: Path) -> RunFolder:
    """Write `mails.yaml` with its rows, and `runs/mails`: of 400 rows a set the tuned model has nine of ten right, the base model half."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in (
        ("train", _rows(1, 200)), ("mails", _rows(2, 400)), ("reviews", _rows(3, 400, SHOP)),
    ):  # fmt: skip
        write_log(folder / f"{name}.jsonl", rows)
    fields = {"input": "text", "output": "tone"}
    mails = {"task": "mailtone", "domain": "support", "train": "train.jsonl", "test": "mails.jsonl", "fields": fields, "licence": "CC0-1.0"}  # fmt: skip
    reviews = {"task": "mailtone", "domain": "shop", "test": "reviews.jsonl", "fields": fields, "licence": "CC0-1.0"}
    values = {
        "name": "mails", "base": "smollm2-135m-instruct", "datasets": {"mails": mails, "reviews": reviews},
        "tasks": {"mailtone": {"kind": "classification", "labels": list(LABELS), "prompt": "Mail: {input}\nTone:", "train": "mails",
                               "in_domain": ["mails"], "out_of_domain": ["reviews"]}},
        "methods": ["base", "sft"], "train": {"sizes": [128]}, "stats": {"resamples": 200},
    }  # fmt: skip
    (folder / "mails.yaml").write_text(yaml.safe_dump(values, sort_keys=False), encoding="utf-8")
    run = fake_run(folder / "mails.yaml", folder / "runs/mails")
    for variant in read_json(run.plan)["variants"]:
        place = run.variant(variant["id"])
        write_json(place / "variant.json", read_json(place / "variant.json") | {"record": {"fit": FIT}})
        if variant["changes_weights"]:
            (place / "adapter_model.safetensors").write_bytes(variant["id"].encode())
            write_json(place / "adapter_config.json", {"r": 8})
    analyse(run)
    return run
