"""The advice as a page in the report's frame: the path drawn, what the run shows beside it, changes, inputs, remarks, models."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from hanka.advise.advice import Advice
from hanka.advise.conflict import Delta
from hanka.advise.figure import flow_drawing, flow_said
from hanka.advise.flow import Step
from hanka.advise.sentences import (
    billions,
    flip_said,
    flow_sentence,
    label,
    may_said,
    needs_said,
    source,
    stands_sentence,
    title,
    value,
    verdict_word,
)
from hanka.report import numbers
from hanka.report.blocks import MARKS, Block, Figure, Note, Section, Table, Td, Th, Tone
from hanka.report.page import PlainPage, plain_html
from hanka.report.words import Words

TONES: dict[str, Literal["adapt", "keep", "undecided"]] = {"FT": "adapt", "LLM": "keep", "undecided": "undecided"}


def advice_html(advice: Advice, words: Words) -> str:
    """Print the advice as one HTML document."""
    return plain_html(advice_page(advice, words), words)


def advice_page(advice: Advice, words: Words) -> PlainPage:
    """Build the page."""
    about = f"{advice.material.about}: {' + '.join(advice.material.tasks)}"
    sentence = f"{flow_sentence(advice, words)}{'' if words.lang == 'ja' else ' '}{stands_sentence(advice, words)}"
    sections = (
        _path(advice, words), _beside(advice, words), _flips(advice, words), _inputs(advice, words), _missing(advice, words),
        _remarks(advice, words), _models(advice, words),
    )  # fmt: skip
    return PlainPage(
        words.plain("advise_title"), about, TONES[advice.side], verdict_word(advice, words), sentence, tuple(one for one in sections if one)
    )  # fmt: skip


def _table(caption: str, columns: tuple[str, ...], rows: Sequence[tuple[Td, ...]], words: Words) -> Table:
    text = words.plain(caption)
    return Table(text, text, (tuple(Th(words.plain(f"advise_column_{name}")) for name in columns),), tuple(rows))


def _section(name: str, blocks: tuple[Block, ...], words: Words) -> Section:
    return Section(name, words.plain(f"advise_{name}"), words.plain(f"advise_{name}_lead"), blocks)


def _path(advice: Advice, words: Words) -> Section:
    figure = Figure(
        flow_drawing(advice.path, words), words.plain("advise_figure_caption"), flow_said(advice.path, words)
    )
    rows = [_step(advice, one, words) for one in advice.path.steps]
    return _section(
        "path", (figure, _table("advise_path_caption", ("question", "answer", "rests"), rows, words)), words
    )


def _step(advice: Advice, step: Step, words: Words) -> tuple[Td, ...]:
    known = [
        f"{label(name, words)}: {value(advice.inputs[name], words)}" for name, _ in step.signs if name in advice.inputs
    ]
    tone: Tone = "muted" if not step.is_reached else "undecided" if step.state in ("open", "missing") else ""
    answer = words.plain(f"advise_state_{step.state}")
    note = (
        words.plain("advise_disagrees")
        if step.disagrees
        else ""
        if step.is_reached
        else words.plain("advise_not_reached")
    )
    rests = ("；" if words.lang == "ja" else "; ").join(known) or numbers.NOTHING
    return (
        Td(f"{step.question.number}. {title(step.question.number, words)}", head=True),
        Td(answer, note, tone),
        Td(rests, tone=tone),
    )


def _beside(advice: Advice, words: Words) -> Section:
    found = advice.measurement
    blocks: list[Block] = [
        Note(stands_sentence(advice, words), "warn" if found.weighed.stands == "measurement" else "")
    ]
    if found.deltas:
        said = words.written({"sentence_en": found.sentence_en, "sentence_ja": found.sentence_ja}, "sentence")
        caption = words.plain("advise_beside_caption", rival=found.rival)
        head = tuple(Th(words.plain(f"advise_column_{name}")) for name in ("system", "tests", "delta"))
        rows = tuple(_delta(one, words) for one in found.deltas)
        blocks += [
            Note(said),
            Table(caption, caption, (head,), rows),
            Note(words.plain("advise_rival_note", rival=found.rival), "muted"),
        ]
    return _section("beside", tuple(blocks), words)


def _delta(one: Delta, words: Words) -> tuple[Td, ...]:
    shape = MARKS.get(one.verdict, "")
    word = words.known("verdict", one.verdict)
    written = f"{numbers.difference(one.delta, one.low, one.high)}, n = {numbers.count(one.n)}"
    tone: Tone = one.verdict if one.verdict in ("better", "worse", "equivalent", "leaning", "undecided") else ""  # type: ignore[assignment]
    relation = f"{words.relation(one.relation)}{words.comma}{words.metric(one.metric)}"
    return (Td(one.system, head=True), Td(one.tests, relation), Td(written, word, tone, shape, word, numeric=True))


def _flips(advice: Advice, words: Words) -> Section:
    if not advice.flips:
        return _section("flips", (Note(words.plain("advise_flips_none")),), words)
    rows = [
        (
            Td(flip_said(one, words), head=True),
            Td(value(advice.inputs[one.input], words) if one.was_known else words.plain("advise_state_missing")),
            Td(words.plain(f"advise_side_{one.side}")),
        )
        for one in advice.flips
    ]
    return _section("flips", (_table("advise_flips_caption", ("change", "now", "then"), rows, words),), words)


def _inputs(advice: Advice, words: Words) -> Section | None:
    if not advice.inputs:
        return None
    rows = []
    for name, known in advice.inputs.items():
        instead = advice.overridden.get(name)
        note = "" if instead is None else words.plain("advise_overridden", value=value(instead, words))
        rows.append((Td(label(name, words), name, head=True), Td(value(known, words), note), Td(source(known, words))))
    return _section("inputs", (_table("advise_inputs_caption", ("input", "value", "source"), rows, words),), words)


def _missing(advice: Advice, words: Words) -> Section | None:
    rows = [
        (
            Td(label(name, words), name, head=True),
            Td(words.plain("advise_missing_on_path" if name in advice.on_path else "advise_missing_elsewhere")),
        )
        for name in advice.missing
    ]
    return (
        _section("missing", (_table("advise_missing_caption", ("input", "why"), rows, words),), words) if rows else None
    )


def _remarks(advice: Advice, words: Words) -> Section:
    rows = []
    for one in advice.remarks:
        tone: Tone = "" if one.fires == "fires" else "muted" if one.fires == "does_not" else "undecided"
        favours = words.plain(f"advise_favours_{one.favours or 'none'}")
        lacks = words.comma.join(label(name, words) for name in one.lacks) or numbers.NOTHING
        rows.append(
            (
                Td(f"{one.id}. {words.plain(f'advise_remark_{one.id}')}", head=True),
                Td(words.plain(f"advise_fires_{one.fires}"), tone=tone),
                Td(favours, tone=tone),
                Td(lacks),
            )
        )
    return _section(
        "remarks", (_table("advise_remarks_caption", ("remark", "applies", "favours", "lacks"), rows, words),), words
    )


def _models(advice: Advice, words: Words) -> Section:
    rows: list[tuple[Td, ...]] = []
    for one in advice.models:
        tone: Tone = "muted" if one.may == "no" else "undecided" if one.may == "unknown" else ""
        size = Td(f"{one.n_parameters / 1e6:,.0f} M", numeric=True)
        rows.append((Td(one.name, head=True), size, Td(words.stored(one.licence)), Td(may_said(one, words), tone=tone)))
    table = _table("advise_models_caption", ("model", "parameters", "licence", "may"), rows, words)
    blocks: tuple[Block, ...] = (Note(needs_said(advice, words)), table)
    most = advice.thresholds.largest_tuned
    if advice.side == "LLM" and all(one.n_parameters <= most for one in advice.models):
        blocks = (Note(words.plain("advise_models_large", most=billions(most, words))), *blocks)
    return _section("models", blocks, words)
