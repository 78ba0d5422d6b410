"""What was checked and what went wrong: trivial baselines, audits, failures.

Audits that found nothing are listed too: silence and absence of checking must not look alike.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from hanka.records import AuditWarning
from hanka.report import inert, numbers
from hanka.report.blocks import MARKS, Block, Details, Heading, Note, Section, Table, Td, Th, Tone
from hanka.report.matrix import failure_reason
from hanka.report.outline import Outline, variant_name
from hanka.report.predictions import troubled_samples
from hanka.report.rows import AuditCheck
from hanka.report.words import Words

MAX_ROWS = 200
OPEN_ROWS = 12
NUMERIC = {"n", "count", "checked", "value", "n_samples", "n_in_cells"}


def baselines_section(outline: Outline, words: Words) -> Section:
    """Build the table of trivial baselines: what a test set gives to those who do not read it."""
    found = outline.run.baselines
    rows = tuple(
        (
            Td(inert.name(row.test_dataset, 60), note=words.of("task", row.test_task), head=True),
            Td(words.of("baseline", row.baseline)),
            Td(words.metric(row.metric)),
            Td(numbers.count(row.n), numeric=True),
            Td(numbers.value(row.value), note=numbers.interval(row.ci_low, row.ci_high), numeric=True),
        )
        for row in found[:MAX_ROWS]
    )
    if not rows:
        note = Note(words("no_baselines"), "muted")
        return Section("baselines", words("baselines"), "", (note,))
    head = _head(words, "test_set", "baseline", "metric", "n", "value")
    table = Table(_cut(words("baselines_caption"), len(found), words), words.plain("baselines_caption"), head, rows)
    block = table if len(rows) <= OPEN_ROWS else Details(words("as_table_rows", count=len(rows)), (table,))
    return Section("baselines", words("baselines"), words("baselines_lead"), (block,))


def audits_section(outline: Outline, words: Words) -> Section:
    """Build the section of audits: every warning with its counts, and every check that found nothing."""
    run = outline.run
    warned = {(item.audit, item.where) for item in run.warnings}
    quiet = [item for item in run.checks if (item.audit, item.where) not in warned]
    blocks: list[Block] = []
    if run.warnings:
        blocks.append(_warnings(run.warnings, words))
    if quiet:
        blocks.append(Details(words("checked_nothing_found", count=len(quiet)), (_quiet(quiet, words),)))
    if "audits.json" in run.unreadable:
        blocks = [Note(words("no_audits"), "warn")]
    elif not run.warnings:
        blocks.insert(0, Note(words("no_warnings") if quiet else words("no_checks"), "muted"))
    return Section("audits", words("audits"), words("audits_lead"), tuple(blocks))


def _warnings(found: Sequence[AuditWarning], words: Words) -> Table:
    rows = tuple(
        (
            Td(words.of("audit", item.audit), head=True, tone="warn"),
            Td(inert.name(words.place(item.where))),
            Td(f"{numbers.count(item.count)} / {numbers.count(item.total)}", numeric=True),
            Td(inert.shorten(words.stored(item.message), 600), note=_samples(item.examples, words)),
        )
        for item in found[:MAX_ROWS]
    )
    caption = _cut(words("warnings_caption", count=len(found)), len(found), words)
    head = _head(words, "audit", "where", "count", "message")
    return Table(caption, words.plain("warnings_caption", count=len(found)), head, rows)


def _quiet(found: Sequence[AuditCheck], words: Words) -> Table:
    rows = tuple(
        (
            Td(words.of("audit", item.audit), head=True),
            Td(inert.name(words.place(item.where))),
            Td(numbers.count(item.checked), numeric=True),
        )
        for item in found[:MAX_ROWS]
    )
    caption = _cut(words("quiet_caption"), len(found), words)
    return Table(caption, words.plain("quiet_caption"), _head(words, "audit", "where", "checked"), rows)


def failures_section(outline: Outline, words: Words) -> Section:
    """Build the section of failures: variants, cells, and samples that failed or could not be parsed."""
    blocks = [*_failed_variants(outline, words), *_failed_cells(outline, words), *_samples_without(outline, words)]
    note = (Note(words("no_failures"), "muted"),)
    return Section("failures", words("failures"), words("failures_lead") if blocks else "", tuple(blocks) or note)


def _failed_variants(outline: Outline, words: Words) -> Iterable[Block]:
    found = [
        (variant, stored.get("reason"))
        for variant in outline.run.variants.values()
        if (stored := outline.run.variant_files.get(variant.id, {})).get("status") == "failed"
    ]
    if found:
        rows = tuple(
            (
                Td(variant_name(variant, words), note=inert.label(variant.train_task, 60), head=True),
                _reason(reason, words),
            )
            for variant, reason in found[:MAX_ROWS]
        )
        yield Heading(words("failed_variants", count=len(found)))
        yield Table(words("failed_variants_caption"), words.plain("failed_variants_caption"),
                    _head(words, "variant", "reason"), rows)  # fmt: skip


def failed_cells(outline: Outline) -> list[str]:
    """Return the ids of all failed cells: by cell.json, or by a summary row without value; those not asked yet are none."""
    run = outline.run
    stored = [key for key, cell in run.cell_files.items() if cell.get("status") == "failed"]
    lacking = [row.cell_id for row in run.results if row.failed]
    return list(dict.fromkeys([*stored, *(one for one in lacking if one in run.cell_files or one not in run.cells)]))


def _failed_cells(outline: Outline, words: Words) -> Iterable[Block]:
    run = outline.run
    ids = failed_cells(outline)
    if not ids:
        return
    rows = []
    for cell_id in ids[:MAX_ROWS]:
        cell = run.cells.get(cell_id)
        variant = run.variants.get(cell.variant_id) if cell else None
        rows.append(
            (
                Td(
                    variant_name(variant, words) if variant else cell_id, mark=MARKS["failed"], head=True, tone="failed"
                ),
                Td(inert.name(cell.test_dataset, 60) if cell else numbers.NOTHING),
                Td(f"{cell.shots} / {inert.label(cell.prompt, 20)}" if cell else numbers.NOTHING),
                _reason(failure_reason(cell_id, cell.variant_id if cell else "", outline), words),
            )
        )
    table = Table(
        _cut(words("failed_cells_caption"), len(ids), words),
        words.plain("failed_cells_caption"),
        _head(words, "variant", "test_set", "shots_prompt", "reason"),
        tuple(rows),
    )
    yield Heading(words("failed_cells", count=len(ids)))
    yield table if len(rows) <= OPEN_ROWS else Details(words("as_table_rows", count=len(rows)), (table,))


def _samples_without(outline: Outline, words: Words) -> Iterable[Block]:
    """Samples that failed or were not parsed: counted by reason, then by cell and reason."""
    found = troubled_samples(outline, words)
    if not found:
        return
    samples, cells = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
    for item in found:
        samples[item.status, item.reason] += item.count
        cells[item.status, item.reason] += 1
    totals = {status: sum(n for key, n in samples.items() if key[0] == status) for status in ("failed", "unparsed")}
    yield Heading(words("failed_samples", **totals))
    by_reason = tuple(
        (
            Td(words.of("status", status), tone=_tone(status), head=True),
            _reason(reason, words),
            Td(numbers.count(n), numeric=True),
            Td(numbers.count(cells[status, reason]), numeric=True),
        )
        for (status, reason), n in samples.most_common(MAX_ROWS)
    )
    caption = words.plain("failed_reasons_caption")
    yield Table(caption, caption, _head(words, "status", "reason", "n_samples", "n_in_cells"), by_reason)
    by_cell = tuple(
        (
            Td(item.where, head=True),
            Td(words.of("status", item.status), tone=_tone(item.status)),
            Td(f"{numbers.count(item.count)} / {numbers.count(item.total)}", numeric=True),
            _reason(item.reason, words),
        )
        for item in found[:MAX_ROWS]
    )
    caption = _cut(words("failed_samples_caption"), len(found), words)
    head = _head(words, "where", "status", "count", "reason")
    table = Table(caption, words.plain("failed_samples_caption"), head, by_cell)
    yield Details(words("failed_samples_caption"), (table,))


def _tone(status: str) -> Tone:
    return "failed" if status == "failed" else "warn"


def _reason(stored: object, words: Words) -> Td:
    text = stored if isinstance(stored, str) and stored else words("reason_unknown")
    return Td(inert.shorten(text, 400))


def _samples(ids: tuple[str, ...], words: Words) -> str:
    return words.plain("for_example", ids=", ".join(inert.label(item, 24) for item in ids[:5])) if ids else ""


def _head(words: Words, *names: str) -> tuple[tuple[Th, ...], ...]:
    return (tuple(Th(words(name), numeric=name in NUMERIC) for name in names),)


def _cut(caption: str, n: int, words: Words) -> str:
    return caption + " · " + words("rows_cut", shown=MAX_ROWS, all=n) if n > MAX_ROWS else caption
