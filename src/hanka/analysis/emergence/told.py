"""A prediction as an answer: sentences in two languages, a row for every fit, notes; never a point without its interval.

Says first where few-shot performance is predicted to leave its base and where it does, then how far that is in compute, then by how much it
moves with the range of losses and sizes, then how wrong the law was on what was held out. What has not converged is said, not shown.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from hanka.analysis.emergence.drawn import curves
from hanka.analysis.emergence.predicted import Predicted
from hanka.analysis.questions.contract import Answer, Column, Entry, Measured, Note
from hanka.stats.emergence import Ahead, Outcome

COLUMNS = (
    Column("emergence_fit", "emergence"), Column("emergence_points", "count"), Column("emergence_models", "count"),
    Column("emergence_sizes", "count"), Column("emergence_losses"), Column("emergence_elbow", "value"),
    Column("emergence_likeliest", "value"), Column("emergence_resampled", "value"), Column("emergence_slope", "value"),
    Column("emergence_base", "value"), Column("emergence_residual", "value"), Column("emergence_shift", "value"),
    Column("emergence_why", "emergence"),
)  # fmt: skip
FROM_PRIOR = 0.05
"Share of draws at the prior's bounds from which on an interval is said to be the prior's."
FORM = "power"
"The fit in the other form of the law."
NO_BOOTSTRAP = ("no interval by the bootstrap", "ブートストラップ区間なし")
Said = tuple[str, str]


class Topic(NamedTuple):
    """What was measured, in both languages."""

    en: str
    "Such as: accuracy on tweets, sft on tweets."
    ja: str
    "The same in Japanese."


def answer_of(found: Predicted, topic: Topic) -> Answer:
    """Return all that is said of a prediction."""
    said = [_place(found, topic), *_never(found), *_held(found), *_compute(found), *_ranges(found), *_misses(found)]
    notes = list(_notes(found))
    return Answer(
        "\n".join(en for en, _ in said),
        "\n".join(ja for _, ja in said),
        COLUMNS,
        tuple(_row(one, found) for one in (*found.fits, *((found.few_shot,) if found.few_shot else ()))),
        curves(found, (topic.en, topic.ja)),
        tuple(Note(en, ja) for en, ja in notes),
    )


def unit_of(found: Predicted) -> Said:
    """Name the unit of losses."""
    return ("nats", "ナット") if found.asked.unit == "nats" else ("bits per byte", "ビット/バイト")


def _place(found: Predicted, topic: Topic) -> Said:
    """Say where performance leaves its base, or why nothing can be said."""
    main, (unit, unit_ja) = found.main, unit_of(found)
    if main.posterior is None:
        return (
            f"{topic.en}: no prediction. {_why(main, ja=False)}.",
            f"{topic.ja}：予測はできません。{_why(main, ja=True)}。",
        )
    place, again = _ends(main, found.asked.level), _again(main, found.asked.level)
    points, models, sizes = len(main.found), main.found.n_models, len(main.found.sizes)
    level = f"{found.asked.level:.0%}"
    if main.found.is_clustered and again[0] != NO_BOOTSTRAP[0]:
        return (
            f"{topic.en}: few-shot performance leaves its base at a pretraining loss of {_placed(main, found.asked.level)} {unit} ({level} by "
            f"the bootstrap over {models} models, whose values go together; n = {points}; posterior as if they did not: {place}).",
            f"{topic.ja}：例示つきの成績がベースラインから立ち上がる事前学習損失は {_placed(main, found.asked.level)} {unit_ja}（モデル {models} 個単位の"
            f"ブートストラップの {level} 区間、同じモデルの値は一緒に動くため。n = {points}、独立とみなした事後分布では {place}）です。",
        )
    if not found.is_law:
        return (
            f"{topic.en}: few-shot performance leaves its base at a pretraining loss of {place} {unit} ({level}, n = {points} values of "
            f"{models} models; {again[0]}).",
            f"{topic.ja}：例示つきの成績がベースラインから立ち上がる事前学習損失は {place} {unit_ja}（{level} 区間、n = {points}、モデル {models} 個、"
            f"{again[1]}）です。",
        )
    return (
        f"{topic.en}: few-shot performance (the law at {found.asked.low_data} rows) is predicted to leave its base at a pretraining loss of "
        f"{place} {unit} ({level} of the posterior, n = {points} values of {models} models after fine-tuning on {sizes} sizes; {again[0]}).",
        f"{topic.ja}：例示つきの成績（則の {found.asked.low_data} 件での値）がベースラインから立ち上がる事前学習損失の予測は {place} {unit_ja}（事後分布の "
        f"{level} 区間、n = {points}、モデル {models} 個、ファインチューニング {sizes} サイズ、{again[1]}）です。",
    )


def _never(found: Predicted) -> Iterator[Said]:
    """Say in how much of the posterior no loss is low enough, where its interval holds that."""
    posterior = found.main.posterior
    if posterior is None or posterior.interval(found.asked.level).low > 0:
        return
    yield (
        f"The interval reaches a loss of 0: in {posterior.never:.0%} of the posterior it never leaves its base, whatever the loss.",
        f"区間は損失 0 に達しています。事後分布の {posterior.never:.0%} では、損失がどれだけ下がっても立ち上がりません。",
    )


def _ends(one: Outcome, level: float) -> str:
    assert one.posterior is not None
    low, high = one.posterior.interval(level)
    return f"{one.posterior.middle:.3f} [{low:.3f}, {high:.3f}]"


def _placed(one: Outcome, level: float) -> str:
    """Write an elbow with the interval that its values bear."""
    found = one.place(level)
    assert found is not None
    return f"{found[0]:.3f} [{found[1].low:.3f}, {found[1].high:.3f}]"


def _again(one: Outcome, level: float) -> Said:
    ends = one.bootstrap.interval(level) if one.bootstrap is not None else None
    if ends is None:
        return NO_BOOTSTRAP
    return (
        f"bootstrap over models [{ends.low:.3f}, {ends.high:.3f}]",
        f"モデル単位のブートストラップ [{ends.low:.3f}, {ends.high:.3f}]",
    )


REASONS = (
    ("performance is not shown to leave its base", "not_left", "成績がベースラインから立ち上がっているとは言えません"),
    ("the posterior has not converged", "unconverged", "事後分布が収束していません"),
    (
        "fine-tuning sizes: the law needs",
        "sizes",
        "ファインチューニングのサイズが 3 種類より少なく、則を決められません",
    ),
    ("models of different loss", "models", "損失の異なるモデルが 4 個より少なく、則を決められません"),
    ("low-data limit", "low_data", "低データ極限 D0 が則の範囲の外にあります"),
    ("", "other", "則を当てはめられませんでした"),
)
"Sign of a reason in what a fit says of itself, its word in the table (`emergence_why_…`), and a sentence in Japanese."


def _why(one: Outcome, ja: bool) -> str:
    return _reason(one)[2] if ja else one.why[:1].upper() + one.why[1:]


def _reason(one: Outcome) -> tuple[str, str, str]:
    return next(reason for reason in REASONS if reason[0] in one.why)


def _held(found: Predicted) -> Iterator[Said]:
    """Say where few-shot performance was measured to leave its base, and how far off the law is."""
    few, (unit, unit_ja) = found.few_shot, unit_of(found)
    if few is None:
        return
    if few.is_flat:
        yield (
            f"Few-shot performance of the {few.found.n_models} models is not shown to have left its base (n = {len(few.found)}), so the "
            f"prediction is still ahead and nothing can be held against it.",
            f"測定した {few.found.n_models} 個のモデルの 例示つきの成績はまだ立ち上がったと言えず（n = {len(few.found)}）、予測の当否は確かめられません。",
        )
    elif few.posterior is None:
        yield (
            f"The few-shot curve has no answer to hold the prediction against: {few.why}.",
            f"予測と比べる例示つきの曲線からは答えが得られません。{_why(few, ja=True)}。",
        )
    elif not found.is_law:
        yield (
            f"Fitted to all models, held-out ones among them, it lies at {_placed(few, found.asked.level)} {unit} (n = {len(few.found)}).",
            f"当てはめに使わなかったモデルも含めた全モデルでは {_placed(few, found.asked.level)} {unit_ja}（n = {len(few.found)}）です。",
        )
    elif found.error is not None:
        off, ends = found.error, _ends(few, found.asked.level)
        signed = f"{off.value:+.3f} [{off.low:+.3f}, {off.high:+.3f}]"
        is_wrong = not off.low <= 0 <= off.high
        yield (
            f"All models measured, it leaves its base at {ends} {unit} (n = {len(few.found)}): the prediction is off by {signed} {unit}"
            f"{', so the law is shown to be wrong here' if is_wrong else ', which does not show the law to be wrong'}.",
            f"全モデルで測ると立ち上がりは {ends} {unit_ja}（n = {len(few.found)}）です。予測の誤差は {signed} {unit_ja}で、"
            f"{'則はここでは外れています' if is_wrong else '則が外れているとは言えません'}。",
        )


def _compute(found: Predicted) -> Iterator[Said]:
    if found.ahead is None:
        return
    middle, least, most = found.ahead
    posterior = found.main.posterior
    if (middle.is_least and middle.times <= 1) or (posterior is not None and posterior.middle <= 0):
        yield (
            "No model measured here reaches that loss, so how much more training compute it takes is not known.",
            "ここで測定したモデルはその損失に届いておらず、学習計算量があとどれだけ必要かは分かりません。",
        )
        return
    yield (
        f"That is {_times(middle)} times the training compute (6 · parameters · tokens) of the best model fitted, {_times(least)} to "
        f"{_times(most)} times at the ends of the interval.",
        f"当てはめに使った最良のモデルの学習計算量（6 × パラメータ数 × トークン数）の {_times_ja(middle)}、区間の両端では {_times_ja(least)}から "
        f"{_times_ja(most)}にあたります。",
    )


def _times(one: Ahead) -> str:
    return f"more than {one.times:.2g}" if one.is_least else f"{one.times:.2g}"


def _times_ja(one: Ahead) -> str:
    return f"{one.times:.2g} 倍以上" if one.is_least else f"{one.times:.2g} 倍"


def _ranges(found: Predicted) -> Iterator[Said]:
    """Say by how much the place moves with what it was fitted to, and with the form of the law."""
    rest, (unit, unit_ja) = [one for one in found.fits[1:] if one.name != FORM], unit_of(found)
    made = [place for one in rest if (place := one.place(found.asked.level)) is not None]
    failed = len(rest) - len(made)
    if not rest:
        yield (
            "Too few models and sizes to fit parts of them: how much it depends on their range is not known.",
            "モデルやサイズが少なく一部だけの当てはめができないため、損失の範囲への依存は分かりません。",
        )
    elif not made:
        yield (
            f"None of the {failed} fits to parts of the values has an answer: it rests on all of them.",
            f"一部の値だけの当てはめ {failed} 通りからは答えが得られず、予測はすべての値に依存しています。",
        )
    else:
        low, high = min(ends.low for _, ends in made), max(ends.high for _, ends in made)
        least, most = min(middle for middle, _ in made), max(middle for middle, _ in made)
        more = (f"; {failed} more have no answer", f"。ほかに {failed} 通りは答えが出ません") if failed else ("", "")
        yield (
            f"Fitted to other ranges of losses and sizes, it lies between {least:.3f} and {most:.3f} {unit} ({len(made)} fits, their "
            f"intervals from {low:.3f} to {high:.3f}){more[0]}.",
            f"損失とサイズの範囲を変えると {least:.3f} から {most:.3f} {unit_ja}の間で動きます（{len(made)} 通り、区間は {low:.3f} から {high:.3f}）{more[1]}。",
        )
    other = next((one for one in found.fits[1:] if one.name == FORM and one.posterior is not None), None)
    if other is not None and other.best is not None and found.main.best is not None:
        residuals = f"{other.best.residual:.4f}", f"{found.main.best.residual:.4f}"
        yield (
            f"The plain power law E(D) = k · D^a + C puts it at {_ends(other, found.asked.level)} {unit}, with a residual of {residuals[0]} where "
            f"the log power law has {residuals[1]}.",
            f"通常のべき乗則 E(D) = k · D^a + C では {_ends(other, found.asked.level)} {unit_ja}です（残差 {residuals[0]}、対数のべき乗則は {residuals[1]}）。",
        )


def _misses(found: Predicted) -> Iterator[Said]:
    one = found.missed
    if one is None:
        return
    yield (
        f"On {one.n_models} held-out models (n = {one.n} values) the fit is off by {one.error:+.3f} on average, {one.rmse:.3f} root mean squared; "
        f"{one.covered:.0%} of the values lie within its {found.asked.level:.0%} intervals.",
        f"当てはめに使わなかった {one.n_models} 個のモデル（n = {one.n}）では、平均 {one.error:+.3f}、二乗平均平方根 {one.rmse:.3f} のずれがあり、"
        f"値の {one.covered:.0%} が {found.asked.level:.0%} 予測区間に入りました。",
    )


def _row(one: Outcome, found: Predicted) -> tuple[Entry, ...]:
    best, drawn, level = one.best, one.posterior, found.asked.level
    sizes = len(one.found.sizes) if one.found.rows.any() else 0
    losses = f"{one.found.loss.min():.3f} – {one.found.loss.max():.3f}"
    head: tuple[Entry, ...] = (one.name, len(one.found), one.found.n_models, sizes, losses)
    if best is None or drawn is None:
        return (*head, *([None] * (len(COLUMNS) - len(head) - 1)), f"why_{_reason(one)[1]}")
    ends, again = drawn.interval(level), one.bootstrap.interval(level) if one.bootstrap is not None else None
    n = len(one.found)
    elbow = Measured(drawn.middle, ends.low, ends.high, n)
    resampled = None
    if one.bootstrap is not None and again is not None:
        resampled = Measured(float(np.median(one.bootstrap.elbows)), again.low, again.high, n)
    middle, low, high = (float(one) for one in np.quantile(drawn.rises, [0.5, (1 - level) / 2, (1 + level) / 2]))
    shift = Measured(middle, low, high, n) if sizes else None
    return (
        *head, elbow, best.elbow(drawn.low_data), resampled, best.slope, best.base, best.residual, shift, "",
    )  # fmt: skip


def _notes(found: Predicted) -> Iterator[Said]:
    main = found.main
    if found.is_law:
        yield (
            "The law is reconstructed from the symbols and captions of arXiv 2411.16035: performance = A · max(0, E(D) - L) + B with "
            "E(D) = k · (log D)^a + C; its priors and optimiser are not published and are ours.",
            "則は arXiv 2411.16035 の記号と図表の説明から再構成したものです。成績 = A · max(0, E(D) - L) + B、E(D) = k · (log D)^a + C。"
            "事前分布と最適化の方法は公表されておらず、本ツールのものです。",
        )
    if main.posterior is not None and main.posterior.at_bounds >= FROM_PRIOR:
        yield (
            f"{main.posterior.at_bounds:.0%} of the draws lie at the bounds of the prior: there the interval is the prior's, not the data's.",
            f"標本の {main.posterior.at_bounds:.0%} が事前分布の境界にあります。区間のその側はデータではなく事前分布で決まっています。",
        )
    if main.posterior is not None:
        yield (
            f"Posterior by emcee: {main.posterior.times:.0f} autocorrelation times, R-hat {main.posterior.rhat:.3f}. Points of one model may "
            f"err together, which the bootstrap over models allows for and the posterior does not.",
            f"事後分布は emcee によります（自己相関時間の {main.posterior.times:.0f} 倍、R-hat {main.posterior.rhat:.3f}）。同じモデルの値は一緒にずれることがあり、"
            f"ブートストラップはこれを考慮しますが、事後分布は考慮しません。",
        )
    if any(one.is_held_out for one in found.measured):
        yield (
            "In the figure, filled marks are models that were held out, hollow ones those that were fitted; D: fine-tuning rows.",
            "図の塗りつぶした印は当てはめに使わなかったモデル、白抜きは使ったモデルです（D：ファインチューニングの行数）。",
        )
    if found.beyond:
        yield (
            f"{found.beyond} models beyond the few-shot elbow stayed in the fit, because fewer than 4 would have been left: for them this is no "
            f"prediction.",
            f"例示つきの立ち上がりを過ぎたモデル {found.beyond} 個は、除くと 4 個を下回るため当てはめに残しました。その分は予測とは言えません。",
        )
    failed = [one for one in found.fits[1:] if one.posterior is None]
    if failed:
        yield _failed(failed)


def _failed(failed: Sequence[Outcome]) -> Said:
    reasons = dict.fromkeys(one.why for one in failed)
    return (
        "Fits without an answer: " + "; ".join(reasons) + ".",
        "答えの出ない当てはめの理由：" + "、".join(dict.fromkeys(_why(one, ja=True) for one in failed)) + "。",
    )
