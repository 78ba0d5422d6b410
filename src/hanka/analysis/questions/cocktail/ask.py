"""Does a mix of tasks beat the target alone? What does it do outside the mix, and what do instructions in it do to forgetting?

Four kinds of comparison (`pairs.py`), each with every mix of its own and the mean over the mixes. Gains, transfers, and what instructions
do are three families: within each all intervals hold at once, over mixes, targets and arms, and the verdict is the product's one rule.
Beside every gain stands how many steps and tokens the mix had for each of the single task: where these are not equal, "cocktail" and "more
training" are one. Source: Brief et al. 2024, arXiv 2410.01109. Limits: a mean over mixes counts each mix once; mixes share rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from hanka.analysis.contrasts import Contrast, Contrasts
from hanka.analysis.evidence import Evidence
from hanka.analysis.questions.cocktail.arms import trainings
from hanka.analysis.questions.cocktail.pairs import Compared, compared
from hanka.analysis.questions.cocktail.sentences import Judged, Told, notes, nothing_to_compare, sentences
from hanka.analysis.questions.contract import Answer, Column, Curve, Entry, Measured, Note, Point
from hanka.analysis.summary import judgement
from hanka.analysis.values import pooled_value
from hanka.stats import Family

FAMILIES = {"gain": "gain", "transfer": "transfer", "forgetting": "instructions", "own": "instructions"}
"Kind of comparison → the family that judges it."
EVERY_MIX = "every_mix"
OPTIONAL = ("base", "k_rows", "added_sets", "over_base", "over_base_verdict")
"Columns that are left out where they say the same in every row."
COLUMNS = (
    Column("mix_kind", "cocktail"), Column("base"), Column("method"), Column("k_rows", "count"), Column("mix_target"),
    Column("mix", "mix"), Column("added_sets"), Column("n_mixes", "count"), Column("metric", "metric"), Column("n_seeds", "count"),
    Column("mix_value", "value"), Column("mix_rival", "value"), Column("mix_difference", "difference"),
    Column("mix_verdict", "verdict"), Column("over_base", "difference"), Column("over_base_verdict", "verdict"),
    Column("steps_ratio", "value"), Column("tokens_ratio", "value"),
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class _Families:
    """The three families of the answer."""

    evidence: Evidence
    "Whose margins and level hold."
    by_name: dict[str, Family]
    "As `FAMILIES` names them."

    def judged(self, one: Compared, contrast: Contrast) -> Judged:
        """Return a contrast with what its family says of it."""
        found = judgement(self.evidence, contrast, one.metric, self.by_name[FAMILIES[one.kind]])
        measured = Measured(contrast.delta, found["sim_low"], found["sim_high"], contrast.n)
        return Judged(measured, found["verdict"] or "undecided")


def ask(evidence: Evidence) -> Answer | None:
    """Compare mixes with single tasks; None where nothing was trained on a mix."""
    if not evidence.plan.get("training_rows"):
        return None
    contrasts, known = Contrasts(evidence), trainings(evidence)
    found = compared(evidence, contrasts, known)
    if not found.compared:
        return Answer(*nothing_to_compare(found)) if any(len(one.learnt) > 1 for one in known.found) else None
    names = dict.fromkeys(FAMILIES.values())
    families = _Families(
        evidence, {name: contrasts.judge(_of(found.compared, name), f"cocktail {name}") for name in names}
    )
    told = [_told(evidence, families, one) for one in found.compared]
    rows = [dict(_entries(one)) for one in told]
    columns = tuple(one for one in COLUMNS if one.name not in OPTIONAL or len({str(row[one.name]) for row in rows}) > 1)
    en, ja = sentences(told)
    sizes = {name: len(_of(found.compared, name)) for name in names}
    return Answer(
        en,
        ja,
        columns,
        tuple(tuple(row[column.name] for column in columns) for row in rows),
        tuple(_curves(told)),
        tuple(Note(*one) for one in notes(told, evidence.level, sizes, found, known.synthetic)),
    )


def _of(found: Sequence[Compared], family: str) -> list[Contrast]:
    mine = [one for one in found if FAMILIES[one.kind] == family]
    return [one.contrast for one in mine] + [one.over_base for one in mine if one.over_base is not None]


def _told(evidence: Evidence, families: _Families, one: Compared) -> Told:
    mixes = list({str(cell.cell["id"]): cell for cell, _ in one.pairs}.values())
    rivals = list({str(cell.cell["id"]): cell for _, cell in one.pairs}.values())
    return Told(
        one,
        pooled_value(evidence, mixes, one.metric),
        pooled_value(evidence, rivals, one.metric),
        families.judged(one, one.contrast),
        None if one.over_base is None else families.judged(one, one.over_base),
    )


def _entries(told: Told) -> Iterator[tuple[str, Entry]]:
    one = told.compared
    yield from (("mix_kind", one.kind), ("base", one.arm.base), ("method", one.arm.label), ("k_rows", one.arm.asked))
    yield from (("mix_target", one.target), ("mix", " + ".join(one.sets.learnt) if one.sets else EVERY_MIX))
    yield from (("added_sets", " + ".join(one.sets.added) if one.sets else ""), ("n_mixes", one.n_mixes))
    yield from (("metric", one.metric.name), ("n_seeds", one.contrast.n_seeds), ("mix_value", told.mix))
    yield from (
        ("mix_rival", told.rival),
        ("mix_difference", told.judged.difference),
        ("mix_verdict", told.judged.verdict),
    )
    over = told.over_base
    yield from (("over_base", over.difference if over else None), ("over_base_verdict", over.verdict if over else ""))
    yield from (("steps_ratio", _mean(one.steps)), ("tokens_ratio", _mean(one.tokens)))


def _mean(ratios: Sequence[float]) -> Entry:
    return round(sum(ratios) / len(ratios), 2) if ratios else None


def _curves(told: Sequence[Told]) -> Iterator[Curve]:
    """Draw, for every target, what a mix adds by its number of sets; points that are shown to differ are filled."""
    gains = [one for one in told if one.compared.kind == "gain" and one.compared.sets is not None]
    for target, metric in dict.fromkeys((one.compared.target, one.compared.metric) for one in gains):
        points = [
            Point(
                Measured(float(len(one.compared.sets.learnt) + len(one.compared.sets.added))),
                one.judged.difference,
                one.compared.arm.label,
                "",
                one.judged.verdict in ("better", "worse"),
            )
            for one in gains
            if one.compared.target == target and one.compared.sets is not None
        ]
        title = f"{target} ({metric.display})", f"{target}（{metric.display_ja or metric.display}）"
        yield Curve(*title, "n_sets", "over_single", tuple(points))
