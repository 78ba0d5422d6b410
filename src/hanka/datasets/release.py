"""The data sets of the main paper: names, tasks, domains and roles, shared by `paper` and `hub`.

Source: Yang et al. (2024), "Unveiling the Generalization Power of Fine-Tuned Large Language Models",
NAACL 2024, arXiv 2403.09162, Table 1. Two data sets share a domain exactly where the table calls them
in-domain to each other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hanka.datasets.base import Roles


@dataclass(frozen=True, slots=True)
class ReleaseEntry:
    """One data set as the paper uses it."""

    name: str
    "Its name in the release's files."
    title: str
    "What the paper calls it."
    task: str
    "Task name."
    domain: str
    "Equal for data sets that Table 1 treats as in-domain to each other."
    has_train: bool = False
    "Whether the paper trains on it."
    note: str = ""
    "What a reader of results must know."


UNLABELLED = "a few test rows carry the label '-' (no majority among annotators) and can never be right"
BACKWARDS = "question answering used backwards: text and answer → question"

ENTRIES: tuple[ReleaseEntry, ...] = (
    ReleaseEntry("xsum", "XSum", "summary", "bbc-news", has_train=True, note="one-sentence summaries"),
    ReleaseEntry("xlsum", "XLSum (English)", "summary", "bbc-news", note="one-sentence summaries"),
    ReleaseEntry("pdfs", "PeerRead", "summary", "paper-abstracts", note="abstract → title"),
    ReleaseEntry("cnn", "CNN/DailyMail", "summary", "cnn-news", note="several-sentence summaries"),
    ReleaseEntry("socialqa", "Social IQa", "question", "social-situations", has_train=True, note=BACKWARDS),
    ReleaseEntry("tweetqa", "TweetQA", "question", "tweets", note=BACKWARDS),
    ReleaseEntry("sciqa", "SciQ", "question", "science-exams", note=BACKWARDS),
    ReleaseEntry("amazon", "Amazon reviews", "sentiment", "amazon-reviews", has_train=True, note="binarised stars"),
    ReleaseEntry("amazonfood", "Amazon fine-food reviews", "sentiment", "amazon-reviews", note="binarised stars"),
    ReleaseEntry("sst2", "SST-2", "sentiment", "film-reviews"),
    ReleaseEntry("yelp", "Yelp reviews", "sentiment", "yelp-reviews", note="binarised at 3.5 stars"),
    ReleaseEntry("paws", "PAWS", "detection", "wikipedia-swaps", has_train=True, note="tokenised text"),
    ReleaseEntry("qqp", "Quora question pairs", "detection", "quora-questions"),
    ReleaseEntry("stsb", "STS-B", "detection", "captions-and-headlines", note="similarity binarised at 3.5"),
    ReleaseEntry("multinli", "MNLI matched", "inference", "multi-genre", has_train=True, note=UNLABELLED),
    ReleaseEntry("multinli2", "MNLI mismatched", "inference", "multi-genre", note=UNLABELLED),
    ReleaseEntry("rte", "RTE", "inference", "news-and-wikipedia", note="not_entailment is relabelled neutral"),
    ReleaseEntry("gptnli", "GPT-3 NLI", "inference", "gpt3-sentences", note="synthetic: written by GPT-3"),
)

ROLES: Mapping[str, Roles] = {
    "summary": Roles("xsum", ("xsum", "xlsum"), ("pdfs", "cnn")),
    "question": Roles("socialqa", ("socialqa",), ("tweetqa", "sciqa")),
    "sentiment": Roles("amazon", ("amazon", "amazonfood"), ("sst2", "yelp")),
    "inference": Roles("multinli", ("multinli", "multinli2"), ("rte", "gptnli")),
    "detection": Roles("paws", ("paws",), ("qqp", "stsb")),
}

INPUTS: Mapping[str, tuple[str, ...]] = {
    "summary": ("input",),
    "question": ("input", "answer"),
    "sentiment": ("input",),
    "inference": ("input_1", "input_2"),
    "detection": ("input_1", "input_2"),
}
"Task name → input fields of every shipped source; the task's prompts use exactly these."

LABELS: Mapping[str, tuple[str, ...]] = {
    "sentiment": ("positive", "negative"),
    "inference": ("entailment", "neutral", "contradiction"),
    "detection": ("yes", "no"),
}
"Label words of the classification tasks; generation tasks are absent."
