"""The diagnostics of a study: `probes: [weight_distance, …]`."""

from __future__ import annotations

from typing import TypeAlias

from hanka.probes import PROBES, Probe
from hanka.study.entry_declarations import EntryUse, resolve_entries
from hanka.study.schema import StudySpec
from hanka.study.source import StudySource

ProbeUse: TypeAlias = EntryUse[Probe]


def resolve_probes(source: StudySource, spec: StudySpec) -> tuple[ProbeUse, ...]:
    """Return the probes of a study. Raises StudyError."""
    return resolve_entries(source, ("probes",), spec.probes, PROBES)
