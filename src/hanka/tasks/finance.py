"""Seven tasks on finance: headlines, sentiment of reports and of tweets, kinds of names, topics of tweets, questions on reports.

Labels are words, and the instruction lists them. Two sets bring an instruction with every row (headlines, names); it is asked as it stands.
Source: Brief et al. 2024, arXiv 2410.01109, and their repository, which train and answer in these words; the prompts here are our own.
Limits: the published answer of a question on a report may be a number or a word and is compared as text.
"""

from __future__ import annotations

from hanka.metrics import DEFAULT_METRICS
from hanka.tasks.base import Task

REFERENCE = "Brief et al. 2024, arXiv 2410.01109"
TOPICS = (
    "Analyst Update", "Fed | Central Banks", "Company | Product News", "Treasuries | Corporate Debt", "Dividend", "Earnings", "Energy | Oil",
    "Financials", "Currencies", "General News | Opinion", "Gold | Metals | Materials", "IPO", "Legal | Regulation", "M&A | Investments", "Macro",
    "Markets", "Politics", "Personnel Change", "Stock Commentary", "Stock Movement",
)  # fmt: skip
"In the order of the numbers that the set has."


def _choice(name: str, said: str, labels: tuple[str, ...], description: str) -> Task:
    return Task(
        name=name,
        kind="classification",
        prompts={
            "p1": f"### Instruction:\n{said} Answer with one of: {', '.join(labels)}.\n### Input:\n{{input}}\n### Response:"
        },
        metrics=DEFAULT_METRICS["classification"],
        labels=labels,
        description=description,
        reference=REFERENCE,
    )


def _instructed(name: str, answer: str, labels: tuple[str, ...], description: str) -> Task:
    return Task(
        name=name,
        kind="classification",
        prompts={"p1": f"### Instruction:\n{{instruction}}\n### Input:\n{{input}}\n### {answer}:"},
        metrics=DEFAULT_METRICS["classification"],
        labels=labels,
        description=description,
        reference=REFERENCE,
    )


HEADLINE = _instructed(
    "gold-headline", "Yes or No", ("Yes", "No"), "does a headline on gold say what the instruction asks?"
)
ENTITY_KIND = _instructed(
    "entity-kind", "Kind of name", ("person", "location", "organization"), "what kind of name is it?"
)
REPORT_SENTIMENT = _choice(
    "report-sentiment",
    "What is the sentiment of this financial text?",
    ("negative", "neutral", "positive"),
    "sentiment of a sentence of financial news",
)
TWEET_SENTIMENT = _choice(
    "tweet-sentiment",
    "What is the sentiment of this tweet on finance?",
    ("Bearish", "Bullish", "Neutral"),
    "sentiment of a tweet on finance",
)
TWEET_TOPIC = _choice(
    "tweet-topic", "What is the topic of this tweet on finance?", TOPICS, "topic of a tweet on finance, of twenty"
)
REPORT_QUESTION = Task(
    name="report-question",
    kind="generation",
    prompts={
        "p1": "### Instruction:\nAnswer the question on finance from its context.\n### Input:\n{input}\n### Response:"
    },
    metrics=("exact_match", "token_f1", "length_ratio", "distinct_share", "cap_hits"),
    stop=("\n",),
    description="a question on a financial report, with its text and tables",
    reference=REFERENCE,
)
FINANCE = (HEADLINE, ENTITY_KIND, REPORT_SENTIMENT, TWEET_SENTIMENT, TWEET_TOPIC, REPORT_QUESTION)
