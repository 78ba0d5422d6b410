"""What must not come out: `guardrails: [refusals, {word_list: {file: words.txt}}]`, with the content of the files that are named."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

from hanka.errors import HankaError
from hanka.guardrails import DETECTORS, Detector
from hanka.guardrails.limits import loaded
from hanka.study.entry_declarations import EntryUse, resolve_entries
from hanka.study.schema import StudySpec
from hanka.study.source import StudySource

GuardrailUse: TypeAlias = EntryUse[Detector]


def resolve_guardrails(source: StudySource, spec: StudySpec, base_dir: Path) -> tuple[GuardrailUse, ...] | None:
    """Return the guardrails of a study, files read; None where it leaves them to the report. Raises StudyError."""
    if spec.guardrails is None:
        return None
    found = []
    for use in resolve_entries(source, ("guardrails",), spec.guardrails, DETECTORS):
        try:
            found.append(replace(use, params=loaded(use.entry, use.params, base_dir)))
        except HankaError as error:
            raise source.error((*use.key, "file"), str(error)) from None
    return tuple(found)
