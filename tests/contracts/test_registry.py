"""The registry: explicit entries in order, no duplicates, nearest names, third parties by entry point."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from hanka.analysis.questions import QUESTIONS
from hanka.contexts import CONTEXTS
from hanka.datasets import SOURCES
from hanka.engines import ENGINES
from hanka.errors import HankaError
from hanka.guardrails import DETECTORS
from hanka.methods import METHODS
from hanka.metrics import METRICS
from hanka.models.encoder import ENCODERS
from hanka.models.listed import MODELS
from hanka.probes import PROBES
from hanka.recipes import RECIPES
from hanka.registry import Registry
from hanka.tasks import TASKS
from hanka.tasks.verifiers import VERIFIERS
from hanka.training.objectives import OBJECTIVES
from hanka.tuners import TUNERS

ALL: list[Registry[Any]] = [
    TASKS, METHODS, METRICS, MODELS, PROBES, QUESTIONS, SOURCES, CONTEXTS, RECIPES, ENGINES, TUNERS, OBJECTIVES, VERIFIERS,
    ENCODERS, DETECTORS,
]  # fmt: skip


@dataclass(frozen=True)
class Entry:
    name: str


@dataclass(frozen=True)
class Package:
    """Stands for an installed package."""

    name: str = "theirs"
    version: str = "1.0"


@dataclass(frozen=True)
class Point:
    """Stands for an installed entry point."""

    name: str
    load: Callable[[], Any]
    value: str = "theirs.things:IT"
    dist: Package = Package()


def never() -> Entry:
    raise AssertionError("an entry that nobody asked for was loaded")


def broken() -> Entry:
    raise ImportError("No module named\n'gone'")


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


def test_an_entry_that_the_list_says_where_to_find_is_imported_when_it_is_asked_for() -> None:
    code = (
        "import sys\nfrom hanka.methods import METHODS\n"
        "assert METHODS.names()[:2] == ['base', 'sft'] and 'proxy' in METHODS and 'prxy' not in METHODS\n"
        "assert METHODS.get('sft').name == 'sft'\n"
        "print([name for name in sys.modules if name in ('hanka.methods.proxy', 'hanka.methods.supervised')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['hanka.methods.supervised']"


def test_a_list_that_calls_an_entry_by_another_name_raises() -> None:
    found: Registry[Any] = Registry("method", {"sfft": "hanka.methods.supervised:SFT"})
    with pytest.raises(ValueError, match="supervised:SFT is named 'sft', and the method list calls it 'sfft'"):
        found.get("sfft")


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


def install(monkeypatch: pytest.MonkeyPatch, *points: Point) -> list[str]:
    """Stand in for installed packages; return the groups that are asked for, as they are."""
    asked: list[str] = []

    def entry_points(*, group: str) -> list[Point]:
        asked.append(group)
        return list(points)

    monkeypatch.setattr("hanka.registry.entry_points", entry_points)
    return asked


def test_third_parties_add_entries_each_loaded_when_it_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = Point("thing.theirs", lambda: Entry("theirs"))
    asked = install(monkeypatch, Point("other.theirs", never), Point("thing.zzz", never), theirs)
    found = registry("ours")
    assert asked == []
    assert found.get("ours") == Entry("ours")
    assert asked == []
    assert "theirs" in found
    assert found.names() == ["ours", "theirs", "zzz"]
    assert found.get("theirs") is found.get("theirs")
    assert asked == ["hanka"]


def test_listed_entries_are_the_objects_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, Point("thing.b", lambda: Entry("b")), Point("thing.a", lambda: Entry("a")))
    found = registry("z")
    last = found.get("b")
    assert [entry.name for entry in found] == ["z", "a", "b"]
    assert list(found)[2] is last


WHERE = r"entry point thing\.x = theirs\.things:IT of theirs 1\.0"


@pytest.mark.parametrize(
    ("load", "says"),
    [
        (broken, rf"{WHERE} cannot be loaded \(ImportError: No module named 'gone'\); mend or uninstall"),
        (lambda: 3, rf"{WHERE} is of type int; entries of kind thing are Entry objects"),
        (lambda: Entry("y"), rf"{WHERE} is named 'y'; call the entry point thing\.y"),
    ],
    ids=["broken", "wrong type", "wrong name"],
)
def test_an_entry_that_cannot_be_used_is_one_line_whenever_it_is_needed(
    monkeypatch: pytest.MonkeyPatch, load: Callable[[], Any], says: str
) -> None:
    install(monkeypatch, Point("thing.x", load))
    found = registry("ours")
    for ask in (lambda: found.get("x"), lambda: list(found), lambda: found.get("x")):
        with pytest.raises(HankaError, match=says) as caught:
            ask()
        assert "\n" not in str(caught.value)
    assert found.get("ours") == Entry("ours")


@pytest.mark.parametrize(
    ("others", "owner"),
    [((), "hanka itself"), ((Point("thing.y", never, "ours:IT", Package("another", "2")),), "of another 2")],
)
def test_a_name_that_is_taken_is_one_line_that_names_both(
    monkeypatch: pytest.MonkeyPatch, others: tuple[Point, ...], owner: str
) -> None:
    install(monkeypatch, *others, Point("thing.y" if others else "thing.ours", never))
    with pytest.raises(HankaError, match=rf"is added by .*{owner}.*, too; uninstall one of them") as caught:
        registry("ours").names()
    assert "theirs.things:IT of theirs 1.0" in str(caught.value)


def test_one_entry_may_be_needed_while_the_module_that_holds_it_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A package's task, say, looks up that package's verifier while both are imported."""

    def load_task() -> Entry:
        assert found.get("verifier") == Entry("verifier")
        return Entry("task")

    install(monkeypatch, Point("thing.task", load_task), Point("thing.verifier", lambda: Entry("verifier")))
    found = registry("ours")
    assert found.get("task") == Entry("task")


@pytest.mark.parametrize("found", ALL, ids=lambda found: found.kind)
def test_every_registry_knows_its_entries_by_unique_plain_names(found: Registry[Any]) -> None:
    assert len(set(found.names())) == len(list(found))
    for entry in found:
        assert found.get(entry.name) is entry
        assert entry.name == entry.name.strip().lower()


def test_kinds_differ_so_that_entry_points_do() -> None:
    assert len({found.kind for found in ALL}) == len(ALL)
