"""A judge's numbers as tables and sentences of one language: for page and terminal alike."""

from __future__ import annotations

from typing import NamedTuple

from hanka.operations.judging.people import TIE
from hanka.operations.judging.results import Measures, Rate
from hanka.report import numbers
from hanka.report.words import Words


class ToldTable(NamedTuple):
    """A table in words."""

    title: str
    head: tuple[str, ...]
    texts: tuple[int, ...]
    "Columns that hold text."
    rows: tuple[tuple[str, ...], ...]


def tables(found: Measures, words: Words) -> tuple[ToldTable, ...]:
    """Return agreement, what the judge looks at, the confusion, and last the rates."""
    return (_agreement(found, words), _biases(found, words), _confusion(found, words), _rates(found, words))


def told(judge: str, found: Measures, words: Words) -> list[str]:
    """Say in sentences whether the judge is heard and what has to be known of it."""
    said = [verdict(judge, found, words)]
    if found.turned.low > 0:
        said.append(words.plain("judge_turns", share=_share(found.turned.value, found.turned.low, found.turned.high)))
    for name, bias in (("place", found.place), ("length", found.length)):
        if bias is not None and bias.is_shown:
            side = "more" if bias.value > 0 else "less"
            said.append(
                words.plain(f"judge_{name}_{side}", value=_points(bias.value, bias.low, bias.high), n=f"{bias.n:,}")
            )
    if found.length is None:
        said.append(words.plain(f"judge_why_{found.length_why}"))
    if found.n_missing:
        why = words.comma.join(f"{one} ({n:,})" for one, n in found.failures.items())
        said.append(words.plain("judge_missing", n=f"{found.n_missing:,}", why=why))
    if found.n_people_unknown or found.n_people_empty:
        said.append(
            words.plain("judge_people_left", unknown=f"{found.n_people_unknown:,}", empty=f"{found.n_people_empty:,}")
        )
    return said


def verdict(judge: str, found: Measures, words: Words) -> str:
    """Say whether agreement beyond chance is shown, with kappa, interval and n."""
    one = found.agreement
    return words.plain(
        "judge_heard" if found.is_heard else "judge_not_heard", judge=judge, n=f"{one.n:,}", kappa=_plain(one.value, one.low, one.high),
        level=f"{found.level:.0%}",
    )  # fmt: skip


def _agreement(found: Measures, words: Words) -> ToldTable:
    one = found.agreement
    rows = (
        (words.plain("judge_kappa"), _plain(one.value, one.low, one.high), f"{one.n:,}"),
        (words.plain("judge_raw"), _share(*found.raw), f"{one.n:,}"),
    )
    return _table("agreement", ("measure", "value", "rows"), (0,), rows, words)


def _biases(found: Measures, words: Words) -> ToldTable:
    turned = found.turned
    rows = [(words.plain("judge_turned"), _share(turned.value, turned.low, turned.high), "", f"{turned.n:,}")]
    for name, bias in (("place", found.place), ("length", found.length)):
        if bias is not None:
            p_value = "" if bias.p_value is None else f"{bias.p_value:.3f}"
            title = words.plain(f"judge_{name}_{found.asks}")
            rows.append((title, _points(bias.value, bias.low, bias.high), p_value, f"{bias.n:,}"))
    return _table("biases", ("measure", "value", "p", "rows"), (0,), tuple(rows), words)


def _confusion(found: Measures, words: Words) -> ToldTable:
    names = [words.plain("judge_tie") if found.asks == "pair" and one == TIE else one for one in found.words]
    rows = tuple(
        (label, *(f"{count:,}" for count in counts)) for label, counts in zip(names, found.confusion, strict=True)
    )
    title = words.plain("judge_confusion")
    return ToldTable(title, (words.plain("judge_people_say"), *names), (0,), rows)


def _rates(found: Measures, words: Words) -> ToldTable:
    what = words.comma.join(found.flagged) if found.asks == "label" else words.plain("judge_wins")
    rows = [_rate(one, words) for one in found.rates]
    if found.difference is not None:
        value, low, high, n = found.difference
        rows.append((words.plain("judge_difference"), _points(value, low, high), "", "", f"{n:,}"))
    return _table(
        "rates", ("system", "judged", "corrected", "by_people", "rows"), (0, 2), tuple(rows), words, what=what
    )


def _rate(one: Rate, words: Words) -> tuple[str, ...]:
    fixed = one.corrected
    if fixed is None:
        corrected = words.plain(f"judge_why_{one.why}")
    else:
        corrected = f"{_share(fixed.value, fixed.low, fixed.high)}, n = {fixed.n:,}"
    flagged, labelled = one.people
    people = words.plain("judge_of", n=f"{flagged:,}", all=f"{labelled:,}") if labelled else numbers.NOTHING
    return (
        one.name or words.plain("judge_all_rows"),
        _share(one.value, one.low, one.high),
        corrected,
        people,
        f"{one.n:,}",
    )


def _table(
    name: str,
    head: tuple[str, ...],
    texts: tuple[int, ...],
    rows: tuple[tuple[str, ...], ...],
    words: Words,
    what: str = "",
) -> ToldTable:
    title = words.plain(f"judge_{name}", what=what)
    return ToldTable(title, tuple(words.plain(f"judge_head_{one}") for one in head), texts, rows)


def _share(value: float, low: float, high: float) -> str:
    return f"{numbers.share(value)} [{numbers.share(low).removesuffix(' %')}, {numbers.share(high).removesuffix(' %')}]"


def _points(value: float, low: float, high: float) -> str:
    return f"{numbers.signed(value)} [{numbers.signed(low)}, {numbers.signed(high)}]"


def _plain(value: float, low: float, high: float) -> str:
    return f"{numbers.value(value)} [{numbers.value(low)}, {numbers.value(high)}]"
