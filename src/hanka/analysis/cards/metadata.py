"""The metadata of a card: YAML that the hub accepts, with nothing in it that nobody stated.

Names that the hub looks up (base model, data sets, licence) stand in it only where they are the hub's own; everything else is in the text.
Values of model-index carry n and interval in `args`. Sources: hub-docs `modelcard.md`; the hub's list of licence identifiers.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import yaml

from hanka.analysis.cards.parts import CardParts
from hanka.datasets.hub_recipes import RECIPES
from hanka.datasets.hub_rows import PREFIX
from hanka.metrics import METRICS

HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}")
"owner/name."
LICENCES: Mapping[str, str] = {
    "apache-2.0": "apache-2.0", "mit": "mit", "bsd-3-clause": "bsd-3-clause", "cc0 1.0": "cc0-1.0", "cc by 3.0": "cc-by-3.0",
    "cc by 4.0": "cc-by-4.0", "cc by-sa 3.0": "cc-by-sa-3.0", "cc by-sa 4.0": "cc-by-sa-4.0", "cc by-nc 4.0": "cc-by-nc-4.0",
    "cc by-nc-sa 4.0": "cc-by-nc-sa-4.0", "gemma": "gemma", "openrail": "openrail", "gpl-3.0": "gpl-3.0", "agpl-3.0": "agpl-3.0",
    "llama 2 community license": "llama2", "llama 3 community license": "llama3", "llama 3.1 community license": "llama3.1",
    "llama 3.2 community license": "llama3.2", "llama 3.3 community license": "llama3.3",
}  # fmt: skip
"Licence as it is stated, without remarks, in lower case → identifier of the hub."
UNSTATED = ("", "not stated", "none needed")
RELATION = {"peft": "adapter", "gguf": "quantized"}
"Library → what the model is to its base, where that is no whole fine-tuned model."
HUB_METRICS: Mapping[str, str] = {
    "macro_f1": "f1", "rouge_1": "rouge", "rouge_2": "rouge", "rouge_l": "rouge", "pearson": "pearsonr", "spearman": "spearmanr",
}  # fmt: skip
"Metrics that the hub calls otherwise."
TASK_TYPES: Mapping[str, str] = {"classification": "text-classification", "regression": "text-classification"}
"Kind of task → task of the hub; text generation for all others."
LANGUAGES = ("ja", "ko", "th")
"Scripts of test rows that one language has."


def metadata_yaml(parts: CardParts) -> str:
    """Return the metadata as YAML, lines ended."""
    return str(yaml.safe_dump(metadata(parts), sort_keys=False, allow_unicode=True, width=1000))


def metadata(parts: CardParts) -> dict[str, Any]:
    """Return the metadata: what is not known is left out, but an unknown licence is said."""
    library, variant = parts.library, parts.variant
    found: dict[str, Any] = dict(licence_of(str(parts.base.get("licence") or "")))
    if base := hub_base(parts):
        found |= {"base_model": base, "base_model_relation": RELATION.get(library, "finetune")}
    is_classifier = library == "hanka" and not parts.made.get(
        "tuner"
    )  # a head on features; every tuner is of a language model
    found |= {"library_name": library, "pipeline_tag": "text-classification" if is_classifier else "text-generation"}
    for name, value in (("language", languages(parts)), ("datasets", hub_datasets(parts))):
        found |= {name: value} if value else {}
    tuner = str(parts.made.get("tuner") or "")
    tags = ["hanka", str(variant["method"]), tuner if tuner not in ("", "none") else ""]
    found["tags"] = list(dict.fromkeys(tag for tag in tags if tag))
    results = _results(parts)
    if results:
        found["metrics"] = list(dict.fromkeys(metric["type"] for one in results for metric in one["metrics"]))
        found["model-index"] = [{"name": model_name(parts), "results": results}]
    return found


def model_name(parts: CardParts) -> str:
    """Return what the model is called, as a repository could be."""
    one = parts.variant
    name = f"{parts.evidence.plan['study']}-{one['label']}-{one['train_dataset']}-{one['train_size']}-seed{one['seed']}"
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.")[:96]


def licence_of(stated: str) -> dict[str, str]:
    """Return how metadata say a licence that is stated in words; `unknown` where none is."""
    plain = stated.partition("(")[0].strip().casefold()
    if plain in UNSTATED:
        return {"license": "unknown"}
    if plain in LICENCES:
        return {"license": LICENCES[plain]}
    return {"license": "other", "license_name": re.sub(r"[^a-z0-9.]+", "-", plain).strip("-")}


def hub_base(parts: CardParts) -> str:
    """Return the hub's id of the base model; empty where it is not from the hub."""
    found = str((parts.base.get("identity") or {}).get("hub") or "")
    return found if HUB_ID.fullmatch(found) else ""


def hub_datasets(parts: CardParts) -> list[str]:
    """Return the hub's ids of the data sets it was trained on, as far as they are from the hub."""
    repos = {one.name: one.repo for one in RECIPES}
    found = []
    for name in parts.variant.get("trained_on", ()):
        source = str(parts.datasets.get(name, {}).get("source", ""))
        if source == "hub" and name in repos:
            found.append(repos[name])
        elif source.startswith(PREFIX):
            found.append(source.removeprefix(PREFIX).partition(":")[0].partition("@")[0])
    return [one for one in dict.fromkeys(found) if HUB_ID.fullmatch(one)]


def languages(parts: CardParts) -> list[str]:
    """Return languages: those its base's makers state, and those that scripts of its test rows tell for sure."""
    return list(dict.fromkeys([*parts.base.get("languages", ()), *_scripts(parts)]))


def _scripts(parts: CardParts) -> list[str]:
    """Return the languages that more than half of an own test set's rows are written in, where the script tells."""
    from hanka.store.folder import read_table

    path = parts.evidence.folder.samples
    if not path.is_file():
        return []
    own = {
        str(cell.cell["test_dataset"])
        for cell in parts.cells
        if cell.cell["relation"] in ("in_domain", "out_of_domain")
    }
    counts: dict[str, dict[str, int]] = {}
    for row in read_table(path).to_pylist():
        if row["slice"] == "language" and row["test_dataset"] in own:
            by_script = counts.setdefault(row["test_dataset"], {})
            by_script[row["value"]] = by_script.get(row["value"], 0) + 1
    return [name for name in LANGUAGES if any(2 * one.get(name, 0) > sum(one.values()) for one in counts.values())]


def _results(parts: CardParts) -> list[dict[str, Any]]:
    """Return a result per test set with its primary metric in every asking, each with n, interval and difference."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for row in parts.summary:
        primary = parts.evidence.primary(row["test_task"])
        if row["metric"] != primary or not row["value"]:
            continue
        key = (row["test_task"], row["test_dataset"])
        kind = parts.evidence.task(row["test_task"])["kind"]
        result = found.setdefault(
            key,
            {
                "task": {"type": TASK_TYPES.get(kind, "text-generation"), "name": row["test_task"]},
                "dataset": {
                    "name": row["test_dataset"],
                    "type": _dataset_type(parts, row["test_dataset"]),
                    "split": "test",
                },
                "metrics": [],
            },
        )
        result["metrics"].append(_metric(row))
    return list(found.values())


def _dataset_type(parts: CardParts, name: str) -> str:
    """Return what identifies a data set: the hub's id where it has one, else its own name."""
    source = str(parts.datasets.get(name, {}).get("source", ""))
    repo = source.removeprefix(PREFIX).partition(":")[0].partition("@")[0] if source.startswith(PREFIX) else ""
    return repo if HUB_ID.fullmatch(repo) else re.sub(r"[^A-Za-z0-9._-]+", "-", name)


def _metric(row: Mapping[str, str]) -> dict[str, Any]:
    asked = f"{row['shots']}-shot, {row['prompt']}" + (f", draw {row['draw']}" if row["draw"] not in ("", "0") else "")
    numbers = ("ci_low", "ci_high", "base_value", "delta", "sim_low", "sim_high")
    args: dict[str, Any] = {"n": int(row["n"]), "relation": row["relation"]}
    args |= {name: float(row[name]) for name in numbers if row[name]} | (
        {"verdict": row["verdict"]} if row["verdict"] else {}
    )
    name = (
        f"{METRICS.get(row['metric']).display} ({asked})" if row["metric"] in METRICS else f"{row['metric']} ({asked})"
    )
    return {
        "type": HUB_METRICS.get(row["metric"], row["metric"]),
        "name": name,
        "value": float(row["value"]),
        "args": args,
    }
