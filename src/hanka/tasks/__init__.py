"""Tasks: how one kind of example is asked, judged and scored. One line per entry."""

from __future__ import annotations

from hanka.registry import Registry
from hanka.tasks.base import Task
from hanka.tasks.chat import CHAT
from hanka.tasks.documents import ASKING, CLOSED_BOOK, READING
from hanka.tasks.facts import FACTS
from hanka.tasks.finance import ENTITY_KIND, HEADLINE, REPORT_QUESTION, REPORT_SENTIMENT, TWEET_SENTIMENT, TWEET_TOPIC
from hanka.tasks.instructions import INSTRUCTIONS
from hanka.tasks.japanese import CHOICE_JA, INFERENCE_JA, READING_JA, SIMILARITY_JA
from hanka.tasks.likelihood import TEXT
from hanka.tasks.matching import EXPLAINING, INTEREST, MATCHING, WRITING
from hanka.tasks.paper import DETECTION, INFERENCE, QUESTION, SENTIMENT, SUMMARY

TASKS: Registry[Task] = Registry(
    "task",
    [
        SUMMARY,
        QUESTION,
        SENTIMENT,
        INFERENCE,
        DETECTION,
        TEXT,
        CHAT,
        INSTRUCTIONS,
        HEADLINE,
        ENTITY_KIND,
        REPORT_SENTIMENT,
        TWEET_SENTIMENT,
        TWEET_TOPIC,
        REPORT_QUESTION,
        INFERENCE_JA,
        SIMILARITY_JA,
        READING_JA,
        CHOICE_JA,
        MATCHING,
        EXPLAINING,
        INTEREST,
        WRITING,
        CLOSED_BOOK,
        READING,
        ASKING,
        FACTS,
    ],
)

__all__ = ["TASKS", "Task"]
