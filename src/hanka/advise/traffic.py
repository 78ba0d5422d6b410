"""What live traffic says: how far its text is from that of training, how much of it is a conversation, how much of it has labels.

A file of requests (jsonl, csv, parquet) → **inputs**. A row has its text under `prompt`, else `text` or `input`, or as `messages`; `label` marks
a labelled one. Rows without text are counted, and none is fatal. What every reference prompt begins and ends with is the prompt's own and is
taken off before texts are compared, from live requests that were rendered alike, too. Limits: of a prompt with several fields, the words
between them stay.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from hanka.advise.inputs import Given, counted, measured
from hanka.analysis.shares import share_of
from hanka.datasets.files import read_rows
from hanka.errors import DataError
from hanka.operations.drift import FEWEST_TEXTS, domain_auc

TEXT = ("prompt", "text", "input")
"Columns that may hold a request, in the order in which they are looked for."


class Live(NamedTuple):
    """What a file of requests came to."""

    inputs: Mapping[str, Given]
    "What was measured."
    notes: tuple[str, ...]
    "What was left out, in one line each."


def live_traffic(path: Path, reference: Sequence[str], seed: int, level: float) -> Live:
    """Read live requests and hold them against texts of the training domain.

    reference: texts as they are asked; empty: nothing is compared. Raises DataError where the file cannot be read, or no row has text.
    """
    if not path.is_file():
        raise DataError(f"--live {path}: no such file; name one with a request a row")
    rows = read_rows(path)
    values = [row.values for row in rows if not row.fault]
    told = [(text, one) for one in values if (text := _text(one))]
    texts = [text for text, _ in told]
    if not texts:
        raise DataError(f"{path}: no row has a text under {', '.join(TEXT)} or messages; name the column so")
    left_out = len(rows) - len(texts)
    notes = [f"{path}: {left_out:,} of {len(rows):,} rows have no text and are left out"] if left_out else []
    turns = [_n_turns(one) for _, one in told if _turns(one)]
    found = {"n_live_labelled": counted(float(sum(_is_labelled(one) for _, one in told)), "live", len(told), path.name)}
    if turns:
        share = share_of([n > 1 for n in turns], (), level)
        ends = None if share.low is None or share.high is None else (share.low, share.high)
        found["multi_turn_share"] = measured(share.value, ends, share.n, "live", path.name)
    if reference:
        reference, texts = without_frame(reference, texts)
    n_reference, n_live = len(set(reference)), len(set(texts))
    if reference and min(n_reference, n_live) < FEWEST_TEXTS:
        notes.append(
            f"{path}: {n_live} live and {n_reference} training texts that differ are too few to be told apart; at least {FEWEST_TEXTS} each"
        )
    elif reference:
        auc = domain_auc(reference, texts, seed, level)
        found["domain_auc"] = measured(auc.value, (auc.low, auc.high), auc.n_reference + auc.n_live, "live", path.name)
    return Live(found, tuple(notes))


def without_frame(reference: Sequence[str], live: Sequence[str]) -> tuple[list[str], list[str]]:
    """Take off what all reference texts begin and end with, of live texts where they have both."""
    head = _beginning(reference)
    tail = _beginning([text[len(head) :][::-1] for text in reference])[::-1]

    def inner(text: str) -> str:
        """Return what stands between."""
        return text[len(head) : len(text) - len(tail)]

    framed = len(head) + len(tail)
    is_framed = [len(text) >= framed and text.startswith(head) and text.endswith(tail) for text in live]
    return [inner(text) for text in reference], [
        inner(text) if one else text for text, one in zip(live, is_framed, strict=True)
    ]


def _beginning(texts: Sequence[str]) -> str:
    """Return what all texts begin with: as much as the first and the last in order share."""
    first, last = min(texts), max(texts)
    return first[: next((at for at, one in enumerate(first) if not last.startswith(one, at)), len(first))]


def _text(row: Mapping[str, Any]) -> str:
    for name in TEXT:
        if isinstance(row.get(name), str) and row[name].strip():
            return str(row[name])
    return "\n".join(str(turn.get("content", "")) for turn in _turns(row) if turn.get("role") == "user")


def _turns(row: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the messages of a row, which a table holds as JSON."""
    said = row.get("messages")
    if isinstance(said, str):
        try:
            said = json.loads(said)
        except ValueError:
            return []
    return [turn for turn in said if isinstance(turn, dict)] if isinstance(said, list) else []


def _n_turns(row: Mapping[str, Any]) -> int:
    return sum(turn.get("role") == "user" for turn in _turns(row))


def _is_labelled(row: Mapping[str, Any]) -> bool:
    label = row.get("label")
    is_missing = label is None or (isinstance(label, float) and math.isnan(label))
    return not is_missing and bool(str(label).strip())
