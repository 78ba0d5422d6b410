"""Learning curves: exact points give back the law that made them, intervals hold the truth, and too little is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from benchmarks.laws import SHAPES, curve_of, points_of

from hanka.identity import stream
from hanka.stats.curves import LAWS, CurvePoints, CurvePosterior, Law, Prior
from hanka.stats.extrapolation import (
    gain_of_doubling,
    next_is_small,
    plateau,
    predicted,
    rows_to_reach,
    rows_to_stop,
    value_at,
    worth_stopping,
)
from hanka.stats.laws import fit_laws

SIZES = (32, 64, 128, 256, 512)


def exact(law: Law, shape: int = 0, sizes: tuple[int, ...] = SIZES, error: float = 1e-5) -> CurvePoints:
    """Points that lie on a curve, known to a hair."""
    at = np.array(sizes)
    values = curve_of(law, SHAPES[shape], sizes)(at)
    return CurvePoints(at, values, np.zeros(len(at), dtype=np.int64), np.eye(len(at)) * error**2, 0.0, 1.0)


def one_curve(law: Law, first: float, limit: float, exponent: float) -> CurvePosterior:
    """A posterior of a single curve from 32 rows to 512."""
    kept = np.full(3, exponent)
    return CurvePosterior(
        32, 512, 5, 5, np.full(3, first), np.full(3, limit), kept, np.full(3, law == "power"), np.zeros(3)
    )


@pytest.mark.parametrize("law", LAWS)
def test_points_on_a_curve_are_continued_by_it(law: Law) -> None:
    fitted = fit_laws(exact(law), stream(1, "laws"), Prior(noise=1e-5))
    curve = curve_of(law, SHAPES[0], SIZES)
    # The grid's steps of the rate, a tenth each, leave less than a tenth of a point.
    assert value_at(fitted, 512).value == pytest.approx(curve(512), abs=1e-3)
    assert value_at(fitted, 1024).value == pytest.approx(curve(1024), abs=2e-3)
    assert (fitted.power_share > 0.9) == (law == "power")


def test_values_are_those_of_the_two_formulas() -> None:
    """0.9 - 0.3·(64/32)^-1 = 0.75; log 1024 / log 32 = 2, so 0.9 - 0.3·2^-1 = 0.75."""
    assert one_curve("power", 0.6, 0.9, 1.0).values(64) == pytest.approx(0.75)
    assert one_curve("log_power", 0.6, 0.9, 1.0).values(1024) == pytest.approx(0.75)


@pytest.mark.parametrize("law", LAWS)
def test_the_rows_for_a_value_are_where_the_curve_has_it(law: Law) -> None:
    curve = one_curve(law, 0.6, 0.9, 0.7)
    for size in (40, 512, 2000):
        needed = rows_to_reach(curve, float(curve.values(size)[0]))
        assert (needed.low, needed.rows, needed.high) == (size, size, size)
        assert needed.within == 1.0


def test_a_value_beyond_the_limit_or_four_times_the_rows_has_no_number() -> None:
    curve = one_curve("power", 0.6, 0.9, 0.5)
    assert rows_to_reach(curve, 0.95) == (None, None, None, 0.0, 2048)
    assert rows_to_reach(curve, float(curve.values(2048)[0]) + 0.01) == (None, None, None, 0.0, 2048)
    assert rows_to_reach(curve, 0.5).rows == 32, "it is there at the smallest size"


def test_a_curve_that_falls_never_reaches_more_and_a_loss_is_reached_downwards() -> None:
    falls = one_curve("power", 0.8, 0.6, 0.5)
    assert rows_to_reach(falls, 0.85).within == 0.0
    assert rows_to_reach(falls, 0.66).rows == 32, "it is there with the fewest rows"
    assert rows_to_reach(falls, 0.66, start=512).within == 0.0, "and never again with more"
    assert rows_to_reach(falls, 0.7, sign=-1.0).rows == 32 * 4, "0.6 + 0.2·4^-0.5 = 0.7"
    assert gain_of_doubling(falls, 512, sign=-1.0).value > 0 > gain_of_doubling(falls, 512).value


def test_the_gain_of_a_doubling_and_when_to_stop_follow_the_curve() -> None:
    """0.4·(16^-1 - 32^-1) = 0.0125 at the next doubling, twice that at the last one, 0.025 from all rows to come."""
    curve = one_curve("power", 0.5, 0.9, 1.0)
    assert gain_of_doubling(curve, 512).value == pytest.approx(0.0125)
    assert (worth_stopping(curve), worth_stopping(curve, gain=0.026)) == (0.0, 1.0)
    assert (next_is_small(curve, 512), next_is_small(curve, 1024)) == (0.0, 1.0)
    assert (plateau(curve), plateau(curve, gain=0.0251)) == (0.0, 1.0)
    assert rows_to_stop(curve) == 1024
    assert rows_to_stop(curve, gain=0.02) == 512
    assert rows_to_stop(curve, gain=0.001) is None


@pytest.mark.parametrize("law", LAWS)
def test_intervals_hold_the_truth_whichever_law_made_the_points(law: Law) -> None:
    """30 curves of three shapes; at 93 % fewer than 23 held would come about once in 1,000. The grid: benchmarks/laws.py."""
    held = {"within": 0, "double": 0, "gain": 0}
    for time in range(30):
        shape = SHAPES[time % 3]
        curve, rng = curve_of(law, shape, SIZES), np.random.default_rng([5, time])
        fitted = fit_laws(points_of(rng, curve, SIZES, 2), rng, Prior(draws=1000))
        for name, one, truth in (
            ("within", value_at(fitted, 512), curve(512)), ("double", value_at(fitted, 1024), curve(1024)),
            ("gain", gain_of_doubling(fitted, 512), curve(1024) - curve(512)),
        ):  # fmt: skip
            held[name] += bool(one.low <= truth <= one.high)
    assert min(held.values()) >= 23, held


def test_what_test_rows_share_moves_the_level_and_not_the_gain() -> None:
    """The same error in all points is no error of a difference."""
    points = exact("power", error=1e-3)
    shared = fit_laws(replace(points, covariance=points.covariance + 0.03**2), stream(2, "laws"))
    apart = fit_laws(replace(points, covariance=points.covariance + 0.03**2 * np.eye(5)), stream(2, "laws"))

    def width(curve: CurvePosterior) -> float:
        gained = gain_of_doubling(curve, 512)
        return gained.high - gained.low

    assert width(shared) < width(apart) / 1.5
    level = value_at(shared, 512)
    assert level.high - level.low > 0.1


def test_seeds_that_differ_widen_and_more_of_them_narrow() -> None:
    def width(n_seeds: int, luck: float) -> float:
        rng, curve = np.random.default_rng(3), curve_of("power", SHAPES[0], SIZES)
        at, seed = np.tile(SIZES, n_seeds), np.repeat(np.arange(n_seeds), 5)
        values = curve(at) + luck * rng.normal(size=len(at))
        found = value_at(
            fit_laws(CurvePoints(at, values, seed, np.eye(len(at)) * 1e-8, 0.0, 1.0), stream(3, "laws")), 1024
        )
        return found.high - found.low

    assert width(8, 0.02) < 0.7 * width(2, 0.02)
    assert width(4, 0.002) < 0.5 * width(4, 0.02)


def test_no_curve_leaves_the_metrics_range_up_to_the_farthest_size() -> None:
    rng = np.random.default_rng(4)
    fitted = fit_laws(points_of(rng, curve_of("power", SHAPES[5], SIZES), SIZES, 1), rng)
    assert fitted.values(2048).max() <= 1 + 1e-9
    assert fitted.values(32).min() >= 0


def test_a_metric_without_an_upper_end_is_fitted_too() -> None:
    """Nats per token: 2.0 + 1.0·(n/32)^-0.5."""
    at = np.array(SIZES)
    values = 2.0 + (at / 32.0) ** -0.5
    points = CurvePoints(at, values, np.zeros(5, dtype=np.int64), np.eye(5) * 1e-6, 0.0, np.inf)
    fitted = fit_laws(points, stream(5, "laws"))
    one = value_at(fitted, 1024)
    assert one.low < 2.0 + 32**-0.5 < one.high
    assert gain_of_doubling(fitted, 512, sign=-1.0).low > 0


def test_the_same_stream_gives_the_same_curves() -> None:
    one, other, else_ = (fit_laws(exact("power", error=0.01), stream(seed, "laws")) for seed in (1, 1, 2))
    assert np.array_equal(one.limit, other.limit)
    assert not np.array_equal(one.limit, else_.limit)
    assert value_at(one, 1024).value == pytest.approx(value_at(else_, 1024).value, abs=2e-3)


def test_too_few_sizes_and_numbers_that_are_none_are_refused() -> None:
    with pytest.raises(ValueError, match="3 sizes from 32 on: at least 4"):
        fit_laws(exact("power", sizes=(32, 64, 128)), stream(1, "laws"))
    with pytest.raises(ValueError, match="4 sizes from 1 on: at least 4, from 2 rows on"):
        fit_laws(replace(exact("power", sizes=(2, 4, 8, 16)), sizes=np.array([1, 2, 4, 8])), stream(1, "laws"))
    points = exact("power")
    with pytest.raises(ValueError, match="not finite"):
        fit_laws(replace(points, values=np.array([0.1, np.nan, 0.2, 0.3, 0.4])), stream(1, "laws"))
    with pytest.raises(ValueError, match="one per point"):
        fit_laws(replace(points, values=points.values[1:]), stream(1, "laws"))
    with pytest.raises(ValueError, match="no curve of either law"):
        fit_laws(replace(points, values=points.values + 40), stream(1, "laws"))


def test_nothing_is_said_beyond_four_times_the_largest_size() -> None:
    curve = one_curve("power", 0.6, 0.9, 0.5)
    assert value_at(curve, 2048).value > 0
    for size in (2100, 16):
        with pytest.raises(ValueError, match="from 32 to 4 times its largest size, 512"):
            value_at(curve, size)
    with pytest.raises(ValueError, match="4 times"):
        gain_of_doubling(curve, 1100)
    with pytest.raises(ValueError, match="all finite"):
        predicted(np.array([0.1, np.inf]))
