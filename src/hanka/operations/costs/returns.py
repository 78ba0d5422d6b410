"""What tuning returns against prompting: net value, return, payback, the volumes at which it is cheaper.

Pure arithmetic between charges and pages. Everything is what tuning adds to prompting, in money of one currency; a gain is money per
request, as an interval that the paired difference of a run carries. All of it is monotone in the gain, so an interval's ends
are the results at the gain's ends, and its level is the gain's.

Source: the ratio of net value to cost and the payback time as in any textbook of engineering economics (Park, Contemporary Engineering
Economics, ch. 5); nothing is discounted. Limits: amounts and prices are taken as they are, only the gain is uncertain.
"""

from __future__ import annotations

import math
from typing import NamedTuple

NEVER = math.inf
"A time that does not come, a volume that is not reached."


class Ends(NamedTuple):
    """A number with the ends of its interval."""

    value: float
    low: float
    high: float

    def times(self, factor: float) -> Ends:
        """Return it in another unit. factor: not negative."""
        return Ends(self.value * factor, self.low * factor, self.high * factor)


class Added(NamedTuple):
    """What tuning costs more than prompting; below 0 it costs less."""

    upfront: float
    "Within the period, whatever is asked: labelling, training."
    monthly: float
    "Each month, whatever is asked: maintenance, standing charges."
    per_request: float
    "Each request: serving, review."

    def total(self, requests: float, months: float) -> float:
        """Return the costs of a period. requests: a month."""
        return self.upfront + months * (self.monthly + requests * self.per_request)

    def fixed(self, months: float) -> float:
        """Return what each month of a period costs before anything is asked."""
        return self.upfront / months + self.monthly


class Cheaper(NamedTuple):
    """Volumes at which tuning is cheaper, in requests a month: all between the ends, neither end."""

    above: float
    "0: from the first request."
    below: float
    "inf: there is no upper end."

    def holds(self, requests: float) -> bool:
        """Tell whether tuning is cheaper at a volume."""
        return self.above < requests < self.below


NOWHERE = Cheaper(NEVER, NEVER)
"No volume."


def net_value(added: Added, gain: Ends, requests: float, months: float) -> Ends:
    """Return what is left of the gain of a period after all costs; without any gain exactly minus the costs."""
    costs = added.total(requests, months)
    asked = requests * months
    return Ends(*(one * asked - costs for one in gain))


def return_on_costs(added: Added, gain: Ends, requests: float, months: float) -> Ends | None:
    """Return net value over costs: -1 without any gain; None where tuning costs nothing more, so that there is nothing to divide by."""
    costs = added.total(requests, months)
    if not costs > 0:
        return None
    return Ends(*(one / costs for one in net_value(added, gain, requests, months)))


def payback_months(added: Added, gain: Ends, requests: float) -> Ends:
    """Return after how many months tuning has earned what it cost upfront; NEVER where a month earns nothing.

    The low end is that of the largest gain.
    """
    return Ends(
        *(_payback(added, one, requests) for one in (gain.value, gain.high, gain.low)),
    )


def _payback(added: Added, gain: float, requests: float) -> float:
    monthly = requests * (gain - added.per_request) - added.monthly
    if added.upfront <= 0:
        return 0.0 if monthly >= 0 else NEVER
    return added.upfront / monthly if monthly > 0 else NEVER


def cheaper_volumes(added: Added, gain: float, months: float) -> Cheaper:
    """Return at which volumes tuning is cheaper over a period. gain: money per request; 0: at equal quality."""
    fixed, saving = added.fixed(months), gain - added.per_request
    if saving > 0:
        return Cheaper(max(0.0, fixed / saving), NEVER)
    if fixed >= 0:
        return NOWHERE
    return Cheaper(0.0, NEVER if saving == 0 else fixed / saving)
