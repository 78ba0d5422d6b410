"""What is said of specialists and generalists, in English and Japanese: gains by way and rows, coverage, fewer rows, facts; notes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from hanka.analysis.questions.contract import Measured
from hanka.analysis.questions.generalist.pairs import Compared
from hanka.stats import Verdict

WAYS = {"first": ("generalist data first", "先に汎用データで学習"), "joint": ("generalist data beside the rows", "汎用データを混ぜて学習"), "none": ("the rows alone", "その行だけで学習")}  # fmt: skip
VERDICTS_JA: Mapping[str, str] = {
    "better": "上回る", "worse": "下回る", "equivalent": "同等", "leaning": "傾向のみ", "undecided": "未確定",
}  # fmt: skip
EQUAL = 0.05
"Steps that differ by no more than this share are called equal."


@dataclass(frozen=True, slots=True, eq=False)
class Told:
    """A comparison with everything that is said of it."""

    compared: Compared
    "What is compared."
    value: Measured | None
    "Of the first side."
    rival: Measured | None
    "Of the other."
    difference: Measured
    "First less other, with its simultaneous interval."
    verdict: Verdict
    "better: the first side is."

    @property
    def is_apart(self) -> bool:
        """Tell whether there is an interval to hold another one against."""
        return self.difference.low is not None and self.difference.high is not None


def nothing_to_compare(n_missing: int) -> tuple[str, str]:
    """Say why no specialist could be compared."""
    if n_missing:
        return (
            f"No specialist can be compared: of {n_missing} comparison(s) a cell is missing, or fewer than two independent rows were scored.",
            f"比較できるモデルがありません。{n_missing} 件の比較で、セルが欠けているか、採点できた独立な行が 2 つありません。",
        )
    return (
        "Generalist data was used, but nothing was trained on as many rows of the task alone: there is nothing to compare with.",
        "汎用データを使っていますが、同じ行数のタスクデータだけで学習したモデルがないため、比べられません。",
    )


def sentences(told: Sequence[Told]) -> tuple[str, str]:
    """Say the gains by way and rows against the rival of nearest length, then coverage, amounts and facts."""
    said = [*_gains(told), *_coverage(told), *_amounts(told), *_facts(told)]
    return "\n".join(en for en, _ in said), "\n".join(ja for _, ja in said)


def _nearest(told: Sequence[Told]) -> list[Told]:
    """Keep of each generalist side the rival whose steps are nearest to its own."""
    best: dict[tuple[object, ...], Told] = {}
    for one in told:
        mine = one.compared.one
        key = (mine.scene, mine.label, mine.way, mine.general)
        if key not in best or _unlike(one) < _unlike(best[key]):
            best[key] = one
    return list(best.values())


def _unlike(one: Told) -> float:
    return abs((one.compared.steps or 0.0) - 1.0)


def _gains(told: Sequence[Told]) -> Iterator[tuple[str, str]]:
    groups: dict[tuple[object, ...], list[Told]] = defaultdict(list)
    for one in _nearest([one for one in told if one.compared.kind == "gain"]):
        groups[one.compared.one.scene, one.compared.one.way].append(one)
    for members in groups.values():
        mine = sorted(members, key=lambda one: (one.compared.one.n_pairs, one.compared.one.general))
        of, (en, ja) = mine[0].compared, WAYS[mine[0].compared.one.way]
        length_en, length_ja = _length(mine)
        yield (
            f"{of.one.scene.target}, {of.one.scene.size} rows, {en}, against {_rivals(mine)}: {_listed(mine, 'en')}.{length_en}",
            f"{of.one.scene.target} {of.one.scene.size} 行、{ja}：{_rivals(mine, '、')} との差は {_listed(mine, 'ja')} です。{length_ja}",
        )


def _rivals(told: Sequence[Told], between: str = " and ") -> str:
    return between.join(dict.fromkeys(one.compared.other.label for one in told))


def _listed(told: Sequence[Told], lang: str) -> str:
    parts = []
    for one in told:
        mine, metric = one.compared.one, one.compared.metric
        name = " + ".join(mine.general)
        if lang == "en":
            covers = f"{mine.n_pairs} pairs, entropy {mine.entropy:.2f}"
            parts.append(
                f"{name} ({covers}) {metric.display} {_ends(one.difference)} (n = {one.difference.n}), {one.verdict}"
            )
        else:
            covers = f"組 {mine.n_pairs} 種、エントロピー {mine.entropy:.2f}"
            parts.append(
                f"{name}（{covers}）で{metric.display_ja or metric.display} {_ends(one.difference)}（n = {one.difference.n}、"
                f"{VERDICTS_JA[one.verdict]}）"
            )
    return "; ".join(parts) if lang == "en" else "、".join(parts)


def _length(told: Sequence[Told]) -> tuple[str, str]:
    ratios = [one.compared.steps for one in told]
    known = [ratio for ratio in ratios if ratio is not None]
    if len(known) < len(ratios):
        return " How long they were trained is not stored.", "学習の長さは保存されていません。"
    low, high = min(known), max(known)
    if low >= 1 - EQUAL and high <= 1 + EQUAL:
        return " Both sides took the same steps in all.", "ステップ数の合計は同じです。"
    return (
        f" They took {_span(low, high, ' to ')} times the steps, so a difference may be of the length.",
        f"ステップ数は {_span(low, high, '〜')} 倍で、差は学習の長さによる可能性があります。",
    )


def _span(low: float, high: float, between: str) -> str:
    first, last = f"{low:.1f}", f"{high:.1f}"
    return first if first == last else f"{first}{between}{last}"


def _coverage(told: Sequence[Told]) -> Iterator[tuple[str, str]]:
    for one in told:
        if one.compared.kind != "coverage":
            continue
        broad, narrow, metric = one.compared.one, one.compared.other, one.compared.metric
        en, ja = WAYS[broad.way]
        yield (
            f"{broad.scene.target}, {broad.scene.size} rows, {en}: broadest ({broad.n_pairs} pairs) less narrowest ({narrow.n_pairs}) "
            f"{metric.display} {_ends(one.difference)} (n = {one.difference.n}), {one.verdict}.",
            f"{broad.scene.target} {broad.scene.size} 行、{ja}：最も広いもの（組 {broad.n_pairs} 種）と最も狭いもの（{narrow.n_pairs} 種）の差は"
            f"{metric.display_ja or metric.display} {_ends(one.difference)}（n = {one.difference.n}、{VERDICTS_JA[one.verdict]}）です。",
        )


def _amounts(told: Sequence[Told]) -> Iterator[tuple[str, str]]:
    """Say where a gain is shown to be larger with the fewest rows than with the most: their intervals lie apart."""
    groups: dict[tuple[object, ...], list[Told]] = defaultdict(list)
    for one in _nearest([one for one in told if one.compared.kind == "gain"]):
        mine = one.compared.one
        groups[mine.scene.base, mine.scene.target, mine.way, mine.general].append(one)
    pairs = [sorted(some, key=lambda one: one.compared.one.scene.size) for some in groups.values() if len(some) > 1]
    ends = [(some[0], some[-1]) for some in pairs if some[0].is_apart and some[-1].is_apart]
    if not ends:
        return
    fewer, more = ends[0][0].compared.one.scene.size, ends[0][1].compared.one.scene.size
    larger = sum(_above(few, many) for few, many in ends)
    smaller = sum(_above(many, few) for few, many in ends)
    yield (
        f"Of {len(ends)} gains at both {fewer} and {more} rows, {larger} are shown to be larger with fewer rows, {smaller} smaller, and "
        f"{len(ends) - larger - smaller} are undecided.",
        f"{fewer} 行と {more} 行の両方で求めた差 {len(ends)} 件のうち、行が少ないほうが大きいと示されたのは {larger} 件、小さいのは {smaller} 件、未確定は "
        f"{len(ends) - larger - smaller} 件です。",
    )


def _above(one: Told, other: Told) -> bool:
    """Tell whether one gain is shown to be above another, in the direction that is better."""
    a, b = one.difference, other.difference
    if one.compared.metric.higher_is_better:
        return a.low is not None and b.high is not None and a.low > b.high
    return a.high is not None and b.low is not None and a.high < b.low


FACTS = {
    "false_facts": ("with wrong facts among the instructions", "誤った事実を混ぜたとき"),
    "true_facts": ("with right facts among the instructions", "正しい事実を混ぜたとき"),
    "no_facts": ("with the same instructions and no facts, against", "事実を混ぜないとき"),
}


def _facts(told: Sequence[Told]) -> Iterator[tuple[str, str]]:
    nearest = _nearest([one for one in told if one.compared.kind == "no_facts"])
    for one in told:
        of = one.compared
        if of.kind not in FACTS or (of.kind == "no_facts" and one not in nearest):
            continue
        en, ja = FACTS[of.kind]
        than = f" {of.other.label}" if of.kind == "no_facts" else ", against none"
        than_ja = of.other.label if of.kind == "no_facts" else "混ぜない場合"
        metric = of.metric
        yield (
            f"From memory ({' + '.join(of.tests)}), {en}{than}: {metric.display} {_ends(one.difference)} (n = {one.difference.n}), {one.verdict}.",
            f"記憶からの回答（{'、'.join(of.tests)}）は、{ja}、{than_ja} との差が{metric.display_ja or metric.display} {_ends(one.difference)}"
            f"（n = {one.difference.n}、{VERDICTS_JA[one.verdict]}）です。",
        )


def _ends(one: Measured) -> str:
    ends = "" if one.low is None or one.high is None else f" [{one.low:+.3f}, {one.high:+.3f}]"
    return f"{one.value:+.3f}{ends}"


def notes(told: Sequence[Told], level: float, n_missing: int) -> Iterator[tuple[str, str]]:
    """Yield what the answer rests on."""
    yield (
        f"Intervals ({level:.0%}) hold together over {len(told)} differences. Coverage is the distinct (task, output format) pairs of the generalist rows that "
        f"were trained on, and their entropy over that of equal shares; both are counted on the rows.",
        f"区間（{level:.0%}）は {len(told)} 個の差について同時に成り立ちます。網羅度は、学習した汎用データの行に現れる（タスク、出力形式）の組の種類数と、均等な場合に対するエントロピーの比で、"
        f"実際の行から数えています。",
    )
    if min(one.compared.contrast.n_seeds for one in told) == 1:
        yield (
            "One training seed stands behind some differences: these are about one draw of rows and one training.",
            "学習シードが 1 つだけの差があります。その差は、1 回の行の抽出と 1 回の学習についてのものです。",
        )
    if any(one.compared.one.synthetic for one in told):
        yield (
            "Generalist rows are synthetic, made from templates: what they do says nothing of instructions that people write.",
            "汎用データはテンプレートから作った合成データで、その効果は人が書いた指示について何も示しません。",
        )
    if n_missing:
        yield (
            f"{n_missing} comparison(s) are left out: a cell is missing, or too few rows were scored.",
            f"セルが欠けているか、採点できた行が少なすぎるため、比較 {n_missing} 件を除いています。",
        )
