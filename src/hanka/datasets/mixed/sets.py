"""What source `mixed` holds, as data: finance sets, general instructions, mathematics, and a ladder from narrow to broad.

Repositories, columns and the numbers of labels are those that the repository of Brief et al. (meniData1/cocktail_effect) reads; those of Dolly, Alpaca
and Natural Instructions, and the configurations of P3, are documented by each. What has changed there raises on load.
"""

from __future__ import annotations

from dataclasses import dataclass

from hanka.datasets.hub_recipes import PARQUET, HubRecipe, Joined
from hanka.tasks.finance import TOPICS


@dataclass(frozen=True, slots=True)
class MixedEntry:
    """One data set."""

    name: str
    "As a study names it."
    task: str
    "Task name."
    domain: str
    "Where the text comes from."
    recipes: tuple[HubRecipe, ...]
    "Where its rows are; several give equally many, in turn."
    note: str = ""
    "What a reader of results must know."


def _recipe(name: str, repo: str, fields: dict[str, str | Joined], target: str, **more: object) -> HubRecipe:
    return HubRecipe(name, repo, fields, target, **({"test_split": "train"} | more))  # type: ignore[arg-type]


INSTRUCTED: dict[str, str | Joined] = {"instruction": "instruction", "input": "input"}
WRITTEN_BY_MODEL = "answers written by a language model"


def _p3(rung: str, *configs: str) -> tuple[HubRecipe, ...]:
    return tuple(
        _recipe(rung, "bigscience/P3", {"input": "inputs_pretokenized"}, "targets_pretokenized", config=one, revision=PARQUET,
                licence="Apache-2.0; texts as their own sets say", kind_said=one)
        for one in configs
    )  # fmt: skip


FINANCE = (
    MixedEntry("headline", "gold-headline", "gold-headlines", (
        _recipe("headline", "FinGPT/fingpt-headline-cls", INSTRUCTED, "output", test_split="test", labels={"Yes": "Yes", "No": "No"}),
    )),
    MixedEntry("ner-cls", "entity-kind", "financial-agreements", (
        _recipe("ner-cls", "FinGPT/fingpt-ner-cls", INSTRUCTED, "output", test_split="test",
                labels={one: one for one in ("person", "location", "organization")}),
    )),
    MixedEntry("convfinqa", "report-question", "financial-reports", (
        _recipe("convfinqa", "FinGPT/fingpt-convfinqa", {"input": "input"}, "output", test_split="test"),
    )),
    MixedEntry("finqa", "report-question", "financial-reports", (
        _recipe("finqa", "ChanceFocus/flare-finqa", {"input": "query"}, "answer", test_split="test"),
    )),
    MixedEntry("fpb", "report-sentiment", "financial-news", (
        _recipe("fpb", "odedovadia/financial_phrasebank_split", {"input": "sentence"}, "label", test_split="test",
                labels={"0": "negative", "1": "neutral", "2": "positive"}),
    )),
    MixedEntry("twitter-topics", "tweet-topic", "finance-tweets", (
        _recipe("twitter-topics", "zeroshot/twitter-financial-news-topic", {"input": "text"}, "label", test_split="validation",
                labels={str(place): label for place, label in enumerate(TOPICS)}, licence="MIT"),
    )),
    MixedEntry("twitter-sentiment", "tweet-sentiment", "finance-tweets", (
        _recipe("twitter-sentiment", "zeroshot/twitter-financial-news-sentiment", {"input": "text"}, "label", test_split="validation",
                labels={"0": "Bearish", "1": "Bullish", "2": "Neutral"}, licence="MIT"),
    )),
)  # fmt: skip
"The seven finance sets of the original; its eighth, on FiQA, is declared there and never loaded."
GENERAL = (
    MixedEntry("openorca", "instructions", "openorca", (
        _recipe("openorca", "Open-Orca/OpenOrca", {"input": Joined(("system_prompt", "question"))}, "response", licence="MIT"),
    ), WRITTEN_BY_MODEL),
    MixedEntry("orca-math", "instructions", "orca-math", (
        _recipe("orca-math", "microsoft/orca-math-word-problems-200k", {"input": "question"}, "answer", licence="MIT"),
    ), WRITTEN_BY_MODEL),
    MixedEntry("dolly", "instructions", "dolly", (
        _recipe("dolly", "databricks/databricks-dolly-15k", {"input": Joined(("instruction", "context"))}, "response",
                licence="CC BY-SA 3.0", kind="category"),
    ), "written by people; task: its category"),
    MixedEntry("alpaca-gpt4", "instructions", "alpaca", (
        _recipe("alpaca-gpt4", "vicgalle/alpaca-gpt4", {"input": Joined(("instruction", "input"))}, "output", licence="CC BY-NC 4.0"),
    ), WRITTEN_BY_MODEL),
)  # fmt: skip
LADDER = (
    MixedEntry("p3-narrow", "instructions", "p3", _p3("p3-narrow", "yelp_review_full_based_on_that"), "one task in one form"),
    MixedEntry("p3-one-task", "instructions", "p3", _p3(
        "p3-one-task", "imdb_Movie_Expressed_Sentiment", "imdb_Reviewer_Enjoyment", "imdb_Reviewer_Enjoyment_Yes_No",
        "imdb_Negation_template_for_positive_and_negative", "imdb_Reviewer_Opinion_bad_good_choices", "imdb_Sentiment_with_choices_",
        "yelp_review_full_based_on_that",
    ), "one task, sentiment, in seven forms"),
    MixedEntry("p3-one-format", "instructions", "p3", _p3(
        "p3-one-format", "ag_news_classify", "dbpedia_14_given_a_choice_of_categories_", "trec_trec1", "paws_labeled_final_Meaning",
        "glue_qqp_meaning", "imdb_Sentiment_with_choices_", "openbookqa_main_choices",
    ), "seven tasks, a label each"),
    MixedEntry("natural-instructions", "instructions", "natural-instructions", (
        _recipe("natural-instructions", "Muennighoff/natural-instructions", {"input": Joined(("definition", "inputs"))}, "targets",
                test_split="test", kind="task_name", licence="Apache-2.0"),
    ), "more than a thousand tasks in many forms; task: its task_name"),
)  # fmt: skip
"Narrow to broad, after the shape of Shi et al. 2023; their own sets of the narrower rungs are not published."
ENTRIES = (*FINANCE, *GENERAL, *LADDER)
