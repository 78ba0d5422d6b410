"""What each way of spending rows takes: training once, seconds per thousand answers, and when training has paid for itself.

Seconds of answers are those of whole cells over their rows, as they were asked: what stands before every query is read once for all
rows of a cell. Seconds of training are those of making the variant, looks at rows included; the mean over seeds.
Limits: time of this machine on these test sets. A server that reads the rows anew with every query makes shown rows dearer.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from hanka.analysis.evidence import CellEvidence, Evidence
from hanka.analysis.questions.shots_or_rows.ways import Ways
from hanka.store.folder import read_json_or_none

THOUSAND = 1000


@dataclass(frozen=True, slots=True)
class Bill:
    """Seconds on this machine."""

    training: float | None
    "Once, for one variant; None where it was not kept."
    shots: float
    "Per 1,000 answers with the rows shown."
    rows: float
    "Per 1,000 answers of the trained variant without them."
    both: float | None
    "Per 1,000 answers of the trained variant behind its rows; None where it was not asked so."

    @property
    def pays_from(self) -> int | None:
        """Return the answers from which training has cost less than showing the rows; None: it never does."""
        saved = (self.shots - self.rows) / THOUSAND
        return None if self.training is None or saved <= 0 else math.ceil(self.training / saved)


def bill_of(evidence: Evidence, ways: Ways) -> Bill:
    """Add up what the cells of a number of rows took."""
    made = {str(cell.variant["id"]) for cell in ways.rows}
    seconds = [
        float(record["seconds"])
        for one in sorted(made)
        if (record := read_json_or_none(evidence.folder.variant(one) / "variant.json") or {}).get("seconds") is not None
    ]
    training = sum(seconds) / len(seconds) if seconds else None
    return Bill(
        training, _per_thousand(ways.shots), _per_thousand(ways.rows), _per_thousand(ways.both) if ways.both else None
    )


def _per_thousand(cells: Sequence[CellEvidence]) -> float:
    taken = sum(float(cell.record["seconds"]) + _kept(cell) for cell in cells)
    return taken / sum(cell.n_asked for cell in cells) * THOUSAND


def _kept(cell: CellEvidence) -> float:
    """Return the seconds of a server's answers that were there already."""
    return float((cell.record.get("asked") or {}).get("kept_seconds", 0.0))
