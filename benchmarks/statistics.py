"""Do the promises of the statistics hold where the truth is known?

    python -m benchmarks.statistics            # the whole grid, about half an hour on one core; writes results/
    python -m benchmarks.statistics --quick    # a tenth of the repetitions, nothing written

coverage    a 95 % interval holds the truth at least 93 times in 100, wherever it rests on 40 units or more
family      any false claim in a study without effects: at most 5 in 100 (plus two Monte-Carlo errors)
method      an interval over seeds covers the method's own effect, not only these checkpoints'
decision    four outcomes come out as often as their definition says, and adapting without a reason hardly ever
words       no verdict contradicts the interval beside it
looks       a study that grows until it is decided claims something false at any of 25 looks in at most 5 in 100
forgetting  what is called forgotten averages to what was forgotten

Every study is simulated in memory and judged by the code that judges a run. Exits with 1 where a promise is missed.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.looks import looks
from benchmarks.promises import COVERAGE, ERROR, Promise, n_missed, promise, told
from benchmarks.simulated import FloatArray, Study, class_rows, difficulty, share_for
from hanka.analysis.claims import claims_of
from hanka.analysis.contrasts import Contrasts
from hanka.analysis.decision import SEEDS, decide
from hanka.analysis.summary import summarise
from hanka.stats import (
    ComparisonSettings,
    beyond_asking_again,
    compare,
    estimate,
    mean,
    plan_resampling,
)

RESULTS = Path(__file__).parent / "results" / "statistics.json"
# ---- coverage


def coverage(times: int) -> Iterator[Promise]:
    """Yield the coverage of intervals of values and differences."""
    rng = np.random.default_rng(1)
    for accuracy in (0.5, 0.9, 0.98):
        for n in (40, 100, 250, 500):
            found = [_share_in_clusters(rng, accuracy, n) for _ in range(times)]
            promised = COVERAGE if n // 5 >= 40 else 0.0
            yield promise("coverage", f"share {accuracy}, {n} rows in fives", found, promised)
    for discordant, delta in ((0.05, 0.04), (0.05, 0.0), (0.10, 0.08), (0.30, 0.10)):
        for n in (40, 100, 250):
            found = [_paired(rng, n, discordant, delta) for _ in range(times)]
            yield promise(
                "coverage", f"difference {delta} of accuracy, {discordant:.0%} differ, n={n}", found, COVERAGE
            )
    yield from _few_differ(np.random.default_rng(7), times)
    for n in (40, 100, 250):
        found = [_paired_scores(rng, n) for _ in range(times)]
        yield promise("coverage", f"difference of a score between 0 and 1, n={n}", found, COVERAGE)
    for shares, n in (((0.8, 0.15, 0.05), 250), ((0.8, 0.15, 0.05), 400), ((0.34, 0.33, 0.33), 100)):
        given = [one for one in (_macro_f1(rng, n, shares) for _ in range(times)) if one is not None]
        yield promise("coverage", f"difference of macro-F1, classes {shares}, n={n}", given, COVERAGE)


def _few_differ(rng: np.random.Generator, times: int) -> Iterator[Promise]:
    """Yield the coverage where few rows tell: right or wrong in groups, and scores that hardly change."""
    for n, size in ((200, 5), (250, 5), (800, 20), (1000, 20), (1000, 5)):
        for discordant, delta in ((0.06, 0.05), (0.06, 0.0), (0.10, 0.08)):
            found = [_paired(rng, n, discordant, delta, size) for _ in range(times)]
            name = f"difference {delta} of accuracy, {discordant:.0%} differ, {n} rows in groups of {size}"
            yield promise("coverage", name, found, COVERAGE)
    for n in (40, 100, 250):
        for changed in (0.05, 0.1, 0.3):
            found = [_hardly_changed(rng, n, changed) for _ in range(times)]
            yield promise(
                "coverage", f"difference of a score that {changed:.0%} of rows change, n={n}", found, COVERAGE
            )
    for n, size in ((100, 1), (250, 1), (1000, 20)):
        found = [_two_prompts(seed, n, size) for seed in range(times // 4)]
        yield promise("coverage", f"two prompts, 5% differ, {n} rows in groups of {size}", found, COVERAGE)


def _hardly_changed(rng: np.random.Generator, n: int, share: float) -> bool:
    """Tell whether the interval holds the truth of a score that few rows change, mostly upwards and mostly a little."""
    gain = (rng.random(n) < share) * np.where(rng.random(n) < 0.9, 1, -1) * rng.beta(1, 6, n)
    found = compare(0.5 + gain, np.full(n, 0.5), mean, plan_resampling(n, rng, None, 1))
    return found.low is not None and found.high is not None and found.low <= share * 0.8 / 7 <= found.high


def _two_prompts(seed: int, n: int, size: int) -> bool:
    """Tell whether the interval of a system's gain, averaged over two prompts, holds it: rows of a group often go together."""
    rng, study = np.random.default_rng([8, seed, n]), Study(seed)
    for prompt in ("p1", "p2"):
        ours, theirs = _few(rng, n, 0.05, 0.04, size)
        study.add("base", "t", theirs[:, None], groups=size, prompt=prompt)
        study.add("sft", "t", ours[:, None], groups=size, prompt=prompt)
    (claims,) = claims_of(Contrasts(study.evidence())).systems
    interval = claims.toughest.contrast.interval(1.959964)
    assert interval is not None
    return interval.low <= 0.04 <= interval.high


def _few(rng: np.random.Generator, n: int, discordant: float, delta: float, size: int) -> tuple[FloatArray, FloatArray]:
    """Return answers that only some rows tell apart, half of them as the others of their group do."""
    kind = rng.random(n)
    if size > 1:
        kind = np.where(rng.random(n) < 0.5, np.repeat(rng.random(n // size), size), kind)
    only_a = kind < (discordant + delta) / 2
    return only_a.astype(float), ((kind < discordant) & ~only_a).astype(float)


def _share_in_clusters(rng: np.random.Generator, accuracy: float, n: int) -> bool:
    groups = [place // 5 for place in range(n)]
    rows = difficulty(rng, n, 1.0, 5).right(rng, accuracy)[:, 0]
    found = estimate(rows, mean, plan_resampling(n, rng, groups, 1), binary=True)
    return found.low is not None and found.high is not None and found.low <= accuracy <= found.high


def _paired(rng: np.random.Generator, n: int, discordant: float, delta: float, size: int = 1) -> bool:
    a, b = _few(rng, n, discordant, delta, size)
    groups = [place // size for place in range(n)] if size > 1 else None
    found = compare(a, b, mean, plan_resampling(n, rng, groups, 1), ComparisonSettings(binary=True))
    return found.low is not None and found.high is not None and found.low <= delta <= found.high


def _paired_scores(rng: np.random.Generator, n: int) -> bool:
    hard = rng.beta(1, 2, n)
    a, b = 0.7 * hard + 0.3 * rng.beta(2, 2, n), 0.7 * hard + 0.3 * rng.beta(1, 2, n)
    found = compare(a, b, mean, plan_resampling(n, rng, None, 1))
    truth = 0.3 * (1 / 2 - 1 / 3)
    return found.low is not None and found.high is not None and found.low <= truth <= found.high


def _answers(rng: np.random.Generator, targets: Any, accuracy: float, n_labels: int) -> Any:
    wrong = (targets + rng.integers(1, n_labels, len(targets))) % n_labels
    return np.where(rng.random(len(targets)) < accuracy, targets, wrong)


def _macro_f1(rng: np.random.Generator, n: int, shares: tuple[float, ...]) -> bool | None:
    """Tell whether the interval of a difference of 0 holds it; None where no interval is given."""
    from hanka.metrics import METRICS

    metric, c = METRICS.get("macro_f1"), len(shares)
    targets = rng.choice(c, n, p=shares)
    a, b = (class_rows(targets, _answers(rng, targets, 0.7, c), c) for _ in range(2))
    settings = ComparisonSettings(supported=metric.is_supported(a))
    found = compare(a, b, metric.aggregate, plan_resampling(n, rng, None, 1), settings)
    return None if found.low is None or found.high is None else found.low <= 0 <= found.high


# ---- family


def family(times: int) -> Iterator[Promise]:
    """Yield how often a study without any effect claims one."""
    scenarios: dict[str, tuple[int, Callable[[np.random.Generator, Study], None]]] = {
        f"{name}, n={n}": (times, lambda rng, study, fill=fill, n=n: fill(rng, study, n))
        for name, fill in (
            ("48 accuracies", _accuracies),
            ("48 macro-F1 of rare classes", _rare),
            ("48 in fives", _fives),
        )
        for n in (40, 100, 250)
    }
    for name, (repetitions, fill) in scenarios.items():
        found = [_any_claim(seed, fill, "macro_f1" if "F1" in name else "accuracy") for seed in range(repetitions)]
        yield promise("family", name, found, high=ERROR)


def _any_claim(seed: int, fill: Callable[[np.random.Generator, Study], None], metric: str) -> bool:
    study = Study(seed, metric)
    fill(np.random.default_rng([2, seed]), study)
    evidence = study.evidence()
    return any(row.values["verdict"] in ("better", "worse") for row in summarise(evidence, Contrasts(evidence)))


def _accuracies(rng: np.random.Generator, study: Study, n: int, groups: int = 1) -> None:
    for test in range(6):
        hard = difficulty(rng, n, share_for(0.7, 0.2), groups)
        study.add("base", f"t{test}", hard.right(rng, 0.7), groups=groups)
        for variant in range(8):
            study.add(f"m{variant}", f"t{test}", hard.right(rng, 0.7), groups=groups)


def _fives(rng: np.random.Generator, study: Study, n: int) -> None:
    _accuracies(rng, study, n, 5)


def _rare(rng: np.random.Generator, study: Study, n: int) -> None:
    shares = (0.8, 0.15, 0.05)
    for test in range(6):
        targets = rng.choice(3, n, p=shares)
        study.add("base", f"t{test}", class_rows(targets, _answers(rng, targets, 0.7, 3), 3))
        for variant in range(8):
            study.add(f"m{variant}", f"t{test}", class_rows(targets, _answers(rng, targets, 0.7, 3), 3))


# ---- method


def method(times: int) -> Iterator[Promise]:
    """Yield how often the interval over seeds covers the method's effect, and claims one where there is none."""
    for n in (250, 1000):
        for n_seeds in (3, 5, 10):
            found = [_seeds(seed, n, n_seeds, 0.05) for seed in range(times)]
            name = f"{n_seeds} seeds of SD 3 points, n={n}"
            yield promise("method", f"covers, {name}", [one[0] for one in found], COVERAGE)
            null = [_seeds(seed, n, n_seeds, 0.0) for seed in range(times)]
            promised = ERROR if n_seeds >= SEEDS else 1.0  # with fewer, the sentence claims nothing of the method
            yield promise("method", f"false claim, {name}", [one[1] for one in null], high=promised)


def _seeds(seed: int, n: int, n_seeds: int, truth: float) -> tuple[bool, bool]:
    rng, study = np.random.default_rng([3, seed, n, n_seeds]), Study(seed)
    hard = difficulty(rng, n, share_for(0.7, 0.2))
    study.add("base", "t", hard.right(rng, 0.7))
    for one in range(n_seeds):
        study.add("sft", "t", hard.right(rng, float(np.clip(0.7 + truth + rng.normal(0, 0.03), 0.01, 0.99))), seed=one)
    (claims,) = claims_of(Contrasts(study.evidence())).systems
    interval = claims.toughest.wide
    assert interval is not None
    return interval.low <= truth <= interval.high, claims.toughest.verdict in ("better", "worse")


# ---- decision

DECISIONS = {
    "+10 on three sets, n=100": (100, (0.10, 0.10, 0.10), "adapt", 0.88, 1.0),
    "+5 on three sets, n=250": (250, (0.05, 0.05, 0.05), "adapt", 0.74, 1.0),
    "+20/-8/-8, n=100": (100, (0.20, -0.08, -0.08), "adapt", 0.0, 0.03),
    "no effect, n=100": (100, (0.0, 0.0, 0.0), "adapt", 0.0, 0.05),
    "no effect, n=250": (250, (0.0, 0.0, 0.0), "adapt", 0.0, 0.05),
    "no effect, n=1000": (1000, (0.0, 0.0, 0.0), "adapt", 0.0, 0.05),
    "-10 on three sets, n=250": (250, (-0.1, -0.1, -0.1), "keep", 0.95, 1.0),
}


def decision(times: int) -> Iterator[Promise]:
    """Yield how often each outcome comes out."""
    for name, (n, effects, outcome, low, high) in DECISIONS.items():
        found = [_outcome(seed, n, effects) == outcome for seed in range(times)]
        yield promise("decision", f"{outcome}: {name}", found, low, high)


def _outcome(seed: int, n: int, effects: tuple[float, ...]) -> str:
    rng, study = np.random.default_rng([4, seed, n]), Study(seed)
    for test, effect in enumerate(effects):
        hard = difficulty(rng, n, share_for(0.6, 0.2))
        study.add("base", f"t{test}", hard.right(rng, 0.6))
        study.add("sft", f"t{test}", hard.right(rng, 0.6 + effect))
    evidence = study.evidence()
    return str(decide(evidence, claims_of(Contrasts(evidence)))["outcome"])


# ---- words


def words(times: int) -> Iterator[Promise]:
    """Yield how often a study holds a verdict that its interval contradicts."""
    found = [_contradicts(seed) for seed in range(times)]
    yield promise("words", "studies with a verdict against its interval", found, high=0.0)._replace(error=0.0)


def _contradicts(seed: int) -> bool:
    rng, study = np.random.default_rng([5, seed]), Study(seed)
    n = int(rng.choice([40, 100, 250]))
    for test in range(3):
        hard = difficulty(rng, n, share_for(0.7, float(rng.choice([0.05, 0.2]))))
        study.add("base", f"t{test}", hard.right(rng, 0.7))
        for variant in range(4):
            study.add(f"m{variant}", f"t{test}", hard.right(rng, 0.7 + float(rng.choice([0.0, 0.0, 0.1, -0.1]))))
    evidence = study.evidence()
    for row in summarise(evidence, Contrasts(evidence)):
        values = row.values
        if not values["verdict"]:
            continue
        low, high = values["sim_low"], values["sim_high"]
        word = "better" if low > 0 else "worse" if high < 0 else ""
        if (values["verdict"] in ("better", "worse")) != bool(word) or (word and values["verdict"] != word):
            return True
        if values["verdict"] == "equivalent" and not (low > -0.03 and high < 0.03):
            return True
        if (values["verdict"] in ("better", "worse")) != (values["p_adjusted"] < ERROR):
            return True
    return False


# ---- forgetting


def forgetting(times: int) -> Iterator[Promise]:
    """Yield the mean of what is called forgotten, less what was, and how often its interval covers that."""
    for n, known, lost in ((40, 0.0, 0.0), (250, 0.6, 0.0), (250, 0.6, 0.1), (1000, 0.6, 0.1)):
        rng, found = np.random.default_rng([6, n]), []
        for _ in range(times):
            before, again, after = _asked(rng, n, known, lost)
            found.append(beyond_asking_again(before, after, again, plan_resampling(n, rng, None, 1)))
        truth, name = lost * 2 / 3, f"{known:.0%} known, {lost:.0%} lost, n={n}"
        errors = np.array([one.delta - truth for one in found])
        spread = float(errors.std() / np.sqrt(times))
        yield Promise("forgetting", f"bias, {name}", float(errors.mean()), spread, -0.001, 0.001, times)
        covered = [bool((one.low or 0.0) <= truth <= (one.high or 0.0)) for one in found]
        yield promise("forgetting", f"covers, {name}", covered, COVERAGE)


def _asked(rng: np.random.Generator, n: int, known: float, lost: float) -> tuple[FloatArray, ...]:
    """Return right answers of the base, the base again and the adapted model; what is not known is one of three."""
    knows = rng.random(n) < known
    keeps = knows & ~(rng.random(n) < (lost / known if known else 0.0))
    return tuple((one | (rng.random(n) < 1 / 3)).astype(np.float64) for one in (knows, knows, keeps))


PARTS: dict[str, tuple[Callable[[int], Iterator[Promise]], int]] = {
    "coverage": (coverage, 4000),
    "family": (family, 600),
    "method": (method, 1000),
    "decision": (decision, 1000),
    "words": (words, 1000),
    "forgetting": (forgetting, 4000),
    "looks": (looks, 400),
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
