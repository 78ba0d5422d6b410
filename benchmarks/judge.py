"""Are a judge's numbers as sure as they say, where the truth is known?

    python -m benchmarks.judge            # the whole grid, a few minutes on one core; writes results/judge.json
    python -m benchmarks.judge --quick    # a tenth of the repetitions, nothing written

kappa        Cohen's kappa of judge and people covers the true one in 93 to 97 of 100: two and three labels, 50 to 300 labelled rows
kappa rare   labels of which ten rows or fewer are expected: in at least 90
kappa groups rows of which four share a text and half of the texts are judged as one: in at least 93
correction   the corrected rate covers what people would say of all rows in 93 to 98, where a correction is made at all
place        a judge whose verdicts turn without a liking for a place is accused in at most 5.5 of 100
length       likewise of pairs, and of labels, for length
finds        a liking of 20 points for the first place, at 200 pairs, is found in at least 80

Everything is drawn from the stated truth and judged by the code that reports. Exits with 1 where a promise is missed.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.promises import COVERAGE, Promise, n_missed, promise, told
from hanka.identity import stream
from hanka.stats.biases import Group, effect_of_pairs, label_length_bias, length_bias, place_bias
from hanka.stats.kappa import cohens_kappa, confusion, effect_of_groups
from hanka.stats.misclassified import Hits, corrected_rate

RESULTS = Path(__file__).parent / "results" / "judge.json"
TIMES = 4000
MOST = 0.97
RARE = 10
ACCUSED = 0.055
POWER = 0.8
KAPPAS = (0.0, 0.4, 0.6, 0.8, 0.9)
Table = npt.NDArray[np.float64]


def tables() -> Iterator[tuple[str, float, Table]]:
    """Yield true tables of shares, people by judge: name, kappa, table."""
    for share in (0.5, 0.3, 0.2, 0.1):
        for kappa in KAPPAS:
            for leaning in (0.0, 0.05):
                mine, theirs = share, share + leaning
                chance = mine * theirs + (1 - mine) * (1 - theirs)
                both = (kappa * (1 - chance) + chance + mine + theirs - 1) / 2
                table = np.array([[both, mine - both], [theirs - both, 1 - mine - theirs + both]])
                if table.min() >= 0:
                    yield f"{share:.0%} flagged, judge {theirs:.0%}", kappa, table
    for margins in ((1 / 3, 1 / 3, 1 / 3), (0.5, 0.3, 0.2)):
        for kappa in KAPPAS:
            m = np.array(margins)
            yield (
                f"three labels {margins[0]:.0%} to {margins[2]:.0%}",
                kappa,
                kappa * np.diag(m) + (1 - kappa) * np.outer(m, m),
            )


def kappas(times: int) -> Iterator[Promise]:
    """Count how often the interval covers the true kappa."""
    for name, kappa, table in tables():
        for n in (50, 100, 300):
            rng = stream("benchmark kappa", name, f"{kappa}", n)
            drawn = rng.multinomial(n, (table / table.sum()).ravel(), size=times).reshape(-1, *table.shape)
            held = []
            for counts in drawn:
                if counts.sum(axis=1).max() == n and counts.sum(axis=0).max() == n and np.trace(counts) == n:
                    continue  # not defined, and refused
                found = cohens_kappa(counts)
                held.append(found.low <= kappa <= found.high)
            rare = min(table.sum(axis=0).min(), table.sum(axis=1).min()) * n <= RARE
            part, low, high = ("kappa rare", 0.9, 1.0) if rare else ("kappa", COVERAGE, MOST)
            yield promise(part, f"{name}, kappa {kappa}, n={n}", held, low=low, high=high)


def grouped(times: int) -> Iterator[Promise]:
    """The same where four rows share a text, and half of the texts get one judgement for all four."""
    for kappa in KAPPAS[:4]:
        for n_groups in (25, 50):
            held = []
            rng = stream("benchmark groups", f"{kappa}", n_groups)
            table = np.array([[0.3, 0.0], [0.0, 0.7]]) * kappa + (1 - kappa) * np.outer([0.3, 0.7], [0.3, 0.7])
            for _ in range(times // 4):
                alike = rng.random(n_groups) < 0.5
                drawn = rng.choice(4, size=(n_groups, 4), p=table.ravel())
                drawn[alike] = drawn[alike][:, :1]
                first, second = (["ab"[one] for one in side.ravel()] for side in (drawn // 2, drawn % 2))
                groups = [f"g{at}" for at in range(n_groups) for _ in range(4)]
                effect = effect_of_groups(first, second, ("a", "b"), groups)
                found = cohens_kappa(confusion(first, second, ("a", "b")), effect=effect)
                held.append(found.low <= kappa <= found.high)
            yield promise("kappa groups", f"kappa {kappa}, {n_groups} texts of 4 rows", held, low=COVERAGE)


def corrections(times: int) -> Iterator[Promise]:
    """Count how often the corrected rate covers what people would say."""
    for n, labelled in ((200, 50), (500, 100), (2000, 200)):
        for rate in (0.5, 0.2, 0.1):
            for found_share, left_share in ((0.95, 0.95), (0.8, 0.9), (0.9, 0.7)):
                rng = stream("benchmark correction", n, f"{rate} {found_share} {left_share}")
                held = []
                for _ in range(times // 2):
                    n_so = int(rng.binomial(labelled, rate))
                    found = Hits(int(rng.binomial(n_so, found_share)), n_so)
                    left = Hits(int(rng.binomial(labelled - n_so, left_share)), labelled - n_so)
                    flags = int(rng.binomial(n, rate * found_share + (1 - rate) * (1 - left_share)))
                    try:
                        one = corrected_rate(Hits(flags, n), found, left)
                    except ValueError:  # nothing is corrected, and that is said
                        continue
                    held.append(one.low <= rate <= one.high)
                where = (
                    f"rate {rate:.0%}, finds {found_share:.0%}, leaves {left_share:.0%}, {n} rows, {labelled} labelled"
                )
                yield promise("correction", where, held, low=COVERAGE, high=0.98)


def biases(times: int) -> Iterator[Promise]:
    """Count how often a judge without a bias is accused, and one with a bias found."""
    for n in (50, 200):
        for turned in (0.1, 0.3, 0.6):
            rng = stream("benchmark place", n, f"{turned}")
            shown = []
            for _ in range(times):
                n_turned = int(rng.binomial(n, turned))
                first = int(rng.binomial(n_turned, 0.5))
                shown.append(place_bias(first, n_turned - first, n).is_shown)
            yield promise("place", f"{turned:.0%} turn, {n} pairs", shown, high=ACCUSED)
        for differ in (0.1, 0.3):
            rng = stream("benchmark length", n, f"{differ}")
            pairs, labels = [], []
            for _ in range(times // 2):
                people = rng.random(n) < 0.6  # people like length, rightly
                flips = rng.random(n) < np.where(
                    people, differ / 1.2, differ / 0.8
                )  # as often to the longer as to the shorter
                pairs.append(length_bias((people ^ flips).tolist(), people.tolist()).is_shown)
                counts = rng.multinomial(n // 2, [differ / 2, differ / 4, 1 - 0.75 * differ], size=2)
                longer, shorter = (Group(int(one[0]), int(one[1]), n // 2) for one in counts)
                labels.append(label_length_bias(longer, shorter).is_shown)
            yield promise("length of pairs", f"{differ:.0%} differ from people, {n} pairs", pairs, high=ACCUSED)
            yield promise("length of labels", f"{differ:.0%} differ from people, {n} rows", labels, high=ACCUSED)
    for n_texts in (15, 50):
        for each in (2, 5):
            rng, groups = stream("benchmark texts", n_texts, each), [f"{at // each}" for at in range(n_texts * each)]
            shown = []
            for _ in range(times // 2):
                place = np.repeat(rng.choice(3, n_texts, p=[0.6, 0.2, 0.2]), each)
                first, second = (place == 1).tolist(), (place == 2).tolist()
                effect = effect_of_pairs(first, second, groups)
                shown.append(place_bias(sum(first), sum(second), len(place), effect=effect).is_shown)
            yield promise("place", f"{n_texts} texts of {each} pairs that turn together", shown, high=ACCUSED)
    rng = stream("benchmark finds")
    drawn = rng.multinomial(200, [0.3, 0.1, 0.6], size=times // 2)
    found = [place_bias(int(one[0]), int(one[1]), 200).is_shown for one in drawn]
    yield promise("finds", "20 points for the first place, 200 pairs", found, low=POWER)


def promises(times: int) -> Iterator[Promise]:
    """Yield every promise."""
    yield from kappas(times)
    yield from grouped(times)
    yield from corrections(times)
    yield from biases(times)


def main() -> int:
    """Run the grid, print a line per promise, write results; return 1 where one is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a tenth of the repetitions, nothing written")
    given = parser.parse_args()
    lines = told(promises(TIMES // 10 if given.quick else TIMES))
    if not given.quick:
        RESULTS.write_text(json.dumps(lines, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return int(n_missed(lines) > 0)


if __name__ == "__main__":
    sys.exit(main())
