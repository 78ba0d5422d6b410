"""Label scoring of the sentiment test set behind 4 and 8 demonstrations: hanka beside lm-eval's `hf` model.

Both sides start from the same texts, and both times hold building prompts and tokenising them. lm-eval gets
requests of (context, label with its end) and the batch size that was fastest on a few items, `auto` among them; its sharing of
one-token continuations is on, and with an end there are none. Repetitions alternate on `n_items`; choices are compared on all items once.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from benchmarks import workloads
from benchmarks.child import PeakMemory, measure
from benchmarks.comparison import Agreement, Comparison
from benchmarks.floors import Parameters, Work, count_parameters, floor_ratio, least_scoring, requested_scoring

SHOTS = (4, 8)
BATCH_SIZES: tuple[int | str, ...] = (1, 2, 4, 8)
"Tried for the peer; `auto` spent far longer on its own detection."
MAX_AUTO = 16
"lm-eval's `auto` tries this first; its log-softmax over 64 long rows of 49,152 logits would not fit most machines."
TRIAL_ITEMS = 12
SAME_CHOICE = 0.995


def hanka_side(shots: int, n_items: int, dtype: str = "float32") -> dict[str, Any]:
    """Score with hanka (child process)."""
    loaded = workloads.load(dtype)
    workloads.score(loaded, workloads.sentiment_queries(loaded, shots, 2))
    memory = PeakMemory()
    started = time.perf_counter()
    queries = workloads.sentiment_queries(loaded, shots, n_items)
    scores = workloads.score(loaded, queries)
    asked = [(query.ids, tuple((*label, *query.ends) for label in query.labels)) for query in queries]
    seconds = time.perf_counter() - started
    return {
        "seconds": seconds,
        "scores": scores,
        "mib": memory.mib(),
        "least": least_scoring(asked),
        "requested": requested_scoring(asked),
        "parameters": count_parameters(loaded.model),
    }


def peer_side(shots: int, n_items: int, batch_size: int | str, dtype: str = "float32") -> dict[str, Any]:
    """Score with lm-eval (child process)."""
    from lm_eval.api.instance import Instance
    from lm_eval.models.huggingface import HFLM

    loaded = workloads.load(dtype)
    peer = HFLM(
        pretrained=loaded.model,
        tokenizer=loaded.tokenizer,
        batch_size=batch_size,
        max_batch_size=MAX_AUTO,
        dtype=dtype,
        device="cpu",
    )

    def score(n_asked: int) -> list[list[float]]:
        texts = workloads.sentiment_texts(loaded, shots, n_asked)
        requests = [
            Instance("loglikelihood", {}, (context, label + loaded.tokenizer.eos_token), index)
            for index, context in enumerate(texts.contexts)
            for label in texts.labels
        ]
        found = [score for score, _ in peer.loglikelihood(requests, disable_tqdm=True)]
        n_labels = len(texts.labels)
        return [found[start : start + n_labels] for start in range(0, len(found), n_labels)]

    score(2)
    memory = PeakMemory()
    started = time.perf_counter()
    scores = score(n_items)
    return {"seconds": time.perf_counter() - started, "scores": scores, "mib": memory.mib()}


def compare(shots: int, n_items: int, n_all: int, repetitions: int) -> Comparison:
    """Measure both sides, alternating, and compare their choices on all items."""
    trials = {
        str(size): measure(
            "benchmarks.scoring:peer_side", shots=shots, n_items=min(TRIAL_ITEMS, n_items), batch_size=size
        )
        for size in BATCH_SIZES
    }
    best = min(BATCH_SIZES, key=lambda size: trials[str(size)]["seconds"])
    ours = [measure("benchmarks.scoring:hanka_side", shots=shots, n_items=n_all)]
    theirs = [measure("benchmarks.scoring:peer_side", shots=shots, n_items=n_all, batch_size=best)]
    same, gap = agreement(ours[0]["scores"], theirs[0]["scores"])
    details = {
        "items_per_repetition": n_items,
        "items_compared": n_all,
        "largest_log_likelihood_gap": gap,
        "trial_seconds": {size: one["seconds"] for size, one in trials.items()},
    }
    if n_items < n_all:
        ours, theirs = [], []
    for _ in range(repetitions - len(ours)):
        ours.append(measure("benchmarks.scoring:hanka_side", shots=shots, n_items=n_items))
        theirs.append(measure("benchmarks.scoring:peer_side", shots=shots, n_items=n_items, batch_size=best))
    last = ours[-1]
    least, requested = Work(*last["least"]), Work(*last["requested"])
    return Comparison(
        workload=f"label scoring, {shots} shots, {n_items} items",
        peer=f"lm-eval hf, batch size {best}",
        hanka_seconds=[one["seconds"] for one in ours],
        peer_seconds=[one["seconds"] for one in theirs],
        agreements=[Agreement(f"share of equal choices on {n_all} items", same, SAME_CHOICE, True)],
        floor_ratio=floor_ratio(least, requested, Parameters(*last["parameters"])),
        hanka_mib=max(one["mib"] for one in ours),
        peer_mib=max(one["mib"] for one in theirs),
        details=details | {"least": least._asdict(), "peer_forwards": requested._asdict()},
    )


def agreement(ours: list[list[float]], theirs: list[list[float]]) -> tuple[float, float]:
    """Return the share of items with the same best label and the largest difference of a log-likelihood, nats."""
    if len(ours) != len(theirs) or not ours:
        raise ValueError(f"{len(ours)} and {len(theirs)} items cannot be compared")
    same = sum(one.index(max(one)) == other.index(max(other)) for one, other in zip(ours, theirs, strict=True))
    gap = max(abs(a - b) for one, other in zip(ours, theirs, strict=True) for a, b in zip(one, other, strict=True))
    return same / len(ours), gap


def measure_all(n_items: int, n_all: int, repetitions: int) -> Iterator[Comparison]:
    """Measure both shot counts; choices are compared on `n_all` items, or on the timed ones where these are more."""
    for shots in SHOTS:
        yield compare(shots, n_items, max(n_items, n_all), repetitions)
