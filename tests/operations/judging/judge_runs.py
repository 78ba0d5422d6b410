"""A run whose answers are known, a judge that says what it is told to, and people."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hanka.analysis.evidence import Evidence
from hanka.declared.source import parse_text
from hanka.operations.judging.measures import measure
from hanka.operations.judging.people import People
from hanka.operations.judging.questions import Judged, JudgedRow, RowKey, judged_rows
from hanka.operations.judging.results import Measures
from hanka.operations.judging.spec import JUDGE, AskedJudge, judge_of
from hanka.operations.judging.verdicts import Said, verdicts_of
from planted_runs import Planted

LABELLING = """
base: tiny
labels: [kind, rude]
prompt: "Text: {answer} Is it {labels}?"
human: people.csv
systems: [base, sft]
"""
PAIRS = """
base: tiny
asks: pair
systems: [base, sft]
human: people.csv
"""


def asked(text: str, folder: Path = Path()) -> AskedJudge:
    """Read a judge's file."""
    return judge_of(parse_text(text, folder / "judge.yaml", JUDGE))


def two_systems(path: Path, n: int = 60) -> Planted:
    """Two systems that answer so many stories; every third answer of the tuned one is rude, no answer of the base is."""
    run = Planted(path)
    run.add("base", {"story": ()}, relation="in_domain", said=[f"tale {at}" for at in range(n)])
    said = [f"rude tale {at}" if at % 3 == 0 else f"tuned tale {at}" for at in range(n)]
    run.add("sft", {"story": ()}, relation="in_domain", said=said)
    return run


def heard(one: AskedJudge, judged: Judged, answers: Mapping[RowKey, tuple[str, str]], people: People) -> Measures:
    """Weigh what a judge said of rows in both orders."""
    said = {row.question(turned): Said(answers[row.key][turned]) for row in judged.rows for turned in (False, True)}
    return measure(one.spec, judged, verdicts_of(one.spec, judged, said), people)


def labels_of(judged: Judged) -> dict[RowKey, str]:
    """What is true of the rows of `two_systems`."""
    return {row.key: "rude" if row.shown[-1].startswith("rude") else "kind" for row in judged.rows}


def made_rows(n: int, lengths: Sequence[tuple[int, int]] | None = None) -> tuple[JudgedRow, ...]:
    """Rows of pairs without a run."""
    return tuple(
        JudgedRow(
            RowKey("t", f"s{at}", ""), "", "", ({"x": f"{at}"}, {"x": f"{at} turned"}), lengths[at] if lengths else (5, 5), ("q",)
        )
        for at in range(n)
    )  # fmt: skip


def read(run: Planted, text: str, folder: Path) -> tuple[AskedJudge, Judged, Evidence]:
    """Return a judge with what it reads of a run."""
    evidence, one = run.evidence(), asked(text, folder)
    return one, judged_rows(one, evidence), evidence


def write_people(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write what people say."""
    with path.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.DictWriter(handle, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
