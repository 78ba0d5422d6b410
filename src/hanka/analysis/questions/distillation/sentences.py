"""What is said of a distillation, in English and Japanese: the teacher, the values, the differences, what was forgotten; notes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from hanka.analysis.questions.contract import Measured
from hanka.analysis.questions.distillation.arms import Arms
from hanka.analysis.questions.distillation.judged import Judged

VERDICT_EN = {
    "better": "shown to be better", "worse": "shown to be worse", "equivalent": "shown to be no different", "leaning": "not decided",
    "undecided": "not decided",
}  # fmt: skip
VERDICT_JA = {
    "better": "優れることが示されました", "worse": "劣ることが示されました", "equivalent": "差がないことが示されました",
    "leaning": "優劣は示されません", "undecided": "優劣は示されません",
}  # fmt: skip
AGAINST_EN = {
    ("student", "tuned"): "against {other}, tuned on the same pairs",
    ("student", "retrieve"): "against {other} with a document looked up",
    ("student_retrieve", "retrieve"): "with a document looked up, against {other} with one looked up",
    ("student", "start"): "against {other}, where it started",
}
AGAINST_JA = {
    ("student", "tuned"): "同じ質問と回答で学習した {other} に対して",
    ("student", "retrieve"): "文書を検索して示した {other} に対して",
    ("student_retrieve", "retrieve"): "ともに文書を検索して示したとき、{other} に対して",
    ("student", "start"): "学習前の {other} に対して",
}


@dataclass(frozen=True, slots=True, eq=False)
class Told:
    """A student with everything that is said of it."""

    arms: Arms
    "Its cells."
    judged: tuple[Judged, ...]
    "Its comparisons."
    open_book: Measured | None
    "Value of the teacher with the very document at hand."
    share: Measured | None
    "Of the gap to it that is closed; None where the gap may be nothing."

    @property
    def taught(self) -> list[Judged]:
        """Comparisons on what was taught."""
        return [one for one in self.judged if one.compared.tests[0] in {test for test, _ in self.arms.student.cells}]

    @property
    def elsewhere(self) -> list[Judged]:
        """Comparisons on other tasks."""
        return [one for one in self.judged if one not in self.taught]


def name_of(arms: Arms) -> tuple[str, str]:
    """Name a student: entry and training set."""
    return f"{arms.topic.label} on {arms.topic.dataset}", f"{arms.topic.dataset} の {arms.topic.label}"


def unfit(arms: Arms) -> tuple[str, str]:
    """Say that a student's teacher is not fit, instead of any result."""
    found, (en, ja) = arms.teacher, name_of(arms)
    beats = _difference(found["beats_rule"])
    return (
        f"{en}: teacher unfit. On {found['n']} labelled rows its teacher has a token F1 of {found['teacher']:.3f} with the document, and a "
        f"rule that reads {found['rule']:.3f} (difference {beats}): it is not shown to beat the rule, so no result of this arm is told.",
        f"{ja}：教師として不適格です。正解付きの {found['n']} 件で、文書を示した教師の単語 F1 は {found['teacher']:.3f}、規則による抜き出しは "
        f"{found['rule']:.3f}（差 {beats}）で、規則を上回ることが示されないため、この条件の結果は示しません。",
    )


def sentence(told: Told) -> tuple[str, str]:
    """Say in both languages what distilling gave: the teacher, each comparison, the share of the gap, what was forgotten."""
    en, ja = name_of(told.arms)
    if not told.taught:
        return (
            f"{en}: nothing it could be compared with was asked the same questions, so nothing can be said.",
            f"{ja}：同じ質問に答えた比較対象がないため、何も言えません。",
        )
    parts = [_teacher(told), *(_pair(one) for one in told.taught if _key(one) in AGAINST_EN), _share(told)]
    parts += [_forgot(one) for one in told.elsewhere if one.compared.second == "tuned"]
    said = [one for one in parts if one is not None]
    return f"{en}: " + " ".join(one for one, _ in said), f"{ja}：" + "".join(one for _, one in said)


def _key(one: Judged) -> tuple[str, str]:
    return one.compared.first, one.compared.second


def _teacher(told: Told) -> tuple[str, str] | None:
    """Say what the document gives the teacher, and warn where that is not shown to be anything."""
    found = told.arms.teacher
    if not found:
        return None
    gives = _difference(found["gives"])
    helps_en = (
        "" if found["document_helps"] else ", which is not shown to be above 0, so there may be nothing to distil"
    )
    helps_ja = (
        "" if found["document_helps"] else "で、0 を上回ることが示されないため、蒸留するものがない可能性があります"
    )
    return (
        f"The document gives its teacher {gives} token F1 on {found['n']} labelled rows{helps_en}.",
        f"正解付きの {found['n']} 件で、文書が教師の単語 F1 に与える差は {gives} {helps_ja or 'です'}。",
    )


def _pair(one: Judged) -> tuple[str, str]:
    metric = one.compared.metric
    other, key = one.compared.sides[1].label, _key(one)
    difference = f"{one.difference.value:+.3f}{_ends(one.difference)} (n = {one.difference.n})"
    values = " − ".join("?" if value is None else f"{value.value:.3f}" for value in one.values)
    return (
        f"{_first_up(AGAINST_EN[key].format(other=other))}: "
        f"{metric.display} {values} = {difference}, {VERDICT_EN[one.verdict]}.",
        f"{AGAINST_JA[key].format(other=other)}、{metric.display_ja or metric.display} は {values} = {difference} で、"
        f"{VERDICT_JA[one.verdict]}。",
    )


def _first_up(text: str) -> str:
    return text[:1].upper() + text[1:]


def _share(told: Told) -> tuple[str, str] | None:
    top = told.open_book
    if top is None:
        return (
            "The teacher was not asked with the document at hand, so the share of the gap that is closed is not known.",
            "文書を示した教師に質問していないため、縮まった割合は求められません。",
        )
    bound = f"{top.value:.3f}{_ends(top, sign='')}"
    if told.share is None or told.share.low is None or told.share.high is None:
        return (
            f"With the very document at hand the teacher has {bound}; the gap to it is not shown to differ from 0, so no share of it can be stated.",
            f"該当する文書を示した教師は {bound} ですが、そこまでの差が 0 と区別できないため、縮まった割合は示せません。",
        )
    share = (
        f"{100 * told.share.value:.0f} % [{100 * told.share.low:.0f}, {100 * told.share.high:.0f}] (n = {told.share.n})"
    )
    return (
        f"With the very document at hand the teacher has {bound}; {share} of the gap to it is closed.",
        f"該当する文書を示した教師は {bound} で、そこまでの差のうち縮まった割合は {share} です。",
    )


def _forgot(one: Judged) -> tuple[str, str]:
    metric, other = one.compared.metric, one.compared.sides[1].label
    tests = " + ".join(one.compared.tests)
    difference = f"{one.difference.value:+.3f}{_ends(one.difference)} (n = {one.difference.n})"
    return (
        f"On {tests} ({metric.display}) it differs from {other} by {difference}, {VERDICT_EN[one.verdict]}.",
        f"{tests}（{metric.display_ja or metric.display}）での {other} との差は {difference} で、{VERDICT_JA[one.verdict]}。",
    )


def notes(told: Sequence[Told], level: float, share_level: float, n_shares: int) -> Iterator[tuple[str, str]]:
    """Say what the answer rests on: the family, the shares, the pairs that were left out, the seeds."""
    n = sum(len(one.judged) for one in told)
    if n:
        yield (
            f"The {n} differences are one family: their {100 * level:.4g} % intervals hold together.",
            f"{n} 個の差は 1 つの族として扱い、{100 * level:.4g} % 区間は同時に成り立ちます。",
        )
    if n_shares:
        yield (
            f"Shares have Fieller's interval at {100 * share_level:.4g} % each, so that {n_shares} of them hold together.",
            f"割合の区間は Fieller の方法によるもので、{n_shares} 個が同時に成り立つよう、それぞれ {100 * share_level:.4g} % としました。",
        )
    for one in told:
        yield from _made(one.arms)
    if any(pair.compared.contrast.n_seeds == 1 for one in told for pair in one.judged):
        yield (
            "One training seed: this is about these checkpoints, not about the methods.",
            "学習シードは 1 つだけです。手法についてではなく、このチェックポイントについての結果です。",
        )


def _made(arms: Arms) -> Iterator[tuple[str, str]]:
    """Say what became of the questions that were asked for."""
    if "kept" not in arms.told:
        return
    en, ja = name_of(arms)
    left = ", ".join(f"{count} {reason}" for reason, count in arms.told.get("left_out", {}).items())
    left_ja = "、".join(
        f"{LEFT_OUT_JA.get(reason, reason)} {count} 件" for reason, count in arms.told.get("left_out", {}).items()
    )
    yield (
        f"{en}: {arms.told['kept']} of {arms.told['asked']} pairs on {arms.told['documents_with_rows']} of {arms.told['documents']} documents came "
        f"out{'; left out on the way: ' + left if left else ''}.",
        f"{ja}：{arms.told['documents']} 文書のうち {arms.told['documents_with_rows']} 文書について、{arms.told['asked']} 組中 {arms.told['kept']} 組が"
        f"得られました{'（除いたもの：' + left_ja + '）' if left_ja else ''}。",
    )


LEFT_OUT_JA = {
    "question failed": "質問の生成に失敗",
    "no question": "質問になっていない",
    "question asked before": "質問の重複",
    "answer failed": "回答の生成に失敗",
    "empty answer": "空の回答",
    "answer not finished": "途中で切れた回答",
}
"Why a pair is left out (`recipes/questions/make.py`)."


def _difference(one: object) -> str:
    """Write a stored difference."""
    assert isinstance(one, dict)
    ends = "" if one["low"] is None else f" [{one['low']:+.3f}, {one['high']:+.3f}]"
    return f"{one['value']:+.3f}{ends}"


def _ends(one: Measured, sign: str = "+") -> str:
    return "" if one.low is None or one.high is None else f" [{one.low:{sign}.3f}, {one.high:{sign}.3f}]"
