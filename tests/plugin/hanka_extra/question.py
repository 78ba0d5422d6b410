"""Question `agreement`: how often does a variant answer as its base does, right or wrong?

Share of the test rows that both answered, zero-shot, over the rows of a task's test sets; Wilson (1927) interval. A low
share beside an equal score says that other rows are right than before: Geirhos et al. (2020), arXiv 2006.16736.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from hanka.analysis.questions import Answer, Column, Measured, Question

if TYPE_CHECKING:
    from hanka.analysis.evidence import CellEvidence, Evidence


def _equal(evidence: Evidence, cell: CellEvidence, base: CellEvidence) -> tuple[int, int]:
    """Count equal answers among the rows that both answered."""
    from hanka.store.folder import read_table

    ours, theirs = (
        {row["sample_id"]: row["parsed"] for row in read_table(evidence.folder.cell(one.cell["id"]) / "predictions.parquet",
                                                               ("sample_id", "parsed")).to_pylist()}
        for one in (cell, base)
    )  # fmt: skip
    both = [name for name, answer in ours.items() if answer is not None and theirs.get(name) is not None]
    return sum(ours[name] == theirs[name] for name in both), len(both)


def _ask(evidence: Evidence) -> Answer | None:
    from hanka.stats.intervals import wilson_interval

    counts: dict[tuple[str, str, str], list[int]] = defaultdict(lambda: [0, 0])
    for cell in evidence.done():
        base = evidence.base_of(cell)
        kind = evidence.task(cell.cell["test_task"])["kind"]
        if base is None or not base.is_done or cell.cell["shots"] or kind != "classification":
            continue
        of = counts[cell.variant["label"], cell.variant["train_dataset"], cell.cell["test_task"]]
        equal, both = _equal(evidence, cell, base)
        of[0], of[1] = of[0] + equal, of[1] + both
    rows = [
        (*key, Measured(equal / n, *wilson_interval(equal, n, evidence.level), n))
        for key, (equal, n) in counts.items()
        if n > 1
    ]
    if not rows:
        return None
    least = min(rows, key=lambda row: row[-1].value)
    share = f"{least[-1].value:.0%} [{least[-1].low:.0%}, {least[-1].high:.0%}], n = {least[-1].n}"
    return Answer(
        sentence_en=f"{least[0]} (trained on {least[1]}) agrees least with its base: {share} of {least[2]}.",
        sentence_ja=f"ベースと最も一致しないのは {least[0]}（学習データ {least[1]}）です：{least[2]} の {share}。",
        columns=(Column("variant"), Column("train"), Column("task", "task"), Column("agreement", "share")),
        rows=tuple(rows),
    )


AGREEMENT = Question(
    name="agreement",
    reference="Geirhos et al. 2020, arXiv 2006.16736; Wilson 1927",
    description="how often does a variant answer as its base does?",
    version=1,
    ask=_ask,
)
