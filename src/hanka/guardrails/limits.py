"""Upper bounds on rates, as policies, stages and settings write them: a share, or a map with the detector's parameters.

refusals: 0.02
word_list: {at_most: 0.01, file: words.txt}
detector: {name: toxicity, at_most: 0.01}      # of another package
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, TypeAlias

from pydantic import BeforeValidator, Field, SerializeAsAny, ValidationError, ValidationInfo

from hanka.errors import HankaError, nearest
from hanka.guardrails import DETECTORS
from hanka.guardrails.contract import Detector, DetectorParams
from hanka.registry import Params

BOUND = "at_most"


class Limit(Params):
    """An upper bound on what a detector flags."""

    name: str
    "The detector."
    at_most: float = Field(gt=0, lt=1)
    "What the upper bound of the rate has to be below."
    params: SerializeAsAny[DetectorParams]
    "The detector's parameters."

    @property
    def detector(self) -> Detector:
        """Return the detector."""
        return DETECTORS.get(self.name)

    def loaded(self, folder: Path) -> Limit:
        """Return it with the content of the files that it names. Raises HankaError in one line."""
        return self.model_copy(update={"params": loaded(self.detector, self.params, folder)})


def loaded(detector: Detector, params: DetectorParams, folder: Path) -> DetectorParams:
    """Return parameters with the content of the files that they name, seen from a folder. Raises HankaError in one line."""
    if detector.load is None:
        return params
    found: DetectorParams = detector.load(params, folder)
    return found


def params_of(name: str, values: Mapping[str, Any]) -> DetectorParams:
    """Read the parameters of a detector. Raises ValueError in one line, with the nearest name of an unknown key."""
    detector = DETECTORS.get(name)
    try:
        return detector.params.model_validate(dict(values))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        if first["type"] == "extra_forbidden":
            known = (BOUND, *detector.params.model_fields)
            raise ValueError(f"unknown key {where!r} of {name}: {nearest(where, known)}") from None
        said = str(first.get("ctx", {}).get("error", first["msg"]))
        raise ValueError(f"{where}: {said}" if where else said) from None


def limit_of(name: str, value: Any) -> Limit:
    """Read one limit. Raises ValueError in one line."""
    given = dict(value) if isinstance(value, Mapping) else {BOUND: value}
    if BOUND not in given:
        raise ValueError(f"the bound is missing; write `{name}: {{{BOUND}: 0.02, …}}`")
    bound = given.pop(BOUND)
    if isinstance(bound, bool) or not isinstance(bound, (int, float)) or bound != bound:
        raise ValueError(f"{bound!r} is not a number; give a share, as in 0.02")
    if not 0 < bound < 1:
        raise ValueError(f"{bound!r} is out of range: give a number {'> 0' if bound <= 0 else '< 1'}")
    return Limit(name=name, at_most=bound, params=params_of(name, given))


def _limit(value: Any, info: ValidationInfo) -> Any:
    return value if value is None or isinstance(value, Limit) else limit_of(str(info.field_name), value)


def named_limit(value: Any) -> Any:
    """Read the limit of a detector that is named inside: `{name: toxicity, at_most: 0.01}`."""
    if value is None or isinstance(value, Limit):
        return value
    if not isinstance(value, Mapping) or not isinstance(value.get("name"), str):
        raise ValueError(f"{value!r} names no detector; write {{name: …, {BOUND}: 0.01}}")
    name = value["name"]
    if name not in DETECTORS:
        raise ValueError(f"unknown guardrail {name!r}: {nearest(name, DETECTORS.names())}")
    return limit_of(name, {key: one for key, one in value.items() if key != "name"})


def limits(value: Any) -> Any:
    """Read a map from detector to limit: `{refusals: 0.02, word_list: {at_most: 0.01, file: words.txt}}`."""
    if not isinstance(value, Mapping):
        raise ValueError(f"{value!r} is no map from guardrail to bound, as in {{refusals: 0.02}}")
    found = {}
    for name, one in value.items():
        if name not in DETECTORS:
            raise ValueError(f"unknown guardrail {name!r}: {nearest(str(name), DETECTORS.names())}")
        try:
            found[name] = one if isinstance(one, Limit) else limit_of(name, one)
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None
    return found


def with_files(given: Mapping[str, Limit], folder: Path) -> dict[str, Limit]:
    """Return limits with the content of the files that they name. Raises HankaError in one line that names the guardrail."""
    found = {}
    for name, one in given.items():
        try:
            found[name] = one.loaded(folder)
        except HankaError as error:
            raise HankaError(f"{name}: {error}") from None
    return found


Rate: TypeAlias = Annotated[Limit | None, BeforeValidator(_limit)]
"A field of a model that has a detector's name."
Rates: TypeAlias = Annotated[dict[str, Limit], BeforeValidator(limits)]
"A map from detector to limit."
