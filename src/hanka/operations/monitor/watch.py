"""The monitor itself: rows in, windows closed and judged, alarms out; one object that a state can be made of at any row.

Fourth stage. Rows are taken in the order in which they stand; nothing here asks for the time or for random numbers, so a reading that was
interrupted and gone on with ends exactly like one that was not. A label counts in the window in which it arrives: that is when it is evidence.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from hanka.guardrails.refusals import refusal_in
from hanka.operations.monitor.alarms import Alarm
from hanka.operations.monitor.judge import Judge
from hanka.operations.monitor.logs import Place, Raw
from hanka.operations.monitor.memory import Labelled, Memory, Seen, Waiting
from hanka.operations.monitor.reference import LONGEST_TEXT, Reference
from hanka.operations.monitor.rows import LogRow, RowReader
from hanka.operations.monitor.settings import MonitorSettings
from hanka.operations.monitor.windows import OpenWindow, Window, closed, keep, texts_of

MOST_WINDOWS = 5_000
"Closed windows that are kept to be shown; detectors need none of them."
LONGEST_TRAINED = 32_000
"Characters of input and output of a row that is kept to be trained on: all of it, or nothing."
SLOW = 0.05
"Share of the baseline's rows that are called slow; of its confidences, UNSURE of the reference are called low."
UNSURE = 0.10


@dataclass(slots=True)
class Baseline:
    """The first values of a log, which later ones are compared with where the run has none."""

    values: list[float] = field(default_factory=list)
    limit: float | None = None
    "Beyond it a value is bad; None while values are still collected."


@dataclass(slots=True)
class Watch:
    """Everything that is known of a log so far."""

    reference: Reference
    settings: MonitorSettings
    now: float
    "Seconds since 1970: what lies beyond it is skewed."
    memory: Memory
    judge: Judge
    window: OpenWindow = field(default_factory=lambda: OpenWindow(1))
    windows: list[Window] = field(default_factory=list)
    alarms: list[Alarm] = field(default_factory=list)
    places: list[Place] = field(default_factory=list)
    "How far files were read."
    baselines: dict[str, Baseline] = field(default_factory=dict)
    texts: list[tuple[int, str]] = field(default_factory=list)
    "Inputs since the domain classifier was last asked, a sample by priority."
    latest: float = -math.inf
    "Latest time of a row that is not ahead."
    reader: RowReader = field(init=False)

    def __post_init__(self) -> None:
        self.reader = RowReader(self.settings)

    def take(self, rows: Iterable[Raw]) -> None:
        """Take rows in; windows that become full are closed and judged."""
        tally, read = self.memory.tally, self.reader.read
        for raw in rows:
            tally.rows += 1
            row = None if raw is None else read(raw)
            if row is None:
                tally.malformed += 1
            elif row.is_label:
                self._label(row)
            elif self.memory.seen.is_new(row.key):
                self._request(row)
            elif row.is_labelled and row.key in self.memory.waiting:
                self._label(row)
            else:
                tally.repeated += 1
        tally.odd_values += self.reader.odd_values
        self.reader.odd_values = 0

    # ---- one row

    def _request(self, row: LogRow) -> None:
        time = self._time(row)
        if self.settings.window < 0 and time is not None and self._is_over(time):
            self._close()
        window, reader = self.window, self.reference.reader
        self.memory.tally.requests += 1
        window.rows += 1
        if time is not None:
            window.seen_at(time)
        prompt, output = row.prompt or "", row.output or ""
        fields = reader.fields(prompt)
        text = reader.joined(prompt, fields)
        window.count("script", self.reference.category("script", text))
        window.count("length", self.reference.category("length", text))
        keep(self.texts, (row.key, text[:LONGEST_TEXT]), self.settings.domain_texts)
        is_error = row.failed or not output.strip()
        window.share("errors", is_error)
        if not is_error:
            self._answer(row, Waiting(fields, output))
        if row.confidence is not None:
            window.confidence(row.confidence)
            self._low(row.confidence)
        if row.latency is not None:
            window.latency(row.key, row.latency)
            self._slow(row.latency)
        if self.settings.window > 0 and window.rows >= self.settings.window:
            self._close()

    def _answer(self, row: LogRow, request: Waiting) -> None:
        """Count what an answer says; judge it where its label is there, else wait for that."""
        window, reader, output = self.window, self.reference.reader, request.output
        answer = reader.read(output).answer
        window.share("unparsed", answer is None)
        if "refusals" in self.settings.signals:
            window.share("refusals", bool(refusal_in(output)))
        if answer is not None or not reader.is_classification:
            window.count(
                "answers", self.reference.category("answers", answer if reader.is_classification and answer else output)
            )
        label, correct = self._known(row), row.correct
        if row.has_id:
            early = self.memory.early.pop(row.key, (None, None))
            label, correct = early if label is None and correct is None else (label, correct)
        if label is not None or correct is not None:
            self._labelled(request, label, correct)
        elif row.has_id:
            self.memory.wait(row.key, request)

    def _known(self, row: LogRow) -> str | None:
        """Return a row's label, and none, counted, where the task has no such answer: the right one may still arrive."""
        if row.label is None or self.reference.reader.is_label(row.label):
            return row.label
        self.memory.tally.unknown_labels += 1
        return None

    def _label(self, row: LogRow) -> None:
        """Judge the answer that a label belongs to, or keep the label until that arrives."""
        label = self._known(row)
        if label is None and row.correct is None:
            return
        request = self.memory.found(row.key)
        if request is not None:
            self._labelled(request, label, row.correct)
        elif row.key in self.memory.seen:
            # Already labelled, an error, or given up.
            self.memory.tally.labels_alone += 1
        else:
            self.memory.come_early(row.key, label, row.correct)

    def _labelled(self, request: Waiting, label: str | None, correct: bool | None) -> None:
        """Count whether an answer is right, and keep the row to train on."""
        reader, tally, target, fields = self.reference.reader, self.memory.tally, label, request.fields
        read = reader.read(request.output, target)
        is_right = read.is_right if correct is None else correct
        if is_right is None:
            return
        tally.labelled += 1
        self.window.share("wrong", not is_right)
        if target is not None and reader.is_classification:
            self.window.count("labels", target)
        target = read.answer if target is None and is_right else target
        if fields is None:
            tally.no_fields += 1
        elif target is not None and request.n_characters <= LONGEST_TRAINED:
            self.memory.labelled.append(Labelled(fields, target))

    def _time(self, row: LogRow) -> float | None:
        """Return a row's time unless it lies in the future, and count it where it is earlier than one before."""
        time, tally = row.time, self.memory.tally
        if time is None or time > self.now + self.settings.ahead_seconds:
            tally.ahead += time is not None
            return None
        tally.out_of_order += time < self.latest
        self.latest = max(self.latest, time)
        return time

    def _low(self, confidence: float) -> None:
        below = self.reference.unsure_below
        if below is None:
            below = self._limit("unsure", confidence, 1 - UNSURE, downwards=True)
        if below is not None:
            self.window.share("unsure", confidence < below)

    def _slow(self, seconds: float) -> None:
        above = self._limit("slow", seconds, 1 - SLOW, downwards=False)
        if above is not None:
            self.window.share("slow", seconds > above)

    def _limit(self, signal: str, value: float, share: float, downwards: bool) -> float | None:
        """Return the limit that the first values of the log set; while it is being set, take the value in and return None."""
        baseline = self.baselines.setdefault(signal, Baseline())
        if baseline.limit is None:
            baseline.values.append(value)
            if len(baseline.values) >= self.settings.baseline:
                ordered = sorted(baseline.values, reverse=downwards)
                baseline.limit = ordered[math.ceil(share * len(ordered)) - 1]
                beyond = sum(one < baseline.limit if downwards else one > baseline.limit for one in ordered)
                self.judge.shares[signal] = (beyond, len(ordered))
                baseline.values = []
            return None
        return baseline.limit

    # ---- windows

    def _is_over(self, time: float) -> bool:
        """Tell whether a row of this time belongs behind the open window of time."""
        seconds, window = -self.settings.window, self.window
        if window.first is None or window.rows < self.settings.least_rows:
            return False
        return time // seconds > window.first // seconds

    def _close(self) -> None:
        done = closed(self.window)
        texts = None
        if done.number % self.settings.domain_every == 0:
            texts, self.texts = texts_of(self.texts), []
        self.alarms += self.judge.judge(done, texts)
        self.windows = [*self.windows[-MOST_WINDOWS + 1 :], done]
        self.window = OpenWindow(done.number + 1)


def begin(reference: Reference, settings: MonitorSettings, now: float) -> Watch:
    """Return a monitor that has read nothing."""
    labelled: deque[Labelled] = deque(maxlen=settings.most_retrain)
    memory = Memory(Seen(settings.remember), labelled, settings.wait)
    return Watch(reference, settings, now, memory, Judge(reference, settings, dict(reference.shares)))
