"""Requests to one server: tried again while it fails, no more at once and a minute than allowed, with a key that is never kept.

A request that the server understands and refuses is `RejectedError`: the row fails with its reason. A server that is gone, a key
or a model that it does not take are UnitError: nothing else would be answered either. Time is told by a clock that cannot jump. The first request that
finds the server gone ends all others.
"""

from __future__ import annotations

import math
import os
import random
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any, NoReturn, TypeVar

import requests
from requests.adapters import HTTPAdapter

from hanka.errors import UnitError, nearest
from hanka.models.served import Served

T = TypeVar("T")

FIRST_WAIT, LONGEST_WAIT = 0.5, 30.0
"Seconds before a request is tried again: the first time, and at most; doubled in between, and drawn from the upper half."
BUSY = (408, 409, 425, 429, 500, 502, 503, 504, 529)
"Statuses that pass."
SAME_FAILURES = 8
"So many equal messages with status 500 are an answer: the server cannot do what it is asked."
LONGEST_REASON = 200
"Characters of a server's message that are kept."


class RejectedError(Exception):
    """The server understood a request and refuses it; its text says why."""


class MalformedError(Exception):
    """An answer came back that is none; its text says why."""


class BusyError(Exception):
    """The server cannot answer now."""

    def __init__(self, why: str, wait: float | None = None, *, is_final: bool = False) -> None:
        super().__init__(why)
        self.wait, self.is_final = wait, is_final


class Bearer(requests.auth.AuthBase):
    """Sends a key; set as `auth`, so that no file of the user's replaces it."""

    def __init__(self, key: str) -> None:
        self._key = key

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Put the key into the header."""
        if self._key:
            request.headers["Authorization"] = f"Bearer {self._key}"
        return request


def key_of(served: Served) -> str:
    """Return a server's key. Raises UnitError where its variable is not set."""
    if not served.key:
        return ""
    found = os.environ.get(served.key, "").strip()
    if not found:
        raise UnitError(f"{served.url}: the environment variable {served.key}, which holds its key, is not set")
    if not found.isascii() or not found.isprintable() or " " in found:
        raise UnitError(
            f"{served.url}: the environment variable {served.key} holds characters that no key has, such as a line's end"
        )
    return found


@dataclass(slots=True)
class Client:
    """Asks one server; may be shared by threads."""

    served: Served
    "The server."
    n_requests: int = 0
    "Requests sent, those tried again among them."
    n_retries: int = 0
    "Of these, tried again."
    _key: str = field(init=False, repr=False)
    _session: requests.Session = field(init=False, repr=False)
    _settings: dict[str, Any] = field(init=False, repr=False)
    _lock: threading.Lock = field(init=False, repr=False, default_factory=threading.Lock)
    _next: float = field(init=False, default=0.0)
    _n_answered: int = field(init=False, default=0)
    _over: threading.Event = field(init=False, repr=False, default_factory=threading.Event)
    _why: str = field(init=False, default="")

    def __post_init__(self) -> None:
        self._key = key_of(self.served)
        self._session = requests.Session()
        self._session.auth = Bearer(self._key)
        for scheme in ("http://", "https://"):  # a connection for each request under way, kept for those to come
            self._session.mount(scheme, HTTPAdapter(pool_connections=1, pool_maxsize=self.served.concurrency))
        # Proxies and certificates of the environment: looked up once, for that takes a third of what a request takes here.
        self._settings = dict(self._session.merge_environment_settings(self.served.url, {}, False, None, None))

    def stop(self, why: str) -> None:
        """Let every request that is under way or to come fail at once, with this reason."""
        with self._lock:
            self._why = self._why or why
        self._over.set()

    def post(self, path: str, body: Mapping[str, Any], read: Callable[[Any], T]) -> tuple[T, float]:
        """Ask, and return what `read` makes of the answer, with the seconds that this answer took.

        read: raises MalformedError for what is no answer. Raises RejectedError, or UnitError where the server is gone for good.
        """
        return self._patiently(lambda: _read(read, self._send("POST", path, body)))

    def get(self, path: str, read: Callable[[Any], T]) -> T:
        """Read what a server says of itself; raises as `post` does."""
        return self._patiently(lambda: _read(read, self._send("GET", path, None)))[0]

    def require_model(self) -> None:
        """Raise UnitError where the server refuses the key, or has no model of this name; it may keep to itself what it serves."""
        try:
            listed = self.get("/models", _model_names)
        except RejectedError:
            return
        if listed and self.served.model not in listed:
            raise UnitError(
                f"{self.served.url} serves no model {self.served.model!r}: {nearest(self.served.model, listed)}"
            )

    # ---- one request

    def _patiently(self, attempt: Callable[[], T]) -> tuple[T, float]:
        began, n_failed, told, same = math.inf, 0, "", 0
        while True:
            self._wait_for_turn(min(began, time.monotonic()) + self.served.patience if n_failed else math.inf)
            started = time.monotonic()
            began = min(began, started)
            try:
                found = attempt()
            except (BusyError, MalformedError) as error:
                said = self._safe(str(error))
                same = same + 1 if said == told else 1
                told, n_failed = said, n_failed + 1
                with self._lock:
                    self.n_retries += 1
                    others_work = self._n_answered > 0
                is_final = same >= SAME_FAILURES and (isinstance(error, MalformedError) or error.is_final)
                if is_final and others_work:
                    raise RejectedError(f"{told} ({n_failed} times)") from None
                wait = self._pause(error, n_failed - 1)
                if is_final or time.monotonic() + wait - began > self.served.patience:
                    self._give_up(f"{told} (tried {n_failed} times in {time.monotonic() - began:.0f} s)")
                self._sleep(wait)
            else:
                with self._lock:
                    self._n_answered += 1
                return found, time.monotonic() - started

    def _give_up(self, why: str) -> NoReturn:
        """End this request and all others: the server is gone."""
        self.stop(f"{self.served.url}: {why}; answers that came are kept, and the same command goes on from there")
        raise UnitError(self._why)

    def _sleep(self, seconds: float) -> None:
        """Wait; raises UnitError as soon as the server counts as gone."""
        if self._over.wait(max(0.0, seconds)):
            raise UnitError(self._why)

    def _pause(self, error: Exception, n_failed: int) -> float:
        """Return how long to wait, and let all other requests wait as long where the server says how long."""
        asked = error.wait if isinstance(error, BusyError) else None
        if asked is None:
            longest: float = min(LONGEST_WAIT, FIRST_WAIT * 2**n_failed)
            return longest * random.uniform(0.5, 1.0)  # noqa: S311 - spreads requests, decides nothing
        with self._lock:
            self._next = max(self._next, time.monotonic() + asked)
        return asked

    def _wait_for_turn(self, until: float) -> None:
        """Keep to the rate that is allowed, over all threads; until: when a turn comes too late."""
        gap = 60.0 / self.served.per_minute if self.served.per_minute else 0.0
        with self._lock:
            now = time.monotonic()
            start = max(now, self._next)
            if gap:
                self._next = start + gap
            self.n_requests += 1
        if start > until:
            self._give_up(
                f"it asks to wait {start - now:.0f} s, and that is longer than its patience of {self.served.patience:g} s"
            )
        self._sleep(start - now)

    def _send(self, method: str, path: str, body: Mapping[str, Any] | None) -> Any:
        try:
            asked = self._session.prepare_request(requests.Request(method, self.served.url + path, json=body))
            patience = (min(30.0, self.served.timeout), self.served.timeout)
            answer = self._session.send(asked, timeout=patience, **self._settings)
        except requests.Timeout:
            raise BusyError(f"no answer within {self.served.timeout:g} s") from None
        except (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema) as error:
            raise UnitError(f"{self.served.url}: {self._safe(str(error))}") from None
        except requests.RequestException as error:
            raise BusyError(f"cannot be reached or broke off ({type(error).__name__})") from None
        self._require_answered(answer, path)
        try:
            return answer.json()
        except ValueError:
            if path == "/models":
                return {}
            raise MalformedError("the answer is no JSON") from None

    def _require_answered(self, answer: requests.Response, path: str) -> None:
        status = answer.status_code
        if status == 200:
            return
        said = self._safe(_message(answer))
        told = f"status {status}" + (f": {said}" if said else "")
        if status == 402:
            raise UnitError(
                f"{self.served.url} asks for payment: {told}; answers that came are kept, and the same command goes on"
            )
        if status == 401 or (status == 403 and path != "/models"):
            given = (
                f"the key in {self.served.key}" if self.served.key else "a request without key (server: {key: NAME})"
            )
            raise UnitError(f"{self.served.url} refuses {given}: {told}")
        if status in BUSY:
            raise BusyError(told, _retry_after(answer), is_final=status == 500)
        if status in (404, 405) and path != "/models":
            raise UnitError(
                f"{self.served.url}{path}: {told}; is the model {self.served.model!r} there, and the address right?"
            )
        raise RejectedError(told)

    def _safe(self, text: str) -> str:
        """Return a server's words without the key, should it repeat it."""
        cleaned = text.replace(self._key, "***") if self._key else text
        return " ".join(cleaned.split())[:LONGEST_REASON]


def _read(read: Callable[[Any], T], found: Any) -> T:
    """Read an answer; one of another shape than the protocol's is malformed."""
    try:
        return read(found)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise MalformedError(f"the answer is not of the protocol's shape ({type(error).__name__})") from None


def _message(answer: requests.Response) -> str:
    """Return what a server says of an error."""
    try:
        found = answer.json()
    except ValueError:
        return answer.text
    for name in ("error", "detail", "message"):
        one = found.get(name) if isinstance(found, dict) else None
        if isinstance(one, dict):
            one = one.get("message", one)
        if one:
            return str(one)
    return str(found)


def _retry_after(answer: requests.Response) -> float | None:
    """Return the seconds that a server asks to wait: a number, or a moment on its own clock."""
    said = answer.headers.get("Retry-After", "").strip()
    if not said:
        return None
    try:
        return min(max(float(said), 0.0), 3600.0)
    except ValueError:
        pass
    try:
        until, now = parsedate_to_datetime(said), parsedate_to_datetime(answer.headers["Date"])
        return min(max((until - now).total_seconds(), 0.0), 3600.0)
    except (KeyError, TypeError, ValueError):
        return None


def _model_names(found: Any) -> list[str]:
    if not isinstance(found, dict) or not isinstance(found.get("data"), list):
        return []
    return [str(one["id"]) for one in found["data"] if isinstance(one, dict) and "id" in one]
