"""Is A better than B? Paired by sample, per test set and asking, and pooled over seeds, prompts, draws and test sets.

A and B are variants, or systems with all their seeds. Rows are judged together, by the same rule as everywhere.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from hanka.analysis.contrasts import Contrast, Contrasts, PairResult
from hanka.analysis.evidence import CellEvidence, Evidence, load_evidence
from hanka.analysis.growth import growth_of, growth_said
from hanka.analysis.summary import judgement
from hanka.errors import HankaError, nearest
from hanka.metrics import METRICS
from hanka.records import Prediction, is_unadapted
from hanka.stats import normal_quantile
from hanka.store.folder import RunFolder, read_predictions

POOLED = "(pooled)"


class Side(NamedTuple):
    """One side of a comparison: a variant, or all seeds of one."""

    title: str
    variants: tuple[str, ...]
    "Ids."


class Row(NamedTuple):
    """A line before it is judged: what it is about, its contrast, its metric."""

    where: dict[str, Any]
    contrast: Contrast
    metric: str


def compare_variants(folder: RunFolder, a: str, b: str) -> dict[str, Any]:
    """Compare two variants of a run on the primary metrics, or two systems over their seeds.

    a, b: variant id, its beginning, a title, or a label that names one system. Raises HankaError with what to write.
    """
    folder.require_format()
    evidence = load_evidence(folder)
    contrasts = Contrasts(evidence)
    first, second = find_side(evidence, a), find_side(evidence, b)
    pairs = _pairs(evidence, contrasts, first, second)
    if not pairs:
        raise HankaError(f"{a} and {b} share no finished cell, so there is nothing to compare")
    rows = [_of_asking(contrasts, members) for members in _by_asking(pairs)]
    found = said(contrasts, first.title, second.title, rows, pooled_rows(contrasts, pairs))
    return found | ({"note": note} if (note := _one_seed(evidence, first, second)) else {})


def _one_seed(evidence: Evidence, first: Side, second: Side) -> str:
    """Say which side is one checkpoint where the other is a method with several seeds."""
    sizes = {one["id"]: one["train_size"] for one in evidence.plan["variants"]}
    for one, other in ((first, second), (second, first)):
        if len(one.variants) == 1 < len(other.variants) and sizes[one.variants[0]]:
            return f"one training seed behind {one.title}: this is about that checkpoint, not about the method"
    return ""


class Same(NamedTuple):
    """How far two variants answered alike, row by row."""

    n_equal: int
    "Rows with the same answer."
    n: int
    "Rows both answered."
    largest_nats: float
    "Largest difference of a label's score; 0 where none was scored."


def answers_alike(folder: RunFolder, a: str, b: str) -> Same:
    """Say how far two variants of a run answered alike; a, b as `compare_variants` takes them."""
    evidence = load_evidence(folder)
    found: list[dict[tuple[Any, ...], Prediction]] = []
    for side in (find_side(evidence, a), find_side(evidence, b)):
        rows: dict[tuple[Any, ...], Prediction] = {}
        for cell in evidence.plan["cells"]:
            if cell["variant_id"] in side.variants:
                key = tuple(cell[name] for name in ("test_dataset", "shots", "prompt", "draw", "context"))
                rows |= {(*key, one.sample_id): one for one in read_predictions(folder.cell(cell["id"]))[0]}
        found.append(rows)
    pairs = [(found[0][key], found[1][key]) for key in found[0] if key in found[1]]
    gaps = [
        abs(x - y)
        for one, other in pairs
        for x, y in zip(one.label_scores or (), other.label_scores or (), strict=False)
    ]
    return Same(sum(one.output == other.output for one, other in pairs), len(pairs), max(gaps, default=0.0))


def said(contrasts: Contrasts, a: str, b: str, rows: Sequence[Row], pooled: Sequence[Row]) -> dict[str, Any]:
    """Judge lines per asking as one family and pooled lines as another, and return what is printed."""
    evidence = contrasts.evidence
    judged = []
    for members, name in ((rows, "compare"), (pooled, "compare pooled")):
        family = contrasts.judge([row.contrast for row in members], name)
        judged += [
            row.where | _numbers(evidence, row) | judgement(evidence, row.contrast, METRICS.get(row.metric), family)
            for row in members
        ]
    growth = growth_of(evidence)
    return {"a": a, "b": b, "rows": judged} | ({"growth": growth_said(growth)["message_en"]} if growth else {})


def find_side(evidence: Evidence, name: str) -> Side:
    """Find a variant by id, its beginning, title or label, or all seeds of a system by its label or title without a seed.

    Raises HankaError with what to write.
    """
    variants = evidence.plan["variants"]
    found = [one for one in variants if one["id"].startswith(name)] if len(name) >= 4 else []
    found = found or [
        one
        for one in variants
        if name in (one["label"], title_of(evidence, one), title_of(evidence, one, with_seed=False))
    ]
    systems = {title_of(evidence, one, with_seed=False): None for one in found}
    if len(systems) == 1:
        title = title_of(evidence, found[0]) if len(found) == 1 else f"{next(iter(systems))} ({len(found)} seeds)"
        return Side(title, tuple(one["id"] for one in found))
    listed = ", ".join(f"{one['id'][:8]} = {title_of(evidence, one)}" for one in (found or variants)[:12])
    if found:
        raise HankaError(
            f"{name!r} names {len(found)} variants; write the id of one: {listed}; or all seeds of one: {', '.join(systems)}"
        )
    raise HankaError(f"no variant {name!r}: {nearest(name, [one['label'] for one in variants])}; variants: {listed}")


def title_of(evidence: Evidence, variant: Mapping[str, Any], with_seed: bool = True) -> str:
    """Name a variant in words: its base where it is that, or where the study has several."""
    if is_unadapted(variant["method"]):
        return f"{variant['label']}/{variant['base']}"
    several = len({one["base"] for one in evidence.plan["variants"]}) > 1
    title = f"{variant['label']}/{variant['train_dataset']}/{variant['train_size']}"
    title += f"/seed{variant['seed']}" if with_seed else ""
    return f"{title}/{variant['base']}" if several else title


def _pairs(evidence: Evidence, contrasts: Contrasts, first: Side, second: Side) -> list[PairResult]:
    """Pair cells that asked the same."""
    asked: dict[tuple[Any, ...], tuple[list[CellEvidence], list[CellEvidence]]] = defaultdict(lambda: ([], []))
    for cell in evidence.done():
        for place, side in enumerate((first, second)):
            if cell.variant["id"] in side.variants:
                asked[cell.key[1:]][place].append(cell)
    found = []
    for ours, theirs in asked.values():
        for cell, other in _matched(ours, theirs):
            metric = METRICS.get(evidence.primary(cell.cell["test_task"]))
            pair = contrasts.pair(cell, other, metric)
            if pair is not None:
                found.append(pair)
    return found


def _matched(ours: Sequence[CellEvidence], theirs: Sequence[CellEvidence]) -> list[tuple[CellEvidence, CellEvidence]]:
    """Pair seeds with seeds where both sides have them; every other one of the side with more with the other side's first."""
    if len(theirs) > len(ours):
        return [(cell, other) for other, cell in _matched(theirs, ours)]
    by_seed = {one.variant["seed"]: one for one in theirs}
    return [(cell, by_seed.get(cell.variant["seed"], theirs[0])) for cell in ours if theirs]


ASKED = ("test_task", "test_dataset", "shots", "prompt", "draw", "context", "relation")


def _by_asking(pairs: Sequence[PairResult]) -> list[list[PairResult]]:
    grouped: dict[tuple[Any, ...], list[PairResult]] = defaultdict(list)
    for one in pairs:
        grouped[tuple(one.cell.cell[name] for name in ASKED)].append(one)
    return list(grouped.values())


def _of_asking(contrasts: Contrasts, members: Sequence[PairResult]) -> Row:
    cell = members[0].cell
    metric = contrasts.evidence.primary(cell.cell["test_task"])
    where = {name: cell.cell[name] for name in ASKED}
    return Row(where, contrasts.pooled(members, METRICS.get(metric)), metric)


def pooled_rows(contrasts: Contrasts, pairs: Sequence[PairResult]) -> list[Row]:
    """Pool test sets, shots, prompts, draws and seeds by relation and metric; tasks and metrics are never mixed."""
    grouped: dict[tuple[str, str], list[PairResult]] = defaultdict(list)
    for one in pairs:
        metric = contrasts.evidence.primary(one.cell.cell["test_task"])
        grouped[metric, str(one.cell.cell["test_task"])].append(one)
    rows = []
    for (metric, task), members in grouped.items():
        if len(members) > 1:
            where = {"test_task": task, "test_dataset": POOLED, "shots": "all", "prompt": "all", "draw": 0}
            where |= {"context": "", "relation": ""}
            rows.append(Row(where, contrasts.pooled(members, METRICS.get(metric)), metric))
    return rows


def _numbers(evidence: Evidence, row: Row) -> dict[str, Any]:
    contrast = row.contrast
    alone = contrast.interval(normal_quantile(evidence.level))
    return {
        "metric": row.metric,
        "n": contrast.n,
        "n_seeds": contrast.n_seeds,
        "value_a": contrast.value_a,
        "value_b": contrast.value_b,
        "delta": contrast.delta,
        "low": alone.low if alone else None,
        "high": alone.high if alone else None,
        "p_value": contrast.p_value,
    }
