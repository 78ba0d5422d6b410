"""Statistics: intervals, paired tests, resampling, multiplicity. Pure numpy and scipy.

Nothing here knows metrics or files: input is one row of additive statistics per sample and an aggregate
of their sums. Every random function takes a Generator.
"""

from __future__ import annotations

from hanka.stats.components import Term, degrees_of_freedom, items_term, replicates_term, standard_error
from hanka.stats.forgetting import Flips, beyond_asking_again, count_flips
from hanka.stats.intervals import (
    Estimate,
    Interval,
    bootstrap_interval,
    estimate,
    estimate_resampled,
    exact_clustered_interval,
    exact_interval,
    expanded_interval,
    t_interval,
    wilson_interval,
)
from hanka.stats.paired import (
    ComparisonSettings,
    PairedComparison,
    compare,
    compare_resampled,
    jackknife_t_test,
    normal_quantile,
    sign_flip_test,
    unit_differences,
)
from hanka.stats.pareto import pareto_front
from hanka.stats.power import design_effect, rows_to_exclude, rows_to_show
from hanka.stats.rank import RankCorrelation, RankDifference, rank_correlation, rank_difference, spearman
from hanka.stats.ratio import Moments, ratio_interval
from hanka.stats.resampling import Resampled, ResamplingPlan, mean, plan_resampling, resampled
from hanka.stats.score import PairedGroups, mcnemar_mid_p, paired_groups, score_interval
from hanka.stats.sequential import BettingSpread, Looks, e_value, looked, planned_looks
from hanka.stats.simultaneous import Contributions, Family, equal_shares, family
from hanka.stats.spreads import GroupedScoreSpread, NoSpread, ScoreSpread, Spread, StudentSpread
from hanka.stats.verdict import LEAST_UNITS, Verdict, verdict

__all__ = [
    "LEAST_UNITS",
    "BettingSpread",
    "ComparisonSettings",
    "Contributions",
    "Estimate",
    "Family",
    "Flips",
    "GroupedScoreSpread",
    "Interval",
    "Looks",
    "Moments",
    "NoSpread",
    "PairedComparison",
    "PairedGroups",
    "RankCorrelation",
    "RankDifference",
    "Resampled",
    "ResamplingPlan",
    "ScoreSpread",
    "Spread",
    "StudentSpread",
    "Term",
    "Verdict",
    "beyond_asking_again",
    "bootstrap_interval",
    "compare",
    "compare_resampled",
    "count_flips",
    "degrees_of_freedom",
    "design_effect",
    "e_value",
    "equal_shares",
    "estimate",
    "estimate_resampled",
    "exact_clustered_interval",
    "exact_interval",
    "expanded_interval",
    "family",
    "items_term",
    "jackknife_t_test",
    "looked",
    "mcnemar_mid_p",
    "mean",
    "normal_quantile",
    "paired_groups",
    "pareto_front",
    "plan_resampling",
    "planned_looks",
    "rank_correlation",
    "rank_difference",
    "ratio_interval",
    "replicates_term",
    "resampled",
    "rows_to_exclude",
    "rows_to_show",
    "score_interval",
    "sign_flip_test",
    "spearman",
    "standard_error",
    "t_interval",
    "unit_differences",
    "verdict",
    "wilson_interval",
]
