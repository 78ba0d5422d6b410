from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks.floors import Work
from benchmarks.grid import same_share
from benchmarks.published import count, label_ids, prefix_of, render, training_rows


class Words:
    """One id per character; EOS is `$`."""

    eos_token = "$"

    def __call__(self, text: Any, truncation: bool = False, max_length: int | None = None) -> SimpleNamespace:
        texts = [text] if isinstance(text, str) else text
        ids = [[ord(letter) for letter in one][: max_length if truncation else None] for one in texts]
        return SimpleNamespace(input_ids=ids[0] if isinstance(text, str) else ids)


def plan() -> dict[str, Any]:
    shown = {"input": "a", "output": "x"}
    variant = {"id": "v", "template": "{input}:", "demonstrations": [shown], "rows": [{"input": "b", "output": "yz"}]}
    cell = {
        "id": "c",
        "variant_id": "v",
        "labels": ["yes", "no"],
        "template": "{input}?",
        "template_p1": "{input}:",
        "demonstrations": [],
        "items": [{"input": "b", "output": "yes"}, {"input": "bc", "output": "no"}],
    }
    return {"batch_size": 2, "max_length": 99, "max_new_tokens": 6, "variants": [variant], "cells": [cell]}


def test_braces_in_the_data_stay_and_demonstrations_end_in_a_blank_line() -> None:
    assert render("{input}:", {"input": "{output}"}) == "{output}:"
    assert prefix_of("{input}:", [{"input": "a", "output": "x"}]) == "a:x\n\n"


def test_only_the_target_and_eos_are_supervised_and_long_rows_are_cut_on_the_right() -> None:
    (variant,) = plan()["variants"]
    (row,) = training_rows(Words(), variant, 99)
    assert "".join(map(chr, row.ids[row.start :])) == "yz$"
    assert "".join(map(chr, row.ids[: row.start])) == "a:x\n\nb:"
    (cut,) = training_rows(Words(), variant, 6)
    assert (len(cut.ids), cut.start) == (6, 6)


def test_labels_are_told_apart_by_their_first_token_behind_the_training_prompt() -> None:
    assert label_ids(Words(), plan()["cells"][0]) == [ord("y"), ord("n")]


def test_counts_hold_whole_prompts_five_decoded_tokens_and_three_passes_of_training() -> None:
    counts = count(plan(), Words())
    assert counts["whole"] == Work(3 * 10 + 5 + 2 * 4, 3 * 10 + 5 + 2 * 4)
    assert counts["least_without_decoding"] == Work(3 * 9 + 1 + 1 + 2, 3 * 3 + 2)


def test_labels_and_texts_are_compared_apart() -> None:
    cells = [{"id": "l", "labels": ["yes"]}, {"id": "t", "labels": []}]
    ours, theirs = {"l": ["yes", "no"], "t": ["a"]}, {"l": ["yes", "yes"], "t": ["a"]}
    assert same_share({"cells": cells}, ours, theirs, True) == 0.5
    assert same_share({"cells": cells}, ours, theirs, False) == 1.0
