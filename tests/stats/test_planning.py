from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from hanka.stats.crossing import crossing
from hanka.stats.planning import (
    betting_bound,
    clustered,
    means_signal,
    often_to_show,
    paired_means_signal,
    paired_shares_signal,
    power_of_looks,
    power_of_one_look,
    shares_signal,
    units_to_show,
)
from hanka.stats.power import rows_to_show
from hanka.stats.sequential import log_fortune


def test_five_even_looks_at_pococks_bound_spend_five_percent() -> None:
    # Jennison & Turnbull (2000), Table 2.1: C_P(5, 0.05) = 2.413; unadjusted looks: Table 2.2 of Armitage and others, 0.142.
    shares = [0.2, 0.4, 0.6, 0.8, 1.0]
    assert crossing(shares, [2.413] * 5, 0.0).sum() == pytest.approx(0.05, abs=2e-4)
    assert crossing(shares, [1.96] * 5, 0.0).sum() == pytest.approx(0.142, abs=5e-4)


def test_one_look_is_the_normal_tail() -> None:
    assert crossing([1.0], [1.96], 2.5)[0] == pytest.approx(stats.norm.sf(1.96 - 2.5) + stats.norm.cdf(-1.96 - 2.5))
    assert crossing([1.0], [1.0], 0.0, scale=2.0)[0] == pytest.approx(2 * stats.norm.sf(0.5))


def test_what_leaves_never_comes_back() -> None:
    found = crossing([0.1 * look for look in range(1, 11)], [2.0] * 10, 6.0)
    assert found.min() >= 0
    assert stats.norm.sf(2.0 - 6.0) <= found.sum() <= 1.0


def test_two_groups_right_or_wrong_need_what_the_textbook_says() -> None:
    # Fleiss, Levin & Paik (2003), formula 4.14: (1.95996·√(2·0.65·0.35) + 0.84162·√(0.6·0.4 + 0.7·0.3))² / 0.1² = 355.3 a group.
    by_hand = 2 * (1.959964 * math.sqrt(2 * 0.65 * 0.35) + 0.841621 * math.sqrt(0.24 + 0.21)) ** 2 / 0.01
    assert units_to_show(shares_signal(0.6, 0.1), 0.05) == math.ceil(by_hand)


def test_means_need_what_the_noncentral_t_says() -> None:
    # Cohen's d = 0.5 at 80 %: 64 a group, and 34 pairs (tables of G*Power).
    assert units_to_show(means_signal(0.5, 1.0), 0.05) == 128
    assert units_to_show(paired_means_signal(0.5, 1.0), 0.05) == 34
    assert (
        power_of_one_look(means_signal(0.5, 1.0), 126, 0.05)
        < 0.8
        <= power_of_one_look(means_signal(0.5, 1.0), 128, 0.05)
    )


def test_pairs_need_what_growing_a_study_needs() -> None:
    for difference, discordant in ((0.05, 0.1), (0.02, 0.3), (-0.1, 0.2)):
        assert units_to_show(paired_shares_signal(difference, discordant), 0.05) == rows_to_show(
            difference, discordant, 0.05
        )


def test_uneven_arms_need_more() -> None:
    even, uneven = (units_to_show(means_signal(0.2, 1.0, share), 0.05) for share in (0.5, 0.1))
    assert uneven / even == pytest.approx(0.25 / 0.09, rel=0.02)


def test_rows_of_one_unit_are_worth_less_than_as_many_units() -> None:
    alone = units_to_show(shares_signal(0.5, 0.1), 0.05)
    fives = units_to_show(clustered(shares_signal(0.5, 0.1), 5, 0.2), 0.05)
    # Kish: 5 rows at ICC 0.2 are worth 5 / 1.8 rows.
    assert fives == pytest.approx(alone * 1.8 / 5, abs=1)
    assert clustered(shares_signal(0.5, 0.1), 1, 0.2) == shares_signal(0.5, 0.1)


def test_looking_often_costs_units_at_most_and_saves_them_on_average() -> None:
    signal = shares_signal(0.5, 0.1)
    once, often = units_to_show(signal, 0.05), often_to_show(signal, 0.05)
    assert 0.8 <= often.power < 0.802
    assert once < often.expected < often.units
    assert power_of_looks(signal, once, 0.05).power < 0.8


def test_nobody_looks_oftener_than_units_come() -> None:
    assert often_to_show(means_signal(50.0, 1.0), 0.05).expected >= 1


def test_no_looks_are_free_without_a_difference() -> None:
    """A plan's own boundary keeps its level: no drift, all looks."""
    from hanka.stats.mixture import stretched

    shares = [look / 100 for look in range(1, 101)]
    bounds = [stretched(stats.norm.ppf(0.975), max(1.0, share * 2000), 2000) for share in shares]
    assert crossing(shares, bounds, 0.0).sum() < 0.05


@pytest.mark.parametrize("rows", [20, 100, 400])
def test_the_bound_of_a_bet_is_where_its_fortune_reaches_forty(rows: int) -> None:
    bound = betting_bound(rows, 0.05)
    only_a = (rows + bound * math.sqrt(rows)) / 2
    below, above = math.floor(only_a), math.ceil(only_a)
    assert log_fortune(below, rows - below, rows, 0.0) <= math.log(40) <= log_fortune(above, rows - above, rows, 0.0)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: shares_signal(0.95, 0.1), "between 0 and 1"),
        (lambda: shares_signal(0.5, 0.0), "not equal"),
        (lambda: means_signal(0.1, 0.0), "may be 0"),
        (lambda: paired_shares_signal(0.3, 0.2), "discordant"),
        (lambda: clustered(means_signal(1, 1), 0.5, 0.1), "at least 1"),
        (lambda: units_to_show(means_signal(1, 1), 0.05, 0.01), "alpha < power"),
        (lambda: units_to_show(shares_signal(0.5, 1e-9), 0.05), "too small for a plan"),
        (lambda: crossing([0.5, 0.2], [1, 1], 0.0), "ascending"),
    ],
)
def test_a_plan_that_cannot_be_is_refused(make: object, said: str) -> None:
    assert callable(make)
    with pytest.raises(ValueError, match=said):
        make()


def test_planned_units_find_the_difference_as_often_as_planned() -> None:
    rng, n = np.random.default_rng(1), units_to_show(shares_signal(0.4, 0.15), 0.05) // 2
    from hanka.stats.unpaired import TwoSharesSpread

    found = [
        abs(TwoSharesSpread(int(rng.binomial(n, 0.55)), n, int(rng.binomial(n, 0.4)), n).z) > 1.959964
        for _ in range(1500)
    ]
    assert np.mean(found) == pytest.approx(0.8, abs=2 * math.sqrt(0.16 / 1500) + 0.005)
