"""Verifiers: how an output is read and judged. One line per entry."""

from __future__ import annotations

from hanka.registry import Registry
from hanka.tasks.verifiers.contract import Output, Verifier, VerifierParams
from hanka.tasks.verifiers.json_value import JSON
from hanka.tasks.verifiers.number import NUMBER
from hanka.tasks.verifiers.text import LABEL, TEXT

VERIFIERS: Registry[Verifier] = Registry("verifier", [LABEL, TEXT, NUMBER, JSON])

__all__ = ["VERIFIERS", "Output", "Verifier", "VerifierParams"]
