"""Labels that are written: how a server is told which words there are, and which of them an answer names."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from hanka.models.served import LabelAnswers
from hanka.prompting.chat import BLOCKS

EDGES = " \t\r\n.。,、:：;；!！'\"“”‘’「」『』*`()[]"
"Characters around a label that are no part of it."
SPARE_TOKENS = 8
"Tokens that a written label may take beyond one per byte of the longest."


def constraint(how: LabelAnswers, labels: Sequence[str]) -> dict[str, Any]:
    """Return what a request says so that nothing but a label is written, in the server's dialect."""
    words = [label.strip() for label in labels]
    if how == "choice":
        return {"guided_choice": words, "structured_outputs": {"choice": words}}
    if how == "grammar":
        return {"grammar": "root ::= " + " | ".join(json.dumps(word, ensure_ascii=False) for word in words)}
    if how == "schema":
        shape = {
            "type": "object",
            "properties": {"label": {"type": "string", "enum": words}},
            "required": ["label"],
            "additionalProperties": False,
        }
        return {
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "answer", "strict": True, "schema": shape},
            }
        }
    return {}


def label_tokens(labels: Sequence[str]) -> int:
    """Return the tokens that a written label may take."""
    return max(len(label.encode("utf-8", "surrogatepass")) for label in labels) + SPARE_TOKENS


def read_label(text: str, labels: Sequence[str]) -> str | None:
    """Return the label that an answer is; None where it says anything beside one.

    What may stand around it is white space, quotes and the end of a sentence; letters may differ in case where labels do not
    differ in that alone. Which label a longer answer means is not guessed: that would reward some wordings over others.
    """
    inside = _from_json(text)
    fold = str.casefold if len({label.strip().casefold() for label in labels}) == len(labels) else str
    known = {fold(label.strip().strip(EDGES)): label for label in labels}
    return known.get(fold((text if inside is None else inside).strip().strip(EDGES)))


def _from_json(text: str) -> str | None:
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return str(found["label"]) if isinstance(found, dict) and "label" in found else None


def without_reasoning(text: str) -> tuple[str, str, bool]:
    """Return an answer, the reasoning that it began with, and whether it ended before the reasoning did."""
    for opened, closed in BLOCKS:
        if closed in text:
            thought, _, answer = text.rpartition(closed)
            return answer.lstrip(), thought.strip().removeprefix(opened).strip(), False
        if text.lstrip().startswith(opened):
            return "", text.strip().removeprefix(opened).strip(), True
    return text, "", False
