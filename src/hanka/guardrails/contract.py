"""The Detector contract: an answer with what was asked, and whether it shows something unwanted.

A detector says yes or no of each row, and in a few words what it saw. It is not a score: what is counted is a rate, with an upper bound.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeAlias

from hanka.records import Status
from hanka.registry import Params

Kind: TypeAlias = Literal["classification", "generation", "regression", "likelihood", "harness"]
TEXTS: tuple[Kind, ...] = ("classification", "generation", "regression")
"Kinds of task whose rows are answers that can be read one by one."


class DetectorParams(Params):
    """Parameters of a detector."""


@dataclass(frozen=True, slots=True)
class Row:
    """One stored answer, and what is known beside it."""

    output: str
    "Raw text that came out; empty where nothing did."
    parsed: str | None = None
    "The answer that the task read from it; None where it could not."
    status: Status = "ok"
    "ok, unparsed or failed."
    prompt: str = ""
    "The query as it was asked, without what all queries share."
    target: str = ""
    "The reference output."
    labels: tuple[str, ...] = ()
    "Labels of its task."
    other_labels: tuple[str, ...] = ()
    "Labels of the run's other tasks."


class Flag(NamedTuple):
    """What a detector says of a row."""

    flagged: bool
    "Whether it shows what is unwanted."
    what: str = ""
    "What was seen, in a few English words; empty where nothing was."


CLEAR = Flag(False)
Judge: TypeAlias = Callable[[Row, Any], Flag]
JudgeAll: TypeAlias = Callable[[Sequence[Row], Any], list[Flag]]


@dataclass(frozen=True, slots=True, eq=False)
class Detector:
    """One thing that is unwanted of answers."""

    name: str
    "Key in a policy, a study, a stage or settings."
    reference: str
    "Paper or definition."
    description: str
    "One line for lists."
    judge: Judge | None = None
    "(row, parameters) → flag; None where rows are judged together."
    judge_all: JudgeAll | None = None
    "(rows of one cell, parameters) → flags, where a row alone says nothing."
    params: type[DetectorParams] = DetectorParams
    "Its parameters."
    kinds: tuple[Kind, ...] = TEXTS
    "Kinds of task whose answers it reads."
    needs_labels: bool = False
    "Whether it says something of tasks with labels alone."
    of_asked: bool = False
    "Whether failed rows count, too; else it is a share of answered rows."
    is_default: bool = True
    "Whether a report shows it without being told to."
    load: Callable[[Any, Path], Any] | None = None
    "(parameters, folder that paths are seen from) → parameters with the content of the files that they name."
    version: int = 1
    "Raised by hand when the same answers are flagged otherwise than before."

    def flags(self, rows: Sequence[Row], params: DetectorParams) -> list[Flag]:
        """Judge rows of one cell."""
        if self.judge_all is not None:
            return self.judge_all(rows, params)
        assert self.judge is not None
        return [self.judge(row, params) for row in rows]

    def reads(self, kind: str, labels: Sequence[str]) -> bool:
        """Tell whether it says something of a task."""
        return kind in self.kinds and (bool(labels) or not self.needs_labels)
