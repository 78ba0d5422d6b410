"""What a finished run lacks of its plan: units and cells that failed, and rows without an answer in cells that did not.

The exit code follows from it: a study whose tables rest on less than was asked is not done, however little is missing.
"""

from __future__ import annotations

from typing import NamedTuple

from hanka.plan import Plan
from hanka.store.folder import RunFolder
from hanka.store.rows import has_rows
from hanka.work.adapt import variant_done
from hanka.work.cells import cell_done, cell_record
from hanka.work.probe import probe_done


class Lacking(NamedTuple):
    """Counts of what is not there; all zero: everything that was asked has an answer."""

    cells: int = 0
    "Cells without any answer."
    rows: int = 0
    "Rows that got none, in the other cells."
    variants: int = 0
    "Variants that were not made."
    data: int = 0
    "Recipes whose rows were not made."
    probes: int = 0
    "Probes that were not measured."

    @property
    def units(self) -> int:
        """What is made or answered anew by the next run: everything but single rows."""
        return self.cells + self.variants + self.data + self.probes

    def lines(self, n_cells: int, n_probes: int) -> list[str]:
        """Say it, of so many cells and probes."""
        counted = (
            (self.variants, "variants that were not made", ""),
            (self.data, "recipes that made no rows", ""),
            (self.cells, "cells that failed", f" of {n_cells:,}"),
            (self.probes, "probes that failed", f" of {n_probes:,}"),
            (self.rows, "rows without an answer in other cells", ""),
        )
        return [f"{what}: {n:,}{of}" for n, what, of in counted if n]


def lacking(plan: Plan, folder: RunFolder) -> Lacking:
    """Count what is not there of a plan."""
    there = [cell for cell in plan.cells.values() if cell_done(folder, cell)]
    return Lacking(
        cells=len(plan.cells) - len(there),
        rows=sum(int(cell_record(folder, cell).get("n_failed", 0)) for cell in there),
        variants=sum(1 for planned in plan.variants.values() if not variant_done(folder, planned)),
        data=sum(1 for data_id in plan.made if not has_rows(folder.data(data_id))),
        probes=sum(1 for probe_id in plan.probes if not probe_done(folder, probe_id)),
    )
