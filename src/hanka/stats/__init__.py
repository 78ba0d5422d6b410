"""Statistics: intervals, paired tests, resampling, multiplicity. Pure numpy and scipy.

Nothing here knows metrics or files: input is one row of additive statistics per sample and an aggregate
of their sums. Every random function takes a Generator.
"""

from __future__ import annotations

from hanka.stats.forgetting import Flips, count_flips
from hanka.stats.intervals import (
    Estimate,
    Interval,
    bootstrap_interval,
    estimate,
    estimate_resampled,
    expanded_interval,
    t_interval,
    wilson_interval,
)
from hanka.stats.multiplicity import holm
from hanka.stats.paired import (
    ComparisonSettings,
    PairedComparison,
    compare,
    compare_resampled,
    jackknife_t_test,
    mcnemar_test,
    paired_bootstrap,
    sign_flip_test,
)
from hanka.stats.pareto import pareto_front
from hanka.stats.power import minimum_detectable_difference, minimum_detectable_discordance
from hanka.stats.rank import RankCorrelation, rank_correlation, spearman
from hanka.stats.resampling import Resampled, ResamplingPlan, mean, plan_resampling, resampled
from hanka.stats.verdict import Verdict, verdict

__all__ = [
    "ComparisonSettings",
    "Estimate",
    "Flips",
    "Interval",
    "PairedComparison",
    "RankCorrelation",
    "Resampled",
    "ResamplingPlan",
    "Verdict",
    "bootstrap_interval",
    "compare",
    "compare_resampled",
    "count_flips",
    "estimate",
    "estimate_resampled",
    "expanded_interval",
    "holm",
    "jackknife_t_test",
    "mcnemar_test",
    "mean",
    "minimum_detectable_difference",
    "minimum_detectable_discordance",
    "paired_bootstrap",
    "pareto_front",
    "plan_resampling",
    "rank_correlation",
    "resampled",
    "sign_flip_test",
    "spearman",
    "t_interval",
    "verdict",
    "wilson_interval",
]
