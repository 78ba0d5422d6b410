"""Levels of knowledge: bins of the share of samples that are right.

    level 0: R = 0;  level i: R in ((i-1)/4, i/4], i = 1..4

Known where facts are drawn by level and where results are read by it, so that both have the same edges.
Source: Ye et al., arXiv 2409.15825.
"""

from __future__ import annotations

import math

LEVELS = 5
"Levels, 0 to 4."


def level_of(share: float) -> int:
    """Return the level of a share of samples. Raises ValueError for what is no share."""
    if not 0 <= share <= 1:  # NaN is not, either
        raise ValueError(f"a share of {share}: it must be from 0 to 1")
    return math.ceil(share * (LEVELS - 1))
