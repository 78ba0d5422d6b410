"""The main paper's five tasks with its two prompt sets.

p1 asks with headers and is what the paper trains and tests with; p2 asks in plain English and served
its cross-task check. White space matters: p2 of `inference` ends in a space, and p2 puts none after
its colons. Source: Yang et al. (2024), arXiv 2403.09162, section 3 and the released prompt file.
"""

from __future__ import annotations

from hanka.metrics import DEFAULT_METRICS
from hanka.tasks.base import Task

REFERENCE = "Yang et al. 2024, arXiv 2403.09162, sec. 3"
SUMMARY = Task(
    name="summary",
    kind="generation",
    prompts={
        "p1": "### Input:\n{input}\n### Summary:",
        "p2": "Please read the following text:{input}\nProvide a summary:",
    },
    metrics=DEFAULT_METRICS["generation"],
    description="summarise a text",
    reference=REFERENCE,
)

QUESTION = Task(
    name="question",
    kind="generation",
    prompts={
        "p1": "### Input:\n{input}\n### Answer:\n{answer}\n### Question:",
        "p2": "Given the context:{input}\nAnd the answer:{answer}\nGenerate a suitable question:",
    },
    metrics=DEFAULT_METRICS["generation"],
    description="ask the question that a text and an answer belong to",
    reference=REFERENCE,
)

SENTIMENT = Task(
    name="sentiment",
    kind="classification",
    prompts={
        "p1": "### Input:\n{input}\n### Sentiment:",
        "p2": "Analyze the sentiment of the following text:{input}\nSentiment:",
    },
    metrics=DEFAULT_METRICS["classification"],
    labels=("positive", "negative"),
    description="positive or negative",
    reference=REFERENCE,
)

INFERENCE = Task(
    name="inference",
    kind="classification",
    prompts={
        "p1": "### Input_1:\n{input_1}\n### Input_2:\n{input_2}\n### Inference:",
        "p2": "Consider the following texts: Text 1:{input_1}\nText 2:{input_2}\nThe relation is ",
    },
    metrics=DEFAULT_METRICS["classification"],
    labels=("entailment", "neutral", "contradiction"),
    description="natural-language inference: does the second text follow from the first?",
    reference=REFERENCE,
)

DETECTION = Task(
    name="detection",
    kind="classification",
    prompts={
        "p1": "### Input_1:\n{input_1}\n### Input_2:\n{input_2}\n### Paraphrase Classification:",
        "p2": "Let's compare the two sentences: Sentence_1:{input_1}\nSentence_2:{input_2}\nAre they paraphrasing?:",
    },
    metrics=DEFAULT_METRICS["classification"],
    labels=("yes", "no"),
    description="do two sentences mean the same?",
    reference=REFERENCE,
)
