"""The registry: explicit entries in order, no duplicates, nearest names, third parties by entry point."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from hanka.analysis.questions import QUESTIONS
from hanka.contexts import CONTEXTS
from hanka.datasets import SOURCES
from hanka.engines import ENGINES
from hanka.errors import HankaError
from hanka.methods import METHODS
from hanka.metrics import METRICS
from hanka.models.catalogue import MODELS
from hanka.probes import PROBES
from hanka.recipes import RECIPES
from hanka.registry import Registry
from hanka.tasks import TASKS
from hanka.tasks.verifiers import VERIFIERS
from hanka.training.objectives import OBJECTIVES
from hanka.tuners import TUNERS

ALL: list[Registry[Any]] = [
    TASKS, METHODS, METRICS, MODELS, PROBES, QUESTIONS, SOURCES, CONTEXTS, RECIPES, ENGINES, TUNERS, OBJECTIVES, VERIFIERS,
]  # fmt: skip


@dataclass(frozen=True)
class Entry:
    name: str


@dataclass(frozen=True)
class Point:
    """Stands for an installed entry point."""

    name: str
    load: Callable[[], Entry]


def never() -> Entry:
    raise AssertionError("an entry of another kind was loaded")


def registry(*names: str) -> Registry[Entry]:
    return Registry("thing", [Entry(name) for name in names])


def test_entries_keep_their_order_and_are_the_objects_given() -> None:
    entries = [Entry("b"), Entry("a")]
    found = Registry("thing", entries)
    assert found.names() == ["b", "a"]
    assert list(found) == entries
    assert found.get("a") is entries[1]


def test_two_entries_of_one_name_raise() -> None:
    with pytest.raises(ValueError, match="two thing entries are named 'a'"):
        registry("a", "b", "a")


@pytest.mark.parametrize(
    ("asked", "said"),
    [("smmary", "did you mean 'summary'"), ("SUMMARY", "did you mean 'summary'"), ("x", "allowed: question, summary")],
)
def test_an_unknown_name_suggests_the_nearest_or_lists_all(asked: str, said: str) -> None:
    assert asked not in registry("summary", "question")
    with pytest.raises(HankaError, match=f"unknown thing {asked!r}: {said}"):
        registry("summary", "question").get(asked)


def test_an_empty_registry_says_so() -> None:
    with pytest.raises(HankaError, match="unknown thing 'x': none is allowed here"):
        registry().get("x")


def test_third_parties_add_entries_by_entry_point_on_first_use(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def entry_points(*, group: str) -> list[Point]:
        asked.append(group)
        return [Point("other.theirs", never), Point("thing.theirs", lambda: Entry("theirs"))]

    monkeypatch.setattr("hanka.registry.entry_points", entry_points)
    found = registry("ours")
    assert asked == []
    assert "theirs" in found
    assert found.names() == ["ours", "theirs"]
    assert found.get("theirs") == Entry("theirs")
    assert asked == ["hanka"]


def test_a_third_party_cannot_replace_an_entry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hanka.registry.entry_points", lambda group: [Point("thing.x", lambda: Entry("ours"))])
    with pytest.raises(ValueError, match="two thing entries are named 'ours'"):
        registry("ours").names()


@pytest.mark.parametrize("found", ALL, ids=lambda found: found.kind)
def test_every_registry_knows_its_entries_by_unique_plain_names(found: Registry[Any]) -> None:
    assert len(set(found.names())) == len(list(found))
    for entry in found:
        assert found.get(entry.name) is entry
        assert entry.name == entry.name.strip().lower()


def test_kinds_differ_so_that_entry_points_do() -> None:
    assert len({found.kind for found in ALL}) == len(ALL)
