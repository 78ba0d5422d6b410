"""Which models of the catalogue may be used: by the language of the texts, commercial use, the longest prompt, and what is advised.

needs → **usable** → a row per model with every reason against it. What its makers do not state is said to be unknown: a model is never
passed on missing evidence, nor dropped. Limits: licences are what the catalogue says of them; read the licence before you ship.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from hanka.advise.flow import Side
from hanka.advise.thresholds import Thresholds
from hanka.models.listed import MODELS, ModelEntry

May: TypeAlias = Literal["yes", "conditions", "unknown", "no"]
"conditions: the licence has some; unknown: its makers do not state what decides."
ORDER: Sequence[May] = ("yes", "conditions", "unknown", "no")


@dataclass(frozen=True, slots=True)
class Needs:
    """What a model has to allow."""

    languages: tuple[str, ...] = ()
    "ISO 639-1 codes of the texts; empty: not declared, so not asked of a model."
    commercial: bool | None = None
    "Whether it is used commercially; None: not declared."
    longest_prompt_tokens: int | None = None
    "Tokens of the longest prompt with room for the answer; None: not known."
    counted_by: str = ""
    "Tokenizer that counted them; empty: declared."


@dataclass(frozen=True, slots=True)
class Usable:
    """A model with what speaks against it."""

    name: str
    "Alias in a study file."
    n_parameters: int
    "Parameters."
    licence: str
    "Of its weights."
    may: May
    "Whether it may be used."
    against: tuple[str, ...]
    "Reasons that forbid it: language, commercial, context, size."
    unknown: tuple[str, ...]
    "What its makers do not state of these."


def usable_models(
    needs: Needs, side: Side, thresholds: Thresholds, models: Iterable[ModelEntry] = MODELS
) -> tuple[Usable, ...]:
    """Judge every model: those that may be used first; of these the largest to prompt, the smallest to tune."""
    found = [_judged(one, needs, side, thresholds) for one in models]
    sign = -1 if side == "LLM" else 1
    return tuple(sorted(found, key=lambda one: (ORDER.index(one.may), sign * one.n_parameters, one.name)))


def _judged(model: ModelEntry, needs: Needs, side: Side, thresholds: Thresholds) -> Usable:
    against, unknown = [], []
    if needs.languages and not model.languages:
        unknown.append("language")
    elif not set(needs.languages) <= set(model.languages):
        against.append("language")
    if needs.commercial and model.commercial == "not stated":
        unknown.append("commercial")
    elif needs.commercial and model.commercial == "no":
        against.append("commercial")
    if needs.longest_prompt_tokens is not None and not model.context:
        unknown.append("context")
    elif needs.longest_prompt_tokens is not None and needs.longest_prompt_tokens > model.context:
        against.append("context")
    if side == "FT" and model.n_parameters > thresholds.largest_tuned:
        against.append("size")
    conditional = bool(needs.commercial) and model.commercial == "conditions"
    may: May = "no" if against else "unknown" if unknown else "conditions" if conditional else "yes"
    return Usable(model.name, model.n_parameters, model.licence, may, tuple(against), tuple(unknown))
