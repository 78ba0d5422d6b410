"""Which of the main paper's seven claims hold here? Every statement with its simultaneous interval, and a word for each claim.

All differences of all statements are one family (`stats/simultaneous.py`), so every outcome holds together with the others. A
direction is reported whichever way it falls. Limits: training sets are the paper's tasks, whatever rows stand for them; one seed makes
an outcome one about these checkpoints.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from hanka.analysis.contrasts import Contrasts
from hanka.analysis.evidence import Evidence
from hanka.analysis.questions.contract import Answer, Column, Curve, Entry, Measured, Note, Point
from hanka.analysis.questions.seven_claims.arms import settings
from hanka.analysis.questions.seven_claims.statements import Statement, Statements
from hanka.analysis.questions.seven_claims.words import CLAIMS, notes, sentence
from hanka.analysis.summary import judgement
from hanka.metrics import METRICS
from hanka.stats import Family

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
    found = [
        one for setting in settings(evidence) for one in Statements(contrasts, setting, _first_prompt(evidence)).all()
    ]
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
        tuple(Note(en, ja) for en, ja in notes(len(judged), evidence.level, len(CLAIMS) - len(outcomes))),
    )


def overall(outcomes: Sequence[str]) -> str:
    """Return what a claim comes to: what more than half of its statements do, else undecided."""
    return next((one for one in ("held", "contradicted") if 2 * outcomes.count(one) > len(outcomes)), "undecided")


def _first_prompt(evidence: Evidence) -> str:
    """Return the prompt set that training used, which is the one of every cell in domain."""
    inside = [one.cell["prompt"] for one in evidence.cells.values() if one.cell["relation"] == "in_domain"]
    return str(inside[0]) if inside else "p1"


def _judged(evidence: Evidence, one: Statement, together: Family) -> tuple[Measured, str]:
    """Return the difference that agrees least with what is expected, and the outcome of all."""
    found = [judgement(evidence, contrast, one.metric, together) for contrast in one.contrasts]
    outcome = one.outcome([each["verdict"] for each in found])
    upwards = 1.0 if one.metric.higher_is_better else -1.0
    wanted = {"higher": upwards, "not_lower": upwards, "lower": -upwards, "not_higher": -upwards}.get(one.expected)

    def agreement(place: int) -> float:
        delta = one.contrasts[place].delta
        return -abs(delta) if wanted is None else wanted * delta

    least = min(range(len(found)), key=agreement)
    kept: dict[str, Any] = found[least]
    return Measured(one.contrasts[least].delta, kept["sim_low"], kept["sim_high"], one.contrasts[least].n), outcome


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
