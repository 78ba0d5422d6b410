"""The Probe contract: what is measured of a variant beside its answers, against the unwrapped base.

adapt → **probe** → store. A probe is a unit of work after its variant is made; it gets what it needs through
its request and returns rows, which `hanka.store.probes` writes to probes/<id>/. An untrained adapter gives
exactly zero, or the probe's docstring says why not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

from hanka.errors import UnitError
from hanka.identity import content_id
from hanka.recipes.contract import Asks, How
from hanka.records import Example, Prediction, ProbeRow
from hanka.registry import Params

if TYPE_CHECKING:
    from torch import Tensor

Needs: TypeAlias = Literal["weights", "answers", "next_tokens"]
"""What the request must offer: parameters of both; what is written; what may come next, beside what is written. A word more with the first
probe that reads hidden states or attention."""
Whose: TypeAlias = Literal["base", "variant"]
"Who is asked: the variant that is measured, or its base as it is."
AS_IT_IS: Whose = "base"
"The base, unadapted."


class ProbeParams(Params):
    """Parameters of a probe; unknown keys are errors."""


class WeightPair(NamedTuple):
    """One parameter of the base and of the variant."""

    name: str
    "As the base model names it."
    before: Tensor
    "The base's weights, float32."
    after: Tensor
    "The variant's effective weights, float32: what it computes with once adapters are merged."


def no_pairs() -> Iterator[WeightPair]:
    """Stand in where a probe needs no weights."""
    raise UnitError("this probe said that it needs no weights: `needs` must say what it reads")


def no_rows(dataset: str) -> Sequence[Example]:
    """Stand in where a probe reads no data set."""
    raise UnitError(f"data set {dataset} is not among the `sources` of this probe")


def nobody_writes(whose: Whose, rows: Sequence[Example], how: How) -> Sequence[Prediction]:
    """Stand in where a probe asks nothing."""
    raise UnitError(f"the {whose} is not asked: `needs` of this probe must say so")


def nobody_goes_on(whose: Whose, dataset: str, rows: Sequence[Example]) -> Tensor:
    """Stand in where a probe asks for no next tokens."""
    raise UnitError(f"the {whose} is not asked for next tokens: `needs` of this probe must say so")


def of_variants(params: Any) -> tuple[Whose, ...]:
    """Return that every variant with weights of its own is measured, and no base as it is."""
    return ("variant",)


def reads_none(params: Any) -> tuple[str, ...]:
    """Return that a probe reads no data set."""
    return ()


@dataclass(frozen=True, slots=True, eq=False)
class ProbeRequest:
    """One variant to be measured."""

    params: Any
    "The probe's own, validated."
    pairs: Callable[[], Iterator[WeightPair]]
    "Parameters that base and variant share, each tensor once; may be walked again."
    dtype: str
    "In which the base's weights are held: float32, bfloat16, float16."
    rows: Callable[[str], Sequence[Example]] = no_rows
    "Data set → its test rows as they are asked."
    answer: Callable[[Whose, Sequence[Example], How], Sequence[Prediction]] = nobody_writes
    "(whose, rows, how) → what is written for each, in order, zero-shot; asked again, nothing is written twice."
    next_tokens: Callable[[Whose, str, Sequence[Example]], Tensor] = nobody_goes_on
    "(whose, data set, rows) → (rows, vocabulary) log-probabilities in nats of the token behind each row's prompt."


@dataclass(frozen=True, slots=True, eq=False)
class Probe:
    """A diagnostic of a variant against its base."""

    name: str
    "The name a study file uses."
    reference: str
    "Paper."
    description: str
    "One line for `hanka list probes`."
    needs: Needs
    "What its request must offer."
    measure: Callable[[ProbeRequest], list[ProbeRow]]
    "Measure one variant; imports torch when called. Raises UnitError with a reason worth keeping."
    params: type[ProbeParams] = ProbeParams
    "Its parameters."
    whom: Callable[[Any], tuple[Whose, ...]] = of_variants
    "params → who is measured: variants with weights of their own, bases as they are, or both."
    sources: Callable[[Any], tuple[str, ...]] = reads_none
    "params → names of the data sets whose test rows it reads."
    asks: Callable[[Any, str], Asks] | None = None
    "(params, data set) → how much it asks of each row; None: next tokens alone, or nothing."
    version: int = 1
    "Raised by hand when the same weights give other numbers than before."

    def id_for(self, variant_id: str, params: Mapping[str, Any]) -> str:
        """Return the content id of this probe of a variant."""
        known = {"probe": self.name, "version": self.version, "params": dict(params), "variant": variant_id}
        return content_id(known)


__all__ = ["Needs", "Probe", "ProbeParams", "ProbeRequest", "ProbeRow", "WeightPair"]
