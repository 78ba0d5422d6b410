"""Gains of systems on test sets, each wording chosen on rows to validate on, and the share that carries over.

    gain(s, t)       value of system s on test set t, less the unadapted base's on the same rows
    transfer(s, T)   mean over t in T of gain(s, t), divided by the mean over t in T of gain(own(t), t)

T are the test sets of one relation that s was not trained on; own(t) is the entry of the same name that was trained on t, else the first one by name that
was trained on t alone (of the same base and seed). The interval is Fieller's, from how the two means vary together over resamples of the
rows; where the gain of tuning on the targets themselves is not shown to differ from zero there is none, and no share is stated.
Source: Steiner, Peeters & Bizer (2024), arXiv 2409.08185 (Fine-tuning-results.xlsx), whose sheets of explanations and filters divide by the
gains of other models; here the denominator is of the same base always. Limits: rows, not training seeds, are what the intervals rest on.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hanka.analysis.evidence import CellEvidence, Evidence
from hanka.analysis.questions.transfer_gain.prompts import Choice, chosen
from hanka.analysis.together import Difference, Together, all_samples, mean_difference
from hanka.metrics import METRICS, Metric
from hanka.records import ASIDE
from hanka.stats import Interval, Moments, ratio_interval

RELATIONS = ("in_domain", "out_of_domain")


def transfer_share(gains: Sequence[float], own_gains: Sequence[float]) -> float:
    """Return the mean gain on targets as a share of the mean gain of what was tuned on them.

    gains, own_gains: one of each target. Raises ValueError where they do not pair, are empty or no numbers, or the mean of own gains is 0.
    """
    if len(gains) != len(own_gains) or not gains:
        raise ValueError(f"{len(gains)} gains and {len(own_gains)} of own models: one of each target is needed")
    top, bottom = float(np.mean(gains)), float(np.mean(own_gains))
    if not np.isfinite([top, bottom]).all() or bottom == 0:
        raise ValueError(
            f"{top} / {bottom} is no share: gains must be numbers, and those of own models not 0 on average"
        )
    return top / bottom


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """One variant on one test set, every wording of one asking."""

    variant: Mapping[str, Any]
    "The variant."
    test: str
    "Test set."
    relation: str
    "Of the test set to what it was trained on."
    metric: Metric
    "The primary one of the task."
    cells: tuple[CellEvidence, ...]
    "A cell of each wording, in the order of the study."
    choice: Choice
    "The wording that counts."

    @property
    def trained_on(self) -> tuple[str, ...]:
        """Data sets it was trained on."""
        return tuple(self.variant.get("trained_on") or [self.variant["train_dataset"]])

    @property
    def who(self) -> tuple[object, ...]:
        """What tells variants apart: base, label, data set, size, seed."""
        return tuple(self.variant[name] for name in ("base", "label", "train_dataset", "train_size", "seed"))


@dataclass(frozen=True, slots=True, eq=False)
class Transfer:
    """What a variant carries over to test sets of one relation."""

    asked: tuple[Asked, ...]
    "The variant on each target."
    own: tuple[Asked, ...]
    "Who was tuned on the target, aligned."
    gains: tuple[Difference, Difference]
    "Mean gain over the targets: the variant's, and of those tuned on them."

    def moments(self) -> Moments:
        """Return both gains and how they vary together."""
        top, bottom = self.gains
        both = np.stack([top.replicates, bottom.replicates]).astype(np.float64)
        spread = np.cov(both[:, np.isfinite(both).all(axis=0)])
        df = min(top.n_units, bottom.n_units) - 1
        return Moments(
            top.value, bottom.value, float(spread[0, 0]), float(spread[1, 1]), float(spread[0, 1]), float(df)
        )

    @property
    def is_flat(self) -> bool:
        """Tell whether the variant's gain is the same under every resample: no row tells it from the base, and an interval of no width would lie."""
        return bool(np.ptp(self.gains[0].replicates[np.isfinite(self.gains[0].replicates)]) == 0)

    def ends(self, level: float) -> Interval | None:
        """Return the interval of the share; None where the gain on the targets themselves may be nothing, or that of the variant does not vary."""
        return None if self.is_flat else ratio_interval(self.moments(), level)


def every_asked(evidence: Evidence) -> tuple[list[Asked], dict[tuple[str, str], Asked]]:
    """Return adapted variants by test set, and bases as they are by (base, test set), at the fewest shots each was asked with."""
    groups: dict[tuple[str, str], list[CellEvidence]] = defaultdict(list)
    for cell in evidence.done():
        if cell.cell["relation"] not in ASIDE and cell.cell["relation"] != "cross_task":
            groups[str(cell.variant["id"]), str(cell.cell["test_dataset"])].append(cell)
    adapted, bases = [], {}
    for (_, test), cells in groups.items():
        metric = METRICS.get(evidence.primary(str(cells[0].cell["test_task"])))
        if metric.higher_is_better is None:
            continue
        ordered = sorted(cells, key=lambda one: evidence.order(one.asking))
        first = (ordered[0].cell["shots"], ordered[0].cell["context"], ordered[0].cell["draw"])
        same = tuple(one for one in ordered if (one.cell["shots"], one.cell["context"], one.cell["draw"]) == first)
        own = Asked(same[0].variant, test, str(same[0].cell["relation"]), metric, same, chosen(evidence, same, metric))
        if same[0].is_unadapted:
            bases[str(same[0].variant["base"]), test] = own
        elif same[0].variant.get("changes_weights", True):
            adapted.append(own)
    return adapted, bases


def base_of(one: Asked, bases: Mapping[tuple[str, str], Asked]) -> Asked | None:
    """Return the unadapted base that a variant is compared with on a test set, in its own best wording."""
    return bases.get((one.choice.cell.reference, one.test))


def gain(evidence: Evidence, one: Asked, other: Asked) -> Difference | None:
    """Return how much better a variant is than the base on the rows both have; None where too few."""
    cells = (*one.cells, *other.cells)
    together = Together(evidence, one.test, one.metric, all_samples(evidence, cells, one.metric))
    return together.difference(one.choice.cell, other.choice.cell)


def own_on(one: Asked, adapted: Sequence[Asked]) -> Asked | None:
    """Return who was tuned on a variant's test set: the same entry first, then the first one that was trained on it alone."""
    base, label, _, size, seed = one.who
    fitting = [
        other
        for other in adapted
        if other.test == one.test
        and other.trained_on == (one.test,)
        and other.variant["train_dataset"] == one.test
        and (other.who[0], other.who[4]) == (base, seed)
    ]
    return min(
        fitting, key=lambda other: (other.who[1] != label, other.who[3] != size, str(other.who[1])), default=None
    )


def transfers(
    evidence: Evidence, adapted: Sequence[Asked], bases: Mapping[tuple[str, str], Asked]
) -> tuple[list[Transfer], list[Asked]]:
    """Return what carries over, by variant and relation, and the variants on targets that nobody was tuned on."""
    found: list[Transfer] = []
    without: list[Asked] = []
    groups: dict[tuple[object, ...], list[Asked]] = defaultdict(list)
    for one in adapted:
        if one.relation in RELATIONS and one.test not in one.trained_on:
            groups[*one.who, one.relation].append(one)
    for targets in groups.values():
        pairs = [(one, own_on(one, adapted), base_of(one, bases)) for one in targets]
        without += [one for one, own, base in pairs if own is None or base is None]
        known = [
            (one, own, gain(evidence, one, base), gain(evidence, own, base))
            for one, own, base in pairs
            if own is not None and base is not None
        ]
        whole = [
            (one, own, ours, theirs) for one, own, ours, theirs in known if ours is not None and theirs is not None
        ]
        if whole:
            gains = (
                mean_difference([ours for _, _, ours, _ in whole]),
                mean_difference([theirs for *_, theirs in whole]),
            )
            found.append(Transfer(tuple(one for one, *_ in whole), tuple(own for _, own, *_ in whole), gains))
    return found, without
