"""What tuning on one data set gains on it and on others, and what share of the targets' own gain that is; with prompts and throughput.

A row per adapted variant and test set of its task: the value in the wording that rows to validate on chose, the gain over the unadapted base in
its own best wording, how far wordings matter, answers per second, and answers that were none. All gains of the table are one family, so their
intervals hold together and decide the verdicts; shares are told in sentences, their intervals hold together by Bonferroni.
Asked where a variant was tested on a data set that it was not trained on and something else was. Source: Steiner, Peeters & Bizer (2024),
arXiv 2409.08185. Limits: answers per second are of this machine, whole test sets at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hanka.analysis.contrasts import Contrast, Contrasts
from hanka.analysis.evidence import Evidence
from hanka.analysis.questions.contract import Answer, Column, Entry, Measured, Note
from hanka.analysis.questions.transfer_gain.gains import Asked, base_of, every_asked, transfers
from hanka.analysis.questions.transfer_gain.prompts import sensitivity
from hanka.analysis.questions.transfer_gain.sentences import Share, none_said, notes, sentences
from hanka.analysis.summary import judgement
from hanka.analysis.values import pooled_value
from hanka.stats import Family

FAMILY = "transfer_gain"
MATCHES = "positive_f1"
"Primary metric of tasks that a sentence is due to even where nothing carries over."
OPTIONAL = ("base", "seed", "unread")
"Columns that are left out where they say the same in every row."
COLUMNS = (
    Column("base"), Column("method"), Column("trained_on"), Column("seed", "count"), Column("test_set"),
    Column("asked_relation", "relation"), Column("metric", "metric"), Column("prompt"), Column("chosen_value", "value"),
    Column("gain_over_base", "difference"), Column("verdict", "verdict"), Column("wording_spread", "value"),
    Column("answers_per_second", "value"), Column("unread", "count"),
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Row:
    """A variant on a test set with its contrast."""

    asked: Asked
    "The variant there."
    contrast: Contrast | None
    "Against the base; None for a base, and where it was not asked."


def ask(evidence: Evidence) -> Answer | None:
    """Answer; None where no variant was tested on a data set of its task that another one was trained on."""
    adapted, bases = every_asked(evidence)
    found, without = transfers(evidence, adapted, bases)
    is_matching = any(evidence.primary(name) == MATCHES for name in evidence.plan["tasks"])
    if not found and not (is_matching and adapted):
        return None
    if not found:
        en, ja = none_said()
        return Answer(en, ja)
    contrasts = Contrasts(evidence)
    tests = dict.fromkeys(one.test for one in adapted)
    rows = [Row(one, None) for one in bases.values() if one.test in tests]
    rows += [Row(one, _contrast(contrasts, one, base_of(one, bases))) for one in adapted]
    rows = sorted(
        rows, key=lambda row: row.asked.test
    )  # one order of test sets whatever that of cells: a family draws signs by it
    together = contrasts.judge([row.contrast for row in rows if row.contrast is not None], FAMILY)
    bounded = sum(one.ends(evidence.level) is not None for one in found)
    level = 1 - (1 - evidence.level) / max(1, bounded)
    shares = [Share(one, one.ends(level)) for one in found]
    said = sentences(shares, evidence.level)
    table = [_entries(evidence, row, together) for row in rows]
    columns = tuple(
        one for one in COLUMNS if one.name not in OPTIONAL or len({str(row[one.name]) for row in table}) > 1
    )
    return Answer(
        said[0], said[1], columns, tuple(tuple(row[column.name] for column in columns) for row in table),
        notes=tuple(Note(en, ja) for en, ja in notes(evidence.level, [row.asked for row in rows], without, bounded)),
    )  # fmt: skip


def _contrast(contrasts: Contrasts, one: Asked, base: Asked | None) -> Contrast | None:
    pair = None if base is None else contrasts.pair(one.choice.cell, base.choice.cell, one.metric)
    return None if pair is None else contrasts.of_pair(pair)


def _entries(evidence: Evidence, row: Row, together: Family) -> dict[str, Entry]:
    one, contrast = row.asked, row.contrast
    said = judgement(evidence, contrast, one.metric, together) if contrast is not None else None
    difference = None
    if contrast is not None and said is not None:
        difference = Measured(contrast.delta, said["sim_low"], said["sim_high"], contrast.n)
    return {
        "base": str(one.variant["base"]),
        "method": str(one.variant["label"]),
        "trained_on": str(one.variant["train_dataset"]),
        "seed": int(str(one.variant["seed"])),
        "test_set": one.test,
        "asked_relation": one.relation,
        "metric": one.metric.name,
        "prompt": str(one.choice.cell.cell["prompt"]),
        "chosen_value": pooled_value(evidence, [one.choice.cell], one.metric),
        "gain_over_base": difference,
        "verdict": (said["verdict"] or "undecided") if said is not None else "",
        "wording_spread": sensitivity(evidence, one.cells, one.metric),
        "answers_per_second": per_second([one]),
        "unread": sum(int(cell.record.get("n_unparsed", 0)) for cell in one.cells),
    }


def per_second(asked: Sequence[Asked]) -> Measured | None:
    """Return answers per second over all wordings; None where no time was kept."""
    cells = [cell for one in asked for cell in one.cells]
    seconds, n = sum(float(cell.record.get("seconds", 0.0)) for cell in cells), sum(cell.n_asked for cell in cells)
    return Measured(n / seconds, n=n) if seconds > 0 else None
