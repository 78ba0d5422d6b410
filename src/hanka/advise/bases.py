"""What several base models of a run say of scale, and which of them knows the target text best.

focus → **bases** → inputs of question 2 and of remarks 1 and 5. Models are ordered by their parameters, as far as the catalogue knows them; each
is asked as it is, at the first asking. Rises and falls from one size to the next are judged together. Limits: models of several
families differ in more than their size.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from hanka.advise.focus import Focus, names
from hanka.advise.inputs import Given, counted, measured
from hanka.analysis.contrasts import Contrast, judging_interval
from hanka.analysis.evidence import CellEvidence
from hanka.metrics import METRICS, Metric
from hanka.models.listed import MODELS
from hanka.stats import LEAST_UNITS, normal_quantile

SCALE_FAMILY = "advise: model sizes"
FITS = "bits_per_byte"
"Metric by which models with different tokenizers can be compared on a text."


def bases(focus: Focus) -> dict[str, Given]:
    """Measure what the base models of the run show; {} of a run with one."""
    return _scale(focus) | _closest(focus)


def sizes_of(focus: Focus) -> dict[str, int]:
    """Return the parameters of the base models that are asked as they are, by name; those that the catalogue does not know are left out."""
    known = {}
    for name in dict.fromkeys(str(one.variant["base"]) for one in focus.evidence.done() if one.is_unadapted):
        entry = entry_of(focus.study, name)
        if entry is not None:
            known[name] = entry.n_parameters
    return known


def entry_of(study: Mapping[str, Any], name: str) -> Any:
    """Return the catalogue's entry of a base as the study names it; None where it is of elsewhere."""
    said = study.get("base")
    models = {one.get("name", one.get("model")): one.get("model") for one in _listed(said) if isinstance(one, dict)}
    wanted = str(models.get(name) or name).partition("@")[0]
    return next((one for one in MODELS if wanted in (one.name, one.hub_id)), None)


def _listed(said: Any) -> list[Any]:
    return said if isinstance(said, list) else [said]


def _scale(focus: Focus) -> dict[str, Given]:
    """Compare every model size with the next smaller one: the largest rise, and the worst fall."""
    sizes = sizes_of(focus)
    order = sorted(sizes, key=lambda one: sizes[one])
    distinct = [one for at, one in enumerate(order) if not at or sizes[one] > sizes[order[at - 1]]]
    if len(distinct) < 2:
        return {}
    found = {"n_model_sizes": counted(float(len(distinct)), "plan", about=names(distinct))}
    if not focus.is_in_points:
        return found
    steps = [
        (f"{small} → {large}", contrast)
        for small, large in pairwise(distinct)
        if (contrast := _step(focus, large, small)) is not None
    ]
    if not steps:
        return found
    together = focus.contrasts.judge([one for _, one in steps], SCALE_FAMILY)
    intervals = [judging_interval(one, together) for _, one in steps]
    gains = [focus.sign * one.delta for _, one in steps]
    ends = [sorted((focus.sign * one.low, focus.sign * one.high)) for one in intervals if one is not None]
    whole = len(ends) == len(intervals)
    n = max(one.n for _, one in steps)
    most, least = gains.index(max(gains)), gains.index(min(gains))
    rise = (max(low for low, _ in ends), max(high for _, high in ends)) if whole else None
    fall = (min(low for low, _ in ends), min(high for _, high in ends)) if whole else None
    found["scale_jump"] = measured(gains[most], rise, n, about=steps[most][0])
    found["largest_inversion"] = measured(gains[least], fall, n, about=steps[least][0])
    return found


def _step(focus: Focus, large: str, small: str) -> Contrast | None:
    """Compare two models on the test sets that both were asked alike."""
    others = {(one.cell["test_dataset"], one.asking): one for one in focus.first_prompted(base=small)}
    pairs = [
        pair
        for one in focus.first_prompted(base=large)
        if (other := others.get((one.cell["test_dataset"], one.asking))) is not None
        and (pair := focus.contrasts.pair(one, other, focus.metric)) is not None
    ]
    return focus.contrasts.pooled(pairs, focus.metric) if pairs else None


def _closest(focus: Focus) -> dict[str, Given]:
    """Measure by how many bits per byte the base that predicts the scored texts best is ahead of the next one.

    It is the best where it is shown to be ahead of each other one, so the least of the differences is what counts.
    """
    metric = METRICS.get(FITS)
    cells = [
        one
        for one in focus.evidence.done()
        if one.is_unadapted and FITS in focus.evidence.task(one.cell["test_task"])["metrics"]
    ]
    by_base: dict[str, list[CellEvidence]] = {}
    for one in cells:
        by_base.setdefault(str(one.variant["base"]), []).append(one)
    if len(by_base) < 2:
        return {}
    values = {name: _mean(focus, members, metric) for name, members in by_base.items()}
    best = min(values, key=lambda one: values[one])
    found = [_ahead(focus, members, by_base[best], metric) for name, members in by_base.items() if name != best]
    contrasts = [one for one in found if one is not None]
    if len(contrasts) < len(by_base) - 1:
        return {}
    z = normal_quantile(focus.level)
    ends = [one.interval(z) if one.n_units >= LEAST_UNITS else None for one in contrasts]
    known = [one for one in ends if one is not None]
    interval = (min(one.low for one in known), min(one.high for one in known)) if len(known) == len(ends) else None
    gap = min(one.delta for one in contrasts)
    tests = names(sorted({str(one.cell["test_dataset"]) for one in cells}))
    return {"closest_base_gap": measured(gap, interval, max(one.n for one in contrasts), about=f"{best}, {tests}")}


def _mean(focus: Focus, cells: list[CellEvidence], metric: Metric) -> float:
    values = [metric.value(focus.evidence.rows(one, metric).statistics) for one in cells]
    return sum(values) / len(values)


def _ahead(focus: Focus, others: list[CellEvidence], best: list[CellEvidence], metric: Metric) -> Contrast | None:
    by_test = {one.cell["test_dataset"]: one for one in best}
    pairs = [
        pair
        for one in others
        if (mine := by_test.get(one.cell["test_dataset"])) is not None
        and (pair := focus.contrasts.pair(one, mine, metric)) is not None
    ]
    return focus.contrasts.pooled(pairs, metric) if pairs else None
