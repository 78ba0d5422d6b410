"""From simultaneous and pointwise intervals to one word, and never a word that its interval contradicts.

Reading side: the last step of a finding. *better* and *worse*: the simultaneous interval lies beyond 0.
*equivalent*: it lies within ±margin, declared before the run. *leaning*: only the pointwise interval excludes 0, so it
would count if it were the study's only comparison. *undecided*: otherwise. Absence of evidence is never called
equality (Altman & Bland 1995, "Absence of evidence is not evidence of absence").

Source: Schuirmann (1987) for equivalence as two one-sided tests.
"""

from __future__ import annotations

import math
from typing import Literal, TypeAlias

from hanka.stats.intervals import Interval

Verdict: TypeAlias = Literal["better", "worse", "equivalent", "leaning", "undecided", ""]
LEAST_UNITS = 10
"Fewer independent units decide nothing: the t quantile alone rests on normality there."


def verdict(
    simultaneous: Interval | None,
    pointwise: Interval | None,
    margin: float,
    higher_is_better: bool | None,
    n_units: int = LEAST_UNITS,
) -> Verdict:
    """Judge a difference, in score units, by its intervals.

    margin: half-width of what counts as equal, not negative; 0: nothing does. Empty for a descriptive metric; undecided
    where the rows support no interval, or are fewer than LEAST_UNITS independent units. Better and worse go before equivalent: a difference may be both
    shown and small, and `delta` says how small. Raises ValueError for a negative margin or an end that is NaN.
    """
    if not margin >= 0:
        raise ValueError(f"margin {margin}: must not be negative")
    if higher_is_better is None:
        return ""
    if simultaneous is None or pointwise is None or n_units < LEAST_UNITS:
        return "undecided"
    if any(math.isnan(end) for end in (*simultaneous, *pointwise)):
        raise ValueError(f"intervals {tuple(simultaneous)} and {tuple(pointwise)}: an end is no number")
    if simultaneous.low > 0 or simultaneous.high < 0:
        return "better" if (simultaneous.low > 0) == higher_is_better else "worse"
    if -margin < simultaneous.low and simultaneous.high < margin:
        return "equivalent"
    return "leaning" if pointwise.low > 0 or pointwise.high < 0 else "undecided"
