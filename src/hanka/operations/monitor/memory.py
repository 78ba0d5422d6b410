"""What a monitor remembers between rows: which it has seen, which wait for a label, what was labelled, what was odd.

Everything is bounded: the oldest go, and are counted. Used by `watch`, written by `state`.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

MOST_CHARACTERS = 200_000_000
"Of requests that wait for their label, all together."


@dataclass(slots=True)
class Tally:
    """Rows by what became of them."""

    rows: int = 0
    "Lines and rows that were read."
    requests: int = 0
    "Rows with a prompt that count: what windows are made of."
    labelled: int = 0
    "Requests of which it is known whether the answer is right."
    malformed: int = 0
    "Rows that cannot be parsed, or hold no time or nothing else that is needed; left out."
    repeated: int = 0
    "Rows that were there before; left out."
    out_of_order: int = 0
    "Requests earlier than one before them; they count in the window in which they are read."
    ahead: int = 0
    "Requests whose time lies in the future; they count, their time does not."
    labels_alone: int = 0
    "Labels whose request is not known, or was given up; those that came before their request wait for it."
    unknown_labels: int = 0
    "Labels that are no right answer of the task; they count as none."
    odd_values: int = 0
    "Confidences and latencies that are no possible number; the rows count without them."
    given_up: int = 0
    "Requests that waited longest for their label when more than `wait` did."
    no_fields: int = 0
    "Labelled requests whose prompt fits no template of a task with several fields: no rows to train on."

    def odd(self) -> dict[str, int]:
        """Return what is odd about rows, by kind."""
        return {name: getattr(self, name) for name in ("malformed", "repeated", "out_of_order", "ahead")}


class Seen:
    """Identities of rows, at least the latest `most`, at most twice as many."""

    def __init__(self, most: int, recent: Iterable[int] = (), older: Iterable[int] = ()) -> None:
        self._half = max(1, most)
        self.recent, self.older = set(recent), set(older)

    def is_new(self, key: int) -> bool:
        """Tell whether a row was not there before, and remember it."""
        if key in self.recent or key in self.older:
            return False
        self.recent.add(key)
        if len(self.recent) >= self._half:
            self.recent, self.older = set(), self.recent
        return True

    def __contains__(self, key: int) -> bool:
        return key in self.recent or key in self.older


class Waiting(NamedTuple):
    """A request whose label may still arrive."""

    fields: dict[str, str] | None
    "What its prompt was made from; None where no template fits and the task has several fields."
    output: str

    @property
    def n_characters(self) -> int:
        """How much is kept of it."""
        return len(self.output) + sum(map(len, (self.fields or {}).values()))


class Labelled(NamedTuple):
    """A request with what is right, ready to be trained on."""

    fields: dict[str, str]
    target: str


@dataclass(slots=True)
class Memory:
    """All of it."""

    seen: Seen
    labelled: deque[Labelled]
    "The newest, as many as a study for retraining takes."
    most_waiting: int
    tally: Tally = field(default_factory=Tally)
    waiting: OrderedDict[int, Waiting] = field(default_factory=OrderedDict)
    "Identity → request, oldest first. The oldest of a plain dict is found ever more slowly."
    characters: int = 0
    "Of all that waits."
    early: OrderedDict[int, tuple[str | None, bool | None]] = field(default_factory=OrderedDict)
    "Identity → label and whether the answer is right, where they came before the request."

    def wait(self, key: int, request: Waiting) -> None:
        """Keep a request until its label arrives; give up the oldest where too many wait, or too long ones."""
        self.waiting[key] = request
        self.characters += request.n_characters
        while len(self.waiting) > self.most_waiting or self.characters > MOST_CHARACTERS:
            _, oldest = self.waiting.popitem(last=False)
            self.characters -= oldest.n_characters
            self.tally.given_up += 1

    def found(self, key: int) -> Waiting | None:
        """Return the request whose label arrived, which waits no longer; None where none waits."""
        request = self.waiting.pop(key, None)
        self.characters -= 0 if request is None else request.n_characters
        return request

    def come_early(self, key: int, label: str | None, correct: bool | None) -> None:
        """Keep a label until its request arrives."""
        if len(self.early) >= max(1, self.most_waiting):
            self.early.popitem(last=False)
            self.tally.labels_alone += 1
        self.early[key] = (label, correct)
