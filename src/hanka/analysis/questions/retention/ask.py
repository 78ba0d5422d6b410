"""How much ability is kept for what is gained? Gain and change of every system with simultaneous intervals, and who is beaten.

gain: the mean difference from the base model over the in-domain test sets, in their primary metric; change: the same over test sets
out of domain, or on other tasks, each metric by itself; positive is better. A system is an entry on one training set and size, pooled
over its seeds, asked as it is meant to be; the base is asked in its first way, and is a system, too: it gains and loses nothing.
Change per gain is formed only where the gain is shown to lie above 0: its interval holds every ratio of values inside the two simultaneous ones,
so it holds with them whatever hangs together. Elsewhere the denominator may be 0, and both axes are given instead.

Limits: at most MOST systems of a base are weighed, the first in the plan; pairs grow with their square.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from hanka.analysis.contrasts import Contrasts
from hanka.analysis.evidence import ASKING, CellEvidence, Evidence
from hanka.analysis.pooling import Pooling, SystemCells
from hanka.analysis.questions.contract import Answer, Column, Curve, Entry, Measured, Note, Point
from hanka.analysis.questions.retention.rivals import FAMILY, Compared, Duel, Rival, duels
from hanka.analysis.questions.tradeoff.ask import DIGITS, title
from hanka.analysis.systems import ELSEWHERE, Scene, Side
from hanka.metrics import METRICS
from hanka.records import UNADAPTED
from hanka.stats import Family, Interval, pareto_front

MOST = 24
"Systems of a scene, the base among them: 276 pairs."
COLUMNS = (
    Column("number", "count"), Column("base"), Column("method"), Column("trained_on"), Column("train_size", "count"), Column("relation", "relation"),
    Column("metric_outside", "metric"), Column("gain", "difference"), Column("change", "difference"), Column("change_per_gain", "value"),
    Column("on_front"), Column("unbeaten"), Column("beaten_by"),
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Weighed:
    """A scene with its systems and what is shown of them."""

    scene: Scene
    "What they are weighed on."
    rivals: tuple[Rival, ...]
    "The base first."
    pairs: dict[tuple[int, int], Duel]
    "By places."
    n_left_out: int
    "Systems without a value on every test set, and those beyond MOST."

    def against_base(self, place: int) -> tuple[Measured, Measured]:
        """Return gain and change without intervals."""
        if not place:
            return Measured(0.0), Measured(0.0)
        duel = self.pairs[0, place]
        return tuple(Measured(-one.value, n=one.contrast.n) for one in (duel.gain, duel.change))  # type: ignore[return-value]


def ask(evidence: Evidence) -> Answer | None:
    """Weigh all systems of each scene; None where there are not two adapted ones to choose from."""
    contrasts = Contrasts(evidence)
    found = [one for scene, systems in scenes_of(evidence, contrasts) if (one := _weigh(contrasts, scene, systems))]
    if not found:
        return None
    judged = [scale.contrast for one in found for duel in one.pairs.values() for scale in (duel.gain, duel.change)]
    family = contrasts.judge(judged, FAMILY)
    rows, curves, number = [], [], 0
    for one in found:
        front = _front(one)
        points = []
        for place, rival in enumerate(one.rivals):
            number += 1
            gain, change = (_measured(one, place, family, scale) for scale in (0, 1))
            rows.append(_row(number, one, place, family, front[place]))
            points.append(Point(gain, change, rival.name, str(number), front[place]))
        curves.append(Curve(*title(one.scene), "gain", "change", tuple(points)))
    columns, kept = _columns(rows)
    said = [_sentences(one, family) for one in found]
    return Answer(
        sentence_en="\n".join(en for en, _ in said),
        sentence_ja="\n".join(ja for _, ja in said),
        columns=columns,
        rows=tuple(tuple(row[place] for place in kept) for row in rows),
        curves=tuple(curves),
        notes=_notes(evidence, found, len(judged)),
    )


# Scenes


def scenes_of(evidence: Evidence, contrasts: Contrasts) -> list[tuple[Scene, list[SystemCells]]]:
    """Return what systems can be weighed on, with those that are planned on it, in the order of the plan."""
    place = {variant["id"]: at for at, variant in enumerate(evidence.plan["variants"])}
    systems = sorted(Pooling(contrasts).systems(), key=lambda one: min(place[v["id"]] for v in one.variants))
    metrics = {
        str(one.cell["test_dataset"]): evidence.primary(str(one.cell["test_task"])) for one in evidence.cells.values()
    }
    scenes: dict[Scene, list[SystemCells]] = defaultdict(list)
    for cells in systems:
        for inside in _sides(metrics, cells, "in_domain"):
            for relation in ELSEWHERE:
                for outside in _sides(metrics, cells, relation):
                    scenes[Scene(cells.reference, inside, relation, outside)].append(cells)
    return sorted(scenes.items(), key=lambda one: (ELSEWHERE.index(one[0].relation), str(one[0])))


def _sides(metrics: Mapping[str, str], cells: SystemCells, relation: str) -> list[Side]:
    """Return the test sets of a relation that a system was to be asked, by their primary metric."""
    by_metric: dict[str, set[str]] = defaultdict(set)
    for test, its in cells.relations.items():
        if its == relation and METRICS.get(metrics[test]).higher_is_better is not None:
            by_metric[metrics[test]].add(test)
    return [Side(metric, tuple(sorted(tests))) for metric, tests in sorted(by_metric.items())]


def _weigh(contrasts: Contrasts, scene: Scene, systems: Sequence[SystemCells]) -> Weighed | None:
    evidence = contrasts.evidence
    tests = (*scene.inside.tests, *scene.outside.tests)
    first = {test: cells_of_base(evidence, scene.base, test) for test in tests}
    if not all(first.values()):
        return None
    rivals = [Rival(UNADAPTED, None, first)]
    rivals += [
        Rival(_name(one, systems), one, {test: sorted(one.cells.get(test, ()), key=_order) for test in tests})
        for one in systems
    ]
    pairs = duels(contrasts, scene, rivals[:MOST])
    whole = [0, *(place for place in range(1, min(len(rivals), MOST)) if (0, place) in pairs)]
    if len(whole) < 3:
        return None
    again = {place: at for at, place in enumerate(whole)}
    kept = {(again[a], again[b]): duel for (a, b), duel in pairs.items() if a in again and b in again}
    return Weighed(scene, tuple(rivals[place] for place in whole), kept, len(rivals) - len(whole))


def cells_of_base(evidence: Evidence, base: str, test: str) -> list[CellEvidence]:
    """Return the base model's cells of a test set in the first way it was asked there: every wording and draw of it."""
    cells = [
        one
        for one in evidence.done()
        if one.is_unadapted and one.variant["base"] == base and one.cell["test_dataset"] == test
    ]
    asked = min((one.asking for one in cells), key=evidence.order, default=None)
    if asked is None:
        return []
    shots, context = (ASKING.index(name) for name in ("shots", "context"))
    same = (one for one in cells if (one.asking[shots], one.asking[context]) == (asked[shots], asked[context]))
    return sorted(same, key=_order)


def _order(one: CellEvidence) -> tuple[int, int, str]:
    return int(one.variant["seed"]), int(one.cell["draw"]), str(one.cell["prompt"])


def _name(one: SystemCells, systems: Sequence[SystemCells]) -> str:
    """Name a system by its entry, and by what else it takes to tell it from the others."""
    same = [other.system for other in systems if other.system.label == one.system.label]
    parts = [one.system.label]
    if len({other.dataset for other in same}) > 1:
        parts.append(one.system.dataset)
    if len({other.size for other in same}) > 1:
        parts.append(f"{one.system.size:,}")
    return " · ".join(parts)


# What is shown


def _front(one: Weighed) -> list[bool]:
    values = [one.against_base(place) for place in range(len(one.rivals))]
    sides = (np.round([pair[side].value for pair in values], DIGITS) for side in (0, 1))
    return [bool(is_on) for is_on in pareto_front(*sides)]


def _interval(scale: Compared, family: Family) -> Interval | None:
    found = scale.interval(family)
    return None if found is None else Interval(-found.high, -found.low)


def _measured(one: Weighed, place: int, family: Family, side: int) -> Measured:
    """Return gain (0) or change (1) of a system from the base, with its simultaneous interval."""
    if not place:
        return Measured(0.0)
    duel = one.pairs[0, place]
    scale = (duel.gain, duel.change)[side]
    found = _interval(scale, family)
    low, high = (found.low, found.high) if found else (None, None)
    return Measured(-scale.value, low, high, scale.contrast.n)


def per_gain(gain: Measured, change: Measured) -> Measured | None:
    """Return change over gain; None unless the interval of the gain lies above 0.

    The ends are those of the ratio over all values inside both intervals.
    """
    if None in (gain.low, gain.high, change.low, change.high) or gain.low <= 0:  # type: ignore[operator]
        return None
    ends = [top / bottom for top in (change.low, change.high) for bottom in (gain.low, gain.high)]  # type: ignore[operator]
    return Measured(change.value / gain.value, min(ends), max(ends), min(gain.n or 0, change.n or 0))


def beaten_by(one: Weighed, place: int, family: Family) -> list[str]:
    """Name the systems that are shown to beat one."""
    return [
        one.rivals[second if first == place else first].name
        for (first, second), duel in one.pairs.items()
        if place in (first, second) and duel.is_won(family, by_second=first == place)
    ]


def is_unbeaten(one: Weighed, place: int, family: Family) -> bool:
    """Tell whether a system is shown to be ahead of every other on one scale at least."""
    mine = [(pair, duel) for pair, duel in one.pairs.items() if place in pair]
    return len(mine) == len(one.rivals) - 1 and all(
        duel.is_ahead_somewhere(family, second=pair[1] == place) for pair, duel in mine
    )


# The table


def _row(number: int, one: Weighed, place: int, family: Family, on_front: bool) -> tuple[Entry, ...]:
    rival = one.rivals[place]
    system = None if rival.system is None else rival.system.system
    gain, change = (_measured(one, place, family, side) for side in (0, 1))
    return (
        number,
        one.scene.base,
        rival.name if system is None else system.label,
        None if system is None else system.dataset,
        None if system is None else system.size or None,
        one.scene.relation,
        one.scene.outside.metric,
        gain,
        change,
        per_gain(gain, change) if place else None,
        "✓" if on_front else "",
        "✓" if is_unbeaten(one, place, family) else "",
        ", ".join(beaten_by(one, place, family)),
    )


CONSTANT = ("base", "trained_on", "train_size", "metric_outside")
"Columns that say nothing where all rows have one value."
OPTIONAL = (*CONSTANT, "change_per_gain", "unbeaten", "beaten_by")
"Columns that are left out where they say nothing."


def _columns(rows: Sequence[tuple[Entry, ...]]) -> tuple[tuple[Column, ...], list[int]]:
    """Return the columns that say something, and their places."""
    kept = []
    for at, column in enumerate(COLUMNS):
        values = {str(row[at]) for row in rows} - {"", "None"}
        if column.name not in OPTIONAL or len(values) >= (2 if column.name in CONSTANT else 1):
            kept.append(at)
    return tuple(COLUMNS[at] for at in kept), kept


# Sentences


def _sentences(one: Weighed, family: Family) -> tuple[str, str]:
    """Say who is shown to be beaten, who not to be, who gains, and how many are left open."""
    places = range(len(one.rivals))
    beaten = [one.rivals[place].name for place in places if beaten_by(one, place, family)]
    unbeaten = [one.rivals[place].name for place in places if is_unbeaten(one, place, family)]
    gaining = [place for place in places if place and (_measured(one, place, family, 0).low or 0) > 0]
    rest = len(one.rivals) - len(beaten) - len(unbeaten)
    title_en, title_ja = title(one.scene)
    ratios = [
        (place, ratio) for place in gaining if (ratio := per_gain(*(_measured(one, place, family, s) for s in (0, 1))))
    ]
    en = (
        f"{title_en}: of {len(one.rivals)} systems, the base among them, {len(beaten)} are shown to be beaten{_named(beaten)}, "
        f"{len(unbeaten)} to be beaten by none{_named(unbeaten)}, and {rest} are undecided. "
    )
    ja = (
        f"{title_ja}：ベースを含む {len(one.rivals)} システムのうち、ほかに劣ることが示されたもの {len(beaten)}{_named(beaten)}、"
        f"どれにも劣らないことが示されたもの {len(unbeaten)}{_named(unbeaten)}、未決 {rest}。"
    )
    if not ratios:
        return (
            en + "No gain is shown to lie above 0, so no ratio of change to gain is formed.",
            ja + "改善が 0 を上回ると示されたものはなく、改善あたりの変化の比は求めません。",
        )
    place, best = max(ratios, key=lambda found: found[1].value)
    return (
        en
        + f"{len(ratios)} gain for sure; of these {one.rivals[place].name} changes the rest least for the worse per gain: {best.in_words}.",
        ja
        + f"改善が示されたもの {len(ratios)}。そのうち改善あたりの変化が最もよいのは {one.rivals[place].name}：{best.in_words}。",
    )


def _named(names: Sequence[str]) -> str:
    return f" ({', '.join(names)})" if names else ""


def _notes(evidence: Evidence, found: Sequence[Weighed], n_contrasts: int) -> tuple[Note, ...]:
    share = f"{evidence.plan['stats']['equivalence']:g}"
    notes = [
        Note(
            f"All {n_contrasts} differences (every pair of systems on both scales) are one family: their intervals hold together "
            f"({evidence.level:.0%}). A system is beaten where another is better on one scale and on the other not worse by more than the "
            f"margin of equivalence ({share}; a share of the value where a metric has no upper end); it is beaten by none where it is better "
            "than each other on one scale at least.",
            f"{n_contrasts} 個の差（全システム対 × 2 尺度）を一つの族とし、区間は同時に成り立ちます（{evidence.level:.0%}）。一方の尺度で優れ、他方で同等性の"
            f"許容差（{share}、上限のない指標では値に対する割合）を超えて劣らない相手がいれば「劣る」、どの相手に対しても少なくとも一方の尺度で優れていれば"
            "「どれにも劣らない」とします。",
        ),
        Note(
            "Change per gain is in units of the two metrics, and its interval covers every ratio of values inside the two intervals. Where "
            "the gain may be 0 there is no ratio: read both axes. Marks on the front are those of the values as measured.",
            "改善あたりの変化は両指標の単位による比で、その区間は二つの区間内の値がとりうる比をすべて含みます。改善が 0 でありうる場合は比を求めないので、"
            "両方の軸を見てください。「最良の組み合わせ」の印は測定値そのものによります。",
        ),
    ]
    n = sum(one.n_left_out for one in found)
    if n:
        notes.append(
            Note(
                f"{n} system(s) without a value on every test set, or beyond the first {MOST}, are left out.",
                f"すべてのテストセットの値がそろわない、または {MOST} 個を超えるシステム {n} 個は除いています。",
            )
        )
    return tuple(notes)
