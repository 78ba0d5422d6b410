"""A guardrail that a judge counts: `judged: {at_most: 0.02, file: judge/rude.yaml}`, from what `hanka judge` left in the run.

Between places and checks, beside `rates.py`. The rate is the corrected one, at any level, of the rows that nobody labelled; a judge that is not heard, was not
asked of these answers, or cannot be corrected is missing evidence, never a pass. Rows of one text count as what they are worth.
"""

from __future__ import annotations

from hanka.analysis.asked import first_cells
from hanka.analysis.compare import title_of
from hanka.analysis.evidence import Evidence
from hanka.errors import JudgeError
from hanka.operations.gate.measured import LackingError, Measured, Reason, n_looks, require_answers, require_done
from hanka.operations.gate.places import Place
from hanka.operations.gate.policy import JudgedLimit
from hanka.operations.judging.measures import errors_of, flags_of, groups_of, measure
from hanka.operations.judging.people import People, read_people
from hanka.operations.judging.questions import Judged, judged_rows
from hanka.operations.judging.spec import AskedJudge
from hanka.operations.judging.stored import judges_of, read_said
from hanka.operations.judging.verdicts import Verdicts, verdicts_of
from hanka.records import RELATIONS
from hanka.report import numbers
from hanka.stats import Interval
from hanka.stats.kappa import Kappa
from hanka.stats.misclassified import corrected_rate


def judged_rate(evidence: Evidence, place: Place, limit: JudgedLimit, title: str, most_missing: float) -> Measured:
    """Bound the rate that a judge flags at a place. Raises LackingError where there is no evidence."""
    cell = require_done(place.cell, title)
    asked = limit.asked
    firsts = first_cells(evidence, (*RELATIONS, "undeclared"))
    if not asked.spec.reads_answers or asked.spec.asks != "label" or all(one is not cell for one in firsts):
        raise LackingError("judge_other_asking")
    judged, people, verdicts, agreement = _heard(evidence, asked)
    name, test = title_of(evidence, cell.variant), place.test
    own = [
        row
        for row in judged.rows
        if (row.key.test, row.key.system) == (test, name) and (place.rows is None or row.key.sample in place.rows)
    ]
    if not own:
        raise LackingError("judge_other_asking")
    keys = {row.key for row in own}
    answered = [one for one in verdicts.rows if one.row.key in keys]
    require_answers(len(own) - len(answered), len(own), most_missing)
    alone = [one for one in answered if one.row.key not in people.labels]
    if not alone:
        raise LackingError("judge_all_labelled")
    flags = flags_of(alone, asked.spec.flagged)
    found, left = errors_of(verdicts, people, asked.spec.flagged)
    looks = n_looks(evidence, cell)

    def ends(alpha: float, is_shared: bool) -> Interval:
        """Bound it by the corrected rate; nothing is known at a level at which the judge is not shown to tell."""
        del is_shared
        try:
            one = corrected_rate(flags, found, left, 1 - 2 * alpha / looks)
        except ValueError:
            return Interval(0.0, 1.0)
        return Interval(one.low, one.high)

    try:
        value = corrected_rate(flags, found, left, asked.spec.level).value
    except ValueError:
        raise LackingError("judge_cannot_tell") from None
    said = {"kappa": agreement.value, "low": agreement.low, "high": agreement.high}
    names = {name: numbers.value(one) for name, one in said.items()} | {"n": f"{agreement.n:,}"}
    note = Reason("judge_agrees", names)
    return Measured(value, flags.n, len(set(groups_of(alone))), ends, own=value, notes=(note,))


def _heard(evidence: Evidence, asked: AskedJudge) -> tuple[Judged, People, Verdicts, Kappa]:
    """Return what the one judge of a question said, and how far it agrees with people. Raises LackingError where it is not heard."""
    folders = judges_of(evidence.folder.path, asked.spec)
    if not folders:
        raise LackingError("judge_not_asked")
    if len(folders) > 1:
        raise LackingError("judge_several", n=len(folders))
    judged = judged_rows(asked, evidence)
    people = read_people(asked, evidence, judged)
    verdicts = verdicts_of(asked.spec, judged, read_said(folders[0]))
    try:
        found = measure(asked.spec, judged, verdicts, people)
    except JudgeError as error:
        raise LackingError("unreadable", why=str(error)) from None
    if not found.is_heard:
        raise LackingError("judge_not_heard", n=found.agreement.n)
    return judged, people, verdicts, found.agreement
