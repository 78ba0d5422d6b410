"""How it was run, how to run it again, and what the words mean: the end of the report.

Everything is copied from plan, variant.json, cell.json, findings and study.yaml; sums of stored seconds and
tokens are the only arithmetic.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from markupsafe import Markup

from hanka.records import Variant
from hanka.report import inert, numbers
from hanka.report.blocks import Block, Details, Heading, Note, Pre, Section, Table, Td, Terms, Th
from hanka.report.checks import failed_cells
from hanka.report.outline import Outline, variant_name
from hanka.report.rows import as_count, as_number, as_text
from hanka.report.stored import StoredRun
from hanka.report.words import Words

STUDY_SHOWN = 60_000
"Characters of the study file that are shown."
MAX_ROWS = 300
OPEN_ROWS = 16
ABSOLUTE = re.compile(r"(?<![^\s='\"])/(?:[^\s/'\"]+/)*([^\s/'\"]+)")
"An absolute path in a command: of it the last part is shown, so that a shared report says nothing of a machine."
TERMS = (
    "decision",
    "variant", "cell", "in_domain", "out_of_domain", "cross_task", "shots", "primary_metric", "verdict", "interval",
    "p_together", "right_wrong", "label_share", "distinct_share", "length_ratio", "cap_hits", "solved",
    "correlation", "bits_per_byte", "trivial", "unparsed",
)  # fmt: skip


def run_section(outline: Outline, words: Words) -> Section:
    """Build the section on how the study was run."""
    run = outline.run
    blocks: list[Block] = [Terms(tuple(_conditions(outline, words)))]
    for title, table in (
        ("models", _models(run, words)),
        ("datasets", _datasets(run, words)),
        ("training", _training(run, words)),
        ("parameters", _parameters(run, words)),
    ):
        if table:
            closed = len(table.rows) > OPEN_ROWS or title == "parameters"
            inner = Details(words("as_table_rows", count=len(table.rows)), (table,)) if closed else table
            blocks += [Heading(words(title)), inner]
    return Section("run", words("how_run"), words("how_run_lead"), tuple(blocks))


def _seeds_each(adapted: Sequence[Variant]) -> str:
    """Count the training seeds of a method on one base, training set and size: fewest to most, where they differ."""
    seeds: dict[tuple[object, ...], set[int]] = defaultdict(set)
    for one in adapted:
        seeds[one.base, one.label, one.train_dataset, one.train_size].add(one.seed)
    counts = sorted({len(each) for each in seeds.values()})
    return f"{counts[0]}" if len(counts) == 1 else f"{counts[0]}–{counts[-1]}"


def _conditions(outline: Outline, words: Words) -> Iterable[tuple[str, str]]:
    run = outline.run
    reproduce = run.findings.reproduce
    devices = {as_text(stored.get("device")) for stored in [*run.cell_files.values(), *run.variant_files.values()]}
    device = as_text(reproduce.get("device")) or ", ".join(sorted(devices - {""})[:8])
    adapted = [variant for variant in run.variants.values() if not variant.is_unadapted]
    n_cells = len(run.cells) or len({row.cell_id for row in run.results})
    measured = len({row.cell_id for row in run.results if row.value is not None})
    seeds = words("fact_variants_note", seeds=_seeds_each(adapted)) if adapted else ""
    yield words("fact_variants"), Markup(" · ").join(part for part in (numbers.count(len(adapted)), seeds) if part)
    yield words("fact_cells"), numbers.count(n_cells) + " · " + words("fact_cells_note", measured=f"{measured:,}")
    yield words("fact_failed"), numbers.count(len(failed_cells(outline)))
    yield words("device"), inert.label(device) or numbers.NOTHING
    versions = reproduce.get("versions")
    if isinstance(versions, dict) and versions:
        listed = " · ".join(f"{inert.label(as_text(k), 40)} {inert.label(as_text(v), 40)}" for k, v in versions.items())
        yield words("versions"), listed
    elif run.version:
        yield words("versions"), f"hanka {inert.label(run.version)}"
    yield words("seconds_training"), words.duration(_total(run.variant_files.values(), "seconds"))
    yield words("seconds_evaluation"), words.duration(_total(run.cell_files.values(), "seconds"))
    for key in ("n_prompt_tokens", "n_output_tokens", "tokens"):
        total = _total(run.cell_files.values(), key)
        if total is not None:
            yield words(f"total_{key}"), numbers.count(total)
    yield words("fact_protocol"), words.of("protocol", run.protocol or "?") + " — " + words(_protocol_key(run))
    tokens = run.study.get("tokens")
    if isinstance(tokens, dict):
        yield words("token_policy"), _pairs(tokens, words)
    for model, policy in run.policy.items():
        if isinstance(policy, dict):
            yield words("token_policy_of", model=model), _pairs(policy, words)
    for key in ("eval", "train", "stats"):
        stored = run.study.get(key)
        if isinstance(stored, dict):
            yield words(f"study_{key}"), _pairs(stored, words)


def _protocol_key(run: StoredRun) -> str:
    return f"about_protocol_{run.protocol if run.protocol in ('corrected', 'paper') else 'other'}"


def _total(stored: Iterable[Mapping[str, Any]], key: str) -> float | None:
    found = [number for item in stored if (number := as_number(item.get(key))) is not None]
    return sum(found) if found else None


def _pairs(stored: Mapping[str, Any], words: Words) -> str:
    return " · ".join(
        f"{inert.label(as_text(key), 40)}: {inert.label(words.stored(_plain(value)), 80)}"
        for key, value in stored.items()
    )


def _plain(value: Any) -> str:
    """Write a stored value as a study file does, not as Python does."""
    if isinstance(value, dict):
        return ", ".join(f"{as_text(key)} {_plain(part)}" for key, part in value.items()) or numbers.NOTHING
    if isinstance(value, list):
        return ", ".join(map(_plain, value)) or numbers.NOTHING
    if isinstance(value, bool):
        return "true" if value else "false"
    return numbers.NOTHING if value is None else as_text(value)


def _models(run: StoredRun, words: Words) -> Table | None:
    rows = tuple(
        (
            Td(inert.name(model.name), head=True),
            Td(inert.label(words.stored(model.licence))),
            Td(inert.shorten(words.stored(model.note), 300) or numbers.NOTHING),
            Td(inert.label(model.identity)),
        )
        for model in run.findings.models[:MAX_ROWS]
    )
    return _table("models", ("model", "licence", "note", "identity"), rows, words)


def _datasets(run: StoredRun, words: Words) -> Table | None:
    rows = tuple(
        (
            Td(inert.name(item.name), note=words.of("task", item.task), head=True),
            Td(inert.name(item.domain)),
            Td(inert.label(item.source)),
            Td(inert.label(words.stored(item.licence))),
            Td(numbers.count(item.n_test), numeric=True),
            Td(inert.shorten(words.stored(item.note), 300) or numbers.NOTHING),
        )
        for item in run.findings.datasets[:MAX_ROWS]
    )
    return _table("datasets", ("dataset", "domain", "source", "licence", "n_test", "note"), rows, words)


def _training(run: StoredRun, words: Words) -> Table | None:
    rows = tuple(
        _training_row(variant_name(variant, words), variant.train_task, run.variant_files[variant.id], words)
        for variant in list(run.variants.values())
        if not variant.is_unadapted and variant.id in run.variant_files
    )
    names = ("variant", "loss", "examples_used", "n_dropped", "supervised_tokens", "steps", "seconds", "device")
    return _table("training", names, rows[:MAX_ROWS], words)


def _training_row(name: str, task: str, stored: Mapping[str, Any], words: Words) -> tuple[Td, ...]:
    record = stored.get("record")
    record = record if isinstance(record, dict) else {}
    losses = " → ".join(numbers.value(as_number(record.get(key))) for key in ("loss_first", "loss_last"))
    failed = stored.get("status") == "failed"
    counts = ("n_examples", "n_dropped", "n_supervised_tokens", "steps")
    return (
        Td(name, note=words.of("task", task), head=True),
        Td(words("failed") if failed else losses, tone="failed" if failed else ""),
        *(Td(numbers.count(as_count(record.get(key))), numeric=True) for key in counts),
        Td(words.duration(as_number(stored.get("seconds"))), numeric=True),
        Td(inert.label(as_text(stored.get("device")), 60)),
    )


def _parameters(run: StoredRun, words: Words) -> Table | None:
    """One row per distinct set of parameters, so that seeds and sizes do not repeat it."""
    seen = dict.fromkeys(
        (
            variant.label,
            variant.method,
            _pairs({k: v for k, v in variant.params.items() if k not in ("sizes", "name")}, words),
        )
        for variant in run.variants.values()
        if variant.params
    )
    rows = tuple((Td(inert.name(label), head=True), Td(method), Td(pairs)) for label, method, pairs in seen)
    return _table("parameters", ("variant", "method", "parameters"), rows[:MAX_ROWS], words)


def _table(title: str, names: tuple[str, ...], rows: tuple[tuple[Td, ...], ...], words: Words) -> Table | None:
    if not rows:
        return None
    numeric = {"n_test", "examples_used", "n_dropped", "supervised_tokens", "steps", "seconds"}
    head = tuple(Th(words(name), numeric=name in numeric) for name in names)
    return Table(words(f"{title}_caption"), words.plain(f"{title}_caption"), (head,), rows)


def reproduce_section(outline: Outline, words: Words) -> Section:
    """Build the section on how to get the same numbers again."""
    run = outline.run
    reproduce = run.findings.reproduce
    command = as_text(reproduce.get("command")) or "hanka run study.yaml"
    blocks: list[Block] = [Pre(inert.shorten(ABSOLUTE.sub(r"\1", command), 2_000), words.plain("command"))]
    hashes = [(words("study_sha256"), inert.label(as_text(reproduce.get("study_sha256"))) or numbers.NOTHING)]
    hashes += [(inert.name(model.name), inert.label(model.identity)) for model in run.findings.models if model.identity]
    blocks.append(Terms(tuple(hashes)))
    if run.study_text:
        more = words.plain("more_characters", count="{count}")
        text = Pre(inert.shorten(run.study_text, STUDY_SHOWN, more), words.plain("study_file"))
        blocks.append(Details(words("study_file"), (text,)))
    else:
        blocks.append(Note(words("no_study_file"), "muted"))
    return Section("reproduce", words("reproduce"), words("reproduce_lead"), tuple(blocks))


def definitions_section(outline: Outline, words: Words) -> Section:
    """Build the section that says what the words mean."""
    stats = outline.run.study.get("stats")
    level = as_number(stats.get("level")) if isinstance(stats, dict) else None
    written = f"{(level or 0.95) * 100:g} %"
    pairs = tuple(
        (words(f"term_{term}"), words(f"about_{term}", level=written, alpha=f"{1 - (level or 0.95):.2g}"))
        for term in TERMS
    )
    return Section("definitions", words("definitions"), "", (Terms(pairs),))
