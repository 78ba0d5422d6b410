"""Are two runs different? Systems that both have, asked the same, on the rows that agree.

Rows agree where sample id and reference are the same; others are left out and counted. Everything else is as between two
variants of one run: paired, pooled over seeds, prompts, draws and test sets, judged together.
"""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from hanka.analysis.answers import Scored
from hanka.analysis.compare import ASKED, Row, find_side, pooled_rows, said
from hanka.analysis.contrasts import Contrasts, PairResult
from hanka.analysis.evidence import CellEvidence, Evidence, load_evidence
from hanka.analysis.lm_eval_files import key_of, task_name
from hanka.analysis.lm_eval_runs import as_run, is_logged
from hanka.errors import HankaError
from hanka.metrics import METRICS, Metric
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
        agreeing, n_left_out = agreeing_rows(Sides(ours, theirs), cell, other, metric)
        pair = contrasts.compared(cell, other, metric, agreeing) if agreeing else None
        if n_left_out:
            left_out[str(cell.cell["test_dataset"])] = n_left_out
        if pair is not None:
            pairs[_without_seed(cell)].append(pair)
    if not pairs:
        raise HankaError(
            f"{first.path} and {second.path} share no finished cell: no variant of one label, size and asking"
        )
    rows = _lines(contrasts, pairs)
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


def compare_with_harness(first: Path, name: str | None, logged: Path) -> dict[str, Any]:
    """Compare a variant of a run, or what the harness left behind, with what it left behind elsewhere: tasks of one name, document by document.

    name: the variant, as `compare_variants` takes it; None where `first` is of the harness, too. Raises HankaError in one line.
    """
    with tempfile.TemporaryDirectory(prefix="hanka-compare-") as scratch:
        ours_of = as_run(first, Path(scratch) / "first") if is_logged(first) else RunFolder(first)
        ours, theirs = load_evidence(ours_of), load_evidence(as_run(logged, Path(scratch) / "second"))
        variants = [str(one["id"]) for one in ours.plan["variants"]]
        if name is None and len(variants) > 1:
            labels = ", ".join(dict.fromkeys(str(one["label"]) for one in ours.plan["variants"]))
            raise HankaError(
                f"{first} holds several variants ({labels}): say which, as in `hanka compare {first} {variants[0][:8]} {logged}`"
            )
        side = find_side(ours, name or variants[0])
        contrasts = Contrasts(ours)
        known = {str(cell.cell["test_task"]): cell for cell in theirs.done()}
        pairs: dict[tuple[Any, ...], list[PairResult]] = defaultdict(list)
        left_out: dict[str, int] = {}
        judged: dict[tuple[Any, ...], str] = {}
        for cell in (one for one in ours.done() if one.variant["id"] in side.variants):
            other, own = known.get(task_name(ours, cell)), METRICS.get(ours.primary(cell.cell["test_task"]))
            if other is None or (called := theirs.task(other.cell["test_task"])["keys"].get(key_of(ours, own))) is None:
                continue
            their = METRICS.get(called)
            agreeing, n_left_out = agreeing_rows(Sides(ours, theirs), cell, other, own, their)
            if n_left_out:
                left_out[str(cell.cell["test_dataset"])] = n_left_out
            metric = own if own.binary == their.binary or their.binary else their
            pair = contrasts.compared(cell, other, metric, _alike(*agreeing)) if agreeing else None
            if pair is not None:
                pairs[_without_seed(cell)].append(pair)
                judged[_without_seed(cell)] = metric.name
        if not pairs:
            raise HankaError(
                f"{side.title} and {logged} share no task by name, metric and rows; tasks there: {', '.join(known)}"
            )
        found = said(contrasts, side.title, str(theirs.plan["study"]), _lines(contrasts, pairs, judged), [])
        return found | {"left_out": left_out, "not_compared": theirs.plan["left_out"]}


def _alike(first: Scored, second: Scored) -> tuple[Scored, Scored]:
    """Return statistics of one shape: right or wrong beside a share is a share of one unit."""
    if first.statistics.shape[1] == second.statistics.shape[1]:
        return first, second
    wide = [
        replace(one, statistics=np.column_stack([one.statistics, one.statistics, np.ones(len(one))]))
        if one.statistics.shape[1] == 1
        else one
        for one in (first, second)
    ]
    return wide[0], wide[1]


def _lines(
    contrasts: Contrasts,
    pairs: Mapping[tuple[Any, ...], list[PairResult]],
    judged: Mapping[tuple[Any, ...], str] = MappingProxyType({}),
) -> list[Row]:
    """Return one line per system and asking, its seeds pooled. judged: metrics that are not the primary ones."""
    found = []
    for key, members in pairs.items():
        cell = members[0].cell.cell
        metric = judged.get(key) or contrasts.evidence.primary(cell["test_task"])
        where = {"method": key[0], **{name: cell[name] for name in ASKED}}
        found.append(Row(where, contrasts.pooled(members, METRICS.get(metric)), metric))
    return found


def _key(cell: CellEvidence) -> tuple[Any, ...]:
    return (*_without_seed(cell), cell.variant["seed"] if not cell.is_unadapted else 0)


def _without_seed(cell: CellEvidence) -> tuple[Any, ...]:
    variant = cell.variant
    return (variant["label"], variant["train_dataset"], variant["train_size"], cell.cell["test_dataset"], *cell.asking)


class Sides(NamedTuple):
    """Two runs that are compared."""

    ours: Evidence
    theirs: Evidence


def agreeing_rows(
    sides: Sides, cell: CellEvidence, other: CellEvidence, metric: Metric, their_metric: Metric | None = None
) -> tuple[tuple[Scored, Scored] | None, int]:
    """Return both cells' statistics on the rows whose id and reference agree, and how many rows do not.

    their_metric: what the other run calls the metric, where that is a harness's.
    """
    ours, theirs = sides
    context = ours.context(cell)
    rows = ours.rows(cell, metric, context), theirs.rows(other, their_metric or metric, context)
    columns = ("target", "parsed") if their_metric is not None else ("target",)
    targets = [_targets(ours, cell, columns[:1]), _targets(theirs, other, columns)]
    same = {sample for sample, (target,) in targets[0].items() if target in targets[1].get(sample, ())}
    kept = [one.among(same) for one in rows]
    return ((kept[0], kept[1]) if same else None), len(targets[0].keys() | targets[1].keys()) - len(same)


def _targets(evidence: Evidence, cell: CellEvidence, columns: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    """Return sample id → its reference; of logs of the harness, which call a choice by its number, the choice, too."""
    table = read_table(evidence.folder.cell(cell.cell["id"]) / "predictions.parquet", ("sample_id", *columns))
    values = zip(*(table[name].to_pylist() for name in columns), strict=True)
    return dict(zip(table["sample_id"].to_pylist(), values, strict=True))
