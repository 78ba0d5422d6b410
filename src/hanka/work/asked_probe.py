"""Probes that ask: a variant, and its base as it is, are asked the test rows of a data set in the probe's own way.

What is written is kept in the run as recipes' answers are, so a probe and a recipe that ask the same question ask it once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from hanka.plan import PlannedParent, PlannedProbe, PlannedVariant
from hanka.probes.contract import ProbeRequest, Whose, no_pairs
from hanka.recipes.contract import How
from hanka.records import Example, Prediction, ProbeRow
from hanka.work.answer import Question, answer_question, next_tokens
from hanka.work.asked_before import answered_before, keep_answers
from hanka.work.place import Workplace
from hanka.work.prepare import decoding_of

if TYPE_CHECKING:
    import torch


def measured_by_asking(place: Workplace, planned: PlannedProbe, variant: PlannedVariant) -> list[ProbeRow]:
    """Measure by what is written, or by what may come next."""
    plan = place.plan
    whose: dict[Whose, str] = {"variant": planned.variant_id, "base": plan.unadapted(variant).variant.id}
    names = planned.use.entry.sources(planned.use.params)

    def question(who: Whose, dataset: str, rows: Sequence[Example], how: How | None) -> Question:
        task = plan.study.tasks[plan.study.datasets[dataset or names[0]].task].task
        decoding = None if how is None else decoding_of(place, task, how)
        return Question(
            PlannedParent(whose[who], None), tuple(rows), task.name, plan.study.spec.train.prompt, decoding=decoding
        )

    def rows(dataset: str) -> Sequence[Example]:
        """Return the test rows of one of the probe's data sets."""
        return plan.data.test(plan.study.datasets[names[names.index(dataset)]]).examples

    def answer(who: Whose, rows: Sequence[Example], how: How) -> Sequence[Prediction]:
        """Ask for text."""
        asked = question(who, how.dataset, rows, how)
        return answered_before(place, asked) or keep_answers(place, asked, answer_question(place, asked))

    def following(who: Whose, dataset: str, rows: Sequence[Example]) -> torch.Tensor:
        """Ask for the next tokens."""
        return next_tokens(place, question(who, dataset, rows, None))

    request = ProbeRequest(planned.use.params, no_pairs, variant.dtype, rows, answer, following)
    return planned.use.entry.measure(request)
