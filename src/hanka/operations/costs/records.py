"""What a ledger holds: systems with what they took, comparisons of tuned systems with prompting, and what none could rest on."""

from __future__ import annotations

from dataclasses import dataclass

from hanka.analysis.amounts import Amounts, Serving
from hanka.analysis.contrasts import Contrast
from hanka.analysis.pooling import Asked, System
from hanka.operations.costs.charges import Charges, Why
from hanka.operations.costs.prices import Asked as Way
from hanka.operations.costs.prices import PriceFile
from hanka.operations.costs.returns import Added, Cheaper, Ends


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """A system at an asking: what it took, and what that costs."""

    amounts: Amounts
    charges: Charges | None
    "None without a price file."


@dataclass(frozen=True, slots=True)
class Lacking:
    """Why a comparison has no money."""

    line: str
    "Line of a bill, or value, volume, interval."
    way: Way | None
    "Whose line it is; None: of both."
    why: Why
    "As the line says; empty: it is not stated at all."


@dataclass(frozen=True, slots=True)
class Returns:
    """What tuning returns over the period; each with the ends that the gain's interval gives."""

    gain: Ends
    "Money a request."
    net: Ends
    "Money over the period, after all costs."
    on_costs: Ends | None
    "Net over costs; None where tuning costs nothing more."
    payback: Ends
    "Months; `NEVER` where a month earns nothing."
    cheaper: tuple[Cheaper, Cheaper, Cheaper]
    "Volumes at which it is cheaper, the quality counted: at the gain, and at the ends of its interval."


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """A tuned system against the prompted model at one asking."""

    task: str
    system: System
    asked: Asked
    "How the system is asked."
    rival: str
    "Base model that is prompted."
    rival_asked: Asked
    "How it is asked."
    tests: tuple[str, ...]
    contrast: Contrast | None
    "In what answers are worth, or in the share that is right; None where the task tells no right from wrong."
    metric: str
    "What it is in: a metric, or `value` in money."
    difference: Ends | None
    "In that unit, with its simultaneous interval; None where the rows support none."
    serving: tuple[Serving, Serving]
    "What answering took on these cells: the system, the rival."
    added: Added | None
    "What tuning costs more; None where a line is not priced."
    equal: Cheaper | None
    "Volumes at which tuning is cheaper at equal quality."
    returns: Returns | None
    lacking: tuple[Lacking, ...]
    "What returns lack."


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A comparison that was planned and lacks the cells of a side on a test set."""

    system: System
    "The tuned system."
    label: str
    "Whose cells they are: its own entry, or what it is compared with."
    asked: Asked
    "How it was to be asked."
    test: str
    "Test set."


@dataclass(frozen=True, slots=True)
class Totals:
    """What the whole study took: every training and every cell."""

    n_trained: int
    training_seconds: float
    n_cells: int
    answering_seconds: float


@dataclass(frozen=True, slots=True, eq=False)
class Ledger:
    """All of it."""

    study: str
    "Name of the study."
    file: PriceFile | None
    "Prices; None: amounts alone."
    entries: tuple[Entry, ...]
    comparisons: tuple[Comparison, ...]
    level: float
    "At which all intervals of gains hold together."
    local_level: float
    "Of each of them."
    totals: Totals
    left_out: tuple[str, ...]
    "Tuned systems without a finished cell in their own domain."
    unfinished: tuple[Unfinished, ...]
    "What no comparison rests on although it was planned; no system that it is of is said to pay."
