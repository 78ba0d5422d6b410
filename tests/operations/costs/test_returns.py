"""What tuning returns, on numbers worked out by hand, and what must hold whatever the numbers are."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hanka.operations.costs.returns import (
    NEVER,
    NOWHERE,
    Added,
    Cheaper,
    Ends,
    cheaper_volumes,
    net_value,
    payback_months,
    return_on_costs,
)

ADDED = Added(upfront=600.0, monthly=20.0, per_request=-0.001)
"Over 6 months at 10,000 requests: 600 + 6 × (20 - 10) = 660."
amounts = st.floats(-1e4, 1e4, allow_subnormal=False)
rates = st.floats(-10, 10, allow_subnormal=False).filter(lambda one: one == 0 or abs(one) > 1e-6)
volumes = st.floats(1, 1e7)
periods = st.floats(0.5, 120)
added = st.builds(Added, amounts, amounts, rates)


def test_a_worked_example() -> None:
    gain = Ends(0.012, 0.002, 0.022)
    assert ADDED.total(10_000, 6) == pytest.approx(660.0)
    assert net_value(ADDED, gain, 10_000, 6) == pytest.approx((60.0, -540.0, 660.0))
    assert return_on_costs(ADDED, gain, 10_000, 6) == pytest.approx((60 / 660, -540 / 660, 1.0))
    # A month earns 120 + 10 - 20 = 110, at the ends 10 and 210.
    assert payback_months(ADDED, gain, 10_000) == pytest.approx((600 / 110, 600 / 210, 60.0))
    # Each month of six costs 100 + 20 before anything is asked; a request saves 0.001, with its quality 0.013.
    assert cheaper_volumes(ADDED, 0.0, 6) == pytest.approx((120_000, NEVER))
    assert cheaper_volumes(ADDED, 0.012, 6) == pytest.approx((120 / 0.013, NEVER))


def test_the_worked_example_of_the_guide() -> None:
    added, gain = Added(50.0, 0.0, 0.0), Ends(0.08, 0.02, 0.14).times(0.1)
    assert net_value(added, gain, 1000, 10) == pytest.approx((30, -30, 90))
    assert return_on_costs(added, gain, 1000, 10) == pytest.approx((0.6, -0.6, 1.8))
    assert payback_months(added, gain, 1000) == pytest.approx((6.25, 50 / 14, 25))
    found = [cheaper_volumes(added, one, 10).above for one in (gain.value, gain.high, gain.low)]
    assert found == pytest.approx([625, 5 / 0.014, 2500])


def test_without_any_gain_the_net_value_is_exactly_minus_the_costs_and_the_return_exactly_minus_one() -> None:
    for one in (ADDED, Added(28.940736111111107, 170.0, 4.141666666666667e-06), Added(0.1, 0.2, 0.3)):
        costs = one.total(12_345.6, 7.3)
        assert net_value(one, Ends(0.0, 0.0, 0.0), 12_345.6, 7.3) == (-costs, -costs, -costs)
        assert return_on_costs(one, Ends(0.0, 0.0, 0.0), 12_345.6, 7.3) == (-1.0, -1.0, -1.0)


def test_where_the_gain_may_be_nothing_the_payback_may_never_come() -> None:
    no_saving = Added(100.0, 0.0, 0.0)
    found = payback_months(no_saving, Ends(0.01, 0.0, 0.02), 1000)
    assert found == pytest.approx((10.0, 5.0, NEVER))
    assert payback_months(no_saving, Ends(-0.01, -0.02, -0.005), 1000) == (NEVER, NEVER, NEVER)


def test_where_nothing_is_spent_upfront_it_is_paid_back_at_once_or_never() -> None:
    assert payback_months(Added(0.0, 5.0, 0.0), Ends(0.01, 0.01, 0.01), 1000) == (0.0, 0.0, 0.0)
    assert payback_months(Added(-3.0, 50.0, 0.0), Ends(0.01, 0.01, 0.01), 1000) == (NEVER, NEVER, NEVER)


def test_a_return_on_nothing_is_not_a_number_that_is_given() -> None:
    assert return_on_costs(Added(0.0, 0.0, 0.0), Ends(1.0, 0.5, 2.0), 10, 1) is None
    assert return_on_costs(Added(1.0, 0.0, -1.0), Ends(1.0, 0.5, 2.0), 10, 1) is None


@pytest.mark.parametrize(
    ("fixed", "saving", "wanted"),
    [
        (12.0, 2.0, Cheaper(6.0, NEVER)),
        (-12.0, 2.0, Cheaper(0.0, NEVER)),
        (12.0, 0.0, NOWHERE),
        (12.0, -2.0, NOWHERE),
        (0.0, 0.0, NOWHERE),
        (-12.0, 0.0, Cheaper(0.0, NEVER)),
        (-12.0, -2.0, Cheaper(0.0, 6.0)),
    ],
)
def test_the_side_of_the_break_even_on_which_tuning_is_cheaper(fixed: float, saving: float, wanted: Cheaper) -> None:
    assert cheaper_volumes(Added(0.0, fixed, -saving), 0.0, 1) == wanted


@given(added, st.tuples(rates, rates, rates), volumes, periods)
def test_a_larger_gain_never_returns_less(one: Added, gains: tuple[float, ...], requests: float, months: float) -> None:
    low, value, high = sorted(gains)
    gain = Ends(value, low, high)
    net, payback = net_value(one, gain, requests, months), payback_months(one, gain, requests)
    assert net.low <= net.value <= net.high
    assert payback.low <= payback.value <= payback.high
    narrow, wide = cheaper_volumes(one, low, months), cheaper_volumes(one, high, months)
    assert narrow == NOWHERE or (wide.above <= narrow.above and wide.below >= narrow.below)


@given(added, rates, volumes, periods)
def test_the_break_even_is_where_the_costs_of_a_period_meet_its_gain(
    one: Added, gain: float, requests: float, months: float
) -> None:
    net = net_value(one, Ends(gain, gain, gain), requests, months).value
    size = abs(one.upfront) + months * (abs(one.monthly) + requests * (abs(one.per_request) + abs(gain)))
    if abs(net) > 1e-9 * size:
        assert cheaper_volumes(one, gain, months).holds(requests) == (net > 0)


@given(added, rates, volumes, st.floats(1, 10), periods)
def test_more_requests_never_leave_the_side_where_each_of_them_saves(
    one: Added, gain: float, requests: float, factor: float, months: float
) -> None:
    found = cheaper_volumes(one, gain, months)
    if gain - one.per_request > 0 and found.holds(requests):
        assert found.holds(requests * factor)


@given(added, rates, volumes)
def test_what_never_comes_is_no_other_number(one: Added, gain: float, requests: float) -> None:
    for months in payback_months(one, Ends(gain, gain, gain), requests):
        assert months >= 0
        assert not math.isnan(months)
