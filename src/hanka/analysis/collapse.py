"""Has a variant collapsed? Per cell: one answer whatever is asked, label words where text is asked, repeated text.

Between `said`, which measures the signs, and `health`. A sign counts where the test set does not call for it, and, outside the
training domain, where the base model does not show it itself: what the base already did is not the work of training.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hanka.analysis.evidence import CellEvidence, Evidence
from hanka.analysis.said import Kind
from hanka.analysis.shares import Share


@dataclass(frozen=True, slots=True)
class Collapse:
    """One sign in one cell."""

    cell: CellEvidence
    "Where."
    kind: Kind
    "Which sign."
    share: Share
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
            | self.share._asdict()
            | {"message_en": en, "message_ja": ja}
        )


def collapses(evidence: Evidence, cell: CellEvidence) -> list[Collapse]:
    """Return the signs of a cell that is done; none where it has too few rows."""
    base = evidence.base_of(cell)
    theirs = evidence.said(base).signs if base is not None and base.is_done else {}
    found = []
    for kind, (share, answer, usual, least) in evidence.said(cell).signs.items():
        if share.value < least or share.low is None or share.low <= usual:
            continue
        before = theirs[kind].share.value if kind in theirs else None
        one = Collapse(cell, kind, share, answer, usual, before, before is None or before < least)
        if one.is_inside or one.is_new:
            found.append(one)
    if any(one.kind == "label_words" for one in found):  # it says what the one answer is
        found = [one for one in found if one.kind != "one_answer"]
    return found


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
