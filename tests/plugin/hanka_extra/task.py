"""Task `equation`: is a sum right? Two labels, judged by the mean of both recalls, since most sums of a sheet are right."""

from __future__ import annotations

from hanka.tasks.base import Task

EQUATION = Task(
    name="equation",
    kind="classification",
    prompts={"p1": "{input}\nRight?", "p2": "Is it true that {input}? Answer yes or no:"},
    metrics=("balanced_accuracy", "accuracy"),
    labels=("yes", "no"),
    description="is a sum right?",
    reference="arithmetic as a test of language models: Saxton et al. 2019, arXiv 1904.01557",
    version=1,
)
