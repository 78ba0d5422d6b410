"""Arms of a study of levels, out of plan and probes: who was trained on which level, and on which level each test fact is.

Evidence → **gathered** → `judged.py`. Test facts are binned by what the probe `levels` measured of the base as it is; an arm is an entry
trained on facts of one level and one size, with one variant for each draw, or the base, or such an entry with weights put back (`restore`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from hanka.analysis.evidence import CellEvidence, Evidence
from hanka.analysis.pooling import Asked, asked_of
from hanka.records import is_unadapted
from hanka.stats.levels import LEVELS, level_of
from hanka.store.folder import read_json_or_none
from hanka.store.probes import read_probe, read_probe_values

PROBE, RECIPE, RESTORE, TOKENS = "levels", "levels", "restore", "first_token_kl"
FAILED = "failed_samples"
"Names of the entries that the question reads."
LEAST_FACTS = 10
"Test facts of a level below which it is left out of the mean: it would be decided by chance."


class Arm(NamedTuple):
    """What is compared, whatever its draw."""

    base: str
    "Base model."
    label: str
    "Entry of `methods`."
    level: int | None
    "Level of the facts it was trained on; None: the base as it is."
    asked: int
    "Facts that were asked for; 0: the base."
    share: float | None = None
    "Share of weights put back; None: none were."


class Where(NamedTuple):
    """What was asked."""

    test: str
    "Test set."
    asked: Asked
    "What stood before a query."
    prompt: str
    "Prompt set."


@dataclass(frozen=True, slots=True, eq=False)
class Gathered:
    """Everything that the question compares."""

    cells: Mapping[tuple[Arm, Where], tuple[CellEvidence, ...]]
    "Finished cells, one for each draw."
    bins: Mapping[tuple[str, str], Mapping[str, int]]
    "(base, test set) → row id → level."
    n_rows: Mapping[Arm, tuple[int, int]]
    "Facts that were trained on, the fewest and the most over draws."
    unmade: Mapping[Arm, str]
    "Why the rows of an arm were not made."
    failed: tuple[int, int]
    "Samples of test facts that did not come out, and all of them."
    sampling: Mapping[str, Any]
    "How test facts were asked."
    relations: Mapping[str, str]
    "Test set → its relation to the arms."
    parents: Mapping[str, str]
    "Variant → the variant whose weights were put back."
    tokens: Mapping[str, tuple[tuple[str, float], ...]]
    "Variant → the divergence of the first token behind each fact."

    def arms(self, where: Where) -> list[Arm]:
        """Return the arms that were asked something, the base first, then by size and level."""
        found = [arm for arm, place in self.cells if place == where]
        return sorted(
            found,
            key=lambda one: (
                one.base,
                one.level is not None,
                one.share is not None,
                one.label,
                one.asked,
                one.level or 0,
                one.share or 0,
            ),
        )

    def places(self) -> list[Where]:
        """Return what was asked, in the order of the plan."""
        return list(dict.fromkeys(where for _, where in self.cells))

    def levels_of(self, base: str, test: str) -> list[int]:
        """Return the levels that enter a mean over levels: those with test facts enough."""
        known = list(self.bins[base, test].values())
        return [level for level in range(LEVELS) if known.count(level) >= LEAST_FACTS]


def gathered(evidence: Evidence) -> Gathered | None:
    """Gather what a run has of levels; None where nothing was trained on facts of a level."""
    plan = evidence.plan
    made = {str(one["id"]): one for one in plan.get("data", ()) if one["recipe"] == RECIPE}
    variants = {str(one["id"]): one for one in plan["variants"]}
    if not any(one.get("data") in made for one in variants.values()):
        return None
    arms = {name: arm for name, one in variants.items() if (arm := _arm(one, variants, made)) is not None}
    bins, sampling, failed = _bins(evidence, variants)
    cells: dict[tuple[Arm, Where], list[CellEvidence]] = defaultdict(list)
    relations: dict[str, str] = {}
    for cell in evidence.done():
        arm, test = arms.get(str(cell.variant["id"])), str(cell.cell["test_dataset"])
        if arm is None or (arm.base, test) not in bins:
            continue
        cells[arm, Where(test, asked_of(cell), str(cell.cell["prompt"]))].append(cell)
        if arm.level is not None:
            relations[test] = str(cell.cell["relation"])
    cells = {key: found for key, found in cells.items() if key[1].test in relations}
    counts, unmade = _counts(evidence, arms, variants, made)
    parents = {
        name: str(one["parents"][0])
        for name, one in variants.items()
        if one["method"] == RESTORE and one.get("parents")
    }
    return Gathered(
        {key: tuple(found) for key, found in cells.items()},
        bins,
        counts,
        unmade,
        failed,
        sampling,
        relations,
        parents,
        _tokens(evidence),
    )


def _arm(one: Mapping[str, Any], variants: Mapping[str, Any], made: Mapping[str, Any]) -> Arm | None:
    """Return which arm a variant belongs to; None for one that is no part of the study of levels."""
    if is_unadapted(str(one["method"])):
        return Arm(str(one["base"]), str(one["label"]), None, 0)
    if one["method"] == RESTORE and one.get("parents"):
        below = _arm(variants[str(one["parents"][0])], variants, made)
        if below is None or below.level is None:
            return None
        return below._replace(label=str(one["label"]), share=float(one["params"]["share"]))
    data = made.get(str(one.get("data", "")))
    if data is None:
        return None
    return Arm(str(one["base"]), str(one["label"]), int(data["params"]["level"]), int(data["asked"]))


def _bins(
    evidence: Evidence, variants: Mapping[str, Any]
) -> tuple[dict[tuple[str, str], dict[str, int]], Mapping[str, Any], tuple[int, int]]:
    """Return the level of each test fact as each base knows it, how facts were asked, and how many samples failed of how many."""
    found: dict[tuple[str, str], dict[str, int]] = defaultdict(dict)
    sampling: Mapping[str, Any] = {}
    n_failed = n_samples = 0
    for planned in evidence.plan.get("probes", ()):
        of = variants.get(str(planned["variant_id"]), {})
        folder = evidence.folder.probe(str(planned["id"]))
        record = read_probe(folder)
        if (
            planned["probe"] != PROBE
            or not is_unadapted(str(of.get("method", "")))
            or record is None
            or record.status != "done"
        ):
            continue
        sampling = dict(planned.get("params", {}).get("sampling", {}))
        for row in read_probe_values(folder):
            if row.parameter:
                test, _, name = row.parameter.partition(" ")
                found[str(of["base"]), test][name] = level_of(row.value)
            elif row.measure == FAILED:
                n_failed, n_samples = n_failed + int(row.value), n_samples + row.n
    return dict(found), sampling, (n_failed, n_samples)


def _counts(
    evidence: Evidence, arms: Mapping[str, Arm], variants: Mapping[str, Any], made: Mapping[str, Any]
) -> tuple[dict[Arm, tuple[int, int]], dict[Arm, str]]:
    """Return how many facts each arm was trained on, and why rows were not made."""
    n_rows: dict[Arm, list[int]] = defaultdict(list)
    unmade: dict[Arm, str] = {}
    for name, arm in arms.items():
        data = str(variants[name].get("data", ""))
        if data not in made:
            continue
        record = read_json_or_none(evidence.folder.data(data) / "data.json")
        failed = read_json_or_none(evidence.folder.data(data) / "failed.json") or {}
        if isinstance(record, dict):
            n_rows[arm].append(int(record["n_rows"]))
        elif failed.get("reason"):
            unmade[arm] = str(failed["reason"])
    return {arm: (min(counts), max(counts)) for arm, counts in n_rows.items()}, unmade


def _tokens(evidence: Evidence) -> dict[str, tuple[tuple[str, float], ...]]:
    """Return the divergences of first tokens, by variant and fact."""
    return {
        str(planned["variant_id"]): tuple(_values(evidence, str(planned["id"])))
        for planned in evidence.plan.get("probes", ())
        if planned["probe"] == TOKENS
    }


def _values(evidence: Evidence, probe: str) -> Iterator[tuple[str, float]]:
    record = read_probe(evidence.folder.probe(probe))
    if record is not None and record.status == "done":
        yield from (
            (row.parameter, row.value) for row in read_probe_values(evidence.folder.probe(probe)) if row.parameter
        )
