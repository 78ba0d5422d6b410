"""Proxy-tuning: a model is steered by the difference that tuning made to another one, token by token.

z = z_base + alpha (z_expert - z_anti), over the vocabulary all three share; then everything is done with z that an engine
does with the logits of one model. Each model keeps keys and values of its own.

What need not be computed is not: with alpha 0, or where the expert is the anti-expert, the base answers alone; where the
base is the anti-expert and alpha is 1, the expert does. So these identities hold bit for bit. Models that are equal but
loaded twice are told apart; for them the sum is made in float64, where it gives the same numbers to rounding (`Contrast`).
Source: Liu et al. (2024), arXiv 2401.08565, equation 1; DExperts, Liu et al. (2021), arXiv 2105.03023, for alpha.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from hanka.engines.local import VoicesEngine
from hanka.engines.voices import Contrast, Voice, Voices, alone
from hanka.errors import ModelError, UnitError
from hanka.models.loading import LoadedModel
from hanka.models.vocabulary import common_vocabulary


@dataclass(frozen=True, slots=True)
class Cast:
    """The models of proxy-tuning; the same object may play several parts."""

    base: LoadedModel
    "What is steered; its tokenizer reads and spells."
    expert: LoadedModel
    "The tuned proxy."
    anti: LoadedModel
    "The proxy before tuning."
    alpha: float = 1.0
    "How far the base is steered; 1 in the paper's main results."


class CombinedEngine(VoicesEngine):
    """Answers with three models in memory, heard as one."""

    def __init__(self, cast: Cast, batch_tokens: int) -> None:
        super().__init__(heard(cast), batch_tokens)


def heard(cast: Cast) -> Voices:
    """Return the voices that have to be heard. Raises ModelError for vocabularies that differ, UnitError for alpha."""
    if not math.isfinite(cast.alpha):
        raise UnitError(f"alpha is {cast.alpha}; it must be a finite number")
    for other in (cast.expert, cast.anti):
        if other.tokenizer is not cast.base.tokenizer:
            common_vocabulary(cast.base.tokenizer, other.tokenizer, (cast.base.ref.name, other.ref.name))
        if other.device != cast.base.device:
            raise ModelError(f"{cast.base.ref.name} is on {cast.base.device} and {other.ref.name} on {other.device}")
    if cast.alpha == 0 or cast.expert.model is cast.anti.model:
        return Voices((Voice(cast.base),), alone)
    if cast.alpha == 1 and cast.base.model is cast.anti.model:
        return Voices((Voice(cast.expert),), alone)
    members: list[Voice] = []
    parts: list[int] = []
    for loaded in (cast.base, cast.expert, cast.anti):
        known = next((index for index, one in enumerate(members) if one.model is loaded.model), len(members))
        if known == len(members):
            members.append(Voice(loaded))
        parts.append(known)
    return Voices(tuple(members), Contrast(parts[0], parts[1], parts[2], cast.alpha))
