"""How well does a model know each fact? The share of sampled completions that name the object: bins of test rows.

Ye et al., arXiv 2409.15825, section on memory levels; see `recipes/levels/sampling.py`. Measured of bases, whose bins results of tuned
variants are shown by, and with `of_variants` of these, too, as what tuning did to what is known. It says how well something is known, not
how far it is from the base: of an untrained adapter it is that of its base, which is not zero.

Measures, over each fact (parameter: data set and row) and over all facts:
  share             R, the share of samples that name the object
  failed_samples    samples that did not come out (all facts alone)
A fact of which no sample came out has no row; all facts together count those that have one.
"""

from __future__ import annotations

import math
from functools import partial

from pydantic import Field

from hanka.errors import UnitError
from hanka.probes.contract import Probe, ProbeParams, ProbeRequest, ProbeRow, Whose
from hanka.recipes.levels.sampling import Known, Sampling, known_facts
from hanka.registry import OneOrMore

SHARE = "share"


class LevelsParams(ProbeParams):
    """Which facts, and how they are asked."""

    of: OneOrMore
    "Data sets whose test rows are the facts."
    sampling: Sampling = Field(default_factory=Sampling)
    "How often each fact is asked; as for the rows that are trained on, so that bins mean the same."
    of_variants: bool = False
    "Whether adapted variants are measured, too; the base always is."


def whom(params: LevelsParams) -> tuple[Whose, ...]:
    """Return whose knowledge is measured."""
    return ("base", "variant") if params.of_variants else ("base",)


def fact_name(dataset: str, row: str) -> str:
    """Name a fact as rows of a probe do."""
    return f"{dataset} {row}"


def known_of(request: ProbeRequest, whose: Whose, dataset: str, sampling: Sampling) -> list[Known]:
    """Return how well each test row of a data set is known."""
    return known_facts(partial(request.answer, whose), dataset, request.rows(dataset), sampling)


def measure(request: ProbeRequest) -> list[ProbeRow]:
    """Measure every fact. Raises UnitError where no sample of any came out."""
    params: LevelsParams = request.params
    rows, shares, n_failed, n_samples = [], [], 0, 0
    for dataset in params.of:
        for one in known_of(request, "variant", dataset, params.sampling):
            wanted = one.n_templates * params.sampling.samples
            n_failed, n_samples = n_failed + wanted - one.n, n_samples + wanted
            if one.n:
                shares.append(one.share)
                rows.append(ProbeRow(None, fact_name(dataset, one.example.id), SHARE, one.share, one.n))
    if not shares:
        raise UnitError(
            f"none of {n_samples:,} samples of {', '.join(params.of)} came out, so nothing is known of any fact"
        )
    whole = [
        ProbeRow(None, "", SHARE, math.fsum(shares) / len(shares), len(shares)),
        ProbeRow(None, "", "failed_samples", float(n_failed), n_samples),
    ]
    return [*whole, *rows]


LEVELS = Probe(
    name="levels",
    reference="Ye et al., arXiv 2409.15825",
    description="how well each fact is known: the share of sampled completions, in several wordings, that name the object",
    needs="answers",
    measure=measure,
    params=LevelsParams,
    whom=whom,
    sources=lambda params: params.of,
    asks=lambda params, dataset: params.sampling.asks("tests", dataset),
)
