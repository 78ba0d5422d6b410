"""Questions: what a run answers beyond its tables. One line per entry.

evidence → **questions** → findings.json["answers"] → one section of the report.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hanka.analysis.questions.contract import Answer, Column, Curve, Measured, Note, Point, Question
from hanka.registry import Registry

if TYPE_CHECKING:
    from hanka.analysis.evidence import Evidence

QUESTIONS: Registry[Question] = Registry(
    "question",
    {
        "tradeoff": "hanka.analysis.questions.tradeoff:TRADEOFF",
        "retention": "hanka.analysis.questions.retention:RETENTION",
        "confusion": "hanka.analysis.questions.confusion:CONFUSION",
        "slices": "hanka.analysis.questions.slices:SLICES",
        "shots_or_rows": "hanka.analysis.questions.shots_or_rows:SHOTS_OR_ROWS",
        "gap_closed": "hanka.analysis.questions.gap_closed:GAP_CLOSED",
        "seven_claims": "hanka.analysis.questions.seven_claims:SEVEN_CLAIMS",
        "expense": "hanka.analysis.questions.expense:EXPENSE",
        "amounts": "hanka.analysis.questions.amounts:AMOUNTS",
        "guardrails": "hanka.analysis.questions.guardrails:GUARDRAILS",
        "how_much": "hanka.analysis.questions.how_much:HOW_MUCH",
        "scale": "hanka.analysis.questions.scale:SCALE",
        "emergence": "hanka.analysis.questions.emergence:EMERGENCE",
        "distillation": "hanka.analysis.questions.distillation:DISTILLATION",
        "transfer_gain": "hanka.analysis.questions.transfer_gain:TRANSFER_GAIN",
        "robustness": "hanka.analysis.questions.robustness:ROBUSTNESS",
        "intruders": "hanka.analysis.questions.intruders:INTRUDERS",
        "levels": "hanka.analysis.questions.levels:LEVELS",
        "cocktail": "hanka.analysis.questions.cocktail:COCKTAIL",
        "generalist": "hanka.analysis.questions.generalist:GENERALIST",
    },
)


def answer_all(evidence: Evidence) -> dict[str, Any]:
    """Ask every question; return name → answer as JSON, without those that do not apply to the run."""
    answers = {question.name: (question, question.ask(evidence)) for question in QUESTIONS}
    return {
        name: {"version": question.version, "reference": question.reference, "description": question.description}
        | answer.as_json()
        for name, (question, answer) in answers.items()
        if answer is not None
    }


__all__ = ["QUESTIONS", "Answer", "Column", "Curve", "Measured", "Note", "Point", "Question", "answer_all"]
