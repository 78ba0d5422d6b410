from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from hanka.stats.simultaneous import Contributions, family
from hanka.stats.spreads import ScoreSpread

ALONE = stats.norm.ppf(0.975)


def rng_of(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_flips_of_two_units_by_hand() -> None:
    """Units of +3 and +1: the sum over sqrt(10) is 4 or 2 in size, each in half of the sign patterns."""
    found = family([[Contributions("a", np.array([3.0, 1.0]))]], rng_of(), flips=2000)
    assert set(np.round(found.largest * np.sqrt(10), 9)) == {2.0, 4.0}
    assert np.mean(found.largest > 1) == pytest.approx(0.5, abs=0.05)
    assert found.adjusted(4 / np.sqrt(10), 0.0) == pytest.approx(0.5, abs=0.05)
    assert found.adjusted(2 / np.sqrt(10), 0.0) == 1.0


def test_equal_contrasts_cost_nothing_and_unrelated_ones_what_sidak_says() -> None:
    rows = rng_of(1).normal(size=(12, 200)) / 200
    same = family([[Contributions("a", rows[0])]] * 12, rng_of(2), flips=20_000)
    apart = family([[Contributions(name, row)] for name, row in enumerate(rows)], rng_of(2), flips=20_000)
    assert same.critical == pytest.approx(ALONE, abs=0.06)
    assert apart.critical == pytest.approx(stats.norm.ppf(1 - (1 - 0.95 ** (1 / 12)) / 2), abs=0.06)
    assert apart.local_level == pytest.approx(1 - 2 * stats.norm.sf(apart.critical))


def test_nothing_that_differs_leaves_each_interval_alone() -> None:
    for contrasts in ([], [[Contributions("a", np.zeros(9))]] * 3):
        found = family(contrasts, rng_of())
        assert found.critical == pytest.approx(ALONE)
        assert found.adjusted(0.0, 0.7) == 0.7


def test_a_contrast_that_does_not_differ_adds_nothing() -> None:
    rows = rng_of(3).normal(size=60)
    with_it = family([[Contributions("a", rows)], [Contributions("a", np.zeros(60))]], rng_of(4))
    assert np.array_equal(with_it.largest, family([[Contributions("a", rows)]], rng_of(4)).largest)


def test_test_sets_have_one_number_of_units() -> None:
    with pytest.raises(ValueError, match="share no signs"):
        family([[Contributions("a", np.ones(4))], [Contributions("a", np.ones(5))]], rng_of())


@pytest.mark.parametrize(("n", "discordant"), [(40, 0.05), (40, 0.3), (100, 0.2)])
def test_any_false_claim_is_as_rare_as_promised(n: int, discordant: float) -> None:
    rng, claims, trials = rng_of(5), 0, 250
    for _ in range(trials):
        contrasts, spreads = [], []
        for test in range(3):
            right = rng.random(n) < 0.7
            for _ in range(4):
                changed = rng.random(n) < 2 * discordant
                other = np.where(changed, rng.permutation(right), right)
                rows = other.astype(float) - right
                contrasts.append([Contributions(test, rows / n)])
                spreads.append(ScoreSpread(int((rows > 0).sum()), int((rows < 0).sum()), n))
        critical = family(contrasts, rng, flips=600).critical
        intervals = [one.interval(critical) for one in spreads]
        claims += any(low > 0 or high < 0 for low, high in intervals)
    assert claims / trials <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / trials)


def test_the_same_generator_gives_the_same_family() -> None:
    rows = rng_of(6).normal(size=(3, 30))
    contrasts = [[Contributions("a", row)] for row in rows]
    assert np.array_equal(family(contrasts, rng_of(7)).largest, family(contrasts, rng_of(7)).largest)
