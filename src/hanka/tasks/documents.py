"""Three tasks about documents: answer a question from memory, answer it with the document at hand, ask a question.

`closed-book` is `reading` without the document: with a document inserted before it (contexts `open_book` and `retrieve`, or what a
teacher is shown) its p1 is letter for letter that of `reading`.
Source of task and metrics: Rajpurkar et al. (2016), SQuAD, arXiv 1606.05250; the wording is hanka's own, so numbers do not compare
with those of other prompts.
"""

from __future__ import annotations

from hanka.tasks.base import Task

REFERENCE = "Rajpurkar et al. (2016), arXiv 1606.05250"
LINE = ("\n",)
"A written answer, or a question, is one line."
METRICS = ("token_f1", "exact_match", "rouge_l", "length_ratio", "distinct_share", "label_share", "cap_hits")

CLOSED_BOOK = Task(
    name="closed-book",
    kind="generation",
    prompts={"p1": "Question: {question}\nAnswer:", "p2": "Answer in a few words. {question}\nThe answer is:"},
    metrics=METRICS,
    stop=LINE,
    description="answer a question from memory, without the document it is about",
    reference=REFERENCE,
)

READING = Task(
    name="reading",
    kind="generation",
    prompts={
        "p1": "{document}\n\nQuestion: {question}\nAnswer:",
        "p2": "{document}\n\nAnswer in a few words. {question}\nThe answer is:",
    },
    metrics=METRICS,
    stop=LINE,
    description="answer a question with the document it is about at hand",
    reference=REFERENCE,
)

ASKING = Task(
    name="asking",
    kind="generation",
    prompts={
        "p1": "{document}\n\nA question that this text answers:",
        "p2": "Read the text and ask one question about it.\n{document}\nQuestion:",
    },
    metrics=(
        "rouge_l",
        "rouge_1",
        "rouge_2",
        "exact_match",
        "length_ratio",
        "distinct_share",
        "label_share",
        "cap_hits",
    ),
    stop=LINE,
    description="ask a question that a document answers",
    reference=REFERENCE,
)
