"""What is said of intruders, in English and Japanese: how many there are, what they go with, what edits buy, what stages add."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hanka.analysis.evidence import Evidence
from hanka.analysis.questions.contract import Measured
from hanka.analysis.questions.intruders.counted import Asked, Counted, Counts
from hanka.analysis.questions.intruders.predicted import Found, Predicted
from hanka.analysis.questions.intruders.units import EditUnit, measured, share_saved
from hanka.analysis.questions.tradeoff.ask import RELATION_EN, RELATION_JA
from hanka.analysis.systems import Scene
from hanka.metrics import METRICS
from hanka.stats import Family
from hanka.stats.rank import FEWEST

Said = tuple[str, str]


def nothing_counted(found: Counted, is_counted: bool) -> Said:
    """Say why nothing can be said."""
    if is_counted:
        return (
            "Intruder dimensions say nothing here: no variant with a count has a value on every test set beside its base model.",
            "侵入次元について何も言えません：計数されたバリアントのうち、すべてのテストセットでベースモデルと比べられるものがありません。",
        )
    return (
        f"Intruder dimensions say nothing here: they were counted in no variant ({found.n_failed} failed or were not reached).",
        f"侵入次元について何も言えません：計数できたバリアントがありません（失敗または未実行 {found.n_failed} 件）。",
    )


def said_of_counts(counts: Sequence[tuple[str, Counts]], asked: Asked) -> Said:
    """Say in how many variants there are more intruders than random changes of equal norm make, and where most are."""
    known = [(name, one, one.excess) for name, one in counts if one.excess is not None]
    more = [(name, one) for name, one, excess in known if (excess.low or 0) > 0]
    fewer = [name for name, _, excess in known if excess.high is not None and excess.high < 0]
    k, epsilon, draws = asked
    en = (
        f"Of the first {k} directions of every changed matrix, those below |cosine| {epsilon:g} with all of the base's: {len(more)} of {len(counts)} "
        f"variants have more than random changes of equal norm ({draws} draws), {len(fewer)} have fewer"
    )
    ja = (
        f"変化した各行列の上位 {k} 方向のうち、ベースのどの方向とも |コサイン| が {epsilon:g} 未満のもの（侵入次元）：{len(counts)} バリアント中 "
        f"{len(more)} 個で同じノルムのランダムな変化（{draws} 回）より多く、{len(fewer)} 個で少なくなっています"
    )
    if not counts:
        return f"{en}.", f"{ja}。"
    name, most = max(counts, key=lambda one: one[1].intruders)
    excess = "" if most.excess is None else f", {_signed(most.excess)} a matrix beyond that"
    excess_ja = "" if most.excess is None else f"（行列あたりの超過 {_signed(most.excess, 'ja')}）"
    return (
        f"{en}. Most are in {name}: {most.intruders:,.0f} in {most.n} matrices, {most.null:,.1f} by a random change{excess}.",
        f"{ja}。最も多いのは {name} で、{most.n} 行列に {most.intruders:,.0f} 個、ランダムな変化では {most.null:,.1f} 個{excess_ja}です。",
    )


def said_of_prediction(title: Said, one: Predicted) -> Said:
    """Say what the count goes with, and whether it says more than the size of the change."""
    if one.count is None:
        if one.is_constant:
            return (
                f"{title[0]}: the {one.n} variants do not differ in their count, or not in what they forget, so nothing can be ranked.",
                f"{title[1]}：{one.n} バリアントの侵入次元の数、または忘却の量に差がなく、順位を付けられません。",
            )
        return (
            f"{title[0]}: {one.n} variant(s) have a count and a value; a rank correlation needs at least {FEWEST}.",
            f"{title[1]}：計数と値の両方があるバリアントは {one.n} 個で、順位相関には {FEWEST} 個以上が必要です。",
        )
    goes, goes_ja = _goes(one.count)
    en = f"{title[0]}: {goes}: Spearman {_ranks(one.count)} over {one.n} variants"
    ja = f"{title[1]}：{goes_ja}（{one.n} バリアントの Spearman 順位相関 {_ranks(one.count)}）"
    parts = (
        ("beyond random changes", "ランダムな変化を超える分", one.excess),
        ("the size of the change alone", "変化の大きさだけ", one.size),
        ("count and gain in domain", "侵入次元の数とドメイン内の改善", one.gain),
    )
    en += "".join(f"; {name} {_ranks(found)}" for name, _, found in parts if found is not None) + ". "
    ja += "".join(f"、{name} {_ranks(found)}" for _, name, found in parts if found is not None) + "。"
    beyond, beyond_ja = _beyond(one)
    return en + beyond, ja + beyond_ja


def _goes(found: Found) -> Said:
    assert found is not None
    if found.low > 0:
        return "more intruders go with more forgetting", "侵入次元が多いほど忘却が大きくなっています"
    if found.high < 0:
        return "more intruders go with less forgetting", "侵入次元が多いほど忘却が小さくなっています"
    return "whether intruders go with forgetting is open", "侵入次元と忘却の関係は未確定です"


def _beyond(one: Predicted) -> Said:
    found = one.beyond
    if found is None:
        return "The count cannot be set against the size of the change.", "変化の大きさとの比較はできません。"
    numbers = f"{found.value:+.2f} [{found.low:+.2f}, {found.high:+.2f}]"
    numbers, numbers_ja = f"{numbers} (n = {found.n})", f"{numbers}（n = {found.n}）"
    if found.low > 0:
        return (
            f"The count predicts better than the size: {numbers}.",
            f"侵入次元の数は変化の大きさより忘却をよく予測します：{numbers_ja}。",
        )
    if found.high < 0:
        return (
            f"The size predicts better than the count: {numbers}.",
            f"変化の大きさのほうが侵入次元の数より忘却をよく予測します：{numbers_ja}。",
        )
    return (
        f"Whether the count predicts better than the size is open: {numbers}.",
        f"侵入次元の数と変化の大きさのどちらがよく予測するかは未確定です：{numbers_ja}。",
    )


EDITS = {
    "intruders": ("{which} × {scale:g}", "{which_ja}を {scale:g} 倍"),
    "neighbours": ("control: as many other directions × {scale:g}", "対照（同数の別の方向を {scale:g} 倍）"),
    "peft": ("PEFT's function, all × {scale:g}", "PEFT の関数（すべてを {scale:g} 倍）"),
}
WHICH = {
    "top": ("the first intruder of every matrix", "各行列の最初の侵入次元"),
    "all": ("all intruders", "すべての侵入次元"),
}


def said_of_edit(parent: str, found: Sequence[tuple[Scene, EditUnit]], together: Family) -> Said:
    """Say what an edit did to the count, what it gave up, and on each scene what it saved, and whether the control saves as much.

    found: one edit on all of its scenes.
    """
    edit, first = found[0][1].edit, found[0][1]
    which, which_ja = WHICH.get(edit.which, (edit.which, edit.which))
    how, how_ja = (text.format(which=which, which_ja=which_ja, scale=edit.scale) for text in EDITS[edit.kind])
    given = measured(first.from_parent.inside, together, turned=True)
    saved = [_saved(scene, one, together) for scene, one in found]
    return (
        f"{parent}, {how}: {edit.before:,} → {edit.after:,} intruders ({edit.directions:,} directions scaled); gain given up {_signed(given)}; "
        f"forgetting saved {'; '.join(en for en, _ in saved)}.",
        f"{parent}、{how_ja}：侵入次元 {edit.before:,} → {edit.after:,}（{edit.directions:,} 方向を縮小）、改善の減少 {_signed(given, 'ja')}、忘却の減少は"
        f"{'、'.join(ja for _, ja in saved)}。",
    )


def _saved(scene: Scene, one: EditUnit, together: Family) -> Said:
    """Say what an edit saved on a scene, which share of the forgetting that is, and what it saved beyond the control."""
    metric = METRICS.get(scene.outside.metric)
    saved, share = measured(one.from_parent.outside, together), share_saved(one, together)
    en = f"{RELATION_EN[scene.relation]} ({metric.display}) {_signed(saved)}"
    ja = f"{RELATION_JA[scene.relation]}（{metric.display_ja or metric.display}）で {_signed(saved, 'ja')}"
    if share is not None:
        en, ja = f"{en}, {_share(share)} of it", f"{ja}、忘却の {_share(share, 'ja')}"
    else:
        en, ja = f"{en}, of forgetting that is not shown", f"{ja}（忘却自体は示されていない）"
    if one.beyond is not None:
        beyond = measured(one.beyond, together)
        en, ja = f"{en}, {_signed(beyond)} beyond the control", f"{ja}、対照を上回る分 {_signed(beyond, 'ja')}"
    return en, ja


def said_of_chain(counts: Sequence[tuple[str, Counts | None]], losses: Sequence[tuple[str, list[Measured]]]) -> Said:
    """Say how count and forgetting go on from stage to stage; each stage is merged before the next begins."""
    names = " → ".join(name for name, _ in counts)
    known = " → ".join("?" if one is None else f"{one.intruders:,.0f}" for _, one in counts)
    null = " → ".join("?" if one is None else f"{one.null:,.1f}" for _, one in counts)
    en = f"One training after another, each merged before the next ({names}): {known} intruders, {null} by random changes"
    ja = f"統合しながら順に学習（{names}）：侵入次元 {known}、ランダムな変化では {null}"
    for metric, values in losses:
        entry = METRICS.get(metric)
        en += f"; forgetting ({entry.display}) {' → '.join(map(_signed, values))}"
        ja += f"、忘却（{entry.display_ja or entry.display}） {' → '.join(_signed(one, 'ja') for one in values)}"
    return f"{en}.", f"{ja}。"


def notes(evidence: Evidence, found: Counted, n_differences: int, n_left_out: int) -> Iterator[Said]:
    """Say what the numbers rest on, and what is missing."""
    yield (
        f"All {n_differences} differences (of every variant from its base, of every edit from what was edited and from its control) are one "
        f"family: their intervals hold together ({evidence.level:.0%}). So do those of all rank correlations, which take each variant as one "
        "unit and its values as exact, and those of the excess over all variants, which take matrices as units.",
        f"{n_differences} 個の差（各バリアントとベース、各編集ともとのバリアントおよび対照）を一つの族とし、区間は同時に成り立ちます"
        f"（{evidence.level:.0%}）。順位相関の区間も互いに同時で、各バリアントを一つの単位とし、その値を確定したものとして扱います。超過の区間も全バリアントで"
        "同時に成り立ち、行列を単位とします。",
    )
    yield (
        "Forgetting is the change elsewhere turned round: positive is worse. Edited variants enter no correlation. The size of the change is "
        "its Frobenius norm over that of the base, over the changed matrices. The share of forgetting has Fieller's interval over test rows.",
        "忘却は比較先での変化の符号を逆にしたもので、正が悪化です。編集したバリアントは相関に含めません。変化の大きさは、変化した行列全体での"
        "フロベニウスノルムの比（変化／ベース）です。忘却に対する割合の区間は、テスト行に関するフィーラーの区間です。",
    )
    if found.n_failed:
        yield (
            f"Of {found.n_failed} variant(s) nothing was counted: the probe failed, was not reached, or they have no weights of their own.",
            f"{found.n_failed} バリアントでは計数されていません（プローブの失敗、未実行、または固有の重みなし）。",
        )
    if found.n_other_dtypes:
        yield (
            f"{found.n_other_dtypes} variant(s) in another arithmetic are left out: their counts do not compare.",
            f"数値形式が異なる {found.n_other_dtypes} バリアントは、数が比較できないため除いています。",
        )
    if found.others:
        yield (
            f"Further probes of this kind are in probes/ and not here: {', '.join(found.others)}.",
            f"同種のほかのプローブの結果は probes/ にあり、ここには含めません：{'、'.join(found.others)}。",
        )
    if n_left_out:
        yield (
            f"{n_left_out} variant(s) without a value on every test set of a comparison are left out of it.",
            f"比較に必要なテストセットの値がそろわない {n_left_out} バリアントは、その比較から除いています。",
        )


def _signed(one: Measured, lang: str = "en") -> str:
    ends = "" if one.low is None or one.high is None else f" [{one.low:+.3f}, {one.high:+.3f}]"
    return f"{one.value:+.3f}{ends} (n = {one.n})" if lang == "en" else f"{one.value:+.3f}{ends}（n = {one.n}）"


def _share(one: Measured, lang: str = "en") -> str:
    ends = "" if one.low is None or one.high is None else f" [{one.low:.0%}, {one.high:.0%}]"
    return f"{one.value:.0%}{ends} (n = {one.n})" if lang == "en" else f"{one.value:.0%}{ends}（n = {one.n}）"


def _ranks(found: Found) -> str:
    assert found is not None
    return f"{found.value:+.2f} [{found.low:+.2f}, {found.high:+.2f}]"
