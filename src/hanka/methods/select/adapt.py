"""The heavy half of `select`: every candidate is asked the same validation rows, and the best one is recorded.

Best is the best value of the task's primary metric; of equals, that of its next metric that ranks, and so on; then, where labels are
scored, the highest log-probability of the right label, since few rows are often answered alike; then the first named.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from hanka.errors import UnitError
from hanka.methods.contract import Adapted, AdaptRequest, TrainingPart
from hanka.methods.fit import chosen
from hanka.methods.select.params import SelectParams
from hanka.metrics import METRICS, ScoringContext
from hanka.records import Prediction

CERTAINTY = "label_log_probability"
"What decides between candidates that every metric finds equal."


def adapt_selected(request: AdaptRequest) -> Adapted:
    """Ask the candidates and record which one was chosen. Raises UnitError where one of them cannot be judged."""
    params, (part,) = request.adaptation.own, request.data.parts
    assert isinstance(params, SelectParams)
    places = chosen([one.id for one in part.validation], params.rows)
    asked = replace(
        part,
        validation=[part.validation[place] for place in places],
        demonstrations=part.demonstrations[: params.shots],
    )
    values: list[dict[str, float]] = []
    for at, one in enumerate(params.of):
        request.report(f"asking {one.of}, {len(places)} validation rows", at / len(params.of))
        values.append(_values(request.ask(at, asked), asked, one.of))
    ranks = [_rank(one) for one in values]
    best = max(ranks)
    return Adapted(
        tuner="",
        n_trained_parameters=0,
        record={
            "chosen": ranks.index(best),
            "metrics": list(values[0]),
            "n": len(places),
            "shots": params.shots,
            "candidates": [
                {"of": one.of, "step": one.step, "values": each} for one, each in zip(params.of, values, strict=True)
            ],
            "n_equal": ranks.count(best),
        },
    )


def _rank(values: Mapping[str, float]) -> tuple[float, ...]:
    """Return what is larger for the better one."""
    return tuple(
        value if name == CERTAINTY or METRICS.get(name).higher_is_better else -value for name, value in values.items()
    )


def _certainty(predictions: Sequence[Prediction], labels: Sequence[str]) -> dict[str, float]:
    """Return the mean log-probability (nats) of the right label among all labels; nothing where labels are not scored."""
    nats = []
    for one in predictions:
        if one.label_scores is None or one.target not in labels:
            return {}
        most = max(one.label_scores)
        whole = most + math.log(math.fsum(math.exp(score - most) for score in one.label_scores))
        nats.append(one.label_scores[labels.index(one.target)] - whole)
    return {CERTAINTY: math.fsum(nats) / len(nats)}


def _values(predictions: Sequence[Prediction], part: TrainingPart, label: str) -> dict[str, float]:
    """Return the task's metrics that rank, over all rows, the primary one first; last, how probable the right labels are."""
    failed = [one for one in predictions if one.status == "failed"]
    if failed:
        raise UnitError(
            f"{label} does not answer {len(failed)} of {len(predictions)} validation rows ({failed[0].reason}), so it cannot "
            f"be compared; take it out of `of`, or mend it"
        )
    context = ScoringContext(labels=part.task.labels, training_labels=part.task.labels)
    ranking = [one for one in map(METRICS.get, part.task.metrics) if one.higher_is_better is not None]
    if not ranking:
        raise UnitError(
            f"no metric of task {part.task.name} says which of two values is better: give it one that ranks"
        )
    values = {one.name: one.value(one.rows(predictions, context).statistics) for one in ranking}
    return values | _certainty(predictions, part.task.labels)
