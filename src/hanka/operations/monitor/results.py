"""What a monitor says: how every signal stands, which alarms, what is missing, and whether that is well.

Last step before pages and terminal; everything is computed from the monitor alone, so a second call without new rows says the same.

    alarm          an alarm stands                                                      exit 1
    inconclusive   no window is complete, or a required signal could not have been seen to change    exit 3
    quiet          every required signal was watched on enough rows, and no alarm stands             exit 0

Missing evidence is never a pass: accuracy without labels, with fewer than a drop needs to be found, or with none in as many windows as a
drop takes to be found, is inconclusive, unless `require` says that it need not be known.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, TypeAlias

from hanka.operations.drift import FEWEST_TEXTS
from hanka.operations.monitor.alarms import Alarm, Proposal, proposals, standing
from hanka.operations.monitor.detectors import rows_to_find
from hanka.operations.monitor.memory import Tally
from hanka.operations.monitor.retrain import usable
from hanka.operations.monitor.settings import MonitorSettings
from hanka.operations.monitor.signals import SIGNALS
from hanka.operations.monitor.watch import Watch
from hanka.operations.monitor.windows import Measured, Window
from hanka.stats.intervals import wilson_interval

Verdict: TypeAlias = Literal["quiet", "alarm", "inconclusive"]
EXIT_CODES: Mapping[Verdict, int] = {"quiet": 0, "alarm": 1, "inconclusive": 3}
Missing: TypeAlias = Literal[
    "", "window", "rows", "reference", "reference_small", "baseline", "few", "texts", "look", "stale"
]
"""Why a signal says nothing. window: none is complete. rows: the log has none with it. reference: the run has none. reference_small: its
bound leaves no room. baseline: the first rows are still collected. few: fewer rows than `least_rows`, or than a drop needs to be found. texts: too few
different ones. look: none was due yet. stale: rows with it have stopped coming."""
ROOM = (0.25, 0.2)
"How far above its limit the interval of a calm index, and of a calm AUC, may reach: one that reaches farther could not show a drift that is much."
LATEST = 5
"Windows that a signal's present value is over."


@dataclass(frozen=True, slots=True)
class Status:
    """How a signal stands."""

    signal: str
    state: Literal["alarm", "quiet", "open"]
    "open: it says nothing."
    missing: Missing
    "Why it is open."
    reference: Measured | None
    "Share of bad rows in the reference."
    now: Measured | None
    "Share over the latest windows, or the latest index or AUC."
    limit: float | None
    "Largest value that is no alarm."
    rows: int
    "Rows with it in the windows that are kept."
    to_find: int | None
    "Of a share: rows after which a rise by `drop` is found with probability 0.9; None where it never is."
    windows_to_find: float | None
    "The same in windows, at the rows that windows had so far."


@dataclass(frozen=True, slots=True)
class Report:
    """Everything a monitor says."""

    run: str
    title: str
    task: str
    tests: tuple[str, ...]
    verdict: Verdict
    settings: MonitorSettings
    tally: Tally
    odd: tuple[str, ...]
    "Kinds of odd rows above the stated share."
    labelled_share: float | None
    windows: tuple[Window, ...]
    newest: float | None
    "Time of the newest row that is not ahead of the clock."
    open_rows: int
    "Rows of the window that is not complete."
    statuses: tuple[Status, ...]
    alarms: tuple[Alarm, ...]
    "All, oldest first."
    standing: tuple[Alarm, ...]
    proposals: tuple[Proposal, ...]
    n_to_train_on: int
    "Labelled rows that a study for retraining would get."

    @property
    def n_windows(self) -> int:
        """Return how many windows are complete, those that are no longer kept among them."""
        return self.windows[-1].number if self.windows else 0

    @property
    def exit_code(self) -> int:
        """Return what the command leaves with."""
        return EXIT_CODES[self.verdict]

    @property
    def lacking(self) -> list[Status]:
        """Return the required signals that say nothing."""
        return [one for one in self.statuses if one.signal in self.settings.require and one.state == "open"]


def report_of(watch: Watch) -> Report:
    """Say how everything stands."""
    settings, tally = watch.settings, watch.memory.tally
    number = watch.windows[-1].number if watch.windows else 0
    now = standing(watch.alarms, number, settings)
    statuses = tuple(_status(watch, signal, {one.signal for one in now}) for signal in settings.signals)
    lacking = [one for one in statuses if one.signal in settings.require and one.state == "open"]
    says = any(one.state == "quiet" for one in statuses)
    verdict: Verdict = "alarm" if now else "inconclusive" if lacking or not says else "quiet"
    odd = tuple(name for name, n in tally.odd().items() if tally.rows and n > settings.most_odd * tally.rows)
    return Report(
        run=watch.reference.run,
        title=watch.reference.title,
        task=watch.reference.task,
        tests=watch.reference.tests,
        verdict=verdict,
        settings=settings,
        tally=tally,
        odd=odd,
        labelled_share=tally.labelled / tally.requests if tally.requests else None,
        windows=tuple(watch.windows),
        newest=watch.latest if math.isfinite(watch.latest) else None,
        open_rows=watch.window.rows,
        statuses=statuses,
        alarms=tuple(watch.alarms),
        standing=tuple(now),
        proposals=tuple(proposals(watch.alarms, settings)),
        n_to_train_on=len(usable(watch.memory.labelled)),
    )


def _status(watch: Watch, signal: str, alarmed: set[str]) -> Status:
    found = _share(watch, signal) if SIGNALS[signal].kind == "share" else _drift(watch, signal)
    if signal in alarmed:
        return Status(signal, "alarm", "", *found[1:])
    missing: Missing = found[0]
    return Status(signal, "open" if missing else "quiet", missing, *found[1:])


def _share(watch: Watch, signal: str) -> tuple[Any, ...]:
    """Return what is missing, and the numbers of a share."""
    windows, judge = watch.windows, watch.judge
    rows = sum(one.shares[signal][1] for one in windows)
    shares, rise = judge.shares.get(signal), judge.rise(signal)
    reference = None if shares is None else _measured(*shares)
    latest = [one.shares[signal] for one in windows[-LATEST:]]
    now = _measured(sum(bad for bad, _ in latest), sum(n for _, n in latest))
    to_find = per_window = None
    if rise is not None and shares is not None:
        began = judge.detectors.get(signal, {}).get("windows", 0)
        sought = shares[0] / shares[1] + watch.settings.drop if signal == "wrong" else rise.risen
        per_window = rows / len(windows) if windows else 0.0
        to_find = rows_to_find(rise, min(sought, 1.0), began + 1, per_window)
    windows_to_find = to_find / per_window if to_find is not None and per_window else None
    missing = _missing_share(watch, signal, to_find) or _stale(watch, signal, windows_to_find)
    return missing, reference, now, None if rise is None else rise.bound, rows, to_find, windows_to_find


def _missing_share(watch: Watch, signal: str, to_find: int | None) -> Missing:
    """Say what keeps a share from being called quiet: after an alarm, it has to be watched anew for as long as a rise may take."""
    rows = watch.judge.detectors.get(signal, {}).get("rows", 0)
    if not watch.windows:
        return "window"
    if signal not in watch.judge.shares:
        return (
            "baseline"
            if signal in watch.baselines
            else "reference"
            if signal == "unsure" and _has_none(watch)
            else "rows"
        )
    if not any(one.shares[signal][1] for one in watch.windows):
        return "rows"
    if to_find is None:
        return "reference_small"
    return "few" if rows < max(watch.settings.least_rows, to_find) else ""


def _stale(watch: Watch, signal: str, windows_to_find: float | None) -> Missing:
    """Say where no row came in as many windows as a rise takes to be found: what was seen before says nothing of it."""
    within = min(watch.settings.period, max(LATEST, math.ceil(windows_to_find or 0)))
    return "" if any(one.shares[signal][1] for one in watch.windows[-within:]) else "stale"


def _has_none(watch: Watch) -> bool:
    return (
        watch.reference.unsure_below is None
        and all(one.confidence is None for one in watch.windows)
        and watch.window.sure[0] > 0
    )


def _drift(watch: Watch, signal: str) -> tuple[Any, ...]:
    """Return what is missing, and the numbers of a drift."""
    looks = [one.drifts[signal] for one in watch.windows if signal in one.drifts]
    now = looks[-1] if looks else None
    within = max(LATEST, watch.settings.domain_every) if signal == "domain" else LATEST
    is_stale = all(signal not in one.drifts for one in watch.windows[-within:])
    limit = watch.settings.tolerance(signal)
    # Beyond its limit in a look that was silent: only the next look can call it quiet.
    missing: Missing = _missing_drift(watch, signal) if now is None else "look" if now.low > limit else ""
    missing = missing or (
        "stale" if is_stale else "few" if now is not None and now.high > limit + ROOM[signal == "domain"] else ""
    )
    return missing, None, now, limit, sum(one.n for one in looks), None, None


def _missing_drift(watch: Watch, signal: str) -> Missing:
    if not watch.windows:
        return "window"
    if signal == "domain":
        if len(watch.reference.texts) < FEWEST_TEXTS:
            return "reference_small"
        return "look" if len(watch.windows) < watch.settings.domain_every else "texts"
    if signal not in watch.reference.counts:
        return "reference"
    return "rows" if not any(one.counts.get(signal) for one in watch.windows) else "few"


def _measured(bad: int, n: int) -> Measured | None:
    if n < 2:
        return None
    return Measured(bad / n, *wilson_interval(bad, n), n)


def as_json(report: Report) -> dict[str, Any]:
    """Return a report as plain values, for machines."""
    found = asdict(report)
    found["settings"] = report.settings.model_dump(mode="json")
    found["exit_code"] = report.exit_code
    found["promise"] = {
        "false_alarm_rate": report.settings.alpha, "period_windows": report.settings.period, "power": 0.9, "drop": report.settings.drop
    }  # fmt: skip
    assert _is_finite(found)
    return found


def _is_finite(value: Any) -> bool:
    if isinstance(value, dict):
        return all(map(_is_finite, value.values()))
    if isinstance(value, (list, tuple)):
        return all(map(_is_finite, value))
    return not isinstance(value, float) or math.isfinite(value)


def log_bodies(report: Report) -> list[dict[str, Any]]:
    """Return what the log of decisions holds of each alarm that stands."""
    return [
        {
            "what": f"{one.signal}: {one.value:.4g}, limit {one.limit:.4g}, n = {one.n}",
            "signal": one.signal,
            "window": one.window,
            "guardrail": one.signal in report.settings.guardrails,
            "system": report.title,
        }
        for one in report.standing
    ]
