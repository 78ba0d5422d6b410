"""A closed window judged: shares by betting and cusum, drifts by an interval at the level that this look may use up.

Every signal has a share of alpha (`settings.level`); the false-alarm rates of all together hold by Bonferroni, whatever depends on whatever. A
share uses half of its own for the upper bound of the reference, for the reference is a sample, too, and half for the two rules. A drift uses
α·weight(k) at its k-th look and alarms where the lower end of that interval is beyond what is tolerated.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from hanka.operations.drift import FEWEST_TEXTS, Psi, domain_auc, psi_of_counts
from hanka.operations.monitor.alarms import Alarm, Moved
from hanka.operations.monitor.detectors import Detector, Rise, detector_of, weight
from hanka.operations.monitor.reference import Reference
from hanka.operations.monitor.settings import MonitorSettings
from hanka.operations.monitor.signals import SIGNALS
from hanka.operations.monitor.windows import Measured, Window, counted
from hanka.stats.intervals import exact_interval, wilson_interval

MOST_MOVED = 3
"Categories that an alarm names."
MOST_SHARE = 0.98
"Largest bound of a share: above it there is no room for a rise."


class Outcome(NamedTuple):
    """What a signal says of a window."""

    alarm: Alarm | None
    is_beyond: bool
    "Whether it is beyond its limit, alarm or silent."


@dataclass(slots=True)
class Judge:
    """Judges window after window."""

    reference: Reference
    settings: MonitorSettings
    shares: dict[str, tuple[int, int]]
    "Signal → bad rows and rows that it is compared with: of the run, or of the first rows of the log."
    detectors: dict[str, dict[str, Any]] = field(default_factory=dict)
    "Signal → what its detector remembers."
    looks: dict[str, int] = field(default_factory=dict)
    "Signal → looks at a drift since it began anew."
    silent: dict[str, int] = field(default_factory=dict)
    "Signal → window up to which it is silent."

    def rise(self, signal: str) -> Rise | None:
        """Return what a share is watched for; None where there is no reference, or it is too small to leave room."""
        if signal not in self.shares:
            return None
        bad, n = self.shares[signal]
        level = self.settings.level(signal)
        bound = max(1e-4, exact_interval(bad, n, 1 - level).high + self.settings.tolerance(signal))
        drop = self.settings.drop
        risen = max(bad / n + drop, bound + drop / 2) if signal == "wrong" else bound + drop / 2
        return None if bound > MOST_SHARE else Rise(bound, min(risen, 0.99), level / 2, self.settings.period)

    def judge(self, window: Window, texts: list[str] | None) -> list[Alarm]:
        """Judge a window, write into it how far everything is, and return its alarms. texts: where the classifier is due."""
        found: dict[str, Outcome] = {}
        for signal in self.settings.signals:
            if SIGNALS[signal].kind == "share":
                outcome = self._share(signal, window)
            elif signal == "domain":
                outcome = self._domain(window, texts)
            else:
                outcome = self._drift(signal, window)
            if outcome is not None:
                found[signal] = outcome
        beyond = [name for name, one in found.items() if one.is_beyond]
        alarms = [one.alarm for one in found.values() if one.alarm is not None]
        return [self._raised(alarm, tuple(name for name in beyond if name != alarm.signal)) for alarm in alarms]

    def _raised(self, alarm: Alarm, beside: tuple[str, ...]) -> Alarm:
        """Note that a signal is silent from now on and begins anew afterwards."""
        self.silent[alarm.signal] = alarm.window + self.settings.cooldown
        self.detectors.pop(alarm.signal, None)
        self.looks.pop(alarm.signal, None)
        return Alarm(
            alarm.signal, alarm.rule, alarm.window, alarm.time, alarm.value, alarm.low, alarm.high, alarm.n, alarm.reference,
            alarm.limit, alarm.moved, beside,
        )  # fmt: skip

    def _is_silent(self, signal: str, window: Window) -> bool:
        return window.number < self.silent.get(signal, 0)

    def _share(self, signal: str, window: Window) -> Outcome | None:
        rise = self.rise(signal)
        bad, n = window.shares[signal]
        if rise is None:
            return None
        if self._is_silent(signal, window):
            return Outcome(None, n >= 2 and wilson_interval(bad, n).low > rise.bound)
        detector = detector_of(rise, self.detectors.get(signal))
        evidence = detector.add(bad, n)
        self.detectors[signal] = detector.as_json()
        window.rules[signal] = (evidence.betting, evidence.cusum)
        far = max(evidence.betting, evidence.cusum)
        if far < 1 or detector.rows < self.settings.least_rows:
            return Outcome(None, False)
        rule: Literal["betting", "cusum"] = "betting" if evidence.betting >= evidence.cusum else "cusum"
        return Outcome(self._share_alarm(signal, rule, window, detector), True)

    def _share_alarm(self, signal: str, rule: Literal["betting", "cusum"], window: Window, detector: Detector) -> Alarm:
        """Describe a rise by the rows since the bet that won most was begun."""
        bad, n = max(((bad, n) for _, bad, n in detector.starts or []), key=lambda one: detector.rise.log_ratio(*one))
        low, high = wilson_interval(bad, n) if n >= 2 else (0.0, 1.0)
        was_bad, was_n = self.shares[signal]
        return Alarm(
            signal, rule, window.number, window.last, bad / n, low, high, n, was_bad / was_n, detector.rise.bound
        )

    def _level(self, signal: str) -> float:
        """Return the two-sided level of a drift's next look."""
        self.looks[signal] = self.looks.get(signal, 0) + 1
        return 1 - 2 * self.settings.level(signal) * weight(self.looks[signal])

    def _drift(self, signal: str, window: Window) -> Outcome | None:
        reference, live = self.reference.counts.get(signal), counted(window, signal)
        if reference is None or reference.total() < 1 or live.total() < self.settings.least_rows:
            return None
        is_silent = self._is_silent(signal, window)
        found = psi_of_counts(reference, live, 0.95 if is_silent else self._level(signal))
        window.drifts[signal] = Measured(found.value, found.low, found.high, found.n_live)
        limit = self.settings.tolerance(signal)
        if found.low <= limit:
            return Outcome(None, False)
        alarm = Alarm(
            signal, "interval", window.number, window.last, found.value, found.low, found.high, found.n_live, 0.0, limit,
            _moved(found),
        )  # fmt: skip
        return Outcome(None if is_silent else alarm, True)

    def _domain(self, window: Window, texts: list[str] | None) -> Outcome | None:
        if texts is None or min(len(set(texts)), len(self.reference.texts)) < FEWEST_TEXTS:
            return None
        is_silent = self._is_silent("domain", window)
        found = domain_auc(
            self.reference.texts, texts, self.settings.seed, 0.95 if is_silent else self._level("domain"),
            self.settings.domain_texts,
        )  # fmt: skip
        window.drifts["domain"] = Measured(found.value, found.low, found.high, found.n_live)
        limit = self.settings.tolerance("domain")
        if found.low <= limit:
            return Outcome(None, False)
        alarm = Alarm(
            "domain",
            "interval",
            window.number,
            window.last,
            found.value,
            found.low,
            found.high,
            found.n_live,
            0.5,
            limit,
        )
        return Outcome(None if is_silent else alarm, True)


def _moved(found: Psi) -> tuple[Moved, ...]:
    """Return the categories that make most of an index."""
    shares = [Moved(one.name, one.reference / found.n_reference, one.live / found.n_live) for one in found.bins]
    return tuple(sorted(shares, key=lambda one: -abs(one.live - one.reference))[:MOST_MOVED])
