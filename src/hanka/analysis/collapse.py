"""Has a variant collapsed? Per cell: one answer whatever is asked, label words where text is asked, repeated text.

Between evidence and `health`. A sign counts where the test set does not call for it, and, outside the training domain,
where the base model does not show it itself: what the base already did is not the work of training.
Sources: label share after Yang et al. (2024), arXiv 2403.09162; repetition: seq-rep-4 of Welleck et al. (2020), arXiv 1908.04319.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from hanka.analysis.answers import Answers
from hanka.analysis.evidence import CellEvidence, Evidence
from hanka.analysis.questions.contract import Measured
from hanka.analysis.shares import share_of
from hanka.metrics import METRICS
from hanka.metrics.tokenization import is_unspaced, normalised, rouge_tokens

Kind = Literal["one_answer", "label_words", "repeated_text"]

ONE_ANSWER = 0.95
"Share of rows with the same label or number from which on a variant gives one answer: nearly all, one slip in twenty allowed."
MOST = 0.5
"Share of texts from which on a sign describes most of what a variant writes."
FEWEST = 10
"Rows below which a share this large can be chance."
REPEATED = 0.5
"Share of repeated 4-grams from which on a text repeats itself; human text has under 0.02, degenerate text above 0.4."
GRAM = 4
FEWEST_GRAMS = 8
"A shorter text has no room to repeat itself."


@dataclass(frozen=True, slots=True)
class Collapse:
    """One sign in one cell."""

    cell: CellEvidence
    "Where."
    kind: Kind
    "Which sign."
    share: Measured
    "Share of the outputs that show it."
    answer: str
    "The commonest of these outputs."
    usual: float
    "Share of the test set's rows whose reference is the commonest one; 0 for signs of text."
    base: float | None
    "Share of the base model's outputs that show it; None where there is none to compare with."
    is_new: bool = True
    "Whether the base model does not show it."

    @property
    def is_inside(self) -> bool:
        """Whether it is in the domain that was trained on."""
        return bool(self.cell.cell["relation"] == "in_domain")

    def as_json(self) -> dict[str, Any]:
        """Return it as findings.json holds it."""
        names = ("test_task", "test_dataset", "relation", "shots", "prompt")
        en, ja = _said(self)
        return (
            {"cell_id": self.cell.cell["id"]}
            | {name: self.cell.cell[name] for name in names}
            | {
                "kind": self.kind,
                "answer": self.answer[:200],
                "usual": self.usual,
                "base": self.base,
                "is_new": self.is_new,
            }
            | asdict(self.share)
            | {"message_en": en, "message_ja": ja}
        )


def collapses(evidence: Evidence, cell: CellEvidence) -> list[Collapse]:
    """Return the signs of a cell that is done; none where it has too few rows."""
    shown = _signs(evidence, cell)
    base = evidence.base_of(cell)
    theirs = _signs(evidence, base, cell) if shown and base is not None and base.is_done else {}
    found = []
    for kind, (share, answer, usual, least) in shown.items():
        if share.value < least or share.low is None or share.low <= usual:
            continue
        before = theirs[kind][0].value if kind in theirs else None
        one = Collapse(cell, kind, share, answer, usual, before, before is None or before < least)
        if one.is_inside or one.is_new:
            found.append(one)
    if any(one.kind == "label_words" for one in found):  # it says what the one answer is
        found = [one for one in found if one.kind != "one_answer"]
    return found


Sign = tuple[Measured, str, float, float]
"Share, commonest output, share of the commonest reference, share from which on it counts."


def _signs(evidence: Evidence, cell: CellEvidence, asker: CellEvidence | None = None) -> dict[Kind, Sign]:
    """Measure every sign of a cell's outputs; asker: the cell whose training labels are looked for."""
    task = evidence.task(cell.cell["test_task"])
    if task["kind"] == "likelihood":
        return {}
    is_text = task["kind"] == "generation"
    answers = evidence.answers(cell, ("targets", "answers", "texts"))
    if len(answers.places) < FEWEST:
        return {}
    texts = answers.outputs.described
    groups = answers.samples.groups_at(answers.places)
    said = [normalised(text) for text in texts]
    signs = {"one_answer": _one_answer(answers, said, groups, MOST if is_text else ONE_ANSWER, evidence.level)}
    if is_text:
        signs |= _signs_of_text(evidence, asker or cell, answers, said, groups)
    return signs  # type: ignore[return-value]


def _one_answer(answers: Answers, said: Sequence[str], groups: Sequence[str], least: float, level: float) -> Sign:
    commonest, _ = Counter(said).most_common(1)[0]
    targets = Counter(normalised(target) for target in answers.outputs.targets)
    usual = targets.most_common(1)[0][1] / len(said)
    return share_of([one == commonest for one in said], groups, level), commonest, usual, least


def _signs_of_text(
    evidence: Evidence, cell: CellEvidence, answers: Answers, said: Sequence[str], groups: Sequence[str]
) -> dict[str, Sign]:
    signs: dict[str, Sign] = {}
    context, metric = evidence.context(cell), METRICS.get("label_share")
    flags = {"repeated_text": [repetition(text) > REPEATED for text in answers.outputs.described]}
    if context.training_labels:
        flags["label_words"] = [bool(one) for one in metric.statistics(answers.outputs, context)[:, 0]]
    for kind, shown in flags.items():
        having = [text for text, is_so in zip(said, shown, strict=True) if is_so]
        commonest = Counter(having).most_common(1)[0][0] if having else ""
        signs[kind] = share_of(shown, groups, evidence.level), commonest, 0.0, MOST
    return signs


def repetition(text: str) -> float:
    """Return the share of a text's 4-grams that repeat an earlier one: of words, or of characters without spaces; 0 if short."""
    parts: Sequence[str] = "".join(text.split()) if is_unspaced(text) else rouge_tokens(text)
    grams = [tuple(parts[at : at + GRAM]) for at in range(len(parts) - GRAM + 1)]
    return 1 - len(set(grams)) / len(grams) if len(grams) >= FEWEST_GRAMS else 0.0


def _said(one: Collapse) -> tuple[str, str]:
    """Say a sign in English and Japanese."""
    n = one.share.n or 0
    count = round(one.share.value * n)
    where, shots = one.cell.cell["test_dataset"], f"{one.cell.cell['shots']}-shot"
    answer = one.answer if len(one.answer) <= 40 else one.answer[:39] + "…"
    en = {
        "one_answer": f"gives one and the same answer, “{answer}”, on {count} of {n} rows",
        "label_words": f"writes nothing but a label word of its training, mostly “{answer}”, on {count} of {n} rows where "
        "text is asked",
        "repeated_text": f"repeats itself in {count} of {n} texts",
    }[one.kind]
    ja = {
        "one_answer": f"{n} 件中 {count} 件に同じ答え「{answer}」を返します",
        "label_words": f"文章を求めた {n} 件中 {count} 件で、学習したラベル語（主に「{answer}」）だけを返します",
        "repeated_text": f"{n} 件中 {count} 件の文章で同じ語句を繰り返します",
    }[one.kind]
    beside = [(f"the commonest reference: {one.usual:.0%}", f"最も多い正解は {one.usual:.0%}")] if one.usual else []
    if one.base is not None:
        beside.append((f"the base model: {one.base:.0%}", f"ベースモデルでは {one.base:.0%}"))
    in_en, in_ja = (
        (f" ({'; '.join(en for en, _ in beside)})", f"（{'、'.join(ja for _, ja in beside)}）") if beside else ("", "")
    )
    return f"{where}, {shots}: {en}{in_en}.", f"{where}（{shots}）：{ja}{in_ja}。"
