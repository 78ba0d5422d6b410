"""The ledger of a run: what every system took and costs, and what each tuned one returns against prompting.

evidence + price file → **ledger** → page, table, JSON, CSV. A tuned system, asked as it is meant to be, is weighed against the base model at
every asking it was given, on the same rows; nothing is chosen on them. The intervals of all gains hold together (one family), and
net value, return, payback and break-even carry them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hanka.analysis.amounts import Amounts, Serving, Training, amounts_of, serving_of, training_of
from hanka.analysis.contrasts import Contrast, Contrasts, PairResult, judging_interval
from hanka.analysis.evidence import CellEvidence, Evidence
from hanka.analysis.pooling import Asked, Pooling, System, SystemCells, asked_of, system_of
from hanka.errors import nearest
from hanka.operations.costs.charges import Charges, Why, added, charge
from hanka.operations.costs.prices import Asked as Way
from hanka.operations.costs.prices import PriceError, PriceFile, Volume
from hanka.operations.costs.returns import (
    Added,
    Cheaper,
    Ends,
    cheaper_volumes,
    net_value,
    payback_months,
    return_on_costs,
)
from hanka.operations.costs.worth import Worth, worth_of
from hanka.stats import Family
from hanka.store.folder import read_json_or_none

FAMILY = "costs"
"Name of the family of all gains."


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """A system at an asking: what it took, and what that costs."""

    amounts: Amounts
    charges: Charges | None
    "None without a price file."


@dataclass(frozen=True, slots=True)
class Lacking:
    """Why a comparison has no money."""

    line: str
    "Line of a bill, or value, volume, interval."
    way: Way | None
    "Whose line it is; None: of both."
    why: Why
    "As the line says; empty: it is not stated at all."


@dataclass(frozen=True, slots=True)
class Returns:
    """What tuning returns over the period; each with the ends that the gain's interval gives."""

    gain: Ends
    "Money a request."
    net: Ends
    "Money over the period, after all costs."
    on_costs: Ends | None
    "Net over costs; None where tuning costs nothing more."
    payback: Ends
    "Months; `NEVER` where a month earns nothing."
    cheaper: tuple[Cheaper, Cheaper, Cheaper]
    "Volumes at which it is cheaper, the quality counted: at the gain, and at the ends of its interval."


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """A tuned system against the prompted model at one asking."""

    task: str
    system: System
    asked: Asked
    "How the system is asked."
    rival: str
    "Base model that is prompted."
    rival_asked: Asked
    "How it is asked."
    tests: tuple[str, ...]
    contrast: Contrast | None
    "In what answers are worth, or in the share that is right; None where the task tells no right from wrong."
    metric: str
    "What it is in: a metric, or `value` in money."
    difference: Ends | None
    "In that unit, with its simultaneous interval; None where the rows support none."
    serving: tuple[Serving, Serving]
    "What answering took on these cells: the system, the rival."
    added: Added | None
    "What tuning costs more; None where a line is not priced."
    equal: Cheaper | None
    "Volumes at which tuning is cheaper at equal quality."
    returns: Returns | None
    lacking: tuple[Lacking, ...]
    "What returns lack."


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A comparison that was planned and lacks the cells of a side on a test set."""

    system: System
    "The tuned system."
    label: str
    "Whose cells they are: its own entry, or what it is compared with."
    asked: Asked
    "How it was to be asked."
    test: str
    "Test set."


@dataclass(frozen=True, slots=True)
class Totals:
    """What the whole study took: every training and every cell."""

    n_trained: int
    training_seconds: float
    n_cells: int
    answering_seconds: float


@dataclass(frozen=True, slots=True, eq=False)
class Ledger:
    """All of it."""

    study: str
    "Name of the study."
    file: PriceFile | None
    "Prices; None: amounts alone."
    entries: tuple[Entry, ...]
    comparisons: tuple[Comparison, ...]
    level: float
    "At which all intervals of gains hold together."
    local_level: float
    "Of each of them."
    totals: Totals
    left_out: tuple[str, ...]
    "Tuned systems without a finished cell in their own domain."
    unfinished: tuple[Unfinished, ...]
    "What no comparison rests on although it was planned; no system that it is of is said to pay."


def make_ledger(evidence: Evidence, file: PriceFile | None = None) -> Ledger:
    """Make the ledger of a run. Raises PriceError where the price file does not fit the run."""
    tests = file.prices.volume.test_sets if file is not None and file.prices.volume is not None else ()
    _require_tests(evidence, tests)
    _require_bases(evidence, file)
    entries = tuple(Entry(one, _charges(evidence, file, one)) for one in amounts_of(evidence, tests))
    contrasts = Contrasts(evidence)
    pooling = Pooling(contrasts)
    drafts = [one for system in pooling.systems() for one in _drafts(pooling, system, tests, file)]
    family = contrasts.judge([one.contrast for one in drafts if one.contrast is not None], FAMILY)
    compared = tuple(_weighed(one, evidence, file, family) for one in drafts)
    known = {one.system.system for one in drafts}
    left = [
        f"{system.label} ({system.dataset}, {system.size:,})"
        for system in (one.system for one in pooling.systems())
        if system not in known
    ]
    return Ledger(
        str(evidence.plan.get("study", "")), file, entries, compared, evidence.level, family.local_level, _totals(evidence), tuple(left),
        tuple(gap for system in pooling.systems() for gap in _unfinished(evidence, system, tests)),
    )  # fmt: skip


def _require_tests(evidence: Evidence, tests: Sequence[str]) -> None:
    known = {str(cell.cell["test_dataset"]) for cell in evidence.cells.values() if cell.cell["relation"] == "in_domain"}
    for name in tests:
        if name not in known:
            raise PriceError(f"volume.test_sets: {name!r} is no in-domain test set of this run: {nearest(name, known)}")


def _require_bases(evidence: Evidence, file: PriceFile | None) -> None:
    known = {str(one["base"]) for one in evidence.plan["variants"]}
    if file is None:
        return
    for key, priced in (("serving", file.prices.serving), ("training", file.prices.training)):
        for one in priced:
            if one.base is not None and one.base not in known:
                raise PriceError(f"{key}: {one.base!r} is no base model of this run: {nearest(one.base, known)}")


def _charges(evidence: Evidence, file: PriceFile | None, one: Amounts) -> Charges | None:
    return None if file is None else _priced(evidence, file, one.system.base, one.training, one.serving)


def _priced(evidence: Evidence, file: PriceFile, base: str, training: Training | None, serving: Serving) -> Charges:
    return charge(file.prices, base, training, serving, (evidence.plan.get("prices") or {}).get(base))


# ---- comparisons before they are judged together


def _unfinished(evidence: Evidence, system: SystemCells, only: Sequence[str]) -> list[Unfinished]:
    """Return the sides of a system's comparisons that have no finished cell on one of its test sets."""
    inside = [
        test for test, relation in system.relations.items() if relation == "in_domain" and test in (only or [test])
    ]
    found: dict[Unfinished, bool] = {}
    for test in inside if any(system.cells[test] for test in inside) else ():
        found[Unfinished(system.system, system.system.label, system.asked[test], test)] = bool(system.cells[test])
    for cell in evidence.cells.values():
        test, label = str(cell.cell["test_dataset"]), str(cell.variant["label"])
        if test in inside and _is_rival(evidence, cell, system):
            key = Unfinished(system.system, label, asked_of(cell), test)
            found[key] = found.get(key, False) or cell.is_done
    return [gap for gap, is_done in found.items() if not is_done]


def _is_rival(evidence: Evidence, cell: CellEvidence, system: SystemCells) -> bool:
    """Tell whether a system is to be compared with a cell: its base as it is, or behind the system's own rows."""
    shows_own = (
        not cell.variant.get("changes_weights", True)
        and cell.cell["context"] in evidence.plan.get("contexts_of_own_rows", ())
        and system_of(cell.variant)[2:] == system.system[2:]
    )
    return cell.reference == system.reference and (cell.is_unadapted or shows_own)


@dataclass(frozen=True, slots=True, eq=False)
class _Draft:
    task: str
    system: SystemCells
    rival: Asked
    tests: tuple[str, ...]
    worth: Worth | None
    pairs: tuple[tuple[CellEvidence, CellEvidence], ...]
    contrast: Contrast | None


def _drafts(pooling: Pooling, system: SystemCells, only: Sequence[str], file: PriceFile | None) -> list[_Draft]:
    """Compare a system with every asking of its base, task by task."""
    inside = [
        test
        for test, members in system.cells.items()
        if members and system.relations[test] == "in_domain" and (not only or test in only)
    ]
    tasks = {test: str(system.cells[test][0].cell["test_task"]) for test in inside}
    found = []
    for task in dict.fromkeys(tasks.values()):
        tests = tuple(test for test in inside if tasks[test] == task)
        cells = [cell for test in tests for cell in system.cells[test]]
        worth = worth_of(pooling.evidence, cells, file)
        metric = pooling.evidence.metrics(cells[0])[0]
        for rival in pooling.rivals(system, tests):
            pairs = pooling.against(system, tests, metric, rival)
            if {str(one.cell.cell["test_dataset"]) for one in pairs} != set(tests):
                continue
            beside = tuple((one.cell, one.other) for one in pairs)
            found.append(_Draft(task, system, rival, tests, worth, beside, _contrast(pooling.contrasts, worth, beside)))
    return found


def _contrast(
    contrasts: Contrasts, worth: Worth | None, beside: Sequence[tuple[CellEvidence, CellEvidence]]
) -> Contrast | None:
    if worth is None:
        return None
    pairs: list[PairResult | None] = [worth.pair(contrasts, *cells) for cells in beside]
    whole = [one for one in pairs if one is not None]
    return contrasts.pooled(whole, worth.metric) if len(whole) == len(pairs) and whole else None


# ---- judged together


def _weighed(draft: _Draft, evidence: Evidence, file: PriceFile | None, family: Family) -> Comparison:
    system = draft.system
    serving = (
        serving_of(evidence, [cell for cell, _ in draft.pairs]),
        serving_of(evidence, list({str(other.cell["id"]): other for _, other in draft.pairs}.values())),
    )
    difference = _difference(draft, family)
    bills = _bills(evidence, draft, file, serving)
    volume = file.prices.volume if file is not None else None
    more = added(*bills, volume.trainings) if bills is not None and volume is not None else None
    lacking = _lacking(draft, file, bills, difference)
    equal = cheaper_volumes(more, 0.0, volume.months) if more is not None and volume is not None else None
    returns = None
    if more is not None and volume is not None and difference is not None and not lacking:
        assert draft.worth is not None
        assert draft.worth.scale is not None
        returns = returns_of(more, difference.times(draft.worth.scale), volume)
    return Comparison(
        draft.task, system.system, system.asked[draft.tests[0]], str(draft.pairs[0][1].variant["base"]), draft.rival, draft.tests,
        draft.contrast, "" if draft.worth is None else draft.worth.metric.name, difference, serving, more, equal, returns, lacking,
    )  # fmt: skip


def _difference(draft: _Draft, family: Family) -> Ends | None:
    """Return how much more the system has, with the interval that holds together with all others."""
    if draft.contrast is None:
        return None
    ends = judging_interval(draft.contrast, family)
    return None if ends is None else Ends(draft.contrast.delta, ends.low, ends.high)


def _bills(
    evidence: Evidence, draft: _Draft, file: PriceFile | None, serving: tuple[Serving, Serving]
) -> tuple[Charges, Charges] | None:
    """Return what the system and the prompted model cost."""
    if file is None:
        return None
    made = training_of(evidence, list({str(cell.variant["id"]): cell.variant for cell, _ in draft.pairs}.values()))
    rival = str(draft.pairs[0][1].variant["base"])
    return (
        _priced(evidence, file, draft.system.system.base, made, serving[0]),
        _priced(evidence, file, rival, None, serving[1]),
    )


def _lacking(
    draft: _Draft, file: PriceFile | None, bills: tuple[Charges, Charges] | None, difference: Ends | None
) -> tuple[Lacking, ...]:
    """Return what stands between the amounts and a return, in the order of a bill."""
    if file is None or bills is None:
        return ()
    ways: tuple[Way, Way] = ("tuned", "prompted")
    found = [Lacking(line, way, why) for way, bill in zip(ways, bills, strict=True) for line, why in bill.missing()]
    if draft.worth is None:
        found.append(Lacking("correct", None, ""))
    elif draft.worth.scale is None:
        found.append(Lacking("value", None, ""))
    elif difference is None:
        found.append(Lacking("interval", None, ""))
    if file.prices.volume is None:
        found.append(Lacking("volume", None, ""))
    return tuple(found)


def returns_of(more: Added, gain: Ends, volume: Volume) -> Returns:
    """Return what tuning returns over the period of a volume. gain: money a request."""
    requests, months = volume.requests_per_month, volume.months
    low, high = (cheaper_volumes(more, end, months) for end in (gain.low, gain.high))
    return Returns(
        gain, net_value(more, gain, requests, months), return_on_costs(more, gain, requests, months),
        payback_months(more, gain, requests), (cheaper_volumes(more, gain.value, months), low, high),
    )  # fmt: skip


def _totals(evidence: Evidence) -> Totals:
    made: list[dict[str, Any]] = [
        read_json_or_none(evidence.folder.variant(str(one["id"])) / "variant.json") or {}
        for one in evidence.plan["variants"]
        if one["train_size"]
    ]
    trained = [one for one in made if one.get("status") == "done"]
    done = list(evidence.done())
    return Totals(
        len(trained),
        sum(float(one.get("seconds", 0.0)) for one in trained),
        len(done),
        sum(float(cell.record.get("seconds", 0.0)) for cell in done),
    )
