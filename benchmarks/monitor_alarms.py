"""Do the promises of the monitor hold where the truth is known?

    python -m benchmarks.monitor_alarms            # the whole grid, about three minutes on one core; writes results/monitor_alarms.json
    python -m benchmarks.monitor_alarms --quick    # a tenth of the repetitions, nothing written

alarms   streams in which nothing changes, of a period each: any of nine signals alarms in at most 5 of 100, the reference drawn anew each
         time, with the tolerances that are there by default and with none (the domain classifier has its own part, see `domain`)
bound    a share exactly at its bound, the worst that is no change, alarms no oftener than its own part of the rate
delay    a drop of accuracy by ten points is found within the stated rows in at least 90 of 100 streams, whenever it begins
index    the interval of a stability index lies above the true one at most 1.5 times as often as its level says, down to 1 in 1,000
domain   without drift the interval of a domain classifier's AUC holds one half at least 93 times in 100

Counts are drawn and judged by the code that judges a log. Exits with 1 where a promise is missed.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.promises import COVERAGE, Promise, n_missed, promise, told
from hanka.operations.drift import domain_auc, psi_of_counts
from hanka.operations.monitor.asked import TaskReader
from hanka.operations.monitor.detectors import POWER, Detector, rows_to_find
from hanka.operations.monitor.judge import Judge
from hanka.operations.monitor.reference import Bins, Reference
from hanka.operations.monitor.settings import MonitorSettings
from hanka.operations.monitor.windows import Window
from hanka.tasks import TASKS

RESULTS = Path(__file__).parent / "results" / "monitor_alarms.json"
SETTINGS = MonitorSettings(period=50, window=500)
"Fifty windows a period: the rate is of a period, whatever its length."
SHARES = {"wrong": 0.12, "errors": 0.005, "unparsed": 0.01, "unsure": 0.1, "slow": 0.05}
"True shares of bad rows, in the run and live."
MIXES = {
    "answers": (0.5, 0.5), "labels": (0.6, 0.3, 0.1), "length": (0.1,) * 10, "script": (0.97, 0.02, 0.01)
}  # fmt: skip
LABELLED = 0.2
"Share of live rows with a label."
RUN_ROWS = (150, 400, 1500)
"Rows of the run's test sets."
Rng = np.random.Generator


def drawn(rng: Rng, name: str, n: int) -> Counter[str]:
    """Draw categories of a mix."""
    return Counter(
        {str(at): int(count) for at, count in enumerate(rng.multinomial(n, np.array(MIXES[name]) / sum(MIXES[name])))}
    )


def reference(rng: Rng, n: int) -> Reference:
    """Draw what a run of n test rows saw; latencies are those of the first thousand rows of the log."""
    shares = {name: (int(rng.binomial(n, share)), n) for name, share in SHARES.items()}
    # Beyond a percentile of the reference itself: the share of live rows is drawn for it, not known (see `live`).
    return Reference(
        "run", {}, "sft", (), TaskReader(TASKS.get("sentiment")), shares, {name: drawn(rng, name, n) for name in MIXES}, {"length": Bins((), ("…",))},
        None, (), "",
    )  # fmt: skip


def live(rng: Rng, number: int, shares: dict[str, float], rows: int) -> Window:
    """Draw a window."""
    counts = {name: (max(1, int(rows * LABELLED)) if name == "wrong" else rows) for name in shares}
    found = {name: (int(rng.binomial(n, shares[name])), n) for name, n in counts.items()}
    mixes = {name: dict(drawn(rng, name, counts["wrong"] if name == "labels" else rows)) for name in MIXES}
    return Window(number, rows, None, None, found, mixes, None, None)


def alarms(times: int) -> Iterator[Promise]:
    """Yield how often any signal alarms in a period where nothing changes."""
    strict = SETTINGS.model_copy(update={"tolerate": dict.fromkeys((*SHARES, *MIXES), 0.0)})
    for name, settings in (("default tolerances", SETTINGS), ("no tolerance", strict)):
        for n in RUN_ROWS:
            rng, found = np.random.default_rng([1, n]), []
            for _ in range(times // len(RUN_ROWS)):
                seen = reference(rng, n)
                judge = Judge(seen, settings, dict(seen.shares))
                windows = (live(rng, at, SHARES, settings.window) for at in range(1, settings.period + 1))
                found.append(any(judge.judge(window, None) for window in windows))
            about = f"{name}, a run of {n} rows, {settings.period} windows of {settings.window}"
            yield promise("alarms", about, found, 0.0, settings.alpha)


def bound(times: int) -> Iterator[Promise]:
    """Yield how often a share alarms that lies exactly at its bound."""
    for alpha in (0.05, 0.2):
        settings = MonitorSettings(period=50, signals=("wrong",), alpha=alpha, least_rows=20)
        for n in (20, 100):
            rng, found = np.random.default_rng([2, n]), []
            seen = reference(rng, 400)
            rise = Judge(seen, settings, dict(seen.shares)).rise("wrong")
            assert rise is not None
            for _ in range(times):
                detector = Detector(rise)
                found.append(any(max(detector.add(int(bad), n)[:2]) >= 1 for bad in rng.binomial(n, rise.bound, 50)))
            yield promise(
                "bound", f"at the bound, {n} labelled rows a window, rate {rise.alpha:g}", found, 0.0, rise.alpha
            )


def delay(times: int) -> Iterator[Promise]:
    """Yield how often a drop by ten points is found within the stated rows, in streams without an alarm before."""
    per_window = int(SETTINGS.window * LABELLED)
    for n in (400, 1500):
        for begins in (0, 10, 41, 60):
            rng = np.random.default_rng([3, n, begins])
            found: list[bool] = []
            stated: list[int] = []
            while len(found) < times:
                seen = reference(rng, n)
                seen = replace(seen, shares={**seen.shares, "wrong": (round(n * SHARES["wrong"]), n)})
                rise = Judge(seen, SETTINGS, dict(seen.shares)).rise("wrong")
                assert rise is not None
                detector = Detector(rise)
                if any(
                    max(detector.add(int(bad), per_window)[:2]) >= 1
                    for bad in rng.binomial(per_window, SHARES["wrong"], begins)
                ):
                    continue
                risen = SHARES["wrong"] + SETTINGS.drop
                rows = rows_to_find(rise, risen, begins + 1, per_window)
                assert rows is not None
                stated.append(rows)
                windows = math.ceil(rows / per_window)
                found.append(
                    any(
                        max(detector.add(int(bad), per_window)[:2]) >= 1
                        for bad in rng.binomial(per_window, risen, windows)
                    )
                )
            name = f"88 % to 78 %, a run of {n} rows, after {begins} windows: {int(np.median(stated)):,} labelled rows"
            yield promise("delay", name, found, POWER, 1.0)


def index(times: int) -> Iterator[Promise]:
    """Yield how often the interval of an index lies above the true one, at the levels that looking often asks for."""
    for name, mix in (("even", (0.1,) * 10), ("skewed", (0.9, 0.07, 0.03)), ("rare", (0.97, 0.02, 0.01))):
        for n, m in ((150, 500), (400, 1000), (1500, 100)):
            for alpha in (0.025, 0.001):
                rng, found = np.random.default_rng([4, n, m]), []
                for _ in range(times):
                    both = [
                        Counter({str(at): int(one) for at, one in enumerate(rng.multinomial(size, mix))})
                        for size in (n, m)
                    ]
                    found.append(psi_of_counts(both[0], both[1], 1 - 2 * alpha).low > 0)
                yield promise("index", f"{name}, {n} against {m}, {alpha:g} a side", found, 0.0, alpha * 1.5)


def domain(times: int) -> Iterator[Promise]:
    """Yield how often the interval of an AUC holds one half where both sides are of one kind."""
    words = [f"word{at}" for at in range(300)]
    for n_reference, n_live, length in ((60, 60, 8), (200, 60, 20)):
        rng, found = np.random.default_rng([5, n_reference]), []
        for seed in range(times):
            shares = rng.dirichlet(np.ones(len(words)))
            sides = [[" ".join(rng.choice(words, length, p=shares)) for _ in range(n)] for n in (n_reference, n_live)]
            auc = domain_auc(sides[0], sides[1], seed)
            found.append(auc.low <= 0.5 <= auc.high)
        yield promise("domain", f"{n_reference} against {n_live} texts of {length} words", found, COVERAGE)


PARTS: dict[str, tuple[Callable[[int], Iterator[Promise]], int]] = {
    "alarms": (alarms, 1002),
    "bound": (bound, 400),
    "delay": (delay, 300),
    "index": (index, 4000),
    "domain": (domain, 300),
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
