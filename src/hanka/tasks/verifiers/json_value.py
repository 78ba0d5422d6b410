"""Answers that are JSON: the first value of an output, compared by structure.

The value may stand in a code fence or between words; order of keys and white space do not matter, 1 and 1.0 are
equal, 1 and true are not. Read is an object or a list; another value only where it is the whole answer.
Source: RFC 8259. NaN, Infinity and objects that name a key twice are no answers.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from decimal import Decimal
from typing import Any, Literal, NoReturn

from hanka.records import Judgement
from hanka.tasks.verifiers.contract import Output, Verifier, VerifierParams

BEGINS = re.compile(r"[\[{]")
MOST_BEGINNINGS = 200
"Places at which a value is looked for."


class JsonParams(VerifierParams):
    """What is asked of the value."""

    required: tuple[str, ...] = ()
    "Keys that the value must have to be an answer."
    compare: Literal["whole", "keys"] = "whole"
    "whole: right where all is equal; keys: the share of the reference's keys whose values are equal."


def _refuse(word: str) -> NoReturn:
    raise ValueError(f"{word} is no JSON value")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("an object names a key twice")
    return found


DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_constant=_refuse, parse_float=Decimal, parse_int=lambda text: Decimal(text)
)


UNREADABLE = (ValueError, RecursionError, ArithmeticError)
"What a decoder raises: no JSON, nested too deeply, an exponent beyond all bounds."


def first_value(text: str) -> Any:
    """Return the first JSON value of a text. Raises ValueError where there is none."""
    try:
        return DECODER.decode(text)
    except UNREADABLE:
        pass
    for count, begin in enumerate(BEGINS.finditer(text)):
        if count == MOST_BEGINNINGS:
            break
        try:
            return DECODER.raw_decode(text, begin.start())[0]
        except UNREADABLE:
            continue
    raise ValueError("no JSON value in the output")


def first_difference(found: Any, wanted: Any, place: str = "$") -> str:
    """Say where and how two values first differ, by JSONPath; empty where they are equal."""
    if isinstance(wanted, dict) and isinstance(found, dict):
        for key in wanted:
            if key not in found:
                return f"{place}.{key} is missing"
        extra = next((key for key in found if key not in wanted), None)
        if extra is not None:
            return f"{place}.{extra} is not in the reference"
        return _first(first_difference(found[key], wanted[key], f"{place}.{key}") for key in wanted)
    if isinstance(wanted, list) and isinstance(found, list):
        pairs = enumerate(zip(found, wanted, strict=False))
        inside = _first(first_difference(*pair, f"{place}[{index}]") for index, pair in pairs)
        if not inside and len(found) != len(wanted):
            return f"{place} has {len(found)} items, not {len(wanted)}"
        return inside
    if type(found) is not type(wanted) or found != wanted:
        return f"{place} is {_shown(found)}, not {_shown(wanted)}"
    return ""


def _first(differences: Iterable[str]) -> str:
    return next((one for one in differences if one), "")


def _shown(value: Any) -> str:
    text = canonical_json(value)
    return text if len(text) <= 40 else text[:39] + "…"


def canonical_json(value: Any) -> str:
    """Write a value with sorted keys, no white space, and numbers in one form."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(key, ensure_ascii=False)}:{canonical_json(value[key])}" for key in sorted(value)) + "}"  # fmt: skip
    if isinstance(value, list):
        return "[" + ",".join(map(canonical_json, value)) + "]"
    if isinstance(value, Decimal):
        return _number(value)
    return json.dumps(value, ensure_ascii=False)


def _number(value: Decimal) -> str:
    if not value:
        return "0"
    plain = value.normalize()
    return f"{plain:f}" if -20 < plain.adjusted() < 20 else str(plain)


def verify_json(output: Output, params: JsonParams) -> Judgement:
    """Read the first value before the first stop. Raises ValueError where the target is no JSON."""
    try:
        wanted = DECODER.decode(output.target)
    except UNREADABLE as error:
        raise ValueError(f"target {output.target[:40]!r} is no JSON value: {error}") from None
    try:
        return _judged(first_value(output.answer), wanted, params)
    except ValueError as error:
        return Judgement(None, 0.0, str(error))
    except RecursionError:
        return Judgement(None, 0.0, "the value is nested too deeply")


def _judged(found: Any, wanted: Any, params: JsonParams) -> Judgement:
    missing = [key for key in params.required if not isinstance(found, dict) or key not in found]
    if missing:
        return Judgement(None, 0.0, f"required key {missing[0]!r} is missing")
    difference = first_difference(found, wanted)
    return Judgement(canonical_json(found), _reward(found, wanted, difference, params), difference or "equal")


def _reward(found: Any, wanted: Any, difference: str, params: JsonParams) -> float:
    if params.compare == "whole" or not isinstance(wanted, dict) or not wanted or not isinstance(found, dict):
        return float(not difference)
    equal = [key in found and not first_difference(found[key], wanted[key]) for key in wanted]
    return sum(equal) / len(equal)


JSON = Verifier(
    name="json",
    reference="RFC 8259; the first value before the first stop, by structure",
    description="the first JSON value of an output",
    verify=verify_json,
    params=JsonParams,
)
