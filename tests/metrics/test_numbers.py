"""The final number of a text: every form that is read, every form that is not, and exact values."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hanka.metrics.numbers import LARGEST, as_float, read_number, written

READ = {
    "The answer is \u22123.": -3,
    "-3": -3,
    "(\u22123)": -3,
    "x=-3": -3,
    "x = - 3": -3,
    "- 3": -3,
    "-$5.50": Fraction(-11, 2),
    "$-5": -5,
    "\u20133": -3,
    "+3": 3,
    "10-3": 3,
    "a)-3": 3,
    "7 - 3": 3,
    "7 -3": -3,
    "well-3": 3,
    "COVID-19": 19,
    "1,234,567": 1234567,
    "1,234.50": Fraction(2469, 2),
    "12\u2019000": 12000,
    "1\u202f000": 1000,
    "1 000": 0,
    "57.00": 57,
    "7.5": Fraction(15, 2),
    ".5": Fraction(1, 2),
    "\u2212.5": Fraction(-1, 2),
    "It is 5.": 5,
    "3/4": Fraction(3, 4),
    "3 / 4": Fraction(3, 4),
    "-3/4": Fraction(-3, 4),
    "1 3/4 cups": Fraction(7, 4),
    "\u00bd": Fraction(1, 2),
    "1\u00bd": Fraction(3, 2),
    "-1\u00bd": Fraction(-3, 2),
    "3\u20444": Fraction(3, 4),
    "50%": Fraction(1, 2),
    "50 %": Fraction(1, 2),
    "12.5 per cent": Fraction(1, 8),
    "5 percent": Fraction(1, 20),
    "5 percentile": 5,
    "1e-3": Fraction(1, 1000),
    "2.5E+2": 250,
    "3 \u00d7 10^5": 300000,
    "2x10^\u22123": Fraction(1, 500),
    "5 * 10**2 apples": 500,
    "6 x 10 = 60": 60,
    "2 and 3, then 4 apples": 4,
    "#### 42": 42,
    "\u7b54\u3048\u306f3\u3067\u3059": 3,
    "\uff11\uff12\uff0e\uff15": Fraction(25, 2),
    "\uff0d\uff15\uff10\uff05": Fraction(-1, 2),
    "1, 2": 2,
    "5kg": 5,
    "x2 is 7": 7,
    "H2O: 18": 18,
    "18 is H2O": 18,
    "\u00e92 or 9": 9,
}

UNREAD = {
    "": "no number",
    "none": "no number",
    "nan": "no number",
    "-inf": "no number",
    "H2O": "no number",
    "a_3": "no number",
    "12,5": "'12,5' is not one plain number",
    "1,2": "not one plain number",
    "1,234,5": "not one plain number",
    "1.2.3": "not one plain number",
    "10:30": "not one plain number",
    "3/4/2024": "not one plain number",
    "10^5": "not one plain number",
    "1/0": "'1/0' divides by zero",
    "1e400": "'1e400' is too large",
    "9" * 101: "too long",
    "5 then 1.2.3": "'1.2.3' is not one plain number",
}


@pytest.mark.parametrize("text", READ)
def test_the_final_number_is_read_exactly(text: str) -> None:
    found = read_number(text)
    assert found.value == READ[text]
    assert found.message == f"read {written(Fraction(READ[text]))}"


@pytest.mark.parametrize("text", UNREAD)
def test_what_is_no_number_or_two_is_not_guessed(text: str) -> None:
    found = read_number(text)
    assert found.value is None
    assert UNREAD[text] in found.message
    assert len(found.message) < 80


@settings(max_examples=200)
@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**9), max_value=10**9, places=6))
def test_a_decimal_is_read_back_and_written_in_one_form(value) -> None:
    wanted = Fraction(value)
    for text in (f"{value:f}", f"{value:,f}", f"the answer: {value:f}.", f"{value:f}0".replace("-", "\u2212")):
        assert read_number(text).value == wanted, text
    assert read_number(written(wanted)).value == wanted


@settings(max_examples=200)
@given(st.fractions(min_value=-(10**6), max_value=10**6))
def test_the_written_form_is_stable_and_within_a_float(value: Fraction) -> None:
    again = read_number(written(value)).value
    assert again is not None
    assert float(again) == pytest.approx(float(value), rel=1e-15)
    assert written(again) == written(value) == f"{written(value)}".lstrip("+")
    assert as_float(written(value)) == float(again)


@settings(max_examples=300)
@given(st.text(st.sampled_from("0123456789.,-/ e%^:x*\u2212\u00bd\uff11\u202f$)a"), max_size=25))
def test_any_text_gives_a_number_or_a_reason_and_never_an_exception(text: str) -> None:
    found = read_number(text)
    assert found.message
    assert "\n" not in found.message
    if found.value is not None:
        assert abs(found.value) <= LARGEST


def test_written_forms() -> None:
    assert [written(Fraction(*one)) for one in ((6, 2), (-1, 8), (1, 3), (0, 5), (10**20, 1), (1, 10**20))] == [
        "3", "-0.125", repr(1 / 3), "0", "1" + "0" * 20, "1e-20",
    ]  # fmt: skip


def test_magnitudes_beyond_the_bound_are_not_read() -> None:
    assert read_number("1e60").value == LARGEST
    assert read_number("-1.1e60").value is None
    assert as_float("1e61") is None
