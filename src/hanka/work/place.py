"""What all work of one process shares: the plan, the run's folder, the models in memory, the questions as asked."""

from __future__ import annotations

import platform
import traceback
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hanka.errors import StoreError, UnitError
from hanka.methods.contract import STEPS, start_of
from hanka.models.memory import is_out_of_memory
from hanka.plan import Plan, PlannedParent, PlannedVariant
from hanka.plan.shown import without_places
from hanka.prompting import Asked
from hanka.store.cache import unwritable
from hanka.store.folder import RunFolder, make_folder, read_json_or_none, write_text
from hanka.tuners import TUNERS
from hanka.tuners.contract import Made
from hanka.tuners.resident import Resident

if TYPE_CHECKING:
    from hanka.models.loading import LoadedModel

Report = Callable[[str, float], None]
PACKAGES = ("hanka", "torch", "transformers", "peft", "accelerate", "tokenizers", "numpy")
TRACEBACK = "error.txt"


@dataclass(slots=True)
class Workplace:
    """What units of work need beside what they are about."""

    plan: Plan
    "The plan."
    folder: RunFolder
    "Where results go."
    report: Report
    "Told what is being done and which share of the unit is done."
    alone: bool = True
    "Whether this process does all of the run's work."
    resident: Resident = field(default_factory=Resident)
    "Models in memory."
    asked: dict[tuple[Any, ...], Asked] = field(default_factory=dict)
    "Questions, rendered and encoded, by tokenizer and how they are asked."

    def made(self, variant_id: str) -> dict[str, Any]:
        """Return a variant's record; {} where it was not made yet."""
        found = read_json_or_none(self.folder.variant(variant_id) / "variant.json")
        return found if isinstance(found, dict) else {}

    def require_made(self, variant_id: str) -> dict[str, Any]:
        """Return the record of a variant that was made. Raises UnitError with the reason of one that was not."""
        made = self.made(variant_id)
        if made.get("status") != "done":
            label = self.plan.variants[variant_id].variant.label
            raise UnitError(f"{label} was not made: {made.get('reason') or 'it is missing'}")
        return made

    def behind(self, planned: PlannedVariant, step: int | None = None) -> tuple[PlannedVariant, int | None]:
        """Return the variant whose weights answer, and which checkpoint: the one a choice fell on, else itself."""
        while planned.use.method.chooses:
            parent = planned.parents[self.require_made(planned.variant.id)["record"]["chosen"]]
            planned, step = self.plan.variants[parent.variant_id], parent.step
        return planned, step

    def stack(self, variant_id: str, step: int | None = None) -> tuple[Made, ...]:
        """Return a made variant as the layers on its base, the lowest first. Raises UnitError where one is missing."""
        planned, step = self.behind(self.plan.variants[variant_id], step)
        if planned.variant.is_unadapted:
            return ()
        variant_id = planned.variant.id
        made = self.require_made(variant_id)
        if not made["tuner"]:
            return ()
        n_steps = made.get("record", {}).get("steps")
        if step is not None and n_steps is not None and step > n_steps:
            raise UnitError(f"{planned.variant.label} stopped after step {n_steps}, so there is no step {step}")
        below = self.below(planned)
        folder = self.folder.variant(variant_id)
        top = Made(variant_id, made["tuner"], folder if step is None else folder / STEPS / str(step))
        return (top,) if TUNERS.get(top.tuner).is_whole else (*below, top)

    def below(self, planned: PlannedVariant) -> tuple[Made, ...]:
        """Return the layers that a variant's own weights are put on; see `Method.stands_on`."""
        stands_on = planned.use.method.stands_on
        if stands_on in ("base", "together") or not planned.parents:
            return ()
        if stands_on == "start" and not start_of(planned.adaptation.own):
            return ()
        parent = planned.parents[0]
        return (
            self.stack_of(parent)
            if stands_on in ("parent", "start")
            else self.below(self.plan.variants[parent.variant_id])
        )

    def stack_of(self, parent: PlannedParent) -> tuple[Made, ...]:
        """Return a parent's layers."""
        return self.stack(parent.variant_id, parent.step)

    def lend(self, variant_id: str, step: int | None = None) -> AbstractContextManager[LoadedModel]:
        """Lend a made variant, ready to answer."""
        planned = self.plan.variants[variant_id]
        return self.resident.lend(planned.model, planned.dtype, self.stack(variant_id, step))


def begin(where: Path) -> None:
    """Make the folder of a unit that is tried now; what an earlier try left to be read there is over."""
    make_folder(where)
    (where / TRACEBACK).unlink(missing_ok=True)


def reason(error: Exception, place: Workplace, where: Path) -> str:
    """Say in one line why a unit failed; what is not foreseen leaves its traceback in `where`, a folder of the run.

    Raises StoreError where nothing more can be written: every other unit would fail, too, and the user has to act.
    """
    if isinstance(error, UnitError):
        return without_places(place.plan.study, place.folder.path, str(error))
    if why := unwritable(error):
        raise StoreError(f"{where}: {why}; what is finished is kept") from error
    if is_out_of_memory(error):
        return "out of memory: lower eval.batch_tokens, train.micro_batch_tokens or train.max_length"
    write_text(where / TRACEBACK, traceback.format_exc())
    inside = (where / TRACEBACK).relative_to(place.folder.path).as_posix()
    said = without_places(place.plan.study, place.folder.path, " ".join(str(error).split()))
    return f"{type(error).__name__}: {said[:300]} (traceback in {inside})"


def device_name(loaded: LoadedModel) -> str:
    """Name the device for records: cpu with its thread count, or the accelerator's name."""
    import torch

    if loaded.device.type == "cuda":
        return f"cuda ({torch.cuda.get_device_name(loaded.device)})"
    return f"{loaded.device.type} ({platform.machine()}, {torch.get_num_threads()} threads)"


def moment() -> str:
    """Return now, UTC, to the second: when a unit was finished."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def versions() -> dict[str, str]:
    """Return the versions of Python and of what numbers depend on."""
    return dict(_versions())


@cache
def _versions() -> dict[str, str]:
    """Look them up once: what a process has loaded does not change."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
