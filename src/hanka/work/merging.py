"""Variants of a run as whole models, folded together as they are served, with a study that asks them what they were asked.

Folding rounds: an adapter beside its weights and the two as one differ by what the dtype cannot hold, and some traps change more (tied
embeddings). So what is exported is asked the variant's own cells again, beside the variant as it was tuned, and compared.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from hanka.errors import HankaError
from hanka.plan import PlannedVariant, build_plan
from hanka.store.folder import RunFolder, read_json_or_none, write_text
from hanka.store.paths import as_file_name
from hanka.study.resolve import load_study
from hanka.tuners import TUNERS
from hanka.work.place import Report, Workplace

AS_TUNED, AS_EXPORTED = "as tuned", "as exported"
"What the study that compares calls the two."


class Merged(NamedTuple):
    """A variant that was exported."""

    title: str
    "What it is."
    folder: Path
    "The whole model."
    study: Path
    "The study that asks it, beside the variant where that stands on its base directly."
    is_compared: bool
    "Whether the variant is beside it there."
    notes: tuple[str, ...]
    "What should be known before it is served."


def merge_variants(run: RunFolder, out: Path, report: Report) -> list[Merged]:
    """Write every variant of a finished run that is a language model of its own. Raises HankaError where there is none."""
    plan = build_plan(load_study(run.study))
    place = Workplace(plan, run, report)
    found = []
    for planned in plan.variants.values():
        made = place.made(planned.variant.id)
        is_model = planned.engine == "local" and not planned.variant.is_unadapted
        if is_model and made.get("status") == "done" and made.get("tuner"):
            found.append(_merge(place, planned, made, out))
    if not found:
        raise HankaError(
            f"{run.path}: holds no adapted language model that could be merged; run a study with a method such as sft"
        )
    return found


def _merge(place: Workplace, planned: PlannedVariant, made: Mapping[str, Any], out: Path) -> Merged:
    one = planned.variant
    made_by = f"{one.train_size} rows, seed {one.seed}" if one.train_size else "tuned elsewhere"
    title = f"{one.label} on {one.train_dataset} ({made_by})"
    name = as_file_name(f"{one.label}-{one.train_dataset}-{one.train_size}-{one.seed}-{one.id[:6]}")
    folder, stack = out / name, place.stack(one.id)
    place.report(f"merging {title}", 0.0)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with place.resident.lend(planned.model, planned.dtype, stack, train=True) as loaded:
        TUNERS.get("none").save(loaded, folder)
        tied = bool(getattr(loaded.model.config, "tie_word_embeddings", False))
    adapter = read_json_or_none(place.folder.variant(one.id) / "adapter_config.json") or {}
    study = out / f"{name}.yaml"
    direct = len(stack) == 1
    write_text(study, _study(place, planned, folder, direct))
    return Merged(title, folder, study, direct, _notes(made, adapter, tied))


def _notes(made: Mapping[str, Any], adapter: Mapping[str, Any], tied: bool) -> tuple[str, ...]:
    """Say what folding is known to change."""
    touched = [*(adapter.get("target_modules") or ()), *(adapter.get("modules_to_save") or ())]
    ends = sorted({name for name in map(str, touched) if "embed" in name or "lm_head" in name})
    notes = []
    if tied and ends:
        notes.append(
            f"embedding and head are tied, and the adapter changes {', '.join(ends)}: folded in, it changes both"
        )
    if made.get("label_bias"):
        notes.append("a bias on labels is no part of the weights: what is served chooses without it")
    return tuple(notes)


def _study(place: Workplace, planned: PlannedVariant, folder: Path, direct: bool) -> str:
    """Write the study that asks the exported model what its variant was asked."""
    study = place.plan.study
    values = yaml.safe_load(place.folder.study.read_text(encoding="utf-8"))
    bases = values["base"] if isinstance(values["base"], list) else [values["base"]]
    tuned_on = list(planned.variant.trained_on)
    entries: list[Any] = ["base"]
    if direct:
        source = place.folder.variant(planned.variant.id).resolve()
        entries.append({"existing": {"weights": str(source), "tuned_on": tuned_on, "name": AS_TUNED}})
    entries.append({"existing": {"weights": str(folder.resolve()), "tuned_on": tuned_on, "name": AS_EXPORTED}})
    values |= {
        "name": f"{study.spec.name} exported",
        "base": bases[study.models.index(planned.model)],
        "methods": entries,
    }
    values.pop("probes", None)
    return str(yaml.safe_dump(values, sort_keys=False, allow_unicode=True, width=110))
