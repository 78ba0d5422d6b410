"""The policy of a gate: who is judged against whom, and which rules and guardrails have to hold.

Strict, as a study is: an unknown key is an error with file, line and the nearest name. A rule bounds a metric or its difference, a
guardrail a rate, a time or an amount; each is addressed by relation, task, test set and slice, and what is left out means all.
What names something of a run (a test set, a slice, a metric) is checked when the run is known, in `places.py`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, PrivateAttr, field_validator, model_validator

from hanka.guardrails.limits import Limit, Rate, named_limit
from hanka.operations.judging.spec import AskedJudge, read_judge
from hanka.records import UNADAPTED, Relation
from hanka.registry import Names, Params
from hanka.store.paths import as_path

BOUNDS = ("non_inferior", "gain", "floor", "ceiling")
"What a rule may ask."
AGAINST = ("non_inferior", "gain")
"Those that compare with another system."
RATES = (
    "unparsed", "failed", "empty", "outside_labels", "one_answer", "repeated_text", "label_leakage", "refusals", "unsupported",
    "word_list", "classifier",
)  # fmt: skip
"Guardrails on shares of rows: detectors of `hanka.guardrails`."
AMOUNTS = ("seconds_p95", "tokens", "price")
"Guardrails on what answering takes."


def _one_or_more(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


def _as_text(value: Any) -> Any:
    """Read values of a slice as text: a year is a number in YAML."""
    if isinstance(value, dict):
        return {
            key: str(one) if isinstance(one, int) and not isinstance(one, bool) else one for key, one in value.items()
        }
    return value


class JudgedLimit(Params):
    """An upper bound on what a judge flags."""

    at_most: float = Field(gt=0, lt=1)
    "What the upper bound of the corrected rate has to be below."
    file: str = Field(min_length=1)
    "The judge's file, seen from the policy's folder."
    _asked: AskedJudge | None = PrivateAttr(default=None)

    @property
    def asked(self) -> AskedJudge:
        """Return the judge, once its file was read."""
        assert self._asked is not None
        return self._asked

    def loaded(self, folder: Path) -> JudgedLimit:
        """Return it with its judge. Raises JudgeError in one line."""
        found = self.model_copy()
        found._asked = read_judge(as_path(self.file, folder))
        return found


class SystemSpec(Params):
    """A system: a variant of a run, and how it is asked."""

    variant: str = ""
    "Label, id or the beginning of one; of the candidate, empty: what the run's decision recommends."
    run: str = ""
    "Folder of another run, seen from the policy's folder; empty: the run that is judged."
    shots: int | None = Field(default=None, ge=0)
    "Demonstrations; left out: of the candidate those it is meant to be asked with, of the other the candidate's."
    context: str | None = None
    "Label of the context; likewise."
    prompt: str | None = None
    "Prompt set; likewise."
    draw: int | None = Field(default=None, ge=0)
    "Draw of the demonstrations; likewise."


def _system(value: Any) -> Any:
    return {"variant": value} if isinstance(value, str) else value


class Address(Params):
    """Where a rule applies; what is left out means all test sets of the candidate."""

    name: str = ""
    "What the rule is called; left out: what it asks, in words."
    relation: Annotated[tuple[Relation, ...], BeforeValidator(_one_or_more)] = ()
    "Relations of test sets to what the candidate was trained on."
    task: Names = ()
    "Tasks."
    test: Names = ()
    "Test sets."
    slice: Annotated[dict[str, str], BeforeValidator(_as_text)] = Field(default_factory=dict)
    "Column of the rows → value: `language: ja`; of the length, in characters, a range: `length: 200-` or `12–80`."
    least_rows: int | None = Field(default=None, ge=1)
    "Rows below which the rule is not judged; left out: the policy's."

    @property
    def asks(self) -> str:
        """Name what is asked."""
        raise NotImplementedError

    @property
    def bound(self) -> float:
        """Return the number that is asked for."""
        raise NotImplementedError

    @property
    def title(self) -> str:
        """Return the name, or what it asks and where."""
        return self.name or ", ".join([f"{self.what} {self.bound:g}", *self.relation, *self.where])

    @property
    def where(self) -> tuple[str, ...]:
        """Return tasks, test sets and slice as words."""
        return (*self.task, *self.test, *(f"{column} = {value}" for column, value in self.slice.items()))

    @property
    def what(self) -> str:
        """Name what is asked, with what it is asked of."""
        return self.asks


class Rule(Address):
    """A bound on a metric, or on its difference from the system that the candidate is compared with."""

    non_inferior: float | None = Field(default=None, gt=0)
    "Margin, in units of the metric: by how much less is still as good."
    gain: float | None = Field(default=None, ge=0)
    "Least gain, in units of the metric; 0: any."
    floor: float | None = None
    "What the value has to be above."
    ceiling: float | None = None
    "What the value has to be below."
    metric: str = ""
    "Metric; left out: the primary one of each test set."
    over: Literal["each", "mean"] = "each"
    "each: the rule holds on every test set; mean: on their mean, test sets counting equally."

    @model_validator(mode="after")
    def _has_one_bound(self) -> Rule:
        _exactly_one(self, BOUNDS)
        if self.over == "mean" and self.asks not in AGAINST:
            raise ValueError(f"over: mean goes with {' and '.join(AGAINST)}; a {self.asks} holds on every test set")
        return self

    @property
    def asks(self) -> str:
        """Return which bound it is."""
        return named(self, BOUNDS)[0]

    @property
    def bound(self) -> float:
        """Return the bound as it is written."""
        return float(getattr(self, self.asks))

    @property
    def what(self) -> str:
        """Name the metric, too, where one is named."""
        return f"{self.metric} {self.asks}" if self.metric else self.asks


class Guardrail(Address):
    """An upper bound on a rate, a time or an amount.

    A rate is a share, as in `refusals: 0.02`, or a map with the detector's parameters: `{at_most: 0.02, beginning: 80}`.
    """

    unparsed: Rate = None
    "Share of answered rows in whose output no answer could be read."
    failed: Rate = None
    "Share of asked rows that got no answer."
    empty: Rate = None
    "Share of answered rows whose output has no visible character."
    outside_labels: Rate = None
    "Share of answered rows whose answer is none of the task's labels."
    one_answer: Rate = None
    "Share of answered rows that the commonest answer has: a collapsed output space."
    repeated_text: Rate = None
    "Share of answered rows whose text repeats itself."
    label_leakage: Rate = None
    "Share of answered rows that hold several labels, one of another task, or the list of labels."
    refusals: Rate = None
    "Share of answered rows that say they will not or cannot answer."
    unsupported: Rate = None
    "Share of answered rows with a number, a name or most words that the context does not hold."
    word_list: Rate = None
    "Share of answered rows that hold a word of a list of yours: `{at_most: 0.01, file: words.txt}`."
    classifier: Rate = None
    "Share of answered rows that a linear classifier of yours flags: `{at_most: 0.01, file: harm.json}`."
    judged: JudgedLimit | None = None
    "Share of answered rows that a judge flags, corrected by its errors: `{at_most: 0.02, file: judge/rude.yaml}`."
    detector: Annotated[Limit | None, BeforeValidator(named_limit)] = None
    "Share of answered rows that another package's detector flags: `{name: toxicity, at_most: 0.01}`."
    label_share: dict[str, float] | None = None
    "Label → largest share of answered rows that may get it: `{negative: 0.6}`."
    seconds_p95: float | None = Field(default=None, gt=0)
    "Seconds of a request that 95 in 100 stay below; of served models."
    tokens: float | None = Field(default=None, gt=0)
    "Tokens a row, read and written, on average."
    price: float | None = Field(default=None, gt=0)
    "Price of 1,000 rows, in the currency of the study's prices."

    @field_validator("label_share")
    @classmethod
    def _is_one_share(cls, value: dict[str, float] | None) -> dict[str, float] | None:
        if value is not None and (len(value) != 1 or not 0 < next(iter(value.values())) < 1):
            raise ValueError(f"{value!r}: give one label with a share between 0 and 1, as in {{negative: 0.6}}")
        return value

    @model_validator(mode="after")
    def _has_one_bound(self) -> Guardrail:
        _exactly_one(self, (*RATES, "detector", "judged", "label_share", *AMOUNTS))
        if self.seconds_p95 is not None and (self.relation or self.task or self.test or self.slice):
            raise ValueError(
                "seconds_p95 is of all requests of the candidate; leave out relation, task, test and slice"
            )
        return self

    @property
    def asks(self) -> str:
        """Return which guardrail it is; of another package's detector its name."""
        return self.rate.name if self.rate is not None else named(self, ("judged", "label_share", *AMOUNTS))[0]

    @property
    def rate(self) -> Limit | None:
        """Return the bounded rate, where it is one of a detector."""
        found: Limit | None = next((getattr(self, name) for name in named(self, (*RATES, "detector"))), None)
        return found

    @property
    def label(self) -> str:
        """Return the label that a share is bounded of; empty for other guardrails."""
        return next(iter(self.label_share or {}), "")

    @property
    def bound(self) -> float:
        """Return the bound as it is written."""
        counted = self.rate or self.judged
        if counted is not None:
            return counted.at_most
        return self.label_share[self.label] if self.label_share else float(getattr(self, self.asks))

    @property
    def what(self) -> str:
        """Name the label, too, where there is one."""
        return f"{self.asks} of {self.label}" if self.label else self.asks


class Policy(Params):
    """Everything that has to hold before something ships."""

    candidate: Annotated[SystemSpec, BeforeValidator(_system)] = SystemSpec()
    "What may ship."
    against: Annotated[SystemSpec, BeforeValidator(_system)] = SystemSpec(variant=UNADAPTED)
    "What it is compared with: the base model, another variant, or one of another run."
    alpha: float = Field(default=0.05, gt=0, lt=0.5)
    "Most often that something passes which violates a rule, and that something fails which violates none."
    least_rows: int = Field(default=30, ge=1)
    "Rows below which nothing is judged."
    most_missing: float = Field(default=0.05, ge=0, lt=1)
    "Share of a cell's rows without an answer from which on nothing is judged by the others; guardrail `failed` excepted."
    rules: tuple[Rule, ...] = ()
    "Bounds on metrics."
    guardrails: tuple[Guardrail, ...] = ()
    "Upper bounds on rates and amounts."


def named(model: Address, names: tuple[str, ...]) -> list[str]:
    """Return which of some keys a rule or guardrail gives."""
    return [name for name in names if getattr(model, name) is not None]


def _exactly_one(model: Address, names: tuple[str, ...]) -> None:
    found = named(model, names)
    if len(found) != 1:
        said = "nothing" if not found else " and ".join(found)
        raise ValueError(f"asks {said}; give exactly one of {', '.join(names)} (several rules where several are meant)")
