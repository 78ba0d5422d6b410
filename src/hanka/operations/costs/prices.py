"""The price file: what things cost and what an answer is worth, each with its date and source.

Read by `hanka cost RUN --prices FILE`. A price that is missing makes its line "not priced", never 0; whoever means 0 writes 0. All
money is in one currency. Limits: prices do not change within the period, nothing is discounted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date as Day
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, ValidationError, model_validator

from hanka.declared.messages import first_mistake
from hanka.declared.source import FileKind, Source, read_file
from hanka.errors import HankaError
from hanka.registry import Names, Params

Asked = Literal["prompted", "tuned"]
"prompted: the base model as it is, with or without examples; tuned: what was made of it."
MOST = 1e12
"Of money and of requests: a larger number is a slip, and sums of such numbers have no value."
Money = Annotated[float, Field(ge=0, le=MOST)]
Text = Annotated[str, Field(min_length=1)]


class PriceError(HankaError):
    """The price file is wrong."""


PRICE_FILE = FileKind(
    noun="price",
    error=PriceError,
    keys="`currency:`, `serving:`, `training:` and `value:`",
    missing="`hanka cost --example` prints one",
    empty="`hanka cost --example` prints one to begin with",
)


class Dated(Params):
    """A price with where it comes from."""

    date: Day
    "Day on which it was true, as 2026-11-02."
    source: Text
    "Who says so: an address, an invoice, a person."


class ServingPrice(Dated):
    """What answering costs: by tokens, by the hour of the machine, or by energy."""

    base: str | None = None
    "Base model, as the study names it; without it every base that has no entry of its own."
    asked: Asked | None = None
    "prompted or tuned; without it both."
    per_million_tokens_read: Money | None = None
    "Money; goes with `per_million_tokens_written`."
    per_million_tokens_written: Money | None = None
    "Money; goes with `per_million_tokens_read`."
    per_hour: Money | None = None
    "Money for an hour of the machine that answered in the run; times the seconds that a request took there."
    per_kwh: Money | None = None
    "Money for the energy that the run measured."
    standing_per_month: Money = 0.0
    "Money a month whatever is asked, as of an endpoint that is kept up; nothing unless it is said."

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        tokens = (self.per_million_tokens_read, self.per_million_tokens_written)
        if (tokens[0] is None) != (tokens[1] is None):
            raise ValueError(
                "tokens read and tokens written are priced together; write both, 0 where one of them is free"
            )
        _exactly_one({"per_million_tokens_read": tokens[0], "per_hour": self.per_hour, "per_kwh": self.per_kwh})
        return self


class TrainingPrice(Dated):
    """What training costs: by tokens, by the hour of the machine, or by energy."""

    base: str | None = None
    "Base model, as the study names it; without it every base that has no entry of its own."
    per_million_tokens: Money | None = None
    "Money for tokens of the training rows, every epoch counted."
    per_hour: Money | None = None
    "Money for an hour of the machine that trained in the run."
    per_kwh: Money | None = None
    "Money for the energy that the run measured."

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        _exactly_one(
            {"per_million_tokens": self.per_million_tokens, "per_hour": self.per_hour, "per_kwh": self.per_kwh}
        )
        return self


def _exactly_one(given: dict[str, float | None]) -> None:
    named = [name for name, value in given.items() if value is not None]
    if len(named) != 1:
        said = " and ".join(named) if named else "no price"
        raise ValueError(f"{said} is given; give exactly one of {', '.join(given)}, so that nothing is paid twice")


class LabellingPrice(Dated):
    """What a labelled row costs."""

    per_row: Money
    "Money."


class ByAsking(Params):
    """One number for each way of getting an answer."""

    prompted: Money
    "Of the prompted model."
    tuned: Money
    "Of the tuned one."

    def of(self, asked: Asked) -> float:
        """Return the number of one of them."""
        return self.tuned if asked == "tuned" else self.prompted


class ReviewPrice(Dated):
    """What people do beside the model."""

    per_hour: Money
    "Money for an hour of a reviewer."
    minutes_per_1000_requests: ByAsking
    "Declared; hanka does not measure people."


class MaintenancePrice(Dated):
    """What keeping it running costs."""

    per_month: ByAsking
    "Money a month."


class Value(Dated):
    """What an answer is worth, in one of three ways."""

    per_correct: Money | None = None
    "Money for an answer that is right; where wrong ones cost something, give `by_sample` or `by_label`."
    metric: str | None = None
    "With `per_correct`: metric whose mean counts as the share that is right; without it the task's first that is right or wrong."
    by_sample: str | None = None
    "CSV with `sample_id,right,wrong` (and `test_set` with several): money for each row's right and wrong answer."
    by_label: str | None = None
    "CSV with `target,answer,value`: money for each answer to each target; an empty answer is one that could not be read."

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        ways = {"per_correct": self.per_correct, "by_sample": self.by_sample, "by_label": self.by_label}
        named = [name for name, value in ways.items() if value is not None]
        if len(named) != 1:
            raise ValueError(f"{' and '.join(named) or 'nothing'} is given; give exactly one of {', '.join(ways)}")
        if self.metric is not None and self.by_label is not None:
            raise ValueError("metric says when an answer is right, and by_label needs no such word; leave it out")
        return self


class Volume(Params):
    """What is asked, and for how long it counts."""

    requests_per_month: float = Field(gt=0, le=MOST)
    "Requests."
    months: float = Field(12.0, gt=0, le=1200)
    "Length of the period over which return and break-even are counted."
    trainings: int = Field(1, ge=1, le=1_000_000)
    "Trainings within the period, the first among them."
    test_sets: Names = ()
    "Test sets that stand for the requests, each counting equally; empty: all of the system's own domain."


class Prices(Params):
    """A price file."""

    currency: str = Field(pattern=r"^[A-Z]{3}$")
    "Of all money in the file: three letters of ISO 4217."
    stale_after_days: int = Field(180, ge=1)
    "Days after which a price is called old."
    serving: tuple[ServingPrice, ...] = ()
    "What answering costs."
    training: tuple[TrainingPrice, ...] = ()
    "What training costs."
    labelling: LabellingPrice | None = None
    "What a labelled row costs."
    review: ReviewPrice | None = None
    "What people do beside the model."
    maintenance: MaintenancePrice | None = None
    "What keeping it running costs."
    value: Value | None = None
    "What an answer is worth."
    volume: Volume | None = None
    "What is asked."

    def serving_of(self, base: str, asked: Asked) -> ServingPrice | None:
        """Return the price of answering, the most special one that fits."""
        fitting = [one for one in self.serving if one.base in (None, base) and one.asked in (None, asked)]
        return max(fitting, key=lambda one: (one.base is not None, one.asked is not None), default=None)

    def training_of(self, base: str) -> TrainingPrice | None:
        """Return the price of training, the most special one that fits."""
        fitting = [one for one in self.training if one.base in (None, base)]
        return max(fitting, key=lambda one: one.base is not None, default=None)

    def dated(self) -> list[tuple[str, Dated]]:
        """Return every entry with its key, in the order of the file's keys."""
        found: list[tuple[str, Dated | None]] = [(f"serving.{at}", one) for at, one in enumerate(self.serving)]
        found += [(f"training.{at}", one) for at, one in enumerate(self.training)]
        found += [(name, getattr(self, name)) for name in ("labelling", "review", "maintenance", "value")]
        return [(name, one) for name, one in found if one is not None]


@dataclass(frozen=True, slots=True)
class Old:
    """A price that is called old."""

    key: str
    "Where it stands in the file."
    date: Day
    "Its day."
    n_days: int
    "Days since."


@dataclass(frozen=True, slots=True)
class PriceFile:
    """A price file that was read."""

    path: Path
    "The file; those that it names stand beside it."
    prices: Prices
    "What it says."
    old: tuple[Old, ...] = ()
    "Prices that are older than it allows."


def read_prices(path: Path, today: Day) -> PriceFile:
    """Read a price file. Raises PriceError in one line: file, line, key, value, what is allowed."""
    source = read_file(path, PRICE_FILE)
    try:
        prices = Prices.model_validate(source.values)
    except ValidationError as error:
        raise first_mistake(source, error, Prices) from None
    _refuse_twice(source, "serving", [(one.base, one.asked) for one in prices.serving])
    _refuse_twice(source, "training", [(one.base,) for one in prices.training])
    ages = [(name, one, (today - one.date).days) for name, one in prices.dated()]
    for name, one, days in ages:
        if days < 0:
            key = tuple(int(part) if part.isdecimal() else part for part in name.split("."))
            raise source.error((*key, "date"), f"{one.date} lies in the future; give the day on which it was true")
    old = [Old(key=name, date=one.date, n_days=days) for name, one, days in ages if days > prices.stale_after_days]
    return PriceFile(path=path, prices=prices, old=tuple(old))


def _refuse_twice(source: Source, key: str, which: Sequence[tuple[str | None, ...]]) -> None:
    for at, one in enumerate(which):
        if one in which[:at]:
            said = " ".join(part for part in one if part) or "everything"
            raise source.error((key, at), f"{said} has two prices; keep one")


def example() -> str:
    """Return a price file to begin with."""
    return (files("hanka.operations.costs") / "prices.example.yaml").read_text(encoding="utf-8")
