"""What is said of mixes, in English and Japanese: gains over the target alone, transfer, what instructions do; notes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from hanka.analysis.questions.cocktail.arms import Arm
from hanka.analysis.questions.cocktail.pairs import Compared, Found, Kind
from hanka.analysis.questions.contract import Measured
from hanka.stats import Verdict

EQUAL = 0.05
"Steps or tokens of a mix and of a single task that differ by no more than this share are called equal."
WORDS_JA: Mapping[str, str] = {
    "better": "上回る", "worse": "下回る", "equivalent": "同等", "leaning": "傾向のみ", "undecided": "未確定",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Judged:
    """A difference with its simultaneous interval and verdict."""

    difference: Measured
    "Mix less rival, in the metric's own direction."
    verdict: Verdict
    "better: the mix is."


@dataclass(frozen=True, slots=True, eq=False)
class Told:
    """A comparison with everything that is said of it."""

    compared: Compared
    "What is compared."
    mix: Measured | None
    "Value of the mix."
    rival: Measured | None
    "Value of its rival."
    judged: Judged
    "Mix less rival."
    over_base: Judged | None
    "Mix less base, of transfers."


def nothing_to_compare(found: Found) -> tuple[str, str]:
    """Say why no mix could be compared."""
    if found.n_missing:
        return (
            f"No mix can be compared: of {found.n_missing} a cell is missing, or fewer than two independent rows were scored on both sides.",
            f"比較できる混合がありません。{found.n_missing} 件の混合で、セルが欠けているか、両方で採点できた独立な行が 2 つありません。",
        )
    return (
        "Mixes were trained, but none of their sets alone by the same entry of `methods`: there is no single-task variant to compare with.",
        "混合で学習していますが、同じ `methods` の項目で単独で学習したデータセットがないため、単一タスクとは比べられません。",
    )


def sentences(told: Sequence[Told]) -> tuple[str, str]:
    """Say arm by arm what mixes gain and transfer, then what instructions do."""
    said: list[tuple[str, str]] = []
    for arm in dict.fromkeys(one.compared.arm for one in told):
        mine = [one for one in told if one.compared.arm == arm]
        said += [*_gains(arm, _of(mine, "gain")), *_transfers(arm, _of(mine, "transfer"))]
        said += _instructions(arm, [one for one in mine if one.compared.kind in ("forgetting", "own")])
    return "\n".join(en for en, _ in said), "\n".join(ja for _, ja in said)


def _of(told: Sequence[Told], kind: Kind) -> list[Told]:
    return [one for one in told if one.compared.kind == kind]


def _gains(arm: Arm, told: Sequence[Told]) -> Iterator[tuple[str, str]]:
    each = [one for one in told if one.compared.sets is not None]
    if not each:
        return
    en, ja = _counted([one.judged.verdict for one in each])
    means_en, means_ja = _means(told)
    length_en, length_ja = _lengths([one.compared for one in each])
    yield (
        f"{arm.label}: of {len(each)} gains of a mix over its target alone, {en}. By target: {means_en}. {length_en}",
        f"{arm.label}：混合と、目標タスク単独の学習との比較 {len(each)} 件のうち、{ja}。目標ごとの差は {means_ja}です。{length_ja}",
    )


def _transfers(arm: Arm, told: Sequence[Told]) -> Iterator[tuple[str, str]]:
    each = [one for one in told if one.compared.sets is not None]
    if not each:
        return
    alone_en, alone_ja = _counted([one.judged.verdict for one in each])
    en = f"{arm.label}, outside the mix: of {len(each)} mixes on a set they do not hold, against training on that set, {alone_en}"
    ja = f"{arm.label}（混合に含まれないデータセット）：{len(each)} 件を、そのデータセット単独の学習と比べると、{alone_ja}"
    over = [one.over_base.verdict for one in each if one.over_base is not None]
    if over:
        base_en, base_ja = _counted(over)
        en, ja = f"{en}; against base, {base_en}", f"{ja}。ベースと比べると、{base_ja}"
    yield f"{en}.", f"{ja}。"


def _instructions(arm: Arm, told: Sequence[Told]) -> Iterator[tuple[str, str]]:
    if not told:
        return
    added = sorted({name for one in told if one.compared.sets for name in one.compared.sets.added})
    names, names_ja = " and ".join(added), "、".join(added)
    outside = _whole([one for one in told if one.compared.kind == "forgetting"])
    if outside:
        en, ja = _listed(outside)
        yield (
            f"{arm.label}: with {names} in the mix, on tasks no mix learns: {en}.",
            f"{arm.label}：混合に {names_ja} を加えると、どの混合も学習しないタスクでの差は {ja}です。",
        )
    own = _whole([one for one in told if one.compared.kind == "own"])
    if own:
        en, ja = _listed(own)
        yield (
            f"{arm.label}: with {names} in the mix, on the tasks that are learnt: {en}.",
            f"{arm.label}：混合に {names_ja} を加えると、学習するタスクでの差は {ja}です。",
        )


def _whole(told: Sequence[Told]) -> list[Told]:
    """Return one comparison per target: over all mixes where there are several."""
    by_target: dict[str, Told] = {}
    for one in told:  # the one over all mixes stands first
        by_target.setdefault(one.compared.target, one)
    return list(by_target.values())


def _means(told: Sequence[Told]) -> tuple[str, str]:
    return _listed(_whole(told))


def _listed(told: Sequence[Told]) -> tuple[str, str]:
    en, ja = [], []
    for one in told:
        metric, said = one.compared.metric, one.judged.difference
        over = f", {one.compared.n_mixes} mixes" if one.compared.sets is None else ""
        over_ja = f"、混合 {one.compared.n_mixes} 件の平均" if one.compared.sets is None else ""
        en.append(f"{one.compared.target} {metric.display} {_ends(said)} (n = {said.n}{over}), {one.judged.verdict}")
        ja.append(
            f"{one.compared.target} の{metric.display_ja or metric.display} {_ends(said)}（n = {said.n}{over_ja}、"
            f"{WORDS_JA[one.judged.verdict]}）"
        )
    return "; ".join(en), "、".join(ja)


def _ends(one: Measured) -> str:
    ends = "" if one.low is None or one.high is None else f" [{one.low:+.3f}, {one.high:+.3f}]"
    return f"{one.value:+.3f}{ends}"


def _counted(verdicts: Sequence[str]) -> tuple[str, str]:
    n = {word: verdicts.count(word) for word in ("better", "worse", "equivalent")}
    n_open = len(verdicts) - sum(n.values())
    return (
        f"{n['better']} are shown to be better, {n['worse']} worse, {n['equivalent']} equal within the margin, and {n_open} are undecided",
        f"上回ることが示されたのは {n['better']} 件、下回るのは {n['worse']} 件、許容幅内で同等なのは {n['equivalent']} 件、未確定は {n_open} 件です",
    )


def _lengths(compared: Sequence[Compared]) -> tuple[str, str]:
    """Say how many steps and tokens mixes had for each of the single task, and what follows from it."""
    steps = _length("steps", "ステップ数", [ratio for one in compared for ratio in one.steps])
    tokens = _length("tokens", "トークン数", [ratio for one in compared for ratio in one.tokens])
    found = [steps, tokens]
    known = [one for one in found if one is not None]
    if len(known) < len(found):
        return (
            "How long mixes and single tasks were trained is not stored.",
            "混合と単独の学習それぞれの長さは保存されていません。",
        )
    unequal = [one for one in known if not one[2]]
    en, ja = " and ".join(one[0] for one in known), "、".join(one[1] for one in known)
    if not unequal:
        return f"Mixes had {en} of the single task.", f"混合の学習は単独の学習に対し、{ja}です。"
    return (
        f"Mixes had {en} of the single task, so a difference may be of the length of training.",
        f"混合の学習は単独の学習に対し、{ja}です。差は学習量の違いによる可能性があります。",
    )


def _length(name: str, ja: str, ratios: Sequence[float]) -> tuple[str, str, bool] | None:
    if not ratios:
        return None
    low, high = min(ratios), max(ratios)
    if low >= 1 - EQUAL and high <= 1 + EQUAL:
        return f"the {name}", f"{ja}は同じ", True
    span = f"{low:.1f}" if f"{low:.1f}" == f"{high:.1f}" else f"{low:.1f} to {high:.1f}"
    return f"{span} times the {name}", f"{ja}が {span.replace(' to ', '〜')} 倍", False


def notes(
    told: Sequence[Told], level: float, sizes: Mapping[str, int], found: Found, synthetic_sets: frozenset[str]
) -> Iterator[tuple[str, str]]:
    """Yield what the answer rests on. sizes: of the families, by name; synthetic_sets: data sets made from templates."""
    yield (
        f"Intervals ({level:.0%}) hold together over {sizes['gain']} gains, over {sizes['transfer']} transfers and over {sizes['instructions']} "
        f"differences by instructions: three families, one verdict rule. The rows of a set are the same in every mix and alone.",
        f"区間（{level:.0%}）は、差 {sizes['gain']} 個、混合外 {sizes['transfer']} 個、指示データの有無 {sizes['instructions']} 個の 3 つの族それぞれで同時に成り立ち、"
        f"判定の規則は共通です。各データセットの行は、どの混合でも単独でも同じです。",
    )
    if min(one.compared.contrast.n_seeds for one in told) == 1:
        yield (
            "One training seed stands behind some differences: these are about one draw of rows and one training of each mix.",
            "学習シードが 1 つだけの差があります。その差は、1 回の行の抽出と各混合 1 回の学習についてのものです。",
        )
    added = {name for one in told if one.compared.sets for name in one.compared.sets.added}
    synthetic = sorted(added & synthetic_sets)
    if synthetic:
        yield (
            f"{' and '.join(synthetic)} holds synthetic rows made from templates: what it does says nothing of general instructions.",
            f"{'、'.join(synthetic)} はテンプレートから作った合成データで、その効果は一般的な指示データについて何も示しません。",
        )
    if found.n_missing:
        yield (
            f"{found.n_missing} comparison(s) are left out: a cell is missing, or too few rows were scored.",
            f"セルが欠けているか、採点できた行が少なすぎるため、比較 {found.n_missing} 件を除いています。",
        )
    if found.n_alone:
        yield (
            f"{found.n_alone} mix(es) have no set that the same entry was trained on alone, and stand in no gain.",
            f"混合 {found.n_alone} 件には、同じ項目で単独に学習したデータセットがなく、差の比較に含まれていません。",
        )
