"""Measure one probe of one made variant, or of a base as it is → probes/<id>/."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from hanka.errors import HankaError, UnitError
from hanka.plan import PlannedProbe, PlannedVariant
from hanka.probes.contract import ProbeRequest, WeightPair
from hanka.probes.weights import paired_weights
from hanka.records import ProbeRow
from hanka.store.folder import RunFolder
from hanka.store.probes import VALUES, ProbeRecord, read_probe, write_probe
from hanka.work.asked_probe import measured_by_asking
from hanka.work.place import Workplace, begin, reason, versions

if TYPE_CHECKING:
    import torch


def measure_probe(place: Workplace, planned: PlannedProbe) -> None:
    """Measure unless it is there; a failure is a record with its reason."""
    if probe_done(place.folder, planned.id):
        return
    started = time.monotonic()
    variant = place.plan.variants[planned.variant_id]
    fields: dict[str, Any] = {
        "id": planned.id,
        "variant_id": planned.variant_id,
        "probe": planned.use.label,
        "version": planned.use.entry.version,
        "params": planned.use.params.model_dump(mode="json"),
        "dtype": variant.dtype,
    }
    rows: list[ProbeRow] = []
    begin(place.folder.probe(planned.id))
    try:
        place.require_made(planned.variant_id)
        place.report(f"measuring {planned.use.label} of {variant.variant.label}", 0.0)
        measured = _measured_by_weights if planned.use.entry.needs == "weights" else measured_by_asking
        rows = measured(place, planned, variant)
        _require_numbers(rows)
    except HankaError:
        raise
    except Exception as error:
        rows, why = [], reason(error, place, place.folder.probe(planned.id))
        fields |= {"status": "failed", "reason": why}
    seconds = round(time.monotonic() - started, 3)
    write_probe(place.folder, ProbeRecord(**fields, seconds=seconds, versions=versions()), rows)


def _measured_by_weights(place: Workplace, planned: PlannedProbe, variant: PlannedVariant) -> list[ProbeRow]:
    """Walk the weights of a variant beside those of its base."""
    before = _weights_of_base(place, planned.variant_id)
    stack = place.stack(planned.variant_id)
    if not stack:
        raise UnitError(f"{variant.variant.label} has no weights of its own")
    with place.resident.lend(variant.model, variant.dtype, stack, train=True) as merged:
        after = dict(merged.model.named_parameters())

        def pairs() -> Iterator[WeightPair]:
            """Walk the parameters; a bias that was added counts from zero."""
            added = {name: value.new_zeros(value.shape) for name, value in after.items() if _is_added(name, before)}
            return paired_weights({**before, **added}, after)

        return planned.use.entry.measure(ProbeRequest(planned.use.params, pairs, variant.dtype))


def _require_numbers(rows: Sequence[ProbeRow]) -> None:
    wrong = next((row for row in rows if not math.isfinite(row.value)), None)
    if wrong is not None:
        raise UnitError(f"{wrong.measure} of {wrong.parameter or 'the model'} is {wrong.value}, which is no number")


def _weights_of_base(place: Workplace, variant_id: str) -> dict[str, torch.Tensor]:
    """Return copies of the base's weights, in host memory."""
    variant = place.plan.variants[variant_id]
    loaded = place.resident.base(variant.model, variant.dtype)
    return {name: value.detach().to("cpu", copy=True) for name, value in loaded.model.named_parameters()}


def _is_added(name: str, before: Mapping[str, Any]) -> bool:
    return name not in before and name.endswith(".bias")


def probe_done(folder: RunFolder, probe_id: str) -> bool:
    """Tell whether a probe was measured and stored."""
    record = read_probe(folder.probe(probe_id))
    return record is not None and record.status == "done" and (folder.probe(probe_id) / VALUES).is_file()
