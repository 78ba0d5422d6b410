"""Requests to one server, several at once: what was answered before is not sent again, and what it took is counted.

Between an engine, which knows questions, and the client, which knows one request. The first error that is the server's, not a row's,
ends the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from statistics import median
from typing import Any, TypeVar

from hanka.engines.contract import Refusal
from hanka.engines.served.client import Client, RejectedError
from hanka.engines.served.responses import Kept, Responses, request_keys
from hanka.errors import UnitError
from hanka.models.served import ServedModel

T = TypeVar("T")
COMPLETIONS, CHAT = "/completions", "/chat/completions"


class Asker:
    """Asks one server for one variant."""

    def __init__(self, lent: ServedModel) -> None:
        self.served = lent.served
        self.client = Client(lent.served)
        self._responses = Responses(lent.folder)
        self._taken: list[float] = []
        self._timed: list[float] = []
        "Seconds of every answer, those that were there with the seconds that they took then."
        self._n_kept = self._n_read = self._n_written = 0
        self._kept_seconds = 0.0

    def account(self) -> dict[str, Any]:
        """Return what asking took since the last call: requests, those answered before, and seconds of one, and of each (`timed`)."""
        taken = {
            "n_requests": self.client.n_requests,
            "n_retries": self.client.n_retries,
            "n_kept": self._n_kept,
            "n_read": self._n_read,
            "n_written": self._n_written,
            "request_seconds": round(median(self._taken), 4) if self._taken else None,
            "concurrency": self.served.concurrency,
            "kept_seconds": round(self._kept_seconds / self.served.concurrency, 3),
            "timed": self._timed,
        }
        self.client.n_requests = self.client.n_retries = self._n_kept = self._n_read = self._n_written = 0
        self._taken, self._timed, self._kept_seconds = [], [], 0.0
        return taken

    def body(self, what: Mapping[str, Any]) -> dict[str, Any]:
        """Return a request with the model's name."""
        return {"model": self.served.model, **what}

    def ask(
        self,
        path: str,
        bodies: list[dict[str, Any]],
        read: Callable[[Any], T] | Sequence[Callable[[Any], T]],
        looked_for: Sequence[Any] = (),
    ) -> list[T | Refusal]:
        """Send what was not answered before, several at once, and return all answers in order.

        looked_for: what is kept of each answer, where that is not all. Raises UnitError where the server is gone for good.
        """
        readers = [read] * len(bodies) if callable(read) else list(read)
        keys = request_keys(path, list(bodies), looked_for)
        with ThreadPoolExecutor(self.served.concurrency) as pool:
            futures = [
                pool.submit(self._one, path, body, key, reader)
                for body, key, reader in zip(bodies, keys, readers, strict=True)
            ]
            try:
                found = [future.result() for future in futures]
            except BaseException as error:
                if not isinstance(error, Exception):
                    self.client.stop("interrupted")
                pool.shutdown(wait=True, cancel_futures=True)
                raise
        for value, seconds, was_there in found:
            self._count(value, seconds, was_there)
        return [value for value, _, _ in found]

    def _one(
        self, path: str, body: dict[str, Any], key: str, read: Callable[[Any], T]
    ) -> tuple[T | Refusal, float, bool]:
        """Return an answer with the seconds that it took, and whether it was there."""
        kept = self._responses.get(key)
        if kept is not None:
            return kept.value, kept.seconds, True
        try:
            found, seconds = self.client.post(path, body, read)
        except UnitError as error:
            said = str(error)
            raise UnitError(said if said.startswith(self.served.url) else f"{self.served.url}: {said}") from None
        except RejectedError as error:
            return Refusal(f"the server refuses the request: {error}"), 0.0, False
        self._responses.keep(key, Kept(found, seconds))
        return found, seconds, False

    def _count(self, value: Any, seconds: float, was_there: bool) -> None:
        if not isinstance(value, dict):
            return
        self._n_read += value.get("n_read") or 0
        self._n_written += value.get("n_tokens") or 0
        self._n_kept += was_there
        self._timed.append(seconds)
        if was_there:
            self._kept_seconds += seconds
        else:
            self._taken.append(seconds)
