"""What is said of shots and rows, in English and Japanese: where the curves cross, the values at the largest k, the cost; notes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hanka.analysis.questions.contract import Measured
from hanka.analysis.questions.shots_or_rows.judged import JudgedCurves, JudgedPoint
from hanka.analysis.questions.shots_or_rows.ways import Comparison

RELATION_EN = {"in_domain": "in domain", "out_of_domain": "out of domain"}
RELATION_JA = {"in_domain": "ドメイン内", "out_of_domain": "ドメイン外"}


def title(one: Comparison) -> tuple[str, str]:
    """Name a comparison: what was trained on what, the test sets, the metric."""
    topic, tests = one.topic, " + ".join(one.tests)
    en, ja = one.metric.display, one.metric.display_ja or one.metric.display
    return (
        f"{topic.task}, {RELATION_EN[topic.relation]} ({tests}; {en}), {topic.label} on {topic.dataset}",
        f"{topic.task}・{RELATION_JA[topic.relation]}（{tests}、{ja}）、{topic.dataset} の {topic.label}",
    )


def sentence(one: JudgedCurves) -> tuple[str, str]:
    """Say in both languages where rows overtake shots, what both ways reach at the largest k, and what they cost."""
    head, last = title(one.comparison), one.points[-1]
    crossed, values, cost = _crossed(one), _values(last), _cost(last)
    return f"{head[0]}: {crossed[0]} {values[0]} {cost[0]}", f"{head[1]}：{crossed[1]}{values[1]}{cost[1]}"


def _crossed(one: JudgedCurves) -> tuple[str, str]:
    found = one.crossing
    first, last = found.sizes[0], found.sizes[-1]
    between, between_ja = ", ".join(map(str, found.open)), "、".join(map(str, found.open))
    still = f" (open at k = {between})" if found.open else ""
    still_ja = f"（k = {between_ja} は未確定）" if found.open else ""
    is_end = found.rows_from == last
    begin = f"at k = {last}, the most that was asked" if is_end else f"from k = {found.rows_from} on"
    begin_ja = f"最大の k = {last} で" if is_end else f"k = {found.rows_from} から"
    if found.is_shown:
        return (
            f"the curves cross: shown rows are better up to k = {found.shots_to}, trained rows {begin}{still}.",
            f"曲線は交わります。k = {found.shots_to} までは例示が、{begin_ja}は学習が上回ります{still_ja}。",
        )
    if found.rows_from is not None:
        if found.rows_from == first:
            return (
                f"trained rows are better at every k from {first} to {last}; no crossing shown.",
                f"k = {first} から {last} まで常に学習が上回り、交点は示されません。",
            )
        return (
            f"trained rows are better {begin}; below, neither is shown to be, so no crossing is shown{still}.",
            f"{begin_ja}は学習が上回ります。それ未満ではどちらとも言えず、交点は示されません{still_ja}。",
        )
    if found.shots_to is not None:
        if found.shots_to == last:
            return (
                f"shown rows are better at every k from {first} to {last}; no crossing shown.",
                f"k = {first} から {last} まで常に例示が上回り、交点は示されません。",
            )
        return (
            f"shown rows are better up to k = {found.shots_to}; beyond, neither is shown to be, so no crossing is shown{still}.",
            f"k = {found.shots_to} までは例示が上回ります。それより多いとどちらとも言えず、交点は示されません{still_ja}。",
        )
    return (
        f"no crossing shown: neither way is better from any k on, nor up to any{still}.",
        f"交点は示されません。どの k を境にしても、どちらかが上回るとは言えません{still_ja}。",
    )


def _values(point: JudgedPoint) -> tuple[str, str]:
    """Say the values at one number of rows, and the judged difference."""
    named = (
        ("rows", "学習", point.rows),
        ("shots", "例示", point.shots),
        ("both", "学習＋例示", point.both),
        ("base", "ベース", point.base),
    )
    en = ", ".join(f"{name} {value.in_words}" for name, _, value in named if value is not None)
    ja = "、".join(f"{name} {value.in_words}" for _, name, value in named if value is not None)
    size, difference = point.ways.size, _difference(point.rows_shots.difference)
    return (
        f"At k = {size}: {en}; rows − shots {difference}.",
        f"k = {size} では、{ja} で、学習と例示の差は {difference} です。",
    )


def _difference(one: Measured) -> str:
    ends = "" if one.low is None or one.high is None else f" [{one.low:+.3f}, {one.high:+.3f}]"
    return f"{one.value:+.3f}{ends} (n = {one.n})"


def _cost(point: JudgedPoint) -> tuple[str, str]:
    """Say what training takes once, what answers take, and from how many on training has paid for itself."""
    bill = point.bill
    en = f"1,000 answers take {bill.shots:,.1f} s with the rows shown and {bill.rows:,.1f} s without"
    ja = f"1,000 件の回答に、例示ありで {bill.shots:,.1f} 秒、なしで {bill.rows:,.1f} 秒かかります"
    if bill.training is None:
        return f"{en}; what training took is not stored.", f"{ja}。学習の時間は保存されていません。"
    if bill.pays_from is None:
        return (
            f"{en}, so the {bill.training:,.1f} s of training never pay in time.",
            f"{ja}。学習の {bill.training:,.1f} 秒は、時間の面では取り戻せません。",
        )
    return (
        f"{en}; training takes {bill.training:,.1f} s once and pays from {bill.pays_from:,} answers on.",
        f"{ja}。学習は 1 回 {bill.training:,.1f} 秒で、{bill.pays_from:,} 件の回答から元が取れます。",
    )


def notes(
    judged: Sequence[JudgedCurves], level: float, n_contrasts: int, left_out: tuple[int, int]
) -> Iterator[tuple[str, str]]:
    """Yield what the answer rests on. left_out: draws of rows without all cells, and cells that show fewer rows."""
    yield (
        f"The same rows and base model either way. Intervals ({level:.0%}) of differences hold together over {n_contrasts} differences and "
        "decide the verdicts; those of values are each for itself. A filled point is shown to be better: rows and both against shots, shots "
        "against rows. In the figure + means both.",
        f"どちらの使い方でも、例とベースモデルは同じです。差の区間（{level:.0%}）は {n_contrasts} 個の差について同時に成り立ち、判定の根拠になります。"
        "値の区間は個々の値に対するものです。塗りつぶした点は上回ることが示されたもので、学習と「学習＋例示」は例示に対して、例示は学習に対して"
        "です。図の「+」は両方を表します。",
    )
    n_seeds = min(point.ways.rows_shots.n_seeds for one in judged for point in one.points)
    if n_seeds > 1:
        yield (
            f"At least {n_seeds} seeds stand behind every difference, and how much they differ is in its interval.",
            f"どの差も {n_seeds} 個以上のシードに基づき、シード間のばらつきは区間に含まれています。",
        )
    else:
        yield (
            "One seed stands behind some differences: these are about one draw of rows and one training, not about the two ways.",
            "シードが 1 つだけの差があります。その差は、1 回の抽出と 1 回の学習についてのもので、使い方そのものについてではありません。",
        )
    yield (
        "Seconds are of this machine and of whole test sets: shown rows are read once for all queries of a set. Where every query is sent "
        "alone, showing rows costs more. The decision of this run compares adapted models with the base as it is, not with shown rows.",
        "秒数はこのマシンでテストセット全体を処理した時間で、例示は 1 つのセットにつき 1 度だけ読み込まれます。問い合わせを 1 件ずつ送る場合、例示の"
        "費用はこれより大きくなります。この実行の判断は、適応後のモデルをそのままのベースモデルと比べたもので、例示とは比べていません。",
    )
    n_missing, n_fewer = left_out
    if n_missing:
        yield (
            f"{n_missing} draw(s) of rows are left out: a cell is missing, or has too few scored rows to compare.",
            f"セルが欠けているか、採点できた例が少なすぎるため、抽出 {n_missing} 回分を除いています。",
        )
    if n_fewer:
        yield (
            f"{n_fewer} cell(s) are left out because they show fewer rows than their variant was trained on.",
            f"学習に使った例より少ない例を見せている {n_fewer} セルを除いています。",
        )
