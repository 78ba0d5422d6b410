"""Verifiers: how an output is read and judged. One line per entry."""

from __future__ import annotations

from hanka.registry import Registry
from hanka.tasks.verifiers.contract import Output, Verifier, VerifierParams

VERIFIERS: Registry[Verifier] = Registry(
    "verifier",
    {
        "label": "hanka.tasks.verifiers.text:LABEL",
        "text": "hanka.tasks.verifiers.text:TEXT",
        "number": "hanka.tasks.verifiers.number:NUMBER",
        "json": "hanka.tasks.verifiers.json_value:JSON",
        "mentions": "hanka.tasks.verifiers.mentions:MENTIONS",
    },
)

__all__ = ["VERIFIERS", "Output", "Verifier", "VerifierParams"]
