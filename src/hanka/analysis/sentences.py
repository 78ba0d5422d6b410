"""The decision in words, English and Japanese: the verdict with its numbers, what would decide it, what would flip it.

Reading side, after decision. Only numbers that were measured are said, each with its n; differences are written in the
metric's own direction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from hanka.analysis.claims import Claim, SystemClaims
from hanka.analysis.evidence import Evidence


class Unfit(NamedTuple):
    """Why nothing follows from a training, or what it broke, in two languages; no full stop at the end."""

    en: str
    ja: str


class Told(NamedTuple):
    """What the sentences about one task are made from."""

    task: str
    claims: SystemClaims
    outcome: str
    harmed: Sequence[Claim]
    open: Sequence[Claim]
    decide: Mapping[str, Any] | None
    unfit: Unfit | None = None


def said(told: Told, evidence: Evidence) -> dict[str, str]:
    """Return the sentences of one task by key: sentence_en, sentence_ja, flip_en, flip_ja."""
    several = len({variant["base"] for variant in evidence.plan["variants"]}) > 1
    en, ja = VERDICTS[told.outcome](told, several)
    flip_en, flip_ja = _flip(told, evidence.level)
    return {
        "sentence_en": f"{told.task}: {en}{_broken_en(told)}{_seeds_en(told)}",
        "sentence_ja": f"{told.task}：{ja}{_broken_ja(told)}{_seeds_ja(told)}",
        "flip_en": flip_en,
        "flip_ja": flip_ja,
    }


def also(told: Told, evidence: Evidence, candidate: Told) -> dict[str, str]:
    """Return one sentence on a system that is not the candidate and is undecided, with what would decide it, or why nothing does.

    Its seeds are said where the candidate has another number of them.
    """
    (name, name_ja), toughest = (
        _name(told, len({one["base"] for one in evidence.plan["variants"]}) > 1),
        told.claims.toughest,
    )
    says_seeds = toughest.contrast.n_seeds != candidate.claims.toughest.contrast.n_seeds
    seeds_en, seeds_ja = (_seeds_en(told), _seeds_ja(told)) if says_seeds else ("", "")
    why_en, why_ja = (f" {told.unfit.en}", told.unfit.ja) if told.unfit else (_needed_en(told), _needed_ja(told))
    return {
        "method": told.claims.cells.system.label,
        "sentence_en": f"{told.task}: {name} is undecided, {toughest.metric.display} in domain {numbers(toughest)}.{why_en}{seeds_en}",
        "sentence_ja": f"{told.task}：{name_ja}はまだ判断できません。ドメイン内の {toughest.metric_ja} は {numbers_ja(toughest)}。"
        f"{why_ja}{seeds_ja}",
    }


def _name(told: Told, several: bool) -> tuple[str, str]:
    system = told.claims.cells.system
    rows = f"{system.label} on {system.size} rows" if system.size else system.label
    rows_ja = f"{system.label}（{system.size} 件）" if system.size else system.label
    return (f"{system.base} with {rows}", f"{system.base} の {rows_ja}") if several else (rows, rows_ja)


def numbers(claim: Claim) -> str:
    """Write before → after, difference with its simultaneous interval, and n."""
    contrast, wide = claim.contrast, claim.wide
    low, high = sorted((claim.sign * wide.low, claim.sign * wide.high)) if wide else (None, None)
    interval = f" [{low:+.3f}, {high:+.3f}]" if low is not None and high is not None else ""
    return f"{contrast.value_b:.3f} → {contrast.value_a:.3f} ({contrast.delta:+.3f}{interval}, n = {contrast.n})"


def numbers_ja(claim: Claim) -> str:
    """Write the same with the punctuation of a Japanese sentence."""
    before, _, inside = numbers(claim).partition(" (")
    return f"{before}（{inside.removesuffix(')').replace(', n = ', '、n = ')}）"


def _tests(claims: Sequence[Claim]) -> tuple[str, str]:
    names = [test for claim in claims for test in claim.tests]
    return ", ".join(names), "、".join(names)


def _adapt(told: Told, several: bool) -> tuple[str, str]:
    (name, name_ja), toughest = _name(told, several), told.claims.toughest
    margin = max((one.margins["harm"] for one in told.claims.harms), default=0.0)
    return (
        f"adapt with {name}. {toughest.metric.display} in domain {numbers(toughest)}; on none of "
        f"{len(told.claims.harms)} test sets is a loss above {margin:.3g} left open.",
        f"{name_ja}での適応を推奨します。ドメイン内の {toughest.metric_ja} は {numbers_ja(toughest)}。"
        f"{len(told.claims.harms)} 個のテストセットすべてで、{margin:.3g} を超える低下は否定されました。",
    )


def _trade_off(told: Told, several: bool) -> tuple[str, str]:
    (name, name_ja), toughest = _name(told, several), told.claims.toughest
    worst = min(told.harmed, key=lambda one: one.gain)
    where, where_ja = _tests(told.harmed)
    return (
        f"a trade-off. {name} gains in domain, {toughest.metric.display} {numbers(toughest)}, and loses on "
        f"{where}; most on {worst.tests[0]}, {worst.metric.display} {numbers(worst)}.",
        f"一長一短です。{name_ja}はドメイン内の {toughest.metric_ja} を {numbers_ja(toughest)} と改善しますが、"
        f"{where_ja} では低下します（最大は {worst.tests[0]} の {worst.metric_ja} {numbers_ja(worst)}）。",
    )


def _keep(told: Told, several: bool) -> tuple[str, str]:
    (name, name_ja), toughest = _name(told, several), told.claims.toughest
    least = toughest.margins["worthwhile"]
    return (
        f"keep the base model. Not even {name}, the best, can gain {least:.3g} in domain: {toughest.metric.display} "
        f"{numbers(toughest)}.",
        f"ベースモデルのままで十分です。最良の{name_ja}でも、ドメイン内の改善は {least:.3g} に届きません："
        f"{toughest.metric_ja} {numbers_ja(toughest)}。",
    )


def _undecided(told: Told, several: bool) -> tuple[str, str]:
    (name, name_ja), toughest = _name(told, several), told.claims.toughest
    if told.unfit is not None and not told.claims.is_better:
        return (
            f"undecided, because the training tells nothing yet. {name}: {told.unfit.en} {toughest.metric.display} in domain "
            f"{numbers(toughest)}. Train it longer or with another learning rate before judging.",
            f"まだ判断できません。学習の結果が参考になりません。{name_ja}：{told.unfit.ja}ドメイン内の {toughest.metric_ja} は"
            f" {numbers(toughest)}。学習を長くするか学習率を変えてから判断してください。",
        )
    if told.claims.is_better:
        (where, where_ja), margin = _tests(told.open), told.open[0].margins["harm"]
        return (
            f"undecided. {name} gains in domain, {toughest.metric.display} {numbers(toughest)}, but a loss above "
            f"{margin:.3g} is not excluded on {where}.{_needed_en(told)}",
            f"まだ判断できません。{name_ja}はドメイン内の {toughest.metric_ja} を {numbers_ja(toughest)} と改善しますが、"
            f"{where_ja} で {margin:.3g} を超える低下がないとは言い切れません。{_needed_ja(told)}",
        )
    return (
        f"undecided. The best candidate, {name}: {toughest.metric.display} in domain {numbers(toughest)}, which neither "
        f"shows a gain nor rules out one worth having.{_needed_en(told)}",
        f"まだ判断できません。最有力の{name_ja}でもドメイン内の {toughest.metric_ja} は {numbers_ja(toughest)} で、"
        f"改善があるとも、意味のある改善がないとも言えません。{_needed_ja(told)}",
    )


VERDICTS = {"adapt": _adapt, "trade-off": _trade_off, "keep": _keep, "undecided": _undecided}


def _needed_en(told: Told) -> str:
    needed = told.decide
    if not needed or needed["about"] == "training":
        return ""
    if needed["rows"] is None:
        return f" More test rows alone would not decide it; {needed['seeds']} training seeds would say more."
    return f" About {needed['rows']:,} test rows would decide it; there are {needed['rows_now']:,}."


def _needed_ja(told: Told) -> str:
    needed = told.decide
    if not needed or needed["about"] == "training":
        return ""
    if needed["rows"] is None:
        return f"テスト例を増やすだけでは決まりません。学習シードを {needed['seeds']} 個にすると手がかりが増えます。"
    return f"判断には約 {needed['rows']:,} 件のテスト例が必要です（現在 {needed['rows_now']:,} 件）。"


def _broken_en(told: Told) -> str:
    """Name what a training that gained in domain left wrong: a collapse, or an end that came too early."""
    return f" {told.unfit.en}" if told.unfit is not None and told.claims.is_better else ""


def _broken_ja(told: Told) -> str:
    return told.unfit.ja if told.unfit is not None and told.claims.is_better else ""


def _seeds_en(told: Told) -> str:
    n_seeds = told.claims.toughest.contrast.n_seeds
    if n_seeds == 1:
        return " One training seed: this is about this checkpoint, not about the method."
    return "" if n_seeds >= 5 else f" {n_seeds} training seeds: a claim about the method asks for five."


def _seeds_ja(told: Told) -> str:
    n_seeds = told.claims.toughest.contrast.n_seeds
    if n_seeds == 1:
        return "学習シードは 1 つなので、手法ではなくこのチェックポイントについての結果です。"
    return "" if n_seeds >= 5 else f"学習シードは {n_seeds} つです。手法についての結論には 5 つ必要です。"


def _flip(told: Told, level: float) -> tuple[str, str]:
    """Say the single change that would give another outcome."""
    toughest = told.claims.toughest
    if told.outcome == "adapt":
        nearest = min(told.claims.harms, key=lambda one: one.least(level) + one.margins["harm"])
        bound = max(0.0, -nearest.least(level))
        return (
            f"A declared harm below {bound:.3f} would leave {nearest.tests[0]} open.",
            f"許容する低下を {bound:.3f} 未満にすると、{nearest.tests[0]} が未確定になります。",
        )
    if told.outcome == "trade-off":
        where, where_ja = _tests(told.harmed)
        return (
            f"Without {where} in the study it would not be a trade-off.",
            f"{where_ja} を評価対象から外すと、結論が変わります。",
        )
    high = toughest.wide.high if toughest.wide else None
    if told.outcome == "keep" and high is not None:
        return (
            f"If a gain of {max(high, 0.0):.3f} were worth having, it would be undecided.",
            f"{max(high, 0.0):.3f} の改善にも意味があるなら、結論は未確定になります。",
        )
    needed_en, needed_ja = _needed_en(told), _needed_ja(told)
    return needed_en.strip(), needed_ja
