from __future__ import annotations

import math

import numpy as np
import pytest

from hanka.stats.kappa import cohens_kappa, confusion, effect_of_groups

DIAGNOSES = np.array([[75, 1, 4], [5, 4, 1], [0, 0, 10]])
"Two readers, 100 patients: Fleiss, Levin & Paik (2003), table 18.1."


def fleiss_variance(counts: np.ndarray) -> float:
    """The large-sample variance as Fleiss, Cohen & Everitt (1969) write it, term by term."""
    n = counts.sum()
    p = counts / n
    row, column = p.sum(axis=1), p.sum(axis=0)
    seen, chance = np.trace(p), float(row @ column)
    a = sum(p[i, i] * ((1 - chance) - (row[i] + column[i]) * (1 - seen)) ** 2 for i in range(len(p)))
    b = (1 - seen) ** 2 * sum(
        p[i, j] * (column[i] + row[j]) ** 2 for i in range(len(p)) for j in range(len(p)) if i != j
    )
    return float((a + b - (seen * chance - 2 * chance + seen) ** 2) / (n * (1 - chance) ** 4))


def test_kappa_of_two_diagnosticians_is_the_published_one() -> None:
    # seen 0.89, chance 0.80·0.80 + 0.10·0.05 + 0.10·0.15 = 0.66
    assert cohens_kappa(DIAGNOSES).value == pytest.approx(0.23 / 0.34)


def test_with_many_rows_the_interval_is_that_of_the_large_sample_variance() -> None:
    many = DIAGNOSES * 1000
    found, error = cohens_kappa(many), math.sqrt(fleiss_variance(many))
    assert found.low == pytest.approx(found.value - 1.95996 * error, abs=1e-4)
    assert found.high == pytest.approx(found.value + 1.95996 * error, abs=1e-4)


def test_readers_who_never_disagree_still_have_an_interval() -> None:
    found = cohens_kappa([[25, 0], [0, 25]])
    assert found.value == 1.0
    assert found.high == 1.0
    assert 0.7 < found.low < 0.95


def test_the_interval_holds_its_value_at_the_edge_of_disagreement() -> None:
    found = cohens_kappa([[0, 20], [20, 0]])
    assert found.low <= found.value == -1.0 <= found.high


@pytest.mark.parametrize(("share", "kappa", "n"), [(0.5, 0.8, 50), (0.2, 0.6, 100), (0.5, 0.0, 50)])
def test_the_interval_covers_the_true_kappa(share: float, kappa: float, n: int) -> None:
    chance = share**2 + (1 - share) ** 2
    both = (kappa * (1 - chance) + chance + 2 * share - 1) / 2
    table = [both, share - both, share - both, 1 - 2 * share + both]
    drawn = np.random.default_rng(3).multinomial(n, table, size=600).reshape(-1, 2, 2)
    held = [one.low <= kappa <= one.high for one in map(cohens_kappa, drawn)]
    assert np.mean(held) >= 0.93 - 2 * math.sqrt(0.93 * 0.07 / 600)
    assert np.mean(held) <= 0.97 + 2 * math.sqrt(0.97 * 0.03 / 600)


def test_rows_that_are_copies_of_each_other_widen_the_interval() -> None:
    first = [label for label in ("a", "a", "b", "b", "a", "b") * 10 for _ in range(4)]
    second = [label for label in ("a", "b", "b", "b", "a", "a") * 10 for _ in range(4)]
    groups = [f"g{at // 4}" for at in range(len(first))]
    effect = effect_of_groups(first, second, ("a", "b"), groups)
    assert effect == pytest.approx(4)
    table = confusion(first, second, ("a", "b"))
    alone = cohens_kappa(table)
    together = cohens_kappa(table, effect=effect)
    assert together.high - together.low > 1.8 * (alone.high - alone.low)
    assert effect_of_groups(first, second, ("a", "b"), [""] * len(first)) == 1.0


@pytest.mark.parametrize(
    ("counts", "said"), [([[9, 0], [0, 0]], "same label"), ([[1, 0], [0, 0]], "2"), ([[1, 2, 3]], "square")]
)
def test_what_supports_no_kappa_is_refused(counts: list[list[int]], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        cohens_kappa(counts)


def test_a_label_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="'c' by 'a'"):
        confusion(["c"], ["a"], ("a", "b"))
