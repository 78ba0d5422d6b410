"""What a cell said, kept small: which label stood where, and how large a share of the outputs shows each sign of collapse.

Made when a cell's file is read, whose texts are not kept. Read by `collapse` and by the question `confusion`.
Sources: label share after Yang et al. (2024), arXiv 2403.09162; repetition: seq-rep-4 of Welleck et al. (2020), arXiv 1908.04319.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from hanka.analysis.answers import Answers, Places
from hanka.analysis.shares import Share, share_of
from hanka.guardrails.repeated import REPEATED, repetition
from hanka.metrics import METRICS, Column, ScoringContext
from hanka.metrics.tokenization import normalised

Kind = Literal["one_answer", "label_words", "repeated_text"]
Codes = npt.NDArray[np.int32]

ONE_ANSWER = 0.95
"Share of rows with the same label or number from which on a variant gives one answer: nearly all, one slip in twenty allowed."
MOST = 0.5
"Share of texts from which on a sign describes most of what a variant writes."
FEWEST = 10
"Rows below which a share this large can be chance."


class Sign(NamedTuple):
    """How much of what came out shows one sign."""

    share: Share
    "Share of the outputs that show it."
    answer: str
    "The commonest of these outputs."
    usual: float
    "Share of the rows whose reference is the commonest one; 0 for signs of text."
    least: float
    "Share from which on it counts."


@dataclass(frozen=True, slots=True, eq=False)
class Said:
    """What came out of one cell."""

    places: Places
    "(n,) places of the samples that did not fail, among those of the cell."
    targets: Codes
    "(n,) place of each reference among the task's labels, -1 for none of them; empty where it has none."
    answers: Codes
    "(n,) the same of each answer."
    signs: Mapping[Kind, Sign]
    "Signs of collapse; none where few rows were answered."


def columns_of(kind: str) -> set[Column]:
    """Return the columns of the outputs that `say` reads of a kind of task."""
    if kind == "likelihood":
        return set()
    return {"targets", "answers", "texts"} if kind == "generation" else {"targets", "answers"}


def say(kind: str, answers: Answers, context: ScoringContext, level: float) -> Said:
    """Return what a cell of a kind of task said."""
    nothing = np.zeros(0, dtype=np.int32)
    if kind == "likelihood" or not len(answers.places):
        return Said(answers.places, nothing, nothing, {})
    places = {label: place for place, label in enumerate(context.labels)}
    targets, answered = (
        np.array([places.get(one or "", -1) for one in column] if places else [], dtype=np.int32)
        for column in (answers.outputs.targets, answers.outputs.answers)
    )
    signs = _signs(kind, answers, context, level) if len(answers.places) >= FEWEST else {}
    return Said(answers.places, targets, answered, signs)


def _signs(kind: str, answers: Answers, context: ScoringContext, level: float) -> dict[Kind, Sign]:
    outputs, groups = answers.outputs, answers.samples.groups_at(answers.places)
    if kind != "generation":
        return {"one_answer": _one_answer(outputs.answered, outputs.targets, groups, ONE_ANSWER, level)}
    said = [normalised(text) for text in outputs.described]
    references = [normalised(target) for target in outputs.targets]
    signs: dict[Kind, Sign] = {"one_answer": _one_answer(said, references, groups, MOST, level)}
    flags: dict[Kind, list[bool]] = {"repeated_text": [repetition(text) > REPEATED for text in outputs.described]}
    if context.training_labels:
        found = METRICS.get("label_share").statistics(outputs, context)[:, 0]
        flags["label_words"] = [bool(one) for one in found]
    for name, shown in flags.items():
        having = [text for text, is_so in zip(said, shown, strict=True) if is_so]
        commonest = Counter(having).most_common(1)[0][0] if having else ""
        signs[name] = Sign(share_of(shown, groups, level), commonest, 0.0, MOST)
    return signs


def _one_answer(
    said: Sequence[str], references: Sequence[str], groups: Sequence[str], least: float, level: float
) -> Sign:
    commonest, _ = Counter(said).most_common(1)[0]
    usual = Counter(references).most_common(1)[0][1] / len(references)
    return Sign(share_of([one == commonest for one in said], groups, level), commonest, usual, least)
