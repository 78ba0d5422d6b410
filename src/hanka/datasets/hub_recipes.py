"""How the paper's data sets are made from what the hub holds: one recipe each, as data.

Columns and splits are as documented by each repository; a repository that changed raises on load. Where
a repository is script-only, its converted Parquet branch is named, because no script is ever run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

PARQUET = "refs/convert/parquet"
GLUE = "nyu-mll/glue"
GLUE_LICENCE = "as the original task's; see the GLUE page"


@dataclass(frozen=True, slots=True)
class Chosen:
    """A field whose column depends on another column's value."""

    by: str
    "Column whose value decides."
    among: Mapping[str, str]
    "Value, as text → column to read."


@dataclass(frozen=True, slots=True)
class Cut:
    """A number made into a label; rows exactly at the cut say neither and are left out."""

    at: float
    "The cut, in the column's own unit."
    above: str
    "Label of larger values."
    below: str
    "Label of smaller values."


@dataclass(frozen=True, slots=True)
class Joined:
    """A field that several columns make up, those that are empty left out."""

    columns: tuple[str, ...]
    "In order."
    between: str = "\n\n"
    "What stands between two."


Column: TypeAlias = str | Chosen | Joined


@dataclass(frozen=True, slots=True)
class HubRecipe:
    """Where one data set is on the hub, and how a row becomes an example."""

    name: str
    "Data set name, as in `release`."
    repo: str
    "owner/name."
    fields: Mapping[str, Column]
    "Input field → column; a dot walks into a nested column; of a list, the first item counts."
    target: str
    "Target column."
    test_split: str
    "Split that is tested on: the test split where its labels are public, else validation."
    demonstration_split: str = "train"
    "Split that demonstrations come from."
    config: str | None = None
    "Configuration."
    revision: str | None = None
    "Branch; None for the default one."
    labels: Mapping[str, str] = field(default_factory=dict)
    "Value, as text → label word; empty where the target is text or a cut."
    cut: Cut | None = None
    "How a number becomes a label."
    licence: str = "not stated"
    "As the repository states it."
    kind: str = ""
    "Column that says what kind of task a row is, for its slice `task`; empty: there is none."
    kind_said: str = ""
    "What kind of task every row is, where the configuration says it."


NLI = {"0": "entailment", "1": "neutral", "2": "contradiction"}
NLI_FIELDS = {"input_1": "premise", "input_2": "hypothesis"}
PAIR = {"input_1": "sentence1", "input_2": "sentence2"}
POLARITY = {"0": "negative", "1": "positive"}
PARAPHRASE = {"0": "no", "1": "yes"}

RECIPES: tuple[HubRecipe, ...] = (
    HubRecipe(
        "xsum",
        "EdinburghNLP/xsum",
        {"input": "document"},
        "summary",
        "test",
        revision=PARQUET,
        licence="text belongs to the BBC",
    ),
    HubRecipe(
        "xlsum",
        "csebuetnlp/xlsum",
        {"input": "text"},
        "summary",
        "test",
        config="english",
        revision=PARQUET,
        licence="CC BY-NC-SA 4.0",
    ),
    HubRecipe(
        "pdfs",
        "allenai/peer_read",
        {"input": "abstract"},
        "title",
        "test",
        config="reviews",
        revision=PARQUET,
    ),
    HubRecipe(
        "cnn",
        "abisee/cnn_dailymail",
        {"input": "article"},
        "highlights",
        "test",
        config="3.0.0",
        licence="Apache-2.0",
    ),
    HubRecipe(
        "socialqa",
        "allenai/social_i_qa",
        {"input": "context", "answer": Chosen("label", {"1": "answerA", "2": "answerB", "3": "answerC"})},
        "question",
        "validation",
        revision=PARQUET,
    ),
    HubRecipe(
        "tweetqa",
        "ucinlp/tweet_qa",
        {"input": "Tweet", "answer": "Answer"},
        "Question",
        "validation",
        revision=PARQUET,
        licence="CC BY-SA 4.0",
    ),
    HubRecipe(
        "sciqa",
        "allenai/sciq",
        {"input": "support", "answer": "correct_answer"},
        "question",
        "test",
        licence="CC BY-NC 3.0",
    ),
    HubRecipe(
        "amazon",
        "fancyzhx/amazon_polarity",
        {"input": "content"},
        "label",
        "test",
        labels=POLARITY,
        licence="Apache-2.0",
    ),
    HubRecipe(
        "amazonfood",
        "jhan21/amazon-food-reviews-dataset",
        {"input": "Text"},
        "Score",
        "train",
        cut=Cut(3.0, above="positive", below="negative"),
        licence="CC0 1.0",
    ),
    HubRecipe("sst2", "stanfordnlp/sst2", {"input": "sentence"}, "label", "validation", labels=POLARITY),
    HubRecipe(
        # label 0 … 4 is stars - 1, so 2.5 is the paper's 3.5 stars
        "yelp",
        "Yelp/yelp_review_full",
        {"input": "text"},
        "label",
        "test",
        cut=Cut(2.5, above="positive", below="negative"),
        licence="Yelp dataset terms",
    ),
    HubRecipe(
        "paws",
        "google-research-datasets/paws",
        PAIR,
        "label",
        "test",
        config="labeled_final",
        labels=PARAPHRASE,
        licence="free for any use (Google)",
    ),
    HubRecipe(
        "qqp",
        GLUE,
        {"input_1": "question1", "input_2": "question2"},
        "label",
        "validation",
        config="qqp",
        labels=PARAPHRASE,
        licence=GLUE_LICENCE,
    ),
    HubRecipe(
        "stsb",
        GLUE,
        PAIR,
        "label",
        "validation",
        config="stsb",
        cut=Cut(3.5, above="yes", below="no"),
        licence=GLUE_LICENCE,
    ),
    HubRecipe(
        "multinli",
        GLUE,
        NLI_FIELDS,
        "label",
        "validation_matched",
        config="mnli",
        labels=NLI,
        licence=GLUE_LICENCE,
    ),
    HubRecipe(
        "multinli2",
        GLUE,
        NLI_FIELDS,
        "label",
        "validation_mismatched",
        demonstration_split="validation_mismatched",
        config="mnli",
        labels=NLI,
        licence=GLUE_LICENCE,
    ),
    HubRecipe(
        "rte",
        GLUE,
        PAIR,
        "label",
        "validation",
        config="rte",
        labels={"0": "entailment", "1": "neutral"},
        licence=GLUE_LICENCE,
    ),
    HubRecipe(
        "gptnli",
        "pietrolesci/gpt3_nli",
        NLI_FIELDS,
        "label",
        "train",
        labels={**NLI, **{word: word for word in NLI.values()}},
    ),
)
