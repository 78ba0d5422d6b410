"""Does the interval of a return hold the true return as often as it says?

    python -m benchmarks.returns            # the whole grid, some minutes on one core; writes results/returns.json
    python -m benchmarks.returns --quick    # a tenth of the repetitions, nothing written

return      a 95 % interval of the return on costs of one tuned system holds the true one in 93 to 97 of 100 runs, where right answers have
            one value and where every row has its own
break-even  so does the interval of the volume from which tuning is cheaper, and that of the payback time, `never` among its values
together    of eight returns of one run, all intervals hold at once in at least 93 of 100 runs
nothing     a system without any gain has a return of exactly minus one, and no run calls one shown to pay more often than 2.5 in 100

Every run is simulated in memory and priced by the code that prices a run. Exits with 1 where a promise is missed.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import numpy as np

from benchmarks.promises import COVERAGE, Promise, n_missed, promise, told
from benchmarks.simulated import Study, difficulty, share_for
from hanka.analysis.evidence import Evidence
from hanka.operations.costs.ledger import make_ledger
from hanka.operations.costs.prices import PriceFile, read_prices
from hanka.operations.costs.records import Comparison
from hanka.operations.costs.returns import Added, Ends, cheaper_volumes, payback_months, return_on_costs
from hanka.store.folder import RunFolder, write_json

RESULTS = Path(__file__).parent / "results" / "returns.json"
MOST = 0.97
"Of coverage: an interval that holds more often than this is wider than it says."
BASE, DISCORDANT = 0.7, 0.2
"Share that the prompted model has right; share of rows on which two models of equal skill differ."
TODAY = date(2026, 11, 28)
PRICES = """\
currency: EUR
serving: [{{per_hour: 2.0, date: 2026-11-01, source: invented}}]
training: [{{per_hour: 10.0, date: 2026-11-01, source: invented}}]
labelling: {{per_row: 2.0, date: 2026-11-01, source: invented}}
review: {{per_hour: 60, minutes_per_1000_requests: {{prompted: 2, tuned: 1}}, date: 2026-11-01, source: invented}}
maintenance: {{per_month: {{prompted: 0, tuned: 40}}, date: 2026-11-01, source: invented}}
value: {{{value}, date: 2026-11-01, source: invented}}
volume: {{requests_per_month: 20000, months: 6}}
"""


SHARE = share_for(BASE, DISCORDANT)
"Variance that the rows share, for such models."


@dataclass(frozen=True)
class Place:
    """Where simulated runs find what files they need."""

    folder: Path
    read: dict[str, PriceFile] = field(default_factory=dict)
    "Price files by the value of answers."

    def evidence(self, study: Study) -> Evidence:
        """Return a simulated study as a run that stored what its trainings and cells took."""
        found = study.evidence()
        found.folder = RunFolder(self.folder)
        for cell in found.cells.values():
            cell.record |= {"seconds": 0.05 * cell.record["n"]}  # type: ignore[operator]
        for variant in study.variants:
            path = found.folder.variant(variant) / "variant.json"
            if not path.is_file():
                write_json(path, {"status": "done", "seconds": 600.0, "record": {}, "n_trained_parameters": 1})
        return found

    def prices(self, value: str) -> PriceFile:
        """Return a price file with a value of answers."""
        if value not in self.read:
            path = self.folder / "prices.yaml"
            path.write_text(PRICES.format(value=value), encoding="utf-8")
            self.read[value] = read_prices(path, TODAY)
        return self.read[value]


def compared(place: Place, seed: int, n: int, delta: float, value: str = "per_correct: 0.05") -> Comparison:
    """Simulate a base and a tuned system and price the difference; rows of their own value draw it from a gamma of mean 1."""
    rng, study = np.random.default_rng([7, seed, n]), Study(seed)
    hard = difficulty(rng, n, SHARE)
    study.add("base", "t", hard.right(rng, BASE))
    study.add("sft", "t", hard.right(rng, BASE + delta))
    if value.startswith("by_sample"):
        worth = rng.gamma(2.0, 0.025, n)
        lines = "".join(f"t{at},{worth[at]},0\n" for at in range(n))
        (place.folder / "values.csv").write_text("sample_id,right,wrong\n" + lines, encoding="utf-8")
    (found,) = make_ledger(place.evidence(study), place.prices(value)).comparisons
    return found


def truth(added: Added, delta: float) -> tuple[float, float, float]:
    """Return the true return, volume from which tuning is cheaper, and payback time; an answer is worth 0.05."""
    gain = Ends(0.05 * delta, 0.05 * delta, 0.05 * delta)
    on_costs = return_on_costs(added, gain, 20_000, 6)
    assert on_costs is not None
    return on_costs.value, cheaper_volumes(added, gain.value, 6).above, payback_months(added, gain, 20_000).value


def returns(place: Place, times: int) -> Iterator[Promise]:
    """Yield the coverage of one return, of its break-even and of its payback."""
    ways = {"one value": "per_correct: 0.05", "a value for each row": "by_sample: values.csv"}
    for way, value in ways.items():
        for n in (100, 250, 1000):
            for delta in (0.0, 0.05, 0.15):
                found = [_covers(compared(place, seed, n, delta, value), delta) for seed in range(times)]
                name = f"{way}, {delta:+.2f} right, n={n}"
                yield promise("return", name, [one[0] for one in found], COVERAGE, MOST)
                if way == "one value":
                    yield promise("break-even", f"volume, {name}", [one[1] for one in found], COVERAGE, MOST)
                    most = (
                        1.0 if delta == 0 else MOST
                    )  # the true time never comes: the end of what an interval can hold
                    yield promise("break-even", f"payback, {name}", [one[2] for one in found], COVERAGE, most)


def _covers(one: Comparison, delta: float) -> tuple[bool, bool, bool]:
    shown = one.returns
    assert one.added is not None
    assert shown is not None
    assert shown.on_costs is not None
    on_costs, above, months = truth(one.added, delta)
    low, high = shown.cheaper[2].above, shown.cheaper[1].above
    payback = shown.payback.low <= months <= shown.payback.high
    return shown.on_costs.low <= on_costs <= shown.on_costs.high, low <= above <= high, payback


def together(place: Place, times: int) -> Iterator[Promise]:
    """Yield how often all intervals of a run hold at once."""
    for n in (100, 250):
        found = [_all_hold(place, seed, n) for seed in range(times)]
        yield promise("together", f"four systems, two askings of the base, n={n}", found, COVERAGE)


def _all_hold(place: Place, seed: int, n: int) -> bool:
    rng, study, effects = np.random.default_rng([8, seed, n]), Study(seed), (0.0, 0.03, 0.06, 0.1)
    hard = difficulty(rng, n, SHARE)
    study.add("base", "t", hard.right(rng, BASE))
    study.add("base", "t", hard.right(rng, BASE), shots=2)
    for at, delta in enumerate(effects):
        study.add(f"m{at}", "t", hard.right(rng, BASE + delta))
    ledger = make_ledger(place.evidence(study), place.prices("per_correct: 0.05"))
    return all(_covers(one, effects[int(one.system.label[1:])])[0] for one in ledger.comparisons)


def nothing(place: Place, times: int) -> Iterator[Promise]:
    """Yield how often a system without any gain is shown to return more than nothing, and whether minus the costs is exact."""
    for n in (100, 250):
        found = [compared(place, seed, n, 0.0) for seed in range(times)]
        paid = [
            one.returns is not None and one.returns.on_costs is not None and one.returns.on_costs.low > -1
            for one in found
        ]
        yield promise("nothing", f"a gain is shown where there is none, n={n}", paid, high=0.025)
        exact = [one.added is not None and truth(one.added, 0.0)[0] == -1.0 for one in found]
        yield promise("nothing", f"the return of no gain is exactly -1, n={n}", exact, 1.0)._replace(error=0.0)


def main() -> int:
    """Run the grid, print a line per promise, write results; return 1 where one is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a tenth of the repetitions, nothing written")
    asked = parser.parse_args()
    times = 100 if asked.quick else 1000
    with tempfile.TemporaryDirectory() as scratch:
        lines = told(one for part in (returns, together, nothing) for one in part(Place(Path(scratch)), times))
    if not asked.quick:
        RESULTS.write_text(json.dumps(lines, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return int(n_missed(lines) > 0)


if __name__ == "__main__":
    sys.exit(main())
