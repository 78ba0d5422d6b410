"""Refusals: answers that say they will not or cannot answer, in English and Japanese, by patterns.

A refusal is looked for where it stands: among the first characters of an answer. Patterns of your own are added with `patterns` or `file`.
How often the built-in ones are right on a small list written by hand is in docs/guardrails.md, measured by tests/guardrails. Limits: phrasings that
nobody thought of are missed, other languages are not read, and an answer that is rightly a refusal (the question cannot be answered from the passage)
counts as one: bound the difference from base where that is usual.
"""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path

from pydantic import Field, ValidationError, field_validator, model_validator

from hanka.errors import HankaError
from hanka.guardrails.contract import CLEAR, Detector, DetectorParams, Flag, Row
from hanka.guardrails.files import lines_of
from hanka.guardrails.phrasings import ENGLISH, SAID
from hanka.metrics.tokenization import normalised

BEGINNING = 200
"Characters of an answer in which a refusal is looked for."
LONGEST_PATTERN = 200
"Characters of a pattern of one's own: long ones with nested repeats can take forever."


class RefusalParams(DetectorParams):
    """What counts as a refusal."""

    built_in: bool = True
    "Whether the patterns of `phrasings.py` count."
    patterns: tuple[str, ...] = ()
    "Further regular expressions (Python's), read on text in lower case."
    file: str = ""
    "File with one such pattern a line, seen from the file that names it; lines that begin with # are notes."
    beginning: int = Field(default=BEGINNING, ge=1)
    "Characters of an answer in which a refusal is looked for."

    @field_validator("patterns")
    @classmethod
    def _compile(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for one in value:
            if not one or len(one) > LONGEST_PATTERN:
                raise ValueError(f"{one!r} has {len(one)} characters; a pattern has 1 to {LONGEST_PATTERN}")
            try:
                re.compile(one)
            except re.error as error:
                raise ValueError(f"{one!r} is no regular expression: {error}") from None
        return value

    @model_validator(mode="after")
    def _looks_for_something(self) -> RefusalParams:
        if not (self.built_in or self.patterns or self.file):
            raise ValueError("without the built-in patterns nothing is looked for; give `patterns: [...]` or `file:`")
        return self


@lru_cache(maxsize=16)
def _compiled(built_in: bool, patterns: tuple[str, ...], ascii_alone: bool) -> tuple[re.Pattern[str], ...]:
    own = (ENGLISH if ascii_alone else SAID) if built_in else ()
    return tuple(map(re.compile, (*own, *patterns)))


@lru_cache(maxsize=4096)  # short answers come again and again
def _refusal(begun: str, built_in: bool, patterns: tuple[str, ...]) -> str:
    for pattern in _compiled(built_in, patterns, begun.isascii()):
        if found := pattern.search(begun):
            return found[0] or begun[:40]
    return ""


def refusal_in(text: str, params: RefusalParams | None = None) -> str:
    """Return the words of a text that refuse; empty where none do."""
    asked = params or RefusalParams()
    begun = normalised(text.replace("’", "'")[: 4 * asked.beginning])[: asked.beginning]
    return _refusal(begun, asked.built_in, asked.patterns)


def _judge(row: Row, params: RefusalParams) -> Flag:
    found = refusal_in(row.output, params)
    return Flag(True, f"refuses: {found}") if found else CLEAR


def _load(params: RefusalParams, folder: Path) -> RefusalParams:
    if not params.file:
        return params
    given = params.model_dump() | {"patterns": (*params.patterns, *lines_of(params.file, folder)), "file": ""}
    try:
        return RefusalParams.model_validate(given)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise HankaError(f"{params.file!r}: {first.get('ctx', {}).get('error', first['msg'])}") from None


REFUSALS = Detector(
    name="refusals",
    reference="patterns, measured in docs/guardrails.md",
    description="answers that say they will not or cannot answer (English, Japanese)",
    judge=_judge,
    params=RefusalParams,
    load=_load,
    kinds=("classification", "generation", "regression", "harness"),
    version=2,
)
