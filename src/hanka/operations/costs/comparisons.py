"""Tuned systems against the prompted model: what is compared, on which rows, and what each comparison returns.

A tuned system, asked as it is meant to be, is weighed against the base model at every asking it was given, on the same rows; nothing is
chosen on them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hanka.analysis.amounts import Serving, Training, serving_of, training_of
from hanka.analysis.contrasts import Contrast, Contrasts, PairResult, judging_interval
from hanka.analysis.evidence import CellEvidence, Evidence
from hanka.analysis.pooling import Asked, Pooling, SystemCells, asked_of, system_of
from hanka.operations.costs.charges import Charges, added, charge
from hanka.operations.costs.prices import Asked as Way
from hanka.operations.costs.prices import PriceFile, Volume
from hanka.operations.costs.records import Comparison, Lacking, Returns, Unfinished
from hanka.operations.costs.returns import (
    Added,
    Ends,
    cheaper_volumes,
    net_value,
    payback_months,
    return_on_costs,
)
from hanka.operations.costs.worth import Worth, worth_of
from hanka.stats import Family


def priced(evidence: Evidence, file: PriceFile, base: str, training: Training | None, serving: Serving) -> Charges:
    """Return what making and serving a system on a base costs."""
    return charge(file.prices, base, training, serving, (evidence.plan.get("prices") or {}).get(base))


# ---- comparisons before they are judged together


def unfinished_of(evidence: Evidence, system: SystemCells, only: Sequence[str]) -> list[Unfinished]:
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
class Draft:
    """A comparison before all are judged together."""

    task: str
    "Task of the test sets."
    system: SystemCells
    "The tuned system."
    rival: Asked
    "How the base model is asked."
    tests: tuple[str, ...]
    "Test sets, in the system's own domain."
    worth: Worth | None
    "What an answer is worth; None where the task tells no right from wrong."
    pairs: tuple[tuple[CellEvidence, CellEvidence], ...]
    "Cells of the system, each beside the one it is compared with."
    contrast: Contrast | None
    "Their pooled difference."


def drafts_of(pooling: Pooling, system: SystemCells, only: Sequence[str], file: PriceFile | None) -> list[Draft]:
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
            found.append(Draft(task, system, rival, tests, worth, beside, _contrast(pooling.contrasts, worth, beside)))
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


def weighed(draft: Draft, evidence: Evidence, file: PriceFile | None, family: Family) -> Comparison:
    """Return a comparison with what tuning costs more and returns, judged in the family of all of them."""
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


def _difference(draft: Draft, family: Family) -> Ends | None:
    """Return how much more the system has, with the interval that holds together with all others."""
    if draft.contrast is None:
        return None
    ends = judging_interval(draft.contrast, family)
    return None if ends is None else Ends(draft.contrast.delta, ends.low, ends.high)


def _bills(
    evidence: Evidence, draft: Draft, file: PriceFile | None, serving: tuple[Serving, Serving]
) -> tuple[Charges, Charges] | None:
    """Return what the system and the prompted model cost."""
    if file is None:
        return None
    made = training_of(evidence, list({str(cell.variant["id"]): cell.variant for cell, _ in draft.pairs}.values()))
    rival = str(draft.pairs[0][1].variant["base"])
    return (
        priced(evidence, file, draft.system.system.base, made, serving[0]),
        priced(evidence, file, rival, None, serving[1]),
    )


def _lacking(
    draft: Draft, file: PriceFile | None, bills: tuple[Charges, Charges] | None, difference: Ends | None
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
