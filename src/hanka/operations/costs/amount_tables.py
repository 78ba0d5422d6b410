"""What systems took, as tables of a page: making them, and answering. Computes nothing."""

from __future__ import annotations

from collections.abc import Mapping

from hanka.analysis.questions.contract import Measured
from hanka.operations.costs.records import Entry, Ledger
from hanka.operations.costs.wording import seconds, system_name
from hanka.report import inert, numbers
from hanka.report.blocks import Block, Note, Table, Td, Th
from hanka.report.words import Words


def amount_blocks(ledger: Ledger, words: Words) -> tuple[Block, ...]:
    """Return what each system took, and the whole study."""
    if not ledger.entries:
        return (Note(words.plain("costs_nothing_asked"), "muted"),)
    totals = ledger.totals
    making = (training_table(ledger, words),) if any(one.amounts.training for one in ledger.entries) else ()
    return (
        *making,
        serving_table(ledger, words),
        Note(
            words.plain(
                "costs_totals", trained=totals.n_trained, training=f"{totals.training_seconds:,.0f}", cells=f"{totals.n_cells:,}",
                answering=f"{totals.answering_seconds:,.0f}",
            ), "muted",
        ),
    )  # fmt: skip


def training_table(ledger: Ledger, words: Words) -> Table:
    """Return what making each tuned system took."""
    heads = ("system", "labelled", "parameters", "tokens", "seconds", "energy", "memory", "seeds")
    made = [one for one in ledger.entries if one.amounts.training is not None]
    once = list({(one.amounts.task, one.amounts.system): one for one in made}.values())
    caption = words.plain("costs_training_caption", count=len(once))
    return Table(caption, caption, (_amount_heads(heads, words),), tuple(_training_row(one, words) for one in once))


def _training_row(one: Entry, words: Words) -> tuple[Td, ...]:
    made, system = one.amounts.training, one.amounts.system
    assert made is not None
    note = (
        words.plain("costs_made_from", names=words.comma.join(map(inert.label, made.made_from)))
        if made.made_from
        else ""
    )
    name = f"{inert.label(system.label)}{words.comma}{words.rows(system.size)}"
    return (
        Td(name, note=note, head=True),
        _count(made.n_labelled, words), _count(made.n_parameters, words), _count(made.n_tokens, words),
        Td(words.plain("costs_not_measured") if made.seconds is None else f"{made.seconds:,.1f}", numeric=True),
        Td(words.plain("costs_not_measured") if made.energy_joules is None else f"{made.energy_joules:,.0f}", numeric=True),
        _memory(made.peak_bytes, words), _count(made.n_seeds, words),
    )  # fmt: skip


def serving_table(ledger: Ledger, words: Words) -> Table:
    """Return what answering took of each system."""
    heads = ("system", "requests", "read", "written", "row_seconds", "median", "p95", "row_energy", "memory")
    caption = words.plain("costs_serving_caption", count=len(ledger.entries))
    rows = tuple(_serving_row(one, words, has_several_bases(ledger)) for one in ledger.entries)
    return Table(caption, caption, (_amount_heads(heads, words),), rows)


def _serving_row(one: Entry, words: Words, with_base: bool) -> tuple[Td, ...]:
    serving = one.amounts.serving
    latency = serving.latency
    how = "" if latency is None else words.plain(f"costs_timed_{latency.unit}", count=latency.at_once)
    return (
        named(one, words, with_base), _count(serving.n, words),
        _measured(serving.n_tokens_read, words), _measured(serving.n_tokens_written, words),
        Td(seconds(serving.seconds, words), numeric=True),
        _measured(latency.median if latency else None, words), _measured(latency.p95 if latency else None, words, how),
        Td(seconds(serving.energy_joules, words), numeric=True), _memory(serving.peak_bytes, words),
    )  # fmt: skip


def _amount_heads(names: tuple[str, ...], words: Words) -> tuple[Th, ...]:
    return tuple(Th(words.plain(f"costs_took_{name}"), numeric=name != "system") for name in names)


def _count(number: float | None, words: Words) -> Td:
    return Td(words.plain("costs_not_measured") if number is None else numbers.count(round(number)), numeric=True)


def _measured(found: Measured | None, words: Words, how: str = "") -> Td:
    if found is None:
        return Td(words.plain("costs_not_measured"), numeric=True)
    n = f"n = {found.n:,}" if found.n is not None else ""
    note = " ".join(part for part in (numbers.interval(found.low, found.high), n, how) if part)
    return Td(numbers.value(found.value), note=note, numeric=True)


def _memory(peaks: Mapping[str, int], words: Words) -> Td:
    """Write the memory of each meter in MB."""
    said = words.comma.join(f"{inert.label(name)} {size / 1e6:,.0f}" for name, size in peaks.items())
    return Td(said or words.plain("costs_not_measured"), numeric=True)


def has_several_bases(ledger: Ledger) -> bool:
    """Tell whether a system's name has to say its base."""
    return len({one.amounts.system.base for one in ledger.entries}) > 1


def named(one: Entry, words: Words, with_base: bool) -> Td:
    """Return the cell that heads a system's row."""
    amounts = one.amounts
    note = inert.label(amounts.system.base) if with_base else ""
    return Td(system_name(amounts.system, amounts.asked, words), note=note, head=True)
