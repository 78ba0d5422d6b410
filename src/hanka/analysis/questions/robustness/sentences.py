"""What is said of brittleness, in English and Japanese: how many lose, who is shown more brittle than base, who answers without the premise; notes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from hanka.analysis.contrasts import margin_of
from hanka.analysis.evidence import Evidence
from hanka.analysis.questions.contract import Measured
from hanka.analysis.questions.robustness.judged import Told
from hanka.analysis.questions.robustness.pairs import Who

SAID = 4
"Systems that sentences tell of each kind; the others are in the table."
REASONS_JA: Mapping[str, str] = {
    "no word long enough": "十分な長さの語がない",
    "no word of the list": "一覧の語を含まない",
    "fewer than two different words": "異なる語句が 2 つない",
    "neither English nor Japanese": "英語でも日本語でもない",
    "comes out as it was": "変更しても同じになる",
    "its label under negation is not known": "否定したときの正解が定まらない",
    "no verb that can be negated": "否定できる述語がない",
    "not one plain statement": "単純な平叙文ではない",
    "a word that would mean something else under negation": "否定で意味の変わる語を含む",
    "a negation that cannot be undone": "取り消せない否定を含む",
    "the text is empty as it is": "もとから空",
    "no other row has another text": "別の文をもつ行がほかにない",
    "its label keeps its meaning": "ラベルの意味が変わらない",
    "has no edit": "書き換えがない",
    "its edit changes nothing": "書き換えても同じ",
}
"Why a row is left out, in Japanese; what another package says stays as it is."


def name_of(who: Who, several: bool, lang: str) -> str:
    """Name a system in a sentence: entry, rows, shots, and the context where it is not the usual one."""
    base = f"{who.base}: " if several and lang == "en" else f"{who.base}：" if several else ""
    if lang == "ja":
        rows = f"{who.size:,} 件、" if who.size else ""
        return f"{base}{who.label}（{rows}{who.asked.shots} ショット{context_of(who)}）"
    rows = f"{who.size:,} rows, " if who.size else ""
    return f"{base}{who.label} ({rows}{who.asked.shots}-shot{context_of(who)})"


def context_of(who: Who) -> str:
    """Name the context of a system that was shown something in another way than drawn."""
    return f" {who.asked.context}" if who.asked.context not in ("", "drawn") else ""


def nothing_said(names: Sequence[str]) -> tuple[str, str]:
    """Say that nobody could be compared on the changed test sets."""
    return (
        f"Nobody can be compared on {', '.join(names)}: cells failed, or fewer than two independent rows were scored on both sides.",
        f"{'、'.join(names)}では比較ができません。セルが失敗したか、変更の前後とも採点できた独立な行が 2 つありません。",
    )


def sentences(judged: Sequence[Told], several: bool) -> tuple[str, str]:
    """Say how many lose, who is more or less brittle than base, and who answers without the text that should decide."""
    said = [_counts(judged), *_bases(judged, several), *_beyond(judged, several), *_without(judged, several)]
    return "\n".join(en for en, _ in said), "\n".join(ja for _, ja in said)


def _counts(judged: Sequence[Told]) -> tuple[str, str]:
    words = [one.loss.word for one in judged]
    n = {word: words.count(word) for word in ("loses", "holds", "gains")}
    n_open = len(words) - sum(n.values())
    against = [one.excess.word for one in judged if one.excess is not None]
    more, less, alike = (against.count(word) for word in ("more", "less", "alike"))
    en = (
        f"Of {len(judged)} comparisons of a system before and after a change of the test rows, {n['loses']} show a loss, {n['holds']} hold within the "
        f"margin, {n['gains']} show a gain and {n_open} are open."
    )
    ja = (
        f"テスト行の変更前後の比較 {len(judged)} 件（システムと変更の組）のうち、低下が示されたのは {n['loses']} 件、許容幅内で変わらないのは "
        f"{n['holds']} 件、上昇は {n['gains']} 件、判断できないのは {n_open} 件です。"
    )
    if against:
        en += (
            f" Of {len(against)} adapted ones beside base, {more} are shown to lose more than base, {less} less, {alike} as much within the margin; "
            f"{len(against) - more - less - alike} are open."
        )
        ja += (
            f"適応したシステムをベースと比べた {len(against)} 件では、ベースより大きく低下するのは {more} 件、小さいのは {less} 件、許容幅内で同等なのは "
            f"{alike} 件、判断できないのは {len(against) - more - less - alike} 件です。"
        )
    return en, ja


def _bases(judged: Sequence[Told], several: bool) -> Iterator[tuple[str, str]]:
    """Tell the largest losses of bases that are shown."""
    found = [one for one in judged if one.compared.is_base and one.loss.word == "loses"]
    for one in sorted(found, key=lambda one: -one.loss.difference.value)[:SAID]:
        yield _loss(one, several, ("base loses", "ベースの低下"))


def _loss(one: Told, several: bool, words: tuple[str, str]) -> tuple[str, str]:
    of, metric = one.compared, one.compared.metric
    before, after = _plain(one.before), _plain(one.after)
    loss = one.loss.difference.in_words
    who_en, who_ja = (name_of(of.who, several, lang) for lang in ("en", "ja"))
    return (
        f"{of.change}: {words[0]} {loss} {metric.display} ({who_en}; {before} → {after}).",
        f"{of.change}：{words[1]}は {metric.display_ja or metric.display} で {loss}（{who_ja}、{before} → {after}）です。",
    )


def _plain(value: Measured | None) -> str:
    return "–" if value is None else value.in_words


def _beyond(judged: Sequence[Told], several: bool) -> Iterator[tuple[str, str]]:
    """Tell who is shown to lose more than base, then who less; the largest differences first."""
    for word, en, ja in (
        ("more", "is more brittle than base: it loses", "はベースよりもろく、低下が"),
        ("less", "is less brittle than base: it loses", "はベースより頑健で、低下が"),
    ):
        found = [one for one in judged if one.excess is not None and one.excess.word == word]
        for one in sorted(found, key=lambda one: -abs(one.excess.difference.value if one.excess else 0.0))[:SAID]:
            assert one.excess is not None
            who_en, who_ja = (name_of(one.compared.who, several, lang) for lang in ("en", "ja"))
            by, side = _turned(one.excess.difference), ("more", "大きい") if word == "more" else ("less", "小さい")
            metric = one.compared.metric
            yield (
                f"{one.compared.change}: {who_en} {en} {by} {metric.display} {side[0]} on the same rows.",
                f"{one.compared.change}：{who_ja}{ja}同じ行で {metric.display_ja or metric.display} にして {by} {side[1]}です。",
            )


def _turned(difference: Measured) -> str:
    """Write a difference whose direction the sentence says: without a sign."""
    if difference.value >= 0:
        return difference.in_words
    low, high = (None if end is None else -end for end in (difference.high, difference.low))
    return Measured(-difference.value, low, high, difference.n).in_words


def _without(judged: Sequence[Told], several: bool) -> Iterator[tuple[str, str]]:
    """Tell who stays above the best constant answer without the text that should decide."""
    found = [one for one in judged if one.above is not None and one.above.word == "above"]
    for one in sorted(found, key=lambda one: -(one.above.difference.value if one.above else 0.0))[:SAID]:
        assert one.above is not None
        who_en, who_ja = (name_of(one.compared.who, several, lang) for lang in ("en", "ja"))
        metric, above = one.compared.metric, one.above.difference.in_words
        part_en, part_ja = _part(one.compared.declared)
        yield (
            f"{one.compared.change}: {who_en} answers without {part_en}: {above} {metric.display} above the best constant answer, by "
            f"something else than that text.",
            f"{one.compared.change}：{who_ja}は{part_ja}なしで答えています。最良の定数回答を {metric.display_ja or metric.display} で {above} 上回り、"
            f"その文以外の手がかり（ショートカットなど）に頼っています。",
        )


def _part(declared: Mapping[str, Any]) -> tuple[str, str]:
    named = {"premise_removed": ("the premise", "前提"), "hypothesis_only": ("the premise", "前提")}
    return named.get(str(declared["recipe"]), ("the text that should decide", "判断の根拠となる文"))


# ---- notes


def notes(evidence: Evidence, judged: Sequence[Told], nothing: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Say how intervals are meant, what each change did to how many rows, and what could not be compared."""
    n = sum(1 + (one.excess is not None) + (one.above is not None) for one in judged)
    share = float(evidence.plan["stats"]["equivalence"])
    margin = min(margin_of(evidence, one.compared.metric, "equivalence", one.compared.loss.value_b) for one in judged)
    yield (
        f"Before and after are the same rows, paired by id. All {n} differences are one family; their intervals hold together at {evidence.level:.0%}. A "
        f"loss is before less after, positive is worse; within ±{share:g} counts as equal (here at least ±{margin:.3g} in units of the metric). Prompts, draws "
        f"and seeds are averaged. Base is asked the same as the system.",
        f"変更の前後は同じ行で、ID で対応づけています。{n} 個の差を 1 つの族とし、区間は合わせて {evidence.level:.0%} で成り立ちます。低下は変更前から変更後を"
        f"引いた値で、正なら悪化です。±{share:g} 以内は同等とみなします（指標の単位では ±{margin:.3g} 以上）。プロンプト・抽選・シードは平均し、ベースには"
        f"システムと同じ条件で質問しています。",
    )
    for name, one in evidence.plan["perturbed"].items():
        yield _coverage(name, one)
    if any(one.compared.declared["recipe"] == "word_order" for one in judged):
        yield (
            "Under another word order an unchanged score is the finding: whoever answers as before does not read the order.",
            "語順の変更では、点が変わらないこと自体が発見です。前と同じに答えるシステムは、語順を読んでいません。",
        )
    if nothing:
        yield nothing_said(nothing)


def _coverage(name: str, one: Mapping[str, Any]) -> tuple[str, str]:
    en = (
        f"{name}: {one['n_rows']:,} of {one['n_source']:,} rows of {one['of']} ({one['recipe']}), {one['n_changed']:,} of {one['n_units']:,} words or parts "
        f"changed, {one['n_can']:,} could have been"
    )
    ja = (
        f"{name}：{one['of']} の {one['n_source']:,} 行のうち {one['n_rows']:,} 行（{one['recipe']}）。{one['n_units']:,} 箇所のうち変更できるのは {one['n_can']:,} "
        f"箇所、変更したのは {one['n_changed']:,} 箇所です"
    )
    out = one["left_out"]
    if not out:
        return f"{en}; no row is left out.", f"{ja}。除いた行はありません。"
    said_en = "; ".join(f"{n:,} {why}" for why, n in out.items())
    said_ja = "、".join(f"「{REASONS_JA.get(why, why)}」{n:,} 行" for why, n in out.items())
    return f"{en}; left out on both sides: {said_en}.", f"{ja}。前後とも除いた行：{said_ja}。"
