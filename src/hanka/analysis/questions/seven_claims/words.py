"""What the seven claims are, in one line each, and what is said beside them."""

from __future__ import annotations

from collections.abc import Sequence

CLAIMS: dict[int, tuple[str, str]] = {
    1: (
        "fine-tuned and asked without demonstrations, a model beats its base with them in domain (not on reviews)",
        "ドメイン内では、チューニング済みモデルは例示なしでも、例示を付けたベースモデルを上回る（レビューの感情判定を除く）",
    ),
    2: (
        "demonstrations add little to a fine-tuned model, and something to its base",
        "例示の効果は、チューニング済みモデルでは小さく、ベースモデルでは大きい",
    ),
    3: (
        "more training rows help once, and then no more; summaries hardly move",
        "学習データを増やして効果が出るのは最初の増量までで、その先は頭打ちになる（要約ではほとんど変わらない）",
    ),
    4: (
        "in other domains, writing falls below the base, paraphrase and inference rise above it, sentiment stays on par",
        "別ドメインでは、生成はベースモデルを下回り、言い換え判定と推論は上回り、感情判定は同程度にとどまる",
    ),
    5: (
        "learning to choose labels ruins writing on other tasks; learning to write leaves labels alone",
        "ラベルを選ぶ学習は別タスクの生成を損なうが、文章を書く学習は別タスクのラベル選択をあまり損なわない",
    ),
    6: (
        "another wording revives the summaries of a model trained on sentiment, not its questions",
        "感情判定を学習したモデルは、プロンプトを言い換えると要約は回復するが、質問生成は回復しない",
    ),
    7: (
        "demonstrations in training: writing keeps its gain and loses less elsewhere; labels lose in domain and elsewhere, and spare writing",
        "例示付きで学習すると、生成タスクでは向上を保ったまま、別ドメインや別タスクでの低下が小さくなる。ラベルを選ぶタスクではドメイン内外とも例示なしの学習に劣るが、別タスクの生成は損なわれにくい",
    ),
}
"Number → the claim in English and Japanese, after sections 4.1 to 5.3 of the paper."
OUTCOME_JA = {"held": "支持", "contradicted": "反対の結果", "undecided": "未確定"}


def counted(outcomes: Sequence[str]) -> tuple[str, str]:
    """Return how many statements of a claim came out how, in both languages."""
    counts = {one: outcomes.count(one) for one in OUTCOME_JA}
    en = ", ".join(f"{n} {one}" for one, n in counts.items() if n)
    return en, "、".join(f"{OUTCOME_JA[one]} {n} 件" for one, n in counts.items() if n)


def sentence(claim: int, outcome: str, outcomes: Sequence[str]) -> tuple[str, str]:
    """Return what came of a claim, in both languages."""
    (en, ja), (parts_en, parts_ja) = CLAIMS[claim], counted(outcomes)
    return (
        f"{claim}. {outcome.capitalize()} here ({parts_en}): {en}.",
        f"{claim}. {OUTCOME_JA[outcome]}（{parts_ja}）：{ja}。",
    )


def notes(
    n_contrasts: int, level: float, n_left_out: int, n_without_answers: int, others: Sequence[str]
) -> list[tuple[str, str]]:
    """Return what the outcomes rest on, in both languages."""
    percent = f"{100 * level:.4g} %"
    found = [
        (
            "A claim holds here if more than half of its statements hold, and is contradicted if more than half are. A statement holds, or is "
            f"contradicted, only where its interval shows it; the {n_contrasts} intervals hold together at {percent}. Not higher, and not lower, are shown by "
            "the one end of an interval that lies within the margin of what counts as equal.",
            "主張は、対応する比較の過半数が支持されれば支持、過半数が反対の結果であれば反対の結果とします。個々の比較は、区間が示す場合にだけ"
            f"判定します。{n_contrasts} 個の区間は、全体で {percent} の同時信頼区間です。「高くない」「低くない」は、区間のその側の端が同等とみなす幅に"
            "収まることで示されます。",
        ),
        (
            "The paper shows fine-tuning with demonstrations at the best of its shot counts on the test rows; here both sides are averaged over the "
            "shot counts they share. Where a statement is about every shot count, the table shows the one that agrees least; where it says that this is not so at every one, "
            "the one that agrees most. All claims but the third are tested at the one number of rows that both kinds of training share; the paper draws its "
            "three sizes beside each other, and an average over test sets stands for its “most of them”.",
            "論文は、例示付き学習の結果をテストデータ上で最もよかった例示数で示しています。ここでは両者に共通する例示数の平均で比べます。"
            "すべての例示数についての主張では、論文の記述から最も外れる例示数の差を表に示します。「どの例示数でもそうなるわけではない」という主張では、"
            "最もよく合う例示数の差を示します。3 番目以外の主張は、両方の学習に共通する 1 つの学習件数で確かめます。論文は 3 つの件数を並べて示しており、"
            "論文の「多くのテストセットで」は、ここではテストセットの平均で判定します。",
        ),
    ]  # fmt: skip
    if n_left_out:
        found.append(
            (
                f"{n_left_out} claim(s) could not be stated: this run trains, or asks, something else.",
                f"この実行には該当する学習や評価がないため、{n_left_out} 個の主張は確かめていません。",
            )
        )
    if n_without_answers:
        found.append(
            (
                f"{n_without_answers} cell(s) that these claims could rest on have no answers, failed or not run yet: statements that need one are "
                "left out, and averages over shot counts are made without it.",
                f"これらの主張の根拠となりうる {n_without_answers} 個のセルには回答がありません（失敗または未実行）。必要なセルを欠く比較は省き、"
                "例示数の平均はそれを除いて求めています。",
            )
        )
    if others:
        found.append(
            (
                f"Not compared here: {', '.join(others)}. Compared are the first entry of sft, and what was trained with demonstrations on as many rows.",
                f"ここで比べていないもの：{'、'.join(others)}。比べるのは、最初の sft と、それと同じ件数で例示付きの学習をしたものです。",
            )
        )
    return found
