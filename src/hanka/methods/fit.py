"""How well rows are fitted: loss and accuracy on a bounded sample, by name, n and value, for variant.json.

adapt → **record["fit"]** → the reading side, which judges whether a training trained. Light: numbers in, numbers out.
Limits: a sample bounds the cost, so an accuracy on `OWN_ROWS` rows is known to about ±0.14.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple, TypeVar

from hanka.datasets.splits import hash_key
from hanka.errors import UnitError

T = TypeVar("T")
When = Literal["before", "after"]

OWN_ROWS = 48
"Training rows that are looked at: before and after together about as dear as a pass of training over half as many."
VALIDATION_ROWS = 192
"Rows to validate on that are looked at."


class Fitted(NamedTuple):
    """What a model makes of one row."""

    log_likelihoods: tuple[float, ...]
    "Of each supervised token (nats)."
    target: str
    "The right answer."
    labels: tuple[str, ...] = ()
    "Label words of its task; empty where it has none."
    scores: tuple[float, ...] = ()
    "Log-likelihood of each label (nats)."

    @property
    def answer(self) -> str:
        """The label of the highest score, the first of equals; empty without labels."""
        if not self.labels:
            return ""
        return self.labels[max(range(len(self.labels)), key=lambda place: self.scores[place])]


def chosen(ids: Sequence[str], most: int) -> list[int]:
    """Return the places of at most `most` rows, ascending: the same ones whatever the order of the rows."""
    by_hash = sorted(range(len(ids)), key=lambda place: (hash_key("fit", ids[place]), place))
    return sorted(by_hash[:most])


def entries(rows: Literal["train", "validation"], when: When, fitted: Sequence[Fitted]) -> list[dict[str, Any]]:
    """Return what variant.json holds of rows: the loss, and the accuracy where their tasks have labels.

    loss: mean cross-entropy per supervised token (nats). accuracy: share of rows whose label scores highest; beside it the
    share of the commonest target, the nats a row costs, and those it would cost to guess evenly among the labels.
    Raises UnitError for a number that is none.
    """
    found = []
    nats = [-sum(one.log_likelihoods) for one in fitted]
    n_tokens = sum(len(one.log_likelihoods) for one in fitted)
    if n_tokens:
        value = sum(nats) / n_tokens
        if not math.isfinite(value):
            raise UnitError(f"{when} training, the loss on {rows} rows is {value}; lower the learning rate")
        found.append(_entry(rows, when, "loss", len(fitted), value) | {"n_tokens": n_tokens})
    labelled = [(one, cost) for one, cost in zip(fitted, nats, strict=True) if one.labels]
    if labelled:
        n = len(labelled)
        right = sum(1 for one, _ in labelled if one.answer == one.target)
        found.append(
            _entry(rows, when, "accuracy", n, right / n)
            | {
                "majority": Counter(one.target for one, _ in labelled).most_common(1)[0][1] / n,
                "nats_per_row": sum(cost for _, cost in labelled) / n,
                "guessing_nats": sum(math.log(len(one.labels)) for one, _ in labelled) / n,
            }
        )
    return found


def _entry(rows: str, when: str, metric: str, n: int, value: float) -> dict[str, Any]:
    return {"rows": rows, "when": when, "metric": metric, "n": n, "value": value}


def largest_change(before: Sequence[Fitted], after: Sequence[Fitted]) -> float:
    """Return by how many nats any log-likelihood of the same rows differs at most; 0: nothing that was looked at changed."""
    pairs = [
        (one, other)
        for first, second in zip(before, after, strict=True)
        for one, other in zip(
            (*first.log_likelihoods, *first.scores), (*second.log_likelihoods, *second.scores), strict=True
        )
    ]
    return max((abs(one - other) for one, other in pairs), default=0.0)
