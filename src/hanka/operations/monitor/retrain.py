"""A ready study for retraining: the run's own study, with the rows that were labelled in live traffic as a data set of their own.

Written when an alarm asks for it. The study keeps every entry of the run, so that what was shipped is measured again beside what replaces it,
and adds one: the shipped method on a mix of the rows it had and the live ones, in equal shares as far as the live rows suffice, at
the same sizes. A part of the live rows is set aside to test on. `hanka validate` accepts it; whether it is run is for a person to say. Limits: the
labelled rows are those that somebody labelled; where only complaints get labels, a model is trained on complaints.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from hanka.errors import MonitorError, nearest
from hanka.operations.monitor.asked import stored_study
from hanka.operations.monitor.memory import Labelled
from hanka.operations.monitor.reference import Reference
from hanka.records import is_unadapted
from hanka.store.folder import RunFolder, make_folder, read_json_or_none, write_json, write_text

TRAINED_SHARE = 0.7
"Of the live rows: hanka sets 0.2 aside to test on and 0.1 to choose by."
SPARE = 0.9
"Of those, what a mix asks for, since groups of equal texts stay together and the split is not exact."
DEFAULT_SIZES = (64,)
"Sizes of a study that names none."
ABOUT = "with the rows that were labelled in live traffic"
"What the first line of such a study says, by which it is told from one that somebody wrote."
LIVE, MIX, RETRAINED = "live", "live-mix", "retrained"


class Written(NamedTuple):
    """A study for retraining."""

    study: Path
    rows: Path
    n_rows: int
    share: float
    "Of live rows in the mix; 1 where there is nothing to mix them with."


def usable(labelled: Sequence[Labelled]) -> list[Labelled]:
    """Return the rows that can be trained on, each once: no empty field or target."""
    kept = {
        (tuple(sorted(one.fields.items())), one.target): one
        for one in labelled
        if one.target.strip() and all(value.strip() for value in one.fields.values())
    }
    return list(kept.values())


def write_retraining(
    run: RunFolder, reference: Reference, labelled: Sequence[Labelled], least: int, to: Path
) -> Written:
    """Write study and rows into a folder. Raises MonitorError where too few rows are labelled, or the run's study is damaged."""
    rows = usable(labelled)
    if len(rows) < least:
        raise MonitorError(
            f"{len(rows)} labelled rows can be trained on, and a study for retraining takes at least {least} (`least_retrain`); label more"
        )
    _require_own(to)
    values = stored_study(run)
    share = _add(values, reference, len(rows))
    make_folder(to)
    live = to / f"{LIVE}.jsonl"
    lines = (json.dumps({**one.fields, "output": one.target}, ensure_ascii=False) for one in rows)
    write_text(live, "".join(f"{line}\n" for line in lines))
    places = read_json_or_none(run.study.with_suffix(".places.json"))
    if places is not None:
        write_json(to / "study.places.json", places)
    write_text(to / "study.yaml", _yaml(values, reference))
    return Written(to / "study.yaml", live, len(rows), share)


def _require_own(to: Path) -> None:
    """Raise MonitorError where a folder holds a study or rows that somebody else wrote."""
    study, rows = to / "study.yaml", to / f"{LIVE}.jsonl"
    begun = study.read_text(encoding="utf-8", errors="replace").partition("\n")[0] if study.is_file() else ""
    there = next((one for one in (study, rows) if one.exists()), None)
    if there is not None and not (begun.startswith("#") and ABOUT in begun):
        raise MonitorError(f"{there} is there and no study for retraining; name another folder with --retrain")


def _add(values: dict[str, Any], reference: Reference, n_rows: int) -> float:
    """Add the live rows, the mix and the retrained method to a study's values; return the share of live rows in the mix."""
    task, variant = reference.task, reference.variant
    datasets = values.setdefault("datasets", {}) or {}
    values["datasets"] = datasets
    live, mix = _free(LIVE, datasets), _free(MIX, datasets)
    datasets[live] = {"task": task, "domain": live, "train": f"{LIVE}.jsonl"}
    before = str(variant["train_dataset"])
    share, trained = 1.0, live
    if before and not datasets.get(before, {}).get("recipe"):
        sizes = (values.get("train") or {}).get("sizes") or DEFAULT_SIZES
        share = _share(n_rows, max(sizes) if isinstance(sizes, (list, tuple)) else int(sizes))
        datasets[mix] = {"recipe": {"concat": {"of": {before: round(1 - share, 4), live: share}}}}
        trained = mix
    if task not in values.get("tasks", {}):
        raise MonitorError(f"the study of the run has no task {task!r}: {nearest(task, values.get('tasks', {}))}")
    spec = values["tasks"][task] or {}
    # Of another domain than what was trained on before; to what is trained on it, it is in domain.
    values["tasks"][task] = {**spec, "out_of_domain": [*(spec.get("out_of_domain") or []), live]}
    values["methods"] = [*values["methods"], _entry(values["methods"], variant, trained)]
    values["name"] = f"{values['name']}-{RETRAINED}"
    return share


def _free(name: str, taken: Mapping[str, Any]) -> str:
    """Return a name that no data set has."""
    return next(one for one in (name, *(f"{name}-{n}" for n in range(2, len(taken) + 3))) if one not in taken)


def _share(n_rows: int, size: int) -> float:
    """Return the share of live rows in a mix: a half, or as many as there are to train on."""
    return max(0.01, min(0.5, math.floor(100 * SPARE * TRAINED_SHARE * n_rows / size) / 100))


def _entry(methods: Sequence[Any], variant: Mapping[str, Any], trained: str) -> dict[str, Any]:
    """Return the entry of the shipped method, on other rows; tuned weights where nothing was trained or something was made of others."""
    named = [one if isinstance(one, dict) else {one: {}} for one in methods]
    entries = [(name, dict(said or {})) for one in named for name, said in one.items()]
    label = _free(RETRAINED, dict.fromkeys(str(said.get("name", name)) for name, said in entries))
    for name, said in entries:
        is_shipped = said.get("name", name) == variant["label"] and not is_unadapted(name)
        if is_shipped and variant["train_size"] and "of" not in said:
            return {name: {**said, "name": label, "on": [trained]}}
    return {"sft": {"name": label, "on": [trained]}}


def _yaml(values: Mapping[str, Any], reference: Reference) -> str:
    import yaml

    # PyYAML writes U+0085 unescaped and reads it back as a space; escaped text survives.
    plain = "\x85" not in json.dumps(values, ensure_ascii=False)
    text = str(yaml.safe_dump(dict(values), sort_keys=False, allow_unicode=plain, width=110))
    about = f"# {reference.title} of {reference.run} again, {ABOUT} (entry {RETRAINED}).\n"
    return " ".join(about.split()) + "\n" + text
