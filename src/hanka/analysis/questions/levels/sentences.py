"""What is said of levels, in English and Japanese: how facts are spread over levels, what is best, what the paper's statements come to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hanka.analysis.questions.levels.claims import POINTS, Claim, Word
from hanka.analysis.questions.levels.gathered import LEAST_FACTS, Arm, Gathered, Where
from hanka.analysis.questions.levels.judged import Told
from hanka.analysis.questions.levels.table import Row
from hanka.stats.levels import LEVELS

Said = tuple[str, str]
"English, Japanese."
WORDS_JA: dict[Word, str] = {"held": "成り立つ", "contradicted": "成り立たない", "undecided": "判断できない"}
RELATION: dict[str, Said] = {
    "in_domain": ("in domain", "ドメイン内"),
    "out_of_domain": ("out of domain", "ドメイン外"),
    "cross_task": ("on another task", "別タスク"),
    "undeclared": ("of unknown relation", "関係は未宣言"),
}


def nothing_said(found: Gathered) -> Said:
    """Say why a run of levels has nothing to compare."""
    if not found.bins:
        return (
            "No test fact has a level: the probe `levels` did not measure the base on a test set. Name it under `probes:`, with the test "
            "sets in `of`.",
            "テスト用の知識にレベルが付いていません。プローブ levels がベースモデルをテストセットで測定していないためです。probes: に levels を"
            "加え、of にテストセットを指定してください。",
        )
    return (
        "Nobody trained on facts of one level can be compared: no variant of a level has answered a test set whose facts have levels.",
        "比較できるモデルがありません。レベル別の知識で学習したモデルのうち、レベルの付いたテストセットに回答したものがないためです。",
    )


def sentences(found: Gathered, rows: Sequence[Row], told: Sequence[Told], claimed: Sequence[Claim]) -> list[Said]:
    """Say what the run shows, test set by test set."""
    said: list[Said] = []
    for where in found.places():
        own = [row for row in rows if row.where == where]
        said += _spread(found, where, own)
        said += _best(found, where, own, told)
        said += [_claim(found, one) for one in claimed if one.where == where]
    return said


def _spread(found: Gathered, where: Where, rows: Sequence[Row]) -> Iterator[Said]:
    """Say how many test facts each level has."""
    for base in dict.fromkeys(row.arm.base for row in rows):
        levels = list(found.bins[base, where.test].values())
        counts = ", ".join(f"{level}: {levels.count(level):,}" for level in range(LEVELS))
        asked = f"{found.sampling.get('templates', '?')} × {found.sampling.get('samples', '?')}"
        yield (
            f"{where.test}: of {len(levels):,} test facts, {base} knows on level {counts} (at most {asked} samples of each fact).",
            f"{where.test}：テスト用の知識 {len(levels):,} 件を {base} がどの程度知っているかをレベル別に数えると、{counts.replace(', ', '、')} 件です"
            f"（1 件につき最大 {asked} 回サンプリング）。",
        )


def _best(found: Gathered, where: Where, rows: Sequence[Row], told: Sequence[Told]) -> Iterator[Said]:
    """Say which level and size have the highest mean, and how many comparisons show it."""
    trained = [row for row in rows if row.arm.level is not None and row.arm.share is None and row.mean is not None]
    base = next((row for row in rows if row.arm.level is None), None)
    if not trained:
        yield (
            f"{where.test}: no mean over levels has an interval, as no level has {LEAST_FACTS} test facts that were scored.",
            f"{where.test}：採点できたテスト用の知識が {LEAST_FACTS} 件以上あるレベルがなく、レベル平均は求められません。",
        )
        return
    best = max(trained, key=lambda row: row.mean.value if row.mean else 0.0)
    assert best.mean is not None
    beaten = [one for one in told if _is_about(one, best.arm, where)]
    shown = sum(1 for one in beaten if _wins(one, best.arm))
    relation = RELATION.get(found.relations[where.test], ("", ""))
    before = "" if base is None or base.mean is None else f" (base {base.mean.in_words})"
    before_ja = "" if base is None or base.mean is None else f"（ベースは {base.mean.in_words}）"
    yield (
        f"{where.test} ({relation[0]}): the highest mean over levels is {best.mean.in_words}, {_name(best.arm)}{before}; of {len(beaten)} "
        f"comparisons with other levels and sizes {shown} show it to be better.",
        f"{where.test}（{relation[1]}）：レベル平均が最も高いのは{_name_ja(best.arm)}の {best.mean.in_words} です{before_ja}。ほかのレベル・件数との比較 "
        f"{len(beaten)} 件のうち、優れていると示されたのは {shown} 件です。",
    )


def _is_about(one: Told, arm: Arm, where: Where) -> bool:
    return one.pair.kind in ("level", "size") and one.pair.where == where and arm in (one.pair.one, one.pair.other)


def _wins(one: Told, arm: Arm) -> bool:
    return one.verdict == ("better" if one.pair.one == arm else "worse")


def _name(arm: Arm) -> str:
    back = f", {arm.share:.0%} of the weights put back" if arm.share is not None else ""
    return f"{arm.label} on {arm.asked:,} facts of level {arm.level}{back}"


def _name_ja(arm: Arm) -> str:
    back = f"（重みの {arm.share:.0%} をベースに戻したもの）" if arm.share is not None else ""
    return f"レベル {arm.level} の知識 {arm.asked:,} 件で学習した「{arm.label}」{back}"


def _claim(found: Gathered, claim: Claim) -> Said:
    """Say what the run says of one statement of the paper."""
    pair, word, by = claim.told.pair, claim.word, claim.difference.in_words
    test, one, other = claim.where.test, pair.one, pair.other
    if claim.key == "choice" and claim.told.difference.value < 0:
        one, other = other, one
    texts: dict[str, Said] = {
        "few": (
            f"few facts already teach the task: {_name(one)} is above the base by {by}",
            f"少数の知識でもタスクは身に付く：{_name_ja(one)}とベースの差は {by}",
        ),
        "fewer": (
            f"fewer facts are better: {one.asked:,} less {other.asked:,} facts, over all levels, is {by}",
            f"知識は少ないほうがよい：{one.asked:,} 件と {other.asked:,} 件の差（全レベル）は {by}",
        ),
        "choice": (
            f"the level moves the mean by more than {POINTS:.2f}: level {one.level} less level {other.level} at {one.asked:,} facts is {by}",
            f"レベルの選択で平均が {POINTS:.2f} より大きく変わる：{one.asked:,} 件でのレベル {one.level} と {other.level} の差は {by}",
        ),
        "diagonal": (
            f"facts of a level are best learnt from that level: at {one.asked:,} facts the own level less the others is {by}",
            f"各レベルの知識は同じレベルの学習で最もよく答えられる：{one.asked:,} 件での同じレベルとほかのレベルの差は {by}",
        ),
        "restored": (
            f"nine tenths of the changes can be taken back without harm: {one.label} less {other.label} is {by}",
            f"変化の 9 割を戻しても害はない：「{one.label}」と「{other.label}」の差は {by}",
        ),
    }
    en, ja = texts[claim.key]
    if len({base for base, _ in found.bins}) > 1:
        en, ja = f"{one.base}: {en}", f"{one.base}：{ja}"
    return f"{test}, {word}: {en}.", f"{test}、{WORDS_JA[word]}：{ja}。"


def notes(found: Gathered, level: float, n_differences: int) -> Iterator[Said]:
    """Say what the answer rests on and what is missing."""
    yield (
        f"{n_differences} differences are one family: their intervals hold together at {level:.0%}, and so do, by themselves, those of all values "
        f"of the table (Bonferroni). Means count levels equally, whatever facts they have.",
        f"差 {n_differences} 件を 1 つの族とし、その区間は {level:.0%} で同時に成り立ちます。表の値の区間も、それだけで同時に成り立ちます（ボンフェローニ法）。"
        f"平均は、知識の件数によらず各レベルを同じ重みで数えます。",
    )
    for base, test in found.bins:
        if test not in found.relations:
            continue
        known = list(found.bins[base, test].values())
        few = [f"{one} ({known.count(one)})" for one in range(LEVELS) if known.count(one) < LEAST_FACTS]
        if few:
            yield (
                f"{test}: levels with fewer than {LEAST_FACTS} test facts of {base} are in no mean: {', '.join(few)}.",
                f"{test}：{base} で {LEAST_FACTS} 件に満たないレベルは平均に含めていません：{'、'.join(few)}。",
            )
    short = {arm: rows for arm, rows in found.n_rows.items() if rows[0] < arm.asked and arm.share is None}
    if short:
        listed = "; ".join(f"level {arm.level}, {arm.asked:,} asked: {_range(rows)}" for arm, rows in short.items())
        listed_ja = "、".join(
            f"レベル {arm.level}（{arm.asked:,} 件の指定）は {_range(rows)} 件" for arm, rows in short.items()
        )
        yield (
            f"Levels that have fewer facts than were asked were trained on what there is: {listed}.",
            f"指定より知識が少ないレベルは、ある分だけで学習しました：{listed_ja}。",
        )
    if found.failed[0]:
        yield (
            f"{found.failed[0]:,} of {found.failed[1]:,} samples of test facts failed and are in no share.",
            f"テスト用の知識のサンプル {found.failed[1]:,} 件のうち {found.failed[0]:,} 件が失敗し、割合の計算から除いています。",
        )
    yield from unmade(found)


def unmade(found: Gathered) -> Iterator[Said]:
    """Say which arms were not trained."""
    for arm, reason in found.unmade.items():
        yield (
            f"Not trained, {_name(arm)}: {reason}.",
            f"{_name_ja(arm)}は学習できませんでした。理由は実行フォルダの data に記録されています。",
        )


def _range(rows: tuple[int, int]) -> str:
    return f"{rows[0]:,}" if rows[0] == rows[1] else f"{rows[0]:,}–{rows[1]:,}"
