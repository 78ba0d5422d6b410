"""What is said of a learning curve, in English and Japanese: twice the rows, four times, the rows for the margin, when to stop; notes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from hanka.analysis.learning import LearningCurve
from hanka.stats.curves import FARTHEST, FEWEST_SIZES
from hanka.stats.extrapolation import SURE, Needed, Predicted

RELATION_EN = {"in_domain": "in domain", "out_of_domain": "out of domain"}
RELATION_JA = {"in_domain": "ドメイン内", "out_of_domain": "ドメイン外"}
SMALLEST = 8
"Training rows below which no size is proposed."


@dataclass(frozen=True, slots=True, eq=False)
class Told:
    """A curve with everything that is said of it."""

    curve: LearningCurve
    "The curve."
    level: float
    "Of the intervals."
    margin: float
    "What the study calls worthwhile, in the metric's units."
    largest: Predicted | None = None
    "Value of the curve at the largest size; None, as all below, where no law carries."
    double: Predicted | None = None
    "At twice the rows."
    four: Predicted | None = None
    "At four times."
    doubling: Predicted | None = None
    "Gain of the next doubling, upwards."
    needed: Needed | None = None
    "Rows for the margin beyond the largest size."
    small: float | None = None
    "Probability that the last doubling gained less than a point."
    plateau: float | None = None
    "Probability that all further rows together gain less than a point."


def title(one: LearningCurve) -> tuple[str, str]:
    """Name a curve: what was trained on what and from which base, the test sets, the metric."""
    topic, tests = one.topic, " + ".join(one.tests)
    en, ja = one.metric.display, one.metric.display_ja or one.metric.display
    return (
        f"{topic.task}, {RELATION_EN[topic.relation]} ({tests}; {en}), {topic.label} on {topic.dataset} ({topic.base})",
        f"{topic.task}・{RELATION_JA[topic.relation]}（{tests}、{ja}）、{topic.dataset} の {topic.label}（{topic.base}）",
    )


def panel_title(one: LearningCurve) -> tuple[str, str]:
    """Name a curve where there is room for a few words."""
    topic, tests = one.topic, " + ".join(one.tests)
    return (
        f"{topic.label}, {topic.base}, {RELATION_EN[topic.relation]}: {tests}",
        f"{topic.label}、{topic.base}、{RELATION_JA[topic.relation]}：{tests}",
    )


def sentence(told: Told) -> tuple[str, str]:
    """Say what more rows would bring, or which sizes to run first."""
    head = title(told.curve)
    if told.largest is None:
        body = _cannot(told.curve)
    else:
        parts = (_more(told), _rows(told), _enough(told))
        body = " ".join(en for en, _ in parts), "".join(ja for _, ja in parts)
    return f"{head[0]}: {body[0]}", f"{head[1]}：{body[1]}"


def _cannot(one: LearningCurve) -> tuple[str, str]:
    """Say why no law carries, and what to run."""
    sizes = one.sizes
    if len(sizes) >= FEWEST_SIZES:
        if one.points is None:
            return (
                f"{one.n} test rows are shared by all sizes, too few for a law, or for the metric in some class; ask more test rows (`eval: {{limit: …}}`).",
                f"すべての件数に共通するテスト行が {one.n} 件しかないか、行の少ないクラスがあるため、曲線を当てはめられません。テストの件数を増やしてください（`eval: {{limit: …}}`）。",
            )
        return (
            "neither law comes near the measured values, so nothing is said of more rows.",
            "どちらの法則も測定値に合わないため、件数を増やした場合については示せません。",
        )
    listed = ", ".join(map(str, proposed(sizes)))
    return (
        f"{len(sizes)} sizes carry no law, which has three parameters; run at least {FEWEST_SIZES}, such as "
        f"`train: {{sizes: [{listed}]}}`, with three seeds or more.",
        f"{len(sizes)} 通りの件数では、パラメータが 3 つある法則を当てはめられません。`train: {{sizes: [{listed}]}}` のように "
        f"{FEWEST_SIZES} 通り以上の件数を、3 つ以上のシードで実行してください。",
    )


def proposed(sizes: Sequence[int]) -> tuple[int, ...]:
    """Return sizes that carry a law: those that are there, with halves of the smallest, then doubles of the largest."""
    found = sorted(sizes)
    while len(found) < FEWEST_SIZES:
        if found[0] // 2 >= SMALLEST:
            found.insert(0, found[0] // 2)
        else:
            found.append(found[-1] * 2)
    return tuple(found)


def _more(told: Told) -> tuple[str, str]:
    """Say the values at twice and four times the rows, and the gain of the next doubling."""
    assert told.double
    assert told.four
    assert told.doubling
    one = told.curve
    largest = one.sizes[-1]
    n_trained = 0 if one.points is None else len(one.points.sizes)
    two, four = _value(told.double), _value(told.four)
    gain = f"{told.doubling.value:+.3f} [{told.doubling.low:+.3f}, {told.doubling.high:+.3f}]"
    return (
        f"{2 * largest:,} rows, twice the most so far, would give {two} and {FARTHEST * largest:,.0f} rows {four} "
        f"(n = {one.n} test rows, {n_trained} trainings); the next doubling brings {gain}.",
        f"これまでの最大の 2 倍の {2 * largest:,} 件では {two}、{FARTHEST * largest:,.0f} 件では {four} になる見込みです"
        f"（n = テスト {one.n} 件、学習 {n_trained} 回）。次に件数を倍にして得られる改善は {gain} です。",
    )


def _rows(told: Told) -> tuple[str, str]:
    """Say how many rows bring the margin that the study calls worthwhile, beyond the largest size."""
    needed = told.needed
    assert needed
    margin, largest, limit = f"{told.margin:.3g}", f"{told.curve.sizes[-1]:,}", f"{needed.limit:,}"
    percent = f"{needed.within:.0%}"
    if needed.rows is None:
        return (
            f"How many rows bring {margin} more than {largest} do lies beyond what these points can say: {limit} rows suffice with a "
            f"probability of {percent}.",
            f"{largest} 件のときより {margin} 改善するのに必要な件数は、この結果から言える範囲を超えます。{limit} 件で足りる確率は {percent} です。",
        )
    low = needed.rows if needed.low is None else needed.low
    high_en, high_ja = (f"beyond {limit}", f"{limit} 超") if needed.high is None else (f"{needed.high:,}",) * 2
    return (
        f"For {margin} more than at {largest} rows it takes about {needed.rows:,} rows [{low:,}, {high_en}].",
        f"{largest} 件のときより {margin} 改善するには、およそ {needed.rows:,} 件 [{low:,}, {high_ja}] が必要です。",
    )


def _enough(told: Told) -> tuple[str, str]:
    """Say whether it is enough: whether the last doubling surely gained less than a point, or surely more."""
    assert told.small is not None
    assert told.plateau is not None
    percent, rest = f"{told.small:.0%}", f"{told.plateau:.0%}"
    ends_en = f"that all further rows together bring less than a point: {rest}"
    ends_ja = f"今後どれだけ増やしても合計で 1 ポイントに満たない確率は {rest} です"
    if told.small >= SURE:
        return (
            f"Enough: the last doubling gained less than a point with a probability of {percent} ({ends_en}).",
            f"件数は十分です。直近の倍増による改善が 1 ポイント未満だった確率は {percent} です（{ends_ja}）。",
        )
    if told.small <= 1 - SURE:
        return (
            f"Not enough yet: the last doubling gained less than a point with a probability of only {percent} ({ends_en}).",
            f"件数はまだ足りません。直近の倍増による改善が 1 ポイント未満だった確率は {percent} にとどまります（{ends_ja}）。",
        )
    return (
        f"Whether it is enough is open: the last doubling gained less than a point with a probability of {percent} ({ends_en}).",
        f"件数が十分かどうかは未確定です。直近の倍増による改善が 1 ポイント未満だった確率は {percent} です（{ends_ja}）。",
    )


def _value(one: Predicted) -> str:
    return f"{one.value:.3f} [{one.low:.3f}, {one.high:.3f}]"


def notes(told: Sequence[Told], level: float) -> Iterator[tuple[str, str]]:
    """Yield what the answer rests on, and what it leaves out."""
    fitted = [one for one in told if one.largest is not None]
    if fitted:
        yield (
            f"Intervals hold {level:.0%} of the posterior of two laws, a power of the rows and a power of their logarithm, each for itself; the "
            "errors of all sizes on the same test rows are counted together. Nothing is said beyond four times the largest size. Simulated where "
            "the truth is known, they hold it about as often as they say (docs/how-much.md).",
            f"区間は、件数のべき乗と件数の対数のべき乗という 2 つの法則の事後分布の {level:.0%} を個別に含みます。同じテスト行で評価したことによる誤差の"
            "相関も考慮しています。最大件数の 4 倍より先については何も示しません。真の値がわかっているシミュレーションでは、ほぼ表示どおりの割合で真の値を"
            "含みました（docs/how-much.md）。",
        )
    if any(one.curve.n_seeds < 2 for one in fitted):
        yield (
            "Some size has one seed, so how much trainings differ is taken from the other sizes and from what is usual, not measured there.",
            "シードが 1 つだけの件数があるため、学習ごとのばらつきは、そこでは測定値ではなく、ほかの件数と一般的な値から見積もっています。",
        )
    if any(one.curve.seeds_share_rows for one in fitted):
        yield (
            "Seeds of a size were trained on the very same rows: how much other rows would change is in no interval. `train: {sample: seeded}` draws "
            "rows anew for every seed.",
            "同じ件数のシードがすべて同じ行で学習しているため、別の行を選んだ場合の変動はどの区間にも含まれません。`train: {sample: seeded}` とすると、"
            "シードごとに行を選び直します。",
        )
    left_out = sum(one.curve.n_left_out for one in told)
    if left_out:
        yield (
            f"{left_out} training(s) are left out: a test set or prompt of theirs is missing.",
            f"テストセットまたはプロンプトの結果が欠けている学習 {left_out} 回分を除いています。",
        )
