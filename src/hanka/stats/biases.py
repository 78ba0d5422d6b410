"""Does a judge look at the wrong thing: at which place an answer stands, or how long it is.

Reading side. Everything is a difference of paired shares, with Tango's (1998) score interval and the mid-p value of McNemar's test, as models are
compared elsewhere here.

    place     each pair is asked in both orders; of verdicts that turn with the order, first place against second place
    length    of pairs that both decide: how often the longer one wins with the judge, less how often it wins with people
    lengths   of labels: how much more often than people the judge gives a label to longer texts, less the same of shorter texts

Source: Zheng et al. (2023), "Judging LLM-as-a-judge", arXiv 2306.05685, sections 3.3 and 3.4; Dubois et al. (2024), arXiv 2404.04475, on length.
Limits: rows are independent; people may prefer longer answers rightly, so only what goes beyond them is called a bias.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from hanka.stats.intervals import Interval, exact_interval
from hanka.stats.paired import normal_quantile
from hanka.stats.score import mcnemar_mid_p, score_interval


class Bias(NamedTuple):
    """A difference of shares that would be 0 without the bias."""

    value: float
    "Difference of shares."
    low: float
    "Lower end of the interval."
    high: float
    "Upper end of the interval."
    n: int
    "Rows behind it."
    p_value: float | None
    "Mid-p value of no bias; None where the interval alone judges."

    @property
    def is_shown(self) -> bool:
        """Whether the interval excludes that there is none."""
        return self.low > 0 or self.high < 0


class Turned(NamedTuple):
    """Share of verdicts that turn with the order."""

    value: float
    "0 to 1."
    low: float
    "Lower end of the exact interval."
    high: float
    "Upper end of the exact interval."
    n: int
    "Rows that were asked in both orders."


def turned_share(n_turned: int, n: int, level: float = 0.95) -> Turned:
    """Return the share of rows whose verdict turns with the order. Raises ValueError without rows."""
    if n < 1:
        raise ValueError("no rows were asked in both orders")
    return Turned(n_turned / n, *exact_interval(n_turned, n, level), n)


def place_bias(n_first: int, n_second: int, n: int, level: float = 0.95) -> Bias:
    """Return the share of rows in which the first place wins both times, less that of the second place.

    n_first, n_second: rows whose verdict names the same place in both orders, so that it is the place that won. Raises ValueError for
    counts that do not fit.
    """
    return _paired(n_first, n_second, n, level)


def length_bias(judge: Sequence[bool], people: Sequence[bool], level: float = 0.95) -> Bias:
    """Return how much more often the longer one wins with the judge than with people.

    judge, people: of each pair that both decide, whether the longer one wins. Raises ValueError without pairs.
    """
    only_judge = sum(one and not other for one, other in zip(judge, people, strict=True))
    only_people = sum(other and not one for one, other in zip(judge, people, strict=True))
    return _paired(only_judge, only_people, len(judge), level)


class Group(NamedTuple):
    """Texts of one half of the lengths, with how judge and people labelled them."""

    only_judge: int
    "Texts that the judge alone gives the label."
    only_people: int
    "Texts that people alone give it."
    n: int
    "Texts."


def label_length_bias(longer: Group, shorter: Group, level: float = 0.95) -> Bias:
    """Return how much more the judge exceeds people in a label on longer texts than on shorter ones.

    Both excesses have Tango's interval, joined as standard errors add (MOVER, Zou & Donner 2008). Raises ValueError where a group is empty.
    """
    values, ends = [], []
    for one in (longer, shorter):
        if one.n < 1:
            raise ValueError("no texts on one side: lengths cannot be told apart")
        values.append((one.only_judge - one.only_people) / one.n)
        ends.append(score_interval(one.only_judge, one.only_people, one.n, normal_quantile(level)))
    value = values[0] - values[1]
    low = value - math.hypot(values[0] - ends[0].low, ends[1].high - values[1])
    high = value + math.hypot(ends[0].high - values[0], values[1] - ends[1].low)
    return Bias(value, low, high, longer.n + shorter.n, None)


def _paired(only_a: int, only_b: int, n: int, level: float) -> Bias:
    if n < 1:
        raise ValueError("no rows: a bias cannot be looked for")
    found: Interval = score_interval(only_a, only_b, n, normal_quantile(level))
    return Bias((only_a - only_b) / n, found.low, found.high, n, mcnemar_mid_p(only_a, only_b))
