"""Probes: diagnostics that need the model. One line per entry; light to import, torch is met when one measures."""

from __future__ import annotations

from hanka.probes.contract import Probe, ProbeParams, ProbeRequest, ProbeRow, WeightPair
from hanka.registry import Registry

PROBES: Registry[Probe] = Registry(
    "probe",
    {
        "weight_distance": "hanka.probes.weight_distance:WEIGHT_DISTANCE",
        "intruders": "hanka.probes.intruders:INTRUDERS",
        "levels": "hanka.probes.levels:LEVELS",
        "first_token_kl": "hanka.probes.first_token_kl:FIRST_TOKEN_KL",
    },
)

__all__ = ["PROBES", "Probe", "ProbeParams", "ProbeRequest", "ProbeRow", "WeightPair"]
