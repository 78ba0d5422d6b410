"""Which rows of a run are judged, and how each is asked: once with its labels or answers in one order, once turned.

Between a run and who asks. A row is an answer of a system to a sample (or, where the prompt names no answer, a sample; of pairs, two systems'
answers to it). What is asked of it is told by its text alone, so equal texts are asked once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from hanka.analysis.asked import OWN_TASK, first_cells
from hanka.analysis.compare import find_side, title_of
from hanka.analysis.evidence import CellEvidence, Evidence
from hanka.analysis.stored_rows import read_rows
from hanka.errors import HankaError, nearest
from hanka.guardrails.contract import Row
from hanka.identity import canonical, sha256_text
from hanka.operations.judging.spec import AskedJudge, JudgeSpec

JOINT = ", "
"Between labels where a prompt lists them."


class RowKey(NamedTuple):
    """What a row is called: in a sheet, in a table."""

    test: str
    sample: str
    system: str
    "Title of the variant; empty where rows are judged whoever answers, and of pairs."


@dataclass(frozen=True, slots=True)
class JudgedRow:
    """One row that is judged."""

    key: RowKey
    "What it is called."
    group: str
    "Rows that share a text, within its test set; empty: it stands alone."
    target: str
    "The reference output."
    fields: tuple[dict[str, str], dict[str, str]]
    "What the prompt's places hold, in one order and turned."
    lengths: tuple[int, int]
    "Characters of what is judged; of pairs of both answers, else twice the same."
    shown: tuple[str, ...]
    "Texts that a person has to see: the query, then what was answered."

    def question(self, turned: bool) -> str:
        """Return what tells one question from another."""
        return sha256_text(canonical(self.fields[turned]))


class Judged(NamedTuple):
    """What a judge reads of a run."""

    rows: tuple[JudgedRow, ...]
    systems: tuple[str, ...]
    "Titles, in the order of the plan; of pairs in that of the file."


def judged_rows(asked: AskedJudge, evidence: Evidence) -> Judged:
    """Return the rows that are judged. Raises JudgeError for what the run does not hold."""
    cells = _cells(asked, evidence)
    titles = {str(cell.variant["id"]): title_of(evidence, cell.variant) for cell in cells}
    if asked.spec.asks == "pair":
        return _pairs(asked, evidence, cells)
    rows: dict[RowKey, JudgedRow] = {}
    for cell in cells:
        test, stored = str(cell.cell["test_dataset"]), read_rows(evidence, cell)
        for sample, group, row in zip(stored.ids, stored.groups, stored.rows, strict=True):
            key = RowKey(test, sample, titles[str(cell.variant["id"])] if asked.spec.reads_answers else "")
            if (row.status != "failed" or not asked.spec.reads_answers) and key not in rows:
                rows[key] = _row(asked.spec, key, f"{test} {group}" if group else "", row)
    if not rows:
        raise asked.error((), "no row of the run was answered, so there is nothing to judge")
    return Judged(tuple(rows.values()), tuple(dict.fromkeys(titles.values())) if asked.spec.reads_answers else ())


def _row(spec: JudgeSpec, key: RowKey, group: str, row: Row) -> JudgedRow:
    said = {"prompt": row.prompt, "answer": row.output, "target": row.target}
    both = [said | {"labels": JOINT.join(order)} for order in (spec.labels, spec.labels[::-1])]
    length = len(row.output if spec.reads_answers else row.prompt)
    shown = (row.prompt, row.output) if spec.reads_answers else (row.prompt,)
    return JudgedRow(key, group, row.target, (both[0], both[1]), (length, length), shown)


def _pairs(asked: AskedJudge, evidence: Evidence, cells: Sequence[CellEvidence]) -> Judged:
    """Pair the answers of two systems to the same samples."""
    first, second = (_one(asked, evidence, name) for name in asked.spec.systems)
    by: dict[str, dict[str, CellEvidence]] = {}
    for cell in cells:
        by.setdefault(str(cell.cell["test_dataset"]), {})[str(cell.variant["id"])] = cell
    rows = []
    for test, members in by.items():
        if first not in members or second not in members:
            continue
        ours, theirs = (read_rows(evidence, members[one]) for one in (first, second))
        others = dict(zip(theirs.ids, theirs.rows, strict=True))
        for sample, group, one in zip(ours.ids, ours.groups, ours.rows, strict=True):
            other = others.get(sample)
            if other is None or "failed" in (one.status, other.status):
                continue
            texts = {"prompt": one.prompt, "target": one.target}
            fields = (
                texts | {"answer_a": one.output, "answer_b": other.output},
                texts | {"answer_a": other.output, "answer_b": one.output},
            )
            rows.append(
                JudgedRow(
                    RowKey(test, sample, ""), f"{test} {group}" if group else "", one.target, fields,
                    (len(one.output), len(other.output)), (one.prompt, one.output, other.output),
                )
            )  # fmt: skip
    if not rows:
        raise asked.error(("systems",), "the two systems answered no sample both")
    variants = {str(one["id"]): one for one in evidence.plan["variants"]}
    return Judged(tuple(rows), tuple(title_of(evidence, variants[one]) for one in (first, second)))


def _cells(asked: AskedJudge, evidence: Evidence) -> list[CellEvidence]:
    """Return the cells of the named systems and test sets, each variant at its first asking."""
    spec = asked.spec
    every = first_cells(evidence, ("in_domain", "out_of_domain", "cross_task", "undeclared"))
    known = {str(cell.cell["test_dataset"]) for cell in every}
    for name in spec.test:
        if name not in known:
            raise asked.error(("test",), f"{name!r} is no test set of the run: {nearest(name, known)}")
    wanted = {one for name in spec.systems for one in _side(asked, evidence, name)}
    found = [
        cell
        for cell in every
        if (cell.cell["test_dataset"] in spec.test if spec.test else cell.cell["relation"] in OWN_TASK)
        and (not wanted or str(cell.variant["id"]) in wanted)
        and evidence.task(str(cell.cell["test_task"]))["kind"] != "likelihood"
    ]
    if not found:
        raise asked.error((), "the run has no answers of these systems on these test sets; name others")
    return found


def _side(asked: AskedJudge, evidence: Evidence, name: str) -> tuple[str, ...]:
    try:
        return tuple(find_side(evidence, name).variants)
    except HankaError as error:
        raise asked.error(("systems",), str(error)) from None


def _one(asked: AskedJudge, evidence: Evidence, name: str) -> str:
    found = _side(asked, evidence, name)
    if len(found) != 1:
        raise asked.error(("systems",), f"{name!r} has {len(found)} seeds; of a pair write the id of one")
    return found[0]


def limited(asked: AskedJudge, judged: Judged, labelled: Any) -> Judged:
    """Keep `limit` samples of each test set: first those that people labelled, then the first ones."""
    if asked.spec.limit is None:
        return judged
    by: dict[str, dict[str, bool]] = {}
    for row in judged.rows:
        samples = by.setdefault(row.key.test, {})
        samples[row.key.sample] = samples.get(row.key.sample, False) or row.key in labelled
    kept = {
        test: set(sorted(samples, key=lambda one: not samples[one])[: asked.spec.limit]) for test, samples in by.items()
    }
    return judged._replace(rows=tuple(row for row in judged.rows if row.key.sample in kept[row.key.test]))
