"""How brittle is each system? Every change of the test rows, before and after on the same rows, beside what it costs base.

A row per system and change: the primary metric before and after, the loss, the loss beyond base's, and for rows without the text that should decide
what is scored above the best constant answer. All differences are one family (`contrasts.judge`), so their intervals hold together.

Source: Yang et al. (2023), arXiv 2304.13712, remark 8b. Limits: a margin of equality is the study's `stats.equivalence`; test sets of one source share
their rows and are judged by them, those above a constant answer by the changed rows alone.
"""

from __future__ import annotations

from collections.abc import Sequence

from hanka.analysis.contrasts import Contrasts
from hanka.analysis.evidence import Evidence
from hanka.analysis.questions.contract import Answer, Column, Entry, Note
from hanka.analysis.questions.robustness.judged import Told, contrasts_of, told
from hanka.analysis.questions.robustness.pairs import compared
from hanka.analysis.questions.robustness.sentences import context_of, notes, nothing_said, sentences

FAMILY = "robustness"
MOST_ROWS = 600
"Rows of the table at most."
COLUMNS = (
    Column("test_set"), Column("robustness_change"), Column("robustness_kind", "robustness_kind"), Column("method"),
    Column("train_size", "count"), Column("shots", "count"), Column("metric", "metric"), Column("robustness_before", "value"),
    Column("robustness_after", "value"), Column("robustness_loss", "difference"), Column("robustness_says", "robustness"),
    Column("robustness_beyond", "difference"), Column("robustness_than_base", "robustness"), Column("robustness_above", "difference"),
    Column("robustness_without", "robustness"),
)  # fmt: skip


def ask(evidence: Evidence) -> Answer | None:
    """Compare rows before and after each change; None where the study changes none."""
    if not evidence.plan.get("perturbed"):
        return None
    contrasts = Contrasts(evidence)
    found, nothing = compared(evidence, contrasts)
    if not found:
        return Answer(*nothing_said(nothing))
    together = contrasts.judge(contrasts_of(found), FAMILY)
    judged = [told(evidence, one, together) for one in found]
    several = len({one["base"] for one in evidence.plan["variants"]}) > 1
    en, ja = sentences(judged, several)
    return Answer(
        en,
        ja,
        COLUMNS,
        tuple(_row(one, several) for one in judged[:MOST_ROWS]),
        (),
        tuple(_notes(evidence, judged, nothing)),
    )


def _row(one: Told, several: bool) -> tuple[Entry, ...]:
    of, who = one.compared, one.compared.who
    return (
        str(of.declared["of"]), of.change, str(of.declared["recipe"]), (f"{who.base}: " if several else "") + who.label + context_of(who),
        who.size or None, who.asked.shots, of.metric.name, one.before, one.after, one.loss.difference, one.loss.word,
        one.excess.difference if one.excess else None, one.excess.word if one.excess else None,
        one.above.difference if one.above else None, one.above.word if one.above else None,
    )  # fmt: skip


def _notes(evidence: Evidence, judged: Sequence[Told], nothing: Sequence[str]) -> list[Note]:
    found = [Note(en, ja) for en, ja in notes(evidence, judged, nothing)]
    if len(judged) > MOST_ROWS:
        found.append(
            Note(
                f"The first {MOST_ROWS} of {len(judged)} rows are shown; all of them share the level.",
                f"全 {len(judged)} 行のうち先頭 {MOST_ROWS} 行です。信頼水準は全行で分け合っています。",
            )
        )
    return found
