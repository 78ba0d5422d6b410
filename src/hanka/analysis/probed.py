"""What probes measured of a run's variants, as the questions read it. Knows files, no probe."""

from __future__ import annotations

from collections import defaultdict
from typing import NamedTuple

from hanka.analysis.evidence import Evidence
from hanka.store.probes import read_probe


class Measure(NamedTuple):
    """One thing that a probe measures over a whole model."""

    probe: str
    "Name of the probe."
    name: str
    "Name of the measure."
    dtype: str
    "In which the base was held: values of different dtypes do not compare."


def probe_values(evidence: Evidence) -> dict[Measure, dict[str, float]]:
    """Return measure → variant id → value over the whole model, of the probes that the plan lists and that are done."""
    found: dict[Measure, dict[str, float]] = defaultdict(dict)
    for planned in evidence.plan.get("probes", ()):
        record = read_probe(evidence.folder.probe(str(planned["id"])))
        if record is None or record.status != "done":
            continue
        for name, value in sorted(record.values.items()):
            found[Measure(record.probe, name, record.dtype)][record.variant_id] = value
    return dict(found)
