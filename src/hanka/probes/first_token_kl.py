"""How far did the first token of an answer move? KL divergence of a tuned model from its base, over what the tuned one finds most probable.

    KL = sum over the k tokens of p log(p / q)

p, q: the tuned model's and the base's probabilities of the k tokens that the tuned model finds most probable behind the prompt, each
divided by its own sum over them. In nats, float64. An untrained adapter gives exactly zero.
Source: the token-level probe of the follow-up of Ye et al. (arXiv 2409.15825): k = 10, on facts that the base knows best (level 4).
Limits: what the base finds probable and the tuned model does not is not seen.

Measures, over each fact (parameter: data set and row) and as a mean over all of them (n facts):
  first_token_kl
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pydantic import Field

from hanka.errors import UnitError
from hanka.probes.contract import Probe, ProbeParams, ProbeRequest, ProbeRow
from hanka.probes.levels import fact_name, known_of
from hanka.recipes.levels.sampling import Sampling
from hanka.records import Example
from hanka.registry import OneOrMore
from hanka.stats.levels import LEVELS

if TYPE_CHECKING:
    import torch

MEASURE = "first_token_kl"


class FirstTokenKlParams(ProbeParams):
    """Behind which prompts, and over how many tokens."""

    of: OneOrMore
    "Data sets whose test rows are asked."
    level: int | None = Field(default=LEVELS - 1, ge=0, lt=LEVELS)
    "Only facts of this level, as the base knows them; null: all."
    sampling: Sampling = Field(default_factory=Sampling)
    "How levels are measured; not read where `level` is null."
    top: int = Field(default=10, ge=2)
    "Tokens that are looked at; the published value is 10."


def kl_of_top(tuned: torch.Tensor, base: torch.Tensor, top: int) -> list[float]:
    """Return the KL divergence of each row, in nats; tuned, base: (rows, vocabulary) log-probabilities."""
    most = tuned.double().topk(min(top, tuned.shape[-1]), dim=-1)
    ours = most.values.log_softmax(-1)
    theirs = base.double().gather(-1, most.indices).log_softmax(-1)
    found: list[float] = (ours.exp() * (ours - theirs)).sum(-1).clamp(min=0.0).tolist()
    return found


def measure(request: ProbeRequest) -> list[ProbeRow]:
    """Measure every fact of the level. Raises UnitError where there is none, or a distribution that holds no numbers."""
    params: FirstTokenKlParams = request.params
    rows: list[ProbeRow] = []
    for dataset in params.of:
        facts = _facts(request, dataset)
        if not facts:
            continue
        tuned, base = (request.next_tokens(whose, dataset, facts) for whose in ("variant", "base"))
        for fact, value in zip(facts, kl_of_top(tuned, base, params.top), strict=True):
            if not math.isfinite(value):
                raise UnitError(
                    f"the first token behind row {fact.id} of {dataset} has a divergence of {value}, which is no number"
                )
            rows.append(ProbeRow(None, fact_name(dataset, fact.id), MEASURE, value, params.top))
    if not rows:
        raise UnitError(f"{', '.join(params.of)} have no fact of level {params.level}, so there is no token to look at")
    return [ProbeRow(None, "", MEASURE, math.fsum(one.value for one in rows) / len(rows), len(rows)), *rows]


def _facts(request: ProbeRequest, dataset: str) -> Sequence[Example]:
    params: FirstTokenKlParams = request.params
    if params.level is None:
        return request.rows(dataset)
    known = known_of(request, "base", dataset, params.sampling)
    return [one.example for one in known if one.n and one.level == params.level]


FIRST_TOKEN_KL = Probe(
    name="first_token_kl",
    reference="follow-up of Ye et al., arXiv 2409.15825: token-level analysis",
    description="how far the first token of an answer moved from the base: KL divergence over the tuned model's most probable tokens",
    needs="next_tokens",
    measure=measure,
    params=FirstTokenKlParams,
    sources=lambda params: params.of,
)
