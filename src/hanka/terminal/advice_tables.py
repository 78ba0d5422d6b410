"""The advice on the terminal: verdict and path in lines, what was measured, what would change it, remarks and models as tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from hanka.advise import sentences as say
from hanka.report import numbers
from hanka.report.words import Words
from hanka.terminal.result_tables import SIGNS, console

if TYPE_CHECKING:
    from rich.console import Console

    from hanka.advise.advice import Advice

WORDS = Words("en")
MOST_MODELS = 12
"Models that are listed."


def print_advice(advice: Advice) -> None:
    """Print the advice in English."""
    screen = console()
    material = advice.material
    _line(screen, f"{material.about} ({material.kind}), task {' + '.join(material.tasks)}")
    if len(material.tasks) > 1:
        _line(screen, "several tasks are to be solved; --task NAME advises on one of them")
    _line(screen, f"{say.verdict_word(advice, WORDS)}.")
    _line(screen, say.flow_sentence(advice, WORDS))
    _line(screen, say.stands_sentence(advice, WORDS))
    _path(screen, advice)
    _beside(screen, advice)
    _flips(screen, advice)
    _remarks(screen, advice)
    _missing(screen, advice)
    _models(screen, advice)


def _line(screen: Console, text: str) -> None:
    screen.print(text, markup=False, highlight=False)


def _table(screen: Console, title: str, columns: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    from rich.markup import escape
    from rich.table import Table

    table = Table(title=escape(title), title_justify="left")
    for name in columns:
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*map(escape, row))
    screen.print(table)


def _path(screen: Console, advice: Advice) -> None:
    rows = []
    for step in advice.path.steps:
        if not step.is_reached:
            continue
        known = [
            f"{say.label(name, WORDS)}: {say.value(advice.inputs[name], WORDS)}"
            for name, _ in step.signs
            if name in advice.inputs
        ]
        leads = [step.question.leads(answer) for answer in step.branches]
        to = " or ".join(f"question {one}" if isinstance(one, int) else say.exit_word(one, WORDS) for one in leads)
        answer = WORDS.plain(f"advise_state_{step.state}") + (
            " (declared, against what was measured)" if step.disagrees else ""
        )
        rows.append((f"{step.question.number}. {say.title(step.question.number, WORDS)}", answer, to, "; ".join(known)))
    _table(screen, WORDS.plain("advise_path"), ("question", "answer", "leads to", "rests on"), rows)


def _beside(screen: Console, advice: Advice) -> None:
    found = advice.measurement
    if not found.deltas:
        return
    rows = [
        (one.system, one.relation, one.tests, one.metric, f"{numbers.difference(one.delta, one.low, one.high)}, n = {one.n:,}",
         f"{SIGNS[one.verdict][0]} {one.verdict}".strip())
        for one in found.deltas
    ]  # fmt: skip
    title = WORDS.plain("advise_beside_caption", rival=found.rival)
    _table(screen, title, ("system", "relation", "test sets", "metric", "difference", ""), rows)
    _line(screen, WORDS.plain("advise_rival_note", rival=found.rival))


def _flips(screen: Console, advice: Advice) -> None:
    if not advice.flips:
        _line(screen, WORDS.plain("advise_flips_none"))
        return
    rows = [
        (say.flip_said(one, WORDS), say.value(advice.inputs[one.input], WORDS) if one.was_known else "not known",
         WORDS.plain(f"advise_side_{one.side}"))
        for one in advice.flips
    ]  # fmt: skip
    _table(screen, WORDS.plain("advise_flips"), ("single change", "now", "advice of the flow then"), rows)


def _remarks(screen: Console, advice: Advice) -> None:
    rows = [
        (one.id, WORDS.plain(f"advise_remark_{one.id}"), WORDS.plain(f"advise_fires_{one.fires}"),
         WORDS.plain(f"advise_favours_{one.favours or 'none'}"), ", ".join(one.lacks))
        for one in advice.remarks
        if one.fires in ("fires", "open")
    ]  # fmt: skip
    if rows:
        columns = ("", "remark", "applies", "speaks for", "not checked without")
        _table(screen, WORDS.plain("advise_remarks"), columns, rows)
    for state, words in (("does_not", "remarks that do not apply"), ("lacks", "remarks that lack an input")):
        found = [one.id for one in advice.remarks if one.fires == state]
        if found:
            _line(screen, f"{words}: {', '.join(found)}")


def _missing(screen: Console, advice: Advice) -> None:
    on_path = [name for name in advice.missing if name in advice.on_path]
    if on_path:
        _line(screen, f"not known and read on the path: {', '.join(on_path)}")
    if advice.missing:
        _line(
            screen,
            f"{len(advice.missing)} inputs are not known in all; `hanka advise … --questions` writes the file to fill in",
        )


def _models(screen: Console, advice: Advice) -> None:
    _line(screen, say.needs_said(advice, WORDS))
    rows = [
        (one.name, f"{one.n_parameters / 1e6:,.0f} M", one.licence, say.may_said(one, WORDS))
        for one in advice.models[:MOST_MODELS]
    ]
    _table(screen, WORDS.plain("advise_models"), ("model", "parameters", "licence", "may be used"), rows)
    if (more := len(advice.models) - MOST_MODELS) > 0:
        _line(screen, f"and {more} more; --json and --html list all")
