"""What does a gain in domain cost elsewhere? Systems on two scales, their front, and what goes with the loss.

gain: mean over in-domain test sets of the difference from the base model in the primary metric; change: the same over
test sets out of domain, and apart from them on other tasks. Positive is better on both. A system is on the front if no
other has at least as much of both and more of one. How sure that is: the share of resamples of the test rows in
which it is on the front. Where probes ran, their values over the whole model are correlated by rank with the loss
over variants.

Limits: intervals and shares cover the sampling of test rows, not the luck of training; the front is looked for on
the rows it is shown on.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hanka.analysis.evidence import ASKING, Evidence
from hanka.analysis.probed import Measure, probe_values
from hanka.analysis.questions.contract import Answer, Column, Curve, Entry, Measured, Note, Point
from hanka.analysis.systems import Scene, System, TradeOff, trade_offs
from hanka.analysis.together import Difference
from hanka.identity import stream
from hanka.metrics import METRICS
from hanka.stats import pareto_front, rank_correlation
from hanka.stats.rank import FEWEST

SAID = 2
"Trade-offs that the sentence tells; the others are in the table."
DIGITS = 12
"Decimals at which two systems tie: means over test sets differ by rounding beyond."
RELATION_EN = {"out_of_domain": "out of domain", "cross_task": "on other tasks"}
RELATION_JA = {"out_of_domain": "ドメイン外", "cross_task": "別タスク"}


def ask(evidence: Evidence) -> Answer | None:
    """Weigh gains against changes elsewhere; None where nothing was adapted."""
    if all(cell.is_unadapted for cell in evidence.cells.values()):
        return None
    found = [one for one in trade_offs(evidence) if any(not system.is_unadapted for system in one.systems)]
    adapted = [_weigh(one, evidence.level) for one in found]
    if not adapted:
        return _nothing(evidence)
    values = probe_values(evidence)
    columns = _columns(adapted)
    numbered = [(number, *row) for number, row in enumerate(_rows(adapted), start=1)]
    rows = tuple(tuple(_entry(column.name, *row) for column in columns) for row in numbered)
    curves = (*_front_curves(adapted), *_probe_curves(adapted, values))
    said = [_sentences(one) for one in adapted[:SAID]]
    more = len(adapted) - len(said)
    return Answer(
        sentence_en="\n".join(en for en, _ in said)
        + (f"\n{more} more comparison(s) are in the table." if more else ""),
        sentence_ja="\n".join(ja for _, ja in said) + (f"\nほかの比較 {more} 件は表にあります。" if more else ""),
        columns=tuple(columns),
        rows=rows,
        curves=curves,
        notes=(*_notes(evidence, adapted), *_correlations(evidence, adapted, values)),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Weighed:
    """A trade-off with its front."""

    tradeoff: TradeOff
    "What was weighed."
    level: float
    "Of the intervals."
    on_front: npt.NDArray[np.bool_]
    "(systems,) on the rows as they are."
    shares: list[float]
    "(systems,) share of resamples in which each is on the front."

    @property
    def scene(self) -> Scene:
        """What the systems are weighed on."""
        return self.tradeoff.scene

    @property
    def systems(self) -> tuple[System, ...]:
        """The systems."""
        return self.tradeoff.systems

    def front(self) -> list[int]:
        """Return the places of the systems on the front, the largest gain first."""
        return sorted(np.flatnonzero(self.on_front).tolist(), key=lambda place: -self.systems[place].gain.value)


def _weigh(tradeoff: TradeOff, level: float) -> _Weighed:
    gains, changes = [one.gain for one in tradeoff.systems], [one.change for one in tradeoff.systems]
    values = (np.round([one.value for one in side], DIGITS) for side in (gains, changes))
    return _Weighed(tradeoff, level, pareto_front(*values), membership(gains, changes))


def membership(gains: Sequence[Difference], changes: Sequence[Difference]) -> list[float]:
    """Return the share of resamples in which each system is on the front; resamples that lack a value are left out."""
    first, second = (np.stack([one.replicates for one in parts]) for parts in (gains, changes))
    whole = np.isfinite(first).all(axis=0) & np.isfinite(second).all(axis=0)
    if not whole.any():
        return [0.0] * len(gains)
    return [float(share) for share in pareto_front(first[:, whole], second[:, whole]).mean(axis=1)]


def _measured(difference: Difference, level: float) -> Measured:
    low, high = difference.interval(level)
    return Measured(difference.value, low, high, difference.n)


# The table


def _rows(found: Sequence[_Weighed]) -> Iterator[tuple[_Weighed, int]]:
    return ((one, place) for one in found for place in range(len(one.systems)))


def _columns(found: Sequence[_Weighed]) -> list[Column]:
    """Return the columns; what is the same in every row is left out, but not what says which system it is."""
    rows = list(_rows(found))
    columns = [
        Column("number", "count"),
        Column("base"),
        Column("method"),
        Column("trained_on"),
        Column("train_size", "count"),
    ]
    columns += [Column("seed"), *(Column(name) for name in ASKING), Column("on_front"), Column("front_share", "share")]
    columns += [Column("metric_inside", "metric"), Column("gain", "difference"), Column("relation", "relation")]
    columns += [Column("metric_outside", "metric"), Column("change", "difference")]
    optional = {"base", "trained_on", "seed", "prompt", "draw", "context", "metric_inside", "metric_outside"}
    kept = []
    for column in columns:
        entries = {str(_entry(column.name, 0, *row)) for row in rows} - {"", "None"}
        if column.name not in optional or len(entries) > 1:
            kept.append(column)
    return kept


def _entry(column: str, number: int, one: _Weighed, place: int) -> Entry:
    system, scene = one.systems[place], one.scene
    variant = system.variant
    if column in ASKING:
        asked = system.asking[ASKING.index(column)]
        return asked + 1 if column == "draw" else str(asked)
    if column in ("gain", "change"):
        return _measured(system.gain if column == "gain" else system.change, one.level)
    entries: dict[str, Entry] = {
        "number": number,
        "base": scene.base,
        "method": variant["label"],
        "trained_on": variant["train_dataset"],
        "train_size": variant["train_size"] or None,
        "seed": None if system.is_unadapted else str(variant["seed"]),
        "metric_inside": scene.inside.metric,
        "relation": scene.relation,
        "metric_outside": scene.outside.metric,
        "on_front": "✓" if one.on_front[place] else "",
        "front_share": one.shares[place],
    }
    return entries[column]


# Figures


def _front_curves(found: Sequence[_Weighed]) -> Iterator[Curve]:
    """Yield a panel per trade-off; a point carries the number of its row."""
    number = 0
    for one in found:
        points = []
        for place, system in enumerate(one.systems):
            number += 1
            gain, change = _measured(system.gain, one.level), _measured(system.change, one.level)
            group = str(system.variant["label"])
            points.append(Point(gain, change, group, str(number), bool(one.on_front[place])))
        title_en, title_ja = title(one.scene)
        yield Curve(title_en, title_ja, "gain", "change", tuple(points))


def _probe_curves(found: Sequence[_Weighed], values: dict[Measure, dict[str, float]]) -> Iterator[Curve]:
    """Yield loss against the first measure of every probe, where two variants or more have both."""
    firsts = {(measure.probe, measure.dtype): measure for measure in reversed(values)}
    for one in found:
        for measure in firsts.values():
            pairs = _pairs(one, values[measure])
            if len(pairs) > 1:
                title_en, title_ja = title(one.scene)
                points = tuple(
                    Point(Measured(value), _loss(system.change, one.level), str(system.variant["label"]))
                    for system, value in pairs
                )
                yield Curve(title_en, title_ja, f"{measure.probe}_{measure.name}", "loss", points)


def _loss(change: Difference, level: float) -> Measured:
    low, high = change.interval(level)
    return Measured(-change.value, -high, -low, change.n)


def _pairs(one: _Weighed, by_variant: dict[str, float]) -> list[tuple[System, float]]:
    systems = one.tradeoff.variants()
    return [(system, by_variant[system.variant["id"]]) for system in systems if system.variant["id"] in by_variant]


# Sentences


def title(scene: Scene) -> tuple[str, str]:
    """Say what is weighed against what, in English and Japanese."""
    inside, outside = (METRICS.get(side.metric).display for side in (scene.inside, scene.outside))
    tests = _listed(scene.inside.tests, " + ")
    return (
        f"{tests} ({inside}) / {RELATION_EN[scene.relation]} ({outside})",
        f"{tests}（{inside}）／{RELATION_JA[scene.relation]}（{outside}）",
    )


def _listed(names: Sequence[str], join: str, most: int = 3) -> str:
    more = f" +{len(names) - most}" if len(names) > most else ""
    return join.join(names[:most]) + more


def _sentences(one: _Weighed) -> tuple[str, str]:
    """Say how many are on the front, and of the one that gains most what it gains and what becomes of the rest."""
    title_en, title_ja = title(one.scene)
    front = one.front()
    best = one.systems[front[0]]
    gain, change = _measured(best.gain, one.level), _measured(best.change, one.level)
    n, share = len(one.systems), one.shares[front[0]]
    en = (
        f"{title_en}: {len(front)} of {n} systems on the front, where none has as much of both and more of one. "
        f"{_name(best, 'en')} gains most in domain: {_number(gain)}, with {_number(change)} "
        f"{RELATION_EN[one.scene.relation]}; on the front in {share:.0%} of resamples."
    )
    ja = (
        f"{title_ja}：{n} システム中 {len(front)} 個が、どちらの尺度でもほかに劣りません。ドメイン内の改善が最大なのは "
        f"{_name(best, 'ja')} で {_number(gain)}、{RELATION_JA[one.scene.relation]}では {_number(change)} です"
        f"（再標本の {share:.0%} でフロントに残ります）。"
    )
    return en, ja


def _name(system: System, lang: str) -> str:
    variant, shots = system.variant, system.asking[ASKING.index("shots")]
    size = f"{variant['train_size']:,} {'rows' if lang == 'en' else '件'}" if variant["train_size"] else ""
    seed = f"{'seed' if lang == 'en' else 'シード'} {variant['seed']}" if size else ""
    return " · ".join(part for part in (str(variant["label"]), size, seed, f"{shots}-shot") if part)


def _number(measured: Measured) -> str:
    return f"{measured.value:+.3f} [{measured.low:+.3f}, {measured.high:+.3f}] (n = {measured.n})"


def _notes(evidence: Evidence, found: Sequence[_Weighed]) -> Iterator[Note]:
    asked = {one.scene.base: one.tradeoff.reference for one in found}
    shots = ", ".join(sorted({f"{reference[ASKING.index('shots')]}-shot" for reference in asked.values()}))
    yield Note(
        f"Differences are from the base model at its first asking ({shots}), on the samples that both answered; positive "
        f"is better. Test sets count equally. Each interval ({evidence.level:.0%}) is for its number alone: they are not "
        "simultaneous and not corrected for their count.",
        f"差は最初の条件（{shots}）のベースモデルに対するもので、両者が答えた例で計算し、正が改善です。テストセットの重みは"
        f"等しく、各区間（{evidence.level:.0%}）は個々の値に対するもので、同時区間ではなく、数による補正もしていません。",
    )
    yield Note(
        "The share of resamples says how often a system is on the front when the test samples are drawn anew; the luck of "
        "training is not in it. Filled points are on the front. Each seed is a system of its own.",
        "再標本の割合は、テスト例を引き直したときにフロントに入る頻度で、学習の偶然性は含みません。塗りつぶした点が"
        "フロント上にあります。シードごとに別のシステムとして数えます。",
    )
    n = sum(one.tradeoff.n_incomplete for one in found)
    if n:
        yield Note(
            f"{n} system(s) without a value on every test set are left out, because a mean over other test sets would "
            "not compare.",
            f"すべてのテストセットの値がそろわない {n} システムは、平均が比較できないため除いています。",
        )


def _correlations(
    evidence: Evidence, found: Sequence[_Weighed], values: dict[Measure, dict[str, float]]
) -> Iterator[Note]:
    """Yield a sentence per trade-off and measure: does a larger value go with a larger loss?"""
    for one in found:
        refused: set[str] = set()
        for measure, by_variant in values.items():
            pairs = _pairs(one, by_variant)
            if len(pairs) >= FEWEST:
                yield from _correlation(evidence, one, measure, pairs)
            elif measure.probe not in refused:
                refused.add(measure.probe)
                title_en, title_ja = title(one.scene)
                yield Note(
                    f"{measure.probe} and loss, {title_en}: {len(pairs)} variant(s) have both; a rank correlation needs at "
                    f"least {FEWEST}.",
                    f"{measure.probe} と損失（{title_ja}）：両方の値があるバリアントは {len(pairs)} 個で、順位相関には "
                    f"{FEWEST} 個以上が必要です。",
                )


def _correlation(
    evidence: Evidence, one: _Weighed, measure: Measure, pairs: Sequence[tuple[System, float]]
) -> Iterator[Note]:
    rng = stream(evidence.plan["seed"], "tradeoff", *measure, *map(str, one.scene))
    x = [value for _, value in pairs]
    y = [-round(system.change.value, DIGITS) for system, _ in pairs]
    if len(set(x)) < 2 or len(set(y)) < 2:
        return  # a constant such as the rounding floor has no ranks
    result = rank_correlation(x, y, rng, evidence.level, evidence.plan["stats"]["resamples"])
    numbers = f"{result.value:+.2f} [{result.low:+.2f}, {result.high:+.2f}], n = {result.n}, p = {result.p_value:.3f}"
    title_en, title_ja = title(one.scene)
    dtype = f" ({measure.dtype})" if measure.dtype else ""
    yield Note(
        f"{measure.probe}, {measure.name}{dtype}, and loss, {title_en}: Spearman {numbers} over variants (not adjusted; "
        "positive: a larger value goes with a larger loss).",
        f"{measure.probe} の {measure.name}{dtype} と損失（{title_ja}）：バリアント間の Spearman 順位相関 {numbers}"
        "（補正なし、正なら値が大きいほど損失が大きい）。",
    )


def _nothing(evidence: Evidence) -> Answer:
    """Say why nothing can be weighed."""
    relations = {cell.cell["relation"] for cell in evidence.cells.values() if not cell.is_unadapted}
    if "in_domain" not in relations:
        en, ja = "no in-domain test set was asked", "ドメイン内のテストセットがありません"
    elif not relations & set(RELATION_EN):
        en, ja = "no test set outside the training domain was asked", "学習ドメイン外のテストセットがありません"
    else:
        en, ja = (
            "no adapted variant has a value on every test set beside its base model",
            "すべてのテストセットでベースモデルと比べられる適応済みバリアントがありません",
        )
    return Answer(f"Gain and loss cannot be weighed: {en}.", f"改善と損失を比べられません：{ja}。")
