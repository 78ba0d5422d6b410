"""The decision in numbers: analysis' own sentences, every harm that was looked at, every system that was tried.

First part for researchers. What the first screen says in plain words stands here with its metric, values, simultaneous
interval, verdict and declared margin.
"""

from __future__ import annotations

from markupsafe import Markup

from hanka.report import inert, numbers
from hanka.report.blocks import MARKS, Block, Heading, Note, Section, Table, Td, Th
from hanka.report.decided import Claim, Decided, read_decided
from hanka.report.matrix import TONES
from hanka.report.outline import Outline
from hanka.report.words import Words

SENTENCE_LIMIT = 900
MAX_TASKS = 40
MAX_ROWS = 200


def decision_section(outline: Outline, words: Words) -> Section:
    """Build the section of the decision."""
    blocks: list[Block] = []
    for one in read_decided(outline.run.findings.decision)[:MAX_TASKS]:
        blocks.append(
            Heading(words("decision_of", task=words.of("task", one.task), word=words(f"outcome_{one.outcome}")))
        )
        sentences = dict.fromkeys(words.written(one.stored, name) for name in ("sentence", "flip"))
        blocks += [Note(inert.shorten(sentence, SENTENCE_LIMIT)) for sentence in sentences if sentence]
        blocks += [table for table in (_claims(one, words), _systems(one, words)) if table]
    notes = [
        Note(inert.shorten(words.written(one, "message"), SENTENCE_LIMIT), "warn") for one in outline.run.findings.notes
    ]
    if notes:
        blocks += [Heading(words("notes")), *notes]
    empty = (Note(words("no_decision"), "muted"),)
    return Section("decision", words("decision"), words("decision_lead") if blocks else "", tuple(blocks) or empty)


def _claims(one: Decided, words: Words) -> Table | None:
    claims = [*([one.benefit] if one.benefit else []), *one.harms]
    if not claims:
        return None
    names = ("claim", "test_set", "metric", "n", "base_row", "answer_tuned", "delta", "margin_harm", "loss_excluded")
    head = tuple(Th(words(name), numeric=name in ("n", "base_row", "answer_tuned", "margin_harm")) for name in names)
    rows = tuple(_claim_row(one, claim, words) for claim in claims[:MAX_ROWS])
    caption = words("claims_caption", name=one.candidate)
    return Table(caption, words.plain("claims_caption", name=one.candidate), (head,), rows)


def _claim_row(one: Decided, claim: Claim, words: Words) -> tuple[Td, ...]:
    is_benefit = claim is one.benefit
    return (
        Td(words("claim_benefit" if is_benefit else "claim_harm"), head=True),
        Td(Markup(", ").join(inert.name(test, 60) for test in claim.tests[:6]), note=words.relation(claim.relation)),
        Td(words.metric(claim.metric)),
        Td(numbers.count(claim.n), numeric=True),
        Td(
            numbers.value(claim.base),
            note=words.plain("shots", count=claim.rival_shots) if is_benefit else "",
            numeric=True,
        ),
        Td(numbers.value(claim.after), numeric=True),
        _difference(claim, words),
        Td(numbers.NOTHING if is_benefit else numbers.value(claim.harm), numeric=True),
        Td(numbers.NOTHING if is_benefit else words("yes" if one.excluded(claim) else "no")),
    )


def _difference(claim: Claim, words: Words) -> Td:
    return Td(
        numbers.difference(claim.after - claim.base, claim.low, claim.high),
        mark=MARKS.get(claim.verdict, ""),
        spoken=words.of("verdict", claim.verdict) if claim.verdict else "",
        tone=TONES.get(claim.verdict, ""),
    )


def _systems(one: Decided, words: Words) -> Table | None:
    if len(one.options) < 2:
        return None
    head = tuple(Th(words(name)) for name in ("method", "model", "outcome", "metric", "delta"))
    rows = tuple(
        (
            Td(inert.name(option.label, 60), note=words.rows(option.train_size), head=True),
            Td(inert.name(option.base, 60)),
            Td(words(f"outcome_{option.outcome}")),
            Td(words.metric(option.benefit.metric)),
            _difference(option.benefit, words),
        )
        for option in one.options[:MAX_ROWS]
    )
    return Table(words("systems_caption"), words.plain("systems_caption"), (head,), rows)
