"""What people say of rows: read from a file, or the run's references; and the sheet that people fill.

Columns: `test`, `sample_id`, `label`, and `system` where answers are judged; of pairs `prefers` (1 or 2 as the sheet shows them, a system, or `tie`). A row of the file that names
nothing in the run, says nothing, or names a row twice is counted and said; a label that is none ends the reading, because it is a slip of the pen.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass

from hanka.analysis.compare import find_side, title_of
from hanka.analysis.evidence import Evidence
from hanka.datasets.files import read_rows
from hanka.errors import DataError, HankaError, nearest
from hanka.identity import stream, stream_seed
from hanka.operations.judging.questions import Judged, RowKey
from hanka.operations.judging.spec import TARGET, AskedJudge
from hanka.store.paths import as_path

TIE = "tie"
"What `prefers` says where neither is better."
ENOUGH = 2
"A sheet holds so many times the least rows, for some will stay empty."


@dataclass(frozen=True, slots=True, eq=False)
class People:
    """What people say."""

    labels: Mapping[RowKey, str]
    "Row → label; of pairs the system that is preferred, or `tie`."
    n_unknown: int = 0
    "Rows of the file that name no judged row."
    n_empty: int = 0
    "Rows without a label."


def read_people(asked: AskedJudge, evidence: Evidence, judged: Judged) -> People:
    """Return what people say of judged rows. Raises JudgeError or DataError in one line."""
    spec, known = asked.spec, {row.key for row in judged.rows}
    if not spec.human:
        raise asked.error(
            (),
            f"`human:` is missing: a judge says nothing until people have labelled {spec.least} rows; `--sheet FILE` writes rows to label",
        )
    if spec.human == TARGET:
        return _references(asked, judged)
    try:
        rows = read_rows(as_path(spec.human, asked.folder))
    except DataError as error:
        raise asked.error(("human",), str(error)) from None
    found: dict[RowKey, str] = {}
    n_unknown = n_empty = 0
    column = "prefers" if spec.asks == "pair" else "label"
    titles: dict[str, str] = {}
    for row in rows:
        if row.fault:
            raise asked.error(("human",), f"{row.place} {row.fault}")
        values = {name: str(value).strip() for name, value in row.values.items() if value is not None}
        _require_columns(asked, row.place, row.values, column)
        if not values.get(column):
            n_empty += 1
            continue
        name = values.get("system", "")
        if name and spec.asks == "label" and name not in titles:
            titles[name] = _title(evidence, name)
        key = RowKey(
            values["test"],
            values["sample_id"],
            titles.get(name, "") if spec.reads_answers and spec.asks == "label" else "",
        )
        if key not in known:
            n_unknown += 1
            continue
        label = _label(asked, judged, key, row.place, values[column])
        if found.get(key, label) != label:
            raise asked.error(
                ("human",), f"{row.place} calls {key.sample!r} {label!r}, and an earlier row {found[key]!r}; keep one"
            )
        found[key] = label
    return People(found, n_unknown, n_empty)


def _require_columns(asked: AskedJudge, place: str, values: Mapping[str, object], column: str) -> None:
    needed = (
        "test",
        "sample_id",
        column,
        *(("system",) if asked.spec.asks == "label" and asked.spec.reads_answers else ()),
    )
    for name in needed:
        if name not in values:
            raise asked.error(("human",), f"{place}: no column {name!r}: {nearest(name, map(str, values))}")


def _title(evidence: Evidence, name: str) -> str:
    try:
        found = find_side(evidence, name).variants
    except HankaError:
        return f"?{name}"
    variants = {str(one["id"]): one for one in evidence.plan["variants"]}
    return title_of(evidence, variants[found[0]]) if len(found) == 1 else f"?{name}"


def _label(asked: AskedJudge, judged: Judged, key: RowKey, place: str, said: str) -> str:
    if asked.spec.asks == "label":
        if said not in asked.spec.labels:
            raise asked.error(("human",), f"{place}: {said!r} is no label: {nearest(said, asked.spec.labels)}")
        return said
    first, second = judged.systems[::-1] if is_swapped(asked.spec.seed, key) else judged.systems
    allowed = {"1": first, "2": second, TIE: TIE} | {one: one for one in judged.systems}
    allowed |= dict(zip(asked.spec.systems, judged.systems, strict=True))
    if said not in allowed:
        raise asked.error(
            ("human",),
            f"{place}: {said!r} is no answer of the sheet (1, 2, {TIE}) and no system: {nearest(said, allowed)}",
        )
    return allowed[said]


def _references(asked: AskedJudge, judged: Judged) -> People:
    """Take the run's references as what people say."""
    labels = asked.spec.labels
    wrong = next((row for row in judged.rows if row.target not in labels), None)
    if wrong is not None:
        raise asked.error(
            ("human",),
            f"the reference {wrong.target[:40]!r} of {wrong.key.test} {wrong.key.sample} is no label: {nearest(wrong.target[:40], labels)}",
        )
    if asked.spec.reads_answers:
        raise asked.error(
            ("human",),
            "references say what the sample is, not what an answer is; leave {answer} out of the prompt, or give a file",
        )
    return People({row.key: row.target for row in judged.rows})


def require_people(asked: AskedJudge, people: People) -> None:
    """Raise JudgeError where too few rows are labelled: a judge's word alone is none."""
    n, least = len(people.labels), asked.spec.least
    if n < least:
        left = (
            f" ({people.n_unknown} name no judged row, {people.n_empty} have no label)"
            if people.n_unknown + people.n_empty
            else ""
        )
        raise asked.error(
            ("human",), f"people labelled {n} of the judged rows{left}, and {least} are needed before a judge is heard; `--sheet FILE` "
            "writes rows to label",
        )  # fmt: skip


def sheet(asked: AskedJudge, judged: Judged) -> str:
    """Return a CSV of rows drawn at random for people to label; systems get equal shares by chance alone."""
    n = min(len(judged.rows), ENOUGH * asked.spec.least)
    drawn = stream(asked.spec.seed, "sheet").choice(len(judged.rows), size=n, replace=False)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    pair = asked.spec.asks == "pair"
    heads = ("answer_1", "answer_2") if pair else ("answer",) if asked.spec.reads_answers else ()
    writer.writerow(["test", "sample_id", "system", "prefers" if pair else "label", "prompt", *heads])
    for row in (judged.rows[at] for at in sorted(drawn.tolist())):
        query, *answers = row.shown
        if pair and is_swapped(asked.spec.seed, row.key):
            answers = answers[::-1]
        writer.writerow([row.key.test, row.key.sample, row.key.system, "", *map(_cell, (query, *answers))])
    return text.getvalue()


def is_swapped(seed: int, key: RowKey) -> bool:
    """Tell whether a sheet shows the second system's answer first: which is which is not to be seen."""
    return stream_seed(seed, "sheet order", key.test, key.sample) % 2 == 1


def _cell(text: str) -> str:
    """Write a text so that a spreadsheet does not take it for a formula."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t") else text
