"""Parameters of `questions`."""

from __future__ import annotations

from pydantic import Field, ValidationInfo, field_validator

from hanka.methods.contract import ParentRef
from hanka.recipes.contract import RecipeParams
from hanka.registry import Names


class QuestionsParams(RecipeParams):
    """What is asked about, who asks, who answers, and how; where the paper's value is not known to us, the default is ours."""

    of: str = Field(min_length=1)
    "Data set that the rows belong to: its task asks {question} and nothing else."
    documents: str = Field(min_length=1)
    "Data set whose training rows are the documents, such as texts (`text`)."
    asking: str = Field(min_length=1)
    "Data set of the task that questions are written by: it asks with {document} alone."
    reading: str = Field(min_length=1)
    "Data set of the task that answers are given by: it asks with {document} and {question}. People's answers to its rows to validate on judge the teacher."
    writer: ParentRef
    "Entry that writes the questions."
    teacher: ParentRef
    "Entry that answers them with the document at hand."
    temperature: float = Field(default=1.0, ge=0, allow_inf_nan=False)
    "Of the questions; 0 writes the same one every time."
    top_p: float = Field(default=0.95, gt=0, le=1)
    "Of the questions: the nucleus they are drawn from."
    answer_temperature: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    "Of the answers; 0: the most probable one."
    question_tokens: int = Field(default=32, ge=1)
    "Tokens of a question at most."
    answer_tokens: int = Field(default=24, ge=1)
    "Tokens of an answer at most; longer ones are left out, not cut."
    tries: int = Field(default=2, ge=1)
    "How often a question that is none, or there already, is asked for."
    marks: Names = ("?", "？")
    "What a question ends with."
    judged: int = Field(default=60, ge=2)
    "Labelled rows that the teacher is judged on at most."
    rehearse: Names = ()
    "Data sets whose rows are added to hold the model where it was, such as general text."
    share: float = Field(default=0.25, gt=0, le=10)
    "Rows added for every row that is asked, where `rehearse` names any; at least one."

    @field_validator("rehearse")
    @classmethod
    def _others(cls, rehearse: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        taken = {info.data.get(name) for name in ("of", "documents")} & set(rehearse)
        if taken:
            raise ValueError(f"{min(map(str, taken))} is learnt and cannot be rehearsed, too; name other data sets")
        return rehearse

    def n_added(self, asked: int) -> int:
        """Return how many rows are added where `asked` are asked."""
        return max(1, int(asked * self.share + 0.5)) if self.rehearse else 0
