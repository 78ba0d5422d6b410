"""Source `mixed` on small local rows of the shape of its repositories: examples, splits, the ladder, conversations; no network."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from hanka.datasets.coverage import coverage
from hanka.datasets.hub_rows import HubAddress, open_hub
from hanka.datasets.mixed import MIXED, ROLES, catalogue
from hanka.datasets.mixed.oasst import conversations
from hanka.datasets.mixed.sets import ENTRIES, FINANCE
from hanka.errors import DataError
from hanka.tasks import TASKS
from hanka.tasks.finance import TOPICS

# Data set → a row as its repository has it, and the fields and the target of the example.
ROWS: dict[str, tuple[dict[str, Any], tuple[str, ...], str]] = {
    "headline": ({"input": "Gold up", "output": "Yes", "instruction": "Is it about a price? Yes or no."},
                 ("Is it about a price? Yes or no.", "Gold up"), "Yes"),
    "ner-cls": ({"input": "Alice signed", "output": "person", "instruction": "What is Alice? {person/location/organization}"},
                ("What is Alice? {person/location/organization}", "Alice signed"), "person"),
    "convfinqa": ({"input": "Read … Q: what was it?", "output": "206588.0", "instruction": "Read it."}, ("Read … Q: what was it?",), "206588.0"),
    "finqa": ({"id": "1", "query": "Answer.\nContext: c\nQuestion: q", "answer": "94", "text": "c"}, ("Answer.\nContext: c\nQuestion: q",), "94"),
    "fpb": ({"sentence": "Profit rose.", "label": 2}, ("Profit rose.",), "positive"),
    "twitter-topics": ({"text": "IPO today", "label": 11}, ("IPO today",), "IPO"),
    "twitter-sentiment": ({"text": "cut to sell", "label": 0}, ("cut to sell",), "Bearish"),
    "openorca": ({"id": "n", "system_prompt": "Be brief.", "question": "2+2?", "response": "4"}, ("Be brief.\n\n2+2?",), "4"),
    "orca-math": ({"question": "2+2?", "answer": "It is 4."}, ("2+2?",), "It is 4."),
    "dolly": ({"instruction": "Say why.", "context": "", "response": "So.", "category": "open_qa"}, ("Say why.",), "So."),
    "alpaca-gpt4": ({"instruction": "Sort.", "input": "b, a", "output": "a, b", "text": "…"}, ("Sort.\n\nb, a",), "a, b"),
    "p3-narrow": ({"inputs_pretokenized": "Good. Stars?", "targets_pretokenized": "4 stars", "inputs": [1]}, ("Good. Stars?",), "4 stars"),
    "p3-one-task": ({"inputs_pretokenized": "Good?", "targets_pretokenized": "positive"}, ("Good?",), "positive"),
    "p3-one-format": ({"inputs_pretokenized": "Topic?", "targets_pretokenized": "Sports"}, ("Topic?",), "Sports"),
    "natural-instructions": ({"task_name": "task1", "id": "x", "definition": "Add.", "inputs": "1 1", "targets": "2"}, ("Add.\n\n1 1",), "2"),
}  # fmt: skip


def opened(rows: Mapping[str, Sequence[Mapping[str, Any]]], n: int = 700) -> Any:
    """Open every address of a data set with so many copies of its row, numbered where there is text."""

    def open_rows(address: HubAddress) -> Sequence[Mapping[str, Any]]:
        return [row for row in rows[address.repo] for _ in range(n)]

    return open_rows


def of(name: str, n: int = 700, **changes: Any) -> Any:
    (entry,) = (one for one in ENTRIES if one.name == name)
    return catalogue(None, opened({entry.recipes[0].repo: [ROWS[name][0] | changes]}, n))[name]


def test_every_set_has_a_row_here_and_a_task() -> None:
    assert {one.name for one in ENTRIES} == set(ROWS)
    assert all(one.task in TASKS for one in ENTRIES)
    assert {one.name for one in FINANCE} == {
        "headline", "fpb", "ner-cls", "convfinqa", "finqa", "twitter-topics", "twitter-sentiment",
    }  # fmt: skip


@pytest.mark.parametrize("name", ROWS)
def test_a_row_becomes_an_example_of_its_task(name: str) -> None:
    dataset = of(name, 520)
    _, fields, target = ROWS[name]
    task = TASKS.get(dataset.task)
    for split in dataset.splits:
        (example, *_) = dataset.load(split)
        assert (tuple(example.fields.values()), example.target) == (fields, target)
        assert tuple(example.fields) == task.inputs
        assert not task.labels or example.target in task.labels
        assert all(word in task.render(example, "p1") for word in fields)
        assert task.refusal(example) == ""


@pytest.mark.parametrize("name", ROWS)
def test_splits_share_no_row_and_are_the_same_every_time(name: str) -> None:
    dataset = of(name)
    ids = {split: [one.id for one in dataset.load(split)] for split in dataset.splits}
    assert len(ids["demonstrations"]) == 8
    assert len(set(ids["train"]) | set(ids["test"]) | set(ids["demonstrations"])) == sum(map(len, ids.values()))
    assert [one.id for one in dataset.load("test")] == ids["test"]
    assert len(ids["test"]) == 500


def test_topics_are_numbered_as_the_set_numbers_them() -> None:
    assert len(TOPICS) == 20
    assert of("twitter-topics", label=19).load("train")[0].target == "Stock Movement"
    assert of("twitter-topics", label=1).load("train")[0].target == "Fed | Central Banks"


def test_what_has_changed_upstream_is_one_line() -> None:
    with pytest.raises(DataError, match="label '20' is not known") as caught:
        of("twitter-topics", label=20).load("train")
    assert "\n" not in str(caught.value)
    renamed = opened({"FinGPT/fingpt-headline-cls": [{"Instruction": "i", "input": "x", "output": "Yes"}]})
    with pytest.raises(DataError, match=r"has no column 'instruction' .*Instruction"):
        catalogue(None, renamed)["headline"].load("train")
    empty = opened({"FinGPT/fingpt-headline-cls": [{"instruction": "i", "input": "", "output": "Yes"}]})
    with pytest.raises(DataError, match="no train row with every field"):
        catalogue(None, empty)["headline"].load("train")


def test_the_ladder_covers_more_from_rung_to_rung() -> None:
    """P3's forms are told apart by their configuration, those of natural instructions by their task names."""
    targets = {"p3-narrow": "4 stars", "p3-one-task": "positive", "p3-one-format": "Sports"}
    counts = {}
    for name in targets:
        rows = of(name, 600).load("train")[:70]
        counts[name] = coverage((name, one) for one in rows).n_pairs
    assert counts == {"p3-narrow": 1, "p3-one-task": 7, "p3-one-format": 7}
    rows = [ROWS["natural-instructions"][0] | {"task_name": f"task{place}"} for place in range(30)]
    broad = catalogue(None, opened({"Muennighoff/natural-instructions": rows}, 30))["natural-instructions"].load(
        "train"
    )
    assert coverage(("natural-instructions", one) for one in broad).n_pairs == 30


def test_dolly_tells_its_category_as_the_task() -> None:
    assert of("dolly").load("train")[0].slices == {"task": "open_qa"}
    assert of("orca-math").load("train")[0].slices == {}


def message(
    name: str, parent: str | None, role: str, text: str, rank: int | None = None, lang: str = "en"
) -> dict[str, Any]:
    return {"message_id": name, "parent_id": parent, "role": role, "text": text, "rank": rank, "lang": lang}


TREES = [
    message("a", None, "prompter", "Why?"),
    message("a1", "a", "assistant", "worse", 1),
    message("a2", "a", "assistant", "best", 0),
    message("a3", "a", "assistant", "not ranked"),
    message("a21", "a2", "prompter", "And then?"),
    message("b", None, "prompter", "Nobody answered"),
    message("c", None, "prompter", "¿Por qué?", lang="es"),
    message("c1", "c", "assistant", "porque", 0, lang="es"),
    message("d", None, "prompter", "How?"),
    message("d1", "d", "assistant", "first of two without rank"),
    message("d2", "d", "assistant", "second"),
]


def test_a_conversation_is_the_first_question_and_the_answer_ranked_best() -> None:
    found = {one.fields["input"]: one.target for one in conversations(TREES, "here")}
    assert found == {"Why?": "best", "How?": "first of two without rank"}


def test_conversations_are_read_through_the_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("datasets", reason="the library `datasets` is not installed")
    import datasets.config

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    lines = [message(f"{place}", None, "prompter", f"q{place}") for place in range(600)]
    lines += [message(f"{place}-1", f"{place}", "assistant", f"a{place}", 0) for place in range(600)]
    (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")

    def open_rows(address: HubAddress) -> Sequence[Mapping[str, Any]]:
        assert address.repo == "OpenAssistant/oasst1"
        return open_hub(HubAddress("json", split="train", data_files={"train": str(tmp_path / "rows.jsonl")}))

    dataset = catalogue(None, open_rows)["oasst"]
    parts = {split: dataset.load(split) for split in dataset.splits}
    assert {split: len(rows) for split, rows in parts.items()} == {"train": 92, "test": 500, "demonstrations": 8}
    assert len({one.id for rows in parts.values() for one in rows}) == 600
    assert all(one.target == one.fields["input"].replace("q", "a") for one in parts["train"])


def test_a_column_that_is_gone_is_one_line() -> None:
    with pytest.raises(DataError, match="here has no column 'rank'"):
        list(conversations([dict.fromkeys(("message_id", "parent_id", "role", "lang", "text"), "")], "here"))


def test_roles_name_sets_of_their_tasks() -> None:
    listed = catalogue(None)
    for task, roles in ROLES.items():
        assert listed[str(roles.train)].task == task
    assert MIXED.is_remote
