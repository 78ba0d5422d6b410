"""Explanations of why two descriptions match: how each published form is written, and what is read of a text in it.

The answer stands first, then a line break, then the explanation, so that what is read first is the answer.

    long, short                  free text; short: MOST_SENTENCES sentences at most
    structured                   attribute=title|||importance=0.8|||values=A###B|||similarity=0.9      one attribute a line
    no_importance                attribute=title|||values=A###B|||similarity=0.9
    no_importance_similarity     attribute=title|||values=A###B

Importance is between -1 (speaks against a match) and 1, similarity between 0 and 1; a value that a side lacks, or a number that cannot be
given, is `missing`. A line that is not so (`values=A|||B` occurs in published files) is malformed: it is counted and kept with its reason,
never dropped in silence.
Source: Steiner, Peeters & Bizer (2024), arXiv 2409.08185; short ones after Wadhwa et al. (2024). That similarity ends at 0 and 1 is our
reading of it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, TypeAlias

Form: TypeAlias = Literal["long", "short", "structured", "no_importance", "no_importance_similarity"]
STRUCTURED: Mapping[Form, tuple[str, ...]] = MappingProxyType(
    {
        "structured": ("attribute", "importance", "values", "similarity"),
        "no_importance": ("attribute", "values", "similarity"),
        "no_importance_similarity": ("attribute", "values"),
    }
)
"Form → what a line holds, in order."
MISSING = "missing"
PARTS, VALUES = "|||", "###"
MOST_SENTENCES = 2
RANGES = MappingProxyType({"importance": (-1.0, 1.0), "similarity": (0.0, 1.0)})
SENTENCE_ENDS = re.compile(r"[.!?](?=\s|$)")


@dataclass(frozen=True, slots=True)
class Attribute:
    """What one attribute says of a pair."""

    name: str
    "As the records call it."
    left: str
    "Its value in the first record; `missing` where it has none."
    right: str
    "Its value in the second."
    importance: float | None = None
    "-1 to 1; None: missing, or not part of the form."
    similarity: float | None = None
    "0 to 1; None: missing, or not part of the form."


@dataclass(frozen=True, slots=True)
class Malformed:
    """A line that is not in its form."""

    line: str
    "As it was written."
    reason: str
    "The first thing that is wrong."


@dataclass(frozen=True, slots=True)
class Explanation:
    """What was read of a text."""

    form: Form
    "Which form it is in."
    text: str
    "Of free text all of it, else empty."
    attributes: tuple[Attribute, ...] = ()
    "Of a structured one its lines, in order."
    malformed: tuple[Malformed, ...] = ()
    "Lines that are not in the form, in order."

    @property
    def is_whole(self) -> bool:
        """Whether everything in it could be read, and there is something."""
        return not self.malformed and bool(self.text or self.attributes)


def read_explanation(text: str, form: Form) -> Explanation:
    """Read an explanation in a form; lines that are not in it are malformed."""
    lines = [line.strip() for line in text.strip().splitlines() if line.strip()]
    if not lines:
        return Explanation(form, "", (), (Malformed("", "there is no explanation"),))
    if form not in STRUCTURED:
        return _free(text.strip(), form)
    attributes, malformed = [], []
    for line in lines:
        try:
            attributes.append(_attribute(line, STRUCTURED[form]))
        except ValueError as error:
            malformed.append(Malformed(line, str(error)))
    return Explanation(form, "", tuple(attributes), tuple(malformed))


def _free(text: str, form: Form) -> Explanation:
    n = len(SENTENCE_ENDS.findall(text)) + (SENTENCE_ENDS.search(text[-1:]) is None)
    if form == "short" and n > MOST_SENTENCES:
        return Explanation(
            form, "", (), (Malformed(text, f"{n} sentences, and a short one has at most {MOST_SENTENCES}"),)
        )
    return Explanation(form, text)


def _attribute(line: str, names: Iterable[str]) -> Attribute:
    """Read one line. Raises ValueError with the first thing that is wrong."""
    found: dict[str, str] = {}
    wanted = tuple(names)
    for part in line.split(PARTS):
        name, equals, value = part.partition("=")
        if not equals or name.strip() not in wanted:
            hint = f"; two values are parted by {VALUES}" if not equals and "values" in found else ""
            raise ValueError(f"{part.strip()[:40]!r} is none of {', '.join(f'{one}=…' for one in wanted)}{hint}")
        if name.strip() in found:
            raise ValueError(f"{name.strip()} stands twice")
        found[name.strip()] = value.strip()
    lacking = next((name for name in wanted if not found.get(name)), None)
    if lacking:
        raise ValueError(f"{lacking} is not there")
    if found["values"].count(VALUES) != 1:
        raise ValueError(f"values={found['values'][:40]!r} are not two parted by {VALUES}")
    left, right = (one.strip() or MISSING for one in found["values"].split(VALUES))
    return Attribute(found["attribute"], left, right, _number(found, "importance"), _number(found, "similarity"))


def _number(found: Mapping[str, str], name: str) -> float | None:
    if found.get(name, MISSING).casefold() == MISSING:
        return None
    low, high = RANGES[name]
    try:
        value = float(found[name])
    except ValueError:
        raise ValueError(f"{name}={found[name][:20]!r} is no number") from None
    if not math.isfinite(value) or not low <= value <= high:
        raise ValueError(f"{name}={found[name][:20]!r} is not between {low:g} and {high:g}")
    return value


def write_explanation(attributes: Iterable[Attribute], form: Form) -> str:
    """Write a structured explanation: the same text that reads as these attributes."""
    lines = []
    for one in attributes:
        values = {
            "attribute": one.name,
            "importance": _written(one.importance),
            "values": f"{one.left or MISSING}{VALUES}{one.right or MISSING}",
            "similarity": _written(one.similarity),
        }
        lines.append(PARTS.join(f"{name}={values[name]}" for name in STRUCTURED[form]))
    return "\n".join(lines)


def _written(value: float | None) -> str:
    return MISSING if value is None else f"{value:g}"


def explained_target(label: str, explanation: str) -> str:
    """Return what a row teaches: the answer, then why."""
    return f"{label}\n{explanation}"
