"""A monitor as a page: the verdict, every signal, its course over the windows, alarms, rows that were read, what is promised.

Built of the report's blocks, in the language of the words; nothing is computed here but which windows fit into a figure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Literal

from hanka.operations.monitor import sentences as said
from hanka.operations.monitor.results import Report, Status, Verdict
from hanka.operations.monitor.signals import SIGNALS
from hanka.operations.monitor.windows import Window
from hanka.report import numbers
from hanka.report.blocks import MARKS, Block, Figure, Note, Section, Table, Td, Terms, Th, Tone
from hanka.report.figures import Drawing, Sketchbook, Spec, layer, panel, quantity
from hanka.report.page import PlainPage, plain_html
from hanka.report.words import Words
from hanka.stats.intervals import wilson_interval

TONES: Mapping[Verdict, Literal["adapt", "keep", "undecided"]] = {
    "quiet": "adapt", "alarm": "keep", "inconclusive": "undecided"
}  # fmt: skip
COLOURS: Mapping[str, Tone] = {"quiet": "equivalent", "alarm": "worse", "open": "undecided"}
SHOWN_WINDOWS = 120
"Latest windows that a figure shows."
SHOWN_ALARMS = 50
COLUMNS, WIDTH, HEIGHT = 3, 215, 120


def monitor_html(report: Report, words: Words) -> str:
    """Print a monitor's report as one HTML document."""
    sections = (
        _signals(report, words), _figures(report, words), _alarms(report, words), _retraining(report, words),
        _rows(report, words), _promise(report, words), _about(report, words),
    )  # fmt: skip
    page = PlainPage(
        words.plain("monitor_title"), report.run, TONES[report.verdict], words.plain(f"monitor_verdict_{report.verdict}"),
        said.verdict_said(report, words), sections,
    )  # fmt: skip
    return plain_html(page, words)


def _section(name: str, words: Words, lead: str, *blocks: Block) -> Section:
    return Section(name, words.plain(f"monitor_{name}"), lead, blocks)


def _table(
    name: str, columns: Sequence[str], numeric: Sequence[str], rows: Sequence[tuple[Td, ...]], words: Words
) -> Table:
    head = tuple(Th(words.plain(f"monitor_{one}"), numeric=one in numeric) for one in columns)
    title = words.plain(f"monitor_{name}")
    return Table(title, title, (head,), tuple(rows))


def _signals(report: Report, words: Words) -> Section:
    columns = ("signal", "state", "now", "limit", "reference", "rows", "delay")
    rows = [_signal(one, words) for one in report.statuses]
    table = _table("signals", columns, columns[2:], rows, words)
    notes = [Note(words.plain("monitor_interval_note"), "muted")]
    for one in report.statuses:
        if one.signal == "slow" and one.reference is not None:
            n = numbers.count(one.reference.n)
            notes.append(Note(words.plain("monitor_first_rows", signal=said.signal_said("slow", words), n=n), "muted"))
    return _section("signals", words, words.plain("monitor_signals_lead"), table, *notes)


def _signal(one: Status, words: Words) -> tuple[Td, ...]:
    tone = COLOURS[one.state]
    return (
        Td(said.signal_said(one.signal, words), note=said.unit_said(one.signal, words), head=True),
        Td(said.state_said(one, words), note=said.why_said(one, words), tone=tone, mark=MARKS[tone]),
        Td(
            said.value_said(one.signal, one.now),
            note="" if one.now is None else f"n = {numbers.count(one.now.n)}",
            numeric=True,
        ),
        Td(said.limit_said(one.signal, one.limit), numeric=True),
        Td(
            said.value_said(one.signal, one.reference),
            note="" if one.reference is None else f"n = {numbers.count(one.reference.n)}",
            numeric=True,
        ),
        Td(numbers.count(one.rows), numeric=True),
        Td(said.delay_said(one, words), numeric=True),
    )


# ---- figures


def _figures(report: Report, words: Words) -> Section:
    windows = report.windows[-SHOWN_WINDOWS:]
    shown = [one for one in report.statuses if any(_point(window, one.signal) for window in windows)]
    if not shown:
        return _section("figures", words, "", Note(words.plain("monitor_figures_none"), "muted"))
    rows = [
        {"panel": place, "signal": said.signal_said(status.signal, words), "window": window.number, "value": point[0], "low": point[1],
         "high": point[2], "limit": status.limit}
        for place, status in enumerate(shown)
        for window in windows
        if (point := _point(window, status.signal)) is not None
    ]  # fmt: skip
    panels = [_panel(place, status, words) for place, status in enumerate(shown)]
    drawn = Sketchbook().draw(Drawing(rows, panels, COLUMNS))
    label = words.plain("monitor_figure_label")
    return _section(
        "figures", words, words.plain("monitor_figures_lead"), Figure(drawn.svg, label, label, rows=drawn.rows)
    )


def _point(window: Window, signal: str) -> tuple[float, float, float] | None:
    if SIGNALS[signal].kind == "drift":
        found = window.drifts.get(signal)
        return None if found is None else (found.value, found.low, found.high)
    bad, n = window.shares[signal]
    return None if n < 2 else (bad / n, *wilson_interval(bad, n))


def _panel(number: int, status: Status, words: Words) -> Spec:
    ticks = {"tickCount": 4, "tickMinStep": 1, "format": "d", "grid": False}
    x = quantity("window") | {"title": words.plain("monitor_window"), "axis": ticks, "scale": {"zero": False}}
    y = quantity("value") | {
        "title": None,
        "axis": {"tickCount": 4, "minExtent": 38},
        "scale": {"zero": status.signal != "domain", "nice": True},
    }
    low, limit = (quantity(name) | {"title": None} for name in ("low", "limit"))
    colour = f"var(--mark-{'worse' if status.state == 'alarm' else 'better'})"
    dashes = {"type": "line", "strokeWidth": 1.2, "strokeDash": [5, 3], "color": "currentColor"}
    layers = (
        layer(
            number,
            {"type": "rule", "strokeWidth": 1.1, "opacity": 0.55, "color": colour},
            {"x": x, "y": low, "y2": {"field": "high"}},
        ),
        layer(number, {"type": "line", "strokeWidth": 1.3, "color": colour}, {"x": x, "y": y}),
        layer(number, {"type": "point", "filled": True, "size": 22, "opacity": 1, "color": colour}, {"x": x, "y": y}),
        layer(number, dashes, {"x": x, "y": limit}),
    )
    return panel(said.signal_said(status.signal, words), WIDTH, HEIGHT, layers)


# ---- alarms, rows, promises


def _alarms(report: Report, words: Words) -> Section:
    if not report.alarms:
        return _section("alarms", words, "", Note(words.plain("monitor_alarms_none"), "muted"))
    rows: list[tuple[Td, ...]] = []
    for one in reversed(report.alarms[-SHOWN_ALARMS:]):
        rows.append((
            Td(numbers.count(one.window), note=said.time_said(one.time), head=True, numeric=True),
            Td(said.signal_said(one.signal, words), note=words.plain(f"monitor_rule_{one.rule}"), tone="worse", mark=MARKS["worse"]),
            Td(said.alarm_said(one), note=f"n = {numbers.count(one.n)}", numeric=True),
            Td(said.limit_said(one.signal, one.limit), numeric=True),
            Td(said.cause_said(one, words)),
        ))  # fmt: skip
    table = _table("alarms", ("window", "signal", "value", "limit", "cause"), ("window", "value", "limit"), rows, words)
    return _section("alarms", words, words.plain("monitor_alarms_lead", cooldown=report.settings.cooldown), table)


def _retraining(report: Report, words: Words) -> Section:
    guardrails = said.signals_said(list(report.settings.guardrails), words)
    lead = words.plain("monitor_retrain_lead", period=report.settings.period, guardrails=guardrails)
    notes = [
        Note(
            words.plain(
                f"monitor_retrain_{'early' if one.early else 'proposed'}",
                window=one.window,
                signals=said.signals_said(list(one.signals), words),
            )
        )
        for one in report.proposals[-5:]
    ]
    rows = Note(words.plain("monitor_retrain_rows", n=numbers.count(report.n_to_train_on)))
    return _section("retrain", words, lead, *(notes or [Note(words.plain("monitor_retrain_none"), "muted")]), rows)


def _rows(report: Report, words: Words) -> Section:
    tally = asdict(report.tally)
    rows = [
        (
            Td(words.plain(f"monitor_tally_{name}"), head=True),
            Td(numbers.count(n), numeric=True, tone="warn" if name in report.odd else ""),
        )
        for name, n in tally.items()
    ]
    lead = words.plain(
        "monitor_read_lead", requests=numbers.count(report.tally.requests), windows=numbers.count(report.n_windows),
        open=numbers.count(report.open_rows), labelled=said.labelled_said(report, words),
    )  # fmt: skip
    warning = said.odd_said(report, words)
    table = _table("read", ("read", "rows"), ("rows",), rows, words)
    return _section("read", words, lead, *([Note(warning, "warn")] if warning else []), table)


def _promise(report: Report, words: Words) -> Section:
    return _section("promise", words, "", *(Note(one) for one in said.promises_said(report, words)))


def _about(report: Report, words: Words) -> Section:
    pairs: list[tuple[str, Any]] = [
        ("monitor_variant", report.title),
        ("monitor_run", report.run),
        ("monitor_task", report.task),
        ("monitor_tests", words.comma.join(report.tests)),
        ("monitor_window", said.window_said(report.settings, words)),
        ("monitor_newest", said.time_said(report.newest)),
    ]
    return _section("about", words, "", Terms(tuple((words.plain(key), str(value)) for key, value in pairs)))
