"""What is said of transfer, in English and Japanese: the share that carries over by variant and relation, or why none is stated; notes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from hanka.analysis.questions.contract import Measured
from hanka.analysis.questions.transfer_gain.gains import Asked, Transfer, transfer_share
from hanka.analysis.together import Difference
from hanka.stats import Interval

SAID = 8
"Transfers that sentences tell; the others follow from the table."
RELATION_EN = {"in_domain": "in domain", "out_of_domain": "out of domain"}
RELATION_JA = {"in_domain": "ドメイン内", "out_of_domain": "ドメイン外"}


class Share(NamedTuple):
    """What carries over, with its interval."""

    transfer: Transfer
    "The gains."
    ends: Interval | None
    "Simultaneous; None where the targets' own gain may be nothing."


def none_said() -> tuple[str, str]:
    """Say that no target was tuned on itself."""
    return (
        "No share of a gain that carries over can be stated: of no data set that a variant was tested on and not trained on is there a variant "
        "that was. Train the entry on the targets, too (`on: [SOURCE, TARGET]`).",
        "転移した改善の割合は示せません。学習に使っていないテスト対象のデータセットについて、それ自体で学習したモデルがないためです。対象のデータでも学習して"
        "ください（`on: [学習元, 対象]`）。",
    )


def sentences(shares: Sequence[Share], level: float) -> tuple[str, str]:
    """Say of each variant and relation what carries over. level: of the intervals of gains, each for itself."""
    several = len({one.transfer.asked[0].variant["base"] for one in shares}) > 1
    said = [_sentence(one, level, several) for one in shares[:SAID]]
    more = len(shares) - len(said)
    return (
        "\n".join(en for en, _ in said) + (f"\nOf {more} more, the gains are in the table." if more else ""),
        "\n".join(ja for _, ja in said) + (f"\nほか {more} 件の改善は表にあります。" if more else ""),
    )


def _sentence(share: Share, level: float, several: bool) -> tuple[str, str]:
    one, own = share.transfer.asked, share.transfer.own
    first = one[0]
    label, source, targets = (
        first.variant["label"],
        first.variant["train_dataset"],
        " + ".join(each.test for each in one),
    )
    teachers = " + ".join(dict.fromkeys(f"{each.variant['label']}" for each in own))
    en_metric, ja_metric = first.metric.display, first.metric.display_ja or first.metric.display
    top, bottom = (_difference(one, level) for one in share.transfer.gains)
    base = first.variant["base"]
    en = (f"{base}: " if several else "") + (
        f"{label} on {source}, {RELATION_EN[first.relation]} ({targets}; {en_metric}): gains {top}; {teachers}, tuned on the targets themselves, "
        f"gains {bottom}. "
    )
    ja = (f"{base}：" if several else "") + (
        f"{source} で学習した {label}、{RELATION_JA[first.relation]}（{targets}、{ja_metric}）：改善は {top}、対象自体で学習した {teachers} の"
        f"改善は {bottom} です。"
    )
    if share.transfer.is_flat:
        return (
            en + "No row tells it from the base, so no share is stated.",
            ja + "ベースと異なる行がないため、割合は示しません。",
        )
    found = _measured(share)
    if found is None or found.low is None or found.high is None:
        return (
            en + "The latter is not shown to differ from zero, so no share of it is stated.",
            ja + "後者は 0 と区別できないため、割合は示しません。",
        )
    ends = f"{found.value:.2f} [{found.low:.2f}, {found.high:.2f}] (n = {found.n})"
    return en + f"The share that carries over is {ends}.", ja + f"転移した割合は {ends} です。"


def _measured(share: Share) -> Measured | None:
    if share.ends is None:
        return None
    top, bottom = share.transfer.gains
    value = transfer_share([top.value], [bottom.value])
    return Measured(value, share.ends.low, share.ends.high, min(top.n, bottom.n))


def _difference(one: Difference, level: float) -> str:
    low, high = one.interval(level)
    return f"{one.value:+.3f} [{low:+.3f}, {high:+.3f}] (n = {one.n})"


def notes(level: float, asked: Sequence[Asked], without: Sequence[Asked], bounded: int) -> Iterator[tuple[str, str]]:
    """Yield what the answer rests on."""
    yield (
        f"Intervals ({level:.0%}) of gains in the table hold together and decide the verdicts; those of gains in sentences are each for itself, those "
        f"of the {bounded} shares are Fieller's and hold together (Bonferroni). They are over test rows: one training stands behind each variant.",
        f"表の改善の区間（{level:.0%}）は同時に成り立ち、判定の根拠になります。文中の改善の区間は個々の値に対するもので、{bounded} 個の割合の区間は Fieller の"
        "方法によるもので同時に成り立ちます（ボンフェローニ）。いずれもテスト行に関する区間で、各モデルの学習は 1 回です。",
    )
    chosen = [one for one in asked if len(one.cells) > 1]
    if any(one.choice.by_validation for one in chosen):
        yield (
            "The prompt of each variant and test set is the best one on rows to validate on; no test row chose it. The spread is the standard deviation "
            "over all prompts; its interval is over rows, which alone make it larger than 0.",
            "プロンプトは、モデルとテストセットの組ごとに、検証用の行で最も良いものです。テスト行では選んでいません。ばらつきは全プロンプトにわたる標準偏差で、"
            "区間は行に関するものです。行の偶然だけでも 0 より大きくなります。",
        )
    n_first = sum(1 for one in chosen if not one.choice.by_validation)
    if n_first:
        yield (
            f"Of {n_first} variant(s) on a test set, no rows to validate on were asked in every prompt, so the first prompt stands: write "
            "`eval: {validation: true}` to choose.",
            f"{n_first} 件では、すべてのプロンプトで検証用の行に質問していないため、最初のプロンプトの値です。選ぶには `eval: {{validation: true}}` と書いてください。",
        )
    if without:
        names = ", ".join(dict.fromkeys(one.test for one in without))
        yield (
            f"Nobody was tuned on {names} with the same base and seed, so it counts in no share.",
            f"{names} 自体で学習した同じベースモデル・シードのモデルがないため、割合には含めていません。",
        )
    unread = sum(int(cell.record.get("n_unparsed", 0)) for one in asked for cell in one.cells)
    n = sum(cell.n_asked for one in asked for cell in one.cells)
    if unread:
        yield (
            f"{unread:,} of {n:,} answers were no label: wrong for accuracy, no positive answer for F1, and counted here.",
            f"{n:,} 件の回答のうち {unread:,} 件はラベルとして読み取れませんでした。正解率では誤り、F1 では正例の回答なしとして数えています。",
        )
    yield (
        "Answers per second are of this machine, whole test sets at once, all prompts together.",
        "1 秒あたりの回答数は、このマシンでテストセット全体をまとめて処理した値で、全プロンプトを合わせたものです。",
    )
