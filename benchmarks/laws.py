"""Do the intervals of learning curves hold the truth as often as they say, whichever law made the points?

    python -m benchmarks.laws            # the whole grid, some minutes on one core; writes results/laws.json
    python -m benchmarks.laws --quick    # a tenth of the repetitions, nothing written

Trainings on 32 to 512 rows (five sizes) or on 64 to 512 (four), with one, three or five seeds, asked the same 500 or 100 test rows. A test row is
right or wrong with all trainings together as far as its difficulty goes; each training adds its own luck (a standard deviation of 1
point, 30 % of it kept by a seed over all sizes). The curve is made by either law in six shapes; what fits it does not know which. Then

within          the value in the middle and at the largest size        95 % intervals hold it in 93 to 97 of 100
at the double   the value at twice the largest size                     likewise
doubling        what the next doubling gains                            in at least 90 of 100, in the mean of all shapes 93
at four times   the value at the farthest size that anything is said of in at least 90 of 100, in the mean of all shapes 93
rows to reach   the rows at which the curve reaches a value it reaches between the largest size and three times it: the interval holds it
                in at least 90 of 100, in the mean of all shapes 93; an end beyond the limit holds whatever lies there

Four curves that neither law describes are asked the same, and what comes out is written down without a promise: one that ends sooner
than any power, one with a bend in log n, and two that gain as much with every doubling.

An interval that holds more than it says costs rows and misleads nobody: of single scenarios the lower end alone is a promise, of the mean over
all shapes (per law, sizes and seeds) both are. With one seed how much a training varies is known from the prior alone. Exits with 1 where a promise is missed.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from scipy import special

from benchmarks.promises import Promise, n_missed, promise, told
from hanka.stats.curves import LAWS, CurvePoints, Law
from hanka.stats.extrapolation import gain_of_doubling, rows_to_reach, value_at
from hanka.stats.laws import fit_laws
from hanka.stats.shrinkage import averaged_within, covariance_of_means

RESULTS = Path(__file__).parent / "results" / "laws.json"
TIMES = 400
LUCK, KEPT, DIFFICULTY = 0.01, 0.3, 0.5
"Standard deviation of a training, the share of its variance that a seed keeps, the share of a row's that all trainings share."
FOUR, FIVE = (64, 128, 256, 512), (32, 64, 128, 256, 512)
DESIGNS = ((FIVE, 1, 500), (FIVE, 3, 500), (FIVE, 5, 500), (FIVE, 3, 100), (FOUR, 3, 500))
"Sizes, seeds and test rows."
SINGLE, MEAN = (0.90, 1.0), (0.93, 0.97)


class Shape(NamedTuple):
    """A curve."""

    name: str
    limit: float
    first: float
    "Value at the smallest size."
    rate: float
    "Share of the distance from the limit that an e-fold of rows takes away, at the middle size."


SHAPES = (
    Shape("rises", 0.90, 0.60, 0.5), Shape("rises slowly", 0.90, 0.55, 0.2), Shape("hardly rises", 0.80, 0.78, 0.5),
    Shape("rises fast", 0.95, 0.50, 1.0), Shape("falls", 0.70, 0.80, 0.5), Shape("is high", 0.98, 0.85, 0.4),
)  # fmt: skip
NEITHER: Mapping[str, Callable[[Any], Any]] = {
    "exponential": lambda n: 0.9 - 0.3 * np.exp(-(np.asarray(n, dtype=np.float64) - 32) / 150),
    "bend in log n": lambda n: 0.55 + 0.35 * special.expit(1.8 * np.log(np.asarray(n, dtype=np.float64) / 180)),
    "4 points a doubling": lambda n: 0.5 + 0.04 * np.log2(np.asarray(n, dtype=np.float64) / 32),
    "2 points a doubling": lambda n: 0.7 + 0.02 * np.log2(np.asarray(n, dtype=np.float64) / 32),
}
Curve = Callable[[Any], Any]
Design = tuple[tuple[int, ...], int, int]


def curve_of(law: Law, shape: Shape, sizes: tuple[int, ...]) -> Curve:
    """Return the true value by size."""
    smallest, middle = sizes[0], float(np.log(sizes).mean())

    def value(size: Any) -> Any:
        logs = np.log(np.asarray(size, dtype=np.float64))
        if law == "power":
            decay = np.exp(-shape.rate * (logs - np.log(smallest)))
        else:
            decay = np.exp(-shape.rate * middle * np.log(logs / np.log(smallest)))
        return shape.limit + (shape.first - shape.limit) * decay

    return value


def points_of(
    rng: np.random.Generator, curve: Curve, sizes: tuple[int, ...], seeds: int, rows: int = 500
) -> CurvePoints:
    """Train and ask once: right or wrong by row and training, their means, and the covariance that the rows give them."""
    at, seed = np.tile(sizes, seeds), np.repeat(np.arange(seeds), len(sizes))
    luck = np.sqrt(KEPT) * rng.normal(size=seeds)[seed] + np.sqrt(1 - KEPT) * rng.normal(size=len(at))
    share = np.clip(curve(at) + LUCK * luck, 0.001, 0.999)
    ability = np.sqrt(DIFFICULTY) * rng.normal(size=(rows, 1))
    ability = ability + np.sqrt(1 - DIFFICULTY) * rng.normal(size=(rows, len(at)))
    right = (ability < special.ndtri(share)).astype(np.float64)
    covariance = averaged_within(covariance_of_means(right, 1.0, True), at)
    return CurvePoints(at, right.mean(axis=0), seed, covariance, 0.0, 1.0)


def found_in(law: Law, shape: Shape, design: Design, times: int) -> dict[str, list[bool]]:
    """Return by promise whether each interval held the truth of a shape that a law made."""
    curve = curve_of(law, shape, design[0])
    return held_by(curve, design, times, (SHAPES.index(shape), LAWS.index(law)))


def held_by(curve: Curve, design: Design, times: int, stream: tuple[int, int]) -> dict[str, list[bool]]:
    """Return by promise whether each interval held the truth of a curve."""
    sizes, seeds, rows = design
    largest = sizes[-1]
    held: dict[str, list[bool]] = defaultdict(list)
    wanted = float(curve(2 * largest))
    sign = 1.0 if wanted > curve(largest) else -1.0
    asked = (
        ("within", sizes[len(sizes) // 2]),
        ("within", largest),
        ("at the double", 2 * largest),
        ("at four times", 4 * largest),
    )
    for time in range(times):
        rng = np.random.default_rng([17, time, seeds, rows, len(sizes), *stream])
        fitted = fit_laws(points_of(rng, curve, sizes, seeds, rows), rng)
        for name, size in asked:
            one = value_at(fitted, size)
            held[name].append(bool(one.low <= curve(size) <= one.high))
        one = gain_of_doubling(fitted, largest)
        held["doubling"].append(bool(one.low <= wanted - curve(largest) <= one.high))
        needed = rows_to_reach(fitted, wanted, sign)
        low = needed.low if needed.low is not None else needed.limit
        high = needed.high if needed.high is not None else np.inf
        held["rows to reach"].append(bool(low <= 2 * largest <= high))
    return held


def promises(times: int) -> Iterator[Promise]:
    """Yield what is promised in every scenario, and of the mean over shapes."""
    for design in DESIGNS:
        sizes, seeds, rows = design
        for law in LAWS:
            every: dict[str, list[bool]] = defaultdict(list)
            where = f"{law}, {len(sizes)} sizes, {seeds} seed(s), {rows} rows"
            for shape in SHAPES:
                for name, held in found_in(law, shape, design, times).items():
                    every[name] += held
                    yield promise(name, f"{shape.name}, {where}", held, *SINGLE)
            for name, held in every.items():
                yield promise(
                    name,
                    f"mean, {where}",
                    held,
                    MEAN[0],
                    MEAN[1] if seeds > 1 and name in ("within", "at the double") else 1.0,
                )
    for place, (name, curve) in enumerate(NEITHER.items()):
        for part, held in held_by(curve, (FIVE, 3, 500), times, (place, 9)).items():
            yield promise(part, f"neither law: {name}, 5 sizes, 3 seed(s), 500 rows", held)


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
