"""Do the promises of A/B tests hold where the truth is known?

    python -m benchmarks.ab            # the whole grid, some minutes on one core; writes results/ab.json
    python -m benchmarks.ab --quick    # a tenth of the repetitions, nothing written

coverage   a 95 % interval of one look holds the truth 93 to 97 times in 100: two groups and pairs, shares and means, clusters; where one
           arm is a ninth of the other and its units are no single right or wrong rows, at least 93 times (the wider of two intervals)
aa         arms that do not differ are told apart at the horizon in at most 5.5 of 100 tests
looks      arms that do not differ are told apart at any of 100 looks in at most 5 of 100 tests (plus two Monte-Carlo errors)
power      a plan's units find the planned difference as often as it says
ratio      units that arrive as agreed raise the alarm no oftener than stated, at one look or at any of 100; others do
words      `equivalent`, and guardrails that hold or are broken, are false no oftener than stated at their margins

Draws are judged by the code that judges a log. Exits with 1 where a promise is missed.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.promises import ERROR, Promise, n_missed, promise, told
from benchmarks.simulated import FloatArray
from hanka.identity import stream
from hanka.operations.ab.design import Design
from hanka.operations.ab.effects import Effect, Measured, paired_effect, quantile, unpaired_effect
from hanka.operations.ab.groups import Pairs, Units
from hanka.operations.ab.judged import judge
from hanka.operations.ab.logs import Answer, Column, Counted, Log
from hanka.stats.allocation import ratio_p_value, ratio_p_value_at_any_look
from hanka.stats.planning import (
    Signal,
    clustered,
    means_signal,
    often_to_show,
    paired_means_signal,
    paired_shares_signal,
    shares_signal,
    units_to_show,
)

RESULTS = Path(__file__).parent / "results" / "ab.json"
RATES = (0.05, 0.5, 0.95)
SIZES = (100, 500, 2000)
LOOKS = 100
LEAST, MOST = 0.93, 0.97
Z = quantile(0.95)
Rng = np.random.Generator
Draw = Callable[[Rng, int], Effect]
"""Draws n units of each arm (or n pairs) and compares them."""


def measured(kind: str, by_rows: bool = False, tuned_at: int = 2000) -> Measured:
    """Say how drawn values are compared."""
    return Measured("outcome", 0, "share" if kind == "share" else "mean", by_rows, 0.95, tuned_at)


def alone(values: FloatArray) -> Units:
    """Return units of one row each."""
    return Units(values, np.ones(len(values)), 0)


# ---- what is drawn: the true difference is `effect`


def shares(rate: float, effect: float = 0.0) -> Draw:
    """Two groups, right or wrong."""
    return lambda rng, n: unpaired_effect(
        alone((rng.random(n) < rate + effect).astype(float)),
        alone((rng.random(n) < rate).astype(float)),
        "new",
        measured("share"),
    )


def uneven(rate: float, effect: float = 0.0) -> Draw:
    """Two groups, right or wrong, the arm a ninth of the control arm."""
    return lambda rng, n: unpaired_effect(
        alone((rng.random(n // 9) < rate + effect).astype(float)),
        alone((rng.random(n) < rate).astype(float)),
        "new",
        measured("share"),
    )


def uneven_users(rate: float, effect: float = 0.0) -> Draw:
    """Two groups of users with 1 to 9 rows each, right or wrong, the arm a ninth of the control arm."""

    def draw(rng: Rng, n: int) -> Effect:
        """Draw and compare."""
        a, b = (
            grouped(rng, size, mine, rng.integers(1, 10, size).astype(float))
            for size, mine in ((n // 9, rate + effect), (n, rate))
        )
        return unpaired_effect(a, b, "new", measured("share"))

    return draw


def skewed(effect: float = 0.0) -> Draw:
    """Two groups of skewed numbers with standard deviation 1."""
    return lambda rng, n: unpaired_effect(
        alone(rng.gamma(2, 2**-0.5, n) + effect), alone(rng.gamma(2, 2**-0.5, n)), "new", measured("mean")
    )


def grouped(rng: Rng, n: int, rate: float, rows: FloatArray) -> Units:
    """Draw right answers of n users, each with a rate of his own around `rate` (ICC 0.2)."""
    own = rng.beta(4 * rate, 4 * (1 - rate), n)
    return Units(rng.binomial(rows.astype(int), own).astype(float), rows, 0)


def users(rate: float, by_rows: bool, effect: float = 0.0) -> Draw:
    """Two groups of users with 1 to 9 rows each, right or wrong."""

    def draw(rng: Rng, n: int) -> Effect:
        """Draw and compare."""
        a, b = (grouped(rng, n, mine, rng.integers(1, 10, n).astype(float)) for mine in (rate + effect, rate))
        return unpaired_effect(a, b, "new", measured("share", by_rows))

    return draw


def pairs(rate: float, discordant: float, effect: float = 0.0) -> Draw:
    """Pairs, right or wrong, of which a share differs."""

    def draw(rng: Rng, n: int) -> Effect:
        """Draw and compare."""
        both = rate - discordant / 2
        kind = rng.choice(4, n, p=[(discordant + effect) / 2, (discordant - effect) / 2, both, 1 - discordant - both])
        return paired_effect(
            Pairs(np.isin(kind, (0, 2)).astype(float), np.isin(kind, (1, 2)).astype(float), (), 0, 0),
            "new",
            measured("share"),
        )

    return draw


def asked_pairs(rate: float, by_rows: bool, effect: float = 0.0) -> Draw:
    """Pairs of users who ask 1 to 9 items each, right or wrong; n users."""

    def draw(rng: Rng, n: int) -> Effect:
        """Draw and compare."""
        rows = rng.integers(1, 10, n)
        own = np.repeat(rng.beta(4 * rate, 4 * (1 - rate), n), rows)
        shift = np.repeat(rng.normal(0, 0.05, n), rows)
        a = (rng.random(rows.sum()) < np.clip(own + effect + shift, 0, 1)).astype(float)
        b = (rng.random(rows.sum()) < np.clip(own, 0, 1)).astype(float)
        units = tuple(np.repeat(np.arange(n), rows).astype(str))
        return paired_effect(Pairs(a, b, units, 0, 0), "new", measured("share", by_rows))

    return draw


def holds(effect: Effect, truth: float) -> bool:
    """Tell whether the interval of one look holds the truth."""
    ends = effect.once(Z)
    return ends is not None and ends.low <= truth <= ends.high


def differs(effect: Effect) -> bool:
    """Tell whether one look shows a difference, by its interval."""
    ends = effect.once(Z)
    return ends is not None and not ends.low <= 0 <= ends.high


# ---- coverage and A/A at the horizon


def coverage(times: int) -> Iterator[Promise]:
    """Yield the coverage of intervals of one look where the arms differ."""
    for name, draw, truth, n in scenarios(0.03):
        rng = stream(1, "coverage", name, n)
        high = 1.0 if "users" in name and "a ninth" in name else MOST
        yield promise("coverage", f"{name}, n={n}", [holds(draw(rng, n), truth) for _ in range(times)], LEAST, high)


def aa(times: int) -> Iterator[Promise]:
    """Yield how often arms that do not differ are told apart at one look."""
    for name, draw, _, n in scenarios(0.0):
        rng = stream(1, "aa", name, n)
        yield promise("aa", f"{name}, n={n}", [differs(draw(rng, n)) for _ in range(times)], high=0.055)


def scenarios(effect: float) -> Iterator[tuple[str, Draw, float, int]]:
    """Yield name, what is drawn, the true difference, and units per arm."""
    for n in SIZES:
        for rate in RATES:
            mine = effect if rate + effect < 1 else effect / 2
            yield f"shares of {rate}, difference {mine:g}", shares(rate, mine), mine, n
            discordant = 0.09 if rate != 0.5 else 0.2
            yield (
                f"pairs of {rate}, {discordant:.0%} differ, difference {mine:g}",
                pairs(rate, discordant, mine),
                mine,
                n,
            )
            yield f"one arm a ninth of the other, shares of {rate}, difference {mine:g}", uneven(rate, mine), mine, n
        yield f"skewed numbers, difference {effect:g}", skewed(effect), effect, n
        for by_rows in (False, True):
            what = "rows" if by_rows else "users"
            yield (
                f"users of 1 to 9 rows, {what} count equally, difference {effect:g}",
                users(0.5, by_rows, effect),
                effect,
                n,
            )
        yield (
            f"users of 1 to 9 rows at 0.95, users count equally, difference {effect / 2:g}",
            users(0.95, False, effect / 2),
            effect / 2,
            n,
        )
        yield (
            f"one arm a ninth of the other, users of 1 to 9 rows at 0.9, difference {effect:g}",
            uneven_users(0.9, effect),
            effect,
            n,
        )
    if not effect:
        for by_rows in (False, True):
            what = "rows" if by_rows else "users"
            yield f"pairs of users of 1 to 9 items, {what} count equally", asked_pairs(0.5, by_rows), 0.0, 300


# ---- looks


def looks(times: int) -> Iterator[Promise]:
    """Yield how often arms that do not differ are told apart at any of 100 looks."""
    for most in (1000, 5000):
        for rate in RATES:
            yield _looked(f"shares of {rate}", most, times, partial(_two, rate=rate))
        yield _looked("skewed numbers", most, times, _two_skewed)
        yield _looked("users who come again", most, times, _returning)
    for rate, discordant in ((0.9, 0.1), (0.5, 0.3)):
        draw = partial(_pairs_at, rate=rate, discordant=discordant)
        yield _looked(f"pairs of {rate}, {discordant:.0%} differ", 2000, times // 2, draw)


def _looked(name: str, most: int, times: int, draw: Callable[[Rng, int], Callable[[int], Effect]]) -> Promise:
    rng = stream(1, "looks", name, most)
    at = np.unique(np.geomspace(50, most, LOOKS).astype(int))
    found = []
    for _ in range(times):
        seen = draw(rng, most)
        found.append(any((every := seen(int(n)).every) is not None and every.p_value < ERROR for n in at))
    return promise("looks", f"{name}, 100 looks until n={most}", found, high=ERROR)


def _two(rng: Rng, most: int, rate: float) -> Callable[[int], Effect]:
    return _two_apart(rng, most, (rate, rate), 2000)


def _two_apart(rng: Rng, most: int, rates: tuple[float, float], tuned_at: int) -> Callable[[int], Effect]:
    a, b = ((rng.random(most) < rate).astype(float) for rate in rates)
    return lambda n: unpaired_effect(alone(a[:n]), alone(b[:n]), "new", measured("share", tuned_at=tuned_at))


def _two_skewed(rng: Rng, most: int) -> Callable[[int], Effect]:
    a, b = (rng.gamma(2, 2**-0.5, most) for _ in range(2))
    return lambda n: unpaired_effect(alone(a[:n]), alone(b[:n]), "new", measured("mean"))


def _returning(rng: Rng, most: int) -> Callable[[int], Effect]:
    """Let users come again and again: each row is of one of most/5 users, early or late."""
    who = [rng.integers(0, most // 5, most) for _ in range(2)]
    own = [rng.beta(2, 2, most // 5) for _ in range(2)]
    right = [(rng.random(most) < own[side][who[side]]).astype(float) for side in range(2)]

    def seen(n: int) -> Effect:
        """Compare what came in until the n-th row of each arm."""
        sides = []
        for side in range(2):
            sizes = np.bincount(who[side][:n], minlength=most // 5).astype(float)
            sums = np.bincount(who[side][:n], weights=right[side][:n], minlength=most // 5).astype(float)
            sides.append(Units(sums[sizes > 0], sizes[sizes > 0], 0))
        return unpaired_effect(sides[0], sides[1], "new", measured("share"))

    return seen


def _pairs_at(rng: Rng, most: int, rate: float, discordant: float, effect: float = 0.0) -> Callable[[int], Effect]:
    both = rate - discordant / 2
    kind = rng.choice(4, most, p=[(discordant + effect) / 2, (discordant - effect) / 2, both, 1 - discordant - both])
    a, b = np.isin(kind, (0, 2)).astype(float), np.isin(kind, (1, 2)).astype(float)
    return lambda n: paired_effect(Pairs(a[:n], b[:n], (), 0, 0), "new", measured("share"))


# ---- power


def power(times: int) -> Iterator[Promise]:
    """Yield how often the planned units find the planned difference."""
    cases: list[tuple[str, Signal, int, Draw, float]] = [
        (f"shares of {rate}, difference {effect}", shares_signal(rate, effect), 2, shares(rate, effect), 0.02)
        for rate, effect in ((0.05, 0.03), (0.5, 0.1), (0.9, 0.04))
    ]
    cases += [
        ("numbers, half a standard deviation", means_signal(0.5, 1.0), 2, _normal(0.5), 0.02),
        ("pairs, 20% differ, difference 0.06", paired_shares_signal(0.06, 0.2), 1, pairs(0.5, 0.2, 0.06), 0.02),
        ("paired numbers, 0.2 standard deviations", paired_means_signal(0.2, 1.0), 1, _paired_normal(0.2), 0.02),
        ("users of 5 rows, ICC 0.2, difference 0.1", clustered(shares_signal(0.5, 0.1), 5, 0.2), 2, _fives(0.1), 0.02),
    ]
    for name, signal, groups, draw, off in cases:
        rng, units = stream(1, "power", name), units_to_show(signal, ERROR)
        n = -(-units // groups)
        yield promise(
            "power",
            f"one look, {name}: {units} units",
            [differs(draw(rng, n)) for _ in range(times)],
            0.8 - off,
            0.8 + off,
        )
    yield from _often(times // 4)


def _often(times: int) -> Iterator[Promise]:
    plan = often_to_show(shares_signal(0.5, 0.1), ERROR)
    rng, half = stream(1, "often", "shares"), -(-plan.units // 2)
    draw = partial(_two_apart, rates=(0.6, 0.5), tuned_at=plan.units)
    ends = [_first(half, draw(rng, half)) for _ in range(times)]
    name = f"100 looks, shares of 0.5, difference 0.1: {plan.units} units"
    yield promise("power", name, [end > 0 for end in ends], 0.77, 0.85)
    yield _stopping(plan.expected, [2 * (end or half) for end in ends], "shares")
    plan = often_to_show(paired_shares_signal(0.06, 0.2), ERROR)
    rng, most = stream(1, "often", "pairs"), plan.units
    ends = [_first(most, _pairs_at(rng, most, 0.5, 0.2, 0.06)) for _ in range(times // 2)]
    name = f"100 looks, pairs, 20% differ, difference 0.06: {most} pairs"
    yield promise("power", name, [end > 0 for end in ends], 0.77, 0.85)
    yield _stopping(plan.expected, [end or most for end in ends], "pairs")


def _first(most: int, seen: Callable[[int], Effect]) -> int:
    """Return the units at the first of 100 even looks that shows a difference; 0: none does."""
    for look in range(1, LOOKS + 1):
        every = seen(max(2, most * look // LOOKS)).every
        if every is not None and every.p_value < ERROR:
            return most * look // LOOKS
    return 0


def _stopping(planned: float, ends: Sequence[float], what: str) -> Promise:
    """Promise that looking ends on average where the plan says, within 5 %."""
    share = np.array(ends) / planned
    error = float(share.std() / np.sqrt(len(share)))
    return Promise(
        "power", f"units at the end over those planned, {what}", float(share.mean()), error, 0.95, 1.05, len(share)
    )


def _normal(effect: float) -> Draw:
    return lambda rng, n: unpaired_effect(
        alone(rng.normal(effect, 1, n)), alone(rng.normal(0, 1, n)), "new", measured("mean")
    )


def _paired_normal(effect: float) -> Draw:
    def draw(rng: Rng, n: int) -> Effect:
        """Draw and compare."""
        base = rng.normal(0, 1, n)
        return paired_effect(Pairs(base + rng.normal(effect, 1, n), base, (), 0, 0), "new", measured("mean"))

    return draw


def _fives(effect: float) -> Draw:
    def draw(rng: Rng, n: int) -> Effect:
        """Draw and compare."""
        rows = np.full(n, 5.0)
        return unpaired_effect(
            grouped(rng, n, 0.5 + effect, rows), grouped(rng, n, 0.5, rows), "new", measured("share")
        )

    return draw


# ---- sample ratio


def ratio(times: int) -> Iterator[Promise]:
    """Yield how often the check of the sample ratio alarms, where units arrive as agreed and where they do not."""
    rng, level = stream(1, "ratio"), 0.01
    for weights in ((50, 50), (90, 10), (40, 30, 30)):
        shares_of = np.array(weights) / sum(weights)
        once = [ratio_p_value(rng.multinomial(5000, shares_of).tolist(), weights) < level for _ in range(10 * times)]
        yield promise("ratio", f"alarm at {level} without reason, one look, weights {weights}", once, high=level)
        any_look = []
        for _ in range(times):
            steps = np.cumsum(rng.multinomial(50, shares_of, LOOKS), axis=0)
            any_look.append(any(ratio_p_value_at_any_look(counts.tolist(), weights) < level for counts in steps))
        yield promise("ratio", f"alarm at {level} without reason, 100 looks, weights {weights}", any_look, high=level)
    lost = [
        any(ratio_p_value_at_any_look(counts.tolist(), (50, 50)) < 0.001 for counts in np.cumsum(rng.multinomial(100, (0.53, 0.47), LOOKS), axis=0))
        for _ in range(times)
    ]  # fmt: skip
    yield promise("ratio", "alarm at 0.001 with 53 to 47 in 10,000 units, 100 looks", lost, low=0.95)


# ---- words

DESIGN = {
    "name": "simulated", "arms": {"now": 1, "new": 1}, "control": "now", "metric": {"equivalence": 0.05},
    "guardrails": {"calm": {"field": "calm", "kind": "share", "harm": 0.05}},
}  # fmt: skip


def words(times: int) -> Iterator[Promise]:
    """Yield how often a whole log is called what it is not, at the margins and without an effect."""
    for test in ("fixed", "always-valid"):
        design = Design.model_validate(DESIGN | {"test": test, "horizon": 3000 if test == "fixed" else None})
        rng = stream(1, "words", test)
        at_margin = [judge(_log(rng, 1500, 0.05, -0.05), design) for _ in range(times)]
        name = f"{test}, n=1500"
        yield promise(
            "words", f"equivalent at its margin, {name}", [one.verdict == "equivalent" for one in at_margin], high=ERROR
        )
        yield promise(
            "words",
            f"guardrail holds at its margin, {name}",
            [one.kept[0].outcome == "holds" for one in at_margin],
            high=ERROR,
        )
        yield promise(
            "words",
            f"guardrail broken at its margin, {name}",
            [one.kept[0].outcome == "broken" for one in at_margin],
            high=ERROR,
        )
        same = [judge(_log(rng, 1500, 0.0, 0.0), design) for _ in range(times)]
        yield promise(
            "words",
            f"better or worse without effect, {name}",
            [one.verdict in ("better", "worse") for one in same],
            high=ERROR,
        )


def _log(rng: Rng, n: int, effect: float, calmer: float) -> Log:
    answers = [
        Answer(f"{arm}{at}", arm, "", (float(right), float(calm)))
        for arm, gain, more in (("now", 0.0, 0.0), ("new", effect, calmer))
        for at, (right, calm) in enumerate(zip(rng.random(n) < 0.6 + gain, rng.random(n) < 0.7 + more, strict=True))
    ]
    columns = (Column("outcome", "outcome", "share"), Column("calm", "calm", "share"))
    return Log(tuple(answers), columns, Counted(rows=len(answers)), frozenset({"unit"}))


PARTS: dict[str, tuple[Callable[[int], Iterator[Promise]], int]] = {
    "coverage": (coverage, 2000),
    "aa": (aa, 4000),
    "looks": (looks, 400),
    "power": (power, 2000),
    "ratio": (ratio, 1000),
    "words": (words, 400),
}


def main() -> int:
    """Run the grid, print a line per promise, write results; return 1 where one is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=PARTS, nargs="+", default=list(PARTS))
    parser.add_argument("--quick", action="store_true", help="a tenth of the repetitions, nothing written")
    asked = parser.parse_args()
    known = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.is_file() else {}
    missed = 0
    for name in asked.only:
        part, times = PARTS[name]
        lines = told(part(times // 10 if asked.quick else times))
        missed += n_missed(lines)
        known[name] = lines
    if not asked.quick:
        RESULTS.write_text(json.dumps(known, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main())
