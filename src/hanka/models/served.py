"""A model behind an endpoint, as a study names it: where it is, how it is asked, what it costs. Light: nothing is asked here.

The endpoint speaks the protocol of OpenAI's completions and chat completions, as vLLM, SGLang, llama.cpp, TGI,
`transformers serve` and hosted models do.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from hanka.errors import ModelError

Api = Literal["completions", "chat"]
"Which of the two protocols questions are asked in."
LabelAnswers = Literal["logprobs", "parsed", "choice", "grammar", "schema"]
"How a label is got: scored by the log-probabilities of a prompt, written and read, or written under a constraint of that dialect."
HOW_LABELS: dict[LabelAnswers, str] = {
    "logprobs": "labels are scored by the log-probabilities that the server gives of a prompt",
    "parsed": "labels are written freely and read; an answer that is none counts as unparsed",
    "choice": "labels are written under the constraint `choice` (vLLM)",
    "grammar": "labels are written under a grammar (llama.cpp)",
    "schema": "labels are written under a JSON schema (OpenAI, SGLang, TGI and others)",
}
HINT = "Answer with one of these and with nothing else: {labels}"
SERVED = 1
"Raised by hand when the same server gives other numbers than before."


@dataclass(frozen=True, slots=True)
class Price:
    """What a server charges."""

    input: float = 0.0
    "Per million tokens read."
    output: float = 0.0
    "Per million tokens written."
    currency: str = "USD"
    "Of both."


@dataclass(frozen=True, slots=True)
class Served:
    """A model behind an endpoint."""

    url: str
    "Of the endpoint, without what follows the version: http://127.0.0.1:8000/v1."
    model: str
    "What the server calls it."
    api: Api = "completions"
    "completions: text goes on; chat: turns, in the server's own template."
    labels: LabelAnswers = "logprobs"
    "How a label is got."
    eos: str = ""
    "How the model's end of text is spelt; a label is scored with it, too, and a text begins behind it."
    hint: str = HINT
    "What is said of the labels where they are written, with {labels} in it; empty: nothing."
    thinking: int = 0
    "Tokens that a model may reason for before it answers, beside those of the answer."
    key: str = ""
    "Environment variable that holds the key; empty: none is sent."
    concurrency: int = 4
    "Requests under way at once."
    timeout: float = 120.0
    "Seconds until a silent server counts as gone for this request."
    patience: float = 300.0
    "Seconds that a request is tried again for while the server fails."
    per_minute: int | None = None
    "Requests a minute at most; None: as many as answers come back."
    price: Price | None = None
    "What it costs; None: nothing is said."
    same_as: str = ""
    "Base of the study whose weights it is said to serve; empty: nothing is compared."

    @property
    def note(self) -> str:
        """What must be said wherever its results are shown."""
        return f"a model behind an endpoint, asked as {self.api}; {HOW_LABELS[self.labels]}"

    def identity(self) -> dict[str, Any]:
        """Return what enters content ids: what changes an answer."""
        found: dict[str, Any] = {"served": self.url, "model": self.model, "api": self.api, "labels": self.labels}
        found |= {"eos": self.eos} if self.eos else {}
        found |= {"hint": self.hint} if self.labels != "logprobs" else {}
        return found | ({"thinking": self.thinking} if self.thinking else {}) | {"version": SERVED}


@dataclass(frozen=True, slots=True)
class ServedModel:
    """A model behind an endpoint, lent to its engine as a loaded model is."""

    served: Served
    "Where it is and how it is asked."
    folder: Path | None
    "Where its answers are kept; None: in memory."


def endpoint(url: str) -> str:
    """Return an endpoint's address as it is kept. Raises ModelError for what is none, or holds a secret."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise ModelError(f"served: {url!r} is no address: {error}; write http://HOST:PORT/v1") from None
    if parts.username or parts.password or "@" in parts.netloc:
        raise ModelError("served: the address holds a name or password, and it is stored with results; use `key:`")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ModelError(f"served: {url!r} is no address of a server; write http://HOST:PORT/v1")
    if parts.query or parts.fragment:
        raise ModelError(
            f"served: the address has something behind its path ({parts.query or parts.fragment!r}); leave it out"
        )
    path = parts.path.rstrip("/")
    for tail in ("/chat/completions", "/completions", "/models"):
        path = path.removesuffix(tail)
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}{f':{port}' if port is not None else ''}{path}"
