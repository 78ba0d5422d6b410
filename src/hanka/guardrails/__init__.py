"""Guardrails: which answers show something unwanted. One line per entry.

stored answers → **guardrails** → rates: of the report's question, of gates, of stages, of monitors. Reading side, no model: a detector
reads text and runs nothing that a model or a data file holds. A detector of your own is a Python object in an installed package, entry point
`guardrail.<name>` of the group `hanka`; a base model that judges is `hanka judge`.
"""

from __future__ import annotations

from hanka.guardrails.contract import Detector, DetectorParams, Flag, Row
from hanka.registry import Registry

DETECTORS: Registry[Detector] = Registry(
    "guardrail",
    {
        "failed": "hanka.guardrails.answers:FAILED",
        "unparsed": "hanka.guardrails.answers:UNPARSED",
        "empty": "hanka.guardrails.answers:EMPTY",
        "outside_labels": "hanka.guardrails.answers:OUTSIDE_LABELS",
        "one_answer": "hanka.guardrails.answers:ONE_ANSWER",
        "repeated_text": "hanka.guardrails.repeated:REPEATED_TEXT",
        "label_leakage": "hanka.guardrails.labels:LABEL_LEAKAGE",
        "refusals": "hanka.guardrails.refusals:REFUSALS",
        "unsupported": "hanka.guardrails.unsupported:UNSUPPORTED",
        "word_list": "hanka.guardrails.listed:WORD_LIST",
        "classifier": "hanka.guardrails.linear:CLASSIFIER",
    },
)

__all__ = ["DETECTORS", "Detector", "DetectorParams", "Flag", "Row"]
