"""What the probe `intruders` and the edits of a run left behind, by variant. Knows files, no probe.

The excess over random changes of equal norm is a mean over matrices with a t interval over them; the intervals of all variants hold together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from hanka.analysis.evidence import Evidence
from hanka.analysis.questions.contract import Measured
from hanka.stats import equal_shares, t_interval
from hanka.store.folder import read_json_or_none
from hanka.store.probes import ProbeRecord, read_probe, read_probe_values

PROBE, EDIT = "intruders", "reduce_intruders"
"Entries of `probes` and `methods`."


@dataclass(frozen=True, slots=True, eq=False)
class Counts:
    """What was counted in one variant."""

    intruders: float
    "Over all matrices."
    null: float
    "The same of random changes of equal norm, mean over draws."
    excess: Measured | None
    "The one less the other, mean over the changed matrices; None below two of them."
    relative_change: float
    "Norm of the change over norm of the base."
    n: int
    "Changed matrices."


class Asked(NamedTuple):
    """How the probe counted."""

    k: int
    "Leading directions of every matrix."
    epsilon: float
    "Below which a |cosine| makes an intruder."
    draws: int
    "Random changes of every matrix."


@dataclass(frozen=True, slots=True, eq=False)
class Counted:
    """What was counted in a run."""

    by_variant: Mapping[str, Counts]
    "Variant id → counts."
    asked: Asked | None
    "How was counted; None where nothing was."
    n_failed: int
    "Variants of which nothing could be counted."
    others: tuple[str, ...]
    "Further probes of this kind, by label, that are left to their files."
    n_other_dtypes: int
    "Variants whose base is held in another arithmetic, which do not compare."


def counted(evidence: Evidence) -> Counted | None:
    """Read the counts of the first probe of this kind; None where the run has none."""
    planned = [one for one in evidence.plan.get("probes", ()) if one["probe"] == PROBE]
    if not planned:
        return None
    labels = tuple(dict.fromkeys(str(one.get("label", PROBE)) for one in planned))
    ours = [str(one["id"]) for one in planned if str(one.get("label", PROBE)) == labels[0]]
    records = [record for one in ours if (record := read_probe(evidence.folder.probe(one))) is not None]
    done = [one for one in records if one.status == "done"]
    alike = [one for one in done if one.dtype == done[0].dtype]
    level = equal_shares(len(alike), evidence.level).local_level
    return Counted(
        {one.variant_id: _counts(evidence, one, level) for one in alike},
        _asked(done[0].params) if done else None,
        len(ours) - len(done),
        labels[1:],
        len(done) - len(alike),
    )


def _asked(params: Mapping[str, Any]) -> Asked:
    return Asked(int(params["k"]), float(params["epsilon"]), int(params["draws"]))


def _counts(evidence: Evidence, record: ProbeRecord, level: float) -> Counts:
    rows = read_probe_values(evidence.folder.probe(record.id))
    excess = [row.value for row in rows if row.parameter and row.measure == "excess"]
    values = record.values
    return Counts(
        values["intruders"],
        values["null_intruders"],
        _mean(excess, level),
        values.get("relative_change", 0.0),
        len(excess),
    )


def _mean(values: Sequence[float], level: float) -> Measured | None:
    if len(values) < 2:
        return None
    low, high = t_interval(values, level)
    return Measured(sum(values) / len(values), low, high, len(values))


@dataclass(frozen=True, slots=True, eq=False)
class Edit:
    """An edited variant, as its record says."""

    variant: Mapping[str, Any]
    "Of plan.json."
    parent: str
    "Id of the variant that was edited."
    kind: str
    "intruders, neighbours or peft."
    scale: float
    "What singular values were multiplied by."
    which: str
    "top or all."
    before: int
    "Intruders of the parent."
    after: int
    "Counted again."
    directions: int
    "That were scaled."

    @property
    def like(self) -> tuple[str, float, str]:
        """What a control must share."""
        return self.parent, self.scale, self.which


def edits_of(evidence: Evidence) -> list[Edit]:
    """Return the edited variants that were made, in the order of the plan."""
    found = []
    for variant in evidence.plan["variants"]:
        if variant["method"] != EDIT:
            continue
        record = read_json_or_none(evidence.folder.variant(str(variant["id"])) / "variant.json") or {}
        said = record.get("record") or {}
        if record.get("status") == "done" and "edit" in said and variant.get("parents"):
            found.append(
                Edit(
                    variant, str(variant["parents"][0]), said["edit"], float(said["scale"]), said["which"],
                    int(said["intruders_before"]), int(said["intruders_after"]), int(said["directions"]),
                )
            )  # fmt: skip
    return found


def chains_of(evidence: Evidence) -> list[list[Mapping[str, Any]]]:
    """Return the trainings one after another, the longest of each: variants from the first stage to the last."""
    by_id = {str(one["id"]): one for one in evidence.plan["variants"]}
    continued = {str(one["parents"][0]) for one in by_id.values() if _starts(one)}
    found = []
    for one in by_id.values():
        if not _starts(one) or str(one["id"]) in continued:
            continue
        chain = [one]
        while _starts(chain[0]) and str(chain[0]["parents"][0]) in by_id:
            chain.insert(0, by_id[str(chain[0]["parents"][0])])
        found.append(chain)
    return found


def _starts(variant: Mapping[str, Any]) -> bool:
    return bool(variant.get("parents")) and bool((variant.get("params") or {}).get("start"))
