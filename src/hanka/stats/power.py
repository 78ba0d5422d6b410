"""What a paired comparison could have seen: the minimum detectable difference.

Reading side: a "tied" verdict means little without the size of a difference that would have been found.

The usual case starts from the standard deviation of the paired differences. Where no pair differs, that
deviation is 0 and says nothing: n pairs without discordance still allow a rate of up to about 3/n
(Hanley & Lippman-Hand 1983). The fallback asks the exact sign test instead: how large a share of pairs must
differ, all in one direction, to reach significance with the wanted power? That needs at least 6 discordant
pairs at alpha 0.05, so the answer is about 7.9/n, and it takes each such pair to differ by the whole
`span`. It is conservative: smaller but more even differences are seen sooner.

Source: Cohen (1988), Statistical Power Analysis, ch. 2; McNemar (1947) in its exact form. Limits:
observed standard deviations are used, as a planning figure for the next study, not as "observed power".
"""

from __future__ import annotations

import math
from functools import lru_cache

from scipy import special


def minimum_detectable_difference(sd: float, n: int, alpha: float = 0.05, power: float = 0.8) -> float:
    """Smallest mean difference that a two-sided paired t test finds with the wanted power.

    sd: of the paired differences, ddof = 1, in score units, at least 0; n: pairs, or clusters with the
    deviation of their pseudo-values. Uses the non-central t distribution. Raises ValueError if n < 2.
    Source: Cohen (1988), ch. 2.
    """
    _require_rates(alpha, power)
    if n < 2 or not sd >= 0:
        raise ValueError(f"sd {sd} of {n} differences: need n of at least 2 and an sd of at least 0")
    return _noncentrality(n - 1, alpha, power) * sd / math.sqrt(n)


def minimum_detectable_discordance(n: int, alpha: float = 0.05, power: float = 0.8) -> float:
    """Smallest share of pairs, all changed in one direction, that the exact sign test finds with the wanted power.

    n: independent pairs. Returns a share, or inf where even n changed pairs are not significant.
    Raises ValueError if n < 2. Source: module docstring.
    """
    _require_rates(alpha, power)
    if n < 2:
        raise ValueError(f"{n} pairs: at least 2 are needed")
    needed = smallest_significant_count(alpha)
    if n < needed:
        return math.inf
    return float(special.betaincinv(needed, n - needed + 1, power))  # P(Binomial(n, share) ≥ needed) = power


def smallest_significant_count(alpha: float) -> int:
    """Return how many discordant pairs in one direction give an exact two-sided p of at most alpha: 6 at 0.05."""
    return math.ceil(1 - math.log2(alpha))


@lru_cache(maxsize=1024)
def _noncentrality(df: int, alpha: float, power: float) -> float:
    """Noncentrality at which P(T > critical value) is the power; the far tail is below 1e-6 and left out."""
    critical = special.stdtrit(df, 1 - alpha / 2)
    return float(special.nctdtrinc(df, 1 - power, critical))


def _require_rates(alpha: float, power: float) -> None:
    if not 0 < alpha < power < 1:
        raise ValueError(f"alpha {alpha}, power {power}: need 0 < alpha < power < 1")
