"""A server on loopback that speaks completions and chat completions with a tiny model, and fails as it is told to."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import torch

from tiny_models import tiny_model, tiny_tokenizer

Fault = Callable[["Handler", dict[str, Any]], bool]
"Answers a request in another way and tells that it did; False: the request is answered as usual."


@dataclass
class ModelServer:
    """What is served, and what was asked."""

    model: Any
    "A causal model."
    tokenizer: Any
    "Its tokenizer."
    name: str = "tiny"
    "What it is called."
    misplaced: bool = False
    "Whether it gives beside a token of a prompt what that would be worth behind itself."
    n_listed: int = 10**9
    "Tokens that it lists as what might be written next, at most."
    echoes: bool = True
    "Whether it gives log-probabilities of a prompt."
    adds_bos: bool = False
    "Whether it puts BOS before every prompt, and says so."
    takes_ids: bool = True
    "Whether a prompt may be token ids."
    numbers: bool = False
    "Whether it names listed tokens by their number, as vLLM does where it is told to."
    lists: bool = True
    "Whether it lists what might be written next."
    says: Callable[[list[dict[str, str]]], str] | None = None
    "What it answers to turns; None: the model continues them."
    faults: list[Fault] = field(default_factory=list)
    "Each is tried on the next requests until it answers, then dropped."
    asked: list[dict[str, Any]] = field(default_factory=list)
    "Every body that was answered as usual."
    paths: list[str] = field(default_factory=list)
    "Every path, those that met a fault among them."
    keys: set[str] = field(default_factory=set)
    "Every Authorization header."
    url: str = ""
    "Its address."
    most_at_once: int = 0
    "Requests under way at once, at most."
    known: dict[tuple[Any, ...], dict[str, Any]] = field(default_factory=dict)
    "Completions given before, which servers of equal models may share."
    lock: Any = field(default_factory=threading.Lock)
    now: int = 0

    def completion(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Answer a completion as before where it was asked before."""
        ways = self.misplaced, self.n_listed, self.echoes, self.adds_bos, self.numbers, self.lists
        key = (json.dumps(body, sort_keys=True), *ways)
        if key not in self.known:
            self.known[key] = self._completed(body)
        return self.known[key]

    def _completed(self, body: Mapping[str, Any]) -> dict[str, Any]:
        prompt = body["prompt"]
        is_text = isinstance(prompt, str)
        ids = self.tokenizer([prompt], add_special_tokens=False)["input_ids"][0] if is_text else list(prompt)
        if self.adds_bos and is_text:
            ids = [self.tokenizer.bos_token_id, *ids]
        written, values = self._written(ids, int(body.get("max_tokens", 16)), body)
        text = self.tokenizer.decode(written)
        finish = "length"
        for stop in body.get("stop") or ():
            if stop in text:
                text, finish = text.split(stop)[0], "stop"
        given: dict[str, Any] | None = None
        if body.get("logprobs") is not None and (self.echoes if body.get("echo") else self.lists):
            given = self._echoed(ids, written, values) if body.get("echo") else self._given(ids, written, values, body)
        return {
            "choices": [
                {
                    "index": 0,
                    "text": (prompt if body.get("echo") else "") + text,
                    "logprobs": given,
                    "finish_reason": finish,
                }
            ],
            "usage": {"prompt_tokens": len(ids), "completion_tokens": len(written)},
        }

    def chat(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Answer turns."""
        turns = list(body["messages"])
        if self.says is not None:
            text = self.says(turns)
        else:
            prompt = "".join(turn["content"] for turn in turns)
            text = self.completion({**body, "prompt": prompt, "logprobs": None})["choices"][0]["text"]
        message = {"role": "assistant", "content": text}
        return {
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 7 * len(turns), "completion_tokens": len(text.split())},
        }

    def _written(self, ids: list[int], limit: int, body: Mapping[str, Any]) -> tuple[list[int], list[float]]:
        found: list[int] = []
        values: list[float] = []
        temperature = float(body.get("temperature", 1.0))
        generator = torch.Generator().manual_seed(int(body.get("seed", 0)))
        for _ in range(limit):
            with self.lock, torch.inference_mode():
                logs = self.model(input_ids=torch.tensor([[*ids, *found]])).logits[0, -1].float().log_softmax(-1)
            drawn = (
                int(logs.argmax()) if not temperature else int(torch.multinomial(logs.exp(), 1, generator=generator))
            )
            if drawn == self.tokenizer.eos_token_id:
                break
            found.append(drawn)
            values.append(float(logs[drawn]))
        return found, values

    def _given(
        self, ids: list[int], written: list[int], values: list[float], body: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Of the first place, list the most probable tokens by their text; equal texts hide each other."""
        tokens = [self.tokenizer.decode([one]) for one in written]
        with self.lock, torch.inference_mode():
            logs = self.model(input_ids=torch.tensor([ids])).logits[0, -1].float().log_softmax(-1)
        order = logs.argsort(descending=True).tolist()[: min(int(body["logprobs"]), self.n_listed)]
        names = [f"token_id:{one}" if self.numbers else self.tokenizer.decode([one]) for one in order]
        listed = {name: float(logs[one]) for name, one in zip(names, order, strict=True)}
        return {
            "tokens": tokens,
            "token_logprobs": values,
            "top_logprobs": [listed],
            "text_offset": [len(body["prompt"])] * len(tokens),
        }

    def _echoed(self, ids: list[int], written: list[int], values: list[float]) -> dict[str, Any]:
        with self.lock, torch.inference_mode():
            logs = self.model(input_ids=torch.tensor([ids])).logits[0].float().log_softmax(-1)
        own: list[float | None] = [None, *(float(logs[at, token]) for at, token in enumerate(ids[1:]))]
        if self.misplaced:
            own = [None, *(float(logs[at, token]) for at, token in enumerate(ids) if at)]
        told = [*own, *values]
        every = [*ids, *written]
        return {
            "tokens": [self.tokenizer.decode([one]) for one in every],
            "token_logprobs": told,
            "text_offset": [len(self.tokenizer.decode(every[:at])) for at in range(len(every))],
        }


class Handler(BaseHTTPRequestHandler):
    """One request."""

    protocol_version = "HTTP/1.1"
    served: ModelServer

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        self.served.paths.append(self.path)
        self.reply({"data": [{"id": self.served.name}]}) if self.path.endswith("/models") else self.reply(
            {"error": "no"}, 404
        )

    def do_POST(self) -> None:
        served = self.served
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with served.lock:
            served.paths.append(self.path)
            served.keys.add(self.headers.get("Authorization", ""))
            served.now += 1
            served.most_at_once = max(served.most_at_once, served.now)
            fault = served.faults[0] if served.faults else None
        try:
            if fault is not None and fault(self, body):
                with served.lock:
                    if fault in served.faults:
                        served.faults.remove(fault)
                return
            if not served.takes_ids and isinstance(body.get("prompt"), list):
                self.reply({"detail": "prompt must be a string"}, 422)
                return
            found = served.chat(body) if self.path.endswith("/chat/completions") else served.completion(body)
            with served.lock:
                served.asked.append(body)
            self.reply(found)
        finally:
            with served.lock:
                served.now -= 1

    def reply(self, found: Any, status: int = 200, **headers: str) -> None:
        """Send JSON."""
        self.reply_bytes(json.dumps(found).encode(), status, **headers)

    def reply_bytes(self, data: bytes, status: int = 200, **headers: str) -> None:
        """Send bytes as JSON; a header `Content_Length` lies about how many."""
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", headers.pop("Content_Length", str(len(data))))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(data)


@cache
def _made(changes: tuple[tuple[str, Any], ...]) -> tuple[Any, Any, dict[tuple[Any, ...], dict[str, Any]]]:
    return tiny_model(**dict(changes)), tiny_tokenizer(), {}


def tiny_server(changes: Mapping[str, Any] | None = None, **ways: Any) -> ModelServer:
    """A server of the tiny model; those of equal ones share the model and what it completed."""
    model, tokenizer, known = _made(tuple(sorted((changes or {}).items())))
    return ModelServer(model, tokenizer, known=known, **ways)


@contextmanager
def serving(served: ModelServer) -> Iterator[ModelServer]:
    """Serve on a free port of loopback until the block ends."""
    handler = type("OwnHandler", (Handler,), {"served": served})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    served.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    try:
        yield served
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


def hang(seconds: float) -> Fault:
    """Let the first byte wait."""

    def fault(handler: Handler, _: dict[str, Any]) -> bool:
        time.sleep(seconds)
        handler.close_connection = True
        return True

    return fault


def status(code: int, message: str = "later", **headers: str) -> Fault:
    """Answer with a status."""

    def fault(handler: Handler, _: dict[str, Any]) -> bool:
        handler.reply({"error": {"message": message}}, code, **headers)
        return True

    return fault


def data(text: bytes, **headers: str) -> Fault:
    """Answer with bytes."""

    def fault(handler: Handler, _: dict[str, Any]) -> bool:
        handler.reply_bytes(text, **headers)
        handler.close_connection = True
        return True

    return fault


def cut() -> Fault:
    """Close the connection without a word."""

    def fault(handler: Handler, _: dict[str, Any]) -> bool:
        handler.close_connection = True
        handler.connection.shutdown(2)
        return True

    return fault
