"""Which rows are drawn, and what each stands for: a random sample by source and cluster.

`pool` and a number → **sample** → `written`. Sources share the rows as asked (in proportion, equally, or as Neyman does where their
spreads are given), and have two at least; within a source clusters share in proportion, and every one is met. Within such a cell every text is as
likely as any other, so the sum over labelled rows of weight times value estimates the sum over the pool without bias; texts alike are taken to have the
label of the one that stands for them. Source: Horvitz & Thompson (1952); Cochran (1977), ch. 5.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, TypeAlias, get_args

import numpy as np

from hanka.errors import DataError, nearest
from hanka.identity import stream
from hanka.operations.sampling.clusters import clusters_of
from hanka.operations.sampling.pool import Candidate, Pool
from hanka.stats.strata import allocate, design_effect_of_weights

Allocation: TypeAlias = Literal["proportional", "equal", "neyman"]
ALLOCATIONS: tuple[Allocation, ...] = get_args(Allocation)
OF_SOURCE = 2
"Rows of a source at least: with one alone nobody sees how much it varies."
MOST_CLUSTERS = 20
"Clusters where nobody said how many."


@dataclass(frozen=True, slots=True)
class Design:
    """How a sample is drawn."""

    allocation: Allocation = "proportional"
    "How sources share the rows."
    spreads: Mapping[str, float] | None = None
    "Source → standard deviation of what is to be estimated, for `neyman`."
    n_clusters: int | None = None
    "Clusters of texts; 0: none; None: two rows each, at most MOST_CLUSTERS."
    seed: int = 0
    "Of the draw."


class Cell(NamedTuple):
    """A source and cluster."""

    source: str
    cluster: int
    n_texts: int
    "Texts that can be drawn."
    n_rows: int
    "Rows of the pool that they stand for."
    n_drawn: int


class Drawn(NamedTuple):
    """A row to be labelled."""

    candidate: Candidate
    cluster: int
    weight: float
    "Rows of the pool that it stands for."


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """What was drawn, and how."""

    pool: Pool
    design: Design
    n_clusters: int
    "Clusters that there are."
    cells: tuple[Cell, ...]
    "By source, then cluster."
    rows: tuple[Drawn, ...]
    "In the order of the pool."
    design_effect: float
    "By how much unequal weights enlarge the variance of a mean: at least 1."


def draw(pool: Pool, n: int, design: Design, features: Any = None) -> Sample:
    """Draw n rows of a pool. Raises DataError in one line where the pool, its sources or clusters do not fit the number.

    features: (candidates, width) of an encoder, for the clusters.
    """
    _require(pool, n, design)
    sources = Counter(one.source for one in pool.candidates)
    wanted = n_clusters_of(n, len(sources), design)
    clusters = clusters_of([one.text for one in pool.candidates], wanted, design.seed, features)
    members: dict[tuple[str, int], list[int]] = {}
    for place, (one, cluster) in enumerate(zip(pool.candidates, clusters, strict=True)):
        members.setdefault((one.source, cluster), []).append(place)
    keys = sorted(members)
    counts = _counts(sources, {key: len(members[key]) for key in keys}, n, design)
    cells, rows = [], []
    for key in keys:
        places, count = members[key], counts[key]
        of_rows = sum(pool.candidates[place].n_alike for place in places)
        cells.append(Cell(*key, len(places), of_rows, count))
        rng = stream(design.seed, "sampling", *key)
        for place in np.sort(rng.choice(len(places), count, replace=False)):
            one = pool.candidates[places[place]]
            rows.append((places[place], Drawn(one, key[1], len(places) / count * one.n_alike)))
    effect = design_effect_of_weights([one.weight for _, one in rows])
    return Sample(
        pool, design, len(set(clusters)), tuple(cells), tuple(one for _, one in sorted(rows, key=lambda row: row[0])), effect
    )  # fmt: skip


def n_clusters_of(n: int, n_sources: int, design: Design) -> int:
    """Return how many clusters are looked for."""
    if design.n_clusters is not None:
        return design.n_clusters
    return min(MOST_CLUSTERS, n // (2 * n_sources))


def _require(pool: Pool, n: int, design: Design) -> None:
    sources = Counter(one.source for one in pool.candidates)
    least = sum(min(OF_SOURCE, size) for size in sources.values())
    if n > len(pool.candidates):
        left_out = pool.n_rows - len(pool.candidates)
        raise DataError(
            f"{n:,} rows are asked and {pool.path} has {len(pool.candidates):,} to draw from ({left_out:,} of {pool.n_rows:,} are left out): "
            f"ask for at most {len(pool.candidates):,}, or give a larger pool"
        )
    if n < least:
        raise DataError(
            f"{n:,} rows cannot cover {len(sources)} source(s) with {OF_SOURCE} each: ask for at least {least:,}"
        )
    spreads = design.spreads or {}
    if design.allocation == "neyman":
        missing = sorted(set(sources) - set(spreads))
        if missing:
            raise DataError(f"--allocation neyman needs the spread of every source: add --spread {missing[0]}=…")
    elif spreads:
        raise DataError(f"--spread is of --allocation neyman, not of {design.allocation}")
    for name, spread in spreads.items():
        if name not in sources:
            raise DataError(f"--spread {name}: the pool has no such source: {nearest(name, sources)}")
        if not (math.isfinite(spread) and spread > 0):
            raise DataError(f"--spread {name}={spread}: a standard deviation above 0")


def _counts(
    sources: Mapping[str, int], cells: Mapping[tuple[str, int], int], n: int, design: Design
) -> dict[tuple[str, int], int]:
    """Return the rows of each cell."""
    names = sorted(sources)
    of_source = {name: [key for key in cells if key[0] == name] for name in names}
    floors = {name: max(min(OF_SOURCE, sources[name]), len(of_source[name])) for name in names}
    if sum(floors.values()) > n:
        raise DataError(
            f"{n:,} rows cannot meet all of {len(cells)} clusters by source: ask for at least {sum(floors.values()):,}, or for fewer clusters "
            "(--clusters)"
        )
    shares = [_share(name, sources[name], design) for name in names]
    given = allocate([sources[name] for name in names], shares, n, [floors[name] for name in names])
    found: dict[tuple[str, int], int] = {}
    for name, rows in zip(names, given, strict=True):
        sizes = [cells[key] for key in of_source[name]]
        found |= dict(zip(of_source[name], allocate(sizes, sizes, rows, [1] * len(sizes)), strict=True))
    return found


def _share(name: str, size: int, design: Design) -> float:
    if design.allocation == "equal":
        return 1.0
    return float(size) * (design.spreads or {}).get(name, 1.0)
