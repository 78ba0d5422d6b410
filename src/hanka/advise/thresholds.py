"""Where the flow and the remarks draw their lines. Each is a default that an answers file changes (`thresholds:`).

The guide itself gives few numbers; what is not published is a default of this package and says so below its field.
"""

from __future__ import annotations

from pydantic import Field

from hanka.registry import Params


class Thresholds(Params):
    """The lines; shares and differences of scores are in score units, 0.05 being five points."""

    multi_turn_share: float = Field(default=0.5, ge=0, le=1)
    "Share of requests with several turns above which a use mimics a human (default of this package)."
    scale_jump: float = Field(default=0.2, ge=0, le=1)
    "Rise of accuracy from one model size to the next above which an ability is called emergent (default of this package)."
    reasoning_steps: float = Field(default=3, ge=0)
    "Median steps of reasoning from which a task is hard (default of this package)."
    n_task_formats: float = Field(default=1, ge=1)
    "Distinct pairs of task and answer format above which it is several tasks."
    gain_over_constant: float = Field(default=0.0, ge=-1, le=1)
    "Gain of the base over a constant answer, at or below which the task has little to do with language modelling."
    rows_per_class: float = Field(default=50, ge=0)
    "Labelled rows of a class below which they are few (default of this package)."
    curve_slope: float = Field(default=0.01, ge=0, le=1)
    "Gain of the last doubling of rows above which more rows still help, so that they are few (default of this package)."
    domain_auc: float = Field(default=0.75, ge=0.5, le=1)
    "Area under the curve of a classifier of training against live text, above which they differ (default of this package)."
    ood_drop: float = Field(default=0.05, ge=0, le=1)
    "Loss from in domain to out of domain above which the data are out of distribution (default of this package)."
    reference_entropy: float = Field(default=4.0, ge=0)
    "Bits of the words of a reference above which it is complex text: 4 bits are as many as 16 words that all differ (default of this package)."
    open_book_gain: float = Field(default=0.05, ge=0, le=1)
    "Gain of answering with passages over answering without, above which a task needs knowledge (default of this package)."
    answer_in_context: float = Field(default=0.9, ge=0, le=1)
    "Share of rows whose answer stands in the supplied context, from which the context holds enough."
    contradicted_share: float = Field(default=0.5, ge=0, le=1)
    "Share of rows whose gold answer contradicts the model's own, above which knowledge conflicts (default of this package)."
    enough_closed_book: float = Field(default=0.8, ge=0, le=1)
    "Closed-book accuracy from which a model knows enough (default of this package)."
    enough_model_sizes: float = Field(default=3, ge=2)
    "Model sizes without which nothing is said of scale."
    judge_kappa: float = Field(default=0.6, ge=-1, le=1)
    "Agreement of a judge with humans from which it may judge: substantial, by Landis & Koch (1977)."
    n_live_labelled: float = Field(default=100, ge=1)
    "Labelled rows of live traffic without which use in the real world is not evaluated (default of this package)."
    harm_rate: float = Field(default=0.01, ge=0, le=1)
    "Rate of harmful output that must be excluded (default of this package)."
    largest_tuned: float = Field(default=20e9, gt=0)
    "Parameters up to which a model counts as one to tune: the guide's practical line."
