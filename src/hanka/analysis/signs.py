"""What the numbers of one training say against it: signs that it did not train, each with its reason in two languages.

Between `health`, which reads what is stored, and findings.json. Thresholds stand here, with why. Of several signs the first of
`STATUSES` is the status of a variant.
Limits: overtraining is seen on validation rows only; a text task whose loss falls slowly and evenly, because the learning
rate is far too small, passes as fitted.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean, variance
from typing import Any, Literal, NamedTuple

from hanka.analysis.collapse import Collapse
from hanka.analysis.shares import share_of_count

Status = Literal["silent", "collapsed", "undertrained", "overtrained", "fitted"]
STATUSES: tuple[Status, ...] = ("silent", "collapsed", "undertrained", "overtrained", "fitted")
"Worst first: what the later ones would say means little under an earlier one."

FELL = 0.02
"Share by which the loss on its own rows must have fallen; less is what noise of a tenth of a nat does."
STILL_FALLING = 0.05
"Share by which the loss falls from the third to the last quarter of the steps where more steps would still help."
SURE = 2.0
"Standard errors that this fall must exceed: batches differ, and one hard batch is no trend."
FEWEST_STEPS = 8
"Steps below which a quarter has no spread of its own."
FITS = 0.9
"Accuracy on its own rows from which on a label task is fitted, whatever the loss still does."
ROSE = 1.1
"Factor by which the loss on validation rows exceeds its lowest value where training went on for too long."


class Reason(NamedTuple):
    """A sign with what it rests on."""

    status: Status
    "What it says of the training."
    en: str
    "In English."
    ja: str
    "In Japanese."


@dataclass(frozen=True, slots=True)
class Trained:
    """What a training left behind."""

    losses: Sequence[float] = ()
    "Of each optimizer step, nats per supervised token."
    validation: Sequence[tuple[int, float]] = ()
    "Step and loss on the rows to validate on."
    kept: int = 0
    "Step whose weights became the variant; 0: the last."
    fit: Mapping[tuple[str, str, str], Mapping[str, Any]] = field(default_factory=dict)
    "By rows, when and metric; see variant.json."
    change: Mapping[str, Any] = field(default_factory=dict)
    "Tensors that train, those that moved, and the largest change of what was looked at."
    log: Sequence[Mapping[str, Any]] = ()
    "Lines of train_log.jsonl."

    def value(self, rows: str, when: str, metric: str) -> float | None:
        """Return one number of the fit; None where it is not there."""
        found = self.fit.get((rows, when, metric), {}).get("value")
        return float(found) if isinstance(found, (int, float)) else None


def judge(trained: Trained, signs: Sequence[Collapse] = ()) -> list[Reason]:
    """Return everything that is wrong with a training, worst first; empty where nothing is.

    A variant that changed nothing has no other sign: what it does, the base model does. One answer that the base model gave
    already is a collapse only where own rows are fitted; else the training is too short to have changed it.
    """
    silent, undertrained = _silent(trained), _undertrained(trained)
    if silent is not None:
        return [silent]
    inside = [one for one in signs if one.is_inside and (one.is_new or undertrained is None)]
    found = [_collapsed(inside), undertrained, _overtrained(trained)]
    return [one for one in found if one is not None]


def _silent(trained: Trained) -> Reason | None:
    change = trained.change
    if not change.get("n_tensors"):
        return None
    if not change["n_moved"]:
        return Reason(
            "silent",
            f"None of its {change['n_tensors']} trained tensors moved: it is the base model. Raise the learning rate.",
            f"学習対象のテンソル {change['n_tensors']} 個がまったく動いておらず、ベースモデルのままです。学習率を上げてください。",
        )
    if change["largest_nats"] == 0 and trained.fit:
        return Reason(
            "silent",
            "Its weights moved, but not one log-likelihood of the rows looked at changed: it answers as the base model does.",
            "重みは動きましたが、確認した例の対数尤度がひとつも変わらず、ベースモデルと同じ答えを返します。",
        )
    return None


def _collapsed(signs: Sequence[Collapse]) -> Reason | None:
    """Say where it collapsed in the domain it was trained on; elsewhere that is a price, and stands in `collapses`."""
    inside = [one.as_json() for one in signs]
    if not inside:
        return None
    more = len(inside) - 1
    return Reason(
        "collapsed",
        inside[0]["message_en"] + (f" {more} more of its cells in domain are like that." if more else ""),
        inside[0]["message_ja"] + (f"ドメイン内のほか {more} セルも同様です。" if more else ""),
    )


def _undertrained(trained: Trained) -> Reason | None:
    for find in (_unlearnt_labels, _no_better_than_majority, _unmoved_text, _still_falling):
        said = find(trained)
        if said:
            return Reason("undertrained", *said)
    return None


def _unlearnt_labels(trained: Trained) -> tuple[str, str] | None:
    own = trained.fit.get(("train", "after", "accuracy"))
    if own is None or own["nats_per_row"] < own["guessing_nats"]:
        return None
    cost, even = own["nats_per_row"], own["guessing_nats"]
    return (
        f"Its own rows are not fitted: an answer costs {cost:.2f} nats after training, and guessing evenly among the labels "
        f"would cost {even:.2f}. Train longer, or with a higher learning rate.",
        f"自身の学習例に適合していません。学習後も 1 件あたり {cost:.2f} nats で、ラベルを均等に当て推量した場合の {even:.2f} nats "
        "を下回りません。エポック数か学習率を増やしてください。",
    )


def _no_better_than_majority(trained: Trained) -> tuple[str, str] | None:
    own = trained.fit.get(("train", "after", "accuracy"))
    if own is None or own["n"] < 2:
        return None
    measured = share_of_count(own["value"], own["n"])
    if (measured.low or 0.0) > own["majority"] or own["value"] == 1.0:
        return None
    return (
        f"Its own rows are not fitted: {own['value']:.0%} of {own['n']} are right, not clearly more than the "
        f"{own['majority']:.0%} that the commonest label alone would have right.",
        f"自身の学習例に適合していません。{own['n']} 件の正解率は {own['value']:.0%} で、最も多いラベルだけを答えた場合の "
        f"{own['majority']:.0%} を明確には上回りません。",
    )


def _unmoved_text(trained: Trained) -> tuple[str, str] | None:
    before, after = (trained.value("train", when, "loss") for when in ("before", "after"))
    if before is None or after is None or after < (1 - FELL) * before:
        return None
    if (trained.value("train", "after", "accuracy") or 0.0) >= FITS:
        return None
    return (
        f"Its own rows are predicted no better than before training: {before:.3f} → {after:.3f} nats per token.",
        f"自身の学習例の予測が学習前から改善していません（トークンあたり {before:.3f} → {after:.3f} nats）。",
    )


def _still_falling(trained: Trained) -> tuple[str, str] | None:
    fall = fall_at_the_end(trained.losses)
    if fall is None or (trained.value("train", "after", "accuracy") or 0.0) >= FITS:
        return None
    return (
        f"The training loss was still falling at the end, by {fall:.0%} over the last quarter of {len(trained.losses)} steps, "
        "and its own rows are not fitted: more steps would help.",
        f"学習損失は終了時点でも低下中（全 {len(trained.losses)} ステップの最後の 4 分の 1 で {fall:.0%} 減）で、自身の学習例にまだ適合して"
        "いません。ステップ数を増やす余地があります。",
    )


def fall_at_the_end(losses: Sequence[float]) -> float | None:
    """Return the share by which the loss fell from the third to the last quarter; None where that is little or unsure."""
    size = len(losses) // 4
    if len(losses) < FEWEST_STEPS:
        return None
    third, last = losses[-2 * size : -size], losses[-size:]
    before, after = fmean(third), fmean(last)
    error = math.sqrt(variance(third) / size + variance(last) / size)
    if before <= 0 or before - after <= max(STILL_FALLING * before, SURE * error):
        return None
    return (before - after) / before


def _overtrained(trained: Trained) -> Reason | None:
    """Compare the weights that became the variant with every earlier look; before training there is one, too."""
    looks = [(step, loss) for step, loss in trained.validation if not trained.kept or step <= trained.kept]
    before, after = (trained.value("validation", when, "loss") for when in ("before", "after"))
    accuracy = [trained.value("validation", when, "accuracy") for when in ("before", "after")]
    better = None not in accuracy and (accuracy[1] or 0.0) > (accuracy[0] or 0.0)
    if before is not None and after is not None and after > ROSE * before and not better:
        lowest, when_en, when_ja = before, "before training", "学習前"
    elif looks and looks[-1][1] > ROSE * min(loss for _, loss in looks):
        step, lowest = min(looks, key=lambda one: one[1])
        when_en, when_ja, after = f"after step {step}", f"ステップ {step} の時点", looks[-1][1]
    else:
        return None
    return Reason(
        "overtrained",
        f"The loss on validation rows rose to {after:.3f} nats per token, from {lowest:.3f} {when_en}. Train less, or let "
        "`checkpoints` choose by validation.",
        f"検証例の損失が{when_ja}の {lowest:.3f} nats から {after:.3f} nats へ増えています。学習を短くするか、`checkpoints` で検証に"
        "よる選択を行ってください。",
    )


def fitted(trained: Trained) -> Reason:
    """Say what speaks for a training that nothing speaks against."""
    own = trained.fit.get(("train", "after", "accuracy"))
    before, after = (trained.value("train", when, "loss") for when in ("before", "after"))
    if own is not None:
        return Reason("fitted", f"{own['value']:.0%} of {own['n']} of its own rows are right.",
                      f"自身の学習例 {own['n']} 件の正解率は {own['value']:.0%} です。")  # fmt: skip
    if before is not None and after is not None:
        return Reason("fitted", f"The loss on its own rows went from {before:.3f} to {after:.3f} nats per token.",
                      f"自身の学習例の損失は、トークンあたり {before:.3f} nats から {after:.3f} nats になりました。")  # fmt: skip
    return Reason("fitted", "No sign against it is stored.", "問題を示す記録はありません。")
