"""Servers that `benchmarks.served` asks: real ones, started here from a command, and one without a model that answers after a fixed time.

The server without a model (`python -m benchmarks.serving PORT FOLDER MILLISECONDS`) cuts text with the tokenizer of a model's folder and
gives every token a log-probability that follows from the tokens before it, the same whether it stands in a prompt or is written. It waits
once per request, as many at once as are asked, so what a client takes beyond that time is its own.
"""

from __future__ import annotations

import hashlib
import json
import shlex
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

PATIENCE = 300.0
"Seconds that a server may take to load its model."
WRITTEN = " the"
"What the server without a model writes, again and again."
SYNTHETIC = f"{sys.executable} -m benchmarks.serving {{port}} {{folder}} {{milliseconds}}"
"How it is started."


@contextmanager
def started(command: str, **places: str) -> Iterator[str]:
    """Start a server from a command with {port} and other places in it; gives its address, and ends it with the block."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = [word.format(port=port, **places) for word in shlex.split(command)]
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(words, stdout=log, stderr=log)
        try:
            _wait_for(f"http://127.0.0.1:{port}/v1", process, log)
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            process.terminate()
            process.wait(30)


def _wait_for(url: str, process: subprocess.Popen[bytes], log: Any) -> None:
    import requests

    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        if process.poll() is not None:
            log.seek(0)
            raise SystemExit(
                f"the server ended with {process.returncode}: {log.read().decode(errors='replace')[-2000:]}"
            )
        try:
            if requests.get(f"{url}/models", timeout=5).ok:
                return
        except requests.RequestException:
            time.sleep(0.2)
    raise SystemExit(f"the server at {url} did not answer within {PATIENCE:.0f} s")


class Synthetic(BaseHTTPRequestHandler):
    """Completions without a model."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    tokenizer: Any
    seconds: float

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        """List the only model."""
        self._reply({"object": "list", "data": [{"id": "synthetic"}]})

    def do_POST(self) -> None:
        """Answer a completion."""
        until = time.monotonic() + self.seconds
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        found = self._completion(body)
        time.sleep(max(0.0, until - time.monotonic()))
        self._reply(found)

    def _completion(self, body: Mapping[str, Any]) -> dict[str, Any]:
        prompt = str(body["prompt"])
        encoded = self.tokenizer.encode(prompt, add_special_tokens=False)
        n_new = 1 if body.get("echo") else int(body["max_tokens"])
        ids = [*encoded.ids, *self.tokenizer.encode(WRITTEN, add_special_tokens=False).ids * n_new]
        first = 0 if body.get("echo") else len(encoded.ids)
        choice: dict[str, Any] = {"index": 0, "finish_reason": "length"}
        choice["text"] = (prompt if body.get("echo") else "") + WRITTEN * n_new
        if body.get("logprobs"):
            texts = [self.tokenizer.decode([one]) for one in ids]
            values = log_probs(ids)
            choice["logprobs"] = {
                "tokens": texts[first:],
                "token_logprobs": [None if not at else values[at] for at in range(first, len(ids))],
                "top_logprobs": [{texts[at]: values[at]} for at in range(first, len(ids))],
                "text_offset": [*(start for start, _ in encoded.offsets), *[len(prompt)] * n_new][first:],
            }
        usage = {"prompt_tokens": len(encoded.ids), "completion_tokens": n_new}
        return {"object": "text_completion", "choices": [choice], "usage": usage}

    def _reply(self, found: Any) -> None:
        data = json.dumps(found).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def log_probs(ids: Sequence[int]) -> list[float]:
    """Return a log-probability of every token that follows from it and those before it alone."""
    state = hashlib.sha256()
    values = []
    for one in ids:
        state.update(one.to_bytes(4, "little"))
        values.append(-(int.from_bytes(state.copy().digest()[:2], "little") / 6553.6 + 0.01))
    return values


class Server(ThreadingHTTPServer):
    """Takes as many connections at once as are opened."""

    daemon_threads = True
    request_queue_size = 512


def main() -> int:
    """Serve until the process is ended."""
    from tokenizers import Tokenizer

    port, folder, milliseconds = sys.argv[1:]
    Synthetic.tokenizer = Tokenizer.from_file(str(Path(folder) / "tokenizer.json"))
    Synthetic.seconds = float(milliseconds) / 1000
    Server(("127.0.0.1", int(port)), Synthetic).serve_forever()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
