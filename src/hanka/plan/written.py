"""What a run writes of its study and plan: study.yaml, plan.json, and the digest by which a finished run knows itself."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from hanka import __version__
from hanka.datasets.hub_rows import PREFIX
from hanka.identity import content_id, sha256_text
from hanka.methods.contract import LABELLING_KEYS, Adaptation
from hanka.methods.defaults import settled
from hanka.metrics import METRICS, rouge_tokenization
from hanka.models.catalogue import ModelRef
from hanka.models.identity import COMMIT, model_identity, n_parameters
from hanka.plan.freeze import frozen_state
from hanka.plan.perturbed import perturbed_json
from hanka.plan.records import Plan
from hanka.plan.shown import shown_params
from hanka.plan.training_rows import training_rows_json
from hanka.store.paths import as_path, is_place
from hanka.study.base_schema import BaseModelSpec
from hanka.study.dataset_declarations import data_folder, own_places
from hanka.study.entry_declarations import EntryUse
from hanka.study.method_declarations import MethodUse
from hanka.study.places import Located, portable, tail
from hanka.study.resolved import Study
from hanka.study.schema import TaskSpec
from hanka.tasks.base import Task
from hanka.training.pace import Pace


def study_yaml(study: Study) -> str:
    """Write the study as resolved, every default and role written out; files by what they are shown as, no path of a machine."""
    return written_study(study)[0]


def written_study(study: Study) -> tuple[str, list[dict[str, Any]]]:
    """Return the study as resolved, and where the files it names are here; see `study.places`."""
    import yaml

    values, left_open = _values(study)
    values, places = portable(values, study.base_dir)
    # PyYAML writes U+0085 unescaped and reads it back as a space; escaped text survives.
    plain = "\x85" not in json.dumps(values, ensure_ascii=False)
    text = str(yaml.safe_dump(values, sort_keys=False, allow_unicode=plain, width=110))
    return text + "".join(f"# {line}\n" for line in left_open), places


def _values(study: Study) -> tuple[dict[str, Any], list[str]]:
    """Return the values of the study as resolved, files as places, and what is open in them, for a comment."""
    values = json.loads(study.spec.model_dump_json())
    values["data"] = values["data"] and {k: v for k, v in values["data"].items() if v is not None}
    if values["data"] and "path" in values["data"]:
        values["data"]["path"] = _place(study, data_folder(values["data"]["path"], study.base_dir))
    if not values["author"]:
        del values["author"]
    values["eval"]["scoring"] = study.scoring
    values["eval"]["block"] = study.spec.eval.rows_between_looks
    if study.spec.eval.contexts is None:
        del values["eval"]["contexts"]
        values["eval"]["demonstrations"] = study.demonstrations
    else:
        del values["eval"]["demonstrations"]
        values["eval"]["contexts"] = _entries(values["eval"]["contexts"], study.contexts)
    values["datasets"] = {name: _dataset(study, name, entry) for name, entry in values["datasets"].items()}
    for name, use in ((name, use) for name, use in study.tasks.items() if name not in study.harness):
        entry = study.spec.tasks[name].model_dump(
            mode="json", exclude={"train", "in_domain", "out_of_domain"}, exclude_unset=True, exclude_none=True
        )
        entry |= _declared(study.spec.tasks[name], use.task)
        entry["train"] = use.train.name if use.train else None
        entry["in_domain"] = [dataset.name for dataset in use.in_domain]
        entry["out_of_domain"] = [dataset.name for dataset in use.out_of_domain]
        values["tasks"][name] = entry
    if study.harness_spec is not None:
        values["tasks"]["lm_eval"] = _harness(study)
    left_open = _settle(study, values["methods"])
    values["methods"] = [_entry(one | {"params": shown_params(study, one["params"])}) for one in values["methods"]]
    values["probes"] = _entries(values["probes"], study.probes)
    if study.guardrails is None:
        del values["guardrails"]
    else:
        values["guardrails"] = [
            _entry(one | {"params": ({"name": one["label"]} if one["label"] != one["entry"] else {}) | one["params"]})
            for one in _guardrails(study) or ()
        ]
    bases = [_base(study, spec, model) for spec, model in zip(study.spec.base, study.models, strict=True)]
    values["base"] = bases[0] if len(bases) == 1 else bases
    return values, left_open


def _place(study: Study, path: Path) -> Located:
    path = path.resolve()
    return Located(path, study.source.shown.get(str(path), ""))


def _harness(study: Study) -> dict[str, Any]:
    """Write what a study says of lm-evaluation-harness; its folder of task files as a place."""
    assert study.harness_spec is not None
    given = study.harness_spec.model_dump(mode="json", exclude_none=True)
    if "include" in given:
        given["include"] = _place(study, as_path(given["include"], study.base_dir))
    return given


def _declared(spec: TaskSpec, task: Task) -> dict[str, Any]:
    """Return how written answers of an own task end, are judged and are scored; nothing where that is not open to a study."""
    if spec.kind is None or not task.is_written:
        return {}
    params = task.judging["params"]
    verifier = {task.verifier: params} if params else task.verifier
    return {"metric": task.metrics[0], "stop": list(task.stop), "verifier": verifier}


def _settle(study: Study, entries: list[dict[str, Any]]) -> list[str]:
    """Write into each entry what its method reads and the study leaves open; `train:` holds what all have in common.

    What differs between its variants cannot stand in the entry; it is returned as lines for a comment.
    """
    lines = []
    for use in study.methods:
        entry = entries[int(use.key[1])]["params"]
        own = {train: _parameters(one) | _set_aside(study, one) for train, one in use.adaptations.items()}
        for one in use.adaptations.values():
            entry |= {
                name: _place(study, Path(value)) if is_place(value) else value for name, value in one.own.found.items()
            }
        paces = _paces(study, use)
        for where in (own, paces):
            for name in dict.fromkeys(name for one in where.values() for name in one if name not in entry):
                found = {place: one[name] for place, one in where.items() if name in one}
                first = next(iter(found.values()))
                if len(found) == len(where) and all(value == first for value in found.values()):
                    entry[name] = first
                else:
                    said = ", ".join(f"{_said(value)} ({place})" for place, value in found.items())
                    lines.append(f"{use.label}: {name} by default {said}")
    return lines


def _parameters(one: Adaptation) -> dict[str, Any]:
    """Return an adaptation's own parameters, those of its tuner and of its objective."""
    found: dict[str, Any] = {} if one.tuner is None else {"peft": one.tuner.name}
    for params in (one.tuner_params, one.objective_params):
        found |= {} if params is None else params.model_dump(mode="json")
    return found | one.own.model_dump(mode="json", exclude=set(LABELLING_KEYS))


def _set_aside(study: Study, one: Adaptation) -> dict[str, Any]:
    """Return which share of rows is validated on, where `train:` leaves that open."""
    is_open = "validation" in one.row_keys and study.spec.train.validation is None
    return {"validation": one.train.validation} if is_open else {}


def _paces(study: Study, use: MethodUse) -> dict[str, dict[str, Any]]:
    """Return by training set and size how long and how fast is trained, as far as `train:` leaves that open."""
    if not use.method.course:
        return {}
    left_open = [name for name in Pace._fields if getattr(study.spec.train, name) is None]
    return {
        f"{train}, {size} rows": {name: getattr(settled(one, size).train.pace, name) for name in left_open}
        for train, one in use.adaptations.items()
        for size in one.train.sizes
    }


def _said(value: Any) -> str:
    return f"{value:g}" if isinstance(value, (int, float)) else str(value)


def _entry(one: dict[str, Any]) -> Any:
    """Write an entry as a study does: its name, or a one-key map with its parameters."""
    return {one["entry"]: one["params"]} if one["params"] else one["entry"]


def _entries(given: list[dict[str, Any]], uses: Sequence[EntryUse[Any]]) -> list[Any]:
    """Write entries with every parameter."""
    return [
        _entry(one | {"params": one["params"] | use.params.model_dump(mode="json")})
        for one, use in zip(given, uses, strict=True)
    ]


def _dataset(study: Study, name: str, entry: dict[str, Any]) -> dict[str, Any]:
    """Write a data set as a study does: what says nothing is left out; 0 and false do say something."""
    if entry["of"] is not None:  # turns say something of files alone
        entry |= {"turns": None} | {key: getattr(study.datasets[name], key) for key in ("domain", "licence")}
    given = {key: value for key, value in entry.items() if value is not None and value != {} and value != []}
    if "recipe" in given:
        return {"recipe": _entries([given["recipe"]], [study.recipes[name].use])[0]}
    places = own_places(study.spec.datasets[name], study.base_dir)
    return given | {split: _place(study, Path(one)) if is_place(one) else one for split, one in places.items()}


def _base(study: Study, spec: BaseModelSpec, model: ModelRef) -> Any:
    """Write a base as a study does: its name where that is all, folders as places, hub revisions as the commit found.

    A base that is written otherwise than the study names it keeps its name in tables.
    """
    given = spec.model_dump(mode="json", exclude_unset=True, exclude_none=True)
    if model.kind in ("folder", "gguf") and model.folder:
        given["model"] = place = _place(study, model.folder)
        if model.name != (place.shown or tail(place.path, study.base_dir, {})):
            given["name"] = model.name
    if model.kind == "hub" and _pinned(given["model"], model) != given["model"]:
        given |= {"model": _pinned(given["model"], model), "name": model.name}
    if model.fresh is not None and model.fresh.tokenizer.kind == "hub":
        given["fresh"]["tokenizer"] = _pinned(given["fresh"]["tokenizer"], model.fresh.tokenizer)
    if model.fresh is not None and model.fresh.tokenizer.folder:
        given["fresh"]["tokenizer"] = _place(study, model.fresh.tokenizer.folder)
    given = shown_params(study, given)
    return given["model"] if set(given) == {"model"} else given


def _pinned(name: str, model: ModelRef) -> str:
    """Return what names a model of the hub with the commit that its revision stands for, where that is known."""
    return f"{name.partition('@')[0]}@{model.revision}" if COMMIT.fullmatch(model.revision) else name


def plan_json(plan: Plan, command: str) -> dict[str, Any]:
    """Return plan.json: variants and cells, and what reading the run later needs of the study. command: repeats the run."""
    study = plan.study
    tests = {cell.test.dataset.name: cell.test for cell in plan.cells.values()}
    named = [name for planned in plan.variants.values() for name in planned.variant.trained_on]
    trained = {use.train.name: use.train for use in study.tasks.values() if use.train}
    datasets = {name: test.dataset for name, test in tests.items()} | trained
    datasets |= {name: study.datasets[name] for name in named if name not in datasets}
    seen = {study.datasets[name].task for name in named}
    return plan.as_json() | {
        "lang": study.spec.lang,
        "seed": study.spec.seeds[0],
        "stats": study.spec.stats.model_dump(),
        "frozen": frozen_state(plan),
        "block": study.spec.eval.rows_between_looks,
        "max_new_tokens": study.spec.eval.max_new_tokens,
        "tasks": {
            name: {"kind": use.task.kind, "labels": list(use.task.labels), "metrics": list(use.task.metrics)}
            for name, use in study.tasks.items()
        },
        "measures": [asdict(one) for use in study.harness.values() for one in use.measures],
        "trained_tasks": [name for name, use in study.tasks.items() if name in seen and use.tests],
        "contexts": [use.label for use in study.contexts],
        "context_entries": {use.label: use.entry.name for use in study.contexts},
        "contexts_of_own_rows": [use.label for use in study.contexts if use.entry.shows_own],
        "files": _files(study),
        "splits": plan_splits(study),
        "prices": _prices(study),
        "guardrails": _guardrails(study),
        "perturbed": perturbed_json(plan),
        "validation": {one.name: name for name, one in study.validated.items() if one.name in tests},
        "training_rows": training_rows_json(plan),
        "parameters": {one.name: None if one.kind == "encoder" else n_parameters(one) for one in study.models},
        "reproduce": {
            "command": command,
            "study_sha256": sha256_text(study_yaml(study)),
            "hanka": __version__,
            "rouge_tokenization": rouge_tokenization(),
            "models": [
                {
                    "name": model.name,
                    "licence": model.entry.licence if model.entry else "not stated",
                    "languages": list(model.entry.languages) if model.entry else [],
                    "note": model.note,
                    "identity": model_identity(model),
                }
                for model in study.models
            ],
            "datasets": [
                {
                    "name": dataset.name,
                    "task": dataset.task,
                    "domain": dataset.domain,
                    "source": dataset.source,
                    "licence": dataset.licence,
                    "n_test": len(tests[name].examples) if name in tests else 0,
                    "note": dataset.note,
                }
                for name, dataset in datasets.items()
            ],
        },
    }


def _files(study: Study) -> list[dict[str, Any]]:
    """Say of every own file that was read how many rows it has and how many are not used, by kind."""
    return [
        {
            "dataset": name,
            "split": file.split,
            "file": _file_name(file.place),
            "n_rows": file.n_rows,
            "left_out": dict(Counter(row.kind for row in file.skipped)),
        }
        for name, dataset in study.datasets.items()
        for file in (dataset.reading().files if dataset.reading is not None else ())
    ]


def plan_splits(study: Study) -> dict[str, dict[str, Any]]:
    """Say how the only file of a data set was divided."""
    found = {}
    for name, dataset in study.datasets.items():
        split = dataset.reading().split if dataset.reading is not None else None
        if split is not None:
            asked = {
                "file": _file_name(split.place),
                "test": split.test,
                "validation": split.validation,
                "seed": split.seed,
            }
            found[name] = asked | {"n_groups": split.n_groups, "n_rows": dict(split.n_rows)}
    return found


def _file_name(place: str) -> str:
    return place if place.startswith(PREFIX) else Path(place).name


def _slices(plan: Plan) -> dict[str, str]:
    """Return by test set what its rows are also shown by; those without such columns are left out."""
    tests = {cell.test.dataset.name: cell.test.examples for cell in plan.cells.values()}
    return {
        name: content_id({one.id: dict(one.slices) for one in examples})
        for name, examples in tests.items()
        if any(one.slices for one in examples)
    }


def _prices(study: Study) -> dict[str, dict[str, Any]]:
    """Return what asking a base costs, where the study says it."""
    return {one.name: asdict(one.served.price) for one in study.models if one.served and one.served.price}


def _guardrails(study: Study) -> list[dict[str, Any]] | None:
    """Return what must not come out, with the content of the files that were named; what is not written says nothing."""
    if study.guardrails is None:
        return None
    return [
        {
            "label": one.label,
            "entry": one.entry.name,
            "params": one.params.model_dump(mode="json", exclude_defaults=True),
        }
        for one in study.guardrails
    ]


def digest_of(plan: Plan, questions: Sequence[Sequence[Any]]) -> str:
    """Return what the tables of a finished run depend on: ids, metrics, statistics, code version.

    questions: name and version of each question that is asked of the evidence.
    """
    study = plan.study
    return content_id(
        {
            "hanka": __version__,
            "cells": list(plan.cells),
            "probes": list(plan.probes),
            "relations": [cell.cell.relation for cell in plan.cells.values()],
            "labels": [variant.variant.label for variant in plan.variants.values()],
            "contexts": [cell.cell.context for cell in plan.cells.values()],
            "context_versions": [[use.entry.name, use.entry.version] for use in study.contexts],
            "recipe_versions": [[name, one.use.entry.version] for name, one in study.recipes.items()],
            "metrics": {
                name: [[metric, METRICS.get(metric).version] for metric in use.task.metrics]
                for name, use in study.tasks.items()
            },
            "questions": [list(one) for one in questions],
            "prices": _prices(study),
            "guardrails": _guardrails(study),
            "roles": [[name, dict(one.use.entry.roles(one.use.params))] for name, one in study.recipes.items()],
            "references": [planned.variant.reference for planned in plan.variants.values()],
            "slices": _slices(plan),
            "stats": study.spec.stats.model_dump(),
            "frozen": frozen_state(plan),
            "lang": study.spec.lang,
            "strict": study.spec.strict,
            "name": study.spec.name,
            "seed": study.spec.seeds[0],
        }
    )
