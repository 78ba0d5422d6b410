"""`mentions`: a name counts where it stands as a word of its own, and so does each of its synonyms."""

from __future__ import annotations

import pytest

from hanka.records import Example
from hanka.tasks import TASKS
from hanka.tasks.verifiers import VERIFIERS, Output
from hanka.tasks.verifiers.mentions import mentioned

MENTIONS = VERIFIERS.get("mentions")


@pytest.mark.parametrize(
    ("name", "text", "is_there"),
    [
        ("Paris", "He was born in Paris, France.", True),
        ("Paris", "a Parisian family", False),
        ("Paris", "paris", True),
        ("Paris", "Paris's suburbs", True),
        ("Paris", "xParis", False),
        ("Paris", "Paris2", False),
        ("New York", "in New\u00a0 York City", True),
        ("New York", "in Newark, York", False),
        ("U.S.", "the U.S. and Canada", True),
        ("US", "USA", False),
        ("Montréal", "MONTRÉAL", True),
        ("Tokyo", "Ｔｏｋｙｏ", True),
        ("東京", "彼は東京で生まれた", True),
        ("パリ", "パリのホテル", True),
        ("Paris", "彼はParisで生まれた", True),
        ("C++", "C++ and C", True),
        ("Georgia", "the state of Georgia", True),
        ("Paris", "", False),
    ],
)
def test_a_name_is_a_word_of_its_own(name: str, text: str, is_there: bool) -> None:
    assert bool(mentioned([name], text)) is is_there


def test_a_substring_that_is_no_word_is_what_an_original_would_count() -> None:
    """The published rule as a plain substring test over-counts; ours does not."""
    assert "Paris" in "Parisian"
    assert MENTIONS.verify(Output("Parisian", "Paris"), MENTIONS.params()).reward == 0.0


def test_a_synonym_is_right_and_the_answer_is_the_target_itself() -> None:
    fields = {"synonyms": "USA\nUnited States"}
    found = MENTIONS.verify(
        Output("the United States, in 1912", "United States of America", fields=fields), MENTIONS.params()
    )
    assert (found.answer, found.reward) == ("United States of America", 1.0)
    assert "United States" in found.message
    without = MENTIONS.verify(Output("the United States", "United States of America"), MENTIONS.params())
    assert (without.answer, without.reward) == ("the United States", 0.0)


def test_names_behind_the_first_stop_do_not_count() -> None:
    output = Output("somewhere\nParis", "Paris", stop=("\n",))
    assert MENTIONS.verify(output, MENTIONS.params()).reward == 0.0


def test_a_task_hands_its_verifier_the_synonyms_of_the_row() -> None:
    task = TASKS.get("facts")
    row = Example("a", {"input": "Ann was born in", "synonyms": "NYC"}, "New York")
    assert task.verify(row, " NYC in 1990").reward == 1.0
    assert task.refusal(row) == ""
    assert task.refusal(Example("b", {"input": "Ann was born in"}, " ")) == "the target is empty: it names nothing"
