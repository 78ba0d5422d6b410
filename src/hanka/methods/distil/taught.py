"""Rows as a teacher reads them: the same question and the very same answer tokens, behind a text that the student is not shown.

Prompt lengths differ on both sides, so supervised places are found on each side by itself, and the tokens there must be the same ones:
a row where they are not would train garbage in silence, and is an error that names it.
"""

from __future__ import annotations

from collections.abc import Sequence

from hanka.errors import UnitError
from hanka.methods.distil.params import DistilParams
from hanka.methods.supervised.rows import Source
from hanka.prompting import Encoded, Prompter
from hanka.records import Built
from hanka.tasks.base import FIELD


def text_before(source: Source, params: DistilParams) -> str | None:
    """Return what the teacher reads before a row's question; empty where there is nothing to read, None where the row has no such fields."""
    names = FIELD.findall(params.before)
    fields = source.example.fields
    if any(name not in fields for name in names):
        return None
    if not any(fields[name].strip() for name in names):
        return ""
    return FIELD.sub(lambda match: fields[match[1]], params.before)


def teacher_rows(
    prompter: Prompter, sources: Sequence[Source], student: Sequence[Encoded], params: DistilParams, prompt: str
) -> list[Encoded]:
    """Encode rows as the teacher reads them; a row without anything to read is the student's own.

    Raises UnitError where an answer becomes other tokens behind the text.
    """
    found = []
    for source, own in zip(sources, student, strict=True):
        before = text_before(source, params)
        if not before:
            found.append(own)
            continue
        prefix, (query,) = prompter.render(source.task, prompt, (), [source.example], [Built((), {"before": before})])
        (row,) = prompter.training_rows([""], [prefix + query], [source.example.target])
        if answer_of(row) != answer_of(own):
            raise UnitError(
                f"row {source.example.id}: its answer is the tokens {answer_of(own)[:8]} for the student and "
                f"{answer_of(row)[:8]} behind the text for the teacher; let the prompt end in a way that does not change with what "
                f"stands before it"
            )
        found.append(row)
    return found


def answer_of(row: Encoded) -> list[int]:
    """Return the supervised tokens of a row."""
    return row.ids[max(row.start, 1) :]


def require_room(rows: Sequence[Encoded], sources: Sequence[Source], most: int) -> None:
    """Raise UnitError for rows that are longer than the teacher reads: a text that is cut teaches something else."""
    long = [(len(row.ids), source.example.id) for row, source in zip(rows, sources, strict=True) if len(row.ids) > most]
    if long:
        tokens, name = max(long)
        raise UnitError(
            f"{len(long)} of {len(rows)} rows do not fit the teacher, who reads text, question and answer whole: row {name} takes "
            f"{tokens} tokens, and at most {most} are read; divide its document, or raise teacher_length where the model allows it"
        )
