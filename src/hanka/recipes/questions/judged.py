"""Is a teacher fit to teach? Judged on people's answers before anything is trained.

The teacher answers labelled rows (those to validate on) twice, with the document and without, in token F1. *What the document gives* is the
paired difference; where it is not shown to be above 0 there is nothing to distil, and that is said. A teacher is fit where it is shown
to beat a rule that reads: of the sentence that shares most words with the question, the first run of capitals or numbers. Both
intervals hold together (Bonferroni) at 95 %; rows about one document are one unit (`stats/paired.py`).
Limits: rows to validate on are few, so a teacher that is a little better than the rule is not shown to be.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from hanka.errors import DataError
from hanka.identity import stream
from hanka.metrics.token_overlap import answer_words, token_f1_score
from hanka.recipes.contract import How, RecipeRequest
from hanka.records import Example

LEVEL = 0.95
SENTENCES = re.compile(r"(?<=[.!?。！？])\s*(?=\S)")
NAMED = re.compile(r"(?:[A-Z0-9][\w.,'’%-]*)(?:\s+[A-Z0-9][\w.,'’%-]*)*")


def judge_teacher(request: RecipeRequest) -> dict[str, Any]:
    """Return what the teacher is worth with and without documents, beside the rule. Raises DataError without labelled rows."""
    params = request.params
    rows = list(request.rows(params.reading, "validation", None))[: params.judged]
    if len(rows) < 2:
        raise DataError(
            f"data set {params.reading} has {len(rows)} rows to validate on, and at least 2 judge the teacher: give it some "
            f"(`validation: FILE`, or `train.validation` as a share)"
        )
    scores = {
        "teacher": _scores(request, rows, params.reading),
        "without": _scores(request, rows, params.of),
        "rule": [
            token_f1_score(row.target, rule_answer(row.fields["document"], row.fields["question"])) for row in rows
        ],
    }
    return judgement(scores, rows, request.seed)


def judgement(scores: Mapping[str, Sequence[float]], rows: Sequence[Example], seed: int) -> dict[str, Any]:
    """Compare the teacher's scores with those of the others; rows of one group are one unit."""
    n = len(rows)
    means = {name: sum(values) / n for name, values in scores.items()}
    found: dict[str, Any] = {
        "n": n,
        "documents": len({row.group or row.id for row in rows}),
        "metric": "token_f1",
    } | means
    for name, other in (("gives", "without"), ("beats_rule", "rule")):
        low, high = _interval(scores["teacher"], scores[other], rows, stream(seed, "teacher", name))
        found[name] = {"value": means["teacher"] - means[other], "low": low, "high": high, "n": n}
    found["fit"] = found["beats_rule"]["low"] is not None and found["beats_rule"]["low"] > 0
    found["document_helps"] = found["gives"]["low"] is not None and found["gives"]["low"] > 0
    return found | {"said": said(found)}


def said(found: Mapping[str, Any]) -> list[str]:
    """Say in lines what was found, and warn where it is not enough."""
    gives, beats = found["gives"], found["beats_rule"]
    where = f"on {found['n']} labelled rows about {found['documents']} documents"
    lines = [
        f"teacher, token F1 {where}: {found['teacher']:.3f} with the document, {found['without']:.3f} without: the document gives "
        f"{_difference(gives)}; a rule that reads has {found['rule']:.3f}, the teacher beats it by {_difference(beats)}"
    ]
    if not found["document_helps"]:
        lines.append(
            "warning: the document is not shown to give the teacher anything, so there may be nothing to distil"
        )
    if not found["fit"]:
        lines.append(
            "warning: teacher unfit: it is not shown to beat a rule that reads, so what is taught is not to be trusted"
        )
    return lines


def _difference(one: Mapping[str, Any]) -> str:
    ends = "no interval" if one["low"] is None else f"{one['low']:+.3f}, {one['high']:+.3f}"
    return f"{one['value']:+.3f} [{ends}]"


def _interval(ours: Sequence[float], theirs: Sequence[float], rows: Sequence[Example], rng: Any) -> tuple[Any, Any]:
    import numpy as np

    from hanka.metrics.base import mean
    from hanka.stats import ComparisonSettings, compare, plan_resampling

    groups = [row.group for row in rows]
    if len({row.group or row.id for row in rows}) < 2:
        return None, None
    plan = plan_resampling(len(rows), rng, groups if any(groups) else None)
    settings = ComparisonSettings(level=1 - (1 - LEVEL) / 2)
    found = compare(np.asarray(ours), np.asarray(theirs), mean, plan, settings)
    return found.low, found.high


def _scores(request: RecipeRequest, rows: Sequence[Example], dataset: str) -> list[float]:
    """Return the token F1 of the teacher's answers as a data set's task asks; a row that failed counts as an empty answer."""
    how = How(dataset, request.params.answer_tokens)
    answers = request.answer(request.params.teacher.parent, rows, how)
    return [token_f1_score(row.target, one.parsed or "") for row, one in zip(rows, answers, strict=True)]


def rule_answer(document: str, question: str) -> str:
    """Answer a question about a document by rule: what is written in capitals or numbers in the nearest sentence, else that sentence."""
    wanted = set(answer_words(question))
    sentences = [one for one in SENTENCES.split(document) if one.strip()] or [document]
    nearest = max(sentences, key=lambda one: len(wanted & set(answer_words(one))))
    first = nearest.lstrip().split(" ", 1)[0]
    for match in NAMED.finditer(nearest):
        words = set(answer_words(match[0]))
        begins = match.start() == len(nearest) - len(nearest.lstrip()) and match[0] == first and not first[:1].isdigit()
        if words and not words <= wanted and not begins:
            return match[0].strip(".,'’")
    return nearest.strip()
