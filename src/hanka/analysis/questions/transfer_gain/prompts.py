"""Which wording a variant is asked with on a test set: the best one on the rows to validate on; and how far wordings matter.

Cells → **prompts** → `gains.py`. Without such rows, or where none of them was scored, the first wording of the study stands, never the best one on
test rows, which would be better than it is by choice alone. Sensitivity is the standard deviation of the values of all wordings, with
ddof = 1, and how far it moves over resamples of the rows, the same rows for every wording.
Source: Steiner, Peeters & Bizer (2024), arXiv 2409.08185, who choose the best of four prompts on test rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hanka.analysis.evidence import CellEvidence, Evidence
from hanka.analysis.questions.contract import Measured
from hanka.analysis.together import Together, all_samples
from hanka.metrics import Metric
from hanka.stats import expanded_interval


@dataclass(frozen=True, slots=True, eq=False)
class Choice:
    """A wording that was chosen."""

    cell: CellEvidence
    "The cell of the test set in that wording."
    by_validation: bool
    "Whether rows to validate on chose it."


def chosen(evidence: Evidence, cells: Sequence[CellEvidence], metric: Metric) -> Choice:
    """Choose among cells of one variant and test set that differ in wording; of equals the first. Raises ValueError when there are none."""
    if not cells:
        raise ValueError("no cells to choose a wording among")
    if len(cells) == 1:
        return Choice(cells[0], False)
    validated = {of: name for name, of in (evidence.plan.get("validation") or {}).items()}
    name = validated.get(str(cells[0].cell["test_dataset"]))
    known = {
        (one.variant["id"], *one.asking): one for one in evidence.done() if name and one.cell["test_dataset"] == name
    }
    partners = [known.get((one.variant["id"], *one.asking)) for one in cells]
    values = [_value(evidence, one, metric) for one in partners]
    if any(value is None for value in values):
        return Choice(cells[0], False)
    upwards = [(value or 0.0) * (1.0 if metric.higher_is_better else -1.0) for value in values]
    return Choice(cells[int(np.argmax(upwards))], True)


def _value(evidence: Evidence, cell: CellEvidence | None, metric: Metric) -> float | None:
    rows = None if cell is None else evidence.rows(cell, metric)
    return metric.value(rows.statistics) if rows is not None and len(rows) else None


def sensitivity(evidence: Evidence, cells: Sequence[CellEvidence], metric: Metric) -> Measured | None:
    """Return the standard deviation over wordings; None with fewer than two, or too few rows."""
    if len(cells) < 2:
        return None
    samples = all_samples(evidence, cells, metric)
    together = Together(evidence, str(cells[0].cell["test_dataset"]), metric, samples)
    rows = [evidence.rows(one, metric) for one in cells]
    plan = together.plan
    if plan is None or any(len(one) < len(samples.ids) for one in rows):
        return None
    places = np.arange(len(samples.ids))
    replicates = np.std([evidence.resampled(one, places, metric, plan).replicates for one in rows], axis=0, ddof=1)
    value = float(np.std([metric.value(one.statistics) for one in rows], ddof=1))
    low, high = expanded_interval(
        replicates[np.isfinite(replicates)], int(np.count_nonzero(plan.sizes)), evidence.level
    )
    return Measured(value, max(0.0, min(low, value)), max(high, value), len(samples.ids))
