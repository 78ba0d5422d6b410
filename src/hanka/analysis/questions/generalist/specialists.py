"""Which variants of a run are specialists, and what generalist data stands before or beside their rows.

Evidence → **specialists** → `pairs.py`. A specialist is trained on the rows of one set: alone (none), with general instructions among them (joint), or
from a variant that was trained on other sets before (first). Coverage is that of the generalist rows alone, added up over their sets.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from hanka.analysis.evidence import Evidence
from hanka.datasets.coverage import normalised_entropy
from hanka.store.folder import read_json_or_none

Way = Literal["none", "joint", "first"]
FACTS = ("false_facts", "true_facts")


class Scene(NamedTuple):
    """What specialists must share to be compared."""

    base: str
    "Base model."
    target: str
    "Set that is tuned for."
    size: int
    "Its rows."


@dataclass(frozen=True, slots=True, eq=False)
class Specialist:
    """One variant."""

    id: str
    "Of the variant."
    label: str
    "Entry of `methods`."
    scene: Scene
    "What it is compared within."
    seed: int
    "Training seed."
    way: Way
    "How generalist data stands by it."
    general: tuple[str, ...]
    "Generalist sets, by name."
    facts: str
    "false_facts or true_facts where such rows are added, else empty."
    fact_tasks: frozenset[str]
    "Tasks of these rows."
    n_pairs: int
    "Distinct (task, output format) pairs of the generalist rows."
    entropy: float
    "Of these, normalised."
    n_general: int
    "Generalist rows."
    steps: int | None
    "Optimizer steps, those of the stage before among them."
    tokens: int | None
    "Tokens of rows likewise."
    synthetic: bool
    "Whether generalist rows are made from templates."


def specialists(evidence: Evidence) -> list[Specialist]:
    """Return the specialists of a run, in the order of the plan."""
    variants = {str(one["id"]): one for one in evidence.plan["variants"]}
    rows = evidence.plan.get("training_rows", {})
    found = (_specialist(evidence, one, variants, rows) for one in variants.values() if one["id"] in rows)
    return [one for one in found if one is not None]


def _specialist(
    evidence: Evidence,
    variant: Mapping[str, Any],
    variants: Mapping[str, Mapping[str, Any]],
    rows: Mapping[str, Mapping[str, Any]],
) -> Specialist | None:
    own = rows[variant["id"]]["parts"]
    learnt = [part for part in own if part["role"] == "learnt"]
    parents = list(variant.get("parents", ()))
    if len(learnt) != 1 or len(parents) > 1:
        return None
    before = _stage(parents[0], variants, rows) if parents else []
    if before is None or any(part["dataset"] == learnt[0]["dataset"] for part in before):
        return None
    beside = [part for part in own if part["role"] != "learnt"]
    if before and beside:  # both ways at once are neither
        return None
    added = [*before, *beside]
    general = [part for part in added if part["role"] not in FACTS]
    facts = [part for part in added if part["role"] in FACTS]
    chain = [str(variant["id"]), *map(str, parents)]
    pairs = _pairs(general)
    return Specialist(
        str(variant["id"]), str(variant["label"]),
        Scene(str(variant["base"]), str(learnt[0]["dataset"]), int(learnt[0]["n"])), int(variant["seed"]),
        "first" if before else "joint" if beside else "none",
        tuple(sorted(str(part["dataset"]) for part in general)), str(facts[0]["role"]) if facts else "",
        frozenset(str(part["task"]) for part in facts), len(pairs), normalised_entropy(pairs.values()),
        sum(int(part["n"]) for part in general), _taken(evidence, chain, "steps"), _taken(evidence, chain, "n_tokens"),
        any(part.get("synthetic") for part in general),
    )  # fmt: skip


def _stage(
    parent: str, variants: Mapping[str, Mapping[str, Any]], rows: Mapping[str, Mapping[str, Any]]
) -> list[Mapping[str, Any]] | None:
    """Return what a stage before was trained on; None where it has one before itself, or its rows are not told."""
    if parent not in rows or variants[parent].get("parents"):
        return None
    return list(rows[parent]["parts"])


def _pairs(parts: Sequence[Mapping[str, Any]]) -> Counter[tuple[str, str]]:
    found: Counter[tuple[str, str]] = Counter()
    for part in parts:
        for task, form, n in (part.get("coverage") or {}).get("pairs", ()):
            found[task, form] += n
    return found


def _taken(evidence: Evidence, chain: Iterable[str], name: str) -> int | None:
    """Add up what trainings took; None where a record is missing."""
    made = (read_json_or_none(evidence.folder.variant(one) / "variant.json") or {} for one in chain)
    counts = [(one.get("record") or {}).get(name) for one in made]
    return None if None in counts else sum(int(one) for one in counts if one is not None)
