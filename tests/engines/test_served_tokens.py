"""Where a server's tokens stand in a text, however it spells them."""

from __future__ import annotations

from typing import Any

import pytest

from hanka.engines.served.scores import Echo, cut_of, read_echo, starts_of
from hanka.errors import UnitError

TEXT = "Hi \U0001f389\nA: \u55b6"
"Two characters that byte-level tokens cut: four bytes, and three behind the context."
CONTEXT = len("Hi \U0001f389\nA:")
PLACES = [0, 2, 3, 3, 3, 3, 4, 5, 6, 7, 8, 8, 8]


def spelt(pieces: str) -> list[str]:
    """As servers spell the bytes of a character that a token is a part of."""
    said = {"nothing": "", "marks": "\ufffd", "bytes": "bytes:x"}
    part = said.get(pieces, "")
    emoji, kanji = [part] * 4, [part] * 3
    if pieces == "whole at the last":
        emoji, kanji = ["", "", "", "\U0001f389"], ["", "", "\u55b6"]
    return ["Hi", " ", *emoji, "\n", "A", ":", " ", *kanji]


@pytest.mark.parametrize("offsets", ["right", "all -1", "none", "one too many"])
@pytest.mark.parametrize("pieces", ["nothing", "marks", "bytes", "whole at the last"])
@pytest.mark.parametrize("lead", [[], ["<s>"], [""]])
@pytest.mark.parametrize("written", [[], ["!"], [""]])
def test_an_answer_begins_at_its_own_token(pieces: str, offsets: str, lead: list[str], written: list[str]) -> None:
    tokens = [*lead, *spelt(pieces), *written]
    given: Any = {
        "right": [0] * len(lead) + PLACES + [len(TEXT)] * len(written),
        "all -1": [-1] * len(tokens),
        "none": None,
        "one too many": [at + len(lead) for at in range(len(tokens))],
    }[offsets]
    starts = starts_of(TEXT, tokens, given, "", bool(written))
    assert starts is not None
    assert len(starts) == len(tokens) - len(written)
    echo = Echo(tuple(tokens[: len(starts)]), tuple(starts), tuple(-1.0 for _ in starts))
    assert cut_of([echo], CONTEXT) == len(lead) + 9


def test_a_leading_space_that_a_token_does_not_show_is_its_own() -> None:
    assert starts_of("so it goes", ["so", "it", "goes"], None, "", False) == [0, 2, 5]


def test_an_end_of_text_without_a_text_takes_its_own_place() -> None:
    assert starts_of("a<|end|>b", ["a", "", "b", "c"], None, "<|end|>", True) == [0, 1, 8]
    assert starts_of("ab<|end|>", ["ab", ""], None, "<|end|>", False) == [0, 2]


def test_tokens_that_spell_another_text_are_told() -> None:
    assert starts_of("one two", ["one", " three", " four"], None, "", False) is None
    assert starts_of("one two", ["one"], None, "", False) is None


def test_places_of_labels_that_begin_alike_stay() -> None:
    """Places that are all -1 made every label its last token."""

    def echo(text: str, tokens: list[str]) -> Echo:
        found = read_echo(text)(
            {
                "choices": [
                    {"text": text + "x", "finish_reason": "length",
                     "logprobs": {"tokens": [*tokens, "x"], "token_logprobs": [None, *([-1.0] * len(tokens))],
                                  "text_offset": [-1] * (len(tokens) + 1)}}
                ]
            }
        )  # fmt: skip
        return Echo(tuple(found["tokens"]), tuple(found["starts"]), tuple(found["log_probs"]))

    two = [
        echo("It is very good", ["It", " is", " very", " good"]),
        echo("It is very bad", ["It", " is", " very", " bad"]),
    ]
    assert cut_of(two, len("It is")) == 2


def test_an_answer_without_log_probabilities_is_not_kept_as_one() -> None:
    with pytest.raises(UnitError, match="gives no log-probabilities of a prompt"):
        read_echo("a")({"choices": [{"text": "a", "logprobs": None}]})
