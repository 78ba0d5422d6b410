"""What asking a server will take: requests, tokens on both sides, money. An estimate from lengths, like all of a plan's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hanka.models.served import Served

REQUEST_SECONDS = 0.3
"Of one request, where nothing is known of the server."
ALIGNMENT = 9
"Requests by which a server's log-probabilities are checked before they are read."


@dataclass(frozen=True, slots=True)
class Requests:
    """What some rows ask of a server."""

    n: int
    "Requests."
    n_read: int
    "Tokens that the server reads, those of shared beginnings every time."
    n_written: int
    "Tokens that it writes at most."

    def seconds(self, served: Served) -> float:
        """Return how long it takes with as many requests at once, and a minute, as are allowed."""
        free = self.n * REQUEST_SECONDS / served.concurrency
        return max(free, 60.0 * self.n / served.per_minute) if served.per_minute else free

    def money(self, served: Served) -> float | None:
        """Return what it costs, in the currency of the price; None where no price is stated."""
        price = served.price
        return None if price is None else (self.n_read * price.input + self.n_written * price.output) / 1e6

    def __add__(self, other: Requests) -> Requests:
        """Return both."""
        return Requests(self.n + other.n, self.n_read + other.n_read, self.n_written + other.n_written)


def requests_of(served: Served, n_rows: int, before: float, n_labels: int, n_new: float, ends: bool) -> Requests:
    """Return what rows ask.

    before: mean tokens of a question with all that stands before it; n_labels: 0 where text is written or scored; n_new:
    tokens written a row; ends: whether labels are scored with what ends an answer.
    """
    if n_labels and served.labels == "logprobs":
        n_ends = (2 + bool(served.eos)) if ends else 1
        n = n_rows * n_labels * n_ends
        return Requests(n, int(n * (before + 2)), n)
    n_written = int(n_rows * ((8 if n_labels else n_new) + served.thinking))
    return Requests(n_rows, int(n_rows * before), n_written)


def steered_requests(n_rows: int, before: float, n_label: float, n_new: float) -> Requests:
    """Return what rows ask of a server that is steered: one request for every token of a text, and for every place of a label.

    n_label: tokens of all labels behind which the server is asked; the place where they begin is shared.
    """
    each = n_new if n_new else 1 + n_label
    n = int(n_rows * each)
    return Requests(n, int(n * (before + (n_new / 2 if n_new else 1))), n)


def spelt_money(asked: Requests, served: Served) -> dict[str, Any]:
    """Return a server's part of a plan as programs read it."""
    money = asked.money(served)
    return {
        "n_requests": asked.n,
        "n_read": asked.n_read,
        "n_written": asked.n_written,
        "money": None if money is None else round(money, 4),
        "currency": served.price.currency if served.price else None,
    }
