"""How much of what tuning a model itself gains does steering it by a small one gain?

gap closed = (steered - base) / (tuned directly - base), in the primary metric, mean over test sets of one relation; steered and tuned
on the same training set, size and seed, asked the same way, on the same rows. Its interval is Fieller's, from how the two
differences vary together over resamples of the rows; where the direct gain is not shown to differ from zero there is none, and
it is said. The intervals of all gaps hold together (Bonferroni over the pairs that have one).
Limits: rows, not training seeds, are what the intervals rest on.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from hanka.analysis.evidence import Evidence
from hanka.analysis.questions.contract import Answer, Column, Entry, Measured, Note
from hanka.analysis.systems import Side, System, trade_offs
from hanka.analysis.together import Difference
from hanka.stats import Interval, Moments, ratio_interval

STEERED = "proxy"
"Method that steers."
RELATION_EN = {"in_domain": "in domain", "out_of_domain": "out of domain", "cross_task": "on other tasks"}
RELATION_JA = {"in_domain": "ドメイン内", "out_of_domain": "ドメイン外", "cross_task": "別タスク"}
SAID = 3
"Gaps that are told in sentences; all are in the table."


@dataclass(frozen=True, slots=True, eq=False)
class Gap:
    """A steered model beside the same model tuned directly, on the test sets of one relation."""

    relation: str
    "Of the test sets."
    side: Side
    "The test sets and their metric."
    steered: System
    "The steered one."
    direct: System
    "The tuned one."
    gains: tuple[Difference, Difference]
    "From the base: of the steered one, of the tuned one."

    def moments(self) -> Moments:
        """Return both gains and how they vary together."""
        top, bottom = self.gains
        both = np.stack([top.replicates, bottom.replicates]).astype(np.float64)
        spread = np.cov(both[:, np.isfinite(both).all(axis=0)])
        df = min(top.n_units, bottom.n_units) - 1
        return Moments(
            top.value, bottom.value, float(spread[0, 0]), float(spread[1, 1]), float(spread[0, 1]), float(df)
        )

    def closed(self, level: float) -> Interval | None:
        """Return the interval of the share that is closed; None where the direct gain may be nothing."""
        return ratio_interval(self.moments(), level)


def ask(evidence: Evidence) -> Answer | None:
    """Compare steering with tuning; None where nothing was steered."""
    variants = {one["id"]: one for one in evidence.plan["variants"]}
    steered = {one for one in variants if _is_steered(one, variants)}
    if not steered:
        return None
    gaps = list(_gaps(evidence, variants, steered))
    if not gaps:
        return Answer(
            sentence_en="Nothing was tuned directly on the rows that steer, asked the same way: there is no gap to close.",
            sentence_ja="誘導に使った学習データで直接チューニングし、同じ条件で質問したモデルがないため、差がどれだけ縮まったかは求められません。",
        )
    bounded = sum(one.closed(evidence.level) is not None for one in gaps)
    level = 1 - (1 - evidence.level) / max(1, bounded)
    said = [_sentence(one, level) for one in gaps[:SAID]]
    return Answer(
        sentence_en="\n".join(en for en, _ in said),
        sentence_ja="\n".join(ja for _, ja in said),
        columns=(
            Column("method"), Column("direct"), Column("trained_on"), Column("seed"), Column("shots"), Column("where", "relation"),
            Column("metric", "metric"), Column("steered_gain", "difference"), Column("direct_gain", "difference"),
            Column("gap_closed", "value"),
        ),
        rows=tuple(_row(one, evidence.level, level) for one in gaps),
        notes=(_together(level, bounded),) if bounded else (),
    )  # fmt: skip


def _is_steered(variant_id: str, variants: Mapping[str, Mapping[str, Any]]) -> bool:
    """Tell whether a variant is steered, or was chosen among such."""
    one = variants[variant_id]
    parents = [parent for parent in one.get("parents", ()) if parent in variants]
    chosen = one["method"] == "select" and bool(parents) and all(_is_steered(parent, variants) for parent in parents)
    return bool(one["method"] == STEERED) or chosen


def _gaps(evidence: Evidence, variants: Mapping[str, Mapping[str, Any]], steered: set[str]) -> Iterator[Gap]:
    """Yield every pair of a steered and a directly tuned system, in domain first."""
    known: set[tuple[Any, ...]] = set()
    found: list[Gap] = []
    for one in trade_offs(evidence):
        own = [system for system in one.systems if system.variant["id"] in steered]
        direct = [system for system in one.systems if _is_direct(system, steered)]
        for system, other in ((a, b) for a in own for b in direct if _same(a, b)):
            for relation, side, gains in (
                ("in_domain", one.scene.inside, (system.gain, other.gain)),
                (one.scene.relation, one.scene.outside, (system.change, other.change)),
            ):
                key = (relation, side, system.variant["id"], other.variant["id"], system.asking)
                if key not in known:
                    known.add(key)
                    found.append(Gap(relation, side, system, other, gains))
    yield from sorted(found, key=lambda gap: list(RELATION_EN).index(gap.relation))


def _is_direct(system: System, steered: set[str]) -> bool:
    """Tell whether a system was trained on rows from its base, by itself."""
    return not system.is_unadapted and system.variant["id"] not in steered and not system.variant.get("parents")


def _same(one: System, other: System) -> bool:
    keys = ("train_dataset", "train_size", "seed")
    return one.asking == other.asking and all(one.variant[key] == other.variant[key] for key in keys)


def _measured(difference: Difference, level: float) -> Measured:
    low, high = difference.interval(level)
    return Measured(difference.value, low, high, difference.n)


def _closed(gap: Gap, level: float) -> Measured | None:
    ends, (top, bottom) = gap.closed(level), gap.gains
    return None if ends is None else Measured(top.value / bottom.value, ends.low, ends.high, min(top.n, bottom.n))


def _row(gap: Gap, level: float, together: float) -> tuple[Entry, ...]:
    one, (top, bottom) = gap.steered.variant, gap.gains
    return (
        one["label"], gap.direct.variant["label"], one["train_dataset"], str(one["seed"]), str(gap.steered.asking[0]), gap.relation,
        gap.side.metric, _measured(top, level), _measured(bottom, level), _closed(gap, together),
    )  # fmt: skip


def _sentence(gap: Gap, level: float) -> tuple[str, str]:
    steered, direct = gap.steered.variant["label"], gap.direct.variant["label"]
    top, bottom = (_measured(one, level) for one in gap.gains)
    en = f"{RELATION_EN[gap.relation].capitalize()}, {steered} gains {top.in_words} and {direct} {bottom.in_words}: "
    ja = f"{RELATION_JA[gap.relation]}では、{steered} の改善は {top.in_words}、{direct} の改善は {bottom.in_words} です。"
    found = _closed(gap, level)
    if found is None or found.low is None or found.high is None:
        return (
            en + "the direct gain is not shown to differ from zero, so no share of it can be stated.",
            ja + "直接チューニングの改善が 0 と区別できないため、縮まった割合は示せません。",
        )
    ends = f"{100 * found.value:.0f} % [{100 * found.low:.0f}, {100 * found.high:.0f}]"
    return en + f"{ends} of the gap closed.", ja + f"縮まった割合は {ends} です。"


def _together(level: float, n: int) -> Note:
    percent = f"{100 * level:.4g} %"
    if n == 1:
        return Note(
            f"The interval of the share is Fieller's at {percent}.",
            f"割合の区間は Fieller の方法による {percent} 区間です。",
        )
    return Note(
        f"The intervals of the {n} shares are Fieller's at {percent} each, so that all of them hold together.",
        f"{n} 個の割合の区間は、同時に成り立つよう、それぞれ Fieller の方法による {percent} 区間としました。",
    )
