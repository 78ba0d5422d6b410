"""Are two runs different? Systems that both have, asked the same, on the rows that agree.

Rows agree where sample id and reference are the same; others are left out and counted. Everything else is as between two
variants of one run: paired, pooled over seeds, prompts, draws and test sets, judged together.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np

from hanka.analysis.answers import Scored
from hanka.analysis.compare import ASKED, Row, pooled_rows, said
from hanka.analysis.contrasts import Contrasts, PairResult
from hanka.analysis.evidence import CellEvidence, Evidence, load_evidence
from hanka.errors import HankaError
from hanka.metrics import METRICS
from hanka.store.folder import RunFolder, read_table


def compare_runs(first: RunFolder, second: RunFolder) -> dict[str, Any]:
    """Compare what two runs share, first minus second. Raises HankaError where they share nothing."""
    for folder in (first, second):
        folder.require_format()
    ours, theirs = load_evidence(first), load_evidence(second)
    contrasts = Contrasts(ours)
    known: dict[tuple[Any, ...], CellEvidence] = {_key(cell): cell for cell in theirs.done()}
    pairs: dict[tuple[Any, ...], list[PairResult]] = defaultdict(list)
    left_out: dict[str, int] = {}
    for cell in ours.done():
        other = known.get(_key(cell))
        name = ours.primary(cell.cell["test_task"])
        if other is None or name != theirs.primary(other.cell["test_task"]):
            continue
        metric = METRICS.get(name)
        agreeing, n_left_out = _agreeing(ours, theirs, cell, other)
        pair = contrasts.compared(cell, other, metric, agreeing) if agreeing else None
        if n_left_out:
            left_out[str(cell.cell["test_dataset"])] = n_left_out
        if pair is not None:
            pairs[_without_seed(cell)].append(pair)
    if not pairs:
        raise HankaError(
            f"{first.path} and {second.path} share no finished cell: no variant of one label, size and asking"
        )
    rows = [
        Row({"method": key[0], **{name: members[0].cell.cell[name] for name in ASKED}},
            contrasts.pooled(members, METRICS.get(ours.primary(members[0].cell.cell["test_task"]))),
            ours.primary(members[0].cell.cell["test_task"]))
        for key, members in pairs.items()
    ]  # fmt: skip
    by_system: dict[str, list[PairResult]] = defaultdict(list)
    for key, members in pairs.items():
        by_system[str(key[0])] += members
    pooled = [
        row._replace(where={"method": label} | row.where)
        for label, members in by_system.items()
        for row in pooled_rows(contrasts, members)
    ]
    found = said(contrasts, str(first.path), str(second.path), rows, pooled)
    return found | {"left_out": left_out}


def _key(cell: CellEvidence) -> tuple[Any, ...]:
    return (*_without_seed(cell), cell.variant["seed"] if not cell.is_unadapted else 0)


def _without_seed(cell: CellEvidence) -> tuple[Any, ...]:
    variant = cell.variant
    return (variant["label"], variant["train_dataset"], variant["train_size"], cell.cell["test_dataset"], *cell.asking)


def _agreeing(
    ours: Evidence, theirs: Evidence, cell: CellEvidence, other: CellEvidence
) -> tuple[tuple[Scored, Scored] | None, int]:
    """Return both cells' statistics on the rows whose id and reference agree, and how many rows do not."""
    metric, context = METRICS.get(ours.primary(cell.cell["test_task"])), ours.context(cell)
    rows = ours.rows(cell, metric, context), theirs.rows(other, metric, context)
    targets = [_targets(evidence, one) for evidence, one in ((ours, cell), (theirs, other))]
    same = {sample for sample, target in targets[0].items() if targets[1].get(sample) == target}
    kept = [_kept(one, same) for one in rows]
    return ((kept[0], kept[1]) if same else None), len(targets[0].keys() | targets[1].keys()) - len(same)


def _targets(evidence: Evidence, cell: CellEvidence) -> dict[str, str]:
    table = read_table(evidence.folder.cell(cell.cell["id"]) / "predictions.parquet", ("sample_id", "target"))
    return dict(zip(table["sample_id"].to_pylist(), table["target"].to_pylist(), strict=True))


def _kept(rows: Scored, same: set[str]) -> Scored:
    wanted = np.array([rows.samples.ids[place] in same for place in rows.places], dtype=bool)
    return Scored(rows.samples, rows.places[wanted], rows.statistics[wanted])
