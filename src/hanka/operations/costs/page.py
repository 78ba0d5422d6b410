"""The ledger as tables and as a page of its own, in either language; the terminal prints the same tables.

Computes nothing. Order: what comes of it, what each system costs, what each took, on what all that rests.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

from hanka.operations.costs.amount_tables import amount_blocks, has_several_bases, named
from hanka.operations.costs.charges import LINES, THOUSAND, Line
from hanka.operations.costs.records import Comparison, Entry, Lacking, Ledger
from hanka.operations.costs.returns import Ends
from hanka.operations.costs.wording import (
    money,
    money_ends,
    month_ends,
    months,
    percents,
    system_name,
    volume,
    volume_ends,
)
from hanka.report import inert, numbers
from hanka.report.blocks import MARKS, Block, Note, Section, Table, Td, Terms, Th
from hanka.report.blocks import Tone as BlockTone
from hanka.report.page import PlainPage, plain_html
from hanka.report.words import Words

PER_REQUEST = ("serving", "review")
"Lines that are shown for a thousand requests."
Tone = Literal["adapt", "keep", "undecided"]


class Headline(NamedTuple):
    """What is said first."""

    tone: Tone
    word: str
    sentence: str


def cost_html(ledger: Ledger, words: Words) -> str:
    """Print the page of a ledger."""
    said = headline(ledger, words)
    sections = (
        Section(
            "returns", words.plain("costs_returns"), words.plain("costs_returns_lead"), returns_blocks(ledger, words)
        ),
        Section("bills", words.plain("costs_bills"), words.plain("costs_bills_lead"), bill_blocks(ledger, words)),
        Section(
            "amounts", words.plain("costs_amounts"), words.plain("costs_amounts_lead"), amount_blocks(ledger, words)
        ),
        Section("basis", words.plain("costs_basis"), "", basis_blocks(ledger, words)),
    )
    page = PlainPage(
        words.plain("costs_title"), inert.label(ledger.study), said.tone, said.word, said.sentence, sections
    )
    return plain_html(page, words)


# ---- what is said first


def headline(ledger: Ledger, words: Words) -> Headline:
    """Say what the best of the tuned systems returns against the prompted model that leaves least of it."""
    found = _best(ledger)
    if found is None or found.returns is None or ledger.file is None or ledger.file.prices.volume is None:
        key = "costs_no_prices" if ledger.file is None else "costs_no_return"
        return Headline("undecided", words.plain("costs_open"), words.plain(key))
    net, period = found.returns.net, ledger.file.prices.volume
    is_whole = all(gap.system != found.system for gap in ledger.unfinished)
    said = "unfinished" if net.low > 0 and not is_whole else _tone(net)
    tone: Tone = "undecided" if said == "unfinished" or (said == "keep" and not _none_pays(ledger)) else _tone(net)
    sentence = words.plain(
        f"costs_says_{said}",
        system=system_name(found.system, found.asked, words), rival=inert.label(found.rival), shots=found.rival_asked.shots,
        net=money(net.value), ends=money_ends(net), currency=ledger.file.prices.currency, months=f"{period.months:g}",
        requests=f"{period.requests_per_month:,.0f}", n=f"{found.contrast.n if found.contrast else 0:,}",
    )  # fmt: skip
    return Headline(tone, words.plain(f"costs_word_{tone}"), sentence)


def _best(ledger: Ledger) -> Comparison | None:
    """Return the system whose least net value is largest, each against its hardest rival; one that may pay comes first."""
    hardest: dict[tuple[object, ...], Comparison] = {}
    for one in ledger.comparisons:
        key = (one.task, one.system)
        if key not in hardest or _least(one) < _least(hardest[key]):
            hardest[key] = one
    stated = [one for one in hardest.values() if one.returns is not None]
    return max(stated, key=lambda one: (_may_pay(ledger, one), _least(one)), default=None)


def _tone(net: Ends) -> Tone:
    return "adapt" if net.low > 0 else "keep" if net.high < 0 else "undecided"


def _may_pay(ledger: Ledger, system: Comparison) -> bool:
    """Tell whether no rival leaves a system less than nothing for sure."""
    beside = [one for one in ledger.comparisons if (one.task, one.system) == (system.task, system.system)]
    return not any(one.returns is not None and one.returns.net.high < 0 for one in beside)


def _none_pays(ledger: Ledger) -> bool:
    """Tell whether every system costs more than it returns for sure; what was left out may pay."""
    return not ledger.left_out and not any(_may_pay(ledger, one) for one in ledger.comparisons)


def _least(one: Comparison) -> float:
    return float("-inf") if one.returns is None else one.returns.net.low


# ---- returns


def returns_blocks(ledger: Ledger, words: Words) -> tuple[Block, ...]:
    """Return the table of all comparisons, and what those without a return lack."""
    if ledger.file is None:
        return (Note(words.plain("costs_no_prices"), "muted"),)
    blocks: list[Block] = []
    if ledger.comparisons:
        blocks += [returns_table(ledger, words), volume_table(ledger, words)]
    else:
        blocks.append(Note(words.plain("costs_nothing_tuned"), "muted"))
    for one in ledger.comparisons:
        if one.lacking:
            names = words.comma.join(dict.fromkeys(_lacks(each, words) for each in one.lacking))
            system = system_name(one.system, one.asked, words)
            blocks.append(Note(words.plain("costs_lacks", system=system, names=names), "warn"))
    if ledger.left_out:
        blocks.append(
            Note(words.plain("costs_left_out", names=words.comma.join(map(inert.label, ledger.left_out))), "warn")
        )
    gaps = [
        words.plain("costs_gap", label=inert.label(one.label), shots=one.asked.shots, test=inert.label(one.test))
        for one in ledger.unfinished
    ]
    if gaps:
        blocks.append(Note(words.plain("costs_unfinished", names=words.comma.join(dict.fromkeys(gaps))), "warn"))
    return tuple(dict.fromkeys(blocks))


def _lacks(one: Lacking, words: Words) -> str:
    name = words.plain(f"costs_line_{one.line}")
    if one.way is not None:
        name = words.plain("costs_of", name=name, way=words.plain(f"costs_way_{one.way}"))
    return name if not one.why else words.plain("costs_because", name=name, why=words.plain(f"costs_why_{one.why}"))


def returns_table(ledger: Ledger, words: Words) -> Table:
    """Return a row for every tuned system and rival: what it gains, and what is left of that."""
    heads = ("system", "against", "difference", "gain", "net", "return", "payback")
    caption = words.plain("costs_returns_caption", level=f"{100 * ledger.level:g}", count=len(ledger.comparisons))
    return _compared(ledger, words, heads, caption, _returned)


def volume_table(ledger: Ledger, words: Words) -> Table:
    """Return a row for every tuned system and rival: at which volumes it is cheaper."""
    heads = ("system", "against", "equal", "cheaper")
    return _compared(ledger, words, heads, words.plain("costs_volume_caption"), _volumes)


def _compared(
    ledger: Ledger,
    words: Words,
    heads: tuple[str, ...],
    caption: str,
    cells: Callable[[Comparison, Words], tuple[Td, ...]],
) -> Table:
    assert ledger.file is not None
    currency = ledger.file.prices.currency
    head = tuple(
        Th(words.plain(f"costs_head_{name}", currency=currency), numeric=at > 1) for at, name in enumerate(heads)
    )
    with_base = len({one.rival for one in ledger.comparisons}) > 1
    rows = tuple((*_sides(one, words, with_base), *cells(one, words)) for one in ledger.comparisons)
    return Table(caption, caption, (head,), rows)


def _sides(one: Comparison, words: Words, with_base: bool) -> tuple[Td, Td]:
    base = inert.label(one.rival) if with_base else words.plain("costs_prompted")
    rival = words.plain("costs_rival", base=base, shots=one.rival_asked.shots)
    note = words.comma.join(map(inert.label, one.tests))
    return Td(system_name(one.system, one.asked, words), head=True, note=note), Td(rival)


def _returned(one: Comparison, words: Words) -> tuple[Td, ...]:
    shown, nothing = one.returns, Td(numbers.NOTHING, numeric=True)
    if shown is None:
        return (_difference(one, words), nothing, nothing, nothing, nothing)
    gain = shown.gain.times(THOUSAND)
    tone: BlockTone = "better" if shown.net.low > 0 else "worse" if shown.net.high < 0 else "undecided"
    share = percents(shown.on_costs) if shown.on_costs is not None else (words.plain("costs_no_costs"), "")
    spoken = words.of("verdict", tone)
    return (
        _difference(one, words),
        Td(money(gain.value), note=money_ends(gain), numeric=True),
        Td(money(shown.net.value), money_ends(shown.net), tone, MARKS[tone], spoken, numeric=True),
        Td(share[0], note=share[1], numeric=True),
        Td(months(shown.payback.value, words), note=month_ends(shown.payback, words), numeric=True),
    )


def _volumes(one: Comparison, words: Words) -> tuple[Td, ...]:
    equal = Td(numbers.NOTHING if one.equal is None else volume(one.equal, words), numeric=True)
    if one.returns is None:
        return equal, Td(numbers.NOTHING, numeric=True)
    at_gain, *ends = one.returns.cheaper
    note = volume_ends((ends[0], ends[1]), words)
    return equal, Td(volume(at_gain, words), note=note, numeric=True)


def _difference(one: Comparison, words: Words) -> Td:
    """Show what the gain is made from."""
    if one.difference is None or one.contrast is None:
        return Td(words.plain("costs_no_interval"), numeric=True)
    ends: Ends = one.difference
    metric = words.plain("costs_value") if one.metric == "value" else words.metric(one.metric)
    note = f"{numbers.interval(ends.low, ends.high, sign=True)} n = {one.contrast.n:,}{words.comma}{metric}"
    return Td(numbers.signed(ends.value), note=note, numeric=True)


# ---- bills


def bill_blocks(ledger: Ledger, words: Words) -> tuple[Block, ...]:
    """Return what each system costs; a sentence where nothing is priced."""
    if ledger.file is None:
        return (Note(words.plain("costs_no_prices"), "muted"),)
    return (bill_table(ledger, words),)


def bill_table(ledger: Ledger, words: Words) -> Table:
    """Return a row for every system with its lines."""
    assert ledger.file is not None
    currency = ledger.file.prices.currency
    head = (
        Th(words.plain("costs_head_system", currency=currency)),
        *(Th(words.plain(f"costs_head_{name}", currency=currency), numeric=True) for name in LINES),
    )
    rows = tuple(_bill_row(one, words, has_several_bases(ledger)) for one in ledger.entries if one.charges is not None)
    caption = words.plain("costs_bills_caption", currency=currency, count=len(rows))
    return Table(caption, caption, (head,), rows)


def _bill_row(one: Entry, words: Words, with_base: bool) -> tuple[Td, ...]:
    assert one.charges is not None
    lines = [(name, one.charges.line(name)) for name in LINES]
    return (named(one, words, with_base), *(_line(name, line, words) for name, line in lines))


def _line(name: str, line: Line, words: Words) -> Td:
    if line.money is None:
        why = words.plain(f"costs_why_{line.why}")
        return Td(words.plain("costs_not_priced"), note=why, tone="warn", numeric=True)
    return Td(money(line.money * (THOUSAND if name in PER_REQUEST else 1)), numeric=True)


# ---- on what it rests


def basis_blocks(ledger: Ledger, words: Words) -> tuple[Block, ...]:
    """Return the prices with their days and sources, and how numbers are meant."""
    blocks: list[Block] = []
    if ledger.file is not None:
        prices = ledger.file.prices
        pairs = tuple((name, f"{one.date}{words.comma}{inert.label(one.source)}") for name, one in prices.dated())
        blocks.append(Terms(pairs))
        blocks += [Note(line, "warn") for line in old_lines(ledger, words)]
        if prices.volume is not None:
            count, period = f"{prices.volume.requests_per_month:,.0f}", f"{prices.volume.months:g}"
            blocks.append(
                Note(words.plain("costs_volume", requests=count, months=period, trainings=prices.volume.trainings))
            )
        level, local = (f"{100 * one:.4g}" for one in (ledger.level, ledger.local_level))
        n = sum(one.contrast is not None for one in ledger.comparisons)
        blocks.append(Note(words.plain("costs_level", level=level, local=local, count=n)))
    blocks += [Note(words.plain(key)) for key in ("costs_about_seconds", "costs_about_tokens", "costs_about_energy")]
    return tuple(blocks)


def old_lines(ledger: Ledger, words: Words) -> list[str]:
    """Say which prices are old."""
    if ledger.file is None:
        return []
    return [
        words.plain(
            "costs_old",
            entry=one.key,
            date=str(one.date),
            count=f"{one.n_days:,}",
            limit=f"{ledger.file.prices.stale_after_days:,}",
        )
        for one in ledger.file.old
    ]
