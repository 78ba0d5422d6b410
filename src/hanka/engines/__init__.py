"""Engines: how answers come out. One entry per kind; light, a model is met only when one is opened."""

from __future__ import annotations

from hanka.engines.contract import Engine, EngineEntry, Lent, Steering
from hanka.engines.fake import FakeEngine
from hanka.errors import ModelError
from hanka.registry import Registry


def _local(lent: Lent) -> Engine:
    from hanka.engines.local import LocalEngine
    from hanka.models.loading import LoadedModel

    if not isinstance(lent.base, LoadedModel):
        raise ModelError("the engine local answers with a language model, and none was lent")
    return LocalEngine(lent.base, lent.batch_tokens)


def _combined(lent: Lent) -> Engine:
    from hanka.engines.combined import Cast, CombinedEngine
    from hanka.models.loading import LoadedModel

    if not isinstance(lent.base, LoadedModel):
        raise ModelError("the engine combined steers a language model, and none was lent")
    _require_parts("combined", lent)
    assert isinstance(lent.params, Steering)
    cast = Cast(lent.base, lent.others["expert"], lent.others["anti"], lent.params.alpha)
    return CombinedEngine(cast, lent.batch_tokens)


def _steered(lent: Lent) -> Engine:
    from hanka.engines.served.steered import SteeredEngine
    from hanka.models.served import ServedModel

    if not isinstance(lent.base, ServedModel):
        raise ModelError("the engine steered asks a server, and none was lent")
    _require_parts("steered", lent)
    assert isinstance(lent.params, Steering)
    return SteeredEngine(lent.base, lent.others["expert"], lent.others["anti"], lent.params, lent.batch_tokens)


def _require_parts(name: str, lent: Lent) -> None:
    """Raise ModelError where the models that steer another one, or how they do, were not lent."""
    for part in ("expert", "anti"):
        if part not in lent.others:
            raise ModelError(f"the engine {name} needs the model {part!r}; lent: {', '.join(lent.others) or 'none'}")
    if not isinstance(lent.params, Steering):
        raise ModelError(f"the engine {name} is told a Steering, not {type(lent.params).__name__}")


def _encoder(lent: Lent) -> Engine:
    from hanka.engines.encoder import EncoderEngine
    from hanka.models.encoder import LoadedEncoder

    if not isinstance(lent.base, LoadedEncoder):
        raise ModelError("the engine encoder answers with an encoder, and none was lent")
    return EncoderEngine(lent.base, lent.folder, lent.batch_tokens)


def _served(lent: Lent) -> Engine:
    from hanka.engines.served.engine import ServedEngine
    from hanka.models.served import ServedModel

    if not isinstance(lent.base, ServedModel):
        raise ModelError("the engine served asks a server, and none was lent")
    return ServedEngine(lent.base, lent.batch_tokens)


def _fake(lent: Lent) -> Engine:
    return FakeEngine(lent.batch_tokens)


ENGINES: Registry[EngineEntry] = Registry(
    "engine",
    [
        EngineEntry(
            name="local",
            reference="transformers; packed passes: Krell et al. 2021, arXiv 2107.02027",
            description="one language model in memory",
            answers=frozenset({"labels", "text", "likelihood"}),
            open=_local,
        ),
        EngineEntry(
            name="combined",
            reference="Liu et al. 2024, arXiv 2401.08565",
            description="proxy-tuning: a model steered by the difference of two others",
            answers=frozenset({"labels", "text", "likelihood"}),
            open=_combined,
        ),
        EngineEntry(
            name="encoder",
            reference="logistic regression on frozen features",
            description="a classifier trained on an encoder",
            answers=frozenset({"labels"}),
            open=_encoder,
            reads_contexts=False,
            cannot="an encoder cannot write",
        ),
        EngineEntry(
            name="served",
            reference="OpenAI's completions and chat completions, as vLLM, SGLang, llama.cpp and TGI serve them",
            description="a model behind an endpoint",
            answers=frozenset({"labels", "text", "likelihood"}),
            open=_served,
        ),
        EngineEntry(
            name="steered",
            reference="Liu et al. 2024, arXiv 2401.08565",
            description="proxy-tuning of a model behind an endpoint, over the tokens that its server lists",
            answers=frozenset({"labels", "text"}),
            open=_steered,
            cannot="a server that is steered lists a few tokens of each place",
        ),
        EngineEntry(
            name="fake",
            reference="hashes",
            description="made-up answers without a model, for tests",
            answers=frozenset({"labels", "text", "likelihood"}),
            open=_fake,
        ),
    ],
)

ENGINE_OF = {
    "wheel": "local",
    "hub": "local",
    "folder": "local",
    "gguf": "local",
    "fresh": "local",
    "encoder": "encoder",
    "served": "served",
}
"Which engine answers for a base, by `ModelRef.kind`, unless the method says otherwise."

STEERED_BY = {"combined": "steered"}
"Which engine answers in place of another one where the base is behind an endpoint."

__all__ = ["ENGINES", "ENGINE_OF", "STEERED_BY", "Engine", "EngineEntry", "Lent"]
