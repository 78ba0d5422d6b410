"""OpenAssistant's conversations as questions with answers: what somebody asked first, in English, and the answer that was ranked best.

A row of the repository is one message of a tree (`message_id`, `parent_id`, `role`, `lang`, `text`, `rank`); a root asks, and its children answer.
Source: Köpf et al. 2023, arXiv 2304.07327. Limits: first turns alone; where nobody ranked the answers, the first in the file is taken.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from hanka.datasets.hub import hashed_order
from hanka.datasets.hub_recipes import HubRecipe
from hanka.datasets.mixed.sets import MixedEntry
from hanka.errors import DataError, nearest
from hanka.identity import stream_seed
from hanka.records import Example

OASST = MixedEntry(
    "oasst",
    "instructions",
    "oasst",
    (HubRecipe("oasst", "OpenAssistant/oasst1", {"input": "text"}, "text", "train", licence="Apache-2.0"),),
    "written by people; first question and the answer ranked best, English",
)
COLUMNS = ("message_id", "parent_id", "role", "lang", "text", "rank")
UNRANKED = 1_000_000
"Behind every rank."


def conversations(rows: Sequence[Mapping[str, Any]], place: str, lang: str = "en") -> Iterator[Example]:
    """Yield the questions that have an answer, in hashed order. Raises DataError for a column that is not there."""
    if len(rows):
        missing = next((name for name in COLUMNS if name not in rows[0]), None)
        if missing is not None:
            raise DataError(
                f"{place} has no column {missing!r} ({nearest(missing, rows[0])}): the repository may have changed"
            )
    roots: list[tuple[str, str]] = []
    best: dict[str, tuple[int, int, str]] = {}
    for at, row in enumerate(rows):
        text = str(row["text"] or "").strip()
        if not text or row["lang"] != lang:
            continue
        if row["role"] == "prompter" and not row["parent_id"]:
            roots.append((str(row["message_id"]), text))
        elif row["role"] == "assistant" and row["parent_id"]:
            parent, rank = str(row["parent_id"]), UNRANKED if row["rank"] is None else int(row["rank"])
            best[parent] = min(best.get(parent, (UNRANKED + 1, at, "")), (rank, at, text))
    for position in hashed_order(len(roots), stream_seed("hub", "oasst", "train")):
        name, asked = roots[position]
        if name in best:
            yield Example(f"oasst/{name}", {"input": asked}, best[name][2])
