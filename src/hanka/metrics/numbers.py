"""Text to one exact number: the final number that stands in an output.

Used by the verifier `number` and by the metrics of regressions, so that what counts as a number is said
once. Values are exact fractions: 57.00 is 57, 0.1 + 0.2 is 0.3. Strict: a sign or a point is never dropped,
and what could be read in two ways (`12,5`, `1.2.3`, `10:30`, `3/4/2024`) is no number, with the reason.

Read are a sign (also U+2212) that no letter or digit stands before, so that the 3 of `10-3` is positive;
commas, apostrophes and no-break or thin spaces between groups of three; a decimal point; `3/4`, `1 3/4`, `½`;
`1e-3`, `3 × 10^5`; `50 %` as 0.5. A number inside a word (`H2O`, `x2`) is none, nor are nan and inf.
Limits: a decimal comma is not read; a plain space ends a number; million, k and the like are not applied.
"""

from __future__ import annotations

import re
import unicodedata
from decimal import Context
from fractions import Fraction
from typing import NamedTuple

from hanka.metrics.tokenization import is_unspaced

MOST_CHARACTERS = 100
"Of one number; longer runs of digits are no answer to a question."
LARGEST = Fraction(10) ** 60
"Larger magnitudes are not read: their squares would leave the range of floats."
FULL_WIDTH = str.maketrans("\uff10\uff11\uff12\uff13\uff14\uff15\uff16\uff17\uff18\uff19\uff0b\uff0d\uff0e\uff0c\uff05\uff0f", "0123456789+-.,%/")  # fmt: skip
MINUS = "-\u2212\u2013\ufe63"
GROUP = ",'\u2019\u00a0\u2009\u202f"
WHOLE = rf"(?:\d{{1,3}}(?:[{GROUP}]\d{{3}})+|\d+)"
PLAIN = re.compile(rf"(?P<whole>{WHOLE})?(?:\.(?P<part>\d+))?(?:[eE](?P<exponent>[+\-\u2212]?\d{{1,3}}))?")
RATIO = re.compile(rf"(?:(?P<whole>{WHOLE}) )?(?P<top>{WHOLE})/(?P<bottom>{WHOLE})")
RUN = re.compile(
    rf"(?:{WHOLE} (?=\d+\s?/\s?\d))?(?:\d|\.(?=\d))"
    rf"(?:\d|[.:^{GROUP}](?=\d)|\s?/\s?(?=\d)|[eE][+\-\u2212]?(?=\d))*"
)
POWER = re.compile(r"\s?[×x*·]\s?10(?:\^|\*\*)(?P<exponent>[+\-\u2212]?\d{1,3})")
PER_CENT = re.compile(r"\s?(?:%|per\s?cent\b)", re.IGNORECASE)


class Reading(NamedTuple):
    """What was read as the final number."""

    value: Fraction | None
    "The number, exactly; None where there is none."
    message: str
    "What was read, or why nothing was."


def read_number(text: str) -> Reading:
    """Read the final number of a text; see the module docstring."""
    clean = _fractions_spelt(text.translate(FULL_WIDTH))
    runs = [run for run in RUN.finditer(clean) if not _inside_a_word(clean, run.start())]
    # What a power of ten is written with is no number of its own.
    powers = [power.span() for run in runs if (power := POWER.match(clean, run.end()))]
    runs = [run for run in runs if not any(low <= run.start() < high for low, high in powers)]
    if not runs:
        return Reading(None, "no number in the output")
    run = runs[-1]
    found = _value(run[0])
    if isinstance(found, str):
        return Reading(None, found)
    end = run.end()
    if power := POWER.match(clean, end):
        found *= Fraction(10) ** _exponent(power["exponent"])
        end = power.end()
    if PER_CENT.match(clean, end):
        found /= 100
    value = -found if _is_negative(clean, run.start()) else found
    if abs(value) > LARGEST:
        return Reading(None, f"{_short(run[0])!r} is too large to be read")
    return Reading(value, f"read {written(value)}")


def written(value: Fraction) -> str:
    """Write a number in its one canonical form: plain decimals where they end, else the nearest float's."""
    if value.denominator == 1:
        return str(value.numerator)
    decimal = Context(prec=30).divide(value.numerator, value.denominator)
    if Fraction(decimal) != value or value.denominator > 10**12:
        near = float(value)
        return str(int(near)) if near.is_integer() else repr(near)
    return f"{decimal:f}"


def as_float(text: str) -> float | None:
    """Read a canonical answer or a target as a float; None where it is no number."""
    value = read_number(text).value
    return None if value is None else float(value)


def _value(run: str) -> Fraction | str:
    """Return the magnitude of a run of digits and marks, or why it is not one number."""
    if len(run) > MOST_CHARACTERS:
        return f"{_short(run)!r} is too long for a number"
    if plain := PLAIN.fullmatch(run):
        digits = _digits(plain["whole"] or "0")
        value = Fraction(f"{digits}.{plain['part'] or '0'}")
        return value * Fraction(10) ** _exponent(plain["exponent"] or "0")
    if ratio := RATIO.fullmatch(re.sub(r"\s?/\s?", "/", run)):
        top, bottom = int(_digits(ratio["top"])), int(_digits(ratio["bottom"]))
        if bottom == 0:
            return f"{run!r} divides by zero"
        return int(_digits(ratio["whole"] or "0")) + Fraction(top, bottom)
    return f"{_short(run)!r} is not one plain number"


def _digits(text: str) -> str:
    return re.sub(rf"[{GROUP}]", "", text)


def _exponent(text: str) -> int:
    return int(text.replace("\u2212", "-"))


def _short(run: str) -> str:
    return run if len(run) <= 30 else run[:29] + "…"


def _fractions_spelt(text: str) -> str:
    """Spell ½ as 1/2, with a space after a digit: 1½ is 1 1/2."""
    if text.isascii():
        return text
    parts: list[str] = []
    for place, char in enumerate(text):
        if unicodedata.decomposition(char).startswith("<fraction>"):
            gap = " " if place and text[place - 1].isdigit() else ""
            parts.append(gap + unicodedata.normalize("NFKC", char).replace("\u2044", "/"))
        else:
            parts.append("/" if char == "\u2044" else char)
    return "".join(parts)


def _inside_a_word(text: str, start: int) -> bool:
    """Tell whether a letter stands right before; scripts without spaces have no such words."""
    before = text[start - 1 : start]
    return before == "_" or (before.isalpha() and not is_unspaced(before))


def _is_negative(text: str, start: int) -> bool:
    """Tell whether a minus belongs to the number at `start`; a currency sign may stand between."""
    at = start
    if at and unicodedata.category(text[at - 1]) == "Sc":
        at -= 1
    if at and text[at - 1] in MINUS:
        before = text[: at - 1][-1:]
        return not (before.isalnum() and not is_unspaced(before)) and before not in (")", "]")
    apart = text[:at].rstrip()
    # A minus that stands apart is a sign only where nothing to subtract from can stand.
    return apart[-1:] in tuple(MINUS) and apart[:-1].rstrip()[-1:] in ("", "=", ":", "(")
