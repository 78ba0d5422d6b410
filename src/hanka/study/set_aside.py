"""Which share of training rows is set aside to validate on, where a study leaves that open: some where checkpoints choose, else none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from hanka.methods.contract import Adaptation, TrainParams
from hanka.study.method_declarations import MethodUse, TrainingUse

SHARE = 0.1
"Of the training rows, where validation rows choose the checkpoint and there is no file with them."


def with_rows_to_validate_on(uses: Sequence[MethodUse], train: TrainParams) -> tuple[MethodUse, ...]:
    """Return the entries with `validation` filled in wherever it is open; train: that of the study.

    A data set that brings validation rows keeps all of its training rows. Where rows are matched, every method of a
    training set gives the same ones away.
    """
    choosing = {name for use in uses for name, one in use.adaptations.items() if _chooses(use, one, train)}

    def settled(use: MethodUse, own: TrainingUse) -> Adaptation:
        """Return an entry's parameters for a training set, nothing of them open."""
        one = use.adaptations[own.name]
        if one.train.validation is not None:
            return one
        there = any("validation" in dataset.splits for dataset in own.datasets)
        needed = _chooses(use, one, train) or (one.train.match != "none" and own.name in choosing)
        share = SHARE if needed and not there else 0.0
        return replace(one, train=one.train.model_copy(update={"validation": share}))

    return tuple(
        replace(use, adaptations=dict(use.adaptations) | {own.name: settled(use, own) for own in use.trains})
        for use in uses
    )


def _chooses(use: MethodUse, one: Adaptation, train: TrainParams) -> bool:
    """Tell whether open validation rows are to choose a checkpoint; what is no course stands beside the study's courses."""
    said = one.train if use.method.course else train
    return "validation" in use.method.train_keys and one.train.validation is None and said.checkpoints > 0
