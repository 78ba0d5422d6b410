"""A text classifier of the user's, as data: a JSON file of weights, so that nothing of it is run.

    {"bias": -3.1, "weights": {"idiot": 2.4, "you are": 0.3}, "threshold": 0.5}

The probability is 1 / (1 + exp(-(bias + Σ weights of the words and phrases that occur))), each counted once: what a logistic regression on
binary counts exports. Larger models judge through `hanka judge`, or as an installed package's entry point `guardrail.<name>`.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError, field_validator, model_validator

from hanka.errors import HankaError
from hanka.guardrails.contract import CLEAR, Detector, DetectorParams, Flag, Row
from hanka.guardrails.files import text_of
from hanka.guardrails.found import words_in
from hanka.metrics.tokenization import normalised


class LinearParams(DetectorParams):
    """Weights of words."""

    file: str = ""
    "JSON file with `bias`, `weights` and `threshold`, seen from the file that names it."
    bias: float = 0.0
    "Log odds of a text with none of the words."
    weights: dict[str, float] = Field(default_factory=dict)
    "Word or phrase → log odds that it adds."
    threshold: float = Field(default=0.5, gt=0, lt=1)
    "Probability from which on a text is flagged."

    @field_validator("weights")
    @classmethod
    def _normalise(cls, value: dict[str, float]) -> dict[str, float]:
        """Write words as they are looked for; once, for there may be thousands."""
        found: dict[str, float] = {}
        for word, weight in value.items():
            written = normalised(word)
            if not written:
                raise ValueError(f"{word!r} is no word: it never occurs")
            if written in found:
                raise ValueError(f"{word!r} is there twice, in other letters: give it one weight")
            found[written] = weight
        return found

    @model_validator(mode="after")
    def _has_weights(self) -> LinearParams:
        if not self.file and not self.weights:
            raise ValueError("a classifier without weights; give `file: harm.json` (docs/guardrails.md shows one)")
        if self.file and ({"bias", "weights"} & self.model_fields_set):
            raise ValueError("the file holds bias and weights; leave them out here")
        return self


def probability(text: str, params: LinearParams) -> float:
    """Return the probability that a text is to be flagged."""
    written = normalised(text)
    odds = params.bias + sum(
        weight for word, weight in params.weights.items() if word in written and words_in(written, (word,))
    )
    return 1 / (1 + math.exp(-odds)) if odds > -700 else 0.0


def _judge(row: Row, params: LinearParams) -> Flag:
    found = probability(row.output, params)
    return Flag(True, f"probability {found:.2f}") if found >= params.threshold else CLEAR


def _load(params: LinearParams, folder: Path) -> LinearParams:
    if not params.file:
        return params
    try:
        values: Any = json.loads(text_of(params.file, folder))
    except (ValueError, RecursionError) as error:
        raise HankaError(f"{params.file!r} is not JSON ({error})") from None
    if not isinstance(values, dict):
        raise HankaError(f'{params.file!r} holds no object; write {{"bias": …, "weights": {{…}}}}')
    given = {"threshold": params.threshold} if "threshold" in params.model_fields_set else {}
    try:
        return LinearParams.model_validate(values | given | {"file": ""})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        said = first.get("ctx", {}).get("error", first["msg"])
        raise HankaError(f"{params.file!r}: {where}: {said}") from None


CLASSIFIER = Detector(
    name="classifier",
    reference="the user's weights; logistic regression on words",
    description="answers that a linear classifier of yours flags",
    judge=_judge,
    params=LinearParams,
    is_default=False,
    load=_load,
    kinds=("classification", "generation", "regression", "harness"),
)
