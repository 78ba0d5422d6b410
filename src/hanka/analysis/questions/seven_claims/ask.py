"""Which of the main paper's seven claims hold here? Every statement with its simultaneous interval, and a word for each claim.

All differences of all statements are one family (`stats/simultaneous.py`), so every outcome holds together with the others. A
direction is reported whichever way it falls. Limits: training sets are the paper's tasks, whatever rows stand for them; one seed makes
an outcome one about these checkpoints.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from hanka.analysis.contrasts import Contrast, Contrasts, margin_of
from hanka.analysis.evidence import Evidence
from hanka.analysis.questions.contract import Answer, Column, Curve, Entry, Measured, Note, Point
from hanka.analysis.questions.seven_claims.arms import PAPER_TASKS, Setting, settings
from hanka.analysis.questions.seven_claims.statements import Shown, Statement, Statements
from hanka.analysis.questions.seven_claims.words import CLAIMS, notes, sentence
from hanka.analysis.summary import judgement
from hanka.metrics import METRICS, Metric
from hanka.stats import Family, Verdict

FAMILY = "seven_claims"
COLUMNS = (
    Column("number", "count"), Column("claim", "count"), Column("base"), Column("trained_on"), Column("compared"),
    Column("asked_relation", "relation"), Column("test_sets"), Column("metric", "metric"), Column("expected", "expected"),
    Column("difference", "difference"), Column("outcome", "outcome"),
)  # fmt: skip
OPTIONAL = ("base", "trained_on")
"Columns that are left out where they say the same in every row."


def ask(evidence: Evidence) -> Answer | None:
    """Test what can be stated; None where a run trains none of the paper's tasks beside its base."""
    contrasts = Contrasts(evidence)
    there = list(settings(evidence))
    found = [one for setting in there for one in Statements(contrasts, setting).all()]
    if not found:
        return None
    found.sort(key=lambda one: one.claim)
    judged = [contrast for one in found for contrast in one.contrasts]
    together = contrasts.judge(judged, FAMILY)
    outcomes: dict[int, list[str]] = defaultdict(list)
    rows: list[dict[str, Entry]] = []
    for number, one in enumerate(found, 1):
        difference, outcome = _judged(evidence, one, together)
        outcomes[one.claim].append(outcome)
        rows.append(
            {
                "number": number, "claim": one.claim, "base": one.setting.base_name, "trained_on": one.setting.dataset, "compared": one.compared,
                "asked_relation": one.relation, "test_sets": " + ".join(one.tests), "metric": one.metric.name,
                "expected": one.expected, "difference": difference, "outcome": outcome,
            }
        )  # fmt: skip
    said = [sentence(claim, overall(outcomes[claim]), outcomes[claim]) for claim in sorted(outcomes)]
    columns = tuple(one for one in COLUMNS if one.name not in OPTIONAL or len({row[one.name] for row in rows}) > 1)
    return Answer(
        "\n".join(en for en, _ in said),
        "\n".join(ja for _, ja in said),
        columns,
        tuple(tuple(row[column.name] for column in columns) for row in rows),
        tuple(_curves(rows)),
        tuple(
            Note(en, ja)
            for en, ja in notes(
                len(judged), evidence.level, len(CLAIMS) - len(outcomes), _without_answers(evidence), _others(there)
            )
        ),
    )


def overall(outcomes: Sequence[str]) -> str:
    """Return what a claim comes to: what more than half of its statements do, else undecided."""
    return next((one for one in ("held", "contradicted") if 2 * outcomes.count(one) > len(outcomes)), "undecided")


def _judged(evidence: Evidence, one: Statement, together: Family) -> tuple[Measured, str]:
    """Return the difference that the outcome rests on, and the outcome."""
    found = [judgement(evidence, contrast, one.metric, together) for contrast in one.contrasts]
    shown = [_shown(evidence, *pair, one.metric) for pair in zip(one.contrasts, found, strict=True)]
    place = one.deciding(shown)
    contrast, kept = one.contrasts[place], found[place]
    return Measured(contrast.delta, kept["sim_low"], kept["sim_high"], contrast.n), one.outcome(shown)


def _shown(evidence: Evidence, contrast: Contrast, judged: Mapping[str, Any], metric: Metric) -> Shown:
    """Return a verdict, or of one that says no direction, on which side the simultaneous interval stays within the margin."""
    word: Verdict = judged["verdict"]
    if word not in ("leaning", "undecided") or judged["sim_low"] is None:
        return word
    margin = margin_of(evidence, metric, "equivalence", contrast.value_b)
    low, high = judged["sim_low"], judged["sim_high"]
    if not metric.higher_is_better:
        low, high = -high, -low
    return "no_better" if high < margin else "no_worse" if low > -margin else word


def _without_answers(evidence: Evidence) -> int:
    """Count the cells of the base and of what trains one of the paper's tasks that have no answers."""
    return sum(
        not (cell.is_done and cell.record["n"]) and (cell.is_unadapted or cell.variant["train_task"] in PAPER_TASKS)
        for cell in evidence.cells.values()
    )


def _others(there: Sequence[Setting]) -> list[str]:
    """Return the entries that are not compared, each once."""
    return list(dict.fromkeys(name for setting in there for name in setting.others))


def _curves(rows: Sequence[dict[str, Any]]) -> Iterator[Curve]:
    """Draw the differences, a panel for each metric, a row of the table each; filled: held."""
    by_metric: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        by_metric[str(row["metric"])].append(row)
    for metric, members in by_metric.items():
        points = tuple(
            Point(row["difference"], Measured(float(row["number"])), str(row["trained_on"]), str(row["number"]), row["outcome"] == "held")
            for row in members
        )  # fmt: skip
        name = METRICS.get(metric).display
        yield Curve(
            f"Differences in {name}; filled: as the paper says",
            f"{name} の差（塗りつぶし：論文と同じ向き）",
            "difference",
            "statement",
            points,
        )
