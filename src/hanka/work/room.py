"""Whether the models that answer together fit into memory, said before any of them is loaded."""

from __future__ import annotations

from typing import Any

from hanka.models.identity import n_parameters
from hanka.models.memory import require_room
from hanka.plan import PlannedVariant
from hanka.tuners.resident import shares_weights
from hanka.work.place import Workplace


def require_room_for(place: Workplace, planned: PlannedVariant) -> None:
    """Raise UnitError where the models that answer together are known not to fit into memory; one alone may try.

    Weights that several of them hear are counted once.
    """
    if not planned.voices:
        return
    heard = [("base", planned.variant.id, None), *((role, one.variant_id, one.step) for role, one in planned.voices)]
    needed: dict[str, int] = {}
    known: set[tuple[Any, ...]] = set()
    for role, variant_id, step in heard:
        one, stack = place.plan.variants[variant_id], place.stack(variant_id, step)
        weights = (one.model, one.dtype, () if shares_weights(stack) else stack)
        if weights not in known:
            known.add(weights)
            size = (n_parameters(one.model) or 0) * (2 if one.dtype == "bfloat16" else 4)
            needed[f"{role} {one.model.name}"] = size
    require_room(needed, place.resident.room())
