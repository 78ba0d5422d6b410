"""The Verifier contract: what an output says, and how right that is.

A verifier reads text; it runs nothing and evaluates nothing that a model wrote. It gives one canonical answer or
none, a reward from 0 to 1, and one line that says what was read, or the first thing that is wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from hanka.records import Judgement
from hanka.registry import Params


class VerifierParams(Params):
    """Parameters of a verifier."""


@dataclass(frozen=True, slots=True)
class Output:
    """An output with what it is judged by."""

    text: str
    "What came out."
    target: str
    "The reference output."
    labels: tuple[str, ...] = ()
    "The task's label words."
    stop: tuple[str, ...] = ()
    "The answer ends before the first of these."
    fields: Mapping[str, str] = field(default_factory=dict)
    "Fields of the example, where its data brings more to judge by than the target."

    @property
    def answer(self) -> str:
        """The output before the first stop, without white space around it."""
        return before_stop(self.text, self.stop)


@dataclass(frozen=True, slots=True, eq=False)
class Verifier:
    """One way to judge outputs."""

    name: str
    "The name a study file uses."
    reference: str
    "Paper, standard or definition."
    description: str
    "One line for lists."
    verify: Callable[[Output, Any], Judgement]
    "(output, parameters) → judgement; raises ValueError where the target itself is no answer."
    params: type[VerifierParams] = VerifierParams
    "Its parameters."
    version: int = 1
    "Changes whenever an answer or a reward could change."


def before_stop(text: str, stop: tuple[str, ...]) -> str:
    """Return text up to the first stop, without white space around it; stops are applied in their order."""
    answer = text.strip()
    for one in stop:
        answer = answer.split(one, 1)[0]
    return answer.strip()
