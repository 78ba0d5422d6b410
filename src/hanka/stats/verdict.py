"""From a difference and its adjusted p-value to one word.

Reading side: the last step of a finding. "tied" means that no difference was shown, not that none
exists; report it with the interval and the minimum detectable difference.
"""

from __future__ import annotations

import math
from typing import Literal, TypeAlias

Verdict: TypeAlias = Literal["better", "worse", "tied", ""]


def verdict(delta: float | None, p_adjusted: float | None, alpha: float, higher_is_better: bool | None) -> Verdict:
    """Judge a variant against its base: better, worse or tied.

    delta: variant minus base, in score units. Empty where there is nothing to judge: no difference or
    p-value (None or NaN), or a descriptive metric (higher_is_better None). Significant means
    p_adjusted < alpha. Raises ValueError unless 0 < alpha < 1.
    """
    if not 0 < alpha < 1:
        raise ValueError(f"alpha {alpha}: must lie between 0 and 1, for example 0.05")
    if delta is None or p_adjusted is None or higher_is_better is None:
        return ""
    if math.isnan(delta) or math.isnan(p_adjusted):
        return ""
    if p_adjusted >= alpha or delta == 0:
        return "tied"
    return "better" if (delta > 0) == higher_is_better else "worse"
