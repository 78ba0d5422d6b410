"""The Probe contract: what is measured of a variant beside its answers, against the unwrapped base.

adapt → **probe** → store. A probe is a unit of work after its variant is made; it gets what it needs through
its request and returns rows, which `hanka.store.probes` writes to probes/<id>/. An untrained adapter gives
exactly zero, or the probe's docstring says why not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

from hanka.identity import content_id
from hanka.records import ProbeRow
from hanka.registry import Params

if TYPE_CHECKING:
    from torch import Tensor

Needs: TypeAlias = Literal["weights"]
"What the request must offer; a word more with the first probe that reads hidden states or attention."


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


@dataclass(frozen=True, slots=True, eq=False)
class ProbeRequest:
    """One variant to be measured."""

    params: ProbeParams
    "The probe's own, validated."
    pairs: Callable[[], Iterator[WeightPair]]
    "Parameters that base and variant share, each tensor once; may be walked again."
    dtype: str
    "In which the base's weights are held: float32, bfloat16, float16."


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
    version: int = 1
    "Raised by hand when the same weights give other numbers than before."

    def id_for(self, variant_id: str, params: Mapping[str, Any]) -> str:
        """Return the content id of this probe of a variant: its folder under probes/."""
        known = {"probe": self.name, "version": self.version, "params": dict(params), "variant": variant_id}
        return content_id(known)


__all__ = ["Needs", "Probe", "ProbeParams", "ProbeRequest", "ProbeRow", "WeightPair"]
