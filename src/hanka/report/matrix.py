"""The three-setting matrix: variants down, test sets across, grouped by in domain, out of domain, cross task.

First evidence of the report. Per trained task: an overview by relation (as analysis summed it up), then
one table per setting with each test set's primary metric, and the other metrics on demand. Trivial
baselines close each table, so that no value is read without knowing what costs nothing.
"""

from __future__ import annotations

from itertools import groupby

from markupsafe import Markup

from hanka.records import RELATIONS, Variant
from hanka.report import inert, numbers
from hanka.report.blocks import MARKS, Block, Details, Heading, Legend, Note, Section, Table, Td, Th, Tone
from hanka.report.outline import Group, Outline, Setting, TestSet, group_title, setting_title, variant_note
from hanka.report.rows import BaselineRow, Result, SettingRow, as_text
from hanka.report.words import Words

OPEN_TABLES = 6
"Tables of one trained task that stand open; the rest open on demand."
OPEN_ROWS = 40
"Variants of all tables of a trained task that stand open together; the first table always does."
MAX_ROWS = 400
"Variants that a table lists."
JUDGED = ("better", "worse", "equivalent", "leaning", "undecided")
"Verdicts, in the order in which they are counted."
TONES: dict[str, Tone] = {"better": "better", "worse": "worse", "equivalent": "equivalent"}
TONES |= {"leaning": "leaning", "undecided": "undecided"}


def matrix_section(outline: Outline, words: Words) -> Section:
    """Build the section of all matrices."""
    blocks: list[Block] = []
    for group in outline.groups:
        blocks.append(Heading(group_title(group, outline, words)))
        overview = _overview(group, outline, words)
        if overview:
            blocks.append(overview)
        blocks += _tables(group, outline, words)
    if not outline.by_place:
        return Section("matrix", words("matrix"), "", (Note(words("no_results"), "muted"),))
    return Section("matrix", words("matrix"), words("matrix_lead"), (Legend(words("legend_note")), *blocks))


def _tables(group: Group, outline: Outline, words: Words) -> list[Block]:
    """Primary metric of every setting, the first ones open; then every other metric, closed."""
    blocks: list[Block] = []
    settings = [setting for setting in group.settings if outline.asked(group, setting)]
    few = len(settings) <= OPEN_TABLES and len(settings) * len(group.variants) <= OPEN_ROWS
    for position, setting in enumerate(settings):
        table = matrix_table(group, setting, outline, words)
        stands_open = position == 0 or few
        blocks.append(table if stands_open else Details(_summary(group, setting, outline, words), (table,)))
    others = _other_metrics(group, settings, outline, words)
    if others:
        names = " · ".join(words.metric(metric) for metric, _ in others)
        inner = tuple(Details(words.metric(metric), tables) for metric, tables in others)
        blocks.append(Details(words("other_metrics") + " " + names, inner))
    return blocks


def _other_metrics(
    group: Group, settings: list[Setting], outline: Outline, words: Words
) -> list[tuple[str, tuple[Table, ...]]]:
    """Tables of each metric that is not the primary one of every test set it stands for."""
    found = []
    for metric in outline.metrics:
        tables = tuple(
            matrix_table(group, setting, outline, words, metric)
            for setting in settings
            if any(outline.primary.get(test.task) != metric for test in _columns(group, setting, outline, metric))
        )
        if tables:
            found.append((metric, tables))
    return found


def _summary(group: Group, setting: Setting, outline: Outline, words: Words) -> str:
    """Title of a closed table, with how many verdicts of each kind it holds."""
    found = [
        row.verdict
        for variant in group.variants
        for test in outline.asked(group, setting)
        if (row := outline.result(variant, test, setting))
    ]
    tally = "  ".join(f"{MARKS[verdict]} {found.count(verdict)}" for verdict in JUDGED if verdict in found)
    return setting_title(setting, group, words) + " — " + tally


def _columns(group: Group, setting: Setting, outline: Outline, metric: str) -> tuple[TestSet, ...]:
    """Test sets of a table: all that were asked, or those that have the metric."""
    asked = outline.asked(group, setting)
    if not metric:
        return asked
    models = [*group.variants, *([group.base_variant] if group.base_variant else [])]
    return tuple(
        test
        for test in asked
        if any(metric in outline.by_place.get((model.id, test.task, test.name, setting), {}) for model in models)
    )


def matrix_table(group: Group, setting: Setting, outline: Outline, words: Words, metric: str = "") -> Table:
    """Build the table of one setting: base, variants, trivial baselines; without metric the primary one."""
    tests = _columns(group, setting, outline, metric)
    rows: list[tuple[Td, ...]] = []
    listed = group.variants[:MAX_ROWS]
    for variant in [*([group.base_variant] if group.base_variant else []), *listed]:
        cells = (_cell(outline.result(variant, test, setting, metric), variant, outline, words) for test in tests)
        rows.append((_row_head(variant, words), *cells))
    rows += _baseline_rows(tests, metric, outline, words)
    title = setting_title(setting, group, words)
    name = words.metric(metric) if metric else words.plain("primary_metric")
    caption = title + " · " + words("metric_is", metric=name)
    if len(listed) < len(group.variants):
        caption += " · " + words("rows_cut", shown=len(listed), all=len(group.variants))
    label = words.plain("matrix_label", group=group.task or group.base, shots=setting.shots, metric=name)
    return Table(caption, label, _head(group, tests, setting, metric, outline, words), tuple(rows), look="matrix")


def _head(
    group: Group, tests: tuple[TestSet, ...], setting: Setting, metric: str, outline: Outline, words: Words
) -> tuple[tuple[Th, ...], ...]:
    relations = tuple(
        Th(words.relation(relation), colspan=len(list(members)), tone=relation)
        for relation, members in groupby(tests, key=lambda test: test.relation)
    )
    names = tuple(
        Th(
            inert.name(test.name, 60),
            note="\n".join(
                part
                for part in (
                    words.of("task", test.task) if test.task != group.task else "",
                    words.metric(metric or outline.primary.get(test.task, "")),
                    _n(group, test, setting, metric, outline),
                )
                if part
            ),
        )
        for test in tests
    )
    return ((Th(words("variant"), rowspan=2), *relations), names)


def _n(group: Group, test: TestSet, setting: Setting, metric: str, outline: Outline) -> str:
    """Say how many samples a column rests on, as a range where its rows differ."""
    models = [*group.variants, *([group.base_variant] if group.base_variant else [])]
    found = {row.n for model in models if (row := outline.result(model, test, setting, metric)) and row.n}
    if not found:
        return ""
    return f"n = {numbers.count(min(found))}" + (f"–{numbers.count(max(found))}" if len(found) > 1 else "")


def _row_head(variant: Variant, words: Words) -> Td:
    if variant.is_unadapted:
        return Td(words("base_row"), note=inert.label(variant.base, 60), tone="base", head=True)
    return Td(inert.name(variant.label, 60), note=variant_note(variant, words), head=True)


def _cell(row: Result | None, variant: Variant, outline: Outline, words: Words) -> Td:
    if row is None:
        return Td(numbers.NOTHING, tone="muted", title=words.plain("not_run"))
    if row.failed:
        reason = failure_reason(row.cell_id, row.variant_id, outline)
        title = words.plain("failed_title", reason=reason or words.plain("reason_unknown"))
        return Td(words("failed"), mark=MARKS["failed"], tone="failed", title=title)
    if variant.is_unadapted:
        note = numbers.interval(row.ci_low, row.ci_high)
        return Td(numbers.value(row.value), note=note, tone="base", title=cell_title(row, outline, words))
    return result_cell(row, outline, words)


def result_cell(row: Result, outline: Outline, words: Words) -> Td:
    """Build the cell of an adapted variant: value, difference with interval, verdict by colour and shape."""
    return Td(
        numbers.value(row.value),
        note=delta_note(row),
        mark=MARKS.get(row.verdict, ""),
        spoken=words.of("verdict", row.verdict) if row.verdict else "",
        tone=TONES.get(row.verdict, ""),
        title=cell_title(row, outline, words),
    )


def delta_note(row: Result) -> str:
    """Write difference from the base and the interval its verdict rests on; nothing without a base to compare with."""
    if row.delta is None:
        return ""
    return numbers.difference(row.delta, *row.judged_by)


def cell_title(row: Result, outline: Outline, words: Words) -> str:
    """Write the tooltip of a result: n, failures, value with interval, p-value and the interval of this comparison alone."""
    parts = [f"n = {numbers.count(row.n)}"]
    if row.n_failed:
        parts.append(words.plain("n_failed", count=row.n_failed))
    parts.append(numbers.with_interval(row.value, row.ci_low, row.ci_high))
    if row.p_adjusted is not None:
        parts.append(words.plain("p_adjusted", p=numbers.p_value(row.p_adjusted)))
    if row.sim_low is not None:
        alone = numbers.interval(row.delta_ci_low, row.delta_ci_high, sign=True)
        parts.append(words.plain("alone", interval=alone))
    return " · ".join(parts)


def failure_reason(cell_id: str, variant_id: str, outline: Outline) -> str:
    """Return why a cell failed: its own reason, else its variant's."""
    own = as_text(outline.run.cell_files.get(cell_id, {}).get("reason"))
    return own or as_text(outline.run.variant_files.get(variant_id, {}).get("reason"))


def _baseline_rows(tests: tuple[TestSet, ...], metric: str, outline: Outline, words: Words) -> list[tuple[Td, ...]]:
    wanted = {
        (row.baseline, row.test_task, row.test_dataset): row
        for row in outline.run.baselines
        if row.metric == (metric or outline.primary.get(row.test_task))
    }
    names = dict.fromkeys(name for name, task, test in wanted if any((task, test) == (t.task, t.name) for t in tests))
    return [
        (
            Td(words.of("baseline", name), note=words.plain("trivial"), tone="muted", head=True),
            *(_baseline_cell(wanted.get((name, test.task, test.name))) for test in tests),
        )
        for name in names
    ]


def _baseline_cell(row: BaselineRow | None) -> Td:
    if row is None:
        return Td("", tone="muted")
    return Td(
        numbers.value(row.value),
        note=numbers.interval(row.ci_low, row.ci_high),
        tone="muted",
        title=f"n = {numbers.count(row.n)}",
    )


def _overview(group: Group, outline: Outline, words: Words) -> Table | None:
    """One row per method and size, one column per relation, as analysis summed them up."""
    rows = [
        row
        for row in outline.run.findings.settings
        if group.task
        and row.train_task == group.task
        and row.train_dataset in ("", group.dataset)
        and (row.reference or row.base) in ("", group.base)
    ]
    if not rows:
        return None
    found = {(row.base, row.method, row.train_size, row.relation, row.metric): row for row in rows}
    rank: dict[str, int] = {relation: place for place, relation in enumerate(RELATIONS)}
    kinds = sorted(dict.fromkeys((row.relation, row.metric) for row in rows), key=lambda kind: rank.get(kind[0], 9))
    body = tuple(
        (
            Td(inert.name(method, 60), note=_made_of(base, size, group, words), head=True),
            *(_overview_cell(found.get((base, method, size, *kind)), words) for kind in kinds),
        )
        for base, method, size in dict.fromkeys((row.base, row.method, row.train_size) for row in rows)
    )
    head = (
        Th(words("method")),
        *(Th(words.relation(relation), note=words.metric(metric), tone=relation) for relation, metric in kinds),
    )
    caption = words("overview_caption")
    return Table(caption, words.plain("overview_label", task=group.task), (head,), body, look="matrix")


def _made_of(base: str, size: int, group: Group, words: Words) -> str:
    """Say how many rows, and which base where it is not the group's."""
    rows = words.rows(size)
    return rows if base in ("", group.base) else f"{rows} · {inert.label(base, 40)}"


def _overview_cell(row: SettingRow | None, words: Words) -> Td:
    if row is None:
        return Td(numbers.NOTHING, tone="muted")
    tallies = row.tallies
    chips = Markup(" ").join(
        Markup('<span class="key {}">{}\u00a0{}</span>').format(verdict, MARKS[verdict], count)
        for verdict, count in tallies.items()
        if count
    )
    spoken = ", ".join(f"{words.of('verdict', name)} {count}" for name, count in tallies.items() if count)
    return Td(
        Markup("{} {}").format(numbers.signed(row.mean_delta), chips),
        note=numbers.interval(row.ci_low, row.ci_high, sign=True),
        title=f"{spoken} · {words.plain('n_cells', count=row.n_cells)}",
    )
