"""The base models of a study: names become references, checked as far as that is possible without loading them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from hanka.errors import HankaError, ModelError, StudyError, nearest
from hanka.models.catalogue import ModelRef, find_model
from hanka.models.encoder import find_encoder
from hanka.models.folders import require_causal_model
from hanka.models.fresh import fresh_model
from hanka.models.identity import COMMIT, model_identity
from hanka.models.quantised import require_loadable
from hanka.models.served import HINT, Api, LabelAnswers, Price, Served, endpoint
from hanka.study.base_schema import BaseModelSpec, ServerSpec
from hanka.study.places import tail
from hanka.study.schema import StudySpec
from hanka.study.source import Key, StudySource


def resolve_bases(source: StudySource, spec: StudySpec, base_dir: Path, overridden: bool) -> tuple[ModelRef, ...]:
    """Find every base model; `overridden`: it comes from the command line, so no line of the file is to blame."""
    several = isinstance(source.values.get("base"), list)
    found: list[ModelRef] = []
    identities: list[dict[str, Any]] = []
    for index, base in enumerate(spec.base):
        key: Key = ("base", index) if several else ("base",)
        try:
            model = replace(_find(base, base_dir, spec.tokens.template), reference=base.reference)
            if not base.name:
                model = _without_place(model, base_dir, source.shown, {one.name for one in found})
            identity = model_identity(model)
            if model.kind == "folder" and model.folder is not None:
                require_causal_model(model.folder)
        except HankaError as error:
            if overridden:
                raise StudyError(f"--base: {error}") from None
            raise source.error(key, str(error)) from None
        if base.trust_remote_code and model.kind == "hub" and not COMMIT.fullmatch(model.revision):
            raise source.error(
                key,
                f"trust_remote_code runs {model.hub_id}'s own code and needs a pinned revision (a full "
                f"commit, 40 digits), not {model.revision!r}: write model: {model.hub_id}@<commit>",
            )
        if any(model.name == other.name for other in found):
            raise source.error(key, f"{model.name!r} stands twice; keep one, or give one another `name:`")
        if identity in identities:
            same = found[identities.index(identity)].name
            raise source.error(key, f"{model.name!r} is the same model as {same!r}; keep one")
        found.append(model)
        identities.append(identity)
    _check_references(source, found, several)
    return tuple(found)


def _without_place(model: ModelRef, base_dir: Path, shown: Mapping[str, str], taken: Collection[str]) -> ModelRef:
    """Return a base that was named by an absolute path under a name that says nothing of the machine."""
    if model.kind not in ("folder", "gguf") or model.folder is None or not Path(model.name).expanduser().is_absolute():
        return model
    others = {name: Path() for name in taken}
    name = shown.get(model.name) or tail(model.folder, base_dir, others)
    return replace(model, name=name, written=model.name)


def _check_references(source: StudySource, models: Sequence[ModelRef], several: bool) -> None:
    """Raise StudyError for a reference that is no other base, or cannot be asked as it is."""
    known = {name: model for model in models for name in (model.written, model.name) if name}
    for index, model in enumerate(models):
        same = model.served.same_as if model.served else ""
        if same and (same not in known or not known[same].is_loaded):
            here: Key = ("base", index, "server", "same_as") if several else ("base", "server", "same_as")
            loaded = [one.name for one in models if one.is_loaded]
            raise source.error(here, f"{same!r} is no base whose weights are loaded here: {nearest(same, loaded)}")
        if not model.reference:
            continue
        key: Key = ("base", index, "reference") if several else ("base", "reference")
        if model.reference not in known:
            raise source.error(key, f"{model.reference!r} is no base of the study: {nearest(model.reference, known)}")
        if model.is_called(model.reference):
            raise source.error(key, "a base is its own reference unless another one is named; leave it out")
        if not known[model.reference].is_language_model:
            raise source.error(
                key, f"{model.reference!r} is an encoder, which says nothing before it is trained; name another"
            )


def _find(base: BaseModelSpec, base_dir: Path, template: str) -> ModelRef:
    if base.served:
        return _served(base, base_dir, template)
    if base.fresh is not None:
        return fresh_model(base.fresh, base.seed, base_dir, base.name)
    if base.encoder:
        found = find_encoder(base.encoder)
    else:
        found = replace(find_model(base.model, base_dir, base.trust_remote_code), load=base.load or "")
        require_loadable(found)
    return replace(found, name=base.name) if base.name else found


def _served(base: BaseModelSpec, base_dir: Path, template: str) -> ModelRef:
    """Return a model behind an endpoint; what contradicts itself is a ModelError."""
    server = base.server or ServerSpec()
    api: Api = server.api or ("chat" if template == "chat" else "completions")
    labels: LabelAnswers = server.labels or ("logprobs" if api == "completions" else "parsed")
    if api == "chat" and labels == "logprobs":
        raise ModelError(
            "server.labels: logprobs are those of a prompt, and a chat gives none; say `api: completions`, or `labels: parsed`"
        )
    if api == "chat" and server.eos:
        raise ModelError("server.eos: a chat ends its turns by itself; leave it out")
    if labels == "logprobs" and server.hint is not None:
        raise ModelError("server.hint: labels that are scored need no hint; leave it out, or say `labels: parsed`")
    given = server.model_dump(exclude={"api", "labels", "hint", "price", "tokenizer"})
    price = Price(**server.price.model_dump()) if server.price else None
    hint = HINT if server.hint is None else server.hint
    served = Served(endpoint(base.served), base.model, api=api, labels=labels, hint=hint, price=price, **given)
    spells = find_model(server.tokenizer, base_dir) if server.tokenizer else None
    return ModelRef(base.name or base.model, "served", None, served=served, spells=spells)
