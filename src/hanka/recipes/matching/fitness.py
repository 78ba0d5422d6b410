"""Is a variant fit to prepare rows? It labels pairs to validate on, beside a rule that counts shared words.

The rule's threshold is chosen on training rows. A teacher is fit where its accuracy is shown to be above the rule's: the lower end of the
paired interval (95 %, rows about one record are one unit) is above 0. One that is not fit prepares nothing: what would be trained on
its rows fails with that reason, instead of a result that nobody could read.
Limits: labelling well is no proof of explaining or writing well; it is what can be checked against people's labels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hanka.datasets.matching.rules import fitted_threshold, rule_label
from hanka.errors import DataError, UnitError
from hanka.identity import stream
from hanka.recipes.contract import How, RecipeRequest
from hanka.records import Example, Parent

FEWEST = 2


def require_fit(request: RecipeRequest, parent: Parent, dataset: str) -> None:
    """Tell how a teacher labels pairs to validate on, and raise UnitError where it is not shown to beat the rule."""
    labels = request.task(dataset).labels
    rows = list(request.rows(dataset, "validation", None))
    if len(rows) < FEWEST:
        raise DataError(
            f"data set {dataset} has {len(rows)} rows to validate on, and at least {FEWEST} judge a teacher: give it some "
            f"(`validation: FILE`, or `train.validation` as a share)"
        )
    cut = fitted_threshold(request.rows(dataset, "train", request.asked), labels[0])
    answers = request.answer(parent, rows, How(dataset))
    found = fitness(
        rows,
        [float(one.parsed == row.target) for row, one in zip(rows, answers, strict=True)],
        [float(rule_label(row, cut, labels) == row.target) for row in rows],
        request.seed,
    )
    request.tell({"teacher": found})
    if not found["fit"]:
        raise UnitError(f"teacher unfit: {found['said'][0]}")


def fitness(rows: Sequence[Example], teacher: Sequence[float], rule: Sequence[float], seed: int) -> Mapping[str, Any]:
    """Compare hits of a teacher with those of the rule on the same rows."""
    import numpy as np

    from hanka.metrics.base import mean
    from hanka.stats import ComparisonSettings, compare, plan_resampling

    n, groups = len(rows), [row.group for row in rows]
    means = sum(teacher) / n, sum(rule) / n
    low = high = None
    if len({row.group or row.id for row in rows}) >= FEWEST:
        plan = plan_resampling(n, stream(seed, "fitness"), groups if any(groups) else None)
        result = compare(np.asarray(teacher), np.asarray(rule), mean, plan, ComparisonSettings(binary=True))
        low, high = result.low, result.high
    ends = "no interval" if low is None else f"{low:+.3f}, {high:+.3f}"
    is_fit = low is not None and low > 0
    said = (
        f"{means[0]:.3f} of {n} labelled pairs right, {means[1]:.3f} by a rule that counts shared words: {means[0] - means[1]:+.3f} [{ends}], "
        f"{'shown to be' if is_fit else 'not shown to be'} above 0"
    )
    found = {"n": n, "metric": "accuracy", "teacher": means[0], "rule": means[1], "low": low, "high": high}
    return found | {"fit": is_fit, "said": [said]}
