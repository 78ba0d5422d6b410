"""A made variant, ready to answer: its engine with what it listens to, and how its questions become tokens.

Between what is lent (`place.py`) and what is asked (`answer.py`). The engine follows from the variant's method and its base.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from hanka.engines import ENGINES
from hanka.engines.contract import Engine, Lent
from hanka.plan import PlannedVariant
from hanka.prompting import TextPolicy
from hanka.work.place import Workplace, device_name
from hanka.work.room import require_room_for

if TYPE_CHECKING:
    from hanka.models.loading import LoadedModel


@dataclass(frozen=True, slots=True)
class Voice:
    """A variant, ready to answer."""

    planned: PlannedVariant
    "The variant."
    engine: Engine
    "Answers for it."
    tokenizer: Any
    "Of its base."
    label_bias: Mapping[str, float]
    "Nats added to a label's score when an answer is chosen."
    device: str
    "For records."
    answering: PlannedVariant
    "Whose weights answer: the variant's own, or those of the one that it chose."


@contextmanager
def open_voice(place: Workplace, planned: PlannedVariant, step: int | None = None) -> Iterator[Voice]:
    """Lend what a made variant needs to answer, and open its engine. Raises UnitError where memory does not suffice."""
    owner, step = place.behind(planned, step)
    method = owner.use.method
    require_room_for(place, owner)
    taken: dict[tuple[Any, ...], LoadedModel] = {}
    with ExitStack() as lent:

        def take(variant_id: str, step: int | None) -> LoadedModel:
            """Lend a variant once, whatever parts it plays: an engine knows by identity what cancels."""
            one = place.plan.variants[variant_id]
            key = (one.model, one.dtype, place.stack(variant_id, step))
            if key not in taken:
                taken[key] = lent.enter_context(place.lend(variant_id, step))
            return taken[key]

        if planned.model.kind == "encoder":
            from hanka.models.features import load_encoder
            from hanka.models.loading import load_tokenizer

            base: Any = load_encoder(planned.model)
            tokenizer, device = load_tokenizer(planned.model), "cpu"
        elif planned.model.served is not None:
            from hanka.models.loading import load_tokenizer
            from hanka.models.served import ServedModel

            base = ServedModel(planned.model.served, place.folder.variant(planned.variant.id))
            tokenizer, device = load_tokenizer(planned.model), planned.model.served.url
        else:
            base = take(owner.variant.id, step)
            tokenizer, device = base.tokenizer, device_name(base)
        others = {role: take(parent.variant_id, parent.step) for role, parent in owner.voices}
        if owner.engine == "steered":
            tokenizer = others["expert"].tokenizer  # the server is asked in the tokens of those that steer it
        folder, budget = place.folder.variant(owner.variant.id), place.plan.study.spec.eval.batch_tokens
        engine = ENGINES.get(owner.engine).open(
            Lent(base, budget, others=others, folder=folder, params=method.engine_params(owner.adaptation.own))
        )
        bias = place.made(owner.variant.id).get("label_bias") or {}
        yield Voice(planned, engine, tokenizer, bias, device, owner)


def has_tokens(voice: Voice) -> bool:
    """Tell whether what is asked becomes tokens here: of a model in memory, or of those that steer a server."""
    return voice.planned.model.is_loaded or bool(voice.answering.voices)


def policy_of(place: Workplace, voice: Voice) -> TextPolicy:
    """Return how a variant's questions become tokens: an encoder reads no turns, a server puts its own template around them."""
    policy, model = place.plan.study.policy, voice.planned.model
    if has_tokens(voice):
        return policy
    if model.served is not None and model.served.api == "chat":
        return replace(policy, template="chat", bos="model", thinking="off")
    return replace(policy, template="plain", bos="model", system=None, thinking="off")
