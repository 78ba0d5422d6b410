"""What is known of each test row beside its answers: language by script, length, and the study's own columns → samples.parquet.

plan → **store** → slices of the results. Written once per run, as the rows are the same for every variant.
"""

from __future__ import annotations

from hanka.datasets.scripts import script_of
from hanka.plan import Plan
from hanka.store.folder import RunFolder, write_table
from hanka.study.rows import TestSet

LANGUAGE, LENGTH = "language", "length"
"Slices that every test set has: the script of its inputs, and their characters."


def write_samples(plan: Plan, folder: RunFolder) -> None:
    """Write samples.parquet: one row per test row and slice."""
    import pyarrow as pa

    tests = {cell.test.dataset.name: cell.test for cell in plan.cells.values()}
    rows = [row for name in sorted(tests) for row in _rows(name, tests[name])]
    names = ("test_dataset", "sample_id", "slice", "value")
    columns = list(zip(*rows, strict=True)) or [()] * len(names)
    write_table(
        folder.samples, pa.table({name: pa.array(one, pa.string()) for name, one in zip(names, columns, strict=True)})
    )


def _rows(name: str, test: TestSet) -> list[tuple[str, str, str, str]]:
    found = []
    for example in test.examples:
        text = "\n".join(example.fields.values()) or example.target
        slices = {LANGUAGE: script_of(text), LENGTH: str(len(text)), **example.slices}
        found += [(name, example.id, one, value) for one, value in slices.items()]
    return [tuple(part.encode("utf-8", "backslashreplace").decode() for part in row) for row in found]  # type: ignore[misc]
