"""Text that repeats itself, by the share of its 4-grams that occurred before.

Source: seq-rep-4 of Welleck et al. (2020), "Neural text generation with unlikelihood training", arXiv 1908.04319. Also read by the signs of
collapse (`analysis.said`).
"""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field

from hanka.guardrails.contract import CLEAR, Detector, DetectorParams, Flag, Row
from hanka.metrics.tokenization import is_unspaced, rouge_tokens

REPEATED = 0.5
"Share of repeated 4-grams from which on a text repeats itself; human text has under 0.02, degenerate text above 0.4."
GRAM = 4
FEWEST_GRAMS = 8
"A shorter text has no room to repeat itself."


class RepeatedParams(DetectorParams):
    """What counts as repeating."""

    share: float = Field(default=REPEATED, gt=0, lt=1)
    "Share of a text's 4-grams that repeat an earlier one, above which it is flagged."


def repetition(text: str) -> float:
    """Return the share of a text's 4-grams that repeat an earlier one: of words, or of characters without spaces; 0 if short."""
    parts: Sequence[str] = "".join(text.split()) if is_unspaced(text) else rouge_tokens(text)
    grams = [tuple(parts[at : at + GRAM]) for at in range(len(parts) - GRAM + 1)]
    return 1 - len(set(grams)) / len(grams) if len(grams) >= FEWEST_GRAMS else 0.0


def _judge(row: Row, params: RepeatedParams) -> Flag:
    share = repetition(row.output)
    return Flag(True, f"{share:.0%} of its 4-grams occurred before") if share > params.share else CLEAR


REPEATED_TEXT = Detector(
    name="repeated_text",
    reference="seq-rep-4, Welleck et al. (2020), arXiv 1908.04319",
    description="answered rows whose text repeats itself",
    judge=_judge,
    params=RepeatedParams,
    kinds=("classification", "generation", "regression", "harness"),
)
