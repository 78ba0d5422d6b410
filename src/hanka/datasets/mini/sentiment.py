"""Sentiment from the rated sentences of VADER: tweets, product and film reviews, editorials.

Source: Hutto & Gilbert (2014), "VADER: A Parsimonious Rule-based Model for Sentiment Analysis of Social
Media Text", ICWSM. Each line is id, mean of human ratings (-4 … 4), text; sentences of one review or
editorial share the id before `_` and are one group, and so are tweets that hardly differ.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from hanka.datasets.mini.parts import (
    Parts,
    cleaned,
    parts_with_train,
    parts_without_train,
    source_groups,
    text_group,
    without_repeats,
)
from hanka.datasets.splits import take_groups
from hanka.records import Example

CLEAR_SCORE = 1.0
"Sentences rated nearer to zero than this are left out."
N_TWEETS_TESTED = 600


def prepare(files: Mapping[str, Path]) -> Mapping[str, Parts]:
    """Return tweets (trained) and three other domains (tested)."""
    tweets = _rated("tweets", files["tweets"])
    group = source_groups(tweet.fields["input"] for tweet in tweets)
    tweets = [replace(tweet, group=group[tweet.fields["input"]]) for tweet in tweets]
    test, train = take_groups(tweets, N_TWEETS_TESTED, "mini/tweets/test", even=False)
    return {
        "tweets": parts_with_train("tweets", train, test),
        "amazon-reviews": parts_without_train(
            "amazon-reviews", _rated("amazon-reviews", files["amazonReviewSnippets"])
        ),
        "film-reviews": parts_without_train("film-reviews", _rated("film-reviews", files["movieReviewSnippets"])),
        "editorials": parts_without_train("editorials", _rated("editorials", files["nytEditorialSnippets"])),
    }


def _rated(name: str, path: Path) -> list[Example]:
    examples = []
    for line in path.read_text(encoding="utf-8").split("\n"):
        if not line.strip():
            continue
        number, score, text = line.split("\t", 2)
        text = cleaned(text)
        if text and abs(float(score)) >= CLEAR_SCORE:
            document, _, sentence = number.partition("_")
            group = f"{name}/{document}" if sentence else text_group(text)
            label = "positive" if float(score) > 0 else "negative"
            examples.append(Example(f"{name}/{number}", {"input": text}, label, group))
    return without_repeats(examples, labelled=True)
