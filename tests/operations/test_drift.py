"""Population stability index and domain classifier: by hand, beside other libraries, and where the truth is known."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest

from hanka.operations.drift import Auc, auc, auc_interval, domain_auc, psi, psi_of_counts, quantile_edges
from hanka.operations.hashed_texts import COLUMNS, hashed_texts, linear_classifier

WORDS = [f"word{place}" for place in range(300)]


def texts(rng: np.random.Generator, n: int, shares: np.ndarray, length: int = 12) -> list[str]:
    return [" ".join(rng.choice(WORDS, length, p=shares)) for _ in range(n)]


# ---- shares


def test_the_index_is_that_of_the_formula() -> None:
    # (50.5/101 - 80.5/101)·ln(50.5/80.5) + (50.5/101 - 20.5/101)·ln(50.5/20.5)
    by_hand = (50.5 - 80.5) / 101 * math.log(50.5 / 80.5) + (50.5 - 20.5) / 101 * math.log(50.5 / 20.5)
    found = psi(["a"] * 50 + ["b"] * 50, ["a"] * 80 + ["b"] * 20)
    assert found.value == pytest.approx(by_hand)
    assert (found.n_reference, found.n_live) == (100, 100)
    assert found.by_chance == pytest.approx(1 / 100 + 1 / 100)
    assert [(one.name, one.reference, one.live) for one in found.bins] == [("a", 50, 80), ("b", 50, 20)]


EVIDENTLY = [
    ({"a": 50, "b": 50}, {"a": 80, "b": 20}, 0.41588830833596724),
    ({"pos": 400, "neg": 350, "neu": 250}, {"pos": 520, "neg": 300, "neu": 180}, 0.062186530415504364),
]
"""Counts and the index of evidently 0.7.23 (pandas 2.3.3): legacy.calculations.stattests.psi._psi, categorical."""


@pytest.mark.parametrize(("reference", "live", "theirs"), EVIDENTLY)
def test_large_samples_give_what_evidently_gives(
    reference: dict[str, int], live: dict[str, int], theirs: float
) -> None:
    # the half row in every bin is all that differs, and is nothing beside a hundred times as many rows
    many = [Counter({name: 100 * count for name, count in side.items()}) for side in (reference, live)]
    assert psi_of_counts(many[0], many[1]).value == pytest.approx(theirs, rel=2e-3)


@pytest.mark.parametrize(("reference", "live", "theirs"), EVIDENTLY)
def test_the_numbers_of_evidently_are_still_its_own(
    reference: dict[str, int], live: dict[str, int], theirs: float
) -> None:
    pd = pytest.importorskip("pandas")
    library = pytest.importorskip("evidently.legacy.calculations.stattests.psi")
    core = pytest.importorskip("evidently.legacy.core")
    columns = [pd.Series([name for name, n in side.items() for _ in range(n)]) for side in (reference, live)]
    assert library._psi(*columns, core.ColumnType.Categorical, 0.1)[0] == pytest.approx(theirs)


def test_an_empty_bin_counts_half_a_row() -> None:
    found = psi(["a"] * 99 + ["b"], ["a"] * 50 + ["c"] * 50)
    bins = {one.name: one for one in found.bins}
    assert (bins["c"].reference, bins["c"].live) == (0, 50)
    assert math.isfinite(found.value)
    assert found.low > 0.25


def test_rare_categories_are_one_bin() -> None:
    found = psi(["a"] * 90 + list("bcdefghij"), ["a"] * 90 + list("klmnopqrst"))
    assert [one.name for one in found.bins] == ["a", "other"]
    assert (found.bins[1].reference, found.bins[1].live) == (9, 10)


def test_values_are_binned_by_the_references_quantiles() -> None:
    values = np.arange(1, 101, dtype=float)
    assert list(quantile_edges(values, 4)) == [25, 50, 75]
    found = psi(list(values), list(values), n_bins=4)
    assert [one.reference for one in found.bins] == [25, 25, 25, 25]
    assert (found.value, found.low, found.p_value) == (0, 0, 1)


def test_values_that_repeat_make_fewer_bins_and_one_value_none() -> None:
    found = psi([1.0] * 90 + [2.0] * 10, [1.0] * 10 + [2.0] * 90)
    assert [(one.name, one.reference, one.live) for one in found.bins] == [("≤ 1", 90, 10), ("> 1", 10, 90)]
    same = psi([3.0] * 20, [3.0] * 20)
    assert (same.value, same.high, same.p_value) == (0, 0, 1)


@pytest.mark.parametrize("wrong", [float("nan"), float("inf")])
def test_what_is_no_number_is_refused(wrong: float) -> None:
    with pytest.raises(ValueError, match="finite"):
        psi([1.0, 2.0, wrong], [1.0])
    with pytest.raises(ValueError, match="finite"):
        psi([1.0, 2.0], [wrong])


def test_an_empty_sample_is_refused() -> None:
    with pytest.raises(ValueError, match="both samples"):
        psi([], ["a"])


@pytest.mark.parametrize("weights", [(0.4, 0.3, 0.2, 0.1), (0.3, 0.3, 0.25, 0.15), (0.1, 0.2, 0.3, 0.4)])
def test_the_interval_covers_the_true_index(weights: tuple[float, ...]) -> None:
    rng, p, q = np.random.default_rng(3), np.array((0.4, 0.3, 0.2, 0.1)), np.array(weights)
    truth, times = float(((p - q) * np.log(p / q)).sum()), 300
    held = 0
    for _ in range(times):
        reference, live = rng.multinomial(2000, p), rng.multinomial(300, q)
        counts = [Counter({str(at): int(n) for at, n in enumerate(side)}) for side in (reference, live)]
        found = psi_of_counts(counts[0], counts[1])
        held += found.low <= truth + 1e-12 and truth <= found.high
    assert held / times >= 0.92  # 0.95 less 2.4 Monte-Carlo errors


# ---- texts


def test_auc_is_that_of_scikit_learn_with_ties() -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(0)
    for _ in range(10):
        scores, is_live = rng.integers(0, 5, 40).astype(float), rng.random(40) < 0.4
        assert auc(scores, is_live) == pytest.approx(metrics.roc_auc_score(is_live, scores))


def test_the_classifier_is_scikit_learns_logistic_regression() -> None:
    linear = pytest.importorskip("sklearn.linear_model")
    rng = np.random.default_rng(1)
    shares = rng.dirichlet(np.ones(len(WORDS))), rng.dirichlet(np.ones(len(WORDS)))
    rows = hashed_texts([*texts(rng, 60, shares[0]), *texts(rng, 30, shares[1])])
    is_live = np.repeat([False, True], [60, 30])
    # loose tolerances of two optimisers; the scores, in units of a margin of about 1, agree to a hundredth
    theirs = linear.LogisticRegression(C=1.0, class_weight="balanced", tol=1e-8, max_iter=1000).fit(rows, is_live)
    assert rows @ linear_classifier(rows, is_live) == pytest.approx(rows @ theirs.coef_[0], abs=0.01)


def test_hashed_texts_are_of_length_one_and_read_languages_without_spaces() -> None:
    rows = hashed_texts(["the same words", "THE  same words", "配送が遅れました", "", "\udcff"])
    assert rows.shape == (5, COLUMNS)
    lengths = np.sqrt(np.asarray(rows.multiply(rows).sum(axis=1)).ravel())
    assert lengths[[0, 1, 2, 4]] == pytest.approx(1)
    assert (rows[[0]] - rows[[1]]).nnz == 0 or abs(rows[[0]] - rows[[1]]).max() == 0
    assert rows[[2]].nnz > 10


def test_without_drift_the_interval_holds_one_half() -> None:
    rng, held = np.random.default_rng(2), 0
    shares = rng.dirichlet(np.ones(len(WORDS)))
    for seed in range(20):
        found = domain_auc(texts(rng, 60, shares), texts(rng, 30, shares), seed)
        held += found.low <= 0.5 <= found.high
    assert (
        held >= 17
    )  # 17 or more of 20 at 0.95 with probability 0.98; the whole grid is in benchmarks/monitor_alarms.py


def test_other_texts_are_told_apart_and_a_tenth_of_them_less() -> None:
    rng = np.random.default_rng(4)
    shares = rng.dirichlet(np.ones(len(WORDS))), rng.dirichlet(np.ones(len(WORDS)))
    reference = texts(rng, 200, shares[0])
    far = domain_auc(reference, texts(rng, 60, shares[1]), 0)
    near = domain_auc(reference, texts(rng, 60, 0.8 * shares[0] + 0.2 * shares[1]), 0)
    assert far.low > 0.9
    assert 0.5 < near.value < far.value
    assert (far.n_reference, far.n_live) == (200, 60)


def test_equal_seeds_give_equal_numbers_and_repeats_count_once() -> None:
    rng = np.random.default_rng(5)
    shares = rng.dirichlet(np.ones(len(WORDS)))
    reference, live = texts(rng, 60, shares), texts(rng, 30, shares)
    assert domain_auc(reference, live, 7) == domain_auc(reference, live * 3, 7)


def test_the_same_texts_on_both_sides_are_no_drift() -> None:
    rng = np.random.default_rng(6)
    shares = rng.dirichlet(np.ones(len(WORDS)))
    same = texts(rng, 60, shares)
    found = domain_auc(same, same, 0)
    assert found.value == pytest.approx(0.5)
    assert found.low < 0.5 < found.high


def test_few_texts_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 20"):
        domain_auc(["a b c"] * 100, [f"text {n}" for n in range(50)], 0)


def test_only_so_many_texts_are_used() -> None:
    found = domain_auc([f"red {n}" for n in range(80)], [f"blue {n}" for n in range(50)], 0, most=30)
    assert (found.n_reference, found.n_live) == (30, 30)
    assert isinstance(found, Auc)


def test_the_interval_of_an_auc_by_newcombe() -> None:
    # At 1 the lower end solves (1 - t)² = z²·V(t): 20 and 20, z 1.96, N* = 19, checked by substitution
    low, high = auc_interval(1.0, 20, 20, 1.96)
    error = low * (1 - low) / 400 * (1 + 19 * (1 - low) / (2 - low) + 19 * low / (1 + low))
    assert high == 1
    assert (1 - low) ** 2 == pytest.approx(1.96**2 * error)
    assert 0.8 < low < 0.95
    middle = auc_interval(0.5, 20, 20, 1.96)
    assert middle.low == pytest.approx(1 - middle.high)


def test_an_interval_holds_its_value_where_samples_are_more_alike_than_chance_makes_them() -> None:
    reference, live = (Counter({str(at): n for at in range(10)}) for n in (2, 50))
    live["0"] += 30
    found = psi_of_counts(reference, live)
    assert 0 < found.value < found.by_chance / 10
    assert found.low <= found.value <= found.high
