"""Variants of a run as whole models, folded together as they are served, with a study that asks them what they were asked.

Folding rounds: an adapter beside its weights and the two as one differ by what the dtype cannot hold, and some traps change more (tied
embeddings). So what is exported is asked the variant's own cells again, beside the variant as it was tuned, and compared.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

from hanka.errors import HankaError
from hanka.plan import PlannedVariant, build_plan
from hanka.store.folder import RunFolder, make_folder, read_json_or_none
from hanka.store.leftovers import scratch_folder
from hanka.store.paths import as_file_name
from hanka.study.places import Located, located, read_placed, write_portable
from hanka.study.resolve import load_study
from hanka.tuners import TUNERS
from hanka.work.gguf import write_gguf
from hanka.work.place import Report, Workplace

if TYPE_CHECKING:
    from hanka.models.loading import LoadedModel

AS_TUNED, AS_EXPORTED = "as tuned", "as exported"
"What the study that compares calls the two."
LOCAL_SERVER = "http://127.0.0.1:8000/v1"
"Where the study of a served model expects it."
Layout: TypeAlias = Literal["merged", "gguf"]
"How a whole model is written."


class Merged(NamedTuple):
    """A variant that was exported."""

    variant: str
    "Its id."
    title: str
    "What it is."
    weights: Path
    "The whole model: a folder, or a GGUF file."
    study: Path
    "The study that asks it, beside the variant where that stands on its base directly."
    served: Path
    "The study that asks it of a server, beside the same weights in memory."
    how: str
    "A command that serves it."
    is_compared: bool
    "Whether the variant is beside it there."
    notes: tuple[str, ...]
    "What should be known before it is served."


def merge_variants(run: RunFolder, out: Path, report: Report, to: Layout = "merged") -> list[Merged]:
    """Write every variant of a finished run that is a language model of its own. Raises HankaError where there is none.

    to: merged, a folder in transformers' layout; gguf, one file as llama.cpp reads it.
    """
    plan = build_plan(load_study(run.study))
    place = Workplace(plan, run, report)
    found = []
    for planned in plan.variants.values():
        made = place.made(planned.variant.id)
        is_model = planned.engine == "local" and not planned.variant.is_unadapted
        if is_model and made.get("status") == "done" and made.get("tuner"):
            found.append(_merge(place, planned, made, out, to))
    if not found:
        raise HankaError(
            f"{run.path}: holds no adapted language model that could be merged; run a study with a method such as sft"
        )
    return found


def _merge(place: Workplace, planned: PlannedVariant, made: Mapping[str, Any], out: Path, to: Layout) -> Merged:
    one = planned.variant
    made_by = f"{one.train_size} rows, seed {one.seed}" if one.train_size else "tuned elsewhere"
    title = f"{one.label} on {one.train_dataset} ({made_by})"
    name = as_file_name(f"{one.label}-{one.train_dataset}-{one.train_size}-{one.seed}-{one.id[:6]}")
    stack = place.stack(one.id)
    place.report(f"merging {title}", 0.0)
    adapter = read_json_or_none(place.folder.variant(one.id) / "adapter_config.json") or {}
    with place.resident.lend(planned.model, planned.dtype, stack, train=True) as loaded:
        weights, how, lost = _write(loaded, out, name, to)
        tied, eos = bool(getattr(loaded.model.config, "tie_word_embeddings", False)), loaded.tokenizer.eos_token
    study, served = out / f"{name}.yaml", out / f"{name}-served.yaml"
    direct = len(stack) == 1
    write_portable(study, _study(place, planned, weights, direct), out.resolve())
    write_portable(served, _served(place, weights, name, eos), out.resolve())
    return Merged(one.id, title, weights, study, served, how, direct, (*_notes(made, adapter, tied), *lost))


def _write(loaded: LoadedModel, out: Path, name: str, to: Layout) -> tuple[Path, str, tuple[str, ...]]:
    """Write a whole model; returns where it is, a command that serves it, and what it does not hold."""
    if to == "merged":
        folder = out / name
        shutil.rmtree(folder, ignore_errors=True)
        make_folder(folder)
        TUNERS.get("none").save(loaded, folder)
        return folder, f"vllm serve {folder} --served-model-name {name}", ()
    make_folder(out)
    path = out / f"{name}.gguf"
    with scratch_folder(out / name) as scratch:
        TUNERS.get("none").save(loaded, scratch)
        lost = write_gguf(scratch, path, name)
    how = f"python -m llama_cpp.server --model {path} --model_alias {name} --port 8000 --n_ctx 4096 --logits_all true"
    return path, how, lost


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


def _study(place: Workplace, planned: PlannedVariant, weights: Path, direct: bool) -> dict[str, Any]:
    """Return the study that asks the exported model what its variant was asked."""
    study = place.plan.study
    values = located(read_placed(place.folder.study))
    bases = values["base"] if isinstance(values["base"], list) else [values["base"]]
    trained_on = list(planned.variant.trained_on)
    entries: list[Any] = ["base"]
    if direct:
        source = Located(place.folder.variant(planned.variant.id).resolve())
        entries.append({"existing": {"path": source, "trained_on": trained_on, "name": AS_TUNED}})
    entries.append({"existing": {"path": Located(weights.resolve()), "trained_on": trained_on, "name": AS_EXPORTED}})
    values |= {
        "name": f"{study.spec.name} exported",
        "base": _by_itself(bases[study.models.index(planned.model)]),
        "methods": entries,
    }
    values.pop("probes", None)
    return values


def _by_itself(base: Any) -> Any:
    """Return a base as a study of it alone names it: weighed against no other."""
    return {name: value for name, value in base.items() if name != "reference"} if isinstance(base, dict) else base


def _served(place: Workplace, weights: Path, name: str, eos: str | None) -> dict[str, Any]:
    """Return the study that asks the exported model of a server, and says how far it agrees with the same weights in memory."""
    values = located(read_placed(place.folder.study))
    server: dict[str, Any] = {"same_as": AS_EXPORTED}
    if weights.is_file():  # llama.cpp's servers list no end of text among the tokens that may come next
        server["labels"] = "grammar"
    elif eos and place.plan.study.policy.template == "plain":
        server["eos"] = eos
    values |= {
        "name": f"{place.plan.study.spec.name} served",
        "base": [
            {"served": LOCAL_SERVER, "model": name, "name": "served", "server": server},
            {"model": Located(weights.resolve()), "name": AS_EXPORTED},
        ],
        "methods": ["base"],
    }
    values.pop("probes", None)
    return values
